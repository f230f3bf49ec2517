// A disk whose power can go: what was written since the last sync may be kept, lost or torn, sector by sector, as drives do.

import { SECTOR } from "../../agent/device/gpt.js";

/** The power went. */
export class PowerCut extends Error {}

export class CutDisk {
  private readonly base: Buffer;
  /** What is on the medium for sure, beyond the base, by sector. */
  private readonly durable = new Map<number, Buffer>();
  /** What a reader sees beyond that: the cache of the drive. */
  private readonly cached = new Map<number, Buffer>();
  private unsynced: { sector: number; bytes: Buffer }[] = [];
  private steps = 0;
  /** The power goes before this step; a write and a sync are one each. */
  cutAt = Infinity;

  /** `bytes` stay as they are. */
  constructor(bytes: Buffer) {
    this.base = bytes;
  }

  get stepCount(): number {
    return this.steps;
  }

  read(sector: number, count: number): Buffer {
    const sectors = Array.from({ length: count }, (_, index) => {
      const at = sector + index;
      return this.cached.get(at) ?? this.durable.get(at) ?? this.base.subarray(at * SECTOR, (at + 1) * SECTOR);
    });
    return Buffer.concat(sectors);
  }

  write(sector: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += SECTOR) {
      this.unsynced.push({ sector: sector + at / SECTOR, bytes: Buffer.from(bytes.subarray(at, at + SECTOR)) });
    }
    // A cut while it is written: some of it may have got there.
    this.step();
    for (const each of this.unsynced) this.cached.set(each.sector, each.bytes);
  }

  sync(): void {
    this.step();
    for (const each of this.unsynced) this.durable.set(each.sector, each.bytes);
    this.unsynced = [];
  }

  /** What is found after the cut: of each sector that was written since the last sync, in order, `kept` says whether it got there. */
  after(kept: (index: number) => boolean): Buffer {
    const bytes = Buffer.from(this.base);
    for (const [sector, piece] of this.durable) piece.copy(bytes, sector * SECTOR);
    this.unsynced.forEach(({ sector, bytes: piece }, index) => {
      if (kept(index)) piece.copy(bytes, sector * SECTOR);
    });
    return bytes;
  }

  /** Sectors written since the last sync. */
  get openCount(): number {
    return this.unsynced.length;
  }

  private step(): void {
    if (this.steps++ >= this.cutAt) throw new PowerCut();
  }
}
