// A region: the blocks that are translated together, and how control goes between them.
//
// It grows from a hot block along branches whose targets are known, over blocks that are warm: code that was executed but takes no time
// stays the interpreter's. A branch into another page, and an indirect one, is followed by the hint that the interpreter left
// (LINK_HINT): so a procedure and its caller come together. Whether a page is still where it was is checked each time. A block is an
// *entry* when control may come from outside: where it began, where calls and exceptions return to, and what else is hot in the page.

import {
  BLOCK_COUNT,
  BLOCK_COUNT_MASK,
  BLOCK_ENTRY,
  BLOCK_HEADER_BYTES,
  BLOCK_HEAT,
  BLOCK_KEY,
  blockFind,
  pageBlocks,
  blockNextInPage,
} from "../arm/block-cache";
import { FUNCTION_PAGE_COUNT } from "../arm/translation";
import { isForeign, systemBytes } from "./foreign";
import { LINK_HINT, Op, RECORD_BYTES } from "../arm/decode/micro-operation";

export const REGION_BLOCKS_MAX: u32 = 256;
/** Instructions. */
const REGION_LENGTH_MAX: u32 = 400;
/** Samples that let a block of the same page join. */
const WARM: u32 = 4;
export const NONE: u32 = 0xffff_ffff;

export let blockCount: u32 = 0;
/** Linear-memory offsets of the pages. */
const pages: usize = memory.data(32); // u32 × FUNCTION_PAGE_COUNT
export let pageCount: u32 = 0;
/** Instructions of all blocks. */
export let regionLength: u32 = 0;

const blocks: usize = memory.data(1024); // u32 × REGION_BLOCKS_MAX
const entries: usize = memory.data(256); // u8

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

/** Linear-memory offset of page `which` of the region. */
export function pageAt(which: u32): u32 {
  return load<u32>(pages + (which << 2));
}

/** Which page of the region the block with this key lies in. */
export function pageOfKey(key: u32): u32 {
  let which: u32 = 0;
  while (pageAt(which) != (key & 0xffff_f000)) which++;
  return which;
}

/** Index of the block, or NONE. */
export function indexOf(block: u32): u32 {
  if (!block) return NONE;
  for (let i: u32 = 0; i < blockCount; i++) if (blockOf(i) == block) return i;
  return NONE;
}

/** The block that the branch or fall at `ip`, in a block that starts at `key`, goes to, as far as is known; or 0. */
export function targetOf(ip: u32, key: u32): u32 {
  const offset = (key & 0xffe) + load<u32>(ip, 8);
  const set = <Op>load<u16>(ip) == Op.BLX ? (key & 1) ^ 1 : key & 1;
  if (offset < 0x1000) return blockFind((key & 0xffff_f000) | offset | set);
  const hint = hintOf(ip);
  return hint != 0 && (load<u32>(hint, BLOCK_KEY) & 0xfff) == ((offset & 0xffe) | set) ? hint : 0;
}

/** The block that followed the record at `ip` last, by a link that says no more; or 0. */
function hintOf(ip: u32): u32 {
  const link = load<u32>(ip, 12);
  if (link < LINK_HINT) return 0;
  const block = link & ~LINK_HINT;
  return load<u32>(block, BLOCK_KEY) != 0 ? block : 0;
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
    case Op.SYSTEM:
      return true;
    default:
      return false;
  }
}

export function isGuard(code: Op): bool {
  return code >= Op.GUARD_EQ && code <= Op.GUARD_LE;
}

/** Nothing of the block follows the record at `ip`, when it is not under a guard. */
export function endsBlock(ip: u32): bool {
  return isBranch(<Op>load<u16>(ip)) || isForeign(ip);
}

/** The block behind the SYSTEM record at `ip`, in a block that starts at `key`; or 0. */
export function blockBehind(ip: u32, key: u32): u32 {
  const offset = (key & 0xffe) + ((<u32>load<u8>(ip, 7)) << 1) + systemBytes(ip);
  return offset < 0x1000 ? blockFind((key & 0xffff_f000) | offset | (key & 1)) : 0;
}

// ---- what follows the block that was looked at last ----------------------------------------------------------------------

/** Blocks that a branch goes to, or 0; of a call, the procedure. */
export let exitFirst: u32 = 0;
export let exitSecond: u32 = 0;
/** The block that a call returns to, or 0. */
export let returnTo: u32 = 0;
/** The procedure that is called, as far as is known; or 0. */
export let callee: u32 = 0;
/** Where the block's indirect branch went last, or 0; and whether it has one that may be a return. */
export let indirect: u32 = 0;
export let jumps: bool = false;

function addExit(block: u32): void {
  if (!block) return;
  if (exitFirst == 0) exitFirst = block;
  else exitSecond = block;
}

/** Finds out what follows the block. */
export function look(block: u32): void {
  exitFirst = 0;
  exitSecond = 0;
  returnTo = 0;
  callee = 0;
  indirect = 0;
  jumps = false;
  const key = load<u32>(block, BLOCK_KEY);
  const start = key & 0xffe;
  let guardEnd: u32 = 0;
  for (let ip = block + BLOCK_HEADER_BYTES; ; ip += RECORD_BYTES) {
    const code = <Op>load<u16>(ip);
    const after = start + ((<u32>load<u8>(ip, 7)) << 1);
    let back = NONE;
    if (isGuard(code)) guardEnd = ip + load<u32>(ip, 8);
    else if ((code >= Op.B && code <= Op.CBNZ) || code == Op.FALL) addExit(targetOf(ip, key));
    else if (code == Op.BL || code == Op.BLX) {
      callee = targetOf(ip, key);
      addExit(callee);
      back = after + 4;
    } else if (code == Op.JUMP_LINK) {
      callee = hintOf(ip);
      back = after + (key & 1 ? 2 : 4);
    } else if (code == Op.SVC) back = after + (key & 1 ? 2 : 4);
    else if (code == Op.SYSTEM) {
      if (isForeign(ip)) back = after + systemBytes(ip);
      else addExit(blockBehind(ip, key));
    }
    if (back < 0x1000) returnTo = blockFind((key & 0xffff_f000) | back | (key & 1));
    if (code >= Op.JUMP && code <= Op.JUMP_LINK) {
      indirect = hintOf(ip);
      if (code == Op.JUMP || code == Op.JUMP_PLAIN) jumps = true;
    }
    if (endsBlock(ip) && ip >= guardEnd) return;
  }
}

// ---- growth --------------------------------------------------------------------------------------------------------------

/** Whether the region has the page, or room for it. */
function takePage(page: u32): bool {
  for (let i: u32 = 0; i < pageCount; i++) if (pageAt(i) == page) return true;
  if (pageCount == FUNCTION_PAGE_COUNT) return false;
  store<u32>(pages + (pageCount++ << 2), page);
  return true;
}

/** Blocks that are not at least so warm stay out. */
let heatLeast: u32 = 0;

/** Takes a block in, unless there are reasons against it. */
function take(block: u32, entry: bool): void {
  if (!block) return;
  const known = indexOf(block);
  if (known != NONE) {
    if (entry) store<u8>(entries + known, 1);
    return;
  }
  if (load<u32>(block, BLOCK_HEAT) < heatLeast) return;
  const count = load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK;
  if (blockCount == REGION_BLOCKS_MAX || regionLength + count > REGION_LENGTH_MAX) return;
  if (isForeign(block + BLOCK_HEADER_BYTES)) return;
  if (!takePage(load<u32>(block, BLOCK_KEY) & 0xffff_f000)) return;
  const index = blockCount++;
  regionLength += count;
  store<u32>(blocks + (index << 2), block);
  store<u8>(entries + index, entry ? 1 : 0);
}

/** Follows the branches of all blocks from `from` on. */
function grow(from: u32): void {
  for (let i = from; i < blockCount; i++) {
    look(blockOf(i));
    const back = returnTo;
    const hint = indirect;
    const procedure = callee;
    take(exitFirst, exitFirst == procedure);
    take(exitSecond, exitSecond == procedure);
    take(back, true);
    take(hint, true);
  }
}

/** Makes the region around `block`, of what is warm or of all that was decoded. */
export function regionCollect(block: u32, everything: bool): void {
  const key = load<u32>(block, BLOCK_KEY);
  heatLeast = everything ? 0 : 1;
  blockCount = 0;
  regionLength = 0;
  pageCount = 0;
  take(block, true);
  grow(0);
  for (let other = pageBlocks(key & 0xffff_f000); other; other = blockNextInPage(other)) {
    if (load<u32>(other, BLOCK_HEAT) < WARM || load<u32>(other, BLOCK_ENTRY)) continue;
    const from = blockCount;
    take(other, true);
    grow(from);
  }
}
