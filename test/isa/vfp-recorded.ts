// The recorded sample of VFP results: one hash for each form, so that `npm test` needs no oracle.

import { createHash } from "node:crypto";
import { vfpRun, type VfpMachine } from "./vfp-machine.js";
import { vfpOracle } from "./vfp-oracle.js";
import { RESULT_BYTES, VECTOR_BYTES, VECTOR_REGISTERS, vfpBatches, type VfpBatch } from "./vfp-vectors.js";

/** Where the record lies. */
export const VFP_RECORD = new URL("recorded/vfp.json", import.meta.url);

export interface VfpRecord {
  oracle: string;
  seed: number;
  /** Vectors for each form. */
  count: number;
  /** Form → the first 12 hexadecimal digits of the results' SHA-256. */
  hashes: Record<string, string>;
}

export function resultHash(results: Uint8Array): string {
  return createHash("sha256").update(results).digest("hex").slice(0, 12);
}

/** What the live oracle says about the sample. */
export function vfpRecord(oracle: string, seed: number, count: number): VfpRecord {
  const batches = vfpBatches(seed, count);
  const results = vfpOracle(batches);
  const hashes = batches.map((batch, i) => [batch.form.name, resultHash(results[i] as Uint8Array)]);
  return { oracle, seed, count, hashes: Object.fromEntries(hashes) };
}

/** The forms whose results differ from the record. */
export function vfpCompareRecord(machine: VfpMachine, record: VfpRecord): string[] {
  return vfpBatches(record.seed, record.count)
    .filter((batch) => resultHash(vfpRun(machine, batch)) !== record.hashes[batch.form.name])
    .map((batch) => batch.form.name);
}

/** Runs `count` vectors of each form on both sides; returns the number of vectors and readable differences. */
export function vfpCompareLive(
  machine: VfpMachine,
  seed: number,
  count: number,
): { vectors: number; differences: string[] } {
  const batches = vfpBatches(seed, count);
  const expected = vfpOracle(batches);
  const differences: string[] = [];
  batches.forEach((batch, i) => {
    const difference = firstDifference(batch, vfpRun(machine, batch), expected[i] as Uint8Array);
    if (difference) differences.push(difference);
  });
  return { vectors: batches.length * count, differences };
}

function firstDifference(batch: VfpBatch, got: Uint8Array, want: Uint8Array): string | undefined {
  for (let i = 0; i < batch.count; i++) {
    const result = (from: Uint8Array) => from.subarray(i * RESULT_BYTES, (i + 1) * RESULT_BYTES);
    if (Buffer.compare(result(got), result(want)) === 0) continue;
    const vector = batch.vectors.subarray(i * VECTOR_BYTES, (i + 1) * VECTOR_BYTES);
    return [
      `${batch.form.name}  ${batch.word.toString(16)}  vector ${i}`,
      `  before  ${hex(vector, 0, 4)}  ${registers(vector.subarray(4))}`,
      `  ours    ${outcome(result(got))}`,
      `  oracle  ${outcome(result(want))}`,
    ].join("\n");
  }
  return undefined;
}

function outcome(result: Uint8Array): string {
  const at = 8 * VECTOR_REGISTERS;
  return `${hex(result, at, 4)}  ${registers(result)}${result[at + 4] ? "  undefined" : ""}`;
}

function registers(bytes: Uint8Array): string {
  return Array.from({ length: VECTOR_REGISTERS }, (_, i) => hex(bytes, 8 * i, 8)).join(" ");
}

/** Little-endian bytes as one hexadecimal number. */
function hex(bytes: Uint8Array, at: number, count: number): string {
  return Buffer.from(bytes.slice(at, at + count).reverse()).toString("hex");
}
