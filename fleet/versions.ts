// The next version of a kind of document for a subject: never given out twice, also not to two processes at once, and never lower than
// before, whatever was cut off in between.
//
// A number is claimed by making a file that bears it (link(2) would not be more atomic than O_EXCL is). Whoever finds a higher number beside
// its own afterwards had looked at an old list, and claims again. The latest files stay, so that nobody sees a list without a highest.

import { closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncFolder } from "../agent/durable-file.ts";
import type { FleetStore } from "./store.ts";

const KEPT = 8;

/** Claims the next version; when this returns, the claim is on the disk. */
export function nextVersion(store: FleetStore, kind: string, subject: string): number {
  const folder = store.makeFolder("versions", subject === "" ? kind : `${kind}+${subject}`);
  for (;;) {
    const version = highest(folder) + 1;
    if (!claim(join(folder, String(version)))) continue;
    syncFolder(folder);
    const present = claimed(folder);
    if (present.at(-1) !== version) continue;
    for (const old of present.slice(0, -KEPT)) rmSync(join(folder, String(old)), { force: true });
    return version;
  }
}

/** The version that was given out last; 0 when none was. */
export function lastVersion(store: FleetStore, kind: string, subject: string): number {
  return highest(store.makeFolder("versions", subject === "" ? kind : `${kind}+${subject}`));
}

function claim(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function claimed(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^[1-9]\d{0,15}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function highest(folder: string): number {
  return claimed(folder).at(-1) ?? 0;
}
