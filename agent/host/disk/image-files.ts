// Image files of partitions, as management looks at them.

import { createHash } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync } from "node:fs";
import { HostError } from "../../failure.ts";

const known = new Map<string, string>();

/** SHA-256 of a kernel image in hexadecimal: the manifest's, where there is one. Throws HostError. */
export function sha256OfFile({ path, sha256 }: { path: string; sha256: string | null }): string {
  if (sha256 !== null) return sha256;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error("it is no regular file");
    const key = `${path} ${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    const hash = known.get(key) ?? createHash("sha256").update(readFileSync(path)).digest("hex");
    known.set(key, hash);
    return hash;
  } catch (error) {
    throw new HostError("IMAGE_UNREADABLE", `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Gives all blocks of a disk image back to the file system; its size stays. False: there is none that may be written. What the
 *  medium keeps of freed blocks is the medium's affair: against that, disks are encrypted (disk-vault). */
export function erase(disk: { path: string; readOnly: boolean } | null): boolean {
  if (disk === null || disk.readOnly) return false;
  const descriptor = openSync(disk.path, "r+");
  try {
    const { size } = statSync(disk.path);
    ftruncateSync(descriptor, 0);
    ftruncateSync(descriptor, size);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return true;
}
