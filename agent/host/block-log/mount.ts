// Mounting: the newer superblock, the top and the index's pages that it names, then every group behind it whose commit is there. What was never
// committed is as if it had never been written. What was committed and cannot be read is damage, and is said: a disk must not go back in time
// without a word.

import { LogError } from "./error.ts";
import {
  ADDRESS_MAX,
  EXTENT_UNITS,
  NO_EXTENT,
  PAGE_ADDRESS,
  COMMIT_BYTES,
  SUPER_BYTES,
  TOP_ADDRESS,
  groupMac,
  readCommit,
  readGroupHeader,
  readSuper,
  type GroupHeader,
  type Super,
} from "./format.ts";
import { SUPER_NAME } from "./checkpoint.ts";
import { Extents, extentOf, placeOf, whereOf, type Extent } from "./extents.ts";
import type { Files } from "./files.ts";
import type { Seal } from "./seal.ts";
import { count, NOWHERE, readUnit, type LogState } from "./state.ts";
import { Tail } from "./tail.ts";
import { readTop, type Top } from "./top.ts";
import { UnitIndex } from "./unit-index.ts";

/** Reads a log. Nothing is written. Throws LogError, and the file system's error. */
export function mount(files: Files, seal: Seal, unitCountMax: number, reserveMax: number): LogState {
  const found = [0, 1, 2, 3]
    .map((copy) => readSuper(files.read(SUPER_NAME, copy * SUPER_BYTES, SUPER_BYTES), seal.mac))
    .filter((each) => each !== null)
    .sort((one, other) => other.generation - one.generation)[0];
  if (found === undefined)
    throw new LogError("LOG_KEY", "this is no block log, or its key is another one", "Nothing was changed.");
  if (found.unitCount > unitCountMax)
    throw new LogError("LOG_SIZE", `the log's disk has ${found.unitCount} units, more than ${unitCountMax}`);
  const extents = new Extents(files, seal, reserveMax);
  for (const name of files.list().filter((each) => each.startsWith("x"))) {
    const header = extents.peek(parseInt(name.slice(1), 16));
    if (header !== null) extents.adopt(header);
  }
  const state: LogState = {
    ...{ files, seal, extents, tail: new Tail(extents, seal), index: new UnitIndex(found.unitCount) },
    ...{ pages: [], top: found.top, snapshots: [], generation: found.generation },
  };
  readCheckpoint(state, found);
  new Replay(state, found).run();
  countLive(state);
  return state;
}

function readCheckpoint(state: LogState, found: Super): void {
  const { index } = state;
  const part = (address: number, located: Super["top"][number]): Buffer => {
    try {
      return readUnit(state, address, located);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      throw damaged(`the checkpoint cannot be read: ${error.message}`);
    }
  };
  const bytes = Buffer.concat(found.top.map((each, n) => part(TOP_ADDRESS + n, each))).subarray(0, found.topBytes);
  if (!state.seal.mac(bytes).equals(found.topMac)) throw damaged("the checkpoint's list is another one");
  const { extents, pages, snapshots } = readTop(bytes);
  if (pages.length > index.pageCount) throw damaged("the checkpoint has more pages than the disk");
  Object.assign(state, { pages, snapshots });
  pages.forEach((located, page) => {
    if (located.place !== 0) index.load(page, part(PAGE_ADDRESS + page, located));
  });
  refuseOthers(state, extents);
}

/** Every extent that the checkpoint refers to is the one that it meant: an older life of it, put back, would be read as if it were new. */
function refuseOthers(state: LogState, listed: Top["extents"]): void {
  const { index, extents } = state;
  const meant = new Map(listed.map(({ number, incarnation }) => [number, incarnation]));
  const seen = new Set<number>();
  for (let unit = 0; unit < index.unitCount; unit++) if (index.place(unit) !== 0) seen.add(extentOf(index.place(unit)));
  for (const { place } of state.pages) if (place !== 0) seen.add(extentOf(place));
  for (const { extents: kept } of state.snapshots) kept.forEach((number) => seen.add(number));
  for (const number of seen) {
    const incarnation = meant.get(number);
    if (incarnation === undefined || extents.get(number)?.incarnation.equals(incarnation) !== true)
      throw damaged(`extent ${number} is not the one that was written`);
  }
}

const damaged = (why: string): LogError =>
  new LogError("LOG_DAMAGED", `the block log is damaged: ${why}`, "Restore a backup; nothing was changed.");

interface Pending {
  extent: Extent;
  unit: number;
  header: GroupHeader;
}

/** Follows the log from a superblock on. */
class Replay {
  private readonly state: LogState;
  private readonly epoch: number;
  private sequence: number;
  private chain: Buffer;
  private extent: Extent | undefined;
  private unit: number;
  private pending: Pending[] = [];
  private readonly committed: { sequence: number; chain: Buffer; extent: Extent | undefined; unit: number };

  constructor(state: LogState, { epoch, sequence, chain, extent, unit }: Super) {
    this.state = state;
    this.epoch = epoch;
    this.sequence = sequence;
    this.chain = chain;
    this.extent = extent === NO_EXTENT ? undefined : state.extents.get(extent);
    this.unit = unit;
    this.committed = { sequence, chain, extent: this.extent, unit };
  }

  run(): void {
    while (this.step() || this.nextExtent());
    this.refuseLater();
    const { tail } = this.state;
    tail.sequence = this.committed.sequence;
    tail.chain = this.committed.chain;
  }

  /** Takes one group or commit. False: there is none here. */
  private step(): boolean {
    const { extent, unit } = this;
    const { extents, seal } = this.state;
    if (extent === undefined || unit >= EXTENT_UNITS) return false;
    const bytes = extents.read(extent.number, unit);
    const where = whereOf(extent, unit);
    const commit = readCommit(bytes, this.chain, where, seal.mac);
    if (commit !== null) {
      if (!commit.holds || commit.sequence !== this.sequence - 1) return false;
      this.pending.forEach((group) => this.apply(group));
      this.pending = [];
      this.unit++;
      Object.assign(this.committed, { sequence: this.sequence, chain: this.chain, extent, unit: this.unit });
      return true;
    }
    const header = readGroupHeader(bytes, where, seal.mac);
    if (header === null || header.sequence !== this.sequence) return false;
    this.chain = seal.mac(this.chain, groupMac(bytes));
    this.sequence++;
    this.pending.push({ extent, unit, header });
    this.unit += header.entries.length + 1;
    return true;
  }

  /** The log goes on in the extent that begins with the next group. */
  private nextExtent(): boolean {
    const next = [...this.state.extents.all()].find(
      ({ epoch, sequence, number }) =>
        epoch === this.epoch && sequence === this.sequence && number !== this.extent?.number,
    );
    if (next === undefined) return false;
    this.extent = next;
    this.unit = 1;
    // An extent without a group begins with the same number as the one after it: no further.
    return this.step();
  }

  private apply({ extent, unit, header: { entries, discards } }: Pending): void {
    const { index } = this.state;
    for (const { first, count: length } of discards)
      for (let n = first; n < Math.min(first + length, index.unitCount); n++) index.set(n, NOWHERE);
    entries.forEach(({ address }, n) => {
      if (address >= ADDRESS_MAX || address >= index.unitCount) return;
      index.set(address, { place: placeOf(extent.number, unit + 1 + n), distance: n + 1 });
    });
  }

  /** A commit behind the end that was found means that something before it is damaged. */
  private refuseLater(): void {
    const { committed, state } = this;
    for (const extent of state.extents.all()) {
      const from = extent === committed.extent ? committed.unit : 1;
      const isLater = extent === committed.extent || extent.sequence >= committed.sequence;
      if (extent.epoch !== this.epoch || !isLater) continue;
      for (let unit = from; unit < EXTENT_UNITS; unit++) {
        const bytes = state.extents.read(extent.number, unit, COMMIT_BYTES);
        if (bytes.length < COMMIT_BYTES) break;
        const commit = readCommit(bytes, null, whereOf(extent, unit), state.seal.mac);
        if (commit !== null && commit.sequence >= committed.sequence)
          throw damaged(`what was written up to group ${commit.sequence} ends at group ${committed.sequence}`);
      }
    }
  }
}

/** How much of each extent is in use. Throws LogError where the index names an extent that is not there. */
function countLive(state: LogState): void {
  const { index, extents } = state;
  for (let unit = 0; unit < index.unitCount; unit++) {
    const place = index.place(unit);
    if (place === 0) continue;
    const extent = extents.get(extentOf(place));
    if (extent === undefined) throw damaged(`the extent of unit ${unit} is not there`);
    extent.live++;
  }
  for (const each of [...state.pages, ...state.top]) count(state, each, 1);
}
