// The disks of a handset's partitions: which are encrypted, which are written in the clear, and what a wipe destroys of each.

import { HostError } from "../../failure.ts";
import type { HandsetPartition } from "../../handset/file.ts";
import type { DiskProtection } from "../../wire/reports.ts";
import { UNIT_BYTES } from "../block-log/format.ts";
import { DiskVault, type Wiped } from "./vault.ts";
import type { DiskFile } from "../../handset/contracts.ts";

export class HandsetDisks {
  readonly vault: DiskVault;
  private readonly folder: string;

  /** `folder` is the vault's. */
  constructor(folder: string) {
    this.folder = folder;
    this.vault = new DiskVault(folder);
  }

  /** The disk that a partition gets: with an encrypted layer if its file says so, or says nothing and the partition is governed. What a wipe
   *  that was cut off has left is destroyed first. Throws HostError. */
  diskOf(file: HandsetPartition, governed: boolean): DiskFile | null {
    const { vault } = this;
    const { name, disk, storage } = file;
    const command = vault.wipedFor(name);
    if (command !== null) vault.wipe(name, command, plainDisk(file, governed));
    const others = storage === null ? vault.holdsLog(name) : vault.holds(name);
    if (others) {
      const what =
        storage === null
          ? "lies in a storage of its own, and its handset file names none"
          : "is encrypted over an image";
      throw new HostError(
        "DISK_LAYER",
        `what ${name} has written ${what}`,
        `Put the file back as it was, or, to lose what it has written: remove ${this.folder}/${name}`,
      );
    }
    if (storage !== null) return vault.logOf(name, storage / UNIT_BYTES);
    if (disk !== null && isLayered(file, governed)) return { ...disk, layer: vault.layerOver(name, disk.path) };
    if (!vault.holds(name)) {
      const shared = file.devices.disk === "shared";
      return disk !== null && shared && !disk.readOnly ? { ...disk, shared } : disk;
    }
    throw new HostError(
      "DISK_LAYER",
      `what ${name} has written is encrypted, and its handset file wants its disk in the clear`,
      `Write \`encrypted: yes\` for it, or, to lose what it has written: remove ${this.folder}/${name}`,
    );
  }

  /** Destroys what a governed partition has on disk, key first. Nobody may have it open. Where the partition is there, it gets an empty disk with a new
   *  key, for whoever unlocks it: `disk` is what it has. */
  destroy(file: HandsetPartition, command: string, disk: DiskFile | null): Wiped {
    const wiped = this.vault.wipe(file.name, command, plainDisk(file, true));
    if (disk?.log !== undefined) this.vault.logOf(file.name, disk.log.unitCount);
    if (disk?.layer !== undefined) this.vault.layerOver(file.name, disk.path);
    return wiped;
  }

  /** The same for good, for every partition but the owner's: the handset belongs to nobody any more. */
  release(files: readonly HandsetPartition[]): void {
    for (const file of files) {
      if (file.kind === "personal") continue;
      this.vault.wipe(file.name, "", plainDisk(file, true));
      this.vault.unmark(file.name);
    }
  }
}

/** What is told of a disk. */
export function protectionOf(disk: DiskFile | null): DiskProtection {
  if (disk === null || disk.readOnly) return "none";
  return disk.layer === undefined && disk.log === undefined ? "plain" : "encrypted";
}

/** What may only be read, or serves others too, is not encrypted. */
function isLayered({ disk, devices, encrypted }: HandsetPartition, governed: boolean): boolean {
  return disk !== null && !disk.readOnly && devices.disk === "exclusive" && (encrypted ?? governed);
}

/** The image that a partition writes in the clear and has for itself; null: there is none. */
function plainDisk(file: HandsetPartition, governed: boolean): DiskFile | null {
  const { disk, devices } = file;
  return disk === null || disk.readOnly || devices.disk !== "exclusive" || isLayered(file, governed) ? null : disk;
}
