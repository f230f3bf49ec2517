// The device side of the bus: which device answers at an address, and the look at all devices between instructions.
//
// RAM and ROM are not here: the CPU reaches them itself. Inside a device's window an unknown offset reads as zero and ignores
// writes (RAZ/WI); outside of every window, and in the window of an optional device that the partition does not have, an access
// sets busFaulted and the CPU takes an external abort.

import { CONFIG_DEVICES, DEVICE_WATCHDOG, STATS_MMIO_READS, STATS_MMIO_WRITES } from "../../abi/layout";
import {
  BANK1,
  BANK_BYTES,
  FW_CFG,
  FW_CFG_BYTES,
  GIC_CPU_INTERFACE,
  GIC_CPU_INTERFACE_ANSWERS,
  GIC_DISTRIBUTOR,
  GIC_DISTRIBUTOR_ANSWERS,
  PCIE,
  PCIE_BYTES,
  PERIPHERAL_BYTES,
  PL011,
  PL031,
  PL061,
  SP805,
  VIRTIO,
  VIRTIO_STRIDE,
  VIRTIO_WINDOW_SLOTS,
} from "../memory-map";
import { memoryAt } from "../pages";
import { channelReset } from "./channel";
import { clockReset, clockTicks } from "./clock";
import { flashPresent, flashRead, flashReset, flashWrite } from "./flash";
import { fwCfgContinue, fwCfgPresent, fwCfgRead, fwCfgReset, fwCfgWrite } from "./fw-cfg";
import { gicCpuRead, gicCpuWrite, gicDistributorRead, gicDistributorWrite, gicReset } from "./gic";
import { pl011Deadline, pl011Read, pl011Reset, pl011Tick, pl011Write } from "./pl011";
import { pl031Deadline, pl031Read, pl031Reset, pl031Tick, pl031Write } from "./pl031";
import { pl061Deadline, pl061Read, pl061Reset, pl061Tick, pl061Write } from "./pl061";
import { pmuReset, pmuTick } from "./pmu";
import { sp805Deadline, sp805Read, sp805Reset, sp805Tick, sp805Write } from "./sp805";
import { timerDeadline, timerReset, timerTick } from "./timer";
import { mmioRead, mmioReset, mmioTick, mmioWrite } from "./virtio/mmio";
import { slotsContinue } from "./virtio/slots";
import { WORK_ACCESS, work } from "./work";

const FLASH_END: u32 = BANK1 + BANK_BYTES;
const VIRTIO_BYTES: u32 = VIRTIO_WINDOW_SLOTS * VIRTIO_STRIDE;

/** True after an access that no device answered; valid until the next access. No state: the CPU looks at once. */
export let busFaulted: bool = false;

/** Reads 1, 2 or 4 bytes at a naturally aligned guest physical address. */
export function busRead(address: u32, size: u32): u32 {
  busFaulted = false;
  work(WORK_ACCESS);
  store<u64>(STATS_MMIO_READS, load<u64>(STATS_MMIO_READS) + 1);
  const offset = address & 0xffff;
  switch (address >>> 16) {
    case GIC_DISTRIBUTOR >>> 16:
      if (offset < GIC_DISTRIBUTOR_ANSWERS) return gicDistributorRead(offset, size);
      break;
    case GIC_CPU_INTERFACE >>> 16:
      if (offset < GIC_CPU_INTERFACE_ANSWERS) return gicCpuRead(offset, size);
      break;
    case PL011 >>> 16:
      if (offset < PERIPHERAL_BYTES) return busLane(pl011Read(offset & ~3), offset, size);
      break;
    case PL031 >>> 16:
      if (offset < PERIPHERAL_BYTES) return busLane(pl031Read(offset & ~3), offset, size);
      break;
    case FW_CFG >>> 16:
      if (offset < FW_CFG_BYTES && fwCfgPresent()) return fwCfgRead(offset, size);
      break;
    case PL061 >>> 16:
      if (offset < PERIPHERAL_BYTES) return busLane(pl061Read(offset & ~3), offset, size);
      break;
    case SP805 >>> 16:
      if (offset < PERIPHERAL_BYTES && busHas(DEVICE_WATCHDOG)) return busLane(sp805Read(offset & ~3), offset, size);
      break;
    case VIRTIO >>> 16:
      if (offset < VIRTIO_BYTES) return mmioRead(offset / VIRTIO_STRIDE, offset & (VIRTIO_STRIDE - 1), size);
      break;
    default:
      if (address < FLASH_END && flashPresent()) return flashRead(address, size);
      // A PCIe host bridge without devices answers with ones.
      if (address - PCIE < PCIE_BYTES) return size == 4 ? ~0 : (1 << (size << 3)) - 1;
  }
  busFaulted = true;
  return 0;
}

/** Writes 1, 2 or 4 bytes at a naturally aligned guest physical address. */
export function busWrite(address: u32, value: u32, size: u32): void {
  busFaulted = false;
  work(WORK_ACCESS);
  store<u64>(STATS_MMIO_WRITES, load<u64>(STATS_MMIO_WRITES) + 1);
  if (size < 4) value &= (1 << (size << 3)) - 1;
  const offset = address & 0xffff;
  switch (address >>> 16) {
    case GIC_DISTRIBUTOR >>> 16:
      if (offset < GIC_DISTRIBUTOR_ANSWERS) return gicDistributorWrite(offset, value, size);
      break;
    case GIC_CPU_INTERFACE >>> 16:
      if (offset < GIC_CPU_INTERFACE_ANSWERS) return gicCpuWrite(offset, value);
      break;
    case PL011 >>> 16:
      if (offset < PERIPHERAL_BYTES) return pl011Write(offset, value);
      break;
    case PL031 >>> 16:
      if (offset < PERIPHERAL_BYTES) return pl031Write(offset, value);
      break;
    case FW_CFG >>> 16:
      if (offset < FW_CFG_BYTES && fwCfgPresent()) return fwCfgWrite(offset, value, size);
      break;
    case PL061 >>> 16:
      if (offset < PERIPHERAL_BYTES) return pl061Write(offset, value);
      break;
    case SP805 >>> 16:
      if (offset < PERIPHERAL_BYTES && busHas(DEVICE_WATCHDOG)) return sp805Write(offset, value);
      break;
    case VIRTIO >>> 16:
      if (offset < VIRTIO_BYTES) return mmioWrite(offset / VIRTIO_STRIDE, offset & (VIRTIO_STRIDE - 1), value, size);
      break;
    default:
      if (address < FLASH_END && flashPresent()) return flashWrite(address, value, size);
      if (address - PCIE < PCIE_BYTES) return;
      if (memoryAt(address, size)) return; // plain ROM takes stores and keeps nothing
  }
  busFaulted = true;
}

/** Power-on reset of every device. The clock comes first: others ask it for the time. */
export function busReset(): void {
  clockReset();
  gicReset();
  timerReset();
  pl011Reset();
  pl031Reset();
  pl061Reset();
  sp805Reset();
  channelReset();
  pmuReset();
  flashReset();
  fwCfgReset();
  mmioReset();
}

/** Looks at timers, watchdog, alarm, power key and what the host has brought, and sets interrupt lines and exit requests. What takes work is noted,
 *  and done by busContinue(). */
export function busTick(): void {
  const now = clockTicks();
  timerTick(now);
  pmuTick();
  pl011Tick(now);
  pl031Tick(now);
  pl061Tick(now);
  sp805Tick(now);
  mmioTick();
}

/** Does one step of what devices have left to do (work). */
export function busContinue(): void {
  fwCfgContinue();
  slotsContinue();
}

/** Counter ticks from now until busTick() could raise something without an input from the host; 0 if it could now, u64.MAX_VALUE if
 *  never. It may be asked at any time after a look: what has come due in between is not lost. */
export function busDeadline(): u64 {
  const now = clockTicks();
  const timers = min<u64>(min<u64>(timerDeadline(now), pl031Deadline(now)), sp805Deadline(now));
  return min<u64>(timers, min<u64>(pl011Deadline(now), pl061Deadline(now)));
}

function busHas(device: u32): bool {
  return (load<u32>(CONFIG_DEVICES) & device) != 0;
}

/** A PrimeCell gives its whole word, and the bus master picks its byte lanes. */
function busLane(word: u32, offset: u32, size: u32): u32 {
  const lanes = word >>> ((offset & 3) << 3);
  return size == 4 ? lanes : lanes & ((1 << (size << 3)) - 1);
}
