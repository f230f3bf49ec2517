// Loads and stores. The TLB is probed inline (arm/memory/tlb): an entry's tag is compared with the page of the access's last byte, so that one
// compare decides mapping, permission and domain, and an access on two pages falls out. While SCTLR.A is set the size's low bits are compared
// too, so that alignment is decided with it. What misses asks assistPlace() where the bytes are; it answers 0 when the function has to be
// left before the instruction (a fault, a device, a store into decoded code). Either way there is one load or store behind it.

import { VFP_STATE } from "../../abi/layout";
import { lowest } from "../arm/memory/block-transfer";
import { BLOCK_WRITE_BACK, Op } from "../arm/decode/micro-operation";
import { MONITOR, MONITOR_SIZE } from "../arm/state";
import { TLB_ADDEND, TLB_MASK, TLB_READ, TLB_WRITE } from "../arm/memory/tlb";
import { SCTLR, SCTLR_A } from "../arm/cp15-state";
import { PLACE_ALIGNED, PLACE_ANYWHERE, PLACE_GROUP, PLACE_UNPRIVILEGED, PLACE_WORDS, PLACE_WRITE } from "./assist";
import { W, TYPE_I32, TYPE_VOID, access, branchTo, call, close, constant, get, op, open, set, tee } from "./emitter";
import { NONE } from "./graph";
import {
  blockLength,
  blockMovement,
  groupAligned,
  groupBase,
  groupDelta,
  groupLength,
  groupOffset,
  groupOpen,
  groupServing,
  groupWrites,
} from "./groups";
import { likely, unlikely } from "./hints";
import { IMPORT_PLACE } from "./imports";
import { moveVector, vectorsAllowed } from "./vectors";
import {
  ADDRESS,
  ENTRY,
  GROUP_PLACES,
  TLB,
  VALUE,
  getOperand,
  loadWord,
  noteTlb,
  setOperand,
  storeWord,
} from "./locals";
import { blockOffset, isThumb, leaveLabel, pageBase, pushAddress, siteOf, standIf } from "./place";

/** Pushes whether the TLB serves the `length` bytes at ADDRESS, which are aligned as far as `low` says; ENTRY is its entry. */
function probe(tag: u32, length: u32, low: u32): void {
  noteTlb();
  get(TLB);
  get(ADDRESS);
  constant(8);
  op(W.I32_SHR_U);
  constant(load<u32>(TLB_MASK));
  op(W.I32_AND);
  op(W.I32_ADD);
  tee(ENTRY);
  access(W.I32_LOAD, tag);
  get(ADDRESS);
  // Aligned accesses of a power of two never lie on two pages; others do when their last byte does.
  const beyond = length - 1 - low;
  if (beyond) {
    constant(beyond);
    op(W.I32_ADD);
  }
  constant(0xffff_f000 | low);
  op(W.I32_AND);
  op(W.I32_EQ);
}

/** Pushes where the bytes at ADDRESS lie in linear memory: `what` as for assistPlace(). Leaves the function when they cannot be had. */
function place(ip: u32, what: u32): void {
  const length = what & 0xff;
  const tag = what & PLACE_WRITE ? TLB_WRITE : TLB_READ;
  if (what & PLACE_UNPRIVILEGED) {
    askPlace(ip, what);
    return;
  }
  probe(tag, length, lowBits(what, length));
  likely();
  open(W.IF, TYPE_I32);
  get(ADDRESS);
  get(ENTRY);
  access(W.I32_LOAD, TLB_ADDEND);
  op(W.I32_ADD);
  op(W.ELSE);
  askPlace(ip, what);
  close();
}

/** Bits of an address that the probe compares too, as they must be zero. */
function lowBits(what: u32, length: u32): u32 {
  if (what & PLACE_WORDS) return 3;
  if (what & PLACE_ANYWHERE) return 0;
  return what & PLACE_ALIGNED || load<u32>(SCTLR) & SCTLR_A ? length - 1 : 0;
}

function askPlace(ip: u32, what: u32): void {
  get(ADDRESS);
  constant(what);
  constant(siteOf(ip));
  call(IMPORT_PLACE);
  tee(VALUE);
  op(W.I32_EQZ);
  unlikely();
  branchTo(W.BR_IF, leaveLabel);
  get(VALUE);
}

/** Where the bytes of an access are: the local with the address in linear memory, and how far behind it. */
let at: u32 = 0;
let delta: u32 = 0;

/** Finds out where the bytes of the access at `ip` are, as one of a group. False: it stands alone. */
function inGroup(ip: u32): bool {
  let group = groupServing(ip);
  if (group == NONE) {
    group = groupOpen(ip);
    if (group == NONE) return false;
    getOperand(groupBase);
    addConstant(groupOffset);
    set(ADDRESS);
    const words = groupAligned ? PLACE_WORDS : 0;
    place(ip, (<u32>groupLength) | PLACE_GROUP | words | (groupWrites ? PLACE_WRITE : 0));
    set(GROUP_PLACES + group);
  }
  at = GROUP_PLACES + group;
  delta = groupDelta;
  return true;
}

function addConstant(value: u32): void {
  if (!value) return;
  constant(value);
  op(W.I32_ADD);
}

/** Base register write-back: register n becomes what it is and the immediate. */
function writeBack(ip: u32): void {
  getOperand(load<u8>(ip, 3));
  addConstant(load<u32>(ip, 8));
  setOperand(load<u8>(ip, 3));
}

/** Pushes the target of a table branch. */
export function pushTable(ip: u32): void {
  getOperand(load<u8>(ip, 4));
  constant(1);
  op(W.I32_SHL);
  pushAddress((blockOffset + load<u32>(ip, 8)) | (isThumb ? 1 : 0));
  op(W.I32_ADD);
}

const SIGNED_BYTE: u32 = 0x81;
const SIGNED_HALF: u32 = 0x82;

function loadCode(size: u32): W {
  if (size == SIGNED_BYTE) return W.I32_LOAD8_S;
  if (size == SIGNED_HALF) return W.I32_LOAD16_S;
  return size == 1 ? W.I32_LOAD8_U : size == 2 ? W.I32_LOAD16_U : W.I32_LOAD;
}

function storeCode(size: u32): W {
  return size == 4 ? W.I32_STORE : size == 2 ? W.I32_STORE16 : W.I32_STORE8;
}

/** A load of `size` bytes at ADDRESS to operand d. */
function loadTo(ip: u32, size: u32, how: u32): void {
  place(ip, (size & 7) | how);
  access(loadCode(size), 0);
  setOperand(load<u8>(ip, 2));
}

function storeFrom(ip: u32, size: u32, how: u32): void {
  place(ip, size | PLACE_WRITE | how);
  getOperand(load<u8>(ip, 2));
  access(storeCode(size), 0);
}

/** A load of `size` bytes, `offset` from register n. */
function loadNear(ip: u32, size: u32, offset: u32): void {
  if (inGroup(ip)) {
    get(at);
    access(loadCode(size), delta);
    setOperand(load<u8>(ip, 2));
  } else {
    addressNear(ip, offset);
    loadTo(ip, size, 0);
  }
}

function storeNear(ip: u32, size: u32, offset: u32): void {
  if (inGroup(ip)) {
    get(at);
    getOperand(load<u8>(ip, 2));
    access(storeCode(size), delta);
  } else {
    addressNear(ip, offset);
    storeFrom(ip, size, 0);
  }
}

/** ADDRESS is `offset` from register n. */
function addressNear(ip: u32, offset: u32): void {
  getOperand(load<u8>(ip, 3));
  addConstant(offset);
  set(ADDRESS);
}

function addressRegister(ip: u32): void {
  getOperand(load<u8>(ip, 3));
  getOperand(load<u8>(ip, 4));
  const shift = <u32>load<u8>(ip, 5);
  if (shift) {
    constant(shift);
    op(W.I32_SHL);
  }
  op(W.I32_ADD);
  set(ADDRESS);
}

/** A literal in the code's own page is read where it lies: what may be executed may be read (B3.7.1), and the page is known. */
function literal(ip: u32): void {
  const at = blockOffset + load<u32>(ip, 8);
  if (at <= 0xffc && (at & 3) == 0) {
    loadWord(pageBase + at);
    setOperand(load<u8>(ip, 2));
    return;
  }
  pushAddress(at);
  set(ADDRESS);
  loadTo(ip, 4, 0);
}

/** ADDRESS becomes the place of the bytes in linear memory: `what` as for assistPlace(). */
function settle(ip: u32, what: u32): void {
  place(ip, what);
  set(ADDRESS);
  at = ADDRESS;
  delta = 0;
}

function blockWriteBack(ip: u32): void {
  if (!(load<u8>(ip, 5) & BLOCK_WRITE_BACK)) return;
  const n = <u32>load<u8>(ip, 3);
  getOperand(n);
  addConstant(blockMovement(ip));
  setOperand(n);
}

function blockLoad(ip: u32): void {
  const list = load<u32>(ip, 8);
  const length = blockLength(ip);
  if (!inGroup(ip)) {
    addressNear(ip, lowest(0, length, load<u8>(ip, 5)));
    settle(ip, length | PLACE_WORDS);
  }
  blockWriteBack(ip);
  for (let left = list, word = delta; left; left &= left - 1, word += 4) {
    get(at);
    access(W.I32_LOAD, word);
    setOperand(ctz<u32>(left) << 2);
  }
}

function blockStore(ip: u32): void {
  const list = load<u32>(ip, 8);
  const length = blockLength(ip);
  if (!inGroup(ip)) {
    addressNear(ip, lowest(0, length, load<u8>(ip, 5)));
    settle(ip, length | PLACE_WORDS | PLACE_WRITE);
  }
  for (let left = list, word = delta; left; left &= left - 1, word += 4) {
    get(at);
    getOperand(ctz<u32>(left) << 2);
    access(W.I32_STORE, word);
  }
  blockWriteBack(ip);
}

function dualLoad(ip: u32): void {
  if (!inGroup(ip)) {
    addressNear(ip, 0);
    settle(ip, 8 | PLACE_WORDS);
  }
  get(at);
  access(W.I32_LOAD, delta);
  setOperand(load<u8>(ip, 2));
  get(at);
  access(W.I32_LOAD, delta + 4);
  setOperand(load<u8>(ip, 5));
}

function dualStore(ip: u32): void {
  if (!inGroup(ip)) {
    addressNear(ip, 0);
    settle(ip, 8 | PLACE_WORDS | PLACE_WRITE);
  }
  get(at);
  getOperand(load<u8>(ip, 2));
  access(W.I32_STORE, delta);
  get(at);
  getOperand(load<u8>(ip, 5));
  access(W.I32_STORE, delta + 4);
}

// Exclusive accesses (A3.4), as arm/memory/exclusive does them: the monitor is a place in linear memory, and a size.

function exclusiveLoad(ip: u32): void {
  const size = <u32>load<u8>(ip, 5);
  getOperand(load<u8>(ip, 3));
  set(ADDRESS);
  settle(ip, size | PLACE_ALIGNED);
  constant(0);
  get(ADDRESS);
  storeWord(MONITOR);
  constant(0);
  constant(size);
  storeWord(MONITOR_SIZE);
  get(ADDRESS);
  access(loadCode(min<u32>(size, 4)), 0);
  setOperand(load<u8>(ip, 2));
  if (size < 8) return;
  get(ADDRESS);
  access(W.I32_LOAD, 4);
  setOperand(load<u8>(ip, 4));
}

function exclusiveStore(ip: u32): void {
  const size = <u32>load<u8>(ip, 5);
  getOperand(load<u8>(ip, 3));
  set(ADDRESS);
  settle(ip, size | PLACE_ALIGNED | PLACE_WRITE);
  loadWord(MONITOR);
  get(ADDRESS);
  op(W.I32_EQ);
  loadWord(MONITOR_SIZE);
  constant(size);
  op(W.I32_EQ);
  op(W.I32_AND);
  set(VALUE);
  constant(0);
  constant(0);
  storeWord(MONITOR);
  get(VALUE);
  likely();
  open(W.IF, TYPE_VOID);
  get(ADDRESS);
  getOperand(load<u8>(ip, 2));
  access(storeCode(min<u32>(size, 4)), 0);
  if (size == 8) {
    get(ADDRESS);
    getOperand(load<u8>(ip, 4));
    access(W.I32_STORE, 4);
  }
  close();
  get(VALUE);
  op(W.I32_EQZ);
  setOperand(load<u32>(ip, 8));
}

/** `count` words between memory at n + immediate and the VFP's registers from operand m. */
function vfpTransfer(ip: u32, count: u32, isLoad: bool): void {
  const first = (<u32>load<u8>(ip, 4)) << 2;
  if (!inGroup(ip)) {
    const code = <Op>load<u16>(ip);
    addressNear(ip, code == Op.VLDM || code == Op.VSTM ? 0 : load<u32>(ip, 8));
    settle(ip, (count << 2) | PLACE_WORDS | (isLoad ? 0 : PLACE_WRITE));
  }
  moveRegisters(first, count, isLoad);
}

/** `count` words between the registers from VFP_STATE + `first` and the place that was found. */
function moveRegisters(first: u32, count: u32, isLoad: bool): void {
  for (let word: u32 = 0; word < count;) {
    if (word + 4 <= count && vectorsAllowed()) {
      if (isLoad) constant(0);
      get(at);
      if (!isLoad) constant(0);
      moveVector(true, isLoad ? delta + (word << 2) : VFP_STATE + first + (word << 2));
      moveVector(false, isLoad ? VFP_STATE + first + (word << 2) : delta + (word << 2));
      word += 4;
      continue;
    }
    const pair = word + 2 <= count;
    const register = VFP_STATE + first + (word << 2);
    const there = delta + (word << 2);
    if (isLoad) constant(0);
    get(at);
    if (isLoad) {
      access(pair ? W.I64_LOAD : W.I32_LOAD, there);
      access(pair ? W.I64_STORE : W.I32_STORE, register);
    } else {
      constant(0);
      access(pair ? W.I64_LOAD : W.I32_LOAD, register);
      access(pair ? W.I64_STORE : W.I32_STORE, there);
    }
    word += pair ? 2 : 1;
  }
}

/** VLD1, VST1: s bytes between memory at n and the registers from operand m. */
function vectorTransfer(ip: u32, isLoad: bool): void {
  const length = <u32>load<u8>(ip, 5);
  const how = load<u32>(ip, 8);
  const strict: u32 = load<u32>(SCTLR) & SCTLR_A ? (1 << (how >>> 8)) - 1 : 0;
  const low = ((how & 0xff) - 1) | strict;
  if (low) {
    getOperand(load<u8>(ip, 3));
    constant(low);
    op(W.I32_AND);
    standIf(ip);
  }
  if (!inGroup(ip)) {
    addressNear(ip, 0);
    settle(ip, length | PLACE_ANYWHERE | (isLoad ? 0 : PLACE_WRITE));
  }
  moveRegisters((<u32>load<u8>(ip, 4)) << 2, length >>> 2, isLoad);
}

/** Writes the record at `ip`. False: it accesses no memory. */
export function lowerMemory(code: Op, ip: u32): bool {
  const immediate = load<u32>(ip, 8);
  switch (code) {
    case Op.LDR:
    case Op.LDRB:
    case Op.LDRH:
    case Op.LDRSB:
    case Op.LDRSH:
      loadNear(ip, sizeOf(<u32>code - <u32>Op.LDR), immediate);
      return true;
    case Op.STR:
    case Op.STRB:
    case Op.STRH:
      storeNear(ip, sizeOf(<u32>code - <u32>Op.STR), immediate);
      return true;
    case Op.LDR_R:
    case Op.LDRB_R:
    case Op.LDRH_R:
    case Op.LDRSB_R:
    case Op.LDRSH_R:
      addressRegister(ip);
      loadTo(ip, sizeOf(<u32>code - <u32>Op.LDR_R), 0);
      return true;
    case Op.STR_R:
    case Op.STRB_R:
    case Op.STRH_R:
      addressRegister(ip);
      storeFrom(ip, sizeOf(<u32>code - <u32>Op.STR_R), 0);
      return true;
    case Op.LDR_LITERAL:
      literal(ip);
      return true;
    case Op.LDR_PRE:
    case Op.LDR_POST:
    case Op.LDRB_POST:
      loadNear(ip, code == Op.LDRB_POST ? 1 : 4, code == Op.LDR_PRE ? immediate : 0);
      // A load into the base register wins.
      if (load<u8>(ip, 2) != load<u8>(ip, 3)) writeBack(ip);
      return true;
    case Op.STR_PRE:
    case Op.STR_POST:
    case Op.STRB_POST:
      storeNear(ip, code == Op.STRB_POST ? 1 : 4, code == Op.STR_PRE ? immediate : 0);
      writeBack(ip);
      return true;
    case Op.LDRD:
    case Op.STRD:
      if (code == Op.LDRD) dualLoad(ip);
      else dualStore(ip);
      return true;
    case Op.LDM:
      blockLoad(ip);
      return true;
    case Op.STM:
      blockStore(ip);
      return true;
    case Op.LDR_UNPRIVILEGED:
      addressNear(ip, 0);
      loadTo(ip, load<u8>(ip, 5), PLACE_UNPRIVILEGED);
      return true;
    case Op.STR_UNPRIVILEGED:
      addressNear(ip, 0);
      storeFrom(ip, (<u32>load<u8>(ip, 5)) & 7, PLACE_UNPRIVILEGED);
      return true;
    case Op.LDREX:
      exclusiveLoad(ip);
      return true;
    case Op.STREX:
      exclusiveStore(ip);
      return true;
    case Op.CLREX:
      constant(0);
      constant(0);
      storeWord(MONITOR);
      return true;
    case Op.VLDR32:
      vfpTransfer(ip, 1, true);
      return true;
    case Op.VLDR64:
      vfpTransfer(ip, 2, true);
      return true;
    case Op.VSTR32:
      vfpTransfer(ip, 1, false);
      return true;
    case Op.VSTR64:
      vfpTransfer(ip, 2, false);
      return true;
    case Op.VLD1:
    case Op.VST1:
      vectorTransfer(ip, code == Op.VLD1);
      return true;
    case Op.VLDM:
    case Op.VSTM:
      vfpTransfer(ip, load<u8>(ip, 5), code == Op.VLDM);
      return true;
    default:
      return false;
  }
}

/** LDR, LDRB, LDRH, LDRSB, LDRSH in this order. */
function sizeOf(which: u32): u32 {
  return which == 0 ? 4 : which == 1 ? 1 : which == 2 ? 2 : which == 3 ? SIGNED_BYTE : SIGNED_HALF;
}
