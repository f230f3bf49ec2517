// A folder of files on a medium that loses power. What was written and not synced may be there or not after a cut, sector by sector, and a sector
// may be torn; names that were made, changed or removed and not synced may be there up to any moment. Space may run out.

import type { Files } from "../../agent/host/block-log/files.js";
import type { Random } from "./random.js";

const SECTOR_BYTES = 512;

type Step =
  | { kind: "write"; file: number; sector: number; before: Buffer | null; after: Buffer }
  | { kind: "name"; undo: (names: Map<string, number>) => void };

class Content {
  bytes = Buffer.alloc(0);

  grow(size: number): void {
    if (size <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(size, Math.min(this.bytes.length * 2, 16 << 20)));
    this.bytes.copy(grown);
    this.bytes = grown;
  }
}

export class FailingMedium implements Files {
  private contents: Content[] = [];
  private sizes: number[] = [];
  private names = new Map<string, number>();
  /** What no sync has made safe, oldest first. */
  private unsafe: Step[] = [];
  /** Calls that change something until power goes; Infinity: it stays. */
  powerSteps = Infinity;
  /** Bytes that all files may have. */
  capacity = Infinity;
  steps = 0;
  /** Called with every write. */
  onWrite: (name: string, at: number, bytes: Uint8Array) => void = () => undefined;

  list(): string[] {
    return [...this.names.keys()];
  }

  read(name: string, at: number, length: number): Buffer {
    const file = this.fileOf(name);
    const end = Math.min(at + length, this.sizes[file]!);
    return Buffer.from(this.contents[file]!.bytes.subarray(at, Math.max(at, end)));
  }

  write(name: string, at: number, bytes: Uint8Array): void {
    this.change();
    const file = this.fileOf(name);
    const end = at + bytes.length;
    const used = this.sizes.reduce((sum, size) => sum + size, 0);
    if (end > this.sizes[file]! && used + end - this.sizes[file]! > this.capacity) throw fault("ENOSPC");
    this.onWrite(name, at, bytes);
    const content = this.contents[file]!;
    content.grow(end);
    for (let sector = Math.floor(at / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const from = sector * SECTOR_BYTES;
      const there = from < this.sizes[file]! ? Buffer.from(content.bytes.subarray(from, from + SECTOR_BYTES)) : null;
      const first = Math.max(from, at);
      const last = Math.min(from + SECTOR_BYTES, end);
      content.bytes.set(bytes.subarray(first - at, last - at), first);
      const after = Buffer.from(content.bytes.subarray(from, from + SECTOR_BYTES));
      this.unsafe.push({ kind: "write", file, sector, before: there, after });
    }
    this.sizes[file] = Math.max(this.sizes[file]!, end);
  }

  create(name: string): void {
    this.change();
    if (this.names.has(name)) throw fault("EEXIST");
    this.contents.push(new Content());
    this.sizes.push(0);
    this.names.set(name, this.contents.length - 1);
    this.unsafe.push({ kind: "name", undo: (names) => void names.delete(name) });
  }

  rename(from: string, to: string): void {
    this.change();
    const file = this.fileOf(from);
    const over = this.names.get(to);
    this.names.delete(from);
    this.names.set(to, file);
    const undo = (names: Map<string, number>): void => {
      names.set(from, file);
      if (over === undefined) names.delete(to);
      else names.set(to, over);
    };
    this.unsafe.push({ kind: "name", undo });
  }

  remove(name: string): void {
    if (!this.names.has(name)) throw fault("ENOENT");
    this.change();
    const file = this.fileOf(name);
    this.names.delete(name);
    this.unsafe.push({ kind: "name", undo: (names) => void names.set(name, file) });
  }

  size(name: string): number {
    return this.sizes[this.fileOf(name)]!;
  }

  sync(name: string): void {
    this.change();
    const file = this.fileOf(name);
    this.unsafe = this.unsafe.filter((step) => step.kind !== "write" || step.file !== file);
  }

  syncNames(): void {
    this.change();
    this.unsafe = this.unsafe.filter(({ kind }) => kind !== "name");
  }

  close(): void {
    // Nothing is open.
  }

  /** Sectors that a cut may lose. */
  get outstanding(): number {
    return this.unsafe.length;
  }

  /** Power is back: `fate` says of each unsynced sector whether it was kept (0), lost (1) or torn (2); names are kept up to some moment. */
  cut(fate: (n: number) => number): void {
    this.powerSteps = Infinity;
    const names = this.unsafe.filter((step) => step.kind === "name");
    const kept = names.length === 0 ? 0 : Math.abs(fate(-1)) % (names.length + 1);
    for (const step of names.slice(kept).reverse()) step.undo(this.names);
    // A sector that was written twice had both versions on their way: undone from the newest on.
    const writes = this.unsafe.filter((step) => step.kind === "write");
    writes.reverse().forEach(({ file, sector, before, after }, n) => {
      const what = fate(n);
      if (what === 0) return;
      const old = before ?? Buffer.alloc(SECTOR_BYTES);
      const half = SECTOR_BYTES / 2;
      const now = what === 1 ? old : Buffer.concat([after.subarray(0, half), old.subarray(half)]);
      this.contents[file]!.bytes.set(now, sector * SECTOR_BYTES);
    });
    this.unsafe = [];
  }

  /** Flips a bit. */
  flip(name: string, byte: number, bit: number): void {
    const { bytes } = this.contents[this.fileOf(name)]!;
    bytes[byte]! ^= 1 << bit;
  }

  /** A medium with the same content, and nothing on its way. */
  copy(): FailingMedium {
    const other = this.fork();
    other.unsafe = [];
    return other;
  }

  /** A medium with the same content, and the same on its way. */
  fork(): FailingMedium {
    const other = new FailingMedium();
    other.contents = this.contents.map(({ bytes }) => Object.assign(new Content(), { bytes: Buffer.from(bytes) }));
    other.sizes = [...this.sizes];
    other.names = new Map(this.names);
    other.unsafe = [...this.unsafe];
    return other;
  }

  private change(): void {
    this.steps++;
    if (this.powerSteps-- <= 0) throw fault("EPOWER");
  }

  private fileOf(name: string): number {
    const file = this.names.get(name);
    if (file === undefined) throw fault("ENOENT");
    return file;
  }
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Fates drawn at random: a third each. */
export const randomFate = (random: Random): ((n: number) => number) => {
  return (n) => (n < 0 ? random.below(64) : random.below(3));
};
