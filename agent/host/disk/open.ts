// The disk that a partition has: an image file, and over it an encrypted layer if it is encrypted at rest.

import { hkdfSync } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { escapeText } from "../../escape.ts";
import { HostError } from "../../failure.ts";
import { BlockLog } from "../block-log/log.ts";
import { LogError } from "../block-log/error.ts";
import { EXTENT_UNITS } from "../block-log/format.ts";
import { FolderFiles } from "../block-log/files.ts";
import { Seal, VOLUME_KEY_BYTES } from "../block-log/seal.ts";
import { BlockStore } from "./block-store.ts";
import { EncryptedStore } from "./encrypted-store.ts";
import { LogStore } from "./log-store.ts";
import { DISK_KEY_BYTES } from "./sector-cipher.ts";
import type { DiskFile } from "../../handset/contracts.ts";

export type DiskStore = BlockStore | EncryptedStore | LogStore;

const OTHERS = 0o077;

/** Opens a disk. Throws ImageError when a file cannot be a disk, HostError when its key cannot be used. */
export function openDisk({ path, readOnly, shared, layer, log }: DiskFile): DiskStore {
  if (log !== undefined) return new LogStore(path, openLog(path, log, readOnly), readOnly);
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

/** Extents in reserve of a log of so many units: an eighth of it, one to four. */
function reserveOf(unitCount: number): number {
  return Math.max(1, Math.min(4, Math.ceil(unitCount / EXTENT_UNITS / 8)));
}

/** Mounts a block log. Throws HostError when it, or its key, cannot be used. */
export function openLog(folder: string, { key, unitCount }: NonNullable<DiskFile["log"]>, readOnly: boolean): BlockLog {
  const log = withLog(key, (seal) =>
    BlockLog.mount(new FolderFiles(folder, readOnly), seal, unitCount, reserveOf(unitCount)),
  );
  if (log.unitCount === unitCount) return log;
  throw new HostError(
    "DISK_LOG",
    `the storage in ${escapeText(folder)} has ${log.unitCount} units of 4 KiB, and ${unitCount} are asked for`,
    "A storage keeps the size with which it was made.",
  );
}

/** Makes an empty block log. Throws HostError. */
export function makeLog(folder: string, { key, unitCount }: NonNullable<DiskFile["log"]>): void {
  withLog(key, (seal) => BlockLog.create(new FolderFiles(folder), seal, unitCount, reserveOf(unitCount))).close();
}

function withLog(key: string, body: (seal: Seal) => BlockLog): BlockLog {
  const bytes = readDiskKey(key);
  try {
    const volume = hkdfSync("sha256", bytes, new Uint8Array(0), "pocketvisor/1/block-log/volume", VOLUME_KEY_BYTES);
    return body(new Seal(new Uint8Array(volume)));
  } catch (error) {
    if (error instanceof LogError) throw new HostError(error.code, error.message, error.hint);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw new HostError("DISK_LOG", `the storage cannot be used: ${(error as Error).message}`);
  } finally {
    bytes.fill(0);
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
