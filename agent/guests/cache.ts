// Fetched guests in the user's cache folder: one folder each, with a guest.json that names every file's length and hash.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBoundedText } from "../bounded-file.ts";
import { GuestError } from "../failure.ts";
import { cacheFolder } from "../paths.ts";
import { checkGuestName } from "./manifest.ts";

/** The format of guest.json: another number means "fetch again". */
const FORMAT = 1;
const RECORD_BYTES_MAX = 64 << 10;

export interface CachedFile {
  name: string;
  bytes: number;
  sha256: string;
}

export interface CachedGuest {
  format: number;
  name: string;
  description: string;
  fetchedAt: string;
  /** Debian package → version and the hash that the signed lists gave. */
  packages: Record<string, { version: string; sha256: string }>;
  /** The kernel, or firmware. */
  kernel: CachedFile;
  /** "image": raw Image, entered at RAM base + textOffset. "zimage": entered as it is. "firmware": an image of flash. */
  kernelFormat: "image" | "zimage" | "firmware";
  textOffset: number;
  bssBytes: number;
  /** Null: firmware has none. */
  initramfs: CachedFile | null;
  modules: string[];
  signaturesStripped: boolean;
  commandLine: string;
  /** What our part of it was made from (recipeOf); absent in what older versions fetched. */
  recipe?: string;
}

/** Folder of the guest `name`; it may not exist. */
export function guestFolder(name: string): string {
  checkGuestName(name);
  return join(cacheFolder(), "guests", name);
}

/** The cached guest, or null when it was never fetched. Throws GuestError when its record or a file's length is wrong; contents
 *  are compared with their hashes when they are loaded. */
export function readCachedGuest(name: string): CachedGuest | null {
  const folder = guestFolder(name);
  const record = join(folder, "guest.json");
  if (!existsSync(record)) return null;
  const damaged = (why: string): GuestError =>
    new GuestError(
      "GUEST_DAMAGED",
      `the cached guest "${name}" is damaged: ${why}`,
      `Run: pocketvisor guest fetch ${name} --force`,
    );
  let guest: CachedGuest;
  try {
    guest = JSON.parse(readBoundedText(record, RECORD_BYTES_MAX)) as CachedGuest;
  } catch {
    throw damaged("guest.json cannot be read");
  }
  if (guest.format !== FORMAT) throw damaged(`guest.json has format ${guest.format}, not ${FORMAT}`);
  for (const file of [guest.kernel, guest.initramfs]) {
    if (file === null) continue;
    const stat = statSync(join(folder, file.name), { throwIfNoEntry: false });
    if (stat?.size !== file.bytes) throw damaged(`${file.name} has ${stat?.size ?? "no"} bytes, not ${file.bytes}`);
  }
  return guest;
}

/** Names of the guests in the cache. */
export function cachedGuestNames(): string[] {
  const folder = join(cacheFolder(), "guests");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^[a-z0-9-]{1,32}$/.test(name) && existsSync(join(folder, name, "guest.json")))
    .sort();
}

const FILE_NAMES = { image: "Image", zimage: "zImage", firmware: "firmware" };

/** Stores a guest, replacing an older copy in one step: a reader sees the old one or the new one, whole. */
export function writeCachedGuest(
  guest: Omit<CachedGuest, "format" | "kernel" | "initramfs">,
  kernel: Uint8Array,
  initramfs: Uint8Array | null,
): CachedGuest {
  const folder = guestFolder(guest.name);
  const partial = join(cacheFolder(), "guests", `.${guest.name}.${process.pid}`);
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  try {
    const store = (name: string, data: Uint8Array): CachedFile => {
      writeFileSync(join(partial, name), data, { mode: 0o600 });
      return { name, bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") };
    };
    const record: CachedGuest = {
      format: FORMAT,
      ...guest,
      kernel: store(FILE_NAMES[guest.kernelFormat], kernel),
      initramfs: initramfs === null ? null : store("initramfs.cpio", initramfs),
    };
    writeFileSync(join(partial, "guest.json"), JSON.stringify(record, null, 2) + "\n", { mode: 0o600 });
    const old = `${partial}.old`;
    if (existsSync(folder)) renameSync(folder, old);
    renameSync(partial, folder);
    rmSync(old, { recursive: true, force: true });
    return record;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Removes a guest from the cache; false when it was not there. */
export function removeCachedGuest(name: string): boolean {
  const folder = guestFolder(name);
  if (!existsSync(folder)) return false;
  rmSync(folder, { recursive: true });
  return true;
}
