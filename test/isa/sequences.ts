// Random sequences and the states they start from, all from one seed.

import { instructionTable } from "./instruction-table.js";
import {
  buildProgram,
  CODE,
  CPSR_USER,
  LEAVE,
  SCRATCH,
  STATE_BYTES,
  STATE_CPSR,
  STATE_DOUBLES,
  STATE_FPSCR,
  STATE_SCRATCH,
  sequenceBytes,
  type Program,
} from "./program.js";
import { Random } from "./random.js";
import { NeonUnitMaker } from "./neon-units.js";
import { LOOP_COUNTER, UnitMaker } from "./random-units.js";
import { assemble, type Sequence, type Unit } from "./unit.js";
import { vfpVector, VECTOR_BYTES, VECTOR_REGISTERS } from "./vfp-vectors.js";

const table = instructionTable();
/** Table lines that no sequence has drawn yet, those that only units of their own kind use left out. */
const missing = new Set(
  table.filter(
    (line) =>
      !line.constraints.some((token) => ["never", "branch", "it"].includes(token)) &&
      !line.decoding.endsWith("Exclusive"),
  ),
);

/** Names of the lines that no sequence made so far has used. */
export function linesNotDrawn(): string[] {
  return [...missing].map((line) => `${line.set} ${line.name}`);
}

/** Most units that a sequence has; about one and a half instructions each. */
export const SEQUENCE_UNITS = 24;
const NEON_UNITS = 48;

/** What sequences are made of: everything but Advanced SIMD, whose sample is recorded since before it was there; or little else. */
export type SequenceKind = "core" | "neon";

export interface Batch {
  program: Program;
  sequences: Sequence[];
}

/** Sequences `first` to `first + count - 1` of `seed`. */
export function sequenceBatch(seed: number, first: number, count: number, kind: SequenceKind = "core"): Batch {
  const indices = Array.from({ length: count }, (_, i) => first + i);
  return build(
    indices.map((index) => sequenceUnits(seed, index, kind)),
    indices.map((index) => sequenceState(seed, index)),
  );
}

/** Sequence `index` of `seed` and all its prefixes, each as the last of a batch that begins with sequence `first` (so that code
 *  lies where it lay in that batch): the first prefix that differs shows the unit to blame. */
export function* prefixBatches(
  seed: number,
  first: number,
  index: number,
  kind: SequenceKind = "core",
): Generator<Batch> {
  const indices = Array.from({ length: index - first + 1 }, (_, i) => first + i);
  const lists = indices.map((i) => sequenceUnits(seed, i, kind));
  const states = indices.map((i) => sequenceState(seed, i));
  const whole = lists.pop()!;
  for (let length = 1; length <= whole.length; length++) yield build([...lists, whole.slice(0, length)], states);
}

/** `count` sequences without any unit. */
export function emptyBatch(count: number): Batch {
  return build(
    Array.from({ length: count }, () => []),
    Array.from({ length: count }, () => sequenceState(0, 0)),
  );
}

function build(lists: Unit[][], states: Uint8Array[]): Batch {
  let at = CODE;
  const sequences = lists.map((units) => {
    const sequence = assemble(units, at, LEAVE);
    at += sequenceBytes(sequence);
    return sequence;
  });
  return { program: buildProgram(sequences, states), sequences };
}

function sequenceUnits(seed: number, index: number, kind: SequenceKind): Unit[] {
  const random = new Random((seed ^ Math.imul(index + 1, 0x85ebca6b)) | 0);
  if (kind === "neon") {
    const count = 1 + random.below(NEON_UNITS);
    return new NeonUnitMaker(random, SCRATCH).units(count, random.oneIn(2) ? "A32" : "T32");
  }
  const maker = new UnitMaker(table, random, SCRATCH);
  const units = maker.units(1 + random.below(SEQUENCE_UNITS), random.oneIn(2) ? "A32" : "T32");
  for (const line of maker.drawn) missing.delete(line);
  return units;
}

const EDGES = [
  0, 1, 2, 31, 32, 33, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x00ff00ff,
  0x80008000, 0x7f7f7f7f,
];

function sequenceState(seed: number, index: number): Uint8Array {
  const random = new Random((seed ^ Math.imul(index + 1, 0xc2b2ae35)) | 0);
  const state = new Uint8Array(STATE_BYTES);
  const view = new DataView(state.buffer);
  const word = () => (random.oneIn(3) ? random.pick(EDGES) : random.word());
  for (let at = 0; at < STATE_BYTES; at += 4) view.setUint32(at, word(), true);
  view.setUint32(STATE_CPSR, (random.word() & CPSR_USER) >>> 0, true);
  // Operands of the VFP's own vectors in most of the doubles and in a part of the scratch memory.
  const vector = new DataView(new ArrayBuffer(VECTOR_BYTES));
  for (let group = 0; group < 10; group++) {
    vfpVector(vector, 0, random.oneIn(2), random);
    if (group === 0) view.setUint32(STATE_FPSCR, (vector.getUint32(0, true) & 0xffc0009f) >>> 0, true);
    const bytes = new Uint8Array(vector.buffer, 4, 8 * VECTOR_REGISTERS);
    state.set(bytes, STATE_DOUBLES + group * bytes.length);
  }
  view.setUint32(STATE_SCRATCH + LOOP_COUNTER, random.below(30), true); // the loop counter, see UnitMaker
  return state;
}
