// Reciprocals and reciprocal square roots, estimated to 8 bits: ARM DDI 0406C A2.7.8 (RecipEstimate, RecipSqrtEstimate), A8.8.376, A8.8.388.

import { FPSCR_DZC, FPSCR_UFC, fpscrRaise } from "../float/vfp-state";
import {
  KIND_INFINITY,
  KIND_QUIET,
  KIND_ZERO,
  partsA,
  partsInvalid,
  partsProcessNan,
  round32,
  unpack32,
} from "../float/float-parts";

const SIGN: u32 = 0x8000_0000;
const INFINITY: u32 = 0x7f80_0000;

/** 256 times the estimate of 1 / a, `q` being 9 bits of a below the binary point, the first of them set: 256 … 511. */
function reciprocal(q: u32): u32 {
  return <u32>((256.0 * 512.0) / (<f64>q + 0.5) + 0.5);
}

/** 256 times the estimate of 1 / √a: `q` counts 512ths of an a below one half, 256ths of any other, and is 128 … 255. */
function reciprocalRoot(q: u32, below: bool): u32 {
  return <u32>(256.0 / sqrt((<f64>q + 0.5) / (below ? 512.0 : 256.0)) + 0.5);
}

/** VRECPE.U32: a fixed-point number below one; what is below one half saturates. */
export function estimateInteger(a: u32): u32 {
  return a >>> 31 ? reciprocal(a >>> 23) << 23 : u32.MAX_VALUE;
}

/** VRSQRTE.U32: below one quarter it saturates. */
export function estimateRootInteger(a: u32): u32 {
  if (a >>> 30 == 0) return u32.MAX_VALUE;
  const below = a >>> 31 == 0;
  return reciprocalRoot(below ? a >>> 23 : a >>> 24, below) << 23;
}

/** VRECPE.F32, under the standard FPSCR value. */
export function estimateFloat(a: u32): u32 {
  unpack32(partsA, a);
  const sign = a & SIGN;
  if (partsA.kind >= KIND_QUIET) {
    partsProcessNan(partsA);
    return round32();
  }
  if (partsA.kind == KIND_INFINITY) return sign;
  if (partsA.kind == KIND_ZERO) {
    fpscrRaise(FPSCR_DZC);
    return sign | INFINITY;
  }
  const exponent = (a >>> 23) & 0xff;
  if (exponent >= 253) {
    fpscrRaise(FPSCR_UFC); // the result would be denormal
    return sign;
  }
  return sign | ((253 - exponent) << 23) | ((reciprocal(0x100 | ((a >>> 15) & 0xff)) & 0xff) << 15);
}

/** VRSQRTE.F32, under the standard FPSCR value. */
export function estimateRootFloat(a: u32): u32 {
  unpack32(partsA, a);
  if (partsA.kind >= KIND_QUIET) {
    partsProcessNan(partsA);
    return round32();
  }
  if (partsA.kind == KIND_ZERO) {
    fpscrRaise(FPSCR_DZC);
    return (a & SIGN) | INFINITY;
  }
  if (a & SIGN) {
    partsInvalid();
    return round32();
  }
  if (partsA.kind == KIND_INFINITY) return 0;
  const exponent = (a >>> 23) & 0xff;
  const root = reciprocalRoot(0x80 | ((a >>> 16) & 0x7f), (exponent & 1) != 0);
  return (((380 - exponent) >>> 1) << 23) | ((root & 0xff) << 15);
}
