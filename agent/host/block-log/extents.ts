// The extents of a log: which there are, how much of each is in use, and where new ones come from. A few extents are kept in reserve, written in
// full: overwriting them needs no new space, so a medium that is full never stops the log from cleaning itself.

import { randomBytes } from "node:crypto";
import {
  EXTENT_BYTES,
  EXTENT_UNITS,
  INCARNATION_BYTES,
  SECTOR_BYTES,
  UNIT_BYTES,
  readExtentHeader,
  writeExtentHeader,
  type ExtentHeader,
} from "./format.ts";
import type { Files } from "./files.ts";
import type { Seal } from "./seal.ts";

export const RESERVE_COUNT = 4;

export interface Extent extends ExtentHeader {
  key: Buffer;
  /** Units that the index, or the last checkpoint, refers to. */
  live: number;
  /** When it was made: a count of extents. */
  born: number;
}

export const extentName = (number: number): string => `x${number.toString(16).padStart(8, "0")}`;
const reserveName = (n: number): string => `reserve-${n}`;

export class Extents {
  private readonly files: Files;
  private readonly seal: Seal;
  private readonly extents = new Map<number, Extent>();
  /** Written since the last sync. */
  private readonly unsynced = new Set<number>();
  private namesChanged = false;
  private births = 0;
  private readonly reserveMax: number;

  constructor(files: Files, seal: Seal, reserveMax: number) {
    this.reserveMax = reserveMax;
    this.files = files;
    this.seal = seal;
  }

  get count(): number {
    return this.extents.size;
  }

  all(): IterableIterator<Extent> {
    return this.extents.values();
  }

  get(number: number): Extent | undefined {
    return this.extents.get(number);
  }

  /** An extent that is on the medium, by its header; null: it is none of ours. Throws the file system's error. */
  peek(number: number): ExtentHeader | null {
    const header = readExtentHeader(this.files.read(extentName(number), 0, SECTOR_BYTES), this.seal.mac);
    return header?.number === number ? header : null;
  }

  adopt(header: ExtentHeader): Extent {
    const key = this.seal.keyOf(header.incarnation);
    const extent: Extent = { ...header, key, live: 0, born: this.births++ };
    this.extents.set(header.number, extent);
    return extent;
  }

  /** A new, empty extent. Throws the file system's error, and there is none then. `must`: take one of the reserve where there is no space. */
  make(epoch: number, sequence: number, must: boolean): Extent {
    let number = 0;
    while (this.extents.has(number)) number++;
    const name = extentName(number);
    const header: ExtentHeader = { number, epoch, sequence, incarnation: randomBytes(INCARNATION_BYTES) };
    const bytes = writeExtentHeader(header, this.seal.mac);
    this.namesChanged = true;
    try {
      this.files.create(name);
      this.files.write(name, 0, bytes);
    } catch (error) {
      this.discardFile(name);
      if (!must || (error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      const reserve = this.reserves()[0];
      if (reserve === undefined) throw error;
      this.files.rename(reserve, name);
      this.files.write(name, 0, bytes);
    }
    this.unsynced.add(number);
    return this.adopt(header);
  }

  /** Fills the reserve: at creation, and where there is space again. Throws the file system's error. */
  fillReserve(): void {
    const there = new Set(this.reserves());
    for (let n = 0; n < this.reserveMax; n++) {
      const name = reserveName(n);
      if (there.has(name)) continue;
      try {
        this.files.create(name);
        for (let at = 0; at < EXTENT_BYTES; at += ZEROES.length) this.files.write(name, at, ZEROES);
        this.files.sync(name);
        this.namesChanged = true;
      } catch (error) {
        this.discardFile(name);
        throw error;
      }
    }
  }

  get reserveCount(): number {
    return this.reserves().length;
  }

  /** Whether the reserve has what it should. */
  get isReserveFull(): boolean {
    return this.reserveCount >= this.reserveMax;
  }

  write({ number }: Extent, unit: number, bytes: Uint8Array): void {
    this.unsynced.add(number);
    this.files.write(extentName(number), unit * UNIT_BYTES, bytes);
  }

  read(number: number, unit: number, length = UNIT_BYTES): Buffer {
    return this.files.read(extentName(number), unit * UNIT_BYTES, length);
  }

  /** What was written is on the medium. Throws the file system's error. */
  sync(): void {
    for (const number of [...this.unsynced]) {
      this.files.sync(extentName(number));
      this.unsynced.delete(number);
    }
    if (this.namesChanged) this.files.syncNames();
    this.namesChanged = false;
  }

  /** Nothing refers to an extent any more: it fills the reserve, or goes. Throws the file system's error. */
  free(extent: Extent): void {
    const name = extentName(extent.number);
    this.extents.delete(extent.number);
    this.unsynced.delete(extent.number);
    this.namesChanged = true;
    const there = this.reserves();
    const full = this.files.size(name) === EXTENT_BYTES;
    const free = Array.from({ length: this.reserveMax }, (_, n) => reserveName(n)).find(
      (each) => !there.includes(each),
    );
    if (full && free !== undefined) this.files.rename(name, free);
    else this.files.remove(name);
  }

  /** Files that belong to nothing: left by a cut. */
  dropStrangers(): void {
    for (const name of this.files.list()) {
      const isExtent = name.startsWith("x");
      const known = isExtent && this.extents.has(parseInt(name.slice(1), 16));
      const whole = name.startsWith("reserve") && this.files.size(name) === EXTENT_BYTES;
      if (known || whole || name === "super") continue;
      this.files.remove(name);
      this.namesChanged = true;
    }
  }

  private reserves(): string[] {
    return this.files.list().filter((name) => name.startsWith("reserve"));
  }

  private discardFile(name: string): void {
    try {
      this.files.remove(name);
    } catch {
      // It may never have been made; the next mount drops it.
    }
  }
}

const ZEROES = Buffer.alloc(1 << 20);

export const placeOf = (extent: number, unit: number): number => extent * EXTENT_UNITS + unit;
export const extentOf = (place: number): number => Math.floor(place / EXTENT_UNITS);
export const unitOf = (place: number): number => place % EXTENT_UNITS;

/** What binds a record to where it lies. */
export function whereOf({ incarnation }: Pick<ExtentHeader, "incarnation">, unit: number): Buffer {
  const where = Buffer.alloc(INCARNATION_BYTES + 4);
  incarnation.copy(where);
  where.writeUInt32LE(unit, INCARNATION_BYTES);
  return where;
}
