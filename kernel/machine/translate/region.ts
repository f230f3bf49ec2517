// One function: the blocks of a region in their order, as structured control flow.
//
//   block $leave
//     block $exit
//       loop $again                     entered anew when a return finds its caller in this function
//         block $jump
//           br_table over STATE         which block to begin with
//           … the order …
//         end $jump                     TARGET is known only now: in this function, by the entry table?
//       end
//     end $exit
//     registers are stored; assistJump to TARGET, and the interpreter's loop finds who goes on
//   end $leave
//   registers are stored; assistLeave before the instruction at LEFT_SITE, and the interpreter goes on with it

import { CPU_STATE } from "../../abi/layout";
import { BLOCK_HEADER_BYTES, BLOCK_KEY } from "../arm/block-cache";
import { Op, RECORD_BYTES } from "../arm/decode/micro-operation";
import { QUESTION_A, QUESTION_KIND } from "../arm/question";
import { FLAG_C, FLAG_N, FLAG_V, FLAG_Z, LR } from "../arm/state";
import { TLB_CODE_ADDEND, TLB_CODE_MASK, TLB_CODE_TABLE, TLB_TABLE } from "../arm/memory/tlb";
import { ENTRY_COUNT, entryTable } from "../arm/translation";
import {
  TYPE_F32,
  TYPE_F64,
  TYPE_V128,
  TYPE_I32,
  TYPE_I64,
  TYPE_VOID,
  W,
  access,
  branchTo,
  byte,
  call,
  close,
  constant,
  depthReset,
  emitRoom,
  get,
  labelIndex,
  leb,
  op,
  open,
  set,
  tee,
} from "./emitter";
import { FLAGS_ANY, flagsKnown, flagsMerge, flagsState, pushCondition } from "./flags";
import { isForeign, systemBytes } from "./foreign";
import {
  NONE,
  REGION_BLOCKS_MAX,
  blockBehind,
  blockCount,
  blockOf,
  endsBlock,
  indexOf,
  isEntry,
  isGuard,
  pageCount,
  pageOfKey,
  targetOf,
} from "./graph";
import { groupsAfter, groupsReset } from "./groups";
import { unlikely } from "./hints";
import { vectorsAllowed } from "./vectors";
import { IMPORT_JUMP, IMPORT_LEAVE, IMPORT_VFP_REFUSED } from "./imports";
import * as locals from "./locals";
import { VERIFIED } from "./assist";
import { candidate, candidateCount, edge, edgeCount, findEdges } from "./procedures";
import { lowerData } from "./lower-data";
import { lowerFloat } from "./lower-float";
import { lowerMemory, pushTable } from "./lower-memory";
import { lowerSystem } from "./lower-system";
import { blockIn, componentEnd, headAround, needsDispatch, orderBlocks, orderStart, positionOf } from "./order";
import {
  blockKey,
  blockLength,
  blockOffset,
  exitTo,
  isThumb,
  jumpLabel,
  offsetOf,
  placeBlock,
  placeLabels,
  placeRecord,
  pushAddress,
  stand,
  standAt,
  standAtBlock,
  verifiedAt,
} from "./place";

/** More than a record and the opening of a sequence behind it can need. */
const RECORD_ROOM: u32 = 2048;

const labels: usize = memory.data(1024); // u32 by position: the label that leads there
const isOpen: usize = memory.data(256); // u8 by position of a head: its loop is open
const loopLabels: usize = memory.data(1024); // u32 by position of a head
/** What is known of the flags at a block's end (flagsState), by index. */
const flagsOut: usize = memory.data(256); // u8
const NOT_WRITTEN: u32 = 0xff;

/** Where a block's function can be entered: its position, and its page. */
export function stateOf(block: u32): u32 {
  return positionOf(block) | (pageOfKey(load<u32>(blockOf(block), BLOCK_KEY)) << 8);
}

let full: bool = false;
let slot: u32 = 0;

function setState(position: u32): void {
  constant(position);
  set(locals.STATE);
}

/** Branches to the block at `position` from inside the order. */
function goTo(position: u32): void {
  let element = position;
  let head = headAround(element);
  // The position itself may head an open loop.
  if (load<u8>(isOpen + position)) {
    if (needsDispatch(position)) setState(position);
    branchTo(W.BR, load<u32>(loopLabels + (position << 2)));
    return;
  }
  let inside = false;
  while (head != NONE && !load<u8>(isOpen + head)) {
    element = head;
    inside = true;
    head = headAround(element);
  }
  if (inside || (componentEnd(element) != 0 && needsDispatch(element))) setState(position);
  branchTo(W.BR, load<u32>(labels + (element << 2)));
}

/** Goes where the branch or fall at `ip` goes: inside the region, or out of it. */
function go(ip: u32): void {
  const target = blockOffset + load<u32>(ip, 8);
  const toThumb = isThumb != (<Op>load<u16>(ip) == Op.BLX);
  const found = targetOf(ip, blockKey);
  const index = indexOf(found);
  if (index == NONE) {
    exitTo(target, toThumb);
    return;
  }
  if (target >= 0x1000) verify(target, toThumb, load<u32>(found, BLOCK_KEY) & 0xffff_f000);
  goTo(positionOf(index));
}

/** Leaves unless the page with `target` is mapped to the region's page at linear-memory offset `page`. That is looked up once in a visit. */
function verify(target: u32, toThumb: bool, page: u32): void {
  const verified = verifiedAt(pageOfKey(page));
  pushAddress(target & 0xffff_f000);
  tee(locals.ADDRESS);
  op(W.I64_EXTEND_I32_U);
  constant(0);
  access(W.I64_LOAD, verified);
  op(W.I64_NE);
  unlikely();
  open(W.IF, TYPE_VOID);
  pushCodeEntry(locals.ADDRESS);
  tee(locals.ENTRY);
  access(W.I32_LOAD, 0);
  get(locals.ADDRESS);
  op(W.I32_NE);
  get(locals.ENTRY);
  access(W.I32_LOAD, TLB_CODE_ADDEND);
  get(locals.ADDRESS);
  op(W.I32_ADD);
  constant(page);
  op(W.I32_NE);
  op(W.I32_OR);
  open(W.IF, TYPE_VOID);
  exitTo(target, toThumb);
  close();
  constant(0);
  get(locals.ADDRESS);
  op(W.I64_EXTEND_I32_U);
  access(W.I64_STORE, verified);
  close();
}

/** The address on the stack, bit 0 telling the instruction set, is where the block with this index goes. */
function jump(index: u32): void {
  set(locals.TARGET);
  for (let which: u32 = 0; which < candidateCount(index); which++) {
    const to = candidate(index, which);
    const key = load<u32>(blockOf(to), BLOCK_KEY);
    get(locals.TARGET);
    constant(key & 0xfff);
    op(W.I32_SUB);
    op(W.I64_EXTEND_I32_U);
    constant(0);
    access(W.I64_LOAD, verifiedAt(pageOfKey(key)));
    op(W.I64_EQ);
    open(W.IF, TYPE_VOID);
    goTo(positionOf(to));
    close();
  }
  branchTo(W.BR, jumpLabel);
}

/** Pushes the TLB's code entry for the address in `local` (arm/memory/tlb tlbCodeEntry). */
function pushCodeEntry(local: u32): void {
  locals.loadWord(TLB_CODE_TABLE);
  get(local);
  constant(9);
  op(W.I32_SHR_U);
  constant(load<u32>(TLB_CODE_MASK));
  op(W.I32_AND);
  op(W.I32_ADD);
}

function leadsTo(index: u32, target: u32): bool {
  for (let which: u32 = 0; which < edgeCount(index); which++) if (edge(index, which) == target) return true;
  return false;
}

/** What all of the block's predecessors leave of the flags; nothing is known when one is not written yet, or control comes from outside. */
function inheritFlags(index: u32): void {
  let known = NOT_WRITTEN;
  flagsKnown(FLAGS_ANY);
  if (isEntry(index)) return;
  for (let other: u32 = 0; other < blockCount; other++) {
    if (!leadsTo(other, index)) continue;
    const out = <u32>load<u8>(flagsOut + other);
    if (out == NOT_WRITTEN) return;
    known = known == NOT_WRITTEN ? out : flagsMerge(known, out);
  }
  if (known != NOT_WRITTEN) flagsKnown(known);
}

function writeBlock(index: u32): void {
  const block = blockOf(index);
  placeBlock(block);
  groupsReset();
  inheritFlags(index);
  // Fuel for the whole block, or the interpreter counts out what is left.
  get(locals.FUEL);
  constant(blockLength);
  op(W.I32_SUB);
  tee(locals.FUEL);
  constant(0);
  op(W.I32_LT_S);
  unlikely();
  open(W.IF, TYPE_VOID);
  standAtBlock();
  close();
  let guardEnd: u32 = 0;
  let flagsBefore: u32 = 0;
  for (let ip = block + BLOCK_HEADER_BYTES; ; ip += RECORD_BYTES) {
    if (!emitRoom(RECORD_ROOM)) {
      full = true;
      return;
    }
    if (guardEnd != 0 && ip >= guardEnd) {
      close();
      // What was set under the guard may not have been.
      flagsKnown(flagsMerge(flagsBefore, flagsState()));
      guardEnd = 0;
    }
    const code = <Op>load<u16>(ip);
    if (isGuard(code)) {
      pushCondition(<u32>code - <u32>Op.GUARD_EQ);
      open(W.IF, TYPE_VOID);
      guardEnd = ip + load<u32>(ip, 8);
      flagsBefore = flagsState();
      continue;
    }
    placeRecord(ip, guardEnd != 0);
    locals.registersSettle();
    if (isForeign(ip)) stand(ip);
    else if (!lowerData(code, ip) && !lowerMemory(code, ip) && !lowerFloat(code, ip) && !lowerSystem(code, ip))
      writeBranch(index, code, ip);
    groupsAfter(ip);
    if (endsBlock(ip) && guardEnd == 0) {
      if (code == Op.SYSTEM && !isForeign(ip)) goBehind(index, ip);
      return;
    }
  }
}

/** Goes on behind the SYSTEM record at `ip`, the last of its block. */
function goBehind(index: u32, ip: u32): void {
  store<u8>(flagsOut + index, flagsState());
  const behind = indexOf(blockBehind(ip, blockKey));
  if (behind != NONE) goTo(positionOf(behind));
  else exitTo(offsetOf(ip) + systemBytes(ip), isThumb);
}

function writeBranch(index: u32, code: Op, ip: u32): void {
  const target = blockOffset + load<u32>(ip, 8);
  const after = blockOffset + ((<u32>load<u8>(ip, 7)) << 1);
  store<u8>(flagsOut + index, flagsState());
  if (code > Op.B && code <= Op.B_LE) {
    pushCondition(<u32>code - <u32>Op.B_EQ);
    open(W.IF, TYPE_VOID);
    go(ip);
    close();
    return;
  }
  switch (code) {
    case Op.CBZ:
    case Op.CBNZ:
      locals.getOperand(load<u8>(ip, 2));
      if (code == Op.CBZ) op(W.I32_EQZ);
      open(W.IF, TYPE_VOID);
      go(ip);
      close();
      return;
    case Op.B:
      go(ip);
      return;
    case Op.FALL: {
      const it = <u32>load<u8>(ip, 6);
      // Behind a conditional branch it is that branch's other way, which goes by address alone.
      const before = <Op>load<u16>(ip - RECORD_BYTES);
      if (it & 15 && !(before >= Op.B_EQ && before <= Op.CBNZ)) standAt(target, it);
      else go(ip);
      return;
    }
    case Op.BL:
    case Op.BLX:
      pushAddress((after + 4) | (<u32>load<u8>(ip, 5)));
      locals.setOperand(LR);
      go(ip);
      return;
    case Op.JUMP_LINK:
      // The target first: it may be the link register.
      locals.getOperand(load<u8>(ip, 4));
      pushAddress(load<u8>(ip, 5) ? (after + 2) | 1 : after + 4);
      locals.setOperand(LR);
      jump(index);
      return;
    case Op.JUMP:
      locals.getOperand(load<u8>(ip, 4));
      jump(index);
      return;
    case Op.JUMP_PLAIN:
      locals.getOperand(load<u8>(ip, 4));
      if (isThumb) {
        constant(1);
        op(W.I32_OR);
      }
      jump(index);
      return;
    case Op.TABLE_BRANCH:
      pushTable(ip);
      jump(index);
      return;
    default:
      // A record that nobody knows: a defect, which verification and the tests show as an instruction that is not translated.
      stand(ip);
      return;
  }
}

/** The elements of a sequence: positions, or components by their heads. */
function elementAfter(position: u32): u32 {
  const end = componentEnd(position);
  return end ? end : position + 1;
}

/** Opens a block for each element of [first, end) in turn, so that a branch to its label comes out before it. With `dispatch`, then
 *  branches by STATE; `self` is the label for positions before `first`, a component's head. */
function openSequence(first: u32, end: u32, dispatch: bool, head: u32): void {
  openBackwards(first, end);
  if (!dispatch) return;
  let self: u32 = 0;
  const from = head != NONE ? head : first;
  if (head != NONE) self = open(W.BLOCK, TYPE_VOID);
  get(locals.STATE);
  constant(from);
  op(W.I32_SUB);
  byte(<u32>W.BR_TABLE);
  leb(end - from - 1);
  for (let position = from; position < end; position++) {
    // The last label is the default.
    if (head != NONE && position == head) labelIndex(self);
    else labelIndex(load<u32>(labels + (elementOf(first, position) << 2)));
  }
  if (head != NONE) close();
}

/** The element of the sequence that starts at `first` which holds `position`. */
function elementOf(first: u32, position: u32): u32 {
  let element = first;
  while (elementAfter(element) <= position) element = elementAfter(element);
  return element;
}

function openBackwards(position: u32, end: u32): void {
  if (position >= end) return;
  openBackwards(elementAfter(position), end);
  store<u32>(labels + (position << 2), open(W.BLOCK, TYPE_VOID));
}

/** Writes the elements of [first, end): each begins where its block ends. */
function writeSequence(first: u32, end: u32): void {
  for (let position = first; position < end && !full; position = elementAfter(position)) {
    close();
    const componentStop = componentEnd(position);
    if (componentStop == 0) {
      writeBlock(blockIn(position));
      continue;
    }
    store<u32>(loopLabels + (position << 2), open(W.LOOP, TYPE_VOID));
    store<u8>(isOpen + position, 1);
    openSequence(position + 1, componentStop, needsDispatch(position), position);
    writeBlock(blockIn(position));
    writeSequence(position + 1, componentStop);
    store<u8>(isOpen + position, 0);
    close();
  }
}

/** Whether any block ends in a branch whose target may be a return point of the region. */
function returnsInside(): bool {
  let entryCount: u32 = 0;
  for (let i: u32 = 0; i < blockCount; i++) if (isEntry(i)) entryCount++;
  return entryCount > 1;
}

/** Writes the region's function, without its locals and prologue, which functionPrologue() writes when it is known what they are.
 *  False: there was no room. */
export function writeRegion(functionSlot: u32): bool {
  full = false;
  slot = functionSlot;
  locals.localsReset();
  depthReset();
  findEdges();
  orderBlocks();
  memory.fill(flagsOut, <u8>NOT_WRITTEN, REGION_BLOCKS_MAX);
  memory.fill(isOpen, 0, 256);
  const leave = open(W.BLOCK, TYPE_VOID);
  const exit = open(W.BLOCK, TYPE_VOID);
  const loops = returnsInside();
  const again = loops ? open(W.LOOP, TYPE_VOID) : 0;
  const jumpTo = loops ? open(W.BLOCK, TYPE_VOID) : exit;
  placeLabels(leave, exit, jumpTo);
  openSequence(orderStart(), REGION_BLOCKS_MAX, true, NONE);
  writeSequence(orderStart(), REGION_BLOCKS_MAX);
  if (full) return false;
  if (loops) {
    close();
    findInside(again);
    branchTo(W.BR, exit);
    close();
    op(W.UNREACHABLE);
  }
  close();
  writeEpilogue();
  get(locals.FUEL);
  get(locals.TARGET);
  op(W.RETURN_CALL);
  leb(IMPORT_JUMP);
  close();
  writeEpilogue();
  get(locals.FUEL);
  op(W.RETURN_CALL);
  leb(IMPORT_LEAVE);
  op(W.END);
  return emitRoom(RECORD_ROOM);
}

/** TARGET, when it is an entry of this function: goes there. */
function findInside(again: u32): void {
  get(locals.TARGET);
  constant(0xffff_f000);
  op(W.I32_AND);
  set(locals.ADDRESS);
  pushCodeEntry(locals.ADDRESS);
  tee(locals.ENTRY);
  access(W.I32_LOAD, 0);
  get(locals.ADDRESS);
  op(W.I32_EQ);
  open(W.IF, TYPE_VOID);
  get(locals.TARGET);
  get(locals.ENTRY);
  access(W.I32_LOAD, TLB_CODE_ADDEND);
  op(W.I32_ADD);
  set(locals.VALUE);
  get(locals.VALUE);
  pushEntryOf(locals.VALUE);
  tee(locals.ENTRY);
  access(W.I32_LOAD, entryTable);
  op(W.I32_EQ);
  get(locals.ENTRY);
  access(W.I32_LOAD, entryTable + 4);
  tee(locals.VALUE);
  constant(16);
  op(W.I32_SHR_U);
  constant(slot);
  op(W.I32_EQ);
  op(W.I32_AND);
  open(W.IF, TYPE_VOID);
  get(locals.ADDRESS);
  set(locals.PAGE);
  get(locals.VALUE);
  constant(0xffff);
  op(W.I32_AND);
  set(locals.STATE);
  beginPage();
  branchTo(W.BR, again);
  close();
  close();
}

/** Pushes the offset of the entry for the key in `local` (arm/translation entryOf). */
function pushEntryOf(local: u32): void {
  get(local);
  constant(1);
  op(W.I32_SHR_U);
  get(local);
  constant(11);
  op(W.I32_SHR_U);
  op(W.I32_XOR);
  constant(ENTRY_COUNT - 1);
  op(W.I32_AND);
  constant(3);
  op(W.I32_SHL);
}

function writeEpilogue(): void {
  for (let number: u32 = 0; number < 15; number++) {
    if (!(locals.writtenRegisters & (1 << number))) continue;
    constant(0);
    get(locals.REGISTERS + number);
    access(W.I32_STORE, CPU_STATE + (number << 2));
  }
  if (locals.usesFlags) {
    storeLocal(locals.NEGATIVE, FLAG_N);
    storeLocal(locals.NOT_ZERO, FLAG_Z);
    storeLocal(locals.CARRY, FLAG_C);
    storeLocal(locals.KIND, <u32>QUESTION_KIND);
    storeLocal(locals.A, <u32>QUESTION_A);
    storeLocal(locals.B, FLAG_V);
  }
}

function storeLocal(local: u32, address: u32): void {
  constant(0);
  get(local);
  access(W.I32_STORE, address);
}

function loadLocal(local: u32, address: u32): void {
  locals.loadWord(address);
  set(local);
}

/** STATE as a function is entered with becomes the position; where its page lies is known. */
function beginPage(): void {
  if (pageCount > 1) {
    get(locals.STATE);
    constant(8);
    op(W.I32_SHR_U);
    constant(3);
    op(W.I32_SHL);
    get(locals.PAGE);
    op(W.I64_EXTEND_I32_U);
    access(W.I64_STORE, <u32>VERIFIED);
    get(locals.STATE);
    constant(0xff);
    op(W.I32_AND);
    set(locals.STATE);
    return;
  }
  constant(0);
  get(locals.PAGE);
  op(W.I64_EXTEND_I32_U);
  access(W.I64_STORE, <u32>VERIFIED);
}

/** Writes the declaration of the locals, and what loads them. */
export function writePrologue(): void {
  leb(vectorsAllowed() ? 5 : 4);
  leb(locals.WORD_LOCAL_COUNT);
  byte(TYPE_I32);
  leb(locals.WIDE_LOCAL_COUNT);
  byte(TYPE_I64);
  leb(locals.DOUBLE_LOCAL_COUNT);
  byte(TYPE_F64);
  leb(locals.SINGLE_LOCAL_COUNT);
  byte(TYPE_F32);
  if (vectorsAllowed()) {
    leb(locals.VECTOR_LOCAL_COUNT);
    byte(TYPE_V128);
  }
  for (let number: u32 = 0; number < 15; number++) {
    if (locals.usedRegisters & (1 << number)) loadLocal(locals.REGISTERS + number, CPU_STATE + (number << 2));
  }
  if (locals.usesFlags) {
    loadLocal(locals.NEGATIVE, FLAG_N);
    loadLocal(locals.NOT_ZERO, FLAG_Z);
    loadLocal(locals.CARRY, FLAG_C);
    loadLocal(locals.KIND, <u32>QUESTION_KIND);
    loadLocal(locals.A, <u32>QUESTION_A);
    loadLocal(locals.B, FLAG_V);
  }
  if (locals.usesTlb) loadLocal(locals.TLB, TLB_TABLE);
  for (let which: u32 = 0; which < pageCount && pageCount > 1; which++) {
    constant(0);
    op(W.I64_CONST);
    leb(0x7f); // −1
    access(W.I64_STORE, verifiedAt(which));
  }
  beginPage();
  if (locals.usesVfp) {
    call(IMPORT_VFP_REFUSED);
    set(locals.VFP_REFUSED);
  }
}
