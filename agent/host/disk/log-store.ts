// A block log as a partition's disk: requests in sectors of 512 bytes over units of 4 KiB. Part of a unit is read, changed and written.

import { BLOCK_DISCARD, BLOCK_FLUSH, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE_ZEROES } from "../../../kernel/abi/layout.ts";
import { UNIT_BYTES } from "../block-log/format.ts";
import type { BlockLog } from "../block-log/log.ts";
import { SECTOR_BYTES, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "./block-store.ts";

const UNIT_SECTORS = UNIT_BYTES / SECTOR_BYTES;
const ZEROES = Buffer.alloc(UNIT_BYTES);

export class LogStore {
  readonly path: string;
  readonly readOnly: boolean;
  readonly sectors: number;
  private readonly log: BlockLog;
  private tidied = true;

  constructor(path: string, log: BlockLog, readOnly: boolean) {
    this.path = path;
    this.log = log;
    this.readOnly = readOnly;
    this.sectors = log.unitCount * UNIT_SECTORS;
  }

  /** Serves one request; see BlockStore. A unit that is not what was written, and a medium that takes nothing, are errors of this request. */
  serve(operation: number, sector: number, byteCount: number, data: Uint8Array): number {
    const count = byteCount / SECTOR_BYTES;
    const inside = Number.isSafeInteger(sector) && Number.isInteger(count) && sector + count <= this.sectors;
    if (operation !== BLOCK_FLUSH && !inside) return STATUS_ERROR;
    if (this.readOnly && operation !== BLOCK_READ && operation !== BLOCK_FLUSH) return STATUS_ERROR;
    try {
      switch (operation) {
        case BLOCK_READ:
          this.read(sector, data.subarray(0, byteCount));
          return STATUS_OK;
        case BLOCK_WRITE:
          this.write(sector, data.subarray(0, byteCount));
          return STATUS_OK;
        case BLOCK_FLUSH:
          if (!this.readOnly) this.log.flush();
          return STATUS_OK;
        case BLOCK_DISCARD:
          this.discard(sector, count, false);
          return STATUS_OK;
        case BLOCK_WRITE_ZEROES:
          this.discard(sector, count, true);
          return STATUS_OK;
        default:
          return STATUS_UNSUPPORTED;
      }
    } catch {
      return STATUS_ERROR;
    }
  }

  /** Whether there may be something to tidy. */
  get wasteful(): boolean {
    return !this.tidied;
  }

  /** Gives extents back that nothing is in. False when there was none. */
  giveBack(): boolean {
    try {
      this.tidied = !this.log.tidy();
    } catch {
      this.tidied = true;
    }
    return !this.tidied;
  }

  /** Everything is safe. */
  close(): void {
    this.log.close();
  }

  private read(sector: number, target: Uint8Array): void {
    for (let at = 0; at < target.length;) {
      const { unit, from, length } = part(sector + at / SECTOR_BYTES, target.length - at);
      target.set(this.log.read(unit).subarray(from, from + length), at);
      at += length;
    }
  }

  private write(sector: number, source: Uint8Array): void {
    this.tidied = false;
    for (let at = 0; at < source.length;) {
      const { unit, from, length } = part(sector + at / SECTOR_BYTES, source.length - at);
      this.change(unit, from, source.subarray(at, at + length));
      at += length;
    }
  }

  private change(unit: number, from: number, bytes: Uint8Array): void {
    if (bytes.length === UNIT_BYTES) return this.log.write(unit, bytes);
    const whole = Buffer.from(this.log.read(unit));
    whole.set(bytes, from);
    this.log.write(unit, whole);
  }

  /** Whole units are let go. What is left of units at the ends is zeroed where the guest is to read zeroes, and is left where it only said that it
   *  needs it no more (VIRTIO 1.2 §5.2.6). */
  private discard(sector: number, count: number, zeroes: boolean): void {
    this.tidied = false;
    const first = Math.ceil(sector / UNIT_SECTORS);
    const end = Math.floor((sector + count) / UNIT_SECTORS);
    if (end > first) this.log.discard(first, end - first);
    if (!zeroes) return;
    const edges = end > first ? [sector, end * UNIT_SECTORS] : [sector];
    const limits = end > first ? [first * UNIT_SECTORS, sector + count] : [sector + count];
    edges.forEach((edge, n) => {
      for (let at = edge; at < limits[n]!;) {
        const { unit, from, length } = part(at, (limits[n]! - at) * SECTOR_BYTES);
        this.change(unit, from, ZEROES.subarray(0, length));
        at += length / SECTOR_BYTES;
      }
    });
  }
}

/** Of a range that begins at a sector, the part that lies in its first unit. */
function part(sector: number, byteCount: number): { unit: number; from: number; length: number } {
  const unit = Math.floor(sector / UNIT_SECTORS);
  const from = (sector % UNIT_SECTORS) * SECTOR_BYTES;
  return { unit, from, length: Math.min(UNIT_BYTES - from, byteCount) };
}
