// What was typed at the prompt, kept for the next time: in the user's state folder, for the user's eyes alone, and bounded.

import { closeSync, constants, fchmodSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export const HISTORY_LINES_MAX = 500;
const LINE_CHARACTERS_MAX = 1000;
const FILE_BYTES_MAX = 256 << 10;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The lines, the latest first; none when there is no file that can be used. */
export function readHistory(path: string): string[] {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return [];
  }
  try {
    const bytes = Buffer.alloc(FILE_BYTES_MAX);
    return kept(bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0)).split("\n"));
  } finally {
    closeSync(file);
  }
}

/** Replaces the file. What is too long to be typed again is left out. */
export function writeHistory(path: string, lines: string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    // It may have been there with another mode.
    fchmodSync(file, 0o600);
    writeFileSync(file, kept(lines).join("\n") + "\n");
  } finally {
    closeSync(file);
  }
}

function kept(lines: string[]): string[] {
  let room = FILE_BYTES_MAX - 1;
  return lines
    .filter((line) => line !== "" && line.length <= LINE_CHARACTERS_MAX && !CONTROL.test(line))
    .slice(0, HISTORY_LINES_MAX)
    .filter((line) => (room -= Buffer.byteLength(line) + 1) >= 0);
}
