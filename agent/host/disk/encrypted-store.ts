// An encrypted disk: a plain image that is only read, and a layer over it that takes every write, encrypted. The layer is a sparse file of
// the image's size in which sector n lies at its place. A sector of the layer that is all zeroes has never been written, or was given back:
// it reads as the image has it. No plain sector becomes zeroes by encryption (one in 2^4096 would), so this needs no map, and a
// cut at any moment leaves each sector as it was or as it shall be.

import { BLOCK_DISCARD, BLOCK_FLUSH, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE_ZEROES } from "../../../kernel/abi/layout.ts";
import { BlockStore, SECTOR_BYTES, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "./block-store.ts";
import { SectorCipher } from "./sector-cipher.ts";

/** Bytes that are encrypted, or looked at, at a time. */
const PIECE_BYTES = 64 << 10;
const NOTHING = new Uint8Array(0);

export class EncryptedStore {
  readonly readOnly = false;
  readonly sectors: number;
  private readonly image: BlockStore;
  private readonly layer: BlockStore;
  private readonly cipher: SectorCipher;
  private scratch = Buffer.alloc(0);

  /** Opens both. Throws ImageError when one cannot be a disk, and RangeError for a key or a layer that does not fit. */
  constructor(imagePath: string, layerPath: string, key: Uint8Array) {
    this.cipher = new SectorCipher(key);
    this.image = new BlockStore(imagePath, true);
    this.sectors = this.image.sectors;
    try {
      this.layer = new BlockStore(layerPath, false);
    } catch (error) {
      this.image.close();
      throw error;
    }
    if (this.layer.sectors === this.sectors) return;
    this.close();
    throw new RangeError(`the layer has ${this.layer.sectors} sectors, its image ${this.sectors}`);
  }

  /** As BlockStore's. A discarded range reads as the image has it, or as it was. */
  serve(operation: number, sector: number, byteCount: number, data: Uint8Array): number {
    switch (operation) {
      case BLOCK_READ:
        return this.read(sector, byteCount, data.subarray(0, byteCount));
      case BLOCK_WRITE:
        return this.write(sector, data.subarray(0, byteCount));
      case BLOCK_WRITE_ZEROES:
        return this.zero(sector, byteCount);
      case BLOCK_FLUSH:
      case BLOCK_DISCARD:
        return this.layer.serve(operation, sector, byteCount, NOTHING);
      default:
        return STATUS_UNSUPPORTED;
    }
  }

  /** As BlockStore's. */
  get wasteful(): boolean {
    return this.layer.wasteful;
  }

  /** As BlockStore's. */
  giveBack(): boolean {
    return this.layer.giveBack();
  }

  /** The key is forgotten, too. */
  close(): void {
    this.cipher.forget();
    this.image.close();
    this.layer.close();
  }

  private read(sector: number, byteCount: number, target: Uint8Array): number {
    const status = this.layer.serve(BLOCK_READ, sector, byteCount, target);
    if (status !== STATUS_OK) return status;
    for (const { from, to, zero } of runsOf(target)) {
      const part = target.subarray(from, to);
      const first = sector + from / SECTOR_BYTES;
      if (!zero) this.cipher.decrypt(first, part);
      else if (this.image.serve(BLOCK_READ, first, part.length, part) !== STATUS_OK) return STATUS_ERROR;
    }
    return STATUS_OK;
  }

  private write(sector: number, source: Uint8Array): number {
    if (source.length % SECTOR_BYTES !== 0) return STATUS_ERROR;
    const pieces = this.pieces(sector, source.length);
    if (pieces === null) return STATUS_ERROR;
    for (const { first, at, length } of pieces) {
      const target = this.buffer(length);
      this.cipher.encrypt(first, source.subarray(at, at + length), target);
      if (this.layer.serve(BLOCK_WRITE, first, length, target) !== STATUS_OK) return STATUS_ERROR;
    }
    return STATUS_OK;
  }

  /** Where the image has zeroes the layer need not say so, and its blocks go back to the file system; elsewhere it says so, encrypted. */
  private zero(sector: number, byteCount: number): number {
    const pieces = this.pieces(sector, byteCount);
    if (pieces === null) return STATUS_ERROR;
    let back = { first: sector, length: 0 };
    const giveBack = (): number =>
      back.length === 0 ? STATUS_OK : this.layer.serve(BLOCK_WRITE_ZEROES, back.first, back.length, NOTHING);
    for (const { first, length } of pieces) {
      const found = this.buffer(length);
      if (this.image.serve(BLOCK_READ, first, length, found) !== STATUS_OK) return STATUS_ERROR;
      // All at once: writing uses the same buffer.
      for (const { from, to, zero } of [...runsOf(found)]) {
        const start = first + from / SECTOR_BYTES;
        if (zero) {
          if (back.length === 0) back.first = start;
          back.length += to - from;
          continue;
        }
        if (giveBack() !== STATUS_OK || this.write(start, new Uint8Array(to - from)) !== STATUS_OK) return STATUS_ERROR;
        back = { first: start, length: 0 };
      }
    }
    return giveBack();
  }

  /** A range in pieces; null when it is none of whole sectors inside the disk. */
  private pieces(sector: number, byteCount: number): { first: number; at: number; length: number }[] | null {
    const inside = Number.isSafeInteger(sector * SECTOR_BYTES) && sector + byteCount / SECTOR_BYTES <= this.sectors;
    if (byteCount % SECTOR_BYTES !== 0 || !inside) return null;
    const pieces = [];
    for (let at = 0; at < byteCount; at += PIECE_BYTES) {
      pieces.push({ first: sector + at / SECTOR_BYTES, at, length: Math.min(PIECE_BYTES, byteCount - at) });
    }
    return pieces;
  }

  private buffer(length: number): Buffer {
    if (this.scratch.length < length) this.scratch = Buffer.alloc(length);
    return this.scratch.subarray(0, length);
  }
}

/** Bytes in runs of sectors that are all zeroes, and of others. */
function* runsOf(data: Uint8Array): Generator<{ from: number; to: number; zero: boolean }> {
  for (let from = 0; from < data.length;) {
    const zero = isZero(data, from);
    let to = from + SECTOR_BYTES;
    while (to < data.length && isZero(data, to) === zero) to += SECTOR_BYTES;
    yield { from, to, zero };
    from = to;
  }
}

function isZero(data: Uint8Array, from: number): boolean {
  for (let at = from; at < from + SECTOR_BYTES; at++) if (data[at] !== 0) return false;
  return true;
}
