// A block log: a disk in extents that are only appended to, authenticated and encrypted, whole after every power cut. README.md has the idea.
//
// Units that were written and not flushed are kept in memory until there are enough for a group. flush() makes everything safe that was written
// before it (VIRTIO 1.2 §5.2.6.2).

import { LogError } from "./error.ts";
import { ADDRESS_MAX, EXTENT_UNITS, GROUP_ENTRIES_MAX, SUPER_SLOT_BYTES, UNIT_BYTES } from "./format.ts";
import { checkpoint, SUPER_NAME } from "./checkpoint.ts";
import { clean } from "./cleaner.ts";
import { Extents, RESERVE_COUNT } from "./extents.ts";
import type { Files } from "./files.ts";
import { mount } from "./mount.ts";
import type { Seal } from "./seal.ts";
import { readIndex, SnapshotReader } from "./snapshot.ts";
import { move, NOWHERE, pinned, readUnit, type LogState } from "./state.ts";
import { Tail, type Appended } from "./tail.ts";
import { UnitIndex } from "./unit-index.ts";

/** A checkpoint comes after so many units at least, and after four times the index's size. */
const CHECKPOINT_UNITS_MIN = (64 << 20) / UNIT_BYTES;
/** Units in memory beyond a group, while the medium takes nothing. */
const PENDING_MAX = 4 * GROUP_ENTRIES_MAX;
/** A disk that is full takes this much more than its size before the cleaner works: 70 % of the log is in use then. */
const SPARE_SHARE = 1 / 0.7;
const SPARE_EXTENTS = 3;

const ZEROES = Buffer.alloc(UNIT_BYTES);

export interface LogFigures {
  unitCount: number;
  extentCount: number;
  reserveCount: number;
  liveUnits: number;
  snapshotCount: number;
  /** Units written to the medium since the mount, and those of them that the disk's user wrote. */
  writtenUnits: number;
  userUnits: number;
}

export class BlockLog {
  private readonly state: LogState;
  private readonly pending = new Map<number, Buffer>();
  private discards: { first: number; count: number }[] = [];
  private userUnits = 0;
  private readonly extentsMax: number;

  private constructor(state: LogState) {
    this.state = state;
    this.extentsMax = Math.ceil((state.index.unitCount * SPARE_SHARE) / EXTENT_UNITS) + SPARE_EXTENTS;
  }

  /** Makes an empty log of so many units. Throws LogError, and the file system's error. */
  static create(files: Files, seal: Seal, unitCount: number, reserveMax = RESERVE_COUNT): BlockLog {
    if (!Number.isInteger(unitCount) || unitCount < 1 || unitCount >= ADDRESS_MAX)
      throw new LogError("LOG_SIZE", `a block log has 1 to ${ADDRESS_MAX - 1} units, not ${unitCount}`);
    if (files.list().includes(SUPER_NAME)) throw new LogError("LOG_EXISTS", "there is a block log already");
    const extents = new Extents(files, seal, reserveMax);
    extents.fillReserve();
    files.create(SUPER_NAME);
    files.write(SUPER_NAME, 0, Buffer.alloc(2 * SUPER_SLOT_BYTES));
    const state: LogState = {
      ...{ files, seal, extents, tail: new Tail(extents, seal), index: new UnitIndex(unitCount) },
      ...{ pages: [], top: [], snapshots: [], generation: 0 },
    };
    state.pages = Array.from({ length: state.index.pageCount }, () => NOWHERE);
    checkpoint(state, false);
    extents.sync();
    files.syncNames();
    return new BlockLog(state);
  }

  /** Mounts a log; nothing is written before the first write. Throws LogError, and the file system's error. */
  static mount(files: Files, seal: Seal, unitCountMax = ADDRESS_MAX - 1, reserveMax = RESERVE_COUNT): BlockLog {
    return new BlockLog(mount(files, seal, unitCountMax, reserveMax));
  }

  get unitCount(): number {
    return this.state.index.unitCount;
  }

  /** A unit. Throws LogError LOG_UNIT where it is not what was written, and the file system's error. */
  read(unit: number): Buffer {
    const { index } = this.state;
    const waiting = this.pending.get(unit);
    if (waiting !== undefined) return waiting;
    const place = index.place(unit);
    return place === 0 ? ZEROES : readUnit(this.state, unit, { place, distance: index.distance(unit) });
  }

  /** Writes a unit; `data` is copied. Throws LogError LOG_FULL while the medium takes nothing, and the file system's error. */
  write(unit: number, data: Uint8Array): void {
    if (this.pending.size >= PENDING_MAX && !this.pending.has(unit)) this.emit();
    this.pending.set(unit, Buffer.from(data));
    this.userUnits++;
    if (this.pending.size >= GROUP_ENTRIES_MAX) this.emit();
  }

  /** These units read as zeroes from now on. */
  discard(first: number, count: number): void {
    const { index } = this.state;
    if (count <= 0) return;
    for (let unit = first; unit < first + count; unit++) {
      this.pending.delete(unit);
      if (index.place(unit) !== 0) move(this.state, unit, NOWHERE);
    }
    this.discards.push({ first, count });
    if (this.discards.length >= GROUP_ENTRIES_MAX) this.emit();
  }

  /** Everything that was written is safe. Throws the file system's error: then none of it need be. */
  flush(): void {
    this.emit();
    if (this.state.tail.broken && this.state.tail.uncommitted) checkpoint(this.state, true);
    this.state.tail.commit(true);
    if (this.state.tail.written >= this.checkpointUnits) checkpoint(this.state, true);
  }

  /** What can be done while nobody waits: gives dead extents back, fills the reserve. True when something was done. */
  tidy(): boolean {
    const { extents, tail } = this.state;
    const dead = [...extents.all()].some(({ live, number }) => live === 0 && number !== tail.openNumber);
    if (dead) {
      this.flush();
      checkpoint(this.state, true);
    } else if (!extents.isReserveFull) extents.fillReserve();
    else return false;
    return true;
  }

  /** Keeps the disk as it is now under a name. Throws LogError for a name that is taken or too long. */
  snapshot(name: string, time: number): void {
    const { state } = this;
    if (Buffer.byteLength(name) > 64 || name === "") throw new LogError("LOG_SNAPSHOT", "a name has 1 to 64 bytes");
    if (state.snapshots.some((each) => each.name === name))
      throw new LogError("LOG_SNAPSHOT", `there is a snapshot ${JSON.stringify(name)} already`);
    this.flush();
    checkpoint(state, true);
    const extents = [...state.extents.all()].filter(({ live }) => live > 0).map(({ number }) => number);
    const before = state.snapshots;
    state.snapshots = [...before, { name, time, pages: state.pages, extents }];
    // What was pinned is not appended to any more.
    state.tail.broken = true;
    try {
      checkpoint(state, true);
    } catch (error) {
      state.snapshots = before;
      throw error;
    }
  }

  /** Lets a snapshot go. Throws LogError when there is none. */
  dropSnapshot(name: string): void {
    const { state } = this;
    const left = state.snapshots.filter((each) => each.name !== name);
    if (left.length === state.snapshots.length)
      throw new LogError("LOG_SNAPSHOT", `there is no snapshot ${JSON.stringify(name)}`);
    state.snapshots = left;
    this.flush();
    checkpoint(state, true);
  }

  /** The disk as it was when a snapshot was taken. Throws LogError when there is none, or it cannot be read. */
  openSnapshot(name: string): SnapshotReader {
    const found = this.state.snapshots.find((each) => each.name === name);
    if (found === undefined) throw new LogError("LOG_SNAPSHOT", `there is no snapshot ${JSON.stringify(name)}`);
    return new SnapshotReader(this.state, readIndex(this.state, found.pages));
  }

  /** Snapshots by name, oldest first, with the time of each in seconds since 1970. */
  get snapshots(): { name: string; time: number }[] {
    return this.state.snapshots.map(({ name, time }) => ({ name, time }));
  }

  get figures(): LogFigures {
    const { index, extents, snapshots, tail } = this.state;
    let liveUnits = 0;
    for (const { live } of extents.all()) liveUnits += live;
    return {
      unitCount: index.unitCount,
      extentCount: extents.count,
      reserveCount: extents.reserveCount,
      liveUnits,
      snapshotCount: snapshots.length,
      writtenUnits: tail.total,
      userUnits: this.userUnits,
    };
  }

  /** Everything is safe, and the next mount finds a checkpoint. Throws the file system's error. */
  close(): void {
    try {
      const { tail } = this.state;
      this.flush();
      if (!tail.broken && tail.written > 0) checkpoint(this.state, true);
    } finally {
      this.state.files.close();
      this.state.seal.destroy();
    }
  }

  private get checkpointUnits(): number {
    return Math.max(CHECKPOINT_UNITS_MIN, (4 * UnitIndex.bytesOf(this.unitCount)) / UNIT_BYTES);
  }

  /** Appends what waits. */
  private emit(): void {
    const { state, pending } = this;
    if (pending.size === 0 && this.discards.length === 0) return;
    if (state.tail.broken) checkpoint(this.state, true);
    const most = this.extentsMax + pinned(state).size;
    if (state.extents.count >= most) clean(state, most);
    const units = [...pending].map(([address, data]) => ({ address, data }));
    const placed = this.append(units);
    this.discards = [];
    pending.clear();
    for (const each of placed) move(state, each.address, each);
    if (state.tail.written >= this.checkpointUnits) checkpoint(state, true);
  }

  /** Appends; on a medium that is full it cleans first, with the reserve, and tries once more. */
  private append(units: { address: number; data: Buffer }[]): Appended[] {
    const { state } = this;
    try {
      return state.tail.append(units, this.discards, false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      clean(state, state.extents.count);
      return state.tail.append(units, this.discards, false);
    }
  }
}
