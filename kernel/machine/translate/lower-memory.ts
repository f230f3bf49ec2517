// Loads and stores. The TLB is probed inline (arm/tlb): an entry's tag is compared with the page of the access's last byte, so that one
// compare decides mapping, permission and domain, and an access on two pages falls out. While SCTLR.A is set the size's low bits are compared
// too, so that alignment is decided with it. What misses asks assistPlace() where the bytes are; it answers 0 when the function has to be
// left before the instruction (a fault, a device, a store into decoded code). Either way there is one load or store behind it.

import { VFP_STATE } from "../../abi/layout";
import { BLOCK_BEFORE, BLOCK_INCREMENT, BLOCK_WRITE_BACK, Op } from "../arm/micro-operation";
import { MONITOR, MONITOR_SIZE } from "../arm/state";
import { TLB_ADDEND, TLB_MASK, TLB_READ, TLB_WRITE } from "../arm/tlb";
import { SCTLR, SCTLR_A } from "../arm/cp15-state";
import { PLACE_ALIGNED, PLACE_UNPRIVILEGED, PLACE_WORDS, PLACE_WRITE } from "./assist";
import { W, TYPE_I32, TYPE_VOID, access, branchTo, call, close, constant, get, op, open, set, tee } from "./emitter";
import { likely, unlikely } from "./hints";
import { IMPORT_PLACE } from "./imports";
import { ADDRESS, ENTRY, TLB, VALUE, getOperand, loadWord, noteTlb, setOperand, storeWord } from "./locals";
import { blockOffset, isThumb, leaveLabel, pageBase, pushAddress, siteOf } from "./place";

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
  const strict = (load<u32>(SCTLR) & SCTLR_A) != 0;
  probe(tag, length, what & PLACE_WORDS ? 3 : strict || what & PLACE_ALIGNED ? length - 1 : 0);
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

/** The register that becomes the address of the access when it is done, and what is added: base register write-back. 0xff: none. */
let backTo: u32 = 0xff;
let backBy: u32 = 0;

function writeBack(): void {
  if (backTo == 0xff) return;
  get(ADDRESS);
  if (backBy) {
    constant(backBy);
    op(W.I32_ADD);
  }
  setOperand(backTo);
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
  const d = <u32>load<u8>(ip, 2);
  place(ip, (size & 7) | how);
  access(loadCode(size), 0);
  // The base first: a load into the base register wins.
  if (backTo == d) backTo = 0xff;
  setOperand(d);
  writeBack();
}

function storeFrom(ip: u32, size: u32, how: u32): void {
  place(ip, size | PLACE_WRITE | how);
  getOperand(load<u8>(ip, 2));
  access(storeCode(size), 0);
  writeBack();
}

function addressImmediate(ip: u32): void {
  const immediate = load<u32>(ip, 8);
  getOperand(load<u8>(ip, 3));
  if (immediate) {
    constant(immediate);
    op(W.I32_ADD);
  }
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
}

/** Lowest address of the block, as block-transfer's lowest(). */
function blockAddress(n: u32, length: u32, mode: u32): void {
  let from: i32 = 0;
  if (mode & BLOCK_INCREMENT) from = mode & BLOCK_BEFORE ? 4 : 0;
  else from = mode & BLOCK_BEFORE ? -(<i32>length) : 4 - <i32>length;
  getOperand(n);
  if (from) {
    constant(<u32>from);
    op(W.I32_ADD);
  }
  set(ADDRESS);
}

function blockWriteBack(n: u32, length: u32, mode: u32): void {
  if (!(mode & BLOCK_WRITE_BACK)) return;
  getOperand(n);
  constant(mode & BLOCK_INCREMENT ? length : <u32>-(<i32>length));
  op(W.I32_ADD);
  setOperand(n);
}

function blockLoad(ip: u32): void {
  const n = <u32>load<u8>(ip, 3);
  const mode = <u32>load<u8>(ip, 5);
  const list = load<u32>(ip, 8);
  const length = popcnt<u32>(list) << 2;
  blockAddress(n, length, mode);
  settle(ip, length | PLACE_WORDS);
  blockWriteBack(n, length, mode);
  for (let left = list, at: u32 = 0; left; left &= left - 1, at += 4) {
    get(ADDRESS);
    access(W.I32_LOAD, at);
    setOperand(ctz<u32>(left) << 2);
  }
}

function blockStore(ip: u32): void {
  const n = <u32>load<u8>(ip, 3);
  const mode = <u32>load<u8>(ip, 5);
  const list = load<u32>(ip, 8);
  const length = popcnt<u32>(list) << 2;
  blockAddress(n, length, mode);
  settle(ip, length | PLACE_WORDS | PLACE_WRITE);
  for (let left = list, at: u32 = 0; left; left &= left - 1, at += 4) {
    get(ADDRESS);
    getOperand(ctz<u32>(left) << 2);
    access(W.I32_STORE, at);
  }
  blockWriteBack(n, length, mode);
}

function dualLoad(ip: u32): void {
  settle(ip, 8 | PLACE_WORDS);
  get(ADDRESS);
  access(W.I32_LOAD, 0);
  setOperand(load<u8>(ip, 2));
  get(ADDRESS);
  access(W.I32_LOAD, 4);
  setOperand(load<u8>(ip, 5));
}

function dualStore(ip: u32): void {
  settle(ip, 8 | PLACE_WORDS | PLACE_WRITE);
  get(ADDRESS);
  getOperand(load<u8>(ip, 2));
  access(W.I32_STORE, 0);
  get(ADDRESS);
  getOperand(load<u8>(ip, 5));
  access(W.I32_STORE, 4);
}

// Exclusive accesses (A3.4), as arm/exclusive does them: the monitor is a place in linear memory, and a size.

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
  const register = (<u32>load<u8>(ip, 4)) << 2;
  const code = <Op>load<u16>(ip);
  if (code != Op.VLDM && code != Op.VSTM) addressImmediate(ip);
  else {
    getOperand(load<u8>(ip, 3));
    set(ADDRESS);
  }
  settle(ip, (count << 2) | PLACE_WORDS | (isLoad ? 0 : PLACE_WRITE));
  for (let word: u32 = 0; word < count;) {
    const pair = word + 2 <= count;
    const at = VFP_STATE + register + (word << 2);
    if (isLoad) constant(0);
    get(ADDRESS);
    if (isLoad) {
      access(pair ? W.I64_LOAD : W.I32_LOAD, word << 2);
      access(pair ? W.I64_STORE : W.I32_STORE, at);
    } else {
      constant(0);
      access(pair ? W.I64_LOAD : W.I32_LOAD, at);
      access(pair ? W.I64_STORE : W.I32_STORE, word << 2);
    }
    word += pair ? 2 : 1;
  }
}

/** Writes the record at `ip`. False: it accesses no memory. */
export function lowerMemory(code: Op, ip: u32): bool {
  const n = <u32>load<u8>(ip, 3);
  const immediate = load<u32>(ip, 8);
  backTo = 0xff;
  backBy = 0;
  switch (code) {
    case Op.LDR:
    case Op.LDRB:
    case Op.LDRH:
    case Op.LDRSB:
    case Op.LDRSH:
      addressImmediate(ip);
      loadTo(ip, sizeOf(<u32>code - <u32>Op.LDR), 0);
      return true;
    case Op.STR:
    case Op.STRB:
    case Op.STRH:
      addressImmediate(ip);
      storeFrom(ip, sizeOf(<u32>code - <u32>Op.STR), 0);
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
    case Op.STR_PRE:
      addressImmediate(ip);
      backTo = n;
      if (code == Op.LDR_PRE) loadTo(ip, 4, 0);
      else storeFrom(ip, 4, 0);
      return true;
    case Op.LDR_POST:
    case Op.LDRB_POST:
    case Op.STR_POST:
    case Op.STRB_POST:
      getOperand(n);
      set(ADDRESS);
      backTo = n;
      backBy = immediate;
      if (code == Op.LDR_POST || code == Op.LDRB_POST) loadTo(ip, code == Op.LDR_POST ? 4 : 1, 0);
      else storeFrom(ip, code == Op.STR_POST ? 4 : 1, 0);
      return true;
    case Op.LDRD:
    case Op.STRD:
      getOperand(n);
      set(ADDRESS);
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
      getOperand(n);
      set(ADDRESS);
      loadTo(ip, load<u8>(ip, 5), PLACE_UNPRIVILEGED);
      return true;
    case Op.STR_UNPRIVILEGED:
      getOperand(n);
      set(ADDRESS);
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
