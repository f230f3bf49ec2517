// Software TLB: direct-mapped tables from virtual page to linear memory.
//
// A hit must be one compare. So nothing that varies with the CPU's state is looked at on the way: each combination of
// (ASID, domain access, privilege, MMU on or off) is a *context* with a table of its own, and changing one of them changes
// the table that is current. A DACR write, which Debian's kernel does on every entry and exit, flushes nothing.
//
// Entry (16 bytes):        +0 read tag   +4 write tag   +8 execute tag   +12 addend
//   tag     the virtual page's address if the access is allowed to go straight to memory, else INVALID.
//           Tags are compared with `address & (0xfffff000 | size - 1)`: an unaligned access never matches, nor INVALID.
//   addend  linear-memory offset minus virtual address.
//   Write tags are given only to pages without decoded code, and only when a store has marked the page dirty.
//
// Context (16 bytes, TLB_CONTEXTS): +0 DACR  +4 key (ASID << 8 | MMU << 2 | privileged << 1 | in use)  +8 table  +12 unused
//
// All of it is a cache: a snapshot may drop it.

import {
  CONFIG_TLB_CONTEXTS,
  CONFIG_TLB_ENTRIES,
  STATS_TLB_MISSES,
  TLB_ENTRY_BYTES,
} from "../../abi/layout";
import { CONTEXTIDR, DACR, SCTLR, SCTLR_M } from "./cp15-state";
import { CONTROL, TLB_CONTEXTS } from "./state";

export const TLB_READ: u32 = 0;
export const TLB_WRITE: u32 = 4;
export const TLB_EXECUTE: u32 = 8;
export const TLB_ADDEND: u32 = 12;
const INVALID: u32 = 0xffff_ffff;

const CONTEXT_BYTES: u32 = 16;
/** The current table and its index mask ((entries - 1) << 4): in memory, because a load from a constant address is one instruction. */
export const TLB_TABLE: u32 = TLB_CONTEXTS + 16 * CONTEXT_BYTES;
export const TLB_MASK: u32 = TLB_TABLE + 4;
const NEXT_VICTIM = TLB_TABLE + 8;
/** One bit for each MiB of virtual address space that was ever mapped by something larger than a small page since the last full
 *  flush: TLBIMVA there must drop the whole MiB (B3.10.1: it invalidates the entry that translates the address). */
const LARGE: u32 = TLB_CONTEXTS + 0x200; // 512 bytes

let tables: u32 = 0;
let contextCount: u32 = 0;
let tableBytes: u32 = 0;

export function tlbInit(tablesOffset: u32): void {
  tables = tablesOffset;
  contextCount = load<u32>(CONFIG_TLB_CONTEXTS);
  tableBytes = load<u32>(CONFIG_TLB_ENTRIES) * TLB_ENTRY_BYTES;
  store<u32>(TLB_MASK, tableBytes - TLB_ENTRY_BYTES);
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

/** Makes the context for the CPU's present state the current one. Call it after any of that state has changed. */
export function tlbSelect(): void {
  const mmu = load<u32>(SCTLR) & SCTLR_M;
  const isPrivileged: u32 = (load<u32>(CONTROL) & 0x1f) != 0x10 ? 2 : 0;
  // With the MMU off neither domains nor ASIDs exist.
  const dacr: u32 = mmu ? load<u32>(DACR) : 0;
  const key: u32 = 1 | isPrivileged | (mmu ? 4 | ((load<u32>(CONTEXTIDR) & 0xff) << 8) : 0);
  const wanted = <u64>dacr | (<u64>key << 32);
  const end = TLB_CONTEXTS + contextCount * CONTEXT_BYTES;
  for (let context: u32 = TLB_CONTEXTS; context < end; context += CONTEXT_BYTES) {
    if (load<u64>(context) == wanted) {
      store<u32>(TLB_TABLE, load<u32>(context, 8));
      return;
    }
  }
  let victim = load<u32>(NEXT_VICTIM);
  store<u32>(NEXT_VICTIM, victim + 1 < contextCount ? victim + 1 : 0);
  const context = TLB_CONTEXTS + victim * CONTEXT_BYTES;
  if (load<u32>(context, 4)) memory.fill(load<u32>(context, 8), 0xff, tableBytes);
  store<u64>(context, wanted);
  store<u32>(TLB_TABLE, load<u32>(context, 8));
}

/** Fills the current context's entry. `at` is the linear-memory offset of the virtual page's first byte. */
export function tlbFill(page: u32, at: u32, read: bool, write: bool, execute: bool, large: bool): void {
  const entry = tlbEntry(page);
  store<u32>(entry, read ? page : INVALID, TLB_READ);
  store<u32>(entry, write ? page : INVALID, TLB_WRITE);
  store<u32>(entry, execute ? page : INVALID, TLB_EXECUTE);
  store<u32>(entry, at - page, TLB_ADDEND);
  if (large) {
    const byte = LARGE + (page >>> 23);
    store<u8>(byte, <u8>(<u32>load<u8>(byte) | (1 << ((page >>> 20) & 7))));
  }
  store<u64>(STATS_TLB_MISSES, load<u64>(STATS_TLB_MISSES) + 1);
}

/** Drops everything: TLBIALL, and whatever changes how translations are made. */
export function tlbFlush(): void {
  for (let i: u32 = 0; i < contextCount; i++) {
    const context = TLB_CONTEXTS + i * CONTEXT_BYTES;
    if (!load<u32>(context, 4)) continue;
    memory.fill(load<u32>(context, 8), 0xff, tableBytes);
    store<u64>(context, 0);
  }
  memory.fill(LARGE, 0, 512);
  tlbSelect();
}

/** TLBIASID. Global entries of that ASID's contexts go too, which is always allowed. */
export function tlbFlushAsid(asid: u32): void {
  for (let i: u32 = 0; i < contextCount; i++) {
    const context = TLB_CONTEXTS + i * CONTEXT_BYTES;
    const key = load<u32>(context, 4);
    if ((key & 4) != 0 && key >>> 8 == asid) memory.fill(load<u32>(context, 8), 0xff, tableBytes);
  }
}

/** TLBIMVA and TLBIMVAA, in all contexts: a global page may be in any of them. */
export function tlbFlushPage(address: u32): void {
  const mask = load<u32>(TLB_MASK);
  if (<u32>load<u8>(LARGE + (address >>> 23)) & (1 << ((address >>> 20) & 7))) {
    for (let page = address & 0xfff0_0000, i = 0; i < 256; i++, page += 0x1000) flushOne(page, mask);
    return;
  }
  flushOne(address & 0xffff_f000, mask);
}

function flushOne(page: u32, mask: u32): void {
  const index = (page >>> 8) & mask;
  const end = TLB_CONTEXTS + contextCount * CONTEXT_BYTES;
  for (let context: u32 = TLB_CONTEXTS; context < end; context += CONTEXT_BYTES) {
    const entry = load<u32>(context, 8) + index;
    if (load<u32>(entry, TLB_READ) == page || load<u32>(entry, TLB_EXECUTE) == page || load<u32>(entry, TLB_WRITE) == page) {
      store<u64>(entry, 0xffff_ffff_ffff_ffff);
      store<u32>(entry, INVALID, TLB_EXECUTE);
    }
  }
}

/** Withdraws every write tag for the page at linear-memory offset `at`: code is about to be decoded from it. */
export function tlbProtect(at: u32): void {
  const end = tables + contextCount * tableBytes;
  for (let entry = tables; entry < end; entry += TLB_ENTRY_BYTES) {
    const tag = load<u32>(entry, TLB_WRITE);
    if (tag != INVALID && tag + load<u32>(entry, TLB_ADDEND) == at) store<u32>(entry, INVALID, TLB_WRITE);
  }
}
