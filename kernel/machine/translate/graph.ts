// A region: the blocks that are translated together, and how control goes between them.
//
// It grows from a hot block along branches whose targets are known and lie in the same page, over blocks that were decoded, that is,
// executed. A block is an *entry* when control may come from outside: where it began, where calls and exceptions return to, and
// what else is hot in the page.

import { BLOCK_COUNT, BLOCK_COUNT_MASK, BLOCK_ENTRY, BLOCK_HEADER_BYTES, BLOCK_HEAT, BLOCK_KEY, blockFind, pageBlocks, blockNextInPage } from "../arm/block-cache";
import { pageRecord } from "../pages";
import { Op, RECORD_BYTES } from "../arm/micro-operation";

export const REGION_BLOCKS_MAX: u32 = 64;
/** Instructions. */
const REGION_LENGTH_MAX: u32 = 400;
/** Samples that let a block of the same page join. */
const WARM: u32 = 4;
export const NONE: u32 = 0xffff_ffff;

export let blockCount: u32 = 0;
/** Linear-memory offset of the page. */
export let pageBase: u32 = 0;
/** Instructions of all blocks. */
export let regionLength: u32 = 0;
let thumb: u32 = 0;

const blocks: usize = memory.data(256); // u32 × REGION_BLOCKS_MAX
const entries: usize = memory.data(64); // u8
const successors: usize = memory.data(512); // u32 × 2

// @ts-ignore: decorator
@inline
export function blockOf(index: u32): u32 {
  return load<u32>(blocks + (index << 2));
}

// @ts-ignore: decorator
@inline
export function isEntry(index: u32): bool {
  return load<u8>(entries + index) != 0;
}

/** Successor 0 or 1 of a block, by index, or NONE. */
// @ts-ignore: decorator
@inline
export function successor(index: u32, which: u32): u32 {
  return load<u32>(successors + (index << 3) + (which << 2));
}

/** Index of the block that begins at `offset` of the page, or NONE. */
export function blockAt(offset: u32): u32 {
  if (offset >= 0x1000) return NONE;
  const key = pageBase | offset | thumb;
  for (let i: u32 = 0; i < blockCount; i++) if (load<u32>(blockOf(i), BLOCK_KEY) == key) return i;
  return NONE;
}

/** What follows the block that was looked at last: offsets in the page of its direct successors, and of a return. */
let exitFirst: u32 = NONE;
let exitSecond: u32 = NONE;
let returnPoint: u32 = NONE;

function addExit(offset: u32): void {
  if (exitFirst == NONE) exitFirst = offset;
  else exitSecond = offset;
}

/** Records that the interpreter does, with the function left: they change what a function takes for granted. */
export function isForeign(code: Op): bool {
  switch (code) {
    case Op.SVC:
    case Op.HVC:
    case Op.BKPT:
    case Op.UNDEFINED:
    case Op.RETURN:
    case Op.SYSTEM:
    case Op.BLOCK_SPECIAL:
    case Op.SWP:
      return true;
    default:
      return false;
  }
}

function isBranch(code: Op): bool {
  switch (code) {
    case Op.B:
    case Op.BL:
    case Op.BLX:
    case Op.JUMP:
    case Op.JUMP_PLAIN:
    case Op.JUMP_LINK:
    case Op.TABLE_BRANCH:
    case Op.FALL:
      return true;
    default:
      return false;
  }
}

export function isGuard(code: Op): bool {
  return code >= Op.GUARD_EQ && code <= Op.GUARD_LE;
}

/** Nothing of the block follows the record, when it is not under a guard. */
export function endsBlock(code: Op): bool {
  return isForeign(code) || isBranch(code);
}

/** Finds out what follows the block. */
function look(block: u32): void {
  exitFirst = NONE;
  exitSecond = NONE;
  returnPoint = NONE;
  const start = load<u32>(block, BLOCK_KEY) & 0xffe;
  let guardEnd: u32 = 0;
  for (let ip = block + BLOCK_HEADER_BYTES; ; ip += RECORD_BYTES) {
    const code = <Op>load<u16>(ip);
    const after = start + ((<u32>load<u8>(ip, 7)) << 1) + (thumb ? 2 : 4);
    const target = start + load<u32>(ip, 8);
    if (isGuard(code)) guardEnd = ip + load<u32>(ip, 8);
    else if ((code >= Op.B && code <= Op.CBNZ) || code == Op.FALL) addExit(target);
    else if (code == Op.BL) {
      addExit(target);
      returnPoint = start + ((<u32>load<u8>(ip, 7)) << 1) + 4;
    } else if (code == Op.BLX) returnPoint = start + ((<u32>load<u8>(ip, 7)) << 1) + 4;
    else if (code == Op.JUMP_LINK || code == Op.SVC) returnPoint = after;
    else if (code == Op.SYSTEM) returnPoint = start + ((<u32>load<u8>(ip, 7)) << 1) + (load<u8>(ip, 5) & 0x80 ? 2 : 4);
    if (endsBlock(code) && ip >= guardEnd) return;
  }
}

/** Takes a block in; its index, or NONE when it may not come. */
function take(block: u32, entry: bool): u32 {
  if (!block) return NONE;
  const known = blockAt(load<u32>(block, BLOCK_KEY) & 0xffe);
  if (known != NONE) {
    if (entry) store<u8>(entries + known, 1);
    return known;
  }
  const count = load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK;
  if (blockCount == REGION_BLOCKS_MAX || regionLength + count > REGION_LENGTH_MAX) return NONE;
  if (isForeign(<Op>load<u16>(block + BLOCK_HEADER_BYTES))) return NONE;
  const index = blockCount++;
  regionLength += count;
  store<u32>(blocks + (index << 2), block);
  store<u8>(entries + index, entry ? 1 : 0);
  return index;
}

function takeAt(offset: u32, entry: bool): u32 {
  if (offset >= 0x1000) return NONE;
  return take(blockFind(pageBase | offset | thumb), entry);
}

/** Follows the branches of all blocks from `from` on. */
function grow(from: u32): void {
  for (let i = from; i < blockCount; i++) {
    look(blockOf(i));
    takeAt(exitFirst, false);
    takeAt(exitSecond, false);
    takeAt(returnPoint, true);
  }
}

/** Makes the region around `block`. */
export function regionCollect(block: u32): void {
  const key = load<u32>(block, BLOCK_KEY);
  pageBase = key & 0xffff_f000;
  thumb = key & 1;
  blockCount = 0;
  regionLength = 0;
  take(block, true);
  grow(0);
  for (let other = pageBlocks(pageBase); other; other = blockNextInPage(other)) {
    const own = load<u32>(other, BLOCK_KEY);
    if ((own & 1) != thumb || load<u32>(other, BLOCK_HEAT) < WARM || load<u32>(other, BLOCK_ENTRY)) continue;
    const from = blockCount;
    if (take(other, true) == from) grow(from);
  }
  for (let i: u32 = 0; i < blockCount; i++) {
    look(blockOf(i));
    store<u32>(successors + (i << 3), blockAt(exitFirst));
    store<u32>(successors + (i << 3), blockAt(exitSecond), 4);
  }
}

/** The chunks of the page (machine/pages) that the region's code lies in: all that decoding noted for the page. */
export function regionChunks(): u64 {
  return load<u64>(pageRecord(pageBase));
}
