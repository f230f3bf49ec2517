// A file that is to become part of a guest: opened once, its type and size checked, read in bounded pieces.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { escapeText } from "../../escape.ts";
import { ImageError } from "../../failure.ts";

export interface ImageFile {
  path: string;
  bytes: number;
}

/** Checks that `path` is a regular, non-empty file. Throws ImageError. `what` names its part in messages, such as "kernel". */
export function imageFile(path: string, what: string): ImageFile {
  return withFile(path, what, (descriptor) => {
    const size = checkRegular(descriptor, path, what);
    if (size === 0) throw new ImageError("IMAGE_EMPTY", `${what} ${escapeText(path)} is empty`);
    return { path, bytes: size };
  });
}

/** Up to `length` bytes from `offset`; fewer when the file ends there. */
export function imageRead(file: ImageFile, offset: number, length: number): Buffer {
  return withFile(file.path, "file", (descriptor) => {
    checkRegular(descriptor, file.path, "file");
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.bytes - offset)));
    const count = readSync(descriptor, bytes, 0, bytes.length, offset);
    return bytes.subarray(0, count);
  });
}

const CHUNK = 1 << 20;

/** Bytes of an image of flash that say something: images are padded with 0x00 or 0xff. The end is a multiple of `unit`, or the file's own: zeroes
 *  right behind the last byte that is neither are part of what stands there. */
export function imageUsedBytes(file: ImageFile, unit: number): number {
  return withRegularFile(file.path, "file", (descriptor) => {
    const chunk = Buffer.alloc(CHUNK);
    for (let start = Math.floor((file.bytes - 1) / CHUNK) * CHUNK; start >= 0; start -= CHUNK) {
      const count = readSync(descriptor, chunk, 0, Math.min(CHUNK, file.bytes - start), start);
      for (let at = count - 1; at >= 0; at--) {
        if (chunk[at] === 0 || chunk[at] === 0xff) continue;
        return Math.min(Math.ceil((start + at + 1) / unit) * unit, file.bytes);
      }
    }
    return 0;
  });
}

/** Throws ImageError for what is no regular file; returns its size. */
function checkRegular(descriptor: number, path: string, what: string): number {
  const stat = fstatSync(descriptor);
  if (stat.isFile()) return stat.size;
  const kind = stat.isDirectory() ? "a folder" : "no regular file";
  throw new ImageError("IMAGE_NOT_A_FILE", `${what} ${escapeText(path)} is ${kind}`);
}

/** Opens a file that is to become part of a guest, for as long as `body` runs: at each load again, because what lies at a path may have become
 *  anything. Throws ImageError. */
export function withRegularFile<T>(path: string, what: string, body: (descriptor: number) => T): T {
  return withFile(path, what, (descriptor) => {
    checkRegular(descriptor, path, what);
    return body(descriptor);
  });
}

function withFile<T>(path: string, what: string, body: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read" : `cannot be opened (${code})`;
    throw new ImageError("IMAGE_UNREADABLE", `${what} ${escapeText(path)} ${why}`);
  }
  try {
    return body(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
