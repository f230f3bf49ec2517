// The audit's records as they lie on disk, and the check that nobody has changed them.
//
// The idea. A record is 64 bytes, and its last 32 are SHA-256 of those 32 of the record before and of its own first 32: kernel/hypervisor/audit. A
// file of such records proves itself but for two ends. Before its first record stands a file mark, a record of kind AUDIT_FILE that repeats
// the hash which the first one goes on from. And the last record is noted apart, so that a file which was cut between two records is known to
// lack some. Marks stand also where the host itself broke the chain, and say why. What has no key can be forged whole by who may
// write the file: then the hashes that others have seen tell.

import { createHash } from "node:crypto";
import {
  AUDIT_BYTES,
  AUDIT_CHAIN,
  AUDIT_FILE,
  AUDIT_KIND,
  AUDIT_PARTITION,
  AUDIT_REASON,
  AUDIT_SEQUENCE,
  AUDIT_TIME,
  AUDIT_VALUE,
  NO_PARTITION,
} from "../../../kernel/abi/hypervisor.ts";

/** Why a mark stands where it does. A file begins with MARK_NEW, or with MARK_ROTATED and goes on from the file before it. */
export const MARK_ROTATED = 0;
/** Records are missing before it, as many as its value says: they could not be written. */
export const MARK_LOST = 1;
/** At a start, what stands before it did not hold. */
export const MARK_BROKEN = 2;
/** Nothing was before it. */
export const MARK_NEW = 3;

const HASH_BYTES = 32;
export const NO_HASH = new Uint8Array(HASH_BYTES);

export interface AuditRecord {
  sequence: bigint;
  /** Nanoseconds since the start. */
  time: bigint;
  kind: number;
  partition: number;
  reason: number;
  value: bigint;
  chain: Uint8Array;
}

export interface ChainReport {
  holds: boolean;
  /** What is wrong, in sentences; at most PROBLEMS_MAX of them. */
  problems: string[];
  /** Without marks. */
  recordCount: number;
  /** Records that the host says it could not write. */
  lostCount: number;
  /** What the next record goes on from. */
  hash: Uint8Array;
  sequence: bigint;
  /** The last record, marks left aside; null for none. */
  last: Uint8Array | null;
}

const PROBLEMS_MAX = 8;

/** The record at byte `at`. */
export function auditRecord(bytes: Uint8Array, at: number): AuditRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, AUDIT_BYTES);
  return {
    sequence: view.getBigUint64(AUDIT_SEQUENCE, true),
    time: view.getBigUint64(AUDIT_TIME, true),
    kind: view.getUint16(AUDIT_KIND, true),
    partition: view.getUint16(AUDIT_PARTITION, true),
    reason: view.getUint32(AUDIT_REASON, true),
    value: view.getBigUint64(AUDIT_VALUE, true),
    chain: bytes.subarray(at + AUDIT_CHAIN, at + AUDIT_BYTES),
  };
}

/** Milliseconds since 1970 when the clock of a start was 0, from its first record; null in virtual time. */
export function auditOrigin({ value }: AuditRecord): bigint | null {
  return value >> 1n === 0n ? null : value >> 1n;
}

/** A mark: the next record has this sequence number and goes on from this hash. */
export function auditMark(reason: number, sequence: bigint, hash: Uint8Array, lostCount = 0): Uint8Array {
  const bytes = new Uint8Array(AUDIT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(AUDIT_SEQUENCE, sequence, true);
  view.setUint16(AUDIT_KIND, AUDIT_FILE, true);
  view.setUint16(AUDIT_PARTITION, NO_PARTITION, true);
  view.setUint32(AUDIT_REASON, reason, true);
  view.setBigUint64(AUDIT_VALUE, BigInt(lostCount), true);
  bytes.set(hash, AUDIT_CHAIN);
  return bytes;
}

/** Checks `older` and the file that goes on from it, either of which may be empty. `last` is the last record as noted elsewhere, null
 *  for none; with `exact` nothing may follow it. */
export function checkChain(older: Uint8Array, newer: Uint8Array, last: Uint8Array | null, exact: boolean): ChainReport {
  const walk = new ChainWalk(last);
  walk.file("the older file", older, older.length > 0);
  walk.file("the file", newer, older.length === 0);
  walk.end(last, exact);
  return walk.report;
}

class ChainWalk {
  readonly report: ChainReport = {
    holds: true,
    problems: [],
    recordCount: 0,
    lostCount: 0,
    hash: NO_HASH,
    sequence: 0n,
    last: null,
  };
  private readonly lastSequence: bigint | null;
  private readonly last: Uint8Array | null;
  private lastSeen = false;
  private unitCount = 0;

  constructor(last: Uint8Array | null) {
    this.last = last;
    this.lastSequence = last === null ? null : auditRecord(last, 0).sequence;
  }

  file(name: string, bytes: Uint8Array, oldest: boolean): void {
    const whole = bytes.length - (bytes.length % AUDIT_BYTES);
    for (let at = 0; at < whole; at += AUDIT_BYTES) {
      const record = auditRecord(bytes, at);
      const where = `${name}, record at byte ${at}`;
      if (record.kind === AUDIT_FILE) this.mark(where, record, at === 0, oldest && name === "the file");
      else if (at === 0) this.problem(`${name} does not begin with a file mark`, record);
      else this.record(where, bytes, at, record);
      this.unitCount++;
    }
    if (whole !== bytes.length) this.problem(`${name} ends within a record, at byte ${bytes.length}`);
  }

  private record(where: string, bytes: Uint8Array, at: number, record: AuditRecord): void {
    const { report } = this;
    const hash = createHash("sha256")
      .update(report.hash)
      .update(bytes.subarray(at, at + AUDIT_CHAIN))
      .digest();
    if (record.sequence !== report.sequence) {
      this.problem(`${where}: it has number ${record.sequence}, and ${report.sequence} was to come`);
    } else if (!hash.equals(record.chain))
      this.problem(`${where}: its hash is not that of its contents and of what was before`);
    if (record.sequence === this.lastSequence) {
      this.lastSeen = Buffer.from(bytes.subarray(at, at + AUDIT_BYTES)).equals(this.last!);
    }
    this.goOn(record.sequence + 1n, record.chain);
    report.last = bytes.slice(at, at + AUDIT_BYTES);
    report.recordCount++;
  }

  private mark(where: string, mark: AuditRecord, first: boolean, alone: boolean): void {
    const { report } = this;
    const follows = mark.sequence === report.sequence && Buffer.from(mark.chain).equals(report.hash);
    const plain =
      mark.partition === NO_PARTITION && mark.time === 0n && (mark.reason === MARK_LOST) === mark.value > 0n;
    const oldest = this.unitCount === 0;
    if (!plain) this.problem(`${where}: it is no file mark that the host writes`);
    else if (mark.reason === MARK_BROKEN) this.problem(`${where}: what stands before it did not hold at a start`);
    else if (mark.reason === MARK_NEW) {
      if (!oldest || mark.sequence !== 0n || !follows) this.problem(`${where}: it says that nothing was before it`);
    } else if (mark.reason === MARK_ROTATED) {
      if (!first || !(oldest || follows)) this.problem(`${where}: it does not go on from what was before`);
      if (oldest && alone) this.problem(`${where}: it goes on from an older file, which is missing`);
    } else if (mark.reason === MARK_LOST) {
      if (mark.sequence !== report.sequence + mark.value || first)
        this.problem(`${where}: it does not tell what is missing`);
      report.lostCount += Number(mark.value);
    } else this.problem(`${where}: it is no file mark that the host writes`);
    this.goOn(mark.sequence, mark.chain);
  }

  end(last: Uint8Array | null, exact: boolean): void {
    const { report } = this;
    if (last === null) {
      if (this.unitCount > 0) this.problem("the note of the last record is missing");
      return;
    }
    if (!this.lastSeen) this.problem(`the last record that was written, number ${this.lastSequence}, is not there`);
    else if (exact && report.sequence !== this.lastSequence! + 1n)
      this.problem("records follow that were not written here");
    // What was written after a break must not repeat a number.
    if (this.lastSequence! >= report.sequence) report.sequence = this.lastSequence! + 1n;
  }

  private goOn(sequence: bigint, hash: Uint8Array): void {
    this.report.sequence = sequence;
    this.report.hash = hash;
  }

  private problem(text: string, record: AuditRecord | null = null): void {
    this.report.holds = false;
    if (this.report.problems.length < PROBLEMS_MAX) this.report.problems.push(text);
    if (record !== null) this.goOn(record.sequence + 1n, record.chain);
  }
}
