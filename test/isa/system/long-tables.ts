// Tables of long descriptors for the privileged sequences: all memory flat, and windows onto the scratch memory with every permission and every
// way to fail. ARM DDI 0406C B3.6.

import { PAGE_WINDOW_COUNT, PAGE_WINDOWS, SECTION_WINDOW_COUNT, SECTION_WINDOWS } from "./windows.js";

const LEVEL_1 = 0x1_8000;
const LEVEL_2 = 0x1_9000; // four tables
const LEVEL_3 = 0x1_d000;
/** Windows that a table of level 2 with attributes leads to: their own tables of level 3. */
const LEVEL_3_BLOCK = 0x1_e000;

const VALID = 1n;
const TABLE = 2n;
const ACCESSED = 1n << 10n;
const SHAREABLE = 3n << 8n;
const ap = (bits: number) => BigInt(bits) << 6n;
const attribute = (index: number) => BigInt(index) << 2n;
const XN = 1n << 54n;
const PXN = 1n << 53n;
const NOT_GLOBAL = 1n << 11n;
const CONTIGUOUS = 1n << 52n;
const TABLE_NO_USER = 1n << 61n;
const TABLE_READ_ONLY = 1n << 62n;
const FLAT = VALID | ACCESSED | SHAREABLE | ap(1);

/** Where window `index` of the blocks' begins: blocks have 2 MiB, and the scratch memory lies in the upper half of one. */
export function longSectionWindow(index: number): number {
  return SECTION_WINDOWS + (2 * index + 1) * 0x10_0000;
}

/** TTBCR, TTBR0 and TTBR1 for these tables at `base`. */
export function longRegisters(base: number, split: boolean): number[] {
  // T0SZ = 2: one GiB, and TTBR0's table is of level 2. TTBR1 takes the rest (table B3-4).
  return split ? [0x8000_0002, base + LEVEL_2, base + LEVEL_1] : [0x8000_0000, base + LEVEL_1, 0];
}

/** Every descriptor that is not zero, and where it lies behind `base`. None leads above all memory: of an unaligned access there the oracle reports
 *  the address of the part that it divides it into. */
export function longTables(base: number): [at: number, descriptor: bigint][] {
  const physical = BigInt(base);
  const entries: [number, bigint][] = [];
  const table = (at: number, index: number, descriptor: bigint) => entries.push([at + 8 * index, descriptor]);
  const blocks = new Map<number, bigint>();
  for (let index = 0; index < 2048; index++) blocks.set(index, (BigInt(index) << 21n) | FLAT);
  blocks.set(PAGE_WINDOWS >>> 21, (physical + BigInt(LEVEL_3)) | VALID | TABLE);
  const block = physical & ~0x1f_ffffn;
  const below = (physical + BigInt(LEVEL_3_BLOCK)) | VALID | TABLE;
  const windows = [
    ...[0, 1, 2, 3].map((bits) => block | VALID | ACCESSED | SHAREABLE | ap(bits)),
    0n, // no descriptor
    block | VALID | SHAREABLE | ap(1), // access flag clear
    below | TABLE_NO_USER,
    below | TABLE_READ_ONLY,
    block | VALID | ACCESSED | ap(1) | XN | attribute(1) | NOT_GLOBAL,
    block | VALID | ACCESSED | ap(1) | PXN | attribute(2) | CONTIGUOUS,
    block | VALID | ACCESSED | ap(3) | SHAREABLE | PXN,
    below,
  ];
  if (windows.length !== SECTION_WINDOW_COUNT) throw new RangeError(`${windows.length} windows`);
  windows.forEach((descriptor, index) => blocks.set(longSectionWindow(index) >>> 21, descriptor));
  for (let index = 0; index < 4; index++)
    table(LEVEL_1, index, (physical + BigInt(LEVEL_2 + 0x1000 * index)) | VALID | TABLE);
  for (const [index, descriptor] of blocks) table(LEVEL_2, index, descriptor);
  const scratch = physical + 0x2000n;
  const page = (attributes: bigint) => scratch | VALID | TABLE | attributes;
  const pages = [
    ...[0, 1, 2, 3].map((bits) => page(ACCESSED | ap(bits))),
    page(ap(1)), // access flag clear
    scratch | VALID | ACCESSED | ap(1), // no page: bit 1 is clear
    page(ACCESSED | ap(1) | XN),
    page(ACCESSED | ap(1) | PXN | NOT_GLOBAL | attribute(3)),
    page(ACCESSED | ap(3) | SHAREABLE),
    0n,
  ];
  for (let index = 0; index < PAGE_WINDOW_COUNT; index++)
    table(LEVEL_3, index, pages[index] ?? page(ACCESSED | ap(1) | CONTIGUOUS));
  // The upper MiB of the block that they stand for: its scratch memory is page 0x102.
  for (let index = 0x100; index < 0x110; index++)
    table(LEVEL_3_BLOCK, index, (block + (BigInt(index) << 12n)) | VALID | TABLE | ACCESSED | ap(1));
  return entries;
}
