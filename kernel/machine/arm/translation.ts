// What is translated, and what should be: the part of the translator that the interpreter and the block cache know.
//
// The interpreter samples. Whenever its fuel passes a multiple of 2^SAMPLE_SHIFT, the block that is entered then gets warmer; a block
// that is hot is noted here, for kernel/machine/translate to look at between two slices. Sampling costs nothing on the way, and
// is fair: what takes the time gets the samples.
//
// Translated code is entered at the start of a block. An entry is found by the block's key: in the block's header (the interpreter's
// way in) and in the entry table (the way on from translated code: inside a function, and in the interpreter's loop around functions).
//
//   entry table     ENTRY_COUNT × {key u32, index << 16 | state u32}, direct-mapped: a lost entry costs a detour, no more
//   function record FUNCTION_COUNT × FUNCTION_BYTES, by index in the machine's table: the pages that it was made from and their chunks
//                   with code, its size, its visits and what they executed; first page 0 = free
//   strikes         STRIKE_COUNT × {key u32, count u32}, direct-mapped: blocks in functions that were not worth it; remembered beyond the
//                   blocks' lives, and each makes the block wait four times as long for the next try
//   buffer          the module being written
//
// The table is the machine's own: `index` is the function's place in it, `state` names the block inside the function.

import { CONFIG_TRANSLATE_BYTES, STATS_TRANSLATION_DROPS } from "../../abi/layout";
import { PAGE_TRANSLATED, pageRecord } from "../pages";

export const SAMPLE_SHIFT: u32 = 7;
/** Samples of 2^SAMPLE_SHIFT instructions that make a block hot, and bytes of translated code that make it one more: what is translated
 *  when there is much already must be worth the processor's caches, which the interpreter leaves alone. */
const HOT_LEAST: u32 = 512;
const HOT_BYTES: u32 = 4096;

export const ENTRY_COUNT: u32 = 8192;
export const FUNCTION_COUNT: u32 = 2048;
const ENTRIES_BYTES: u32 = ENTRY_COUNT * 8;
const STRIKE_COUNT: u32 = 4096;
const STRIKES_MOST: u32 = 5;
const FUNCTION_BYTES: u32 = 112;
/** Pages of one function. */
export const FUNCTION_PAGE_COUNT: u32 = 8;
const FUNCTION_PAGE: u32 = 0; // u32 × FUNCTION_PAGE_COUNT, 0 behind the last
const FUNCTION_CHUNKS: u32 = 32; // u64 × FUNCTION_PAGE_COUNT
const FUNCTION_SIZE: u32 = 96;
const FUNCTION_VISITS: u32 = 100;
const FUNCTION_EXECUTED: u32 = 104; // u64: instructions

// A function stays when it is worth it. Short visits are not: entering and leaving costs what the interpreter needs for some
// instructions. (By the clock it cannot be told: looking at it disturbs a visit of 50 ns more than the visit takes.)
const VISITS_JUDGED: u32 = 512;
const VISIT_LENGTH_LEAST: u64 = 12;

/** Samples that make a block hot now. */
function hotThreshold(): u32 {
  return HOT_LEAST + translatedBytes / HOT_BYTES;
}

/** Off for verification, which wants everything translated, worth it or not. */
let judging: bool = true;
export function functionsNotJudged(): void {
  judging = false;
}

/** Linear-memory offsets; 0 while translation is off. */
export let entryTable: u32 = 0;
let functionTable: u32 = 0;
let strikes: u32 = 0;
export let translationBuffer: u32 = 0;
export let translationBufferBytes: u32 = 0;

/** Bytes of WebAssembly that are installed now. */
export let translatedBytes: u32 = 0;
export let translatedFunctions: u32 = 0;

/** SCTLR.A as all translations take it for granted: accesses are probed by it. While it is another, none is entered. */
export let translatedAlignment: u32 = 0;
export function translationAlignment(bit: u32): void {
  translatedAlignment = bit;
}

/** Hot blocks, noted since the translator last looked. */
const HOT_COUNT: u32 = 32;
export const hotBlocks: usize = memory.data(128);
export let hotCount: u32 = 0;

export function translationInit(area: u32): void {
  const bytes = load<u32>(CONFIG_TRANSLATE_BYTES);
  entryTable = bytes ? area : 0;
  functionTable = entryTable + ENTRIES_BYTES;
  strikes = functionTable + FUNCTION_COUNT * FUNCTION_BYTES;
  translationBuffer = strikes + STRIKE_COUNT * 8;
  translationBufferBytes = bytes - (translationBuffer - area);
  translatedBytes = 0;
  translatedFunctions = 0;
  translatedAlignment = 0;
  hotCount = 0;
  if (bytes) memory.fill(area, 0, translationBuffer - area);
}

/** The place of `key` in the entry table. */
// @ts-ignore: decorator
@inline
export function entryOf(key: u32): u32 {
  return entryTable + (((key >>> 1) ^ (key >>> 11)) & (ENTRY_COUNT - 1)) * 8;
}

/** index << 16 | state of the translation that begins with `key`, or 0. */
// @ts-ignore: decorator
@inline
export function entryFind(key: u32): u32 {
  if (!entryTable) return 0;
  const entry = entryOf(key);
  return load<u32>(entry) == key ? load<u32>(entry, 4) : 0;
}

export function entryPut(key: u32, packed: u32): void {
  const entry = entryOf(key);
  store<u32>(entry, key);
  store<u32>(entry, packed, 4);
}

/** A sample fell on `block`, whose heat lies at `heat`. */
export function translationSample(block: u32, heat: u32): void {
  // A block that is not kept has no key, the first word of its header.
  if (!entryTable || load<u32>(block) == 0) return;
  const warmth = load<u32>(heat) + 1;
  store<u32>(heat, warmth);
  // Again, later, in case there was no room or the translator had other things to do.
  if (warmth % HOT_LEAST == 0 && warmth >= hotThreshold()) hotNote(block);
}

function strikeOf(key: u32): u32 {
  return strikes + (((key >>> 1) ^ (key >>> 13)) & (STRIKE_COUNT - 1)) * 8;
}

/** A function with the block that has this key, and its heat at `heat`, was not worth it. */
export function translationStrike(key: u32, heat: u32): void {
  const strike = strikeOf(key);
  const count = load<u32>(strike) == key ? load<u32>(strike, 4) : 0;
  store<u32>(strike, key);
  store<u32>(strike, min<u32>(count + 1, STRIKES_MOST), 4);
  store<u32>(heat, 0);
}

/** Heat that the block with this key must have now. */
export function translationDue(key: u32): u32 {
  const strike = strikeOf(key);
  if (load<u32>(strike) != key) return hotThreshold();
  const doublings = 2 * load<u32>(strike, 4);
  return hotThreshold() << doublings;
}

/** The translator shall look at `block`, if it has time. */
export function hotNote(block: u32): void {
  if (hotCount < HOT_COUNT) store<u32>(hotBlocks + (hotCount++ << 2), block);
}

/** The translator has looked at the first `count` of the hot blocks. */
export function hotLooked(count: u32): void {
  hotCount -= count;
  memory.copy(hotBlocks, hotBlocks + (count << 2), hotCount << 2);
}

/** The translator looks at none of them. */
export function hotForget(): void {
  hotCount = 0;
}

/** A function of `bytes` takes slot `index`; its pages follow, one by one. */
export function functionTake(index: u32, bytes: u32): void {
  const record = functionTable + index * FUNCTION_BYTES;
  memory.fill(record, 0, FUNCTION_BYTES);
  store<u32>(record, bytes, FUNCTION_SIZE);
  translatedBytes += bytes;
  translatedFunctions++;
}

/** Page number `which` of the function in slot `index` is the one at linear-memory offset `page`. */
export function functionPage(index: u32, which: u32, page: u32): void {
  const record = functionTable + index * FUNCTION_BYTES;
  const tracked = pageRecord(page);
  store<u32>(record + which * 4, page, FUNCTION_PAGE);
  store<u64>(record + which * 8, load<u64>(tracked), FUNCTION_CHUNKS);
  store<u32>(tracked, load<u32>(tracked, 12) | PAGE_TRANSLATED, 12);
}

/** Page number `which` of the function in slot `index`, or 0. */
export function functionPageOf(index: u32, which: u32): u32 {
  return load<u32>(functionTable + index * FUNCTION_BYTES + which * 4, FUNCTION_PAGE);
}

/** The record of the function in slot `index`. */
// @ts-ignore: decorator
@inline
export function functionRecord(index: u32): u32 {
  return functionTable + index * FUNCTION_BYTES;
}

/** A visit is over. True: the function is not worth its visits. */
// @ts-ignore: decorator
@inline
export function functionVisited(record: u32, instructions: u32): bool {
  const visits = load<u32>(record, FUNCTION_VISITS) + 1;
  store<u32>(record, visits, FUNCTION_VISITS);
  store<u64>(record, load<u64>(record, FUNCTION_EXECUTED) + <u64>instructions, FUNCTION_EXECUTED);
  return visits % VISITS_JUDGED == 0 && isNotWorthIt(record, visits);
}

function isNotWorthIt(record: u32, visits: u32): bool {
  // It may have changed its own code, and be gone.
  if (!judging || load<u32>(record, FUNCTION_PAGE) == 0) return false;
  return load<u64>(record, FUNCTION_EXECUTED) < <u64>visits * VISIT_LENGTH_LEAST;
}

/** Slot `index` is free; its entries are found no more. */
export function functionFree(index: u32): void {
  for (let entry = entryTable, end = entryTable + ENTRIES_BYTES; entry < end; entry += 8) {
    if (load<u32>(entry, 4) >>> 16 == index) store<u64>(entry, 0);
  }
  release(index);
}

function release(index: u32): void {
  const record = functionTable + index * FUNCTION_BYTES;
  translatedBytes -= load<u32>(record, FUNCTION_SIZE);
  translatedFunctions--;
  store<u64>(STATS_TRANSLATION_DROPS, load<u64>(STATS_TRANSLATION_DROPS) + 1);
  memory.fill(record, 0, FUNCTION_BYTES);
}

/** Forgets every translation. The caller drops the blocks, whose headers name them. */
export function translationDropAll(): void {
  if (!entryTable) return;
  memory.fill(entryTable, 0, ENTRIES_BYTES);
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) if (functionPageOf(index, 0)) release(index);
  hotCount = 0;
}

/** All blocks were dropped, and with them what is known of where code lies; translated code stays, and must be watched. */
export function translationRetrack(): void {
  hotCount = 0;
  if (!translatedFunctions) return;
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) {
    for (let which: u32 = 0; which < FUNCTION_PAGE_COUNT; which++) {
      const page = functionPageOf(index, which);
      if (!page) break;
      const tracked = pageRecord(page);
      const chunks = load<u64>(functionTable + index * FUNCTION_BYTES + which * 8, FUNCTION_CHUNKS);
      store<u64>(tracked, load<u64>(tracked) | chunks);
    }
  }
}
