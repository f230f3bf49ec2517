// Random privileged sequences and the comparison with qemu-system-arm.

import { disassembly } from "../compare-sequences.js";
import { MachineRunError } from "../machine-runner.js";
import { sequenceBytes } from "../program.js";
import { Random } from "../random.js";
import { LOOP_COUNTER } from "../random-units.js";
import { assemble, type Sequence, type Unit } from "../unit.js";
import { VECTOR_BYTES, VECTOR_REGISTERS, vfpVector } from "../vfp-vectors.js";
import {
  SYSTEM_CODE,
  SYSTEM_LEAVE,
  SYSTEM_STATE_BYTES,
  SYSTEM_STATE_CPSR,
  SYSTEM_STATE_DOUBLES,
  SYSTEM_STATE_FPSCR,
  SYSTEM_STATE_LOG,
  SYSTEM_STATE_SCRATCH,
  SYSTEM_STATE_SPSRS,
  systemProgram,
  type SystemProgram,
  type SystemTables,
} from "./system-program.js";
import { systemMachineRun, systemOracleRun } from "./system-run.js";
import { randomStatus, SystemUnitMaker } from "./system-units.js";

const UNITS = 16;

export interface SystemBatch {
  sequences: Sequence[];
  program(semihosting: boolean): SystemProgram;
}

/** Sequences `first` to `first + count - 1` of `seed`. With `length` the last one ends after so many units. */
export function systemBatch(
  seed: number,
  first: number,
  count: number,
  tables: SystemTables = "short",
  length?: number,
): SystemBatch {
  let at = SYSTEM_CODE;
  const states: Uint8Array[] = [];
  const sequences: Sequence[] = [];
  for (let index = first; index < first + count; index++) {
    let units = systemUnits(seed, index, tables);
    if (length !== undefined && index === first + count - 1) units = units.slice(0, length);
    const sequence = assemble(units, at, SYSTEM_LEAVE);
    at += sequenceBytes(sequence);
    sequences.push(sequence);
    states.push(systemState(seed, index));
  }
  return { sequences, program: (semihosting) => systemProgram(sequences, states, semihosting, tables) };
}

function systemUnits(seed: number, index: number, tables: SystemTables): Unit[] {
  const random = new Random((seed ^ Math.imul(index + 1, 0x27d4eb2f)) | 0);
  return new SystemUnitMaker(random, tables).units(1 + random.below(UNITS), random.oneIn(2) ? "A32" : "T32");
}

function systemState(seed: number, index: number): Uint8Array {
  const random = new Random((seed ^ Math.imul(index + 1, 0x165667b1)) | 0);
  const state = new Uint8Array(SYSTEM_STATE_BYTES);
  const view = new DataView(state.buffer);
  for (let at = 0; at < SYSTEM_STATE_LOG; at += 4) view.setUint32(at, random.word(), true);
  const vector = new DataView(new ArrayBuffer(VECTOR_BYTES));
  for (let group = 0; group < 5; group++) {
    vfpVector(vector, 0, random.oneIn(2), random);
    state.set(
      new Uint8Array(vector.buffer, 4, 8 * VECTOR_REGISTERS),
      SYSTEM_STATE_DOUBLES + group * 8 * VECTOR_REGISTERS,
    );
  }
  view.setUint32(SYSTEM_STATE_FPSCR, (vector.getUint32(0, true) & 0xffc0009f) >>> 0, true);
  view.setUint32(SYSTEM_STATE_CPSR, randomStatus(random), true);
  for (const at of SYSTEM_STATE_SPSRS) view.setUint32(at, randomStatus(random), true);
  view.setUint32(SYSTEM_STATE_SCRATCH + LOOP_COUNTER, random.below(20), true); // the loop counter, see UnitMaker
  return state;
}

/** Final state of sequence `index`. */
export function systemStateOf(results: Uint8Array, index: number): Uint8Array {
  return results.subarray(index * SYSTEM_STATE_BYTES, (index + 1) * SYSTEM_STATE_BYTES);
}

/** Runs sequences on both sides, on the machine in slices of `fuel`; reports of up to `most` that differ. */
export function systemCompare(
  seed: number,
  first: number,
  count: number,
  fuel: number,
  tables: SystemTables = "short",
  most = 4,
): string[] {
  const batch = systemBatch(seed, first, count, tables);
  const expected = systemOracleRun(batch.program(true));
  const results = machineResults(batch, fuel);
  if (typeof results === "string") {
    if (count === 1) return [explain(seed, first, fuel, tables)];
    const half = count >> 1;
    const reports = systemCompare(seed, first, half, fuel, tables, most);
    if (reports.length < most)
      reports.push(...systemCompare(seed, first + half, count - half, fuel, tables, most - reports.length));
    return reports;
  }
  const reports: string[] = [];
  for (let i = 0; i < count && reports.length < most; i++) {
    if (Buffer.compare(systemStateOf(results, i), systemStateOf(expected, i)) !== 0)
      reports.push(explain(seed, first + i, fuel, tables));
  }
  return reports;
}

/** The machine's final states, or why there are none. */
function machineResults(batch: SystemBatch, fuel: number): Uint8Array | string {
  try {
    return systemMachineRun(batch.program(false), fuel, 50_000_000);
  } catch (error) {
    if (!(error instanceof MachineRunError) && !(error instanceof WebAssembly.RuntimeError)) throw error;
    return error.message;
  }
}

/** The shortest prefix of one sequence that differs. */
function explain(seed: number, index: number, fuel: number, tables: SystemTables): string {
  const title = `system sequence ${index} of seed ${seed}`;
  for (let length = 1; length <= UNITS; length++) {
    const batch = systemBatch(seed, index, 1, tables, length);
    const want = listState(systemOracleRun(batch.program(true)));
    const results = machineResults(batch, fuel);
    const got = typeof results === "string" ? [results] : listState(results);
    const lines = want.flatMap((line, i) => (line === got[i] ? [] : [`  ${got[i] ?? ""}`, `  ${line}   ← oracle`]));
    if (lines.length > 0)
      return [`${title}: differs after unit ${length}`, ...lines, disassembly(batch.sequences[0]!)].join("\n");
  }
  return `${title}: differs in its batch only`;
}

const NAMES = [
  ..."r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 sp_usr lr_usr cpsr fpscr ended".split(" "),
  ..."r8_fiq r9_fiq r10_fiq r11_fiq r12_fiq sp_fiq lr_fiq spsr_fiq".split(" "),
  ..."sp_svc lr_svc spsr_svc sp_abt lr_abt spsr_abt sp_und lr_und spsr_und sp_irq lr_irq spsr_irq logged".split(" "),
];
const LOG_NAMES = ["vector", "lr", "spsr", "cpsr", "status", "address", "", ""];

function listState(state: Uint8Array): string[] {
  const view = new DataView(state.buffer, state.byteOffset);
  const lines: string[] = [];
  for (let at = 0; at < SYSTEM_STATE_BYTES; at += 4) {
    const log = at - SYSTEM_STATE_LOG;
    const name =
      NAMES[at / 4] ??
      (log >= 0
        ? `exception ${log >> 5} ${LOG_NAMES[(log >> 2) & 7]}`
        : at >= SYSTEM_STATE_SCRATCH
          ? `scratch+${at - SYSTEM_STATE_SCRATCH}`
          : `d${(at - SYSTEM_STATE_DOUBLES) >> 3}${at & 4 ? " high" : " low"}`);
    lines.push(`${name.padEnd(20)} ${view.getUint32(at, true).toString(16).padStart(8, "0")}`);
  }
  return lines;
}
