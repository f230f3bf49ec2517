// Reading files that people name: only regular files, and never more of one than is sensible.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** The bytes of a regular file of at most `bytesMax`. A FIFO or device is refused without waiting for it. Throws Error with words for people:
 *  what is wrong, without the path. */
export function readBounded(path: string, bytesMax: number): Buffer {
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw new Error("it is a folder");
    if (!stat.isFile()) throw new Error("it is no regular file");
    if (stat.size > bytesMax) throw new Error(`it has ${stat.size} bytes, and may have ${bytesMax}`);
    // Files of /proc say that they are empty: what is read counts, not what is said.
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length <= bytesMax; length += got) {
      got = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    if (length > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** The same as text. */
export function readBoundedText(path: string, bytesMax: number): string {
  return readBounded(path, bytesMax).toString("utf8");
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "you may not read it";
  return code === undefined ? message : `the system says ${code}`;
}
