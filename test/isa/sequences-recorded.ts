// The recorded sample of random sequences: a hash of each one's final state, so that `npm test` needs no oracle.

import { oracleRun, stateHashes } from "./compare-sequences.js";
import { machineRun, type MachineRunOptions } from "./machine-runner.js";
import { sequenceBatch, type SequenceKind } from "./sequences.js";

/** Where the records lie. */
export const SEQUENCE_RECORD = new URL("recorded/sequences.json", import.meta.url);
export const NEON_RECORD = new URL("recorded/neon.json", import.meta.url);

export interface SequenceRecord {
  oracle: string;
  /** Absent: "core". */
  kind?: SequenceKind;
  seed: number;
  /** Eight hexadecimal digits for each sequence, in lines of ten sequences. */
  hashes: string[];
}

const PER_LINE = 10;

/** What the live oracle says about `count` sequences. */
export function sequenceRecord(
  oracle: string,
  seed: number,
  count: number,
  kind: SequenceKind = "core",
): SequenceRecord {
  const hashes = stateHashes(oracleRun(sequenceBatch(seed, 0, count, kind).program));
  const lines: string[] = [];
  for (let i = 0; i < hashes.length; i += PER_LINE) lines.push(hashes.slice(i, i + PER_LINE).join(" "));
  return { oracle, ...(kind === "core" ? {} : { kind }), seed, hashes: lines };
}

/** The record's hashes, one a sequence. */
export function recordedHashes(record: SequenceRecord): string[] {
  return record.hashes.flatMap((line) => line.split(" "));
}

/** Numbers of the sequences that end otherwise on the machine, and the instructions that it executed. */
export function compareRecord(
  record: SequenceRecord,
  options: MachineRunOptions,
): { different: number[]; instructions: bigint; translated: bigint } {
  const hashes = recordedHashes(record);
  const { results, instructions, translated } = machineRun(
    sequenceBatch(record.seed, 0, hashes.length, record.kind).program,
    options,
  );
  const different = stateHashes(results).flatMap((hash, i) => (hash === hashes[i] ? [] : [i]));
  return { different, instructions, translated };
}
