// Transfers of several registers: LDM, STM, LDRD, STRD and the VFP's. ARM DDI 0406C A8.8.57 – A8.8.62, A8.8.72.
//
// Every word is looked up before the first transfer, so that an abort leaves all registers and memory as they were. In the usual
// case, all words in one page of RAM, that is one TLB compare.

import { CPU_STATE, VFP_STATE } from "../../../abi/layout";
import { workOfCaches } from "../../devices/work";
import { accessMisaligned, accessProbe, accessReadAligned, accessWriteAligned } from "./access";
import { exceptionReturnWith } from "../exception";
import { BLOCK_BEFORE, BLOCK_INCREMENT, BLOCK_LOAD, BLOCK_USER, BLOCK_WRITE_BACK } from "../decode/micro-operation";
import { spsrExists, spsrRead, userRegister } from "../psr";
import { EVENT_DATA_ABORT, EVENT_JUMP, EVENT_LEAVE, EVENT_NONE, EVENT_UNDEFINED, event, setEvent } from "../state";
import { TLB_ADDEND, TLB_READ, TLB_WRITE, tlbEntry } from "./tlb";

/** Linear-memory offset of [address, address + length) when it is word-aligned, in one page, and the TLB allows it; else 0. */
function direct(address: u32, length: u32, tag: u32): u32 {
  const entry = tlbEntry(address);
  if (load<u32>(entry + tag) != (address & 0xffff_f003)) return 0;
  if ((address & 0xfff) + length > 0x1000) return 0;
  return address + load<u32>(entry, TLB_ADDEND);
}

/** Lowest address of a block of `length` bytes with base `base` in `mode`. */
// @ts-ignore: decorator
@inline
export function lowest(base: u32, length: u32, mode: u32): u32 {
  if (mode & BLOCK_INCREMENT) return mode & BLOCK_BEFORE ? base + 4 : base;
  return mode & BLOCK_BEFORE ? base - length : base - length + 4;
}

/** LDM of the registers in `list` (bit 16: the first scratch register) with base operand `n`. A base that is loaded is not
 *  written back. */
export function blockTransferLoad(n: u32, list: u32, mode: u32): void {
  setEvent(EVENT_NONE);
  const base = load<u32>(n, CPU_STATE);
  const length = popcnt<u32>(list) << 2;
  const start = lowest(base, length, mode);
  let at = direct(start, length, TLB_READ);
  if (at) {
    if (mode & BLOCK_WRITE_BACK) store<u32>(n, mode & BLOCK_INCREMENT ? base + length : base - length, CPU_STATE);
    for (; list; list &= list - 1, at += 4) store<u32>(ctz<u32>(list) << 2, load<u32>(at), CPU_STATE);
    return;
  }
  if (!alignedProbe(start, length, false)) return;
  let leave = false;
  if (mode & BLOCK_WRITE_BACK) store<u32>(n, mode & BLOCK_INCREMENT ? base + length : base - length, CPU_STATE);
  for (let address = start; list; list &= list - 1, address += 4) {
    const value = accessReadAligned(address, 4);
    if (event() == EVENT_DATA_ABORT) {
      store<u32>(n, base, CPU_STATE);
      return;
    }
    if (event() == EVENT_LEAVE) leave = true;
    store<u32>(ctz<u32>(list) << 2, value, CPU_STATE);
  }
  if (leave) setEvent(EVENT_LEAVE);
}

/** STM. A base in the list is stored as it was. */
export function blockTransferStore(n: u32, list: u32, mode: u32): void {
  setEvent(EVENT_NONE);
  const base = load<u32>(n, CPU_STATE);
  const length = popcnt<u32>(list) << 2;
  const start = lowest(base, length, mode);
  let at = direct(start, length, TLB_WRITE);
  if (at) {
    for (; list; list &= list - 1, at += 4) store<u32>(at, load<u32>(ctz<u32>(list) << 2, CPU_STATE));
    if (mode & BLOCK_WRITE_BACK) store<u32>(n, mode & BLOCK_INCREMENT ? base + length : base - length, CPU_STATE);
    return;
  }
  if (!alignedProbe(start, length, true)) return;
  let leave = false;
  for (let address = start; list; list &= list - 1, address += 4) {
    accessWriteAligned(address, load<u32>(ctz<u32>(list) << 2, CPU_STATE), 4);
    if (event() == EVENT_DATA_ABORT) return;
    if (event() == EVENT_LEAVE) leave = true;
  }
  if (mode & BLOCK_WRITE_BACK) store<u32>(n, mode & BLOCK_INCREMENT ? base + length : base - length, CPU_STATE);
  if (leave) setEvent(EVENT_LEAVE);
}

/** LDM and STM with the S bit: user registers, or (load with the PC, not BLOCK_USER) exception return. */
export function blockTransferSpecial(n: u32, list: u32, mode: u32): void {
  setEvent(EVENT_NONE);
  const isLoad = (mode & BLOCK_LOAD) != 0;
  const base = load<u32>(n, CPU_STATE);
  const length = popcnt<u32>(list) << 2;
  const start = lowest(base, length, mode);
  const returns = isLoad && !(mode & BLOCK_USER);
  if (returns && !spsrExists()) {
    setEvent(EVENT_UNDEFINED);
    return;
  }
  if (!alignedProbe(start, length, !isLoad)) return;
  let leave = false;
  let target: u32 = 0;
  const user = (mode & BLOCK_USER) != 0;
  const written = mode & BLOCK_INCREMENT ? base + length : base - length;
  for (let address = start; list; list &= list - 1, address += 4) {
    const number = ctz<u32>(list);
    const where = user && number != 15 ? userRegister(number) : CPU_STATE + (number << 2);
    if (isLoad) {
      const value = accessReadAligned(address, 4);
      if (event() == EVENT_DATA_ABORT) return;
      if (number == 15) target = value;
      else store<u32>(where, value);
    } else {
      accessWriteAligned(address, load<u32>(where), 4);
      if (event() == EVENT_DATA_ABORT) return;
    }
    if (event() == EVENT_LEAVE) leave = true;
  }
  if (mode & BLOCK_WRITE_BACK) store<u32>(n, written, CPU_STATE);
  if (returns) {
    exceptionReturnWith(target, spsrRead());
    setEvent(EVENT_JUMP);
  } else if (leave) setEvent(EVENT_LEAVE);
}

/** LDRD that missed the TLB: both words, or none. Operands `d` and `s`. */
export function dualLoad(address: u32, d: u32, s: u32): void {
  if (!alignedProbe(address, 8, false)) return;
  const first = accessReadAligned(address, 4);
  const left = event() == EVENT_LEAVE;
  if (event() == EVENT_DATA_ABORT) return;
  const second = accessReadAligned(address + 4, 4);
  if (event() == EVENT_DATA_ABORT) return;
  store<u32>(d, first, CPU_STATE);
  store<u32>(s, second, CPU_STATE);
  if (left) setEvent(EVENT_LEAVE);
}

export function dualStore(address: u32, first: u32, second: u32): void {
  if (!alignedProbe(address, 8, true)) return;
  accessWriteAligned(address, first, 4);
  const left = event() == EVENT_LEAVE;
  if (event() == EVENT_DATA_ABORT) return;
  accessWriteAligned(address + 4, second, 4);
  if (left && event() == EVENT_NONE) setEvent(EVENT_LEAVE);
}

/** VLDR, VLDM: `count` words to VFP_STATE + `register`. */
export function vfpBlockLoad(address: u32, register: u32, count: u32): void {
  setEvent(EVENT_NONE);
  const length = count << 2;
  const at = direct(address, length, TLB_READ);
  if (at) {
    memory.copy(VFP_STATE + register, at, length);
    return;
  }
  if (!alignedProbe(address, length, false)) return;
  let leave = false;
  for (let i: u32 = 0; i < length; i += 4) {
    const value = accessReadAligned(address + i, 4);
    if (event() == EVENT_DATA_ABORT) return;
    if (event() == EVENT_LEAVE) leave = true;
    store<u32>(register + i, value, VFP_STATE);
  }
  if (leave) setEvent(EVENT_LEAVE);
}

/** VSTR, VSTM. */
export function vfpBlockStore(address: u32, register: u32, count: u32): void {
  setEvent(EVENT_NONE);
  const length = count << 2;
  const at = direct(address, length, TLB_WRITE);
  if (at) {
    memory.copy(at, VFP_STATE + register, length);
    return;
  }
  if (!alignedProbe(address, length, true)) return;
  let leave = false;
  for (let i: u32 = 0; i < length; i += 4) {
    accessWriteAligned(address + i, load<u32>(register + i, VFP_STATE), 4);
    if (event() == EVENT_DATA_ABORT) return;
    if (event() == EVENT_LEAVE) leave = true;
  }
  if (leave) setEvent(EVENT_LEAVE);
}

/** Alignment first, then every page: leaves EVENT_DATA_ABORT and answers false when the transfer must not begin. */
function alignedProbe(address: u32, length: u32, isWrite: bool): bool {
  // Word by word.
  workOfCaches(length >>> 1);
  if (address & 3) {
    accessMisaligned(address, isWrite);
    return false;
  }
  return accessProbe(address, length, isWrite);
}
