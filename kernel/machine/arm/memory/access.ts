// Data accesses that miss the TLB's fast path: faults, devices, unaligned accesses, pages with decoded code.
//
// Every function here leaves an event (state): EVENT_NONE, EVENT_DATA_ABORT with the fault described in CP15, or EVENT_LEAVE
// when the access is done but the block must be left.

import { WORK_ABORT, work, workFull } from "../../devices/work";
import { busFaulted, busRead, busWrite } from "../../devices/bus";
import { PAGE_DIRTY, pageRecord, pagesMoved, pagesMovedSeen, ramOffset } from "../../pages";
import { accountSync } from "../account";
import { blockDropPage } from "../block-cache";
import { SCTLR, SCTLR_A } from "../cp15-state";
import {
  ACCESS_READ,
  ACCESS_WRITE,
  FAULT_ALIGNMENT,
  FAULT_EXTERNAL,
  dataFault,
  fault,
  linear,
  physical,
  translate,
} from "./mmu";
import { privileged } from "../psr";
import { EVENT_DATA_ABORT, EVENT_LEAVE, EVENT_NONE, MONITOR, setEvent } from "../state";
import { TLB_ADDEND, TLB_READ, TLB_WRITE, tlbEntry, tlbFlush } from "./tlb";

/** Loads `size` (1, 2, 4) bytes, zero-extended, as the CPU's present privilege. Unaligned is allowed unless SCTLR.A is set. */
export function accessRead(address: u32, size: u32): u32 {
  return readAs(address, size, privileged(), true);
}

/** Stores `size` (1, 2, 4) bytes. */
export function accessWrite(address: u32, value: u32, size: u32): void {
  writeAs(address, value, size, privileged(), true);
}

/** LDRT and its family: as user mode would. */
export function accessReadUnprivileged(address: u32, size: u32): u32 {
  return readAs(address, size, false, !privileged());
}

export function accessWriteUnprivileged(address: u32, value: u32, size: u32): void {
  writeAs(address, value, size, false, !privileged());
}

/** A load that faults unless it is aligned: LDREX, LDRD, LDM and the VFP's (ARM DDI 0406C A3.2.1). */
export function accessReadAligned(address: u32, size: u32): u32 {
  if (address & (size - 1)) {
    abort(address, FAULT_ALIGNMENT, false);
    return 0;
  }
  return readAs(address, size, privileged(), true);
}

export function accessWriteAligned(address: u32, value: u32, size: u32): void {
  if (address & (size - 1)) abort(address, FAULT_ALIGNMENT, true);
  else writeAs(address, value, size, privileged(), true);
}

/** Checks that [address, address + length) may be accessed, without doing it: LDM, STM and LDRD look before the first transfer.
 *  Leaves EVENT_DATA_ABORT for the first byte that may not. At most two pages. */
export function accessProbe(address: u32, length: u32, isWrite: bool): bool {
  if (!probePage(address, isWrite)) return false;
  const last = address + length - 1;
  if ((last ^ address) & 0xffff_f000) return probePage(last & 0xffff_f000, isWrite);
  return true;
}

function probePage(address: u32, isWrite: bool): bool {
  setEvent(EVENT_NONE);
  const entry = tlbEntry(address);
  if (load<u32>(isWrite ? entry + TLB_WRITE : entry + TLB_READ) == (address & 0xffff_f000)) return true;
  translate(address, isWrite ? ACCESS_WRITE : ACCESS_READ, privileged(), true);
  if (!fault) return true;
  abort(address, fault, isWrite);
  return false;
}

/** An alignment fault for an access that never begins. */
export function accessMisaligned(address: u32, isWrite: bool): void {
  abort(address, FAULT_ALIGNMENT, isWrite);
}

function abort(address: u32, status: u32, isWrite: bool): void {
  dataFault(address, status, isWrite);
  setEvent(EVENT_DATA_ABORT);
}

function readAs(address: u32, size: u32, isPrivileged: bool, fill: bool): u32 {
  setEvent(EVENT_NONE);
  if (address & (size - 1)) {
    if (load<u32>(SCTLR) & SCTLR_A) {
      abort(address, FAULT_ALIGNMENT, false);
      return 0;
    }
    const entry = tlbEntry(address);
    const last = address + size - 1;
    if (fill && load<u32>(entry, TLB_READ) == (last & 0xffff_f000)) {
      const at = address + load<u32>(entry, TLB_ADDEND);
      return size == 4 ? load<u32>(at) : <u32>load<u16>(at);
    }
    return readUnaligned(address, size, isPrivileged, fill);
  }
  if (fill) {
    // Exclusive and multiple transfers come here without having looked.
    const entry = tlbEntry(address);
    if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000))
      return readMemory(address + load<u32>(entry, TLB_ADDEND), size);
  }
  translate(address, ACCESS_READ, isPrivileged, fill);
  if (fault) {
    abort(address, fault, false);
    return 0;
  }
  const at = linear;
  if (at) {
    leaveIfOwing();
    return readMemory(at, size);
  }
  accountSync();
  const value = busRead(physical, size);
  afterBus(address, false);
  return value;
}

// @ts-ignore: decorator
@inline
function readMemory(at: u32, size: u32): u32 {
  if (size == 4) return load<u32>(at);
  return size == 2 ? <u32>load<u16>(at) : <u32>load<u8>(at);
}

function writeAs(address: u32, value: u32, size: u32, isPrivileged: bool, fill: bool): void {
  setEvent(EVENT_NONE);
  if (address & (size - 1)) {
    if (load<u32>(SCTLR) & SCTLR_A) {
      abort(address, FAULT_ALIGNMENT, true);
      return;
    }
    const entry = tlbEntry(address);
    const last = address + size - 1;
    if (fill && load<u32>(entry, TLB_WRITE) == (address & 0xffff_f000) && ((last ^ address) & 0xffff_f000) == 0) {
      const at = address + load<u32>(entry, TLB_ADDEND);
      if (size == 4) store<u32>(at, value);
      else store<u16>(at, value);
      return;
    }
    writeUnaligned(address, value, size, isPrivileged, fill);
    return;
  }
  if (fill) {
    const entry = tlbEntry(address);
    if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f000)) {
      const at = address + load<u32>(entry, TLB_ADDEND);
      if (size == 4) store<u32>(at, value);
      else if (size == 2) store<u16>(at, value);
      else store<u8>(at, value);
      return;
    }
  }
  translate(address, ACCESS_WRITE, isPrivileged, fill);
  if (fault) {
    abort(address, fault, true);
    return;
  }
  // ROM is flash, which takes commands (devices/flash).
  if (linear >= ramOffset) {
    leaveIfOwing();
    writeMemory(linear, value, size);
    return;
  }
  accountSync();
  busWrite(physical, value, size);
  afterBus(address, true);
}

/** An aligned store to ROM or RAM at linear-memory offset `at`, with code tracking. */
function writeMemory(at: u32, value: u32, size: u32): void {
  if (at < ramOffset) return; // unaligned: flash has no such command
  if (size == 4) store<u32>(at, value);
  else if (size == 2) store<u16>(at, value);
  else store<u8>(at, value);
  const record = pageRecord(at);
  store<u32>(record, load<u32>(record, 12) | PAGE_DIRTY, 12);
  // An aligned access lies within one chunk.
  if (load<u64>(record) & ((<u64>1) << ((at & 0xfff) >>> 6))) {
    blockDropPage(record);
    setEvent(EVENT_LEAVE);
  }
}

/** An unaligned load that the TLB did not serve: byte by byte, after both ends were translated. Devices refuse it (A3.2.2). */
function readUnaligned(address: u32, size: u32, isPrivileged: bool, fill: bool): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    translate(address + i, ACCESS_READ, isPrivileged, fill);
    if (fault || !linear) {
      abort(address + i, fault ? fault : FAULT_ALIGNMENT, false);
      return 0;
    }
    value |= (<u32>load<u8>(linear)) << (i << 3);
  }
  return value;
}

function writeUnaligned(address: u32, value: u32, size: u32, isPrivileged: bool, fill: bool): void {
  for (let i: u32 = 0; i < size; i++) {
    translate(address + i, ACCESS_WRITE, isPrivileged, fill);
    if (fault || !linear) {
      abort(address + i, fault ? fault : FAULT_ALIGNMENT, true);
      return;
    }
  }
  for (let i: u32 = 0; i < size; i++) {
    translate(address + i, ACCESS_WRITE, isPrivileged, fill);
    writeMemory(linear, (value >>> (i << 3)) & 0xff, 1);
  }
}

/** Page walks add up: a guest that does nothing else stands now and then, or its slice would be late by all of them. */
// @ts-ignore: decorator
@inline
function leaveIfOwing(): void {
  if (workFull()) setEvent(EVENT_LEAVE);
}

/** After a device access: an external abort for an address where nothing is, else the block is left. Device stores also clear the
 *  exclusive monitor. */
function afterBus(address: u32, isWrite: bool): void {
  if (pagesMoved) {
    pagesMovedSeen();
    tlbFlush();
  }
  if (busFaulted) {
    work(WORK_ABORT);
    abort(address, FAULT_EXTERNAL, isWrite);
    return;
  }
  if (isWrite) store<u32>(MONITOR, 0);
  // The access is work, and is paid for before the next instruction; interrupts and exits are looked at then.
  setEvent(EVENT_LEAVE);
}
