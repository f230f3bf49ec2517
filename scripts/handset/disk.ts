// The disk of an emulated handset: a sparse copy of its board's image, with a file for its first start.

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { gptRead, SECTOR } from "../../agent/device/gpt.ts";
import { ENROL_FILE } from "../../agent/device/enrol-file.ts";
import { ImageBuildError } from "../image/failure.ts";
import { runProgram } from "../image/program.ts";

const STEP = 1 << 20;

/** Copies an image; blocks of zeroes become holes. The copy is larger by so many bytes, as a card is. */
export function copyImage(from: string, to: string, moreBytes: number): void {
  const source = openSync(from, "r");
  const target = openSync(to, "w", 0o600);
  try {
    const { size } = fstatSync(source);
    ftruncateSync(target, size + moreBytes);
    const bytes = Buffer.alloc(STEP);
    const zeroes = Buffer.alloc(STEP);
    for (let at = 0; at < size; at += STEP) {
      const count = readSync(source, bytes, 0, STEP, at);
      if (!bytes.subarray(0, count).equals(zeroes.subarray(0, count))) writeSync(target, bytes, 0, count, at);
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

/** Puts the enrolment's file on the image's boot partition. */
export function putEnrolment(image: string, uri: string, consent: string): void {
  const file = openSync(image, "r");
  let start: number;
  try {
    const read = (sector: number, count: number): Buffer => {
      const bytes = Buffer.alloc(count * SECTOR);
      readSync(file, bytes, 0, bytes.length, sector * SECTOR);
      return bytes;
    };
    const esp = gptRead(read, fstatSync(file).size / SECTOR).partitions.find(({ name }) => name === "esp");
    if (esp === undefined)
      throw new ImageBuildError("IMAGE_TABLE", `${image} has no boot partition`, "Build it again.");
    start = esp.first * SECTOR;
  } finally {
    closeSync(file);
  }
  const scratch = `${image}.enrol`;
  writeFileSync(scratch, `${uri}\n${consent}\n`, { mode: 0o600 });
  try {
    runProgram("mcopy", ["-o", "-i", `${image}@@${start}`, scratch, `::${ENROL_FILE}`], { MTOOLS_SKIP_CHECK: "1" });
  } finally {
    rmSync(scratch);
  }
}
