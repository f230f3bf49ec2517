// The end of the log, where groups are appended. A group is safe once a commit record behind it is: all that was written is synced first, then the
// record is written and synced. Whatever fails, nothing is written twice to one place under one key: an extent in which a write failed is left,
// and the log goes on elsewhere after a checkpoint.

import { LogError } from "./error.ts";
import {
  EXTENT_UNITS,
  GROUP_ENTRIES_MAX,
  NO_EXTENT,
  UNIT_BYTES,
  groupMac,
  writeCommit,
  writeGroupHeader,
  type GroupHeader,
  type Located,
} from "./format.ts";
import { placeOf, whereOf, type Extent, type Extents } from "./extents.ts";
import type { Seal } from "./seal.ts";

export interface Appended extends Located {
  address: number;
}

export interface TailState {
  epoch: number;
  /** Of the next group. */
  sequence: number;
  chain: Buffer;
  extent: number;
  unit: number;
}

export class Tail {
  epoch = 0;
  sequence = 0;
  chain: Buffer = Buffer.alloc(32);
  /** Nothing may be appended before a checkpoint: after a mount, and after a write that failed. */
  broken = true;
  /** Units written since the last checkpoint. */
  written = 0;
  /** All units ever written in this mount. */
  total = 0;
  private readonly extents: Extents;
  private readonly seal: Seal;
  private open: Extent | null = null;
  private unit = 0;
  /** Something was appended that no commit covers. */
  uncommitted = false;

  constructor(extents: Extents, seal: Seal) {
    this.extents = extents;
    this.seal = seal;
  }

  get openNumber(): number {
    return this.open?.number ?? NO_EXTENT;
  }

  get state(): TailState {
    const { epoch, sequence, chain } = this;
    return { epoch, sequence, chain, extent: this.openNumber, unit: this.unit };
  }

  /** From here on everything lies in new extents. */
  leave(): void {
    this.open = null;
    this.unit = 0;
  }

  /** Appends units and discarded ranges; returns where the units are. `must`: the reserve may be used. Throws the file system's error. */
  append(
    units: readonly { address: number; data: Uint8Array }[],
    discards: GroupHeader["discards"],
    must: boolean,
  ): Appended[] {
    const placed: Appended[] = [];
    for (let at = 0, dropped = 0; at < units.length || dropped < discards.length;) {
      const extent = this.room(must);
      // Ranges first: a unit that was written after its discard must come after it.
      const ranges = discards.slice(dropped, dropped + GROUP_ENTRIES_MAX);
      const most = Math.min(GROUP_ENTRIES_MAX - ranges.length, EXTENT_UNITS - this.unit - 1);
      const part = dropped + ranges.length < discards.length ? [] : units.slice(at, at + most);
      placed.push(...this.writeGroup(extent, part, ranges));
      at += part.length;
      dropped += ranges.length;
    }
    return placed;
  }

  /** Everything that was appended is safe. Throws the file system's error: then none of it need be. */
  commit(must: boolean): void {
    if (!this.uncommitted) return;
    try {
      this.extents.sync();
      const extent = this.room(must);
      const where = whereOf(extent, this.unit);
      const record = writeCommit(this.sequence - 1, this.chain, where, this.seal.mac);
      this.count(extent, this.unit, record, 1);
      this.extents.sync();
    } catch (error) {
      this.broken = true;
      throw error;
    }
    this.uncommitted = false;
  }

  private writeGroup(
    extent: Extent,
    units: readonly { address: number; data: Uint8Array }[],
    discards: GroupHeader["discards"],
  ): Appended[] {
    const first = this.unit;
    const bytes = Buffer.allocUnsafe((units.length + 1) * UNIT_BYTES);
    const entries = units.map(({ address, data }, n) => {
      const target = bytes.subarray((n + 1) * UNIT_BYTES, (n + 2) * UNIT_BYTES);
      return { address, tag: this.seal.close(extent.key, first + 1 + n, address, data, target) };
    });
    const header = writeGroupHeader(
      { sequence: this.sequence, entries, discards },
      whereOf(extent, first),
      this.seal.mac,
    );
    header.copy(bytes);
    this.count(extent, first, bytes, units.length + 1);
    this.chain = this.seal.mac(this.chain, groupMac(header));
    this.sequence++;
    this.uncommitted = true;
    return units.map(({ address }, n) => ({ address, place: placeOf(extent.number, first + 1 + n), distance: n + 1 }));
  }

  /** Writes units at the end. One that fails ends the extent: its places have been used. */
  private count(extent: Extent, unit: number, bytes: Buffer, count: number): void {
    try {
      this.extents.write(extent, unit, bytes);
    } catch (error) {
      this.broken = true;
      throw error;
    }
    this.unit += count;
    this.written += count;
    this.total += count;
  }

  /** The extent with room for a group of one unit. */
  private room(must: boolean): Extent {
    if (this.open !== null && this.unit + 2 <= EXTENT_UNITS) return this.open;
    if (this.sequence === Number.MAX_SAFE_INTEGER) throw new LogError("LOG_FULL", "the log has no numbers left");
    this.open = this.extents.make(this.epoch, this.sequence, must);
    this.unit = 1;
    this.written++;
    this.total++;
    return this.open;
  }
}
