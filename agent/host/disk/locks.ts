// The images that this handset's partitions have open: each is locked against every other process, for writing alone or for reading with
// others. Partitions of one handset may share an image where its file says so: then they share its lock.

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { FileLock } from "../../file-lock.ts";
import type { DiskFile } from "../../handset/contracts.ts";

interface Held {
  lock: FileLock;
  writes: boolean;
  count: number;
}

export class DiskLocks {
  private readonly handset: string;
  private readonly enabled: boolean;
  private readonly held = new Map<string, Held>();

  /** `enabled` is false where a person has said that nobody else uses these files. */
  constructor(handset: string, enabled: boolean) {
    this.handset = handset;
    this.enabled = enabled;
  }

  /** Locks what a partition's disk consists of; returns how to let go. Throws HostError when another process has it. */
  take(partition: string, { path, readOnly, layer, log }: DiskFile): () => void {
    if (!this.enabled) return () => undefined;
    const files: [string, boolean][] =
      layer === undefined
        ? [[log === undefined ? path : join(path, "super"), !readOnly]]
        : [
            [path, false],
            [layer.path, true],
          ];
    const release: (() => void)[] = [];
    try {
      for (const [file, writes] of files) release.push(this.takeFile(partition, file, writes));
    } catch (error) {
      release.forEach((letGo) => letGo());
      throw error;
    }
    return () => release.splice(0).forEach((letGo) => letGo());
  }

  private takeFile(partition: string, path: string, writes: boolean): () => void {
    const key = identityOf(path);
    const known = this.held.get(key);
    const letGo = (held: Held) => (): void => {
      if (--held.count > 0) return;
      this.held.delete(key);
      held.lock.release();
    };
    if (known !== undefined && (known.writes || !writes)) {
      known.count++;
      return letGo(known);
    }
    const holder = { handset: this.handset, partition };
    // A lock that is held for reading becomes one for writing only when nobody else reads.
    known?.lock.release();
    const lock = FileLock.take(path, writes ? "exclusive" : "shared", holder);
    const held = known ?? { lock, writes, count: 0 };
    [held.lock, held.writes] = [lock, writes];
    held.count++;
    this.held.set(key, held);
    return letGo(held);
  }
}

function identityOf(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { dev, ino } = fstatSync(descriptor);
    return `${dev}:${ino}`;
  } finally {
    closeSync(descriptor);
  }
}
