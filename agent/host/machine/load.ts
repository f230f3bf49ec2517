// Carries out a load plan: files go straight into the partition's memory, and what has a hash is compared with it there.

import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { escapeText } from "../../escape.ts";
import { ImageError } from "../../failure.ts";
import { withRegularFile } from "../loader/image-file.ts";
import { hashWrong } from "../loader/place.ts";
import type { LoadPlan } from "../loader/plan.ts";
import type { Machine } from "./machine.ts";

/** Fills the machine's memory. Called before the first instruction and after each reset, which leaves flash as it is. Throws ImageError when a file has
 *  changed since it was planned, or does not have its hash. */
export function loadImages(machine: Machine, plan: LoadPlan, reset = false): void {
  for (const { address, source, once } of plan.segments) {
    if (reset && once === true) continue;
    if ("bytes" in source) machine.guestBytes(address, source.bytes.length).set(source.bytes);
    else if ("zeroes" in source) machine.guestBytes(address, source.zeroes).fill(0);
    else {
      const target = machine.guestBytes(address, source.length);
      readWhole(source.file, source.offset, target);
      if (source.sha256 !== null && createHash("sha256").update(target).digest("hex") !== source.sha256) {
        throw hashWrong(source.file);
      }
    }
  }
}

/** Fills `target` from a file at `offset`. What lay at the path may be gone, or something else by now. */
function readWhole(path: string, offset: number, target: Uint8Array): void {
  withRegularFile(path, "image", (descriptor) => {
    for (let at = 0; at < target.length;) {
      const count = readSync(descriptor, target, at, target.length - at, offset + at);
      if (count === 0)
        throw new ImageError("IMAGE_TRUNCATED", `${escapeText(path)} has become shorter while it was loaded`);
      at += count;
    }
  });
}
