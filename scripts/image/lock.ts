// boards/BOARD/image.lock.json: exactly which packages an image is made of. Whatever in the image would otherwise be random follows from
// its hash: the same lock and the same product give the same bytes.

import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { readBoundedText } from "../../agent/bounded-file.ts";
import { escapeText } from "../../agent/escape.ts";
import { boardFile } from "../../agent/paths.ts";
import { ImageBuildError } from "./failure.ts";

export interface LockedPackage {
  name: string;
  version: string;
  sha256: string;
}

export interface Lock {
  format: 1;
  /** Seconds since 1970: every time in the image. */
  epoch: number;
  debian: LockedPackage[];
  npm: LockedPackage[];
}

const LOCK_BYTES_MAX = 256 << 10;

/** Where the board's own lock lies. */
export function lockPath(board: string): string {
  return boardFile(board, "image.lock.json");
}

/** Reads a lock of the board's. Throws IMAGE_LOCK when there is none or it is damaged. */
export function readLock(board: string, path: string): Lock {
  const hint = `Make it anew: npm run image -- ${board} --update`;
  if (!existsSync(path)) throw new ImageBuildError("IMAGE_LOCK", `${board} has no lock ${path}`, hint);
  let lock: Lock;
  try {
    lock = JSON.parse(readBoundedText(path, LOCK_BYTES_MAX)) as Lock;
  } catch (error) {
    throw new ImageBuildError("IMAGE_LOCK", `${path}: ${(error as Error).message}`, hint);
  }
  const good = (each: unknown): boolean => {
    const { name, version, sha256 } = (each ?? {}) as Partial<LockedPackage>;
    return (
      /^[a-z0-9][a-z0-9+.-]{1,100}$/.test(String(name)) &&
      /^[A-Za-z0-9.+:~-]{1,100}$/.test(String(version)) &&
      /^[0-9a-f]{64}$/.test(String(sha256))
    );
  };
  const whole = lock.format === 1 && Number.isSafeInteger(lock.epoch) && lock.epoch > 0;
  if (!whole || ![lock.debian, lock.npm].every((list) => Array.isArray(list) && list.every(good))) {
    throw new ImageBuildError("IMAGE_LOCK", `${path} is not a lock of this version`, hint);
  }
  return lock;
}

/** Writes a lock. */
export function writeLock(path: string, lock: Lock): void {
  writeFileSync(path, lockText(lock));
}

function lockText(lock: Lock): string {
  const sorted = (list: LockedPackage[]): LockedPackage[] => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${JSON.stringify({ ...lock, debian: sorted(lock.debian), npm: sorted(lock.npm) }, null, 2)}\n`;
}

/** A locked package, or IMAGE_LOCK. */
export function lockedPackage(list: LockedPackage[], name: string): LockedPackage {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  const hint = "The recipe changed since: npm run image -- BOARD --update";
  throw new ImageBuildError("IMAGE_LOCK", `the lock has no package ${escapeText(name, 100)}`, hint);
}

/** Bytes that follow from the lock, for this purpose. */
export function derived(lock: Lock, purpose: string): Buffer {
  const seed = createHash("sha256").update(lockText(lock)).digest();
  return createHash("sha256").update(seed).update(purpose).digest();
}

/** A UUID (RFC 9562 §5.8, version 8) that follows from the lock. */
export function derivedUuid(lock: Lock, purpose: string): string {
  const bytes = derived(lock, purpose).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
