// The disk that a partition has: an image file, and over it an encrypted layer if it is encrypted at rest.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { escapeText } from "../../escape.ts";
import { HostError } from "../../failure.ts";
import { BlockStore } from "./block-store.ts";
import { EncryptedStore } from "./encrypted-store.ts";
import { DISK_KEY_BYTES } from "./sector-cipher.ts";
import type { DiskFile } from "../../handset/contracts.ts";

export type DiskStore = BlockStore | EncryptedStore;

const OTHERS = 0o077;

/** Opens a disk. Throws ImageError when a file cannot be a disk, HostError when its key cannot be used. */
export function openDisk({ path, readOnly, shared, layer }: DiskFile): DiskStore {
  if (layer === undefined) return new BlockStore(path, readOnly, shared === true);
  const key = readDiskKey(layer.key);
  try {
    return new EncryptedStore(path, layer.path, key);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HostError("DISK_LAYER", `the layer ${escapeText(layer.path)} cannot be used: ${error.message}`);
  } finally {
    key.fill(0);
  }
}

/** A key from its file. Throws HostError for one that others can read: it has to be taken for known to them. */
export function readDiskKey(path: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new HostError("DISK_KEY", `the disk key ${escapeText(path)} cannot be opened (${why})`);
  }
  try {
    const { mode, uid, size } = fstatSync(descriptor);
    if ((mode & OTHERS) !== 0 || uid !== process.getuid!()) {
      const what = `the disk key ${escapeText(path)} can be read or changed by others (mode ${(mode & 0o777).toString(8)})`;
      throw new HostError("DISK_KEY", what, "Take its data for known to them.");
    }
    const key = Buffer.alloc(DISK_KEY_BYTES);
    if (size === key.length && readSync(descriptor, key, 0, key.length, 0) === key.length) return key;
    throw new HostError("DISK_KEY", `the disk key ${escapeText(path)} is damaged`);
  } finally {
    closeSync(descriptor);
  }
}
