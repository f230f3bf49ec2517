// A file of records that survives kill -9 and a power cut at any byte.
//
// The idea. Records are appended, each with its length and a CRC over what it holds. A record counts from sync() on, when the host has put it
// on the disk. Whatever a cut leaves behind the last whole record is cut off when the file is opened; damage in the middle costs the
// records that it touches, because reading goes on at the next record that is whole. What is no longer needed goes when the file is
// written anew beside the old one and takes its name.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { syncFolder } from "../durable-file.ts";

/** "PVR1", little-endian. */
const MAGIC = 0x31525650;
/** magic u32, length u32, crc u32 (of length and contents). */
const HEADER_BYTES = 12;
/** A record's contents, at most. */
export const RECORD_BYTES_MAX = 128 << 10;

export interface OpenedLog {
  log: RecordLog;
  records: Uint8Array[];
  /** Bytes that belonged to no whole record. */
  damagedBytes: number;
}

export class RecordLog {
  readonly path: string;
  private descriptor: number;
  private end: number;
  /** Whether something was appended since the last sync(). */
  private dirty = false;

  private constructor(path: string, descriptor: number, end: number) {
    this.path = path;
    this.descriptor = descriptor;
    this.end = end;
  }

  /** Opens or makes the file (mode 0600). At most `bytesMax` of it are read. Throws the file system's error. */
  static open(path: string, bytesMax: number): OpenedLog {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const bytes = Buffer.alloc(Math.min(fstatSync(descriptor).size, bytesMax));
      let filled = 0;
      while (filled < bytes.length) {
        const count = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
        if (count === 0) break;
        filled += count;
      }
      const { records, end, damagedBytes } = scan(bytes.subarray(0, filled));
      ftruncateSync(descriptor, end);
      return { log: new RecordLog(path, descriptor, end), records, damagedBytes };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Bytes of the file. */
  get size(): number {
    return this.end;
  }

  /** Appends records in one write. A write that does not fit leaves the file as it was. Throws the file system's error. */
  append(records: Uint8Array[]): void {
    if (records.length === 0) return;
    const bytes = frame(records);
    try {
      writeAll(this.descriptor, bytes, this.end);
    } catch (error) {
      ftruncateSync(this.descriptor, this.end);
      throw error;
    }
    this.end += bytes.length;
    this.dirty = true;
  }

  /** Returns once everything appended is on the disk. */
  sync(): void {
    if (this.dirty) fdatasyncSync(this.descriptor);
    this.dirty = false;
  }

  /** Replaces the file by one that holds just these records, and that is on the disk when this returns: after a cut there is the old one or
   *  the new one. Throws the file system's error; the old file is then in use as before. */
  rewrite(records: Uint8Array[]): void {
    const beside = `${this.path}.new`;
    const bytes = frame(records);
    const descriptor = openSync(beside, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
    try {
      writeAll(descriptor, bytes, 0);
      fsyncSync(descriptor);
      renameSync(beside, this.path);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    closeSync(this.descriptor);
    this.descriptor = descriptor;
    this.end = bytes.length;
    this.dirty = false;
    syncFolder(dirname(this.path));
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function frame(records: Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      if (record.length > RECORD_BYTES_MAX) throw new RangeError(`a record of ${record.length} bytes is too long`);
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(MAGIC, 0);
      header.writeUInt32LE(record.length, 4);
      header.writeUInt32LE(crc32(record, crc32(header.subarray(4, 8))), 8);
      return [header, record];
    }),
  );
}

function writeAll(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
}

/** Every whole record, and where the last of them ends. */
function scan(bytes: Buffer): { records: Uint8Array[]; end: number; damagedBytes: number } {
  const records: Uint8Array[] = [];
  let [at, end, whole] = [0, 0, 0];
  while (at + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at + 4);
    const next = at + HEADER_BYTES + length;
    const contents = bytes.subarray(at + HEADER_BYTES, next);
    if (
      bytes.readUInt32LE(at) === MAGIC &&
      length <= RECORD_BYTES_MAX &&
      next <= bytes.length &&
      bytes.readUInt32LE(at + 8) === crc32(contents, crc32(bytes.subarray(at + 4, at + 8)))
    ) {
      records.push(contents);
      whole += next - at;
      at = end = next;
    } else {
      // The next place where a record may begin.
      const found = bytes.indexOf("PVR1", at + 1, "latin1");
      at = found < 0 ? bytes.length : found;
    }
  }
  return { records, end, damagedBytes: bytes.length - whole };
}
