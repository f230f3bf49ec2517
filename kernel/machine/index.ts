// The machine's exports: everything that the hypervisor and the host can do to a partition's phone.

import {
  ABI_VERSION,
  CONFIG_ABI_VERSION,
  CONFIG_BANK1_BYTES,
  CONFIG_BANK1_OFFSET,
  CONFIG_BLOCK_CACHE_BYTES,
  CONFIG_DEVICES,
  CONFIG_FW_CFG_BYTES,
  CONFIG_FW_CFG_OFFSET,
  CONFIG_MODE,
  CONFIG_NETWORK_BYTES,
  CONFIG_NETWORK_OFFSET,
  CONFIG_RAM_BYTES,
  CONFIG_RAM_OFFSET,
  CONFIG_ROM_BYTES,
  CONFIG_ROM_OFFSET,
  CONFIG_TLB_CONTEXTS,
  CONFIG_TLB_ENTRIES,
  CONFIG_TRANSLATE_BYTES,
  CONFIG_VIRTIO,
  BLOCK_HASH_SHARE,
  DEVICE_NETWORK,
  EXIT_REQUEST,
  IRQ_LINE,
  MODE_SCHEDULED,
  NETWORK_BYTES_LEAST,
  NETWORK_BYTES_MOST,
  STATIC_END,
  TLB_ENTRY_BYTES,
  TRANSLATE_BYTES_LEAST,
  VIRTIO_LEGACY,
  wasmPages,
} from "../abi/layout";
import {
  INIT_ABI_MISMATCH,
  INIT_BAD_CACHE_SIZE,
  INIT_BAD_DEVICES,
  INIT_BAD_MODE,
  INIT_BAD_NETWORK_SIZE,
  INIT_BAD_RAM_SIZE,
  INIT_BAD_ROM_SIZE,
  INIT_BAD_TLB_SIZE,
  INIT_MEMORY_TOO_SMALL,
  INIT_OK,
  RUN_FUEL,
  RUN_REPLAN,
} from "../abi/reasons";
import { busDeadline, busFaulted, busRead, busReset, busTick, busWrite } from "./devices/bus";
import { breakpointPass, breakpointsChanged } from "./arm/breakpoint";
import { debugAddress as addressOf, debugSetStatus as setStatus, debugStatus as status } from "./arm/debug";
import { standSettle } from "./arm/stand";
import { workOwed, workPending, workReset, workRestore, workVisits } from "./devices/work";
import { cpuExecuted, cpuWork, cpuInit, cpuInput, cpuReset, cpuRun } from "./arm/cpu";
import { hypercallAnswer } from "./arm/hypercall";
import { channelRaise as raise } from "./devices/channel";
import { clockFollowsHost, clockSkipTo } from "./devices/clock";
import { irqUpdate } from "./devices/irq";
import { pl061Press } from "./devices/pl061";
import { BANK_BYTES, ROM_WINDOW_BYTES } from "./memory-map";
import { blockComplete as virtioBlockComplete } from "./devices/virtio/block";
export * from "./translate/index";
export * from "./translate/assist-exports";
import { memoryAt, pagesBytes, pagesInit, pagesWritten, ramAt } from "./pages";

/** 1 when the last physicalRead() or physicalWrite() found no device: the CPU would have taken an external abort. */
export function physicalFaulted(): u32 {
  return busFaulted ? 1 : 0;
}

/** Checks the configuration block, lays out memory and puts CPU and devices into their reset state.
 *  Returns INIT_OK or the reason for the refusal. RAM and ROM contents are the host's to fill, before or after. */
export function machineInit(): u32 {
  if (load<u32>(CONFIG_ABI_VERSION) != ABI_VERSION) return INIT_ABI_MISMATCH;
  if (load<u32>(CONFIG_MODE) > MODE_SCHEDULED) return INIT_BAD_MODE;
  const ram = load<u32>(CONFIG_RAM_BYTES);
  if (ram == 0 || ram & 0xffff || ram > 0xb000_0000) return INIT_BAD_RAM_SIZE;
  const rom = load<u32>(CONFIG_ROM_BYTES);
  const bank1 = load<u32>(CONFIG_BANK1_BYTES);
  const fwCfg = load<u32>(CONFIG_FW_CFG_BYTES);
  if ((rom | bank1 | fwCfg) & 0xffff || rom > ROM_WINDOW_BYTES) return INIT_BAD_ROM_SIZE;
  if (bank1 > BANK_BYTES || fwCfg > 0x4000_0000) return INIT_BAD_ROM_SIZE;
  if (load<u32>(CONFIG_VIRTIO) > VIRTIO_LEGACY) return INIT_BAD_DEVICES;
  const tlbEntries = load<u32>(CONFIG_TLB_ENTRIES);
  const tlbContexts = load<u32>(CONFIG_TLB_CONTEXTS);
  if (tlbEntries < 16 || tlbEntries > 0x4000 || tlbEntries & (tlbEntries - 1)) return INIT_BAD_TLB_SIZE;
  if (tlbContexts < 4 || tlbContexts > 16) return INIT_BAD_TLB_SIZE;
  const cache = load<u32>(CONFIG_BLOCK_CACHE_BYTES);
  if (cache < 0x10000 || cache & 0xffff || cache > 0x1000_0000) return INIT_BAD_CACHE_SIZE;

  const translate = load<u32>(CONFIG_TRANSLATE_BYTES);
  if (translate != 0 && (translate < TRANSLATE_BYTES_LEAST || translate & 0xffff || translate > 0x100_0000))
    return INIT_BAD_CACHE_SIZE;

  const network = load<u32>(CONFIG_NETWORK_BYTES);
  if (!(load<u32>(CONFIG_DEVICES) & DEVICE_NETWORK)) {
    if (network) return INIT_BAD_NETWORK_SIZE;
  } else if (network < NETWORK_BYTES_LEAST || network > NETWORK_BYTES_MOST || network & (network - 1)) {
    return INIT_BAD_NETWORK_SIZE;
  }

  const pages = STATIC_END;
  const tlb = pages + pagesBytes();
  const hash = tlb + tlbEntries * tlbContexts * TLB_ENTRY_BYTES;
  const blocks = hash + cache / BLOCK_HASH_SHARE;
  const translation = blocks + cache;
  const networkAt = wasmPages(translation + translate) << 16;
  const fwCfgAt = networkAt + network;
  const romAt = fwCfgAt + fwCfg;
  const bank1At = romAt + rom;
  const ramAt = bank1At + bank1;
  if ((<u64>ramAt + <u64>ram) >> 16 > <u64>memory.size()) return INIT_MEMORY_TOO_SMALL;
  pagesInit(pages, romAt, ramAt);
  store<u32>(CONFIG_RAM_OFFSET, ramAt);
  store<u32>(CONFIG_ROM_OFFSET, romAt);
  store<u32>(CONFIG_NETWORK_OFFSET, networkAt);
  store<u32>(CONFIG_BANK1_OFFSET, bank1At);
  store<u32>(CONFIG_FW_CFG_OFFSET, fwCfgAt);
  cpuInit(tlb, hash, blocks, translation);
  machineReset();
  return INIT_OK;
}

/** Power-on reset of the CPU and all devices; RAM, disk and the real-time clock's offset keep their contents. */
export function machineReset(): void {
  store<u32>(EXIT_REQUEST, 0);
  busReset();
  cpuReset();
  workReset(); // nobody asked for this
}

/** Executes until `fuel` units are used up, exactly counted: a guest instruction or a unit of device work each (devices/work). It may do one
 *  step of work more, which the next call pays for first. Returns a RUN_* reason. */
export function run(fuel: u32): u32 {
  return cpuRun(fuel);
}

/** Units that the last run() used: instructions and device work. */
export function runExecuted(): u32 {
  return cpuExecuted;
}

/** The part of them that was device work. */
export function runWork(): u32 {
  return cpuWork;
}

/** Does at no cost what devices have left to do: for tests and debuggers, which reach devices without the CPU. */
export function machineSettle(): void {
  standSettle();
}

/** Moves the guest's clock on to `ticks` (24 MHz, since reset), in scheduled mode: time in which other partitions ran, or nobody.
 *  It never goes back. */
export function machineAdvance(ticks: f64): void {
  if (!clockFollowsHost() && ticks > 0) clockSkipTo(<u64>ticks);
}

/** The host has served block request `index` with a VIRTIO_BLK_S_* status. */
export function blockComplete(index: u32, status: u32): void {
  virtioBlockComplete(index, status);
  cpuInput();
}

/** The host answers the guest's channel call: `status` and `value` as in devices/README. For a receive, `status` bytes have been put into
 *  the guest's memory. */
export function channelAnswer(status: i32, value: u32): void {
  hypercallAnswer(status, value);
  cpuInput();
}

/** Port `port` of the guest has news: a message, a notification, or room. */
export function channelRaise(port: u32): void {
  raise(port);
}

/** Presses the power key, and lets go of it when the guest has seen it. Returns 1; 0: the guest does not listen, and nothing was done. */
export function powerKeyPress(): u32 {
  const listens = pl061Press();
  cpuInput();
  return listens ? 1 : 0;
}

/** Looks at timers and console input now, outside run(): after a pause, or when input arrived. */
export function machineTick(): void {
  busTick();
  cpuInput();
}

/** Counter ticks (24 MHz) from now until a timer can raise an interrupt, 0 while an interrupt is signalled or a device has something to do, -1 when no timer is
 *  armed. */
export function machineDeadline(): f64 {
  // In this order: a timer that comes due between the two looks is no deadline any more, but its line is up.
  const ticks = busDeadline();
  busTick();
  if (load<u32>(IRQ_LINE) || workVisits()) return 0;
  return ticks == u64.MAX_VALUE ? -1 : <f64>ticks;
}

/** The host has written the table of breakpoints. */
export function debugBreakpoints(): void {
  breakpointsChanged();
}

/** A breakpoint at `address` does not stop the next instruction, if that is where it lies. */
export function debugPass(address: u32): void {
  breakpointPass(address);
}

/** Linear-memory offset of a virtual address as the CPU would translate it now, whatever its permissions; 0 when there is no memory. Good up
 *  to the end of its page of 4 KiB. */
export function debugAddress(address: u32): u32 {
  // A debugger looks at nobody's cost.
  const owed = workOwed();
  const at = addressOf(address);
  workRestore(owed);
  return at;
}

/** Executes one instruction, whatever interrupt is pending: it stays pending, and run() takes it. The clock must stand meanwhile. RUN_*. */
export function debugStep(): u32 {
  // Timers that are due raise their lines now, and not inside.
  busTick();
  standSettle();
  store<u32>(IRQ_LINE, 0);
  let reason = cpuRun(1);
  if (workPending()) {
    standSettle();
    const exit = load<u32>(EXIT_REQUEST);
    store<u32>(EXIT_REQUEST, 0);
    if (reason == RUN_FUEL && exit != 0 && exit != RUN_REPLAN) reason = exit;
  }
  irqUpdate();
  return reason;
}

/** The debugger has written [at, at + length) of linear memory, inside one page of RAM. */
export function debugWritten(at: u32, length: u32): void {
  pagesWritten(at, length);
  cpuInput();
}

export function debugStatus(): u32 {
  return status();
}

export function debugSetStatus(value: u32): void {
  setStatus(value);
}

/** A bus read as the CPU would do it, `size` 1, 2 or 4, naturally aligned: for tests and debuggers. Device side effects happen. */
export function physicalRead(address: u32, size: u32): u32 {
  const at = memoryAt(address, size);
  if (!at) {
    const value = busRead(address, size);
    standSettle();
    return value;
  }
  return size == 4 ? load<u32>(at) : size == 2 ? <u32>load<u16>(at) : <u32>load<u8>(at);
}

/** A bus write as the CPU would do it. */
export function physicalWrite(address: u32, value: u32, size: u32): void {
  const at = ramAt(address, size);
  if (!at) {
    busWrite(address, value, size);
    standSettle();
    return;
  }
  if (size == 4) store<u32>(at, value);
  else if (size == 2) store<u16>(at, <u16>value);
  else store<u8>(at, <u8>value);
  pagesWritten(at, size);
}
