// Groups: accesses through one base register, whose place is asked for once.
//
// Code reads and writes many words near where one register points: a stack frame, a record. In a block, accesses at constant offsets from the
// same register are a group. Its first access asks where the bytes of all of them are (one probe of the TLB: the entry must serve the first
// byte and the last, and stores if there is one); the others are loads and stores at constant offsets from that place. A group that is not
// on one page, or that may not be accessed as a whole, leaves the function before its first access: the interpreter does the block. What was
// found stays true: mappings do not change inside a block, and code is not decoded.
//
// A group ends with its block, or when its register changes; but when that is by a constant (push, pop, a frame made), it moves along.
// Looking ahead need not be exact: bytes that are asked for and then not accessed cost nothing but a rarer fast path.

import { lowest } from "../arm/memory/block-transfer";
import { BLOCK_INCREMENT, BLOCK_WRITE_BACK, Op, RECORD_BYTES } from "../arm/decode/micro-operation";
import { OPERAND_PC, SCRATCH_2 } from "../arm/state";
import { SCTLR, SCTLR_A } from "../arm/cp15-state";
import { NONE, endsBlock, isGuard } from "./graph";
import { GROUP_LOCAL_COUNT, registersChanged } from "./locals";
import { isGuarded } from "./place";

/** Bytes from the first to the last of a group. */
const SPAN_MAX: i32 = 128;

// Open groups, by number: base register's operand (or CLOSED), offset from it, bytes, and what may be done.
const CLOSED: u32 = 0xff;
const bases: usize = memory.data(GROUP_LOCAL_COUNT);
const offsets: usize = memory.data(GROUP_LOCAL_COUNT * 4);
const lengths: usize = memory.data(GROUP_LOCAL_COUNT * 4);
const mayWrite: usize = memory.data(GROUP_LOCAL_COUNT);
/** Base + offset is a multiple of 4. */
const isAligned: usize = memory.data(GROUP_LOCAL_COUNT);

// ---- one record's access ---------------------------------------------------------------------------------------------------

let base: u32 = 0;
let offset: i32 = 0;
let length: i32 = 0;
let writes: bool = false;
/** It must be word-aligned (PLACE_WORDS of assist). */
let inWords: bool = false;

function describe(n: u32, at: i32, bytes: i32, isWrite: bool, words: bool): bool {
  base = n;
  offset = at;
  length = bytes;
  writes = isWrite;
  inWords = words;
  return n < OPERAND_PC;
}

/** Finds out what the record at `ip` accesses. False: nothing that could be in a group. */
function look(ip: u32): bool {
  const n = <u32>load<u8>(ip, 3);
  const immediate = load<i32>(ip, 8);
  const code = <Op>load<u16>(ip);
  switch (code) {
    case Op.LDR:
    case Op.LDR_PRE:
      return describe(n, immediate, 4, false, false);
    case Op.LDRH:
    case Op.LDRSH:
      return describe(n, immediate, 2, false, false);
    case Op.LDRB:
    case Op.LDRSB:
      return describe(n, immediate, 1, false, false);
    case Op.STR:
    case Op.STR_PRE:
      return describe(n, immediate, 4, true, false);
    case Op.STRH:
      return describe(n, immediate, 2, true, false);
    case Op.STRB:
      return describe(n, immediate, 1, true, false);
    case Op.LDR_POST:
      return describe(n, 0, 4, false, false);
    case Op.LDRB_POST:
      return describe(n, 0, 1, false, false);
    case Op.STR_POST:
      return describe(n, 0, 4, true, false);
    case Op.STRB_POST:
      return describe(n, 0, 1, true, false);
    case Op.LDRD:
    case Op.STRD: {
      // The record before has the address, when it has an offset.
      const before = ip - RECORD_BYTES;
      const has = n == SCRATCH_2 && <Op>load<u16>(before) == Op.ADDI && load<u8>(before, 2) == <u8>SCRATCH_2;
      return describe(has ? load<u8>(before, 3) : n, has ? load<i32>(before, 8) : 0, 8, code == Op.STRD, true);
    }
    case Op.LDM:
    case Op.STM: {
      const bytes = blockLength(ip);
      return describe(n, lowest(0, bytes, load<u8>(ip, 5)), bytes, code == Op.STM, true);
    }
    case Op.VLDR32:
      return describe(n, immediate, 4, false, true);
    case Op.VLDR64:
      return describe(n, immediate, 8, false, true);
    case Op.VSTR32:
      return describe(n, immediate, 4, true, true);
    case Op.VSTR64:
      return describe(n, immediate, 8, true, true);
    case Op.VLD1:
    case Op.VST1:
      return describe(n, 0, load<u8>(ip, 5), code == Op.VST1, false);
    default:
      return false;
  }
}

/** Bytes that the LDM or STM at `ip` transfers. */
export function blockLength(ip: u32): i32 {
  return popcnt<i32>(load<i32>(ip, 8)) << 2;
}

/** What its write-back adds to the base register. */
export function blockMovement(ip: u32): i32 {
  return load<u8>(ip, 5) & BLOCK_INCREMENT ? blockLength(ip) : -blockLength(ip);
}

/** What the record at `ip` adds to `register`, the only thing that it does to it; or NOT_MOVED. */
const NOT_MOVED: i32 = i32.MIN_VALUE;
function movedBy(ip: u32, register: u32): i32 {
  const d = <u32>load<u8>(ip, 2);
  const n = <u32>load<u8>(ip, 3);
  if (n != register) return NOT_MOVED;
  const immediate = load<i32>(ip, 8);
  switch (<Op>load<u16>(ip)) {
    case Op.ADDI:
      return d == n ? immediate : NOT_MOVED;
    case Op.LDR_PRE:
    case Op.LDR_POST:
    case Op.LDRB_POST:
      return d == n ? NOT_MOVED : immediate;
    case Op.STR_PRE:
    case Op.STR_POST:
    case Op.STRB_POST:
      return immediate;
    case Op.LDM:
    case Op.STM: {
      if (!(load<u8>(ip, 5) & BLOCK_WRITE_BACK)) return NOT_MOVED;
      if (<Op>load<u16>(ip) == Op.LDM && immediate & (1 << (n >>> 2))) return NOT_MOVED;
      return blockMovement(ip);
    }
    default:
      return NOT_MOVED;
  }
}

// ---- groups ------------------------------------------------------------------------------------------------------------------

/** Of the group that was found or opened last: its base, its first byte's offset, bytes, whether it is written, and word-aligned. */
export let groupBase: u32 = 0;
export let groupOffset: i32 = 0;
export let groupLength: i32 = 0;
export let groupWrites: bool = false;
export let groupAligned: bool = false;
/** How far from the group's place the bytes of the access at hand are. */
export let groupDelta: u32 = 0;

/** A block begins. */
export function groupsReset(): void {
  memory.fill(bases, <u8>CLOSED, GROUP_LOCAL_COUNT);
}

/** The open group that serves the access at `ip`, or NONE. */
export function groupServing(ip: u32): u32 {
  if (!look(ip)) return NONE;
  for (let which: u32 = 0; which < GROUP_LOCAL_COUNT; which++) {
    if (load<u8>(bases + which) != <u8>base) continue;
    const from = offset - load<i32>(offsets + (which << 2));
    if (from < 0 || from + length > load<i32>(lengths + (which << 2))) continue;
    if (writes && !load<u8>(mayWrite + which)) continue;
    if (inWords && (!load<u8>(isAligned + which) || from & 3)) continue;
    groupDelta = from;
    return which;
  }
  return NONE;
}

/** Opens a group that begins with the access at `ip`, when there is more than one access to come. NONE: there is not, or no room. */
export function groupOpen(ip: u32): u32 {
  if (isGuarded || load<u32>(SCTLR) & SCTLR_A || !look(ip)) return NONE;
  let which: u32 = 0;
  while (load<u8>(bases + which) != <u8>CLOSED) if (++which == GROUP_LOCAL_COUNT) return NONE;
  const own = offset;
  if (!collect(ip)) return NONE;
  store<u8>(bases + which, <u8>groupBase);
  store<i32>(offsets + (which << 2), groupOffset);
  store<i32>(lengths + (which << 2), groupLength);
  store<u8>(mayWrite + which, groupWrites ? 1 : 0);
  store<u8>(isAligned + which, groupAligned ? 1 : 0);
  groupDelta = own - groupOffset;
  return which;
}

/** Looks ahead from the access at `ip`, which was looked at. False: it is alone. */
function collect(ip: u32): bool {
  const register = base;
  let first = offset;
  let end = offset + length;
  let count = 1;
  let moved: i32 = 0;
  groupWrites = writes;
  groupAligned = inWords;
  // Where word-aligned accesses lie, modulo 4.
  let phase = offset & 3;
  while (!endsBlock(ip)) {
    const by = movedBy(ip, register);
    if (by != NOT_MOVED) moved += by;
    else if (changes(ip, register)) break;
    ip += RECORD_BYTES;
    if (isGuard(<Op>load<u16>(ip))) break;
    if (!look(ip) || base != register) continue;
    const at = offset + moved;
    if (inWords && groupAligned && (at & 3) != phase) continue;
    if (max(end, at + length) - min(first, at) > SPAN_MAX) continue;
    if (inWords) {
      groupAligned = true;
      phase = at & 3;
    }
    first = min(first, at);
    end = max(end, at + length);
    if (writes) groupWrites = true;
    count++;
  }
  if (count == 1) return false;
  if (groupAligned) {
    first -= (first - phase) & 3;
    end += (first - end) & 3;
  }
  groupBase = register;
  groupOffset = first;
  groupLength = end - first;
  return true;
}

/** Whether the record at `ip` is likely to set the register. */
function changes(ip: u32, register: u32): bool {
  if (load<u8>(ip, 2) != <u8>register) return false;
  return !look(ip) || !writes;
}

/** The record at `ip` is written: groups whose register changed are closed, or move. */
export function groupsAfter(ip: u32): void {
  for (let which: u32 = 0; which < GROUP_LOCAL_COUNT; which++) {
    const own = <u32>load<u8>(bases + which);
    if (own == CLOSED || !(registersChanged & (1 << (own >>> 2)))) continue;
    const by = isGuarded ? NOT_MOVED : movedBy(ip, own);
    if (by == NOT_MOVED) store<u8>(bases + which, <u8>CLOSED);
    else store<i32>(offsets + (which << 2), load<i32>(offsets + (which << 2)) - by);
  }
}
