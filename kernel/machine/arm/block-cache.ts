// Decoded basic blocks, found by the linear-memory offset of their first instruction plus the Thumb bit: two virtual mappings
// of one page share its blocks, and a context switch drops none.
//
// Space is taken from front to back; when it is used up, everything is dropped (a generation). Within a generation a block never
// moves and its memory is never reused, so a block that invalidates itself may run on to the end of its instruction.
//
// Header (32 bytes), then records of 16 bytes (see micro-operation):
//   +0  key          u32  offset of the first instruction | Thumb; 0 = dropped
//   +4  next hash    u32  next block in the same hash chain
//   +8  next page    u32  next block of the same page
//   +12 count        u32  guest instructions; bit 31: the block is translated, so that no fuel seems to suffice, and the interpreter's
//                         one comparison on the way into a block serves both
//   +16 entry        u32  how translated code is entered here (translation), or 0
//   +20 heat         u32  samples
//
// A block never crosses a page, so a page's blocks all die together, and links between blocks of one page need no check.

import {
  BLOCK_HASH_SHARE,
  CONFIG_BLOCK_CACHE_BYTES,
  STATS_CACHE_FLUSHES,
  STATS_PAGES_INVALIDATED,
} from "../../abi/layout";
import { PAGE_RECORD_BYTES, CONFIG_RAM_BYTES } from "../../abi/layout";
import {
  PAGE_STALE,
  PAGE_TRANSLATED,
  PAGE_WRITTEN,
  STALE_LISTED,
  pageOf,
  pageRecord,
  pagesSettled,
  romBytes,
  romOffset,
  staleCount,
  staleRecord,
} from "../pages";
import { WORK_DROP, WORK_DROP_FUNCTIONS, workClear, workOfCaches } from "../devices/work";
import { tlbProtect } from "./memory/tlb";
import {
  FUNCTION_COUNT,
  FUNCTION_PAGE_COUNT,
  entryFind,
  functionFree,
  functionPageOf,
  translationRetrack,
  translationStrike,
} from "./translation";

export const BLOCK_KEY: u32 = 0;
const NEXT_HASH: u32 = 4;
const NEXT_PAGE: u32 = 8;
export const BLOCK_COUNT: u32 = 12;
export const BLOCK_ENTRY: u32 = 16;
export const BLOCK_HEAT: u32 = 20;
export const BLOCK_COUNT_MASK: u32 = 0x7fff_ffff;
export const BLOCK_HEADER_BYTES: u32 = 32;
/** Room for one single-step block, at the start of the cache. */
const SCRATCH_BYTES: u32 = 4096;
/** More than any one block can need; checked before a block is decoded. */
export const BLOCK_BYTES_MAX: u32 = 4096;

let hash: u32 = 0;
let hashMask: u32 = 0;
let cacheStart: u32 = 0;
let cacheEnd: u32 = 0;
/** Next free byte. */
let free: u32 = 0;
/** Rises whenever all blocks were dropped. */
export let blockGeneration: u32 = 0;

export function blockCacheInit(hashOffset: u32, cacheOffset: u32): void {
  const bytes = load<u32>(CONFIG_BLOCK_CACHE_BYTES);
  hash = hashOffset;
  // The largest power of two of heads that fits the share.
  let heads: u32 = 256;
  while (heads * 8 <= bytes / BLOCK_HASH_SHARE) heads <<= 1;
  hashMask = heads - 1;
  cacheStart = cacheOffset;
  cacheEnd = cacheOffset + bytes;
  blockCacheFlush();
}

/** Where a block that is not kept is decoded: single steps, and blocks entered inside an IT block. */
export function blockScratch(): u32 {
  return cacheStart;
}

// @ts-ignore: decorator
@inline
function headOf(key: u32): u32 {
  return hash + (((key >>> 1) ^ (key >>> 11)) & hashMask) * 4;
}

/** The block with this key, or 0. */
// @ts-ignore: decorator
@inline
export function blockFind(key: u32): u32 {
  let block = load<u32>(headOf(key));
  while (block != 0 && load<u32>(block, BLOCK_KEY) != key) block = load<u32>(block, NEXT_HASH);
  return block;
}

/** Room for one more block; drops everything when there is none. */
export function blockReserve(): u32 {
  if (cacheEnd - free < BLOCK_BYTES_MAX) blockCacheFlush();
  return free;
}

/** Enters the block that was decoded at blockReserve() and ends at `end`. Code lies in [at, at + bytes) of linear memory. */
export function blockCommit(block: u32, end: u32, key: u32, at: u32, bytes: u32): void {
  free = end;
  const head = headOf(key);
  store<u32>(block, key, BLOCK_KEY);
  store<u32>(block, 0, BLOCK_HEAT);
  // Translations outlive the blocks that they were made from.
  const entry = entryFind(key);
  store<u32>(block, 0, BLOCK_ENTRY);
  if (entry) blockMarkTranslated(block, entry);
  store<u32>(block, load<u32>(head), NEXT_HASH);
  store<u32>(head, block);
  blockTrack(at, bytes);
  const record = pageRecord(at);
  store<u32>(block, load<u32>(record, 8), NEXT_PAGE);
  store<u32>(record, block, 8);
}

/** From now on `block` is executed by translated code. */
export function blockMarkTranslated(block: u32, entry: u32): void {
  store<u32>(block, entry, BLOCK_ENTRY);
  store<u32>(block, load<u32>(block, BLOCK_COUNT) | ~BLOCK_COUNT_MASK, BLOCK_COUNT);
}

/** First block of the page at linear-memory offset `page`, or 0; and the one that follows it. */
export function pageBlocks(page: u32): u32 {
  return load<u32>(pageRecord(page), 8);
}
export function blockNextInPage(block: u32): u32 {
  return load<u32>(block, NEXT_PAGE);
}

/** Code in [at, at + bytes) of linear memory is about to be executed from a block: from now on a store to it is noticed, and
 *  leaves that block. Blocks that are not kept need it too, or what a program that writes itself does would depend on where
 *  slices end. */
export function blockTrack(at: u32, bytes: u32): void {
  const record = pageRecord(at);
  const flags = load<u32>(record, 12);
  if (flags & PAGE_WRITTEN) {
    store<u32>(record, flags & ~PAGE_WRITTEN, 12);
    tlbProtect(at & 0xffff_f000);
  }
  const firstChunk = (at & 0xfff) >>> 6;
  const lastChunk = ((at & 0xfff) + bytes - 1) >>> 6;
  const chunks = (((<u64>2) << lastChunk) - 1) & ~(((<u64>1) << firstChunk) - 1);
  store<u64>(record, load<u64>(record) | chunks);
}

/** Drops every function that was made from the page. */
function dropFunctions(page: u32): void {
  workOfCaches(WORK_DROP_FUNCTIONS);
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) {
    for (let which: u32 = 0; which < FUNCTION_PAGE_COUNT; which++) {
      if (functionPageOf(index, which) != page) continue;
      blockDropFunction(index, false);
      break;
    }
  }
}

/** The function in slot `index` is entered no more: its blocks are the interpreter's again, with `refuse` for a while. */
export function blockDropFunction(index: u32, refuse: bool): void {
  for (let which: u32 = 0; which < FUNCTION_PAGE_COUNT; which++) {
    const page = functionPageOf(index, which);
    if (!page) break;
    for (let block = pageBlocks(page); block; block = blockNextInPage(block)) {
      if (load<u32>(block, BLOCK_ENTRY) >>> 16 != index) continue;
      store<u32>(block, 0, BLOCK_ENTRY);
      store<u32>(block, load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK, BLOCK_COUNT);
      if (refuse) translationStrike(load<u32>(block, BLOCK_KEY), block + BLOCK_HEAT);
    }
  }
  functionFree(index);
}

/** Drops the blocks of the page with this record. */
export function blockDropPage(record: u32): void {
  let block = load<u32>(record, 8);
  let count = WORK_DROP;
  while (block != 0) {
    count++;
    const key = load<u32>(block, BLOCK_KEY);
    let link = headOf(key);
    while (load<u32>(link) != block) link = load<u32>(link) + NEXT_HASH;
    store<u32>(link, load<u32>(block, NEXT_HASH));
    store<u32>(block, 0, BLOCK_KEY);
    block = load<u32>(block, NEXT_PAGE);
  }
  workOfCaches(count);
  store<u64>(record, 0);
  store<u32>(record, 0, 8);
  const flags = load<u32>(record, 12);
  if (flags & PAGE_TRANSLATED) dropFunctions(pageOf(record));
  store<u32>(record, flags & ~(PAGE_STALE | PAGE_TRANSLATED), 12);
  store<u64>(STATS_PAGES_INVALIDATED, load<u64>(STATS_PAGES_INVALIDATED) + 1);
}

/** Drops the blocks of every page that a device has written. */
export function blockDropStale(): void {
  if (staleCount <= STALE_LISTED) {
    for (let n: u32 = 0; n < staleCount; n++) blockDropPage(staleRecord(n));
  } else {
    const end = recordsEnd();
    for (let record = pageRecord(romOffset); record < end; record += PAGE_RECORD_BYTES) {
      if (load<u32>(record, 12) & PAGE_STALE) blockDropPage(record);
    }
    workClear(end - pageRecord(romOffset));
  }
  pagesSettled();
}

/** Drops all blocks. */
export function blockCacheFlush(): void {
  workClear((hashMask + 1) * 4 + (recordsEnd() - pageRecord(romOffset)) * 8);
  memory.fill(hash, 0, (hashMask + 1) * 4);
  free = cacheStart + SCRATCH_BYTES;
  blockGeneration++;
  const end = recordsEnd();
  for (let record = pageRecord(romOffset); record < end; record += PAGE_RECORD_BYTES) {
    store<u64>(record, 0);
    store<u32>(record, 0, 8);
    let flags = load<u32>(record, 12);
    if ((flags & (PAGE_STALE | PAGE_TRANSLATED)) == (PAGE_STALE | PAGE_TRANSLATED)) {
      dropFunctions(pageOf(record));
      flags &= ~PAGE_TRANSLATED;
    }
    store<u32>(record, flags & ~PAGE_STALE, 12);
  }
  pagesSettled();
  translationRetrack();
  store<u64>(STATS_CACHE_FLUSHES, load<u64>(STATS_CACHE_FLUSHES) + 1);
}

function recordsEnd(): u32 {
  return pageRecord(romOffset) + ((romBytes + load<u32>(CONFIG_RAM_BYTES)) >>> 12) * PAGE_RECORD_BYTES;
}
