// Random bytes for guests.

import { createHash, randomFillSync } from "node:crypto";

/** Fills the array with random bytes. */
export type EntropySource = (target: Uint8Array) => void;

/** The host's cryptographic generator. */
export const hostEntropy: EntropySource = (target) => void randomFillSync(target);

/** The same bytes in each run, for deterministic mode: SHA-256 of a label and a counter. Not secret, and not meant to be. */
export function seededEntropy(label: string): EntropySource {
  let counter = 0;
  let block = Buffer.alloc(0);
  return (target) => {
    for (let at = 0; at < target.length;) {
      if (block.length === 0) block = createHash("sha256").update(`${label} ${counter++}`).digest();
      const length = Math.min(block.length, target.length - at);
      target.set(block.subarray(0, length), at);
      block = block.subarray(length);
      at += length;
    }
  };
}
