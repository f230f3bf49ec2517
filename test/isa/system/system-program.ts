// One program that runs many privileged sequences, on the machine and on qemu-system-arm alike: firmware.S at address 0, this
// image in RAM.
//
//   SYSTEM_BASE + 0x0800   trampoline to a sequence
//   SYSTEM_BASE + 0x1000   the firmware's variables
//   SYSTEM_BASE + 0x2000   scratch memory
//   SYSTEM_BASE + 0x10000  first-level table; second-level table behind it; with long descriptors theirs, from 0x18000 on
//   SYSTEM_BASE + 0x20000  sequences; then states before, results after
//
// A state: r0..r7 · r8..r14 of user mode · CPSR · FPSCR · entry (before) or 1 (after) · FIQ's r8..r14 and SPSR · sp, lr and SPSR
// of Supervisor, Abort, Undefined and IRQ mode · count of logged exceptions · (to 160) d0..d31 · scratch memory · the log.

import { readFileSync } from "node:fs";
import { SCRATCH_BYTES } from "../memory-unit.js";
import { sequenceBytes } from "../program.js";
import type { Sequence } from "../unit.js";
import { longRegisters, longTables } from "./long-tables.js";
import { PAGE_WINDOW_COUNT, PAGE_WINDOWS, SECTION_WINDOWS } from "./windows.js";

export const SYSTEM_BASE = 0x4010_0000;
export const SYSTEM_SCRATCH = SYSTEM_BASE + 0x2000;
export const SYSTEM_CODE = SYSTEM_BASE + 0x2_0000;
/** The firmware's SVC that ends a sequence. */
export const SYSTEM_LEAVE = 0x20;
const TRAMPOLINE = 0x800;
const VARIABLES = 0x1000;
const FIRST_LEVEL = 0x1_0000;
const SECOND_LEVEL = 0x1_4000;
const PADDING = 4096;
/** The variable TTBCR; TTBR0 and TTBR1 follow. */
const TTBCR = 48;

export const SYSTEM_STATE_CPSR = 60;
export const SYSTEM_STATE_FPSCR = 64;
export const SYSTEM_STATE_ENTRY = 68;
/** Where the SPSRs lie. */
export const SYSTEM_STATE_SPSRS = [100, 112, 124, 136, 148];
export const SYSTEM_STATE_DOUBLES = 160;
export const SYSTEM_STATE_SCRATCH = 416;
export const SYSTEM_STATE_LOG = SYSTEM_STATE_SCRATCH + SCRATCH_BYTES;
const LOG_MAX = 16;
export const SYSTEM_STATE_BYTES = SYSTEM_STATE_LOG + 32 * LOG_MAX;

export { PAGE_WINDOW_COUNT, PAGE_WINDOWS, SECTION_WINDOW_COUNT, SECTION_WINDOWS } from "./windows.js";

export const systemFirmware = (): Uint8Array => readFileSync(new URL("firmware.bin", import.meta.url));

export interface SystemProgram {
  image: Uint8Array;
  memoryBytes: number;
  resultsAt: number;
  resultBytes: number;
}

/** Which descriptors the tables have. "long-split": TTBR0 translates the lowest GiB alone, and begins at level 2. */
export type SystemTables = "short" | "long" | "long-split";

/** Builds the image for SYSTEM_BASE. With `semihosting` the firmware writes the results to the debugger's console. */
export function systemProgram(
  sequences: readonly Sequence[],
  states: readonly Uint8Array[],
  semihosting: boolean,
  tables: SystemTables = "short",
): SystemProgram {
  const codeBytes = sequences.reduce((sum, sequence) => sum + sequenceBytes(sequence), 0);
  const statesAt = (SYSTEM_CODE - SYSTEM_BASE + codeBytes + PADDING + 7) & ~7;
  const resultBytes = sequences.length * SYSTEM_STATE_BYTES;
  const resultsAt = statesAt + resultBytes;
  const image = new Uint8Array(resultsAt);
  const view = new DataView(image.buffer);
  const word = (at: number, value: number) => view.setUint32(at, value >>> 0, true);
  word(TRAMPOLINE, 0xe59ff000 | (VARIABLES + 12 - TRAMPOLINE - 8)); // ldr pc, the entry variable
  const variables = [
    sequences.length,
    SYSTEM_BASE + statesAt,
    SYSTEM_BASE + resultsAt,
    0,
    0,
    SYSTEM_BASE + resultsAt,
    resultBytes,
  ];
  [...variables, semihosting ? 1 : 0].forEach((value, i) => word(VARIABLES + 4 * i, value));
  const registers =
    tables === "short" ? [0, SYSTEM_BASE + FIRST_LEVEL, 0] : longRegisters(SYSTEM_BASE, tables === "long-split");
  registers.forEach((value, i) => word(VARIABLES + TTBCR + 4 * i, value));
  if (tables === "short") {
    sections().forEach((descriptor, i) => word(FIRST_LEVEL + 4 * i, descriptor));
    pages().forEach((descriptor, i) => word(SECOND_LEVEL + 4 * i, descriptor));
  } else {
    for (const [at, descriptor] of longTables(SYSTEM_BASE)) view.setBigUint64(at, descriptor, true);
  }
  for (let at = SYSTEM_CODE - SYSTEM_BASE - PADDING; at < statesAt; at += 4) word(at, Math.imul(at, 0x9e3779b1));
  let at = SYSTEM_CODE - SYSTEM_BASE;
  sequences.forEach((sequence, i) => {
    sequence.halves.forEach((half, n) => view.setUint16(at + 2 * n, half, true));
    at += sequenceBytes(sequence);
    image.set(states[i]!, statesAt + i * SYSTEM_STATE_BYTES);
    word(statesAt + i * SYSTEM_STATE_BYTES + SYSTEM_STATE_ENTRY, sequence.entry);
  });
  return { image, memoryBytes: resultsAt + resultBytes, resultsAt, resultBytes };
}

/** First-level table (ARM DDI 0406C B3.5.1): all memory flat, normal and accessible, and the windows. */
function sections(): number[] {
  const NORMAL = 0xc; // C, B
  const table = Array.from({ length: 4096 }, (_, i) => ((i << 20) | 0xc00 | NORMAL | 2) >>> 0);
  const window = (index: number, attributes: number) => {
    table[(SECTION_WINDOWS >>> 20) + index] = (SYSTEM_BASE & 0xfff00000) | attributes;
  };
  const ap = (bits: number) => ((bits & 3) << 10) | ((bits >> 2) << 15);
  for (let bits = 0; bits < 8; bits++) window(bits, ap(bits) | NORMAL | 2); // every AP, domain 0
  window(8, 0); // no descriptor
  window(9, ap(0) | NORMAL | (1 << 5) | 2); // domain 1, manager: AP is not looked at
  window(10, ap(3) | NORMAL | (2 << 5) | 2); // domain 2, no access
  window(11, ap(3) | NORMAL | (3 << 5) | 2); // domain 3: sequences change its access
  table[PAGE_WINDOWS >>> 20] = (SYSTEM_BASE + SECOND_LEVEL) | 1;
  return table;
}

/** Second-level table: small pages of every AP, then XN, no descriptor, and large pages (sixteen entries). */
function pages(): number[] {
  const ap = (bits: number) => ((bits & 3) << 4) | ((bits >> 2) << 9);
  const page = (attributes: number) => SYSTEM_SCRATCH | attributes | 0xc;
  const table = Array.from({ length: 256 }, () => 0);
  for (let bits = 0; bits < 8; bits++) table[bits] = page(ap(bits) | 2);
  table[8] = page(ap(3) | 3); // execute never
  for (let i = 10; i < PAGE_WINDOW_COUNT; i++) table[i] = page(ap(3) | 2);
  return table;
}
