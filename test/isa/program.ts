// One program that runs many sequences: for each it loads all state from a table, enters the sequence, and stores all state
// into a table. The same bytes at the same addresses run under Linux (the oracle) and on the bare machine, both in user mode.
//
//   PROGRAM_BASE + 0x0800  harness (A32)
//   PROGRAM_BASE + 0x1000  its variables, apart from its code: stores into code are slow everywhere
//   PROGRAM_BASE + 0x2000  scratch memory
//   PROGRAM_BASE + 0x4000  sequences, with 4 KiB of padding before and behind for loads relative to PC
//   then                   states before, STATE_BYTES each; results after, STATE_BYTES each
//
// A state: r0..r14 · CPSR · FPSCR · entry (before) or 1 (after) · d0..d31 · scratch memory.

import { SCRATCH_BYTES } from "./memory-unit.js";
import type { Sequence } from "./unit.js";

export const PROGRAM_BASE = 0x4010_0000;
export const SCRATCH = PROGRAM_BASE + 0x2000;
export const CODE = PROGRAM_BASE + 0x4000;
const HARNESS = PROGRAM_BASE + 0x800;
const VARIABLES = PROGRAM_BASE + 0x1000;
const PADDING = 4096;

export const STATE_CPSR = 60;
export const STATE_FPSCR = 64;
export const STATE_ENTRY = 68;
export const STATE_DOUBLES = 72;
export const STATE_SCRATCH = 328;
export const STATE_BYTES = STATE_SCRATCH + SCRATCH_BYTES;

/** Bits of the CPSR that a program in user mode owns: N Z C V Q GE. */
export const CPSR_USER = 0xf80f0000;

// Variables
const [COUNT, STATE, OUTPUT, ENTRY, SAVED, MASK, SCRATCH_AT, RESULTS, RESULT_BYTES] = [0, 4, 8, 12, 16, 20, 24, 28, 32];

export interface Program {
  image: Uint8Array;
  entry: number;
  /** Bytes of memory from PROGRAM_BASE on, image and results. */
  memoryBytes: number;
  /** Where the results are, relative to PROGRAM_BASE. */
  resultsAt: number;
  resultBytes: number;
}

interface Harness {
  words: number[];
  leave: number;
}

/** Address that ends a sequence. */
export const LEAVE = harness().leave;

function harness(): Harness {
  const words: number[] = [];
  const here = () => HARNESS + 4 * words.length;
  const emit = (...more: number[]) => words.push(...more);
  const variable = (opcode: number, register: number, offset: number) =>
    emit(opcode | (register << 12) | (VARIABLES + offset - here() - 8));
  const load = (register: number, offset: number) => variable(0xe59f0000, register, offset);
  const store = (register: number, offset: number) => variable(0xe58f0000, register, offset);
  const branch = (opcode: number, target: number) => emit((opcode | (((target - here() - 8) >> 2) & 0xffffff)) >>> 0);
  const copyScratch = () => {
    emit(0xe3a03000 | (SCRATCH_BYTES / 32)); // mov r3, #count
    const loop = here();
    emit(0xe8b20ff0, 0xe8a10ff0, 0xe2533001); // ldmia r2!, {r4-r11} ; stmia r1!, {r4-r11} ; subs r3, r3, #1
    branch(0x1a000000, loop);
  };

  const next = here();
  load(0, COUNT);
  emit(0xe2500001); // subs r0, r0, #1
  const toDone = words.length;
  emit(0);
  store(0, COUNT);
  load(0, STATE);
  load(1, SCRATCH_AT);
  emit(0xe2802f52); // add r2, r0, #STATE_SCRATCH
  copyScratch();
  emit(0xe5901040, 0xeee11a10); // ldr r1, [r0, #64] ; vmsr fpscr, r1
  emit(0xe2801048, 0xecb10b20, 0xecf10b20); // add r1, r0, #72 ; vldmia r1!, {d0-d15} ; vldmia r1!, {d16-d31}
  emit(0xe5901044); // ldr r1, [r0, #68]
  store(1, ENTRY);
  emit(0xf57ff01f, 0xe590103c, 0xe12cf001, 0xe8907fff); // clrex ; ldr r1, [r0, #60] ; msr apsr_nzcvqg, r1 ; ldm r0, {r0-r14}
  load(15, ENTRY);

  const leave = here();
  store(0, SAVED);
  load(0, OUTPUT);
  emit(0xe9807ffe); // stmib r0, {r1-r14}
  load(1, SAVED);
  emit(0xe5801000, 0xe10f1000); // str r1, [r0] ; mrs r1, cpsr
  load(2, MASK);
  emit(0xe0011002, 0xe580103c, 0xeef11a10, 0xe5801040); // and r1, r1, r2 ; str r1, [r0, #60] ; vmrs r1, fpscr ; str r1, [r0, #64]
  emit(0xe3a01001, 0xe5801044, 0xe3a01000, 0xeee11a10); // mov r1, #1 ; str r1, [r0, #68] ; mov r1, #0 ; vmsr fpscr, r1
  emit(0xe2801048, 0xeca10b20, 0xece10b20); // add r1, r0, #72 ; vstmia r1!, {d0-d15} ; vstmia r1!, {d16-d31}
  load(2, SCRATCH_AT);
  copyScratch();
  store(1, OUTPUT);
  load(0, STATE);
  emit(0xe2800fd2); // add r0, r0, #STATE_BYTES
  store(0, STATE);
  branch(0xea000000, next);

  words[toDone] = (0x4a000000 | (((here() - (HARNESS + 4 * toDone) - 8) >> 2) & 0xffffff)) >>> 0; // bmi done
  load(5, RESULTS);
  load(6, RESULT_BYTES);
  const write = here();
  emit(0xe3a00001, 0xe1a01005, 0xe1a02006, 0xe3a07004, 0xef000000); // write(1, r5, r6)
  emit(0xe0855000, 0xe0566000); // add r5, r5, r0 ; subs r6, r6, r0
  branch(0x1a000000, write);
  emit(0xe3a00000, 0xe3a070f8, 0xef000000); // exit_group(0)
  return { words, leave };
}

/** Builds the program. `states[i]` is what sequence i starts from; its entry word is filled in here. */
export function buildProgram(sequences: readonly Sequence[], states: readonly Uint8Array[]): Program {
  const codeBytes = sequences.reduce((sum, sequence) => sum + sequenceBytes(sequence), 0);
  const statesAt = align8(CODE + codeBytes + PADDING) - PROGRAM_BASE;
  const resultBytes = STATE_BYTES * sequences.length;
  const resultsAt = statesAt + resultBytes;
  const image = new Uint8Array(resultsAt);
  const view = new DataView(image.buffer);
  // Padding that is no zeroes: loads relative to PC shall see something.
  for (let at = CODE - PROGRAM_BASE - PADDING; at < statesAt; at += 4)
    view.setUint32(at, Math.imul(at, 0x9e3779b1) >>> 0, true);
  harness().words.forEach((word, i) => view.setUint32(HARNESS - PROGRAM_BASE + 4 * i, word >>> 0, true));
  const variable = (offset: number, value: number) =>
    view.setUint32(VARIABLES - PROGRAM_BASE + offset, value >>> 0, true);
  variable(COUNT, sequences.length);
  variable(STATE, PROGRAM_BASE + statesAt);
  variable(OUTPUT, PROGRAM_BASE + resultsAt);
  variable(MASK, CPSR_USER);
  variable(SCRATCH_AT, SCRATCH);
  variable(RESULTS, PROGRAM_BASE + resultsAt);
  variable(RESULT_BYTES, resultBytes);
  let at = CODE - PROGRAM_BASE;
  sequences.forEach((sequence, i) => {
    sequence.halves.forEach((half, n) => view.setUint16(at + 2 * n, half, true));
    at += sequenceBytes(sequence);
    image.set(states[i]!, statesAt + i * STATE_BYTES);
    view.setUint32(statesAt + i * STATE_BYTES + STATE_ENTRY, sequence.entry, true);
  });
  return { image, entry: HARNESS, memoryBytes: resultsAt + resultBytes, resultsAt, resultBytes };
}

/** Bytes that a sequence takes: the next one starts on a word. */
export function sequenceBytes(sequence: Sequence): number {
  return (2 * sequence.halves.length + 3) & ~3;
}

function align8(address: number): number {
  return (address + 7) & ~7;
}
