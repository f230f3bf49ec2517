// A disk: a raw image file. Every request is bounded by the caller; every error of the file system becomes a status, because
// a full or broken disk is the guest's to know and nobody's reason to stop.

import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { BLOCK_DISCARD, BLOCK_FLUSH, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE_ZEROES } from "../../../kernel/abi/layout.ts";
import { escapeText } from "../../escape.ts";
import { ImageError } from "../../failure.ts";
import { programPath } from "../../paths.ts";
import { Discards } from "./discards.ts";

export const SECTOR_BYTES = 512;
/** VIRTIO 1.2 §5.2.6. */
export const STATUS_OK = 0;
export const STATUS_ERROR = 1;
export const STATUS_UNSUPPORTED = 2;

/** A hole is punched by a program, which costs milliseconds: smaller ranges are not worth one. */
const HOLE_BYTES_MIN = 1 << 20;
const HOLES_AT_END = 4;
const ZEROES = Buffer.alloc(256 << 10);
/** Formats that would be taken for raw bytes, and overwritten. */
const OTHER_FORMATS: [magic: Buffer, name: string][] = [
  [Buffer.from("QFI\xfb", "latin1"), "qcow2"],
  [Buffer.from("KDMV"), "VMDK"],
  [Buffer.from("vhdxfile"), "VHDX"],
];

export class BlockStore {
  readonly path: string;
  readonly readOnly: boolean;
  readonly sectors: number;
  private readonly descriptor: number;
  private readonly fallocate = programPath("fallocate");
  private readonly shared: boolean;
  private readonly discards = new Discards();

  /** Opens an image. `shared` is one that others write too: what they write is not known here, so nothing of it is ever given back. Throws
   *  ImageError when it cannot be a disk. */
  constructor(path: string, readOnly: boolean, shared = false) {
    this.path = path;
    this.readOnly = readOnly;
    this.shared = shared;
    try {
      // A FIFO must not keep us waiting for its other end.
      this.descriptor = openSync(path, (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      const why = {
        ENOENT: "does not exist",
        EISDIR: "is a folder",
        EACCES: "may not be opened",
        EROFS: "is read-only",
      }[code];
      throw new ImageError(
        "DISK_UNREADABLE",
        `disk ${escapeText(path)} ${why ?? `cannot be opened (${code})`}`,
        readOnly ? "" : "A disk that may only be read: --disk FILE,ro",
      );
    }
    const stat = fstatSync(this.descriptor);
    const magic = Buffer.alloc(8);
    if (stat.isFile()) readSync(this.descriptor, magic, 0, magic.length, 0);
    const format = OTHER_FORMATS.find(([bytes]) => magic.subarray(0, bytes.length).equals(bytes))?.[1];
    const wrong = !stat.isFile()
      ? "is no regular file"
      : format !== undefined
        ? `is a ${format} image`
        : stat.size === 0 || stat.size % SECTOR_BYTES !== 0
          ? `has ${stat.size} bytes, which is no positive multiple of ${SECTOR_BYTES}`
          : null;
    if (wrong !== null) {
      closeSync(this.descriptor);
      throw new ImageError(
        "DISK_FORMAT",
        `disk ${escapeText(path)} ${wrong}`,
        "A disk is a raw image; `truncate -s 64M FILE` makes an empty one.",
      );
    }
    this.sectors = stat.size / SECTOR_BYTES;
  }

  /** Serves one request on [sector, sector + byteCount / 512). `data` is the target of a read and the source of a write.
   *  Returns a virtio status. */
  serve(operation: number, sector: number, byteCount: number, data: Uint8Array): number {
    const start = sector * SECTOR_BYTES;
    const inside =
      Number.isSafeInteger(start) &&
      byteCount % SECTOR_BYTES === 0 &&
      sector + byteCount / SECTOR_BYTES <= this.sectors;
    if (operation !== BLOCK_FLUSH && !inside) return STATUS_ERROR;
    if (this.readOnly && operation !== BLOCK_READ && operation !== BLOCK_FLUSH) return STATUS_ERROR;
    try {
      switch (operation) {
        case BLOCK_READ:
          return this.read(start, data.subarray(0, byteCount));
        case BLOCK_WRITE:
          this.discards.remove(start, start + byteCount);
          this.write(start, data.subarray(0, byteCount));
          return STATUS_OK;
        case BLOCK_FLUSH:
          fsyncSync(this.descriptor);
          return STATUS_OK;
        case BLOCK_DISCARD:
          this.discard(start, start + byteCount);
          return STATUS_OK;
        case BLOCK_WRITE_ZEROES:
          this.discards.remove(start, start + byteCount);
          this.zero(start, byteCount);
          // What reads as zeroes and what was given back are the same.
          this.discard(start, start + byteCount);
          return STATUS_OK;
        default:
          return STATUS_UNSUPPORTED;
      }
    } catch {
      return STATUS_ERROR;
    }
  }

  /** Whether something large enough waits to be given back. */
  get wasteful(): boolean {
    return this.discards.count > 0 && this.fallocate !== null;
  }

  /** Gives the largest discarded range back to the file system: a program is run for it, which takes milliseconds. False when there is none
   *  that is worth it. */
  giveBack(): boolean {
    const range = this.discards.take(HOLE_BYTES_MIN);
    if (range === null || this.fallocate === null) return false;
    const where = ["--offset", `${range.start}`, "--length", `${range.end - range.start}`];
    const stdio = ["ignore", "ignore", "ignore", this.descriptor] as const;
    spawnSync(this.fallocate, ["--punch-hole", ...where, "/dev/fd/3"], { stdio: [...stdio] });
    return true;
  }

  /** Gives a little back, and closes. */
  close(): void {
    for (let n = 0; n < HOLES_AT_END && this.giveBack(); n++);
    closeSync(this.descriptor);
  }

  private discard(start: number, end: number): void {
    if (!this.shared) this.discards.add(start, end);
  }

  private read(start: number, target: Uint8Array): number {
    for (let at = 0; at < target.length;) {
      const count = readSync(this.descriptor, target, at, target.length - at, start + at);
      if (count === 0) return STATUS_ERROR; // the file was cut while in use
      at += count;
    }
    return STATUS_OK;
  }

  private write(start: number, source: Uint8Array): void {
    for (let at = 0; at < source.length;) at += writeSync(this.descriptor, source, at, source.length - at, start + at);
  }

  private zero(start: number, length: number): void {
    for (let at = 0; at < length; at += ZEROES.length)
      this.write(start + at, ZEROES.subarray(0, Math.min(ZEROES.length, length - at)));
  }
}
