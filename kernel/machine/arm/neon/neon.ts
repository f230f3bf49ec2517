// Advanced SIMD as the CPU sees it: data processing by the instruction word, as A32 has it. Its rooms: same-length, different-length,
// shift-immediate, miscellaneous, immediate and permute (the tables of ARM DDI 0406C A7.4), float-lanes and estimate (arithmetic), lanes
// (what they are made of), structure (which bytes a structure load or store moves; memory/structure-transfer moves them).

import { byScalar, differentLength } from "./different-length";
import { modifiedImmediate } from "./immediate";
import { miscellaneous } from "./miscellaneous";
import { duplicateScalar, extract, tableLookup } from "./permute";
import { sameLength } from "./same-length";
import { shiftImmediate } from "./shift-immediate";

/** Executes the data-processing instruction `word` (A32's 1111 001U). Returns false when it is Undefined, having changed nothing. Access
 *  to Advanced SIMD is the caller's to check. */
export function neonDataProcessing(word: u32): bool {
  if (!(word & (1 << 23))) return sameLength(word);
  if (word & (1 << 4)) {
    // Without an amount (bits 21:19 and L are zero) it is an immediate.
    return word & 0x0038_0080 ? shiftImmediate(word) : modifiedImmediate(word);
  }
  if ((word & 0x0030_0000) != 0x0030_0000) return word & (1 << 6) ? byScalar(word) : differentLength(word);
  if (!(word & (1 << 24))) return extract(word);
  if (!(word & (1 << 11))) return miscellaneous(word);
  if (!(word & (1 << 10))) return tableLookup(word);
  return (word & 0x380) == 0 ? duplicateScalar(word) : false;
}
