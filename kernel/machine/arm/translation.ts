// What is translated, and what should be: the part of the translator that the interpreter and the block cache know.
//
// The interpreter samples. Whenever its fuel passes a multiple of 2^SAMPLE_SHIFT, the block that is entered then gets warmer; a block
// that is hot is noted here, for kernel/machine/translate to look at between two slices. Sampling costs nothing on the way, and
// is fair: what takes the time gets the samples.
//
// Translated code is entered at the start of a block. An entry is found by the block's key: in the block's header (the interpreter's
// way in) and in the entry table (translated code's way into other translated code, without returning to the interpreter).
//
//   entry table     ENTRY_COUNT × {key u32, index << 16 | state u32}, direct-mapped: a lost entry costs a detour, no more
//   function record FUNCTION_COUNT × {page u32, bytes u32, chunks u64}: by index in the machine's table; page 0 = free
//   buffer          the module being written
//
// The table is the machine's own: `index` is the function's place in it, `state` names the block inside the function.

import { CONFIG_TRANSLATE_BYTES, STATS_TRANSLATION_DROPS } from "../../abi/layout";
import { PAGE_TRANSLATED, pageRecord } from "../pages";

export const SAMPLE_SHIFT: u32 = 7;
/** Samples that make a block hot. */
const HOT: u32 = 12;

export const ENTRY_COUNT: u32 = 8192;
export const FUNCTION_COUNT: u32 = 4096;
const ENTRIES_BYTES: u32 = ENTRY_COUNT * 8;
export const FUNCTION_BYTES: u32 = 16;
export const FUNCTION_PAGE: u32 = 0;
export const FUNCTION_SIZE: u32 = 4;
export const FUNCTION_CHUNKS: u32 = 8;

/** Linear-memory offsets; 0 while translation is off. */
export let entryTable: u32 = 0;
export let functionTable: u32 = 0;
export let translationBuffer: u32 = 0;
export let translationBufferBytes: u32 = 0;

/** Bytes of WebAssembly that are installed now. */
export let translatedBytes: u32 = 0;
export let translatedFunctions: u32 = 0;

/** Hot blocks, noted since the translator last looked. */
export const HOT_COUNT: u32 = 32;
export const hotBlocks: usize = memory.data(128);
export let hotCount: u32 = 0;

export function translationInit(area: u32): void {
  const bytes = load<u32>(CONFIG_TRANSLATE_BYTES);
  entryTable = bytes ? area : 0;
  functionTable = entryTable + ENTRIES_BYTES;
  translationBuffer = functionTable + FUNCTION_COUNT * FUNCTION_BYTES;
  translationBufferBytes = bytes - ENTRIES_BYTES - FUNCTION_COUNT * FUNCTION_BYTES;
  translatedBytes = 0;
  translatedFunctions = 0;
  hotCount = 0;
  if (bytes) memory.fill(area, 0, ENTRIES_BYTES + FUNCTION_COUNT * FUNCTION_BYTES);
}

/** The place of `key` in the entry table. */
// @ts-ignore: decorator
@inline
export function entryOf(key: u32): u32 {
  return entryTable + (((key >>> 1) ^ (key >>> 11)) & (ENTRY_COUNT - 1)) * 8;
}

/** index << 16 | state of the translation that begins with `key`, or 0. */
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
  if (warmth % HOT == 0) hotNote(block);
}

/** The translator shall look at `block`, if it has time. */
export function hotNote(block: u32): void {
  if (hotCount < HOT_COUNT) store<u32>(hotBlocks + (hotCount++ << 2), block);
}

/** The translator has looked. */
export function hotForget(): void {
  hotCount = 0;
}

/** A function for `page` (the linear-memory offset of its first byte) takes slot `index`. */
export function functionTake(index: u32, page: u32, bytes: u32, chunks: u64): void {
  const record = functionTable + index * FUNCTION_BYTES;
  store<u32>(record, page, FUNCTION_PAGE);
  store<u32>(record, bytes, FUNCTION_SIZE);
  store<u64>(record, chunks, FUNCTION_CHUNKS);
  translatedBytes += bytes;
  translatedFunctions++;
  const tracked = pageRecord(page);
  store<u32>(tracked, load<u32>(tracked, 12) | PAGE_TRANSLATED, 12);
}

/** The code of the page at `page` changed: its functions are entered no more. */
export function translationDropPage(page: u32): void {
  for (let entry = entryTable, end = entryTable + ENTRIES_BYTES; entry < end; entry += 8) {
    if ((load<u32>(entry) & 0xffff_f000) == page) store<u32>(entry, 0);
  }
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) {
    const record = functionTable + index * FUNCTION_BYTES;
    if (load<u32>(record, FUNCTION_PAGE) == page) functionFree(record);
  }
}

function functionFree(record: u32): void {
  translatedBytes -= load<u32>(record, FUNCTION_SIZE);
  translatedFunctions--;
  store<u64>(STATS_TRANSLATION_DROPS, load<u64>(STATS_TRANSLATION_DROPS) + 1);
  store<u32>(record, 0, FUNCTION_PAGE);
}

/** Forgets every translation. The caller drops the blocks, whose headers name them. */
export function translationDropAll(): void {
  if (!entryTable) return;
  memory.fill(entryTable, 0, ENTRIES_BYTES);
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) {
    const record = functionTable + index * FUNCTION_BYTES;
    const page = load<u32>(record, FUNCTION_PAGE);
    if (!page) continue;
    const tracked = pageRecord(page);
    store<u32>(tracked, load<u32>(tracked, 12) & ~PAGE_TRANSLATED, 12);
    functionFree(record);
  }
  hotCount = 0;
}

/** All blocks were dropped, and with them what is known of where code lies; translated code stays, and must be watched. */
export function translationRetrack(): void {
  hotCount = 0;
  if (!translatedFunctions) return;
  for (let index: u32 = 0; index < FUNCTION_COUNT; index++) {
    const record = functionTable + index * FUNCTION_BYTES;
    const page = load<u32>(record, FUNCTION_PAGE);
    if (!page) continue;
    const tracked = pageRecord(page);
    store<u64>(tracked, load<u64>(tracked) | load<u64>(record, FUNCTION_CHUNKS));
  }
}
