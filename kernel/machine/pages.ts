// Page tracking: where RAM and ROM lie in linear memory, which pages are dirty, and which hold decoded code.
//
// A page that holds decoded (or translated) code must not be written through the fast path: the TLB gives no write tag for
// it, so every store to it comes here first. Each 4 KiB page has a record:
//
//   +0  chunks  u64  bit n: bytes [64n, 64n+63] of the page lie under a decoded block
//   +8  blocks  u32  first block of the page's list (owned by arm/block-cache), 0 = none
//   +12 flags   u32  PAGE_*
//
// DMA by a device cannot drop blocks itself (devices know nothing of the CPU): it marks the page stale, and the CPU drops
// the blocks before it executes another one.
//
// Globals in this file hold addresses derived from the configuration alone: machineInit() rebuilds them.

import {
  CONFIG_BANK1_BYTES,
  CONFIG_BANK1_OFFSET,
  CONFIG_RAM_BYTES,
  CONFIG_ROM_BYTES,
  FLASH_STATE,
  PAGE_RECORD_BYTES,
  RAM_BASE,
  ROM_BASE,
} from "../abi/layout";
import { BANK1 } from "./memory-map";

export const PAGE_DIRTY: u32 = 1;
export const PAGE_STALE: u32 = 2;
/** A TLB write tag was given out since code was last decoded from the page: it must be withdrawn before the next time. */
export const PAGE_WRITTEN: u32 = 4;
/** Translated code was made from the page (arm/translation). */
export const PAGE_TRANSLATED: u32 = 8;

export let ramBytes: u32 = 0;
/** Bytes behind both banks of flash, which lie end to end in linear memory. */
export let romBytes: u32 = 0;
/** Offset of guest RAM in linear memory. */
export let ramOffset: u32 = 0;
export let romOffset: u32 = 0;
/** Page records, ROM first, then RAM: ROM and RAM are adjacent in linear memory, so one index serves both. */
let records: u32 = 0;
/** Number of pages marked stale since the CPU last looked. Survives no snapshot: a snapshot is taken between slices, after a look. */
export let staleCount: u32 = 0;
/** Records of the first of them: looking through all of RAM for one page would take as long as a thousand instructions and more. */
export const STALE_LISTED: u32 = 16;
const staleRecords: usize = memory.data(64);

/** Tells this file where memory lies. `recordsOffset` has room for one record a page of ROM and RAM. */
export function pagesInit(recordsOffset: u32, romAt: u32, ramAt: u32): void {
  records = recordsOffset;
  romOffset = romAt;
  ramOffset = ramAt;
  romBytes = load<u32>(CONFIG_ROM_BYTES) + load<u32>(CONFIG_BANK1_BYTES);
  ramBytes = load<u32>(CONFIG_RAM_BYTES);
}

/** Bytes that the records need. */
export function pagesBytes(): u32 {
  const bytes = load<u32>(CONFIG_ROM_BYTES) + load<u32>(CONFIG_BANK1_BYTES) + load<u32>(CONFIG_RAM_BYTES);
  return (bytes >>> 12) * PAGE_RECORD_BYTES;
}

/** Offset in linear memory of guest physical [address, address + length), or 0 when any byte of it is not RAM. */
export function ramAt(address: u32, length: u32): u32 {
  const start = address - RAM_BASE;
  if (start >= ramBytes || length > ramBytes - start) return 0;
  return ramOffset + start;
}

/** As ramAt, and ROM counts too: flash is read like memory while its bank reads its array (devices/flash). */
export function memoryAt(address: u32, length: u32): u32 {
  if (address >= RAM_BASE) return ramAt(address, length);
  const second = address >= BANK1;
  const start = address - (second ? BANK1 : ROM_BASE);
  const bytes = load<u32>(second ? CONFIG_BANK1_BYTES : CONFIG_ROM_BYTES);
  if (start >= bytes || length > bytes - start) return 0;
  if (load<u32>(FLASH_STATE) & (second ? 2 : 1)) return 0;
  return second ? load<u32>(CONFIG_BANK1_OFFSET) + start : romOffset + start;
}

/** True after a bank of flash began or ceased to be read like memory: what the CPU knows of its pages is wrong. The CPU looks after each
 *  access to a device, so that it is no state. */
export let pagesMoved: bool = false;

export function pagesMove(): void {
  pagesMoved = true;
}

/** The CPU has forgotten what it knew. */
export function pagesMovedSeen(): void {
  pagesMoved = false;
}

/** The record of the page that holds linear-memory offset `at` (inside ROM or RAM). */
// @ts-ignore: decorator
@inline
export function pageRecord(at: u32): u32 {
  return records + ((at - romOffset) >>> 12) * PAGE_RECORD_BYTES;
}

/** The page whose record this is: linear-memory offset of its first byte. */
export function pageOf(record: u32): u32 {
  return romOffset + ((record - records) / PAGE_RECORD_BYTES) * 0x1000;
}

/** A device wrote [at, at + length) of linear memory, obtained from ramAt(): marks the pages dirty, and stale where code lies.
 *  Call it after the bytes are in place. The CPU's exclusive monitor sees it through `staleCount` or the end of the MMIO access. */
export function pagesWritten(at: u32, length: u32): void {
  if (length == 0) return;
  const last = pageRecord(at + length - 1);
  for (let record = pageRecord(at); record <= last; record += PAGE_RECORD_BYTES) {
    let flags = load<u32>(record, 12) | PAGE_DIRTY;
    if (load<u64>(record) != 0 && !(flags & PAGE_STALE)) {
      flags |= PAGE_STALE;
      if (staleCount < STALE_LISTED) store<u32>(staleRecords + (staleCount << 2), record);
      staleCount++;
    }
    store<u32>(record, flags, 12);
  }
}

/** The record of the stale page number `n`, below STALE_LISTED. */
export function staleRecord(n: u32): u32 {
  return load<u32>(staleRecords + (n << 2));
}

/** The CPU has dropped the blocks of every stale page. */
export function pagesSettled(): void {
  staleCount = 0;
}
