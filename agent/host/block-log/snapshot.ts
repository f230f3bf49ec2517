// The disk as it was: a snapshot's own index over extents that stay as they are.

import { PAGE_ADDRESS, UNIT_BYTES, type Located } from "./format.ts";
import { readUnit, type LogState } from "./state.ts";
import { UnitIndex } from "./unit-index.ts";

/** The index that some pages make. Throws LogError, and the file system's error. */
export function readIndex(state: LogState, pages: readonly Located[]): UnitIndex {
  const index = new UnitIndex(state.index.unitCount);
  pages.forEach((located, page) => {
    if (located.place !== 0) index.load(page, readUnit(state, PAGE_ADDRESS + page, located));
  });
  return index;
}

export class SnapshotReader {
  private readonly state: LogState;
  private readonly index: UnitIndex;

  constructor(state: LogState, index: UnitIndex) {
    this.state = state;
    this.index = index;
  }

  /** A unit as it was. Throws LogError LOG_UNIT, and the file system's error. */
  read(unit: number): Buffer {
    const place = this.index.place(unit);
    if (place === 0) return Buffer.alloc(UNIT_BYTES);
    return readUnit(this.state, unit, { place, distance: this.index.distance(unit) });
  }

  /** Units that differ from another snapshot of the same log, or, for null, from an empty disk. One that was cleaned meanwhile may be among
   *  them, although its bytes are the same. */
  *changedSince(earlier: SnapshotReader | null): Generator<number> {
    for (let unit = 0; unit < this.index.unitCount; unit++)
      if (this.index.place(unit) !== (earlier?.index.place(unit) ?? 0)) yield unit;
  }
}
