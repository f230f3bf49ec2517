// Where encrypted layers lie, with the keys that make them readable, and how a partition is wiped: a folder of the monitor's for each partition.
//
//   key     64 random bytes       layer    the sectors       image    what the layer lies over: written last, so that the three are there
//   wiped   the partition has been wiped, or is about to be
//   log     the partition's own disk, a block log      log-made   it is there, and whole
//   coded   an unlock code was set: its file (console/code-file) must be there
//
// A wipe is a list of steps, each on the disk before the next. The first says that the partition is wiped; whatever cut comes after it,
// the next start does the rest, and nothing starts the partition before somebody has unlocked it. The key goes before everything else:
// without it the layer is noise, wherever copies of it lie.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { readDurable, syncFolder, writeDurably } from "../../durable-file.ts";
import { escapeText } from "../../escape.ts";
import { HostError } from "../../failure.ts";
import { BlockStore } from "./block-store.ts";
import { makeLog, openLog, readDiskKey } from "./open.ts";
import { erase } from "./image-files.ts";
import { DISK_KEY_BYTES } from "./sector-cipher.ts";
import type { DiskFile } from "../../handset/contracts.ts";

const RECORD_BYTES_MAX = 8192;

/** What a wipe found and destroyed. */
export interface Wiped {
  /** A key that made data unreadable. */
  key: boolean;
  /** The encrypted layer, an image that was written in the clear, or nothing that could be written. */
  disk: "layer" | "plain" | "none";
}

export interface WipeStep {
  name:
    | "mark"
    | "overwrite-key"
    | "remove-key"
    | "cut-layer"
    | "remove-layer"
    | "remove-record"
    | "remove-log"
    | "erase-plain";
  run(): void;
}

/** What a layer lies over: an image that has changed since fits it no more. */
interface ImageRecord {
  path: string;
  size: number;
  mtimeMs: number;
}

export class DiskVault {
  private readonly folder: string;

  /** `folder` need not be there yet. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** The layer over a partition's image; it is made, with a new key, when there is none. Throws HostError when it cannot be used, and ImageError
   *  when the image is no disk. */
  layerOver(partition: string, image: string): NonNullable<DiskFile["layer"]> {
    const layer = { path: this.path(partition, "layer"), key: this.path(partition, "key") };
    const record = this.recordOf(partition);
    if (record === null) {
      this.make(partition, image, layer);
      return layer;
    }
    readDiskKey(layer.key).fill(0);
    const now = recordOf(image);
    if (now.path === record.path && now.size === record.size && now.mtimeMs === record.mtimeMs) return layer;
    throw new HostError(
      "DISK_LAYER",
      `the encrypted disk of ${partition} lies over ${escapeText(record.path)} as it was when it was made, and ${escapeText(now.path)} is another file or has changed`,
      `Put the image back as it was. Or, to lose what ${partition} has written: remove ${this.path(partition)}`,
    );
  }

  /** A partition's own disk, a block log; it is made, with a new key, when there is none. Throws HostError when it cannot be used. */
  logOf(partition: string, unitCount: number): DiskFile {
    const folder = this.path(partition, "log");
    const log = { key: this.path(partition, "key"), unitCount };
    const disk: DiskFile = { path: folder, readOnly: false, log };
    if (this.holdsLog(partition)) {
      const mounted = openLog(folder, log, true);
      mounted.close();
      return disk;
    }
    // A cut between the key and the log left something that no guest has used.
    rmSync(folder, { recursive: true, force: true });
    writeDurably(log.key, randomBytes(DISK_KEY_BYTES));
    makeLog(folder, log);
    writeDurably(this.path(partition, "log-made"), Buffer.alloc(0));
    return disk;
  }

  /** Whether a partition has a disk of its own. */
  holdsLog(partition: string): boolean {
    return existsSync(this.path(partition, "log-made"));
  }

  /** Whether a partition has an encrypted layer. */
  holds(partition: string): boolean {
    return existsSync(this.path(partition, "image"));
  }

  /** What a wipe began for: the command's id in hexadecimal, empty for another reason; null: the partition is not wiped. */
  wipedFor(partition: string): string | null {
    const bytes = readDurable(this.path(partition, "wiped"), RECORD_BYTES_MAX);
    return bytes === null ? null : Buffer.from(bytes).toString("latin1");
  }

  /** Says durably that a partition is wiped: from here on the wipe comes to its end, whatever happens. */
  mark(partition: string, command: string): void {
    writeDurably(this.path(partition, "wiped"), Buffer.from(command, "latin1"));
  }

  /** The partition may be used again; its disk is an empty one. */
  unmark(partition: string): void {
    rmSync(this.path(partition, "wiped"), { force: true });
    syncFolder(this.path(partition));
  }

  /** Destroys what a partition has on disk, key first. Nobody may have it open. `plain` is its image if that is written in the clear. Throws the
   *  file system's error; the rest is done by the next call. */
  wipe(partition: string, command: string, plain: DiskFile | null): Wiped {
    const wiped: Wiped = {
      key: existsSync(this.path(partition, "key")),
      disk:
        existsSync(this.path(partition, "layer")) || this.holdsLog(partition)
          ? "layer"
          : plain !== null && !plain.readOnly
            ? "plain"
            : "none",
    };
    for (const step of this.wipeSteps(partition, command, plain)) step.run();
    return wiped;
  }

  /** The steps of a wipe, in their order; each may be run again. */
  wipeSteps(partition: string, command: string, plain: DiskFile | null): WipeStep[] {
    const [key, layer, image] = (["key", "layer", "image"] as const).map((name) => this.path(partition, name));
    const removes = (path: string) => (): void => {
      rmSync(path, { force: true });
      syncFolder(this.path(partition));
    };
    return [
      { name: "mark", run: () => this.mark(partition, command) },
      // What the medium itself keeps of a file that is overwritten is its own affair: see README.
      { name: "overwrite-key", run: () => change(key!, (file) => writeSync(file, randomBytes(DISK_KEY_BYTES), 0)) },
      { name: "remove-key", run: removes(key!) },
      { name: "cut-layer", run: () => change(layer!, (file) => ftruncateSync(file, 0)) },
      { name: "remove-layer", run: removes(layer!) },
      { name: "remove-record", run: removes(image!) },
      {
        name: "remove-log",
        run: () => {
          rmSync(this.path(partition, "log"), { recursive: true, force: true });
          rmSync(this.path(partition, "log-made"), { force: true });
          syncFolder(this.path(partition));
        },
      },
      { name: "erase-plain", run: () => void erase(plain) },
    ];
  }

  /** Whether an unlock code was set for a partition: then one that is missing is damage. */
  isCoded(partition: string): boolean {
    return existsSync(this.path(partition, "coded"));
  }

  /** Says durably whether an unlock code is set. */
  setCoded(partition: string, coded: boolean): void {
    if (coded === this.isCoded(partition)) return;
    if (coded) return writeDurably(this.path(partition, "coded"), Buffer.alloc(0));
    rmSync(this.path(partition, "coded"), { force: true });
    syncFolder(this.path(partition));
  }

  /** Partitions that have been wiped, and not been unlocked since. */
  wiped(): string[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder).filter((partition) => this.wipedFor(partition) !== null);
  }

  /** Key, layer, record, in this order: a cut before the record leaves something that no guest has used, and it is made anew. */
  private make(partition: string, image: string, { path, key }: NonNullable<DiskFile["layer"]>): void {
    const store = new BlockStore(image, true);
    store.close();
    const record = recordOf(image);
    writeDurably(key, randomBytes(DISK_KEY_BYTES));
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
    try {
      ftruncateSync(descriptor, record.size);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    writeDurably(this.path(partition, "image"), Buffer.from(JSON.stringify(record)));
  }

  private recordOf(partition: string): ImageRecord | null {
    const path = this.path(partition, "image");
    const bytes = readDurable(path, RECORD_BYTES_MAX);
    if (bytes === null) return null;
    try {
      return JSON.parse(Buffer.from(bytes).toString("utf8")) as ImageRecord;
    } catch {
      throw new HostError("DISK_LAYER", `${path} is damaged`, "It says which image the encrypted disk lies over.");
    }
  }

  private path(
    partition: string,
    file: "key" | "layer" | "image" | "log" | "log-made" | "wiped" | "coded" | "" = "",
  ): string {
    return join(this.folder, partition, file);
  }
}

function recordOf(image: string): ImageRecord {
  try {
    const path = realpathSync(image);
    const { size, mtimeMs } = statSync(path);
    return { path, size, mtimeMs };
  } catch (error) {
    throw new HostError("DISK_LAYER", `${escapeText(image)} cannot be read: ${(error as Error).message}`);
  }
}

/** Changes a file in place; nothing when there is none. It is on the disk when this returns. */
function change(path: string, body: (descriptor: number) => void): void {
  if (!existsSync(path)) return;
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    body(descriptor);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
