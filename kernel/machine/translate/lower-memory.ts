// Loads and stores. The TLB is probed inline (arm/tlb): an entry's tag is compared with the address under a mask that holds the
// size's low bits too, so one compare decides mapping, permission, alignment and domain. What misses calls an assist, which is the
// interpreter's own slow path, and may want the function left: before the instruction (an abort), or behind it (an interrupt, an
// exit, or the code itself changed). What the instruction does besides is completed on that way too, by finish().

import { VFP_STATE } from "../../abi/layout";
import { BLOCK_BEFORE, BLOCK_INCREMENT, BLOCK_WRITE_BACK, Op, RECORD_BYTES } from "../arm/micro-operation";
import { MONITOR, EVENT_WORD, EVENT_LEAVE } from "../arm/state";
import { TLB_ADDEND, TLB_MASK, TLB_READ, TLB_WRITE } from "../arm/tlb";
import { SITE_BRANCH } from "./assist";
import { W, TYPE_I32, TYPE_VOID, access, branchTo, call, close, constant, get, op, open, set, tee } from "./emitter";
import {
  IMPORT_BLOCK_LOAD,
  IMPORT_BLOCK_STORE,
  IMPORT_DUAL_LOAD,
  IMPORT_DUAL_STORE,
  IMPORT_EXCLUSIVE_LOAD,
  IMPORT_EXCLUSIVE_STORE,
  IMPORT_READ,
  IMPORT_READ_UNPRIVILEGED,
  IMPORT_VFP_LOAD,
  IMPORT_VFP_STORE,
  IMPORT_WRITE,
  IMPORT_WRITE_UNPRIVILEGED,
} from "./imports";
import {
  ADDRESS,
  ENTRY,
  FUEL,
  SITE,
  TARGET,
  TLB,
  VALUE,
  getOperand,
  loadWord,
  noteTlb,
  reload,
  setOperand,
  spill,
  storeWord,
} from "./locals";
import { lowerData } from "./lower-data";
import { blockOffset, exitLabel, isThumb, pageBase, pushAddress, siteOf } from "./place";

/** Pushes whether the TLB serves ADDRESS; ENTRY is its entry. `low` is the size less one, or as much of it as must be aligned. */
function probe(tag: u32, low: u32): void {
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
  constant(0xffff_f000 | low);
  op(W.I32_AND);
  op(W.I32_EQ);
}

/** Pushes the place of ADDRESS in linear memory. */
function place(): void {
  get(ADDRESS);
  get(ENTRY);
  access(W.I32_LOAD, TLB_ADDEND);
  op(W.I32_ADD);
}

/** The address on the stack, when the access has written `operand`: base register write-back, done after the access. */
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

/** The records of the instruction behind `ip`, and then its end: the function is left with EVENT_LEAVE. */
function finish(ip: u32, site: u32): void {
  for (let next = ip + RECORD_BYTES; load<u8>(next, 7) == load<u8>(ip, 7); next += RECORD_BYTES) {
    const code = <Op>load<u16>(next);
    if (code == Op.MOV || code == Op.ADDI) lowerData(code, next);
    else if (code == Op.JUMP || code == Op.TABLE_BRANCH) {
      if (code == Op.JUMP) getOperand(load<u8>(next, 4));
      else pushTable(next);
      set(TARGET);
      site |= SITE_BRANCH;
      break;
    }
  }
  constant(site);
  set(SITE);
  branchTo(W.BR, exitLabel);
}

/** Pushes the target of a table branch. */
export function pushTable(ip: u32): void {
  getOperand(load<u8>(ip, 4));
  constant(1);
  op(W.I32_SHL);
  pushAddress((blockOffset + load<u32>(ip, 8)) | (isThumb ? 1 : 0));
  op(W.I32_ADD);
}

/** The event of an access is on the stack: leaves the function unless it is EVENT_NONE. `loaded`: register d takes VALUE when the
 *  access was done; 0xff: nothing does. */
function afterAccess(ip: u32, loaded: u32): void {
  const site = siteOf(ip);
  open(W.IF, TYPE_VOID);
  constant(site);
  set(SITE);
  loadWord(EVENT_WORD);
  constant(EVENT_LEAVE);
  op(W.I32_NE);
  branchTo(W.BR_IF, exitLabel);
  if (loaded != 0xff) {
    writeBack();
    get(VALUE);
    setOperand(loaded);
  } else writeBack();
  finish(ip, site);
  close();
}

const SIGNED_BYTE: u32 = 0x81;
const SIGNED_HALF: u32 = 0x82;

function loadCode(size: u32): W {
  if (size == SIGNED_BYTE) return W.I32_LOAD8_S;
  if (size == SIGNED_HALF) return W.I32_LOAD16_S;
  return size == 1 ? W.I32_LOAD8_U : size == 2 ? W.I32_LOAD16_U : W.I32_LOAD;
}

function extend(size: u32): void {
  if (size == SIGNED_BYTE) op(W.I32_EXTEND8_S);
  else if (size == SIGNED_HALF) op(W.I32_EXTEND16_S);
}

/** A load of `size` bytes at ADDRESS to operand d. */
function loadTo(ip: u32, size: u32): void {
  const d = <u32>load<u8>(ip, 2);
  const bytes = size & 7;
  probe(TLB_READ, bytes - 1);
  open(W.IF, TYPE_I32);
  place();
  access(loadCode(size), 0);
  op(W.ELSE);
  slowLoad(ip, size, d, IMPORT_READ);
  close();
  // The base first: a load into the base register wins.
  set(VALUE);
  writeBack();
  get(VALUE);
  setOperand(d);
}

function slowLoad(ip: u32, size: u32, d: u32, assist: u32): void {
  get(ADDRESS);
  constant(size & 7);
  constant(siteOf(ip));
  get(FUEL);
  call(assist);
  extend(size);
  set(VALUE);
  loadWord(EVENT_WORD);
  afterAccess(ip, d);
  get(VALUE);
}

function storeFrom(ip: u32, size: u32): void {
  const d = <u32>load<u8>(ip, 2);
  probe(TLB_WRITE, size - 1);
  open(W.IF, TYPE_VOID);
  place();
  getOperand(d);
  access(size == 4 ? W.I32_STORE : size == 2 ? W.I32_STORE16 : W.I32_STORE8, 0);
  op(W.ELSE);
  get(ADDRESS);
  getOperand(d);
  constant(size);
  constant(siteOf(ip));
  get(FUEL);
  constant(0);
  call(IMPORT_WRITE);
  afterAccess(ip, 0xff);
  close();
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
  loadTo(ip, 4);
}

/** Pushes whether the TLB serves all of the `length` bytes at ADDRESS: aligned words within a page. */
function probeBlock(tag: u32, length: u32): void {
  probe(tag, 3);
  if (length <= 4) return;
  get(ADDRESS);
  constant(0xfff);
  op(W.I32_AND);
  constant(0x1000 - length);
  op(W.I32_LE_U);
  op(W.I32_AND);
}

/** ADDRESS becomes the place in linear memory. */
function settle(): void {
  place();
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
  probeBlock(TLB_READ, length);
  open(W.IF, TYPE_VOID);
  settle();
  blockWriteBack(n, length, mode);
  for (let left = list, at: u32 = 0; left; left &= left - 1, at += 4) {
    get(ADDRESS);
    access(W.I32_LOAD, at);
    setOperand(ctz<u32>(left) << 2);
  }
  op(W.ELSE);
  spill(n);
  blockCall(ip, IMPORT_BLOCK_LOAD, n, list, mode);
  set(VALUE);
  for (let left = list; left; left &= left - 1) reload(ctz<u32>(left) << 2);
  reload(n);
  get(VALUE);
  afterAccess(ip, 0xff);
  close();
}

function blockStore(ip: u32): void {
  const n = <u32>load<u8>(ip, 3);
  const mode = <u32>load<u8>(ip, 5);
  const list = load<u32>(ip, 8);
  const length = popcnt<u32>(list) << 2;
  blockAddress(n, length, mode);
  probeBlock(TLB_WRITE, length);
  open(W.IF, TYPE_VOID);
  settle();
  for (let left = list, at: u32 = 0; left; left &= left - 1, at += 4) {
    get(ADDRESS);
    getOperand(ctz<u32>(left) << 2);
    access(W.I32_STORE, at);
  }
  blockWriteBack(n, length, mode);
  op(W.ELSE);
  spill(n);
  blockCall(ip, IMPORT_BLOCK_STORE, n, list, mode);
  set(VALUE);
  reload(n);
  get(VALUE);
  afterAccess(ip, 0xff);
  close();
}

/** Pushes the event. The registers of the list are stored first: a store reads them, and a load that aborts leaves them. */
function blockCall(ip: u32, assist: u32, n: u32, list: u32, mode: u32): void {
  for (let left = list; left; left &= left - 1) spill(ctz<u32>(left) << 2);
  constant(n);
  constant(list);
  constant(mode);
  constant(siteOf(ip));
  get(FUEL);
  constant(0);
  call(assist);
}

function dualLoad(ip: u32): void {
  const d = <u32>load<u8>(ip, 2);
  const s = <u32>load<u8>(ip, 5);
  probe(TLB_READ, 7);
  open(W.IF, TYPE_VOID);
  settle();
  get(ADDRESS);
  access(W.I32_LOAD, 0);
  setOperand(d);
  get(ADDRESS);
  access(W.I32_LOAD, 4);
  setOperand(s);
  op(W.ELSE);
  spill(d);
  spill(s);
  get(ADDRESS);
  constant(d | (s << 8));
  constant(siteOf(ip));
  get(FUEL);
  call(IMPORT_DUAL_LOAD);
  set(VALUE);
  reload(d);
  reload(s);
  get(VALUE);
  afterAccess(ip, 0xff);
  close();
}

function dualStore(ip: u32): void {
  const d = <u32>load<u8>(ip, 2);
  const s = <u32>load<u8>(ip, 5);
  probe(TLB_WRITE, 7);
  open(W.IF, TYPE_VOID);
  settle();
  get(ADDRESS);
  getOperand(d);
  access(W.I32_STORE, 0);
  get(ADDRESS);
  getOperand(s);
  access(W.I32_STORE, 4);
  op(W.ELSE);
  get(ADDRESS);
  getOperand(d);
  getOperand(s);
  constant(siteOf(ip));
  get(FUEL);
  constant(0);
  call(IMPORT_DUAL_STORE);
  afterAccess(ip, 0xff);
  close();
}

function exclusiveLoad(ip: u32): void {
  const d = <u32>load<u8>(ip, 2);
  const m = <u32>load<u8>(ip, 4);
  const size = <u32>load<u8>(ip, 5);
  spill(d);
  if (size == 8) spill(m);
  getOperand(load<u8>(ip, 3));
  constant(size | (d << 8) | (m << 16));
  constant(siteOf(ip));
  get(FUEL);
  call(IMPORT_EXCLUSIVE_LOAD);
  set(VALUE);
  reload(d);
  if (size == 8) reload(m);
  get(VALUE);
  afterAccess(ip, 0xff);
}

function exclusiveStore(ip: u32): void {
  const status = load<u32>(ip, 8);
  spill(status);
  getOperand(load<u8>(ip, 3));
  constant((<u32>load<u8>(ip, 5)) | (status << 8));
  getOperand(load<u8>(ip, 2));
  getOperand(load<u8>(ip, 4));
  constant(siteOf(ip));
  get(FUEL);
  call(IMPORT_EXCLUSIVE_STORE);
  set(VALUE);
  reload(status);
  get(VALUE);
  afterAccess(ip, 0xff);
}

/** `count` words between memory at n + immediate and the VFP's registers from operand m. */
function vfpTransfer(ip: u32, count: u32, isLoad: bool): void {
  const register = (<u32>load<u8>(ip, 4)) << 2;
  const code = <Op>load<u16>(ip);
  const single = code != Op.VLDM && code != Op.VSTM;
  if (single) addressImmediate(ip);
  else {
    getOperand(load<u8>(ip, 3));
    set(ADDRESS);
  }
  const tag = isLoad ? TLB_READ : TLB_WRITE;
  if (single) probe(tag, (count << 2) - 1);
  else probeBlock(tag, count << 2);
  open(W.IF, TYPE_VOID);
  settle();
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
  op(W.ELSE);
  get(ADDRESS);
  constant(register | (count << 16));
  constant(siteOf(ip));
  get(FUEL);
  call(isLoad ? IMPORT_VFP_LOAD : IMPORT_VFP_STORE);
  afterAccess(ip, 0xff);
  close();
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
      loadTo(ip, sizeOf(<u32>code - <u32>Op.LDR));
      return true;
    case Op.STR:
    case Op.STRB:
    case Op.STRH:
      addressImmediate(ip);
      storeFrom(ip, sizeOf(<u32>code - <u32>Op.STR));
      return true;
    case Op.LDR_R:
    case Op.LDRB_R:
    case Op.LDRH_R:
    case Op.LDRSB_R:
    case Op.LDRSH_R:
      addressRegister(ip);
      loadTo(ip, sizeOf(<u32>code - <u32>Op.LDR_R));
      return true;
    case Op.STR_R:
    case Op.STRB_R:
    case Op.STRH_R:
      addressRegister(ip);
      storeFrom(ip, sizeOf(<u32>code - <u32>Op.STR_R));
      return true;
    case Op.LDR_LITERAL:
      literal(ip);
      return true;
    case Op.LDR_PRE:
    case Op.STR_PRE:
      addressImmediate(ip);
      backTo = n;
      if (code == Op.LDR_PRE) loadTo(ip, 4);
      else storeFrom(ip, 4);
      return true;
    case Op.LDR_POST:
    case Op.LDRB_POST:
    case Op.STR_POST:
    case Op.STRB_POST:
      getOperand(n);
      set(ADDRESS);
      backTo = n;
      backBy = immediate;
      if (code == Op.LDR_POST || code == Op.LDRB_POST) loadTo(ip, code == Op.LDR_POST ? 4 : 1);
      else storeFrom(ip, code == Op.STR_POST ? 4 : 1);
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
    case Op.LDR_UNPRIVILEGED: {
      getOperand(n);
      set(ADDRESS);
      slowLoad(ip, load<u8>(ip, 5), load<u8>(ip, 2), IMPORT_READ_UNPRIVILEGED);
      setOperand(load<u8>(ip, 2));
      return true;
    }
    case Op.STR_UNPRIVILEGED:
      getOperand(n);
      getOperand(load<u8>(ip, 2));
      constant((<u32>load<u8>(ip, 5)) & 7);
      constant(siteOf(ip));
      get(FUEL);
      constant(0);
      call(IMPORT_WRITE_UNPRIVILEGED);
      afterAccess(ip, 0xff);
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
