// Software TLB: direct-mapped tables from virtual page to linear memory.
//
// A hit must be one compare. So nothing that varies with the CPU's state is looked at on the way: each combination of
// (ASID, domain access, privilege, MMU on or off) is a *context* with a table of its own, and changing one of them changes
// the table that is current. A DACR write, which Debian's kernel does on every entry and exit, flushes nothing.
//
// Data entry (16 bytes):   +0 read tag   +4 write tag   +8 addend   +12 unused
// Code entry (8 bytes):    +0 execute tag   +4 addend
//   tag     the virtual page's address if the access is allowed to go straight to memory, else INVALID.
//           Tags are compared with `address & (0xfffff000 | size - 1)`: an unaligned access never matches, nor INVALID.
//   addend  linear-memory offset minus virtual address.
//   Write tags are given only to pages without decoded code, and only when a store has marked the page dirty.
//
// Code has entries of its own (half as many), or a loop and its data would take turns in one. A context's table: data, then code.
//
// Context (16 bytes, TLB_CONTEXTS): +0 DACR  +4 key (ASID << 8 | MMU << 2 | privileged << 1 | in use)  +8 table  +12 unused
//
// All of it is a cache: a snapshot may drop it.

import { WORK_SYSTEM, workClear, workOfCaches } from "../../devices/work";
import {
  CONFIG_TLB_CONTEXTS,
  CONFIG_TLB_ENTRIES,
  STATS_TLB_EVICTIONS,
  STATS_TLB_FLUSHES,
  STATS_TLB_MISSES,
  STATS_TLB_PAGE_FLUSHES,
  TLB_ENTRY_BYTES,
} from "../../../abi/layout";
import { CONTEXTIDR, DACR, SCTLR, SCTLR_M, TTBCR, TTBCR_EAE, TTBR0_HIGH, TTBR1_HIGH } from "../cp15-state";
import { CONTROL, TLB_CONTEXTS } from "../state";

export const TLB_READ: u32 = 0;
export const TLB_WRITE: u32 = 4;
export const TLB_ADDEND: u32 = 8;
const DATA_BYTES: u32 = 16;
/** Code entry: tag at +0, addend at TLB_CODE_ADDEND. */
export const TLB_CODE_ADDEND: u32 = 4;
const CODE_BYTES: u32 = 8;
const INVALID: u32 = 0xffff_ffff;

const CONTEXT_BYTES: u32 = 16;
/** The current table and its index masks, data and code: in memory, because a load from a constant address is one instruction. */
export const TLB_TABLE: u32 = TLB_CONTEXTS + 16 * CONTEXT_BYTES;
export const TLB_MASK: u32 = TLB_TABLE + 4;
export const TLB_CODE_TABLE: u32 = TLB_TABLE + 8;
export const TLB_CODE_MASK: u32 = TLB_TABLE + 12;
const NEXT_VICTIM = TLB_TABLE + 16;
/** One bit for each MiB of virtual address space that was ever mapped by something larger than a small page since the last full
 *  flush: TLBIMVA there must drop the whole MiB (B3.10.1: it invalidates the entry that translates the address). */
const LARGE: u32 = TLB_CONTEXTS + 0x200; // 512 bytes

let tables: u32 = 0;
let contextCount: u32 = 0;
let tableBytes: u32 = 0;
/** Bytes of a table's data entries: where its code entries begin. */
let dataBytes: u32 = 0;

export function tlbInit(tablesOffset: u32): void {
  tables = tablesOffset;
  contextCount = load<u32>(CONFIG_TLB_CONTEXTS);
  const entries = load<u32>(CONFIG_TLB_ENTRIES);
  tableBytes = entries * TLB_ENTRY_BYTES;
  dataBytes = entries * DATA_BYTES;
  store<u32>(TLB_MASK, (entries - 1) * DATA_BYTES);
  store<u32>(TLB_CODE_MASK, ((entries >>> 1) - 1) * CODE_BYTES);
  for (let i: u32 = 0; i < contextCount; i++) {
    const context = TLB_CONTEXTS + i * CONTEXT_BYTES;
    store<u32>(context, 0, 0);
    store<u32>(context, 0, 4);
    store<u32>(context, tables + i * tableBytes, 8);
  }
  memory.fill(tables, 0xff, contextCount * tableBytes);
  memory.fill(LARGE, 0, 512);
  store<u32>(NEXT_VICTIM, 0);
}

/** Entry of the current context for `address`. */
// @ts-ignore: decorator
@inline
export function tlbEntry(address: u32): u32 {
  return load<u32>(TLB_TABLE) + ((address >>> 8) & load<u32>(TLB_MASK));
}

/** Code entry of the current context for `address`. */
// @ts-ignore: decorator
@inline
export function tlbCodeEntry(address: u32): u32 {
  return load<u32>(TLB_CODE_TABLE) + ((address >>> 9) & load<u32>(TLB_CODE_MASK));
}

/** Makes `table` the current one. */
function setTable(table: u32): void {
  store<u32>(TLB_TABLE, table);
  store<u32>(TLB_CODE_TABLE, table + dataBytes);
}

/** With long descriptors, and no domains, the ASID is TTBR0's or TTBR1's bits 55:48, as TTBCR.A1 says (B3.9.2). */
function longAsid(): u32 {
  const high = load<u32>(TTBCR) & (1 << 22) ? load<u32>(TTBR1_HIGH) : load<u32>(TTBR0_HIGH);
  return (high >>> 16) & 0xff;
}

/** Makes the context for the CPU's present state the current one. Call it after any of that state has changed. */
export function tlbSelect(): void {
  const mmu = load<u32>(SCTLR) & SCTLR_M;
  const isPrivileged: u32 = (load<u32>(CONTROL) & 0x1f) != 0x10 ? 2 : 0;
  // With the MMU off neither domains nor ASIDs exist.
  const isLong = (load<u32>(TTBCR) & TTBCR_EAE) != 0;
  const dacr: u32 = mmu && !isLong ? load<u32>(DACR) : 0;
  const asid = isLong ? longAsid() : load<u32>(CONTEXTIDR) & 0xff;
  const key: u32 = 1 | isPrivileged | (mmu ? 4 | (asid << 8) : 0);
  const wanted = (<u64>dacr) | ((<u64>key) << 32);
  const end = TLB_CONTEXTS + contextCount * CONTEXT_BYTES;
  for (let context: u32 = TLB_CONTEXTS; context < end; context += CONTEXT_BYTES) {
    if (load<u64>(context) == wanted) {
      setTable(load<u32>(context, 8));
      return;
    }
  }
  let victim = load<u32>(NEXT_VICTIM);
  store<u32>(NEXT_VICTIM, victim + 1 < contextCount ? victim + 1 : 0);
  const context = TLB_CONTEXTS + victim * CONTEXT_BYTES;
  if (load<u32>(context, 4)) {
    memory.fill(load<u32>(context, 8), 0xff, tableBytes);
    workClear(tableBytes);
    store<u64>(STATS_TLB_EVICTIONS, load<u64>(STATS_TLB_EVICTIONS) + 1);
  }
  store<u64>(context, wanted);
  setTable(load<u32>(context, 8));
}

/** Fills the current context's data entry. `at` is the linear-memory offset of the virtual page's first byte. A write tag that the
 *  page has already stays. */
export function tlbFill(page: u32, at: u32, read: bool, write: bool, shift: u32): void {
  const entry = tlbEntry(page);
  const addend = at - page;
  const writable = write || (load<u32>(entry, TLB_WRITE) == page && load<u32>(entry, TLB_ADDEND) == addend);
  store<u32>(entry, read ? page : INVALID, TLB_READ);
  store<u32>(entry, writable ? page : INVALID, TLB_WRITE);
  store<u32>(entry, addend, TLB_ADDEND);
  filled(page, shift);
}

/** Fills the current context's code entry. */
export function tlbFillCode(page: u32, at: u32, shift: u32): void {
  const entry = tlbCodeEntry(page);
  store<u32>(entry, page);
  store<u32>(entry, at - page, TLB_CODE_ADDEND);
  filled(page, shift);
}

/** The page was found in something that maps 1 << `shift` bytes. */
function filled(page: u32, shift: u32): void {
  if (shift > 12 && shift <= 20) {
    const byte = LARGE + (page >>> 23);
    store<u8>(byte, <u8>((<u32>load<u8>(byte)) | (1 << ((page >>> 20) & 7))));
  } else if (shift == 21) {
    // A block of level 2 is two of them, and either is flushed with the other.
    const byte = LARGE + (page >>> 23);
    store<u8>(byte, <u8>((<u32>load<u8>(byte)) | (3 << ((page >>> 20) & 6))));
  } else if (shift > 21) hasGiants = true;
  store<u64>(STATS_TLB_MISSES, load<u64>(STATS_TLB_MISSES) + 1);
}

/** Something was mapped since the last full flush by more than 2 MiB at once: a supersection, a block of level 1. They are rare, and
 *  TLBIMVA then drops everything. */
let hasGiants: bool = false;

/** Drops everything: TLBIALL, and whatever changes how translations are made. */
export function tlbFlush(): void {
  store<u64>(STATS_TLB_FLUSHES, load<u64>(STATS_TLB_FLUSHES) + 1);
  for (let i: u32 = 0; i < contextCount; i++) {
    const context = TLB_CONTEXTS + i * CONTEXT_BYTES;
    if (!load<u32>(context, 4)) continue;
    memory.fill(load<u32>(context, 8), 0xff, tableBytes);
    workClear(tableBytes);
    store<u64>(context, 0);
  }
  memory.fill(LARGE, 0, 512);
  hasGiants = false;
  tlbSelect();
}

/** TLBIASID. Global entries of that ASID's contexts go too, which is always allowed. */
export function tlbFlushAsid(asid: u32): void {
  workOfCaches(WORK_SYSTEM);
  for (let i: u32 = 0; i < contextCount; i++) {
    const context = TLB_CONTEXTS + i * CONTEXT_BYTES;
    const key = load<u32>(context, 4);
    if ((key & 4) == 0 || key >>> 8 != asid) continue;
    memory.fill(load<u32>(context, 8), 0xff, tableBytes);
    workClear(tableBytes);
  }
}

/** TLBIMVA and TLBIMVAA, in all contexts: a global page may be in any of them. */
export function tlbFlushPage(address: u32): void {
  workOfCaches(WORK_SYSTEM);
  store<u64>(STATS_TLB_PAGE_FLUSHES, load<u64>(STATS_TLB_PAGE_FLUSHES) + 1);
  if (hasGiants) {
    tlbFlush();
    return;
  }
  const mask = load<u32>(TLB_MASK);
  const byte = LARGE + (address >>> 23);
  // With long descriptors both halves of 2 MiB go.
  const isLong: u32 = load<u32>(TTBCR) & TTBCR_EAE ? 1 : 0;
  const bit: u32 = isLong ? 3 << ((address >>> 20) & 6) : 1 << ((address >>> 20) & 7);
  if ((<u32>load<u8>(byte)) & bit) {
    workOfCaches(32 * contextCount);
    const count = 256 << isLong;
    for (let page = address & (0xfff0_0000 << isLong), i = 0; i < count; i++, page += 0x1000) flushOne(page, mask);
    // Nothing of the MiB is left: kernels flush ranges of their section-mapped memory page by page.
    store<u8>(byte, <u8>((<u32>load<u8>(byte)) & ~bit));
    return;
  }
  flushOne(address & 0xffff_f000, mask);
}

function flushOne(page: u32, mask: u32): void {
  const index = (page >>> 8) & mask;
  const codeIndex = dataBytes + ((page >>> 9) & load<u32>(TLB_CODE_MASK));
  const end = TLB_CONTEXTS + contextCount * CONTEXT_BYTES;
  for (let context: u32 = TLB_CONTEXTS; context < end; context += CONTEXT_BYTES) {
    if (!load<u32>(context, 4)) continue;
    const table = load<u32>(context, 8);
    const entry = table + index;
    if (load<u32>(entry, TLB_READ) == page || load<u32>(entry, TLB_WRITE) == page)
      store<u64>(entry, 0xffff_ffff_ffff_ffff);
    if (load<u32>(table + codeIndex) == page) store<u32>(table + codeIndex, INVALID);
  }
}

/** Withdraws every write tag for the page at linear-memory offset `at`: code is about to be decoded from it. */
export function tlbProtect(at: u32): void {
  workOfCaches((contextCount * dataBytes) >>> 6);
  for (let i: u32 = 0; i < contextCount; i++) {
    const table = tables + i * tableBytes;
    const end = table + dataBytes;
    for (let entry = table; entry < end; entry += DATA_BYTES) {
      const tag = load<u32>(entry, TLB_WRITE);
      if (tag != INVALID && tag + load<u32>(entry, TLB_ADDEND) == at) store<u32>(entry, INVALID, TLB_WRITE);
    }
  }
}
