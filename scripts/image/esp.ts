// The boot partition (UEFI 2.10 §13.3): FAT32 with the boot loader and, in a folder for each slot, kernel and initramfs. Kernel and initramfs
// belong to the slot: an update replaces them together with the root.

import { mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runProgram } from "./program.ts";

export interface EspFile {
  /** Relative, with "/". */
  name: string;
  data: Uint8Array;
}

/** Writes the file system into the new file `path`. Its serial number and every time in it are given. */
export function makeEsp(
  path: string,
  bytes: number,
  serial: number,
  epoch: number,
  files: EspFile[],
  scratch: string,
): void {
  writeFileSync(path, "");
  truncateSync(path, bytes);
  const number = (serial >>> 0).toString(16).padStart(8, "0");
  runProgram("mkfs.fat", ["-F", "32", "-s", "1", "-i", number, "-n", "PVBOOT", "--invariant", path]);
  const environment = { SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: "1" };
  const folder = mkdtempSync(join(scratch, "esp-"));
  const made = new Set<string>();
  for (const { name, data } of files) {
    const parents = name.split("/").slice(0, -1);
    parents.forEach((_, index) => made.add(parents.slice(0, index + 1).join("/")));
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
    utimesSync(file, epoch, epoch);
  }
  for (const parent of [...made].sort()) runProgram("mmd", ["-i", path, `::${parent}`], environment);
  for (const { name } of files) runProgram("mcopy", ["-m", "-i", path, join(folder, name), `::${name}`], environment);
  rmSync(folder, { recursive: true });
}
