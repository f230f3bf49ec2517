// Exclusive accesses and SWP. ARM DDI 0406C A3.4.
//
// One CPU, so one local monitor: the linear-memory offset of the last exclusive load, and its size. It is cleared by an exclusive
// store, CLREX, an exception return, a device's write to memory and an input from the host.

import { CPU_STATE } from "../../../abi/layout";
import { accessMisaligned, accessProbe, accessReadAligned, accessWriteAligned } from "./access";
import { SCTLR, SCTLR_SW } from "../cp15-state";
import {
  EVENT_DATA_ABORT,
  EVENT_LEAVE,
  EVENT_NONE,
  EVENT_UNDEFINED,
  MONITOR,
  MONITOR_SIZE,
  event,
  setEvent,
} from "../state";
import { TLB_ADDEND, TLB_READ, TLB_WRITE, tlbEntry } from "./tlb";
import { dualLoad, dualStore } from "./block-transfer";

/** What the monitor remembers for `address`: its place in linear memory, or (for devices) the address with a mark. */
function tagOf(address: u32): u32 {
  const entry = tlbEntry(address);
  const page = address & 0xffff_f000;
  if (load<u32>(entry, TLB_READ) == page || load<u32>(entry, TLB_WRITE) == page)
    return address + load<u32>(entry, TLB_ADDEND);
  return address | 1;
}

/** LDREX, LDREXB, LDREXH, LDREXD of `size` bytes to operand d (and d2). */
export function exclusiveLoad(address: u32, size: u32, d: u32, d2: u32): void {
  if (size == 8) {
    if (address & 7) {
      accessMisaligned(address, false);
      return;
    }
    dualLoad(address, d, d2);
  } else {
    const value = accessReadAligned(address, size);
    if (event() != EVENT_DATA_ABORT) store<u32>(d, value, CPU_STATE);
  }
  if (event() == EVENT_DATA_ABORT) return;
  store<u32>(MONITOR, tagOf(address));
  store<u32>(MONITOR_SIZE, size);
}

/** STREX and its family: status (0 stored, 1 not) to operand `status`. Faults are looked for whether or not it stores. */
export function exclusiveStore(address: u32, size: u32, first: u32, second: u32, status: u32): void {
  setEvent(EVENT_NONE);
  if (address & (size - 1)) {
    accessMisaligned(address, true);
    return;
  }
  if (!accessProbe(address, size, true)) return;
  const monitor = load<u32>(MONITOR);
  const holds = monitor != 0 && monitor == tagOf(address) && load<u32>(MONITOR_SIZE) == size;
  store<u32>(MONITOR, 0);
  if (!holds) {
    setEvent(EVENT_NONE);
    store<u32>(status, 1, CPU_STATE);
    return;
  }
  if (size == 8) dualStore(address, first, second);
  else accessWriteAligned(address, first, size);
  if (event() != EVENT_DATA_ABORT) store<u32>(status, 0, CPU_STATE);
}

/** SWP and SWPB (A8.8.229), while SCTLR.SW allows them. */
export function swap(address: u32, value: u32, d: u32, size: u32): void {
  setEvent(EVENT_NONE);
  if (!(load<u32>(SCTLR) & SCTLR_SW)) {
    setEvent(EVENT_UNDEFINED);
    return;
  }
  if (address & (size - 1)) {
    accessMisaligned(address, true);
    return;
  }
  if (!accessProbe(address, size, true)) return;
  const old = accessReadAligned(address, size);
  if (event() == EVENT_DATA_ABORT) return;
  const left = event() == EVENT_LEAVE;
  accessWriteAligned(address, value, size);
  if (event() == EVENT_DATA_ABORT) return;
  store<u32>(d, old, CPU_STATE);
  if (left) setEvent(EVENT_LEAVE);
}
