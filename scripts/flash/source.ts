// The image to flash: its file, and the description beside it that says what it is. Everything else is refused: a compressed file written to a
// card as it is starts nothing, and looks as if it had been flashed.

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { gptRead, SECTOR } from "../../agent/device/gpt.ts";
import { readBoundedText } from "../../agent/bounded-file.ts";
import { escapeText } from "../../agent/escape.ts";
import { FlashError } from "./target.ts";
import type { FlashSource } from "./write.ts";

const DESCRIPTION_BYTES_MAX = 64 << 10;

export interface FlashImage extends FlashSource {
  board: string;
  version: string;
  untried: boolean;
}

/** Reads an image's description and holds the file against it. Throws FLASH_IMAGE, FLASH_TRUNCATED, FLASH_FOREIGN. */
export function readFlashImage(path: string): FlashImage {
  const shown = escapeText(path, 200);
  const hint = "Build one: npm run image -- BOARD";
  if (!existsSync(path)) throw new FlashError("FLASH_IMAGE", `${shown} is not there`, hint);
  if (!existsSync(`${path}.json`)) {
    const what = `${shown}.json is missing, which says what the image is and which hash it has`;
    throw new FlashError("FLASH_FOREIGN", what, "An image of somebody else's, or a compressed one, is not written.");
  }
  let data: Partial<FlashImage> & { format?: number };
  try {
    data = JSON.parse(readBoundedText(`${path}.json`, DESCRIPTION_BYTES_MAX)) as typeof data;
  } catch (error) {
    throw new FlashError(
      "FLASH_FOREIGN",
      `${shown}.json cannot be read: ${escapeText((error as Error).message, 200)}`,
      hint,
    );
  }
  const { format, board = "", version = "", bytes = 0, sha256 = "", untried = false } = data;
  const whole =
    format === 1 && /^[a-z0-9-]{1,32}$/.test(board) && /^[0-9a-f]{64}$/.test(sha256) && Number.isSafeInteger(bytes);
  if (!whole) throw new FlashError("FLASH_FOREIGN", `${shown}.json is no description of this version`, hint);
  const { size } = statSync(path);
  if (size !== bytes)
    throw new FlashError("FLASH_TRUNCATED", `${shown} has ${size} bytes, not ${bytes}`, "Build or fetch it again.");
  checkTable(path, shown, size);
  return { path, bytes, sha256, board, version, untried };
}

function checkTable(path: string, shown: string, size: number): void {
  const file = openSync(path, "r");
  try {
    const read = (sector: number, count: number): Buffer => {
      const bytes = Buffer.alloc(count * SECTOR);
      readSync(file, bytes, 0, bytes.length, sector * SECTOR);
      return bytes;
    };
    gptRead(read, Math.floor(size / SECTOR));
  } catch (error) {
    throw new FlashError(
      "FLASH_FOREIGN",
      `${shown} is no disk image: ${(error as Error).message}`,
      "Build or fetch it again.",
    );
  } finally {
    closeSync(file);
  }
}
