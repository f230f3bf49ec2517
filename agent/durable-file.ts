// Files that are there whole or not at all, whenever the power goes.

import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Replaces the file (mode 0600) by one with these bytes. When this returns they are on the disk; after a cut before that, the file is as it was
 *  or as it shall be. Throws the file system's error, and the file is as it was. */
export function writeDurably(path: string, bytes: Uint8Array): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.new`;
  const descriptor = openSync(beside, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(beside);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, path);
  syncFolder(folder);
}

/** The bytes of a file that writeDurably() made; null when there is none. Throws the file system's error, and RangeError for one that is
 *  larger than `bytesMax`. */
export function readDurable(path: string, bytesMax: number): Uint8Array | null {
  try {
    const { size } = statSync(path);
    if (size > bytesMax) throw new RangeError(`${path} has ${size} bytes, ${bytesMax} at most`);
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The names in a folder are on the disk when this returns. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
