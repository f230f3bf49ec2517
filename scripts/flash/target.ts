// Whether a disk may be overwritten. The rule is to refuse: whatever is not plainly a spare card or stick is somebody's data.

import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { escapeText } from "../../agent/escape.ts";
import { Failure } from "../../agent/failure.ts";

/** FLASH_…: nothing was written, or what was written is not bootable. */
export class FlashError extends Failure {}

const SECTOR = 512;
/** Larger than any card that a board boots from. */
const PLAUSIBLE_BYTES = 512 * 2 ** 30;
const NAME = /^[a-z][a-z0-9]{1,30}$/;

export interface Target {
  path: string;
  name: string;
  bytes: number;
  model: string;
  /** What the person types to say that this is the one; the name where the disk tells no serial number. */
  serial: string;
  internal: boolean;
}

/** Where Linux says what disks there are: another folder in tests. */
export interface System {
  sys: string;
  proc: string;
}

export const LINUX: System = { sys: "/sys", proc: "/proc" };

/** Looks at a disk by its name, such as "sdb". `internal` allows a phone's built-in eMMC. Throws FlashError with the first reason against it. */
export function checkTarget(path: string, imageBytes: number, internal: boolean, system: System = LINUX): Target {
  const refuse = (code: string, what: string, hint = ""): never => {
    throw new FlashError(code, `${escapeText(path, 100)} ${what}`, hint);
  };
  const name = basename(path);
  const folder = join(system.sys, "class/block", name);
  if (!NAME.test(name) || !existsSync(folder)) return refuse("FLASH_NO_DISK", "is no disk here", "See: lsblk");
  const text = (file: string): string => {
    try {
      return readFileSync(join(folder, file), "latin1").trim();
    } catch {
      return "";
    }
  };
  if (existsSync(join(folder, "partition")))
    refuse("FLASH_PARTITION", "is a partition, not a disk", "Name the whole disk.");
  const kind = text("device/type");
  const builtIn = kind === "MMC";
  if (builtIn && !internal) {
    refuse(
      "FLASH_INTERNAL",
      "is built-in memory (eMMC), from which this device may have been started",
      "If you mean it: --emmc",
    );
  }
  if (!builtIn && kind !== "SD" && text("removable") !== "1")
    refuse("FLASH_FIXED", "is not removable: it is a disk of this computer");
  if (text("ro") !== "0") refuse("FLASH_READ_ONLY", "is read-only", "Does the card have a lock switch?");
  const partitions = readdirSync(folder).filter((entry) => existsSync(join(folder, entry, "partition")));
  const names = [name, ...partitions];
  checkUse(names, folder, system, refuse);
  const size = text("size");
  const bytes = /^\d{1,15}$/.test(size) ? Number(size) * SECTOR : 0;
  if (bytes === 0) refuse("FLASH_EMPTY", "holds no medium", "Is there a card in the reader?");
  if (bytes < imageBytes) refuse("FLASH_SMALL", `has ${bytes} bytes, and the image needs ${imageBytes}`);
  if (bytes > PLAUSIBLE_BYTES)
    refuse("FLASH_LARGE", `has ${Math.round(bytes / 2 ** 30)} GiB: no card that a phone boots from`);
  const serial = [text("device/serial"), text("device/cid"), name].find((each) => each !== "")!;
  const model = [text("device/model"), text("device/name"), "a disk"].find((each) => each !== "")!;
  return { path, name, bytes, model: escapeText(model, 60), serial: escapeText(serial, 60), internal: builtIn };
}

function checkUse(
  names: string[],
  folder: string,
  system: System,
  refuse: (code: string, what: string, hint?: string) => never,
): void {
  const proc = (file: string): string[] => {
    const path = join(system.proc, file);
    return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  };
  // /dev/disk/by-… and the like are links to the disk's own name.
  const own = (device: string): boolean => names.includes(basename(existsSync(device) ? realpathSync(device) : device));
  const mounted = proc("mounts")
    .map((line) => line.split(" "))
    .find(([device = ""]) => device.startsWith("/") && own(device));
  if (mounted !== undefined) {
    refuse(
      "FLASH_MOUNTED",
      `is in use: ${mounted[0]!} is mounted at ${escapeText(mounted[1] ?? "", 100)}`,
      `First: umount ${mounted[0]!}`,
    );
  }
  if (proc("swaps").some((line) => line.startsWith("/") && own(line.split(/\s/)[0]!))) {
    refuse("FLASH_SWAP", "holds swap space of this computer");
  }
  for (const name of names) {
    const holders = join(name === names[0] ? folder : join(folder, name), "holders");
    if (existsSync(holders) && readdirSync(holders).length > 0) {
      refuse("FLASH_HELD", `is part of ${escapeText(readdirSync(holders)[0]!, 40)}: encrypted, or of an array`);
    }
  }
}
