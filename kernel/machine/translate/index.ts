// The translator, as the host sees it: between two slices it asks for a module, compiles it, and says that it is in.
//
// translateModule() looks at what became hot, and writes a module of up to BATCH functions into the buffer; the host finds it at
// translateOffset() and instantiates it, with the functions of assist-exports and the machine's table and memory. Only then translateInstalled()
// makes the functions reachable: blocks' headers and the entry table name them. Nothing of this happens inside a slice.

import {
  CONFIG_TRANSLATE_CODE_BYTES,
  STATS_TRANSLATED_FUNCTIONS,
  STATS_TRANSLATED_BYTES,
  STATS_TRANSLATED_INSTRUCTIONS,
  STATS_TRANSLATION_FLUSHES,
} from "../../abi/layout";
import { SCTLR, SCTLR_A } from "../arm/cp15-state";
import { ramBytes, romBytes, romOffset, staleCount } from "../pages";
import {
  BLOCK_ENTRY,
  BLOCK_HEADER_BYTES,
  BLOCK_HEAT,
  BLOCK_KEY,
  blockCacheFlush,
  blockDropStale,
  blockMarkTranslated,
  blockNextInPage,
  pageBlocks,
} from "../arm/block-cache";
import {
  FUNCTION_COUNT,
  entryPut,
  functionPage,
  functionPageOf,
  functionTake,
  functionsNotJudged,
  hotBlocks,
  hotCount,
  hotForget,
  hotLooked,
  hotNote,
  translatedAlignment,
  translatedBytes,
  translatedFunctions,
  translationAlignment,
  translationBuffer,
  translationBufferBytes,
  translationDropAll,
  translationDue,
} from "../arm/translation";
import { byte, emitPosition, emitRoom, emitStart, lebWideAt } from "./emitter";
import { isForeign } from "./foreign";
import { blockCount, blockOf, isEntry, pageAt, pageCount, regionCollect, regionLength } from "./graph";
import { HINTS_BYTES, HINTS_SECTION_BYTES, hintsDone, hintsForget, hintsFunction, hintsStart } from "./hints";
import { writeModuleHead } from "./module";
import { stateOf, writePrologue, writeRegion } from "./region";

/** Functions of one module: one compilation, one instance, and the engine's overhead for it. */
const BATCH: u32 = 16;
/** No function is added to more than so much: compiling cannot be interrupted, and this takes about 3 ms. */
const MODULE_BYTES: u32 = 24 << 10;
/** Room at the buffer's start for the module's head. */
const HEAD_BYTES: u32 = 0x800 + HINTS_SECTION_BYTES;
/** A region is begun only when the buffer has room for a large one. */
const REGION_ROOM: u32 = 0x2_0000;

const slots: usize = memory.data(64); // u32 × BATCH
/** What translateInstalled() does: {block, packed} of u32 each. */
let pendingAt: u32 = 0;
let pendingCount: u32 = 0;
const PENDING_MAX: u32 = 1024;
const PENDING_BYTES: u32 = PENDING_MAX * 8;

let moduleAt: u32 = 0;

/** Where the module lies that translateModule() wrote. */
export function translateOffset(): u32 {
  return moduleAt;
}

/** First slot from `from` on that is free, or FUNCTION_COUNT. Slot 0 stays empty: an entry of 0 means none. */
function freeSlot(from: u32): u32 {
  while (from < FUNCTION_COUNT && functionPageOf(from, 0)) from++;
  return from;
}

/** Writes a module for what became hot since the last call. Returns its length in bytes, 0 when there is nothing to do. */
export function translateModule(): u32 {
  return translateHot(false);
}

function translateHot(everything: bool): u32 {
  if (hotCount == 0) return 0;
  if (staleCount) blockDropStale();
  const alignment = load<u32>(SCTLR) & SCTLR_A;
  const outdated = translatedFunctions != 0 && alignment != translatedAlignment;
  translationAlignment(alignment);
  if (
    outdated ||
    translatedBytes > load<u32>(CONFIG_TRANSLATE_CODE_BYTES) ||
    translatedFunctions + BATCH >= FUNCTION_COUNT
  ) {
    // A generation ends. What is hot will be hot again.
    translationDropAll();
    blockCacheFlush();
    store<u64>(STATS_TRANSLATION_FLUSHES, load<u64>(STATS_TRANSLATION_FLUSHES) + 1);
    return 0;
  }
  pendingAt = translationBuffer;
  pendingCount = 0;
  moduleAt = pendingAt + PENDING_BYTES;
  const bodies = moduleAt + HEAD_BYTES;
  const end = translationBuffer + translationBufferBytes - HINTS_BYTES;
  hintsStart(end);
  emitStart(bodies, end);
  // The code section: its size and count are written over these bytes in the end.
  for (let i = 0; i < 7; i++) byte(0);

  let count: u32 = 0;
  let slot: u32 = 1;
  let looked: u32 = 0;
  for (; looked < hotCount && count < BATCH && emitRoom(REGION_ROOM); looked++) {
    if (!everything && emitPosition() - bodies > MODULE_BYTES) break;
    const block = load<u32>(hotBlocks + (looked << 2));
    const key = load<u32>(block, BLOCK_KEY);
    if (key == 0 || load<u32>(block, BLOCK_ENTRY) != 0) continue;
    if (!everything && load<u32>(block, BLOCK_HEAT) < translationDue(key)) continue;
    regionCollect(block, everything);
    if (blockCount == 0 || pendingCount + blockCount > PENDING_MAX) continue;
    slot = freeSlot(slot);
    const start = emitPosition();
    if (!writeFunction(slot, count)) {
      hintsForget();
      emitStart(start, end);
      continue;
    }
    functionTake(slot, emitPosition() - start);
    for (let page: u32 = 0; page < pageCount; page++) functionPage(slot, page, pageAt(page));
    store<u64>(STATS_TRANSLATED_INSTRUCTIONS, load<u64>(STATS_TRANSLATED_INSTRUCTIONS) + <u64>regionLength);
    store<u32>(slots + (count++ << 2), slot);
    for (let index: u32 = 0; index < blockCount; index++) {
      if (!isEntry(index)) continue;
      const pending = pendingAt + pendingCount++ * 8;
      store<u32>(pending, blockOf(index));
      store<u32>(pending, (slot << 16) | stateOf(index), 4);
      // Not a second time in this batch.
      store<u32>(blockOf(index), (slot << 16) | stateOf(index), BLOCK_ENTRY);
    }
  }
  hotLooked(looked);
  if (count == 0) return 0;
  return assemble(bodies, count);
}

/** As translateModule(), for every block that was decoded, hot or not: what verification asks for, again and again until 0. */
export function translateEverything(): u32 {
  hotForget();
  functionsNotJudged();
  const end = romOffset + romBytes + ramBytes;
  for (let page = romOffset; page < end; page += 0x1000) {
    for (let block = pageBlocks(page); block; block = blockNextInPage(block)) {
      if (load<u32>(block, BLOCK_ENTRY) == 0 && !isForeign(block + BLOCK_HEADER_BYTES)) hotNote(block);
    }
  }
  return translateHot(true);
}

/** Writes the function of the region that was collected, number `which` of the module: size, locals, prologue, body. False: there is no room. */
function writeFunction(slot: u32, which: u32): bool {
  const sizeAt = emitPosition();
  for (let i = 0; i < 5; i++) byte(0);
  const bodyAt = emitPosition();
  hintsFunction();
  if (!writeRegion(slot)) return false;
  const bodyBytes = emitPosition() - bodyAt;
  // The prologue is known now; it goes in front.
  writePrologue();
  const prologueBytes = emitPosition() - bodyAt - bodyBytes;
  const scratch = emitPosition();
  if (!emitRoom(bodyBytes)) return false;
  memory.copy(scratch, bodyAt, bodyBytes);
  memory.copy(bodyAt, bodyAt + bodyBytes, prologueBytes);
  memory.copy(bodyAt + prologueBytes, scratch, bodyBytes);
  lebWideAt(sizeAt, bodyBytes + prologueBytes);
  hintsDone(which, prologueBytes);
  return true;
}

/** Puts head and bodies together; returns the module's length. */
function assemble(bodies: u32, count: u32): u32 {
  const bodiesEnd = emitPosition();
  // Section 10: id, five bytes of size, and the count of functions in one byte.
  store<u8>(bodies, 10);
  lebWideAt(bodies + 1, bodiesEnd - bodies - 6);
  store<u8>(bodies + 6, count);
  emitStart(moduleAt, bodies);
  writeModuleHead(count, slots);
  const headBytes = emitPosition() - moduleAt;
  memory.copy(moduleAt + headBytes, bodies, bodiesEnd - bodies);
  store<u64>(STATS_TRANSLATED_FUNCTIONS, load<u64>(STATS_TRANSLATED_FUNCTIONS) + <u64>count);
  store<u64>(STATS_TRANSLATED_BYTES, load<u64>(STATS_TRANSLATED_BYTES) + <u64>(bodiesEnd - bodies));
  return headBytes + bodiesEnd - bodies;
}

/** The module's functions are in the table: from now on they are entered. No slice may run between translateModule() and this. */
export function translateInstalled(): void {
  for (let i: u32 = 0; i < pendingCount; i++) {
    const pending = pendingAt + i * 8;
    const block = load<u32>(pending);
    const packed = load<u32>(pending, 4);
    blockMarkTranslated(block, packed);
    entryPut(load<u32>(block, BLOCK_KEY), packed);
  }
  pendingCount = 0;
}
