// Writing an image to a disk, so that an interrupted write leaves nothing that starts.
//
// The idea. The first 4 MiB, with the partition table and, on some boards, the boot loader, come last: first they are zeroed and that is on the disk, then
// everything else is written and on the disk, then they are. Then all of it is read back past the page cache and compared by hash: a card that
// takes what it cannot keep is found out now.

import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { escapeText } from "../../agent/escape.ts";
import { FlashError } from "./target.ts";

export const HEAD_BYTES = 4 << 20;
const STEP = 4 << 20;

/** A disk, and all that is done with it, so that tests can look on. */
export interface Medium {
  write(at: number, bytes: Buffer): void;
  sync(): void;
  /** SHA-256 of the first so many bytes as the medium has them, in hex. */
  readBack(count: number): Promise<string>;
  close(): void;
}

export interface FlashSource {
  path: string;
  bytes: number;
  sha256: string;
}

/** Writes, reads back, compares. `progress` hears how many bytes are written. Throws FLASH_SOURCE, FLASH_WRITE, FLASH_DIFFERS. */
export async function flash(source: FlashSource, medium: Medium, progress: (done: number) => void): Promise<void> {
  const file = openSync(source.path, "r");
  try {
    const hash = createHash("sha256");
    const head = read(file, 0, Math.min(HEAD_BYTES, source.bytes));
    hash.update(head);
    attempt(() => {
      medium.write(0, Buffer.alloc(head.length));
      medium.sync();
    });
    for (let at = head.length; at < source.bytes; at += STEP) {
      const piece = read(file, at, Math.min(STEP, source.bytes - at));
      hash.update(piece);
      attempt(() => medium.write(at, piece));
      progress(at + piece.length - head.length);
    }
    if (hash.digest("hex") !== source.sha256) {
      const what = "the image changed while it was read, or is damaged: the disk holds nothing that starts";
      throw new FlashError("FLASH_SOURCE", what, "Build or fetch it again.");
    }
    attempt(() => {
      medium.sync();
      medium.write(0, head);
      medium.sync();
    });
    progress(source.bytes);
  } finally {
    closeSync(file);
  }
  if ((await medium.readBack(source.bytes)) === source.sha256) return;
  const what = "the disk does not hold what was written to it: its first 4 MiB are cleared, it does not start";
  attempt(() => {
    medium.write(0, Buffer.alloc(Math.min(HEAD_BYTES, source.bytes)));
    medium.sync();
  });
  throw new FlashError("FLASH_DIFFERS", what, "Take another card: this one loses data.");
}

function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    const what = `the disk cannot be written: ${(error as Error).message}; it does not start as it is`;
    throw new FlashError("FLASH_WRITE", what, "Try once more; then take another card.");
  }
}

function read(file: number, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let done = 0; done < count;) {
    const got = readSync(file, bytes, done, count - done, at + done);
    if (got === 0) throw new FlashError("FLASH_SOURCE", "the image ends before its length", "Build or fetch it again.");
    done += got;
  }
  return bytes;
}

/** The disk at `path`. Reading back goes past the page cache (open(2), O_DIRECT), by dd: Node has no aligned memory. */
export function openMedium(path: string): Medium {
  const file = openSync(path, "r+");
  return {
    write(at, bytes) {
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, at + done);
    },
    sync: () => fsyncSync(file),
    readBack: (count) => directHash(path, count),
    close: () => closeSync(file),
  };
}

function directHash(path: string, count: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [`if=${path}`, "bs=4M", `count=${count}`, "iflag=direct,count_bytes,fullblock", "status=none"];
    const child = spawn("dd", args, { stdio: ["ignore", "pipe", "pipe"] });
    const hash = createHash("sha256");
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => void hash.update(chunk));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.once("error", reject);
    child.once("close", (status) => {
      if (status === 0) resolve(hash.digest("hex"));
      else reject(new FlashError("FLASH_READ", `the disk cannot be read back: ${escapeText(complaint.trim(), 200)}`));
    });
  });
}

/** What a person reads while it goes on. */
export function progressText(done: number, total: number, milliseconds: number): string {
  const percent = Math.floor((100 * done) / total);
  if (milliseconds <= 0 || done === 0) return `${percent} %`;
  const rate = done / (milliseconds / 1000);
  return `${percent} %, ${(rate / 2 ** 20).toFixed(1)} MiB/s, ${Math.ceil((total - done) / rate)} s left`;
}
