// Translation with long descriptors (LPAE): ARM DDI 0406C B3.6, B3.7. The tables alone; mmu does what both formats share.
//
// Input addresses have 32 bits. A table of level 1 divides them into 1 GiB, of level 2 into 2 MiB, of level 3 into pages; a region of 1 GiB
// or less begins at level 2. Output addresses have 40 bits, and nothing lies above 4 GiB here.

import { memoryAt } from "../../pages";
import { TTBCR, TTBR0, TTBR0_HIGH, TTBR1, TTBR1_HIGH } from "../cp15-state";

// STATUS[5:0] without the level, which is its low bits (table B3-24). Level 0 does not exist, so that none of these is one of mmu's.
const TRANSLATION: u32 = 0x04;
const ACCESS_FLAG: u32 = 0x08;
export const LONG_PERMISSION: u32 = 0x0c;
const WALK: u32 = 0x14;

// TTBCR (B4.1.153)
const EPD0: u32 = 1 << 7;
const EPD1: u32 = 1 << 23;

// Descriptors (B3.6.1 – B3.6.3)
const VALID: u64 = 1 << 0;
const TABLE: u64 = 1 << 1; // a page at level 3
const USER: u64 = 1 << 6; // AP[1]
const READ_ONLY: u64 = 1 << 7; // AP[2]
const ACCESSED: u64 = 1 << 10;
const PXN: u64 = 1 << 53;
const XN: u64 = 1 << 54;
const TABLE_PXN: u64 = 1 << 59;
const TABLE_XN: u64 = 1 << 60;
const TABLE_NO_USER: u64 = 1 << 61; // APTable[0]
const TABLE_READ_ONLY: u64 = 1 << 62; // APTable[1]
const OUTPUT: u64 = 0xff_ffff_f000;

// Answers of longWalk(): valid until the next call.
/** The block's or page's descriptor, with what the tables above it forbid. */
let descriptor: u64 = 0;
/** log2 of the bytes that it maps. */
export let longShift: u32 = 0;
/** Level of the last descriptor that was read. */
export let longLevel: u32 = 0;
export let longOutput: u64 = 0;

/** Which table translates `address`: its address, and the bits of `address` that it resolves to `inputBits`. 0 bits: none does. */
function begin(address: u32): u64 {
  const ttbcr = load<u32>(TTBCR);
  const t0 = ttbcr & 7;
  const t1 = (ttbcr >>> 16) & 7;
  inputBits = 0;
  // An address that begins with T1SZ ones is TTBR1's, with T0SZ zeros TTBR0's; a size of zero takes what the other leaves (table B3-4).
  const isHigh = t1 != 0 && ~address >>> (32 - t1) == 0;
  const isLow = t0 == 0 || address >>> (32 - t0) == 0;
  if (isHigh || (!isLow && t1 == 0)) {
    if (ttbcr & EPD1) return 0;
    inputBits = 32 - t1;
    return (<u64>load<u32>(TTBR1)) | ((<u64>(load<u32>(TTBR1_HIGH) & 0xff)) << 32);
  }
  if (!isLow || ttbcr & EPD0) return 0;
  inputBits = 32 - t0;
  return (<u64>load<u32>(TTBR0)) | ((<u64>(load<u32>(TTBR0_HIGH) & 0xff)) << 32);
}
let inputBits: u32 = 0;

/** Walks the tables for `address`. Returns 0, or the fault's STATUS. */
export function longWalk(address: u32): u32 {
  let table = begin(address);
  longLevel = 1;
  if (inputBits == 0) return TRANSLATION | 1;
  if (inputBits <= 30) longLevel = 2;
  let forbidden: u64 = 0;
  let bits = inputBits;
  for (; ; longLevel++) {
    longShift = 39 - 9 * longLevel;
    const index = (address & (<u32>(((<u64>1) << bits) - 1))) >>> longShift;
    // The first table is aligned to its own size, the others to 4 KiB.
    const tableBytes: u64 = (<u64>8) << (bits - longShift);
    const at = (table & ~(tableBytes - 1)) + (index << 3);
    const memory = at >>> 32 == 0 ? memoryAt(<u32>at, 8) : 0;
    if (!memory) return WALK | longLevel;
    descriptor = load<u64>(memory);
    const isTable = (descriptor & TABLE) != 0;
    if (!(descriptor & VALID) || (longLevel == 3 && !isTable)) return TRANSLATION | longLevel;
    if (longLevel == 3 || !isTable) break;
    // Attributes for all below: what is set once stays (B3.6.2).
    forbidden |= descriptor;
    table = descriptor & OUTPUT;
    bits = longShift;
  }
  if (!(descriptor & ACCESSED)) return ACCESS_FLAG | longLevel;
  if (forbidden & TABLE_NO_USER) descriptor &= ~USER;
  if (forbidden & TABLE_READ_ONLY) descriptor |= READ_ONLY;
  if (forbidden & TABLE_XN) descriptor |= XN;
  if (forbidden & TABLE_PXN) descriptor |= PXN;
  const within = ((<u64>1) << longShift) - 1;
  longOutput = (descriptor & OUTPUT & ~within) | ((<u64>address) & within);
  return 0;
}

/** What AP[2:1] permits: 1 read, 2 write (table B3-6). */
export function longPermissions(isPrivileged: bool): u32 {
  if (!isPrivileged && !(descriptor & USER)) return 0;
  return descriptor & READ_ONLY ? 1 : 3;
}

/** Whether XN, or PXN at PL1, forbids execution. */
export function longNeverExecutes(isPrivileged: bool): bool {
  return (descriptor & (isPrivileged ? XN | PXN : XN)) != 0;
}

/** AttrIndx, and SH, of the mapping: for PAR. */
export function longAttributeIndex(): u32 {
  return (<u32>(descriptor >>> 2)) & 7;
}
export function longShareability(): u32 {
  return (<u32>(descriptor >>> 8)) & 3;
}
