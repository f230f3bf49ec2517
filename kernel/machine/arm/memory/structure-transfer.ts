// Advanced SIMD's loads and stores: ARM DDI 0406C A8.8.320 – A8.8.335 (VLDn), A8.8.404 – A8.8.415 (VSTn).
//
// As with other transfers of several registers, both pages are looked at before the first element moves, so that an abort leaves everything
// as it was. Elements may be unaligned unless the instruction or SCTLR.A says otherwise (A3.2.1).

import { VFP_STATE } from "../../../abi/layout";
import { workOfCaches } from "../../devices/work";
import { SCTLR, SCTLR_A } from "../cp15-state";
import { replicate } from "../neon/lanes";
import { numberD } from "../neon/operands";
import {
  STRUCTURE_ALL,
  STRUCTURE_MULTIPLE,
  structureAlignment,
  structureBytes,
  structureDecode,
  structureElements,
  structureIncrement,
  structureLane,
  structureRegisters,
  structureSize,
} from "../neon/structure";
import { EVENT_DATA_ABORT, EVENT_LEAVE, EVENT_NONE, event, setEvent } from "../state";
import { accessMisaligned, accessProbe, accessRead, accessWrite } from "./access";
import { TLB_ADDEND, TLB_READ, TLB_WRITE, tlbEntry } from "./tlb";

/** Linear-memory offset of [address, address + length) when the TLB allows all of it and it is in one page; else 0. */
export function structureDirect(address: u32, length: u32, isWrite: bool): u32 {
  const entry = tlbEntry(address);
  if (load<u32>(isWrite ? entry + TLB_WRITE : entry + TLB_READ) != (address & 0xffff_f000)) return 0;
  if ((address & 0xfff) + length > 0x1000) return 0;
  return address + load<u32>(entry, TLB_ADDEND);
}

/** Whether the address has the alignment that is asked for, by the instruction or, of an element, by SCTLR.A. */
export function structureAligned(address: u32, alignment: u32, size: u32): bool {
  if (address & (alignment - 1)) return false;
  return (address & ((1 << size) - 1)) == 0 || !(load<u32>(SCTLR) & SCTLR_A);
}

/** Whether the transfer may begin; otherwise leaves EVENT_DATA_ABORT. */
function mayBegin(address: u32, length: u32, alignment: u32, size: u32, isWrite: bool): bool {
  workOfCaches(length >>> 1);
  if (structureAligned(address, alignment, size)) return accessProbe(address, length, isWrite);
  accessMisaligned(address, isWrite);
  return false;
}

/** An element of 1 << size bytes, at most 4. False: an abort. */
function moveElement(address: u32, register: u32, size: u32, isWrite: bool): bool {
  if (isWrite) {
    const value = size == 0 ? <u32>load<u8>(register) : size == 1 ? <u32>load<u16>(register) : load<u32>(register);
    accessWrite(address, value, 1 << size);
  } else {
    const value = accessRead(address, 1 << size);
    if (event() == EVENT_DATA_ABORT) return false;
    if (size == 0) store<u8>(register, value);
    else if (size == 1) store<u16>(register, value);
    else store<u32>(register, value);
  }
  if (event() == EVENT_DATA_ABORT) return false;
  if (event() == EVENT_LEAVE) leaves = true;
  return true;
}

/** One of the accesses wants the block left behind the instruction. */
let leaves: bool = false;

/** VLD1 and VST1 of whole registers that follow each other: `length` bytes from the register at VFP_STATE + `register`. `how`: the alignment, and
 *  log2 of an element's bytes in bits 15:8. */
export function vectorTransfer(address: u32, register: u32, length: u32, how: u32, isWrite: bool): void {
  setEvent(EVENT_NONE);
  const size = how >>> 8;
  const alignment = how & 0xff;
  if (structureAligned(address, alignment, size)) {
    const at = structureDirect(address, length, isWrite);
    if (at) {
      if (isWrite) memory.copy(at, VFP_STATE + register, length);
      else memory.copy(VFP_STATE + register, at, length);
      return;
    }
  }
  if (!mayBegin(address, length, alignment, size, isWrite)) return;
  leaves = false;
  const unit = min<u32>(size, 2);
  for (let i: u32 = 0; i < length; i += 1 << unit)
    if (!moveElement(address + i, VFP_STATE + register + i, unit, isWrite)) return;
  if (leaves) setEvent(EVENT_LEAVE);
}

/** Copies an element of 1 << size bytes, at most 4. */
function copyElement(to: u32, from: u32, size: u32): void {
  if (size == 0) store<u8>(to, load<u8>(from));
  else if (size == 1) store<u16>(to, load<u16>(from));
  else store<u32>(to, load<u32>(from));
}

/** Moves the elements of the structure instruction that was taken apart; `at` is where the memory lies, or 0: one access each. */
function moveStructures(word: u32, address: u32, at: u32, isWrite: bool): void {
  const size = structureSize;
  const bytes: u32 = 1 << size;
  const isMultiple = structureLane == STRUCTURE_MULTIPLE;
  const laneCount: u32 = isMultiple ? 8 >>> size : 1;
  const first = VFP_STATE + (numberD(word) << 3);
  const registerCount = isMultiple ? structureRegisters : 1;
  for (let register: u32 = 0; register < registerCount; register++) {
    for (let lane: u32 = 0; lane < laneCount; lane++) {
      const within = (isMultiple ? lane : structureLane == STRUCTURE_ALL ? 0 : structureLane) << size;
      for (let element: u32 = 0; element < structureElements; element++) {
        const there = first + ((register + element * structureIncrement) << 3) + within;
        if (at) {
          if (isWrite) copyElement(at, there, size);
          else copyElement(there, at, size);
          at += bytes;
        } else if (!moveElement(address, there, size, isWrite)) return;
        address += bytes;
      }
    }
  }
}

/** After a load to all lanes: the first lane of each register becomes all of them. */
function fillLanes(word: u32): void {
  const bits: u32 = 8 << structureSize;
  const first = VFP_STATE + (numberD(word) << 3);
  for (let element: u32 = 0; element < structureElements; element++) {
    const register = first + ((element * structureIncrement) << 3);
    const value = replicate(load<u64>(register), bits);
    store<u64>(register, value);
    if (structureRegisters == 2) store<u64>(register, value, 8);
  }
}

/** VLDn and VSTn of any other kind: `word` as in A32. It is defined. */
export function structureTransfer(word: u32, address: u32): void {
  setEvent(EVENT_NONE);
  structureDecode(word);
  const isWrite = !(word & (1 << 21));
  const length = structureBytes();
  if (structureInPlace(word, address, length)) return;
  if (!mayBegin(address, length, structureAlignment, structureSize, isWrite)) return;
  leaves = false;
  moveStructures(word, address, 0, isWrite);
  if (event() == EVENT_DATA_ABORT) return;
  if (structureLane == STRUCTURE_ALL) fillLanes(word);
  if (leaves) setEvent(EVENT_LEAVE);
}

/** Does the transfer that was taken apart when its memory is in the TLB, all on one page, and well aligned. */
function structureInPlace(word: u32, address: u32, length: u32): bool {
  const isWrite = !(word & (1 << 21));
  if (!structureAligned(address, structureAlignment, structureSize)) return false;
  const at = structureDirect(address, length, isWrite);
  if (!at) return false;
  moveStructures(word, address, at, isWrite);
  if (structureLane == STRUCTURE_ALL) fillLanes(word);
  return true;
}

/** For translated code: the transfer, when it needs nobody else. True: it was done. */
export function structureTry(word: u32, address: u32): bool {
  structureDecode(word);
  return structureInPlace(word, address, structureBytes());
}
