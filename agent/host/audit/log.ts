// The audit on disk: two files of bounded size in a folder of the user's alone. `audit` grows until it is full, then takes the place of `audit.1`. The
// chain goes on from file to file and from start to start. `audit.last` notes the last record, for the check.
//
// Writes are small and happen on the monitor's main thread, after what they tell of; they are flushed to the medium when a file is full and at the end,
// so a crash of the computer may cost the last records, and the next start says so. A write that fails costs the records in it: they are
// counted, told, and a mark stands where they would have been.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
  chmodSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  AUDIT_BYTES,
  AUDIT_FILE,
  AUDIT_INIT,
  CHAIN_BOUND,
  CHAIN_BROKEN,
  CHAIN_NEW,
} from "../../../kernel/abi/hypervisor.ts";
import { escapeText } from "../../escape.ts";
import { Failure, HostError } from "../../failure.ts";
import {
  MARK_BROKEN,
  MARK_LOST,
  MARK_NEW,
  MARK_ROTATED,
  NO_HASH,
  auditMark,
  auditOrigin,
  auditRecord,
  checkChain,
  type AuditRecord,
  type ChainReport,
} from "./chain.ts";
import { folderLock } from "./folder-lock.ts";
import type { AuditChain } from "../between/messages.ts";

/** Bytes of one of the two files. */
const FILE_BYTES_MAX = 1 << 20;
/** A write that is longer than a file takes a file of its own. */
const FILE_BYTES_SLACK = 64 << 10;
const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

export interface AuditReading {
  report: ChainReport;
  /** Oldest first. */
  records: AuditRecord[];
  /** When the clock of the start that the first of them belongs to was 0: milliseconds since 1970, null when that is not known. */
  originMs: bigint | null;
}

/** Records that were written before, one behind the other without a hole. */
export interface AuditBacklog {
  records: Uint8Array;
  /** What the first of them goes on from; without any, what the next one will. */
  chain: Uint8Array;
  lostCount: number;
}

/** Writes bytes at a place of a file: all of them, or it throws. Tests bring one that fails. */
export type AuditWriter = (descriptor: number, bytes: Uint8Array, at: number) => void;

export class AuditLog {
  /** What the records of this start go on from. */
  readonly chain: AuditChain;
  private readonly folder: string;
  private readonly bytesMax: number;
  private readonly write: AuditWriter;
  private readonly unlock: () => void;
  private descriptor: number;
  private readonly lastDescriptor: number;
  private size: number;
  /** The last record that was written, and what a mark before the next one must say. */
  private last: Uint8Array | null;
  private mark: number | null = null;
  private hash: Uint8Array;
  private sequence: bigint;
  private pendingLost = 0;
  private lost = 0;

  /** Opens the audit in `folder`, which is made if need be, and checks what is there. Throws HostError; also when a living process has
   *  it open. */
  constructor(folder: string, bytesMax = FILE_BYTES_MAX, write: AuditWriter = writeAll) {
    this.folder = folder;
    this.bytesMax = bytesMax;
    this.write = write;
    let unlock: (() => void) | null = null;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      // The folder is that of one handset, whose name is above it.
      this.unlock = unlock = folderLock(folder, basename(dirname(folder)));
      this.descriptor = openOwn(join(folder, "audit"));
      this.lastDescriptor = openOwn(join(folder, "audit.last"));
      this.size = fstatSync(this.descriptor).size;
      this.last = this.readLast();
      this.chain = this.begin(checkChain(this.older(), this.newer(), this.last, false));
    } catch (error) {
      unlock?.();
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof Failure || code === undefined) throw error;
      throw new HostError(
        "AUDIT_UNWRITABLE",
        `the audit in ${escapeText(folder)} cannot be opened (${code})`,
        "The folder must be yours and writable; XDG_STATE_HOME names another place.",
      );
    }
    this.hash = this.chain.hash;
    this.sequence = this.chain.sequence;
  }

  /** Records that could not be written since this start. */
  get lostCount(): number {
    return this.lost;
  }

  /** Appends raw records, oldest first; true when they are in the file. */
  append(records: Uint8Array): boolean {
    if (records.length === 0) return true;
    try {
      if (this.size > 0 && this.size + 2 * AUDIT_BYTES + records.length > this.bytesMax) this.rotate();
      const marks = this.marks(auditRecord(records, 0).sequence);
      this.write(this.descriptor, Buffer.concat([...marks, records]), this.size);
      this.size += marks.length * AUDIT_BYTES + records.length;
      this.mark = null;
      this.pendingLost = 0;
      this.last = records.slice(-AUDIT_BYTES);
      this.noteLast(this.last);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.pendingLost += records.length / AUDIT_BYTES;
      this.lost += records.length / AUDIT_BYTES;
      this.cut();
    }
    const { sequence, chain } = auditRecord(records, records.length - AUDIT_BYTES);
    this.sequence = sequence + 1n;
    this.hash = Uint8Array.from(chain);
    return this.pendingLost === 0;
  }

  /** Checks everything that is on disk, and returns the last `count` records, oldest first. */
  read(count: number): AuditReading {
    const [older, newer] = [this.older(), this.newer()];
    const bytes = Buffer.concat([older, newer]);
    const records: AuditRecord[] = [];
    let originMs: bigint | null = null;
    for (let at = bytes.length - (bytes.length % AUDIT_BYTES); at > 0; at -= AUDIT_BYTES) {
      const record = auditRecord(bytes, at - AUDIT_BYTES);
      if (record.kind === AUDIT_FILE) continue;
      if (records.length < count) records.unshift(record);
      else if (record.kind === AUDIT_INIT) {
        originMs = auditOrigin(record);
        break;
      }
    }
    return { report: checkChain(older, newer, this.last, true), records, originMs };
  }

  /** What was written before this start from a number on: the records behind the last hole, what they go on from, and how many of those
   *  before them are not there any more. */
  since(sequence: bigint): AuditBacklog {
    const bytes = Buffer.concat([this.older(), this.newer()]);
    let run: Uint8Array[] = [];
    let [before, chain]: Uint8Array[] = [this.chain.hash, NO_HASH];
    let next: bigint | null = null;
    for (let at = 0; at + AUDIT_BYTES <= bytes.length; at += AUDIT_BYTES) {
      const record = auditRecord(bytes, at);
      if (record.kind === AUDIT_FILE) {
        // Only where a file goes on from the one before it does nothing lie between.
        if (record.reason !== MARK_ROTATED) next = null;
      } else if (record.sequence >= sequence) {
        if (record.sequence !== next) [run, before] = [[], Uint8Array.from(chain!)];
        run.push(bytes.subarray(at, at + AUDIT_BYTES));
        next = record.sequence + 1n;
      }
      chain = record.chain;
    }
    const [first] = run;
    const firstNumber = first === undefined ? this.chain.sequence : auditRecord(first, 0).sequence;
    const lostCount = Math.max(0, Number(firstNumber - sequence));
    return {
      records: new Uint8Array(Buffer.concat(run)),
      chain: first === undefined ? this.chain.hash : before!,
      lostCount,
    };
  }

  close(): void {
    fsyncSync(this.descriptor);
    closeSync(this.descriptor);
    closeSync(this.lastDescriptor);
    this.unlock();
  }

  /** What a start goes on from, by what it found. */
  private begin(report: ChainReport): AuditChain {
    if (report.holds && this.last === null) {
      this.mark = MARK_NEW;
      return { hash: NO_HASH, sequence: 0n, from: CHAIN_NEW };
    }
    if (report.holds) {
      // A start that ended between two writes noted a record before the last one.
      this.last = report.last;
      return { hash: Uint8Array.from(report.hash), sequence: report.sequence, from: CHAIN_BOUND };
    }
    this.mark = MARK_BROKEN;
    // Half a record stays as it is, but what follows it begins on a boundary.
    const whole = Math.ceil(this.size / AUDIT_BYTES) * AUDIT_BYTES;
    ftruncateSync(this.descriptor, whole);
    this.size = whole;
    return { hash: NO_HASH, sequence: report.sequence, from: CHAIN_BROKEN };
  }

  /** The marks that must stand before a record with this number. */
  private marks(sequence: bigint): Uint8Array[] {
    const marks: Uint8Array[] = [];
    if (this.mark !== null) marks.push(auditMark(this.mark, sequence - BigInt(this.pendingLost), this.markHash()));
    if (this.pendingLost > 0) marks.push(auditMark(MARK_LOST, sequence, this.hash, this.pendingLost));
    return marks;
  }

  /** The hash that a file goes on from: that of the last record which is in the file before it. */
  private markHash(): Uint8Array {
    if (this.pendingLost === 0) return this.hash;
    return this.last === null ? NO_HASH : auditRecord(this.last, 0).chain;
  }

  /** The file is full: it becomes the older one, and the next write begins another. */
  private rotate(): void {
    fsyncSync(this.descriptor);
    const path = join(this.folder, "audit");
    const next = openOwn(`${path}.new`);
    ftruncateSync(next, 0);
    renameSync(path, `${path}.1`);
    renameSync(`${path}.new`, path);
    closeSync(this.descriptor);
    this.descriptor = next;
    this.size = 0;
    this.mark = MARK_ROTATED;
  }

  private noteLast(record: Uint8Array): void {
    try {
      this.write(this.lastDescriptor, record, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      // An older note is a true one: the check asks only that the record it names is there.
    }
  }

  /** Takes back what a write that failed may have left. */
  private cut(): void {
    try {
      ftruncateSync(this.descriptor, this.size);
    } catch {
      // Then the next write covers it, or the check finds it.
    }
  }

  private older(): Uint8Array {
    let descriptor: number;
    try {
      descriptor = openSync(join(this.folder, "audit.1"), O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Uint8Array(0);
      throw error;
    }
    try {
      return this.contents(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  private newer(): Uint8Array {
    return this.contents(this.descriptor);
  }

  /** No more than a file may have: what lies behind that was not written here, and the check misses what should be there. */
  private contents(descriptor: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(fstatSync(descriptor).size, this.bytesMax + FILE_BYTES_SLACK));
    let done = 0;
    for (let count = -1; count !== 0 && done < bytes.length; done += count) {
      count = readSync(descriptor, bytes, done, bytes.length - done, done);
    }
    return bytes.subarray(0, done);
  }

  /** The note of the last record; one that is no record is as good as none. */
  private readLast(): Uint8Array | null {
    const bytes = new Uint8Array(AUDIT_BYTES);
    return readSync(this.lastDescriptor, bytes, 0, AUDIT_BYTES, 0) === AUDIT_BYTES ? bytes : null;
  }
}

function openOwn(path: string): number {
  const descriptor = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  fchmodSync(descriptor, 0o600);
  return descriptor;
}

function writeAll(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  }
}
