// The top of a checkpoint: which extents there are, where the index's pages lie, which snapshots are kept.

import { INCARNATION_BYTES, type Located } from "./format.ts";

export interface Snapshot {
  name: string;
  /** Seconds since 1970. */
  time: number;
  pages: Located[];
  /** Extents that hold its units or pages: they stay as they are. */
  extents: number[];
}

export interface Top {
  extents: { number: number; incarnation: Buffer }[];
  pages: Located[];
  snapshots: Snapshot[];
}

export function writeTop({ extents, pages, snapshots }: Top): Buffer {
  const parts: Buffer[] = [numbers(extents.length, pages.length, snapshots.length)];
  for (const { number, incarnation } of extents) parts.push(numbers(number), incarnation);
  parts.push(locations(pages));
  for (const { name, time, pages: its, extents: pinned } of snapshots) {
    const text = Buffer.from(name, "utf8");
    parts.push(numbers(text.length, time, its.length, pinned.length), text, locations(its), numbers(...pinned));
  }
  return Buffer.concat(parts);
}

/** The bytes are ours and whole: they were authenticated. */
export function readTop(bytes: Buffer): Top {
  let at = 0;
  const number = (): number => bytes.readUInt32LE((at += 4) - 4);
  const located = (count: number): Located[] =>
    Array.from({ length: count }, () => ({ place: number(), distance: number() }));
  const [extentCount, pageCount, snapshotCount] = [number(), number(), number()];
  const extents = Array.from({ length: extentCount }, () => {
    const each = { number: number(), incarnation: Buffer.from(bytes.subarray(at, at + INCARNATION_BYTES)) };
    at += INCARNATION_BYTES;
    return each;
  });
  const pages = located(pageCount);
  const snapshots = Array.from({ length: snapshotCount }, (): Snapshot => {
    const [nameBytes, time, its, pinned] = [number(), number(), number(), number()];
    const name = bytes.toString("utf8", at, at + nameBytes);
    at += nameBytes;
    return { name, time, pages: located(its), extents: Array.from({ length: pinned }, number) };
  });
  return { extents, pages, snapshots };
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, n) => bytes.writeUInt32LE(value, n * 4));
  return bytes;
}

const locations = (each: Located[]): Buffer => numbers(...each.flatMap(({ place, distance }) => [place, distance]));
