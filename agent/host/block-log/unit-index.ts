// Where each unit of the disk is: five bytes a unit, in pages that a checkpoint writes when they have changed.

import { UNIT_BYTES, type Located } from "./format.ts";

/** Units of one page: 4000 of its 4096 bytes. */
export const PAGE_UNITS = 800;
const DISTANCES = PAGE_UNITS * 4;

export class UnitIndex {
  readonly unitCount: number;
  readonly pageCount: number;
  private readonly places: Uint32Array;
  private readonly distances: Uint8Array;
  private readonly dirty: Set<number> = new Set();

  constructor(unitCount: number) {
    this.unitCount = unitCount;
    this.pageCount = Math.ceil(unitCount / PAGE_UNITS);
    this.places = new Uint32Array(this.pageCount * PAGE_UNITS);
    this.distances = new Uint8Array(this.places.length);
  }

  /** Bytes of memory that an index takes: a partition is charged for them. */
  static bytesOf(unitCount: number): number {
    return Math.ceil(unitCount / PAGE_UNITS) * PAGE_UNITS * 5;
  }

  /** 0: nothing was written there, it reads as zeroes. */
  place(unit: number): number {
    return this.places[unit]!;
  }

  distance(unit: number): number {
    return this.distances[unit]!;
  }

  set(unit: number, { place, distance }: Located): void {
    this.places[unit] = place;
    this.distances[unit] = distance;
    this.dirty.add(Math.floor(unit / PAGE_UNITS));
  }

  /** Pages that have changed since they were written last. */
  get changed(): number[] {
    return [...this.dirty];
  }

  /** A page is to be written anew. */
  touch(page: number): void {
    this.dirty.add(page);
  }

  written(page: number): void {
    this.dirty.delete(page);
  }

  page(page: number): Buffer {
    const bytes = Buffer.alloc(UNIT_BYTES);
    const first = page * PAGE_UNITS;
    for (let n = 0; n < PAGE_UNITS; n++) bytes.writeUInt32LE(this.places[first + n]!, n * 4);
    Buffer.from(this.distances.buffer, first, PAGE_UNITS).copy(bytes, DISTANCES);
    return bytes;
  }

  load(page: number, bytes: Buffer): void {
    const first = page * PAGE_UNITS;
    for (let n = 0; n < PAGE_UNITS; n++) this.places[first + n] = bytes.readUInt32LE(n * 4);
    this.distances.set(bytes.subarray(DISTANCES, DISTANCES + PAGE_UNITS), first);
  }
}
