// Compares the machine with the oracle on random sequences, and tells the first difference in words.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elfFile } from "./elf.js";
import { machineRun, MachineRunError, type MachineRunOptions } from "./machine-runner.js";
import {
  PROGRAM_BASE,
  STATE_BYTES,
  STATE_CPSR,
  STATE_DOUBLES,
  STATE_ENTRY,
  STATE_FPSCR,
  STATE_SCRATCH,
  SCRATCH,
  type Program,
} from "./program.js";
import { qemuArmRun } from "./qemu-arm.js";
import { emptyBatch, prefixBatches, sequenceBatch, type SequenceKind } from "./sequences.js";
import type { Sequence } from "./unit.js";
import { resultHash } from "./vfp-recorded.js";

/** Final states of a program under the oracle. */
export function oracleRun(program: Program): Uint8Array {
  const results = qemuArmRun(elfFile(program.image, PROGRAM_BASE, program.entry, program.memoryBytes));
  if (results.length !== program.resultBytes) {
    throw new RangeError(`oracle wrote ${results.length} bytes, not ${program.resultBytes}`);
  }
  return results;
}

/** The final state of sequence `index`. */
export function stateOf(results: Uint8Array, index: number): Uint8Array {
  return results.subarray(index * STATE_BYTES, (index + 1) * STATE_BYTES);
}

/** Hash of each sequence's final state. */
export function stateHashes(results: Uint8Array): string[] {
  return Array.from({ length: results.length / STATE_BYTES }, (_, i) => resultHash(stateOf(results, i)).slice(0, 8));
}

export interface Comparison {
  /** One readable report for each sequence that differs. */
  reports: string[];
  /** Instructions that the machine executed, the harness's included; 0 when the program did not end. */
  instructions: bigint;
}

/** Runs a batch on both sides; reports up to `most` sequences that differ. */
export function compareBatch(
  seed: number,
  first: number,
  count: number,
  options: MachineRunOptions,
  kind: SequenceKind = "core",
  most = 4,
): Comparison {
  const { program } = sequenceBatch(seed, first, count, kind);
  const expected = oracleRun(program);
  let results: Uint8Array;
  let instructions: bigint;
  try {
    ({ results, instructions } = machineRun(program, options));
  } catch (error) {
    if (!(error instanceof MachineRunError) && !(error instanceof WebAssembly.RuntimeError)) throw error;
    if (count === 1) return { reports: [explain(seed, first, first, options, kind)], instructions: 0n };
    // One sequence spoils the whole program: look for it by halves.
    const half = count >> 1;
    const { reports } = compareBatch(seed, first, half, options, kind, most);
    if (reports.length < most) {
      reports.push(...compareBatch(seed, first + half, count - half, options, kind, most - reports.length).reports);
    }
    return { reports, instructions: 0n };
  }
  const reports: string[] = [];
  for (let i = 0; i < count && reports.length < most; i++) {
    if (Buffer.compare(stateOf(results, i), stateOf(expected, i)) !== 0) {
      reports.push(explain(seed, first, first + i, options, kind));
    }
  }
  return { reports, instructions };
}

/** Instructions that the harness spends on one sequence, its way out included. */
export function harnessInstructions(): number {
  const run = (count: number) => machineRun(emptyBatch(count).program, { fuel: 1_000_000, mmu: false }).instructions;
  return (harnessCost ??= Number(run(2) - run(1)));
}
let harnessCost: number | undefined;

/** Finds the shortest prefix of a sequence that differs, alone or else in its batch, and shows its last unit. */
function explain(seed: number, first: number, index: number, options: MachineRunOptions, kind: SequenceKind): string {
  const title = `sequence ${index} of seed ${seed}`;
  for (const start of index === first ? [index] : [index, first]) {
    let before: string[] = [];
    let units = 0;
    for (const batch of prefixBatches(seed, start, index, kind)) {
      units++;
      const expected = lastState(oracleRun(batch.program));
      let difference: string;
      try {
        difference = describe(lastState(machineRun(batch.program, options).results), expected);
      } catch (error) {
        if (!(error instanceof MachineRunError) && !(error instanceof WebAssembly.RuntimeError)) throw error;
        difference = `  machine: ${error.message}`;
      }
      if (difference !== "") {
        const heading = "  state before the last unit:";
        return [
          `${title}: differs after unit ${units}`,
          difference,
          heading,
          ...before,
          disassembly(batch.sequences.at(-1)!),
        ].join("\n");
      }
      before = compactState(expected);
    }
  }
  return `${title}: differs in its batch only, and not when run again`;
}

function lastState(results: Uint8Array): Uint8Array {
  return stateOf(results, results.length / STATE_BYTES - 1);
}

/** Differences of two states, one a line. */
function describe(got: Uint8Array, want: Uint8Array): string {
  const a = listState(got);
  const b = listState(want);
  return a
    .map((line, i) => (line === b[i] ? "" : `${line}\n${b[i]!.replace(/./, " ")}   ← oracle`))
    .filter((line) => line !== "")
    .join("\n");
}

function listState(state: Uint8Array): string[] {
  const view = new DataView(state.buffer, state.byteOffset);
  const word = (at: number) => view.getUint32(at, true).toString(16).padStart(8, "0");
  const lines = Array.from({ length: 15 }, (_, n) => `  r${n}`.padEnd(8) + word(4 * n));
  lines.push(`  cpsr  ${word(STATE_CPSR)}`, `  fpscr ${word(STATE_FPSCR)}`, `  ended ${word(STATE_ENTRY)}`);
  for (let n = 0; n < 32; n++) {
    lines.push(`  d${n}`.padEnd(8) + word(STATE_DOUBLES + 8 * n + 4) + " " + word(STATE_DOUBLES + 8 * n));
  }
  for (let at = STATE_SCRATCH; at < STATE_BYTES; at += 4) {
    lines.push(`  [0x${(SCRATCH + at - STATE_SCRATCH).toString(16)}] ${word(at)}`);
  }
  return lines;
}

/** Registers alone, several in a line. */
function compactState(state: Uint8Array): string[] {
  const entries = listState(state).slice(0, 17 + 1 + 32);
  const lines: string[] = [];
  for (let i = 0; i < entries.length; i += 5)
    lines.push(
      entries
        .slice(i, i + 5)
        .map((entry) => entry.padEnd(28))
        .join(""),
    );
  return lines;
}

/** The sequence through objdump, when binutils for ARM are there; its words otherwise. */
export function disassembly(sequence: Sequence): string {
  const thumb = (sequence.entry & 1) === 1;
  const start = sequence.entry & ~1;
  const bytes = Buffer.alloc(2 * sequence.halves.length);
  sequence.halves.forEach((half, i) => bytes.writeUInt16LE(half, 2 * i));
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-isa-"));
  try {
    const file = join(folder, "code");
    writeFileSync(file, bytes, { mode: 0o600 });
    const mode = thumb ? ["-Mforce-thumb"] : [];
    const options = ["-D", "-b", "binary", "-marm", ...mode, `--adjust-vma=${start}`, file];
    const result = spawnSync("arm-linux-gnueabihf-objdump", options, { encoding: "utf8" });
    if (result.status !== 0) return `  ${sequence.halves.map((half) => half.toString(16).padStart(4, "0")).join(" ")}`;
    return result.stdout.split("\n").slice(7).join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
