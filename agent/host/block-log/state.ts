// What a mounted log is made of, and the few steps that all its parts share.

import { LogError } from "./error.ts";
import { UNIT_BYTES, tagAt, type Located } from "./format.ts";
import { extentOf, unitOf, type Extents } from "./extents.ts";
import type { Files } from "./files.ts";
import type { Seal } from "./seal.ts";
import type { Tail } from "./tail.ts";
import type { Snapshot } from "./top.ts";
import type { UnitIndex } from "./unit-index.ts";

export interface LogState {
  readonly files: Files;
  readonly seal: Seal;
  readonly extents: Extents;
  readonly tail: Tail;
  readonly index: UnitIndex;
  /** Where the index's pages lie, by the last checkpoint. */
  pages: Located[];
  top: Located[];
  snapshots: Snapshot[];
  /** Of the superblock. */
  generation: number;
}

export const NOWHERE: Located = { place: 0, distance: 0 };

/** Something refers to a place, or does not any more. */
export function count({ extents }: LogState, { place }: Located, by: 1 | -1): void {
  if (place === 0) return;
  const extent = extents.get(extentOf(place));
  if (extent !== undefined) extent.live += by;
}

/** A unit of the disk lies elsewhere from now on; NOWHERE: it reads as zeroes. */
export function move(state: LogState, unit: number, to: Located): void {
  const { index } = state;
  count(state, { place: index.place(unit), distance: 0 }, -1);
  index.set(unit, to);
  count(state, to, 1);
}

/** Reads and checks the unit of an address at a place. Throws LogError LOG_UNIT, and the file system's error. */
export function readUnit({ extents, seal }: LogState, address: number, { place, distance }: Located): Buffer {
  const extent = extents.get(extentOf(place));
  const unit = unitOf(place);
  if (extent === undefined) throw new LogError("LOG_UNIT", `the extent of unit ${address} is not there`);
  // The header and the unit lie near each other more often than not, but one read of both would be longer than two.
  const header = extents.read(extent.number, unit - distance);
  const sealed = extents.read(extent.number, unit);
  if (header.length < UNIT_BYTES || sealed.length < UNIT_BYTES)
    throw new LogError("LOG_UNIT", `the extent of unit ${address} is cut short`);
  return seal.open(extent.key, unit, address, sealed, tagAt(header, distance - 1));
}

/** Extents that snapshots keep as they are. */
export function pinned({ snapshots }: LogState): Set<number> {
  return new Set(snapshots.flatMap(({ extents }) => extents));
}
