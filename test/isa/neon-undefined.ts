// Which words of Advanced SIMD's space are Undefined, according to the manual's diagrams (neon-forms), against the oracle.

import { neonMeaning } from "./neon-forms.js";
import { Random } from "./random.js";
import { vfpOracle } from "./vfp-oracle.js";
import { RESULT_BYTES, VECTOR_BYTES, VFP_FORMS, type VfpBatch } from "./vfp-vectors.js";

const ROUND = 4000;
/** Where a result has its mark that the instruction was Undefined. */
const MARK = RESULT_BYTES - 4;

/** Compares `count` random words, from the seed on. Returns a line for each that differs. Loads and stores that are defined are left out:
 *  they would go anywhere. What is UNPREDICTABLE may be either. */
export function compareNeonUndefined(seed: number, count: number): string[] {
  const random = new Random(seed);
  const differences: string[] = [];
  for (let done = 0; done < count; done += ROUND) {
    const words = Array.from({ length: ROUND }, () => pickWord(random));
    const batches = words.map((word): VfpBatch => ({
      form: VFP_FORMS[0]!,
      word,
      vectors: new Uint8Array(VECTOR_BYTES),
      count: 1,
    }));
    vfpOracle(batches).forEach((result, index) => {
      const isUndefined = new DataView(result.buffer, result.byteOffset).getUint32(MARK, true) === 1;
      const meaning = neonMeaning(words[index]!);
      if (isUndefined !== (meaning === "undefined"))
        differences.push(
          `0x${words[index]!.toString(16)} is ${meaning}, ${isUndefined ? "Undefined" : "executed"} by the oracle`,
        );
    });
  }
  return differences;
}

/** Data processing, and every fourth a load or store that is Undefined. */
function pickWord(random: Random): number {
  const isTransfer = random.oneIn(4);
  for (;;) {
    const low = random.word();
    const word = isTransfer ? (0xf4000000 | (low & 0x00efffff)) >>> 0 : (0xf2000000 | (low & 0x01ffffff)) >>> 0;
    const meaning = neonMeaning(word);
    if (isTransfer ? meaning === "undefined" : meaning !== "unpredictable") return word;
  }
}
