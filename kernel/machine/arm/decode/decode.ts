// From guest code to a block of micro-operations.
//
// A block begins where control arrives and ends at the first instruction that may change the flow of control or the meaning
// of what follows, at a page's end, or at BLOCK_LENGTH_MAX instructions.

import { WORK_DECODE, WORK_DECODE_EACH, workOfCaches } from "../../devices/work";
import { STATS_BLOCKS_DECODED } from "../../../abi/layout";
import {
  BLOCK_COUNT,
  BLOCK_ENTRY,
  BLOCK_HEADER_BYTES,
  BLOCK_KEY,
  blockCommit,
  blockReserve,
  blockScratch,
  blockTrack,
} from "../block-cache";
import { breakpointNear } from "../breakpoint";
import {
  A32U_BUCKETS,
  A32_BUCKETS,
  ARGUMENTS,
  CANDIDATES,
  DECODINGS,
  Decoding,
  MASKS,
  T16_BUCKETS,
  T32_BUCKETS,
  VALUES,
} from "./decode-table.gen";
import {
  emitBranch,
  emitFall,
  emitUndefined,
  guardClose,
  guardOpen,
  decodeConditionalBranch,
  decodeInstruction,
  decodePosition,
  decodeStart,
} from "./emit";
import { decodeA32 } from "./decode-a32";
import { decodeT16, decodeT32 } from "./decode-t32";
import { fuseCompareBranch } from "./fuse";
import { Op } from "./micro-operation";

/** Instructions a block may have. Offsets must fit a byte of halfwords: 64 × 4 bytes = 128 halfwords. */
const BLOCK_LENGTH_MAX: u32 = 48;

/** Row of the instruction table for a word, or 0xffff. */
function find(buckets: usize, bucket: u32, word: u32): u32 {
  let candidate = CANDIDATES + ((<usize>load<u16>(buckets + (bucket << 1))) << 1);
  let id = <u32>load<u16>(candidate);
  while (id != 0xffff && (word & load<u32>(MASKS + (id << 2))) != load<u32>(VALUES + (id << 2))) {
    candidate += 2;
    id = <u32>load<u16>(candidate);
  }
  return id;
}

function decodeA32Word(word: u32): bool {
  const id =
    word >>> 28 == 15
      ? find(A32U_BUCKETS, 0, word)
      : find(A32_BUCKETS, ((word >>> 16) & 0xff0) | ((word >>> 4) & 15), word);
  if (id == 0xffff) {
    emitUndefined();
    return true;
  }
  return decodeA32(<Decoding>load<u8>(DECODINGS + id), load<u8>(ARGUMENTS + id), word);
}

function decodeT32Word(word: u32): bool {
  const top = word >>> 24;
  // Advanced SIMD has U in another place (A7.4); what is 1111 0100 in A32 is 1111 1001 here (A7.7).
  if ((top & 0xef) == 0xef) return decodeA32Word(0xf200_0000 | ((top & 0x10) << 20) | (word & 0x00ff_ffff));
  if (top == 0xf9 && (word & (1 << 20)) == 0) return decodeA32Word(0xf400_0000 | (word & 0x00ff_ffff));
  // VFP and CP15 look the same in both instruction sets (A6.3.18), up to op1 = 11xxxx: SVC in A32.
  if (word >>> 26 == 0x3b) return decodeA32Word(word);
  const id = find(T32_BUCKETS, ((word >>> 19) & 0x3fe) | ((word >>> 15) & 1), word);
  if (id == 0xffff) {
    emitUndefined();
    return true;
  }
  return decodeT32(<Decoding>load<u8>(DECODINGS + id), load<u8>(ARGUMENTS + id), word);
}

function decodeT16Word(word: u32, inIt: bool): bool {
  const id = find(T16_BUCKETS, word >>> 6, word);
  if (id == 0xffff) {
    emitUndefined();
    return true;
  }
  return decodeT16(<Decoding>load<u8>(DECODINGS + id), load<u8>(ARGUMENTS + id), word, inIt);
}

/** Decodes the block at linear-memory offset `at`. `limit` bounds its instructions. With `keep` it enters the cache.
 *  `nextHalf` is the linear-memory offset of the following page, for a T32 instruction that crosses into it, or 0: such an
 *  instruction is only decoded as the first of a block that is not kept. Returns the block; 0 when a crossing instruction needs
 *  `nextHalf` and has none. */
export function decodeBlock(at: u32, isThumb: bool, it: u32, limit: u32, keep: bool, nextHalf: u32): u32 {
  const block = keep ? blockReserve() : blockScratch();
  const bytesLeft: u32 = 0x1000 - (at & 0xfff);
  decodeStart(block + BLOCK_HEADER_BYTES, at & 0xfff, isThumb);
  const most = min<u32>(limit, BLOCK_LENGTH_MAX);
  let offset: u32 = 0;
  let count: u32 = 0;
  let ended = false;
  if (!isThumb) {
    while (!ended && count < most && offset < bytesLeft) {
      if (offset != 0 && breakpointNear(at + offset)) break;
      ended = addA32(load<u32>(at + offset), offset);
      offset += 4;
      count++;
    }
  } else {
    while (!ended && (count < most || it & 15) && count < limit && offset < bytesLeft) {
      if (offset != 0 && breakpointNear(at + offset)) break;
      const first = <u32>load<u16>(at + offset);
      const isWide = first >>> 11 > 0x1c;
      let word = first;
      if (isWide) {
        let second: u32;
        if (offset + 4 <= bytesLeft) second = <u32>load<u16>(at + offset + 2);
        else {
          if (offset != 0) break;
          if (!nextHalf) return 0;
          second = <u32>load<u16>(nextHalf);
        }
        word = (first << 16) | second;
      }
      ended = addT32(word, isWide, offset, it);
      if ((first & 0xff00) == 0xbf00 && (first & 15) != 0 && !isWide) it = first & 0xff;
      else it = itAdvance(it);
      offset += isWide ? 4 : 2;
      count++;
    }
  }
  if (!ended) {
    decodeInstruction(offset, it, false);
    emitFall(offset);
  }
  const end = decodePosition();
  workOfCaches(WORK_DECODE + count * WORK_DECODE_EACH);
  store<u32>(block, count, BLOCK_COUNT);
  if (keep) {
    if (limit >= BLOCK_LENGTH_MAX) fuseCompareBranch(block + BLOCK_HEADER_BYTES, end);
    blockCommit(block, end, at | (isThumb ? 1 : 0), at, min<u32>(offset, bytesLeft));
    store<u64>(STATS_BLOCKS_DECODED, load<u64>(STATS_BLOCKS_DECODED) + 1);
  } else {
    store<u32>(block, 0, BLOCK_KEY);
    store<u32>(block, 0, BLOCK_ENTRY);
    if (count > 1) blockTrack(at, min<u32>(offset, bytesLeft));
  }
  return block;
}

/** ITSTATE for the instruction after this one (ITAdvance, A2.5.2). */
export function itAdvance(it: u32): u32 {
  return (it & 7) == 0 ? 0 : (it & 0xe0) | ((it << 1) & 0x1f);
}

/** Adds the A32 instruction `word` at `offset` to the block, with its condition. True: the block ends here. */
function addA32(word: u32, offset: u32): bool {
  const condition = word >>> 28;
  const conditional = condition < 14;
  decodeInstruction(offset, 0, conditional);
  if (!conditional) return decodeA32Word(word);
  if ((word & 0x0f00_0000) == 0x0a00_0000) {
    // A conditional branch decides and branches in one micro-operation.
    emitBranch(<Op>(<u32>Op.B_EQ + condition), 0, 0, offset + 8 + <u32>((<i32>(word << 8)) >> 6));
    decodeInstruction(offset + 4, 0, false);
    emitFall(offset + 4);
    return true;
  }
  const guard = guardOpen(condition);
  const ended = decodeA32Word(word);
  guardClose(guard);
  if (ended) {
    decodeInstruction(offset + 4, 0, false);
    emitFall(offset + 4);
  }
  return ended;
}

/** As addA32(), for a T32 instruction and the ITSTATE that it runs under. */
function addT32(word: u32, isWide: bool, offset: u32, it: u32): bool {
  const inIt = (it & 15) != 0;
  const condition = it >>> 4;
  const size: u32 = isWide ? 4 : 2;
  const conditional = inIt && condition < 14;
  decodeInstruction(offset, it, conditional);
  let guard: u32 = 0;
  // Breakpoints ignore the condition (A8.8.24).
  if (conditional && (isWide || (word & 0xff00) != 0xbe00)) guard = guardOpen(condition);
  const ended = isWide ? decodeT32Word(word) : decodeT16Word(word, inIt);
  if (guard) guardClose(guard);
  // What is not taken goes on after the instruction: conditional branches find that record right behind them.
  if (ended && (guard != 0 || decodeConditionalBranch())) {
    decodeInstruction(offset + size, itAdvance(it), false);
    emitFall(offset + size);
  }
  return ended;
}
