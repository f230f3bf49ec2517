// The recorded sample of privileged sequences: a hash of each one's final state.

import { resultHash } from "../vfp-recorded.js";
import { SYSTEM_STATE_BYTES, type SystemTables } from "./system-program.js";
import { systemMachineRun, systemOracleRun } from "./system-run.js";
import { systemBatch, systemStateOf } from "./system-sequences.js";

/** Where the records lie. */
export const SYSTEM_RECORD = new URL("../recorded/system.json", import.meta.url);
export const SYSTEM_LONG_RECORD = new URL("../recorded/system-long.json", import.meta.url);

export interface SystemRecord {
  oracle: string;
  /** Absent: "short". */
  tables?: SystemTables;
  seed: number;
  /** Eight hexadecimal digits for each sequence, in lines of ten sequences. */
  hashes: string[];
}

const PER_LINE = 10;

function hashes(results: Uint8Array): string[] {
  const count = results.length / SYSTEM_STATE_BYTES;
  return Array.from({ length: count }, (_, i) => resultHash(systemStateOf(results, i)).slice(0, 8));
}

/** What the live oracle says about `count` sequences. */
export function systemRecord(
  oracle: string,
  seed: number,
  count: number,
  tables: SystemTables = "short",
): SystemRecord {
  const all = hashes(systemOracleRun(systemBatch(seed, 0, count, tables).program(true)));
  const lines: string[] = [];
  for (let i = 0; i < all.length; i += PER_LINE) lines.push(all.slice(i, i + PER_LINE).join(" "));
  return { oracle, ...(tables === "short" ? {} : { tables }), seed, hashes: lines };
}

export function recordedSystemHashes(record: SystemRecord): string[] {
  return record.hashes.flatMap((line) => line.split(" "));
}

/** Numbers of the sequences that end otherwise on the machine, run in slices of `fuel`. */
export function systemCompareRecord(record: SystemRecord, fuel: number): number[] {
  const recorded = recordedSystemHashes(record);
  const results = systemMachineRun(systemBatch(record.seed, 0, recorded.length, record.tables).program(false), fuel);
  return hashes(results).flatMap((hash, i) => (hash === recorded[i] ? [] : [i]));
}
