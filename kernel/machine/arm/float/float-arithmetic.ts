// Arithmetic on numbers taken apart (float-parts): A op B, the result in A, exact but for the jammed bit 0.
// Special cases follow the ARM DDI 0406C A2.7.8 pseudocode: FPAdd, FPMul, FPDiv, FPMulAdd, FPSqrt.

import {
  KIND_FINITE,
  KIND_INFINITY,
  KIND_QUIET,
  KIND_SIGNALLING,
  KIND_ZERO,
  partsA,
  partsB,
  partsC,
  partsInvalid,
  partsNormalise,
  partsProcessNan,
  partsProcessNans,
  shiftRightJam,
} from "./float-parts";
import { FPSCR_DZC, FPSCR_ROUNDING, ROUND_DOWN, fpscr, fpscrRaise } from "./vfp-state";

/** The sign of a sum that cancels exactly: negative only when rounding down. */
function cancelledSign(): u32 {
  return (fpscr() & FPSCR_ROUNDING) >>> 22 == ROUND_DOWN ? 1 : 0;
}

function copyBToA(): void {
  partsA.significand = partsB.significand;
  partsA.exponent = partsB.exponent;
  partsA.kind = partsB.kind;
  partsA.sign = partsB.sign;
}

/** A + B, or A − B when `subtract` is 1. */
export function partsAdd(subtract: u32): void {
  if (partsProcessNans()) return;
  partsB.sign ^= subtract;
  const opposite = partsA.sign != partsB.sign;
  if (partsA.kind == KIND_INFINITY) {
    if (opposite && partsB.kind == KIND_INFINITY) partsInvalid();
    return;
  }
  if (partsB.kind == KIND_ZERO) {
    if (opposite && partsA.kind == KIND_ZERO) partsA.sign = cancelledSign();
    return;
  }
  if (partsB.kind == KIND_INFINITY || partsA.kind == KIND_ZERO) {
    copyBToA();
    return;
  }
  // One bit of head room for the carry; the low bits of both are zero, so nothing is lost.
  let a = partsA.significand >>> 1;
  let b = partsB.significand >>> 1;
  const distance = partsA.exponent - partsB.exponent;
  const exponent = max(partsA.exponent, partsB.exponent) + 1;
  if (distance > 0) b = shiftRightJam(b, distance);
  else a = shiftRightJam(a, -distance);
  if (!opposite) {
    partsNormalise(partsA, a + b, exponent);
  } else if (a > b) {
    partsNormalise(partsA, a - b, exponent);
  } else if (a < b) {
    partsA.sign = partsB.sign;
    partsNormalise(partsA, b - a, exponent);
  } else {
    partsA.kind = KIND_ZERO;
    partsA.sign = cancelledSign();
  }
}

/** High half of the 128-bit product. */
function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >>> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >>> 32;
  const cross = aHigh * bLow + ((aLow * bLow) >>> 32);
  const middle = aLow * bHigh + (cross & 0xffff_ffff);
  return aHigh * bHigh + (cross >>> 32) + (middle >>> 32);
}

export function partsMultiply(): void {
  if (partsProcessNans()) return;
  const a = partsA.kind;
  const b = partsB.kind;
  partsA.sign ^= partsB.sign;
  if (a == KIND_FINITE && b == KIND_FINITE) {
    const low = partsA.significand * partsB.significand;
    const high = multiplyHigh(partsA.significand, partsB.significand);
    // Two significands of 53 bits: `high` keeps the top 64 of 106, more than half of which are zero or jammed.
    partsNormalise(partsA, high | (low != 0 ? 1 : 0), partsA.exponent + partsB.exponent + 1);
  } else if (a + b == KIND_INFINITY) {
    // Zero × infinity: the only pair without a NaN that adds up so, finite × finite being done.
    partsInvalid();
  } else {
    partsA.kind = a == KIND_INFINITY || b == KIND_INFINITY ? KIND_INFINITY : KIND_ZERO;
  }
}

/** (high:low) / divisor, for high < divisor and bit 63 of divisor set, with bit 0 jammed by the remainder.
 *  Two digits of 32 bits (Knuth, The Art of Computer Programming 4.3.1 D). */
function divideWide(high: u64, low: u64, divisor: u64): u64 {
  const divisorHigh = divisor >>> 32;
  const divisorLow = divisor & 0xffff_ffff;
  let quotient: u64 = 0;
  let remainder = high;
  for (let digit = 0; digit < 2; digit++) {
    let guess = remainder / divisorHigh;
    let rest = remainder - guess * divisorHigh;
    const next = low >>> 32;
    // The guess is too large by at most two.
    while (guess >>> 32 != 0 || guess * divisorLow > ((rest << 32) | next)) {
      guess--;
      rest += divisorHigh;
      if (rest >>> 32 != 0) break;
    }
    remainder = ((remainder << 32) | next) - guess * divisor;
    quotient = (quotient << 32) | guess;
    low <<= 32;
  }
  return quotient | (remainder != 0 ? 1 : 0);
}

export function partsDivide(): void {
  if (partsProcessNans()) return;
  const a = partsA.kind;
  const b = partsB.kind;
  partsA.sign ^= partsB.sign;
  if (a == KIND_FINITE && b == KIND_FINITE) {
    const smaller = partsA.significand < partsB.significand;
    const high = smaller ? partsA.significand : partsA.significand >>> 1;
    const low: u64 = smaller ? 0 : partsA.significand << 63;
    partsA.significand = divideWide(high, low, partsB.significand);
    partsA.exponent -= partsB.exponent + (smaller ? 1 : 0);
  } else if (a == b) {
    partsInvalid(); // 0 / 0, infinity / infinity
  } else if (a == KIND_INFINITY || b == KIND_ZERO) {
    if (a != KIND_INFINITY) fpscrRaise(FPSCR_DZC);
    partsA.kind = KIND_INFINITY;
  } else {
    partsA.kind = KIND_ZERO;
  }
}

/** √A, by the school method: two bits of the radicand for each bit of the root. */
export function partsSquareRoot(): void {
  if (partsA.kind >= KIND_QUIET) {
    partsProcessNan(partsA);
    return;
  }
  if (partsA.kind == KIND_ZERO) return;
  if (partsA.sign != 0) {
    partsInvalid();
    return;
  }
  if (partsA.kind == KIND_INFINITY) return;
  // The radicand in [1, 4), with two bits before the binary point, and an even exponent.
  const odd = partsA.exponent & 1;
  let radicand = odd ? partsA.significand : partsA.significand >>> 1;
  let root: u64 = 0;
  let remainder: u64 = 0;
  for (let bit = 0; bit < 60; bit++) {
    remainder = (remainder << 2) | (radicand >>> 62);
    radicand <<= 2;
    const trial = (root << 2) | 1;
    root <<= 1;
    if (remainder >= trial) {
      remainder -= trial;
      root |= 1;
    }
  }
  partsA.significand = (root << 4) | (remainder != 0 ? 1 : 0);
  partsA.exponent = (partsA.exponent - odd) >> 1;
}

/** C + A × B, rounded once. The result is in A. */
export function partsMultiplyAdd(): void {
  const a = partsA.kind;
  const b = partsB.kind;
  const c = partsC.kind;
  const invalidProduct = a < KIND_QUIET && b < KIND_QUIET && a != KIND_FINITE && b != KIND_FINITE && a != b;
  if (a >= KIND_QUIET || b >= KIND_QUIET || c >= KIND_QUIET) {
    // FPProcessNaNs3: signalling before quiet, the addend before the factors. An invalid product beats a quiet addend.
    if (c == KIND_QUIET && invalidProduct) partsInvalid();
    else if (c == KIND_SIGNALLING) partsProcessNan(partsC);
    else if (a == KIND_SIGNALLING) partsProcessNan(partsA);
    else if (b == KIND_SIGNALLING) partsProcessNan(partsB);
    else if (c == KIND_QUIET) partsProcessNan(partsC);
    else partsProcessNan(a == KIND_QUIET ? partsA : partsB);
    return;
  }
  if (invalidProduct) {
    partsInvalid();
    return;
  }
  const sign = partsA.sign ^ partsB.sign;
  const opposite = sign != partsC.sign;
  if (a == KIND_INFINITY || b == KIND_INFINITY) {
    if (opposite && c == KIND_INFINITY) {
      partsInvalid();
    } else {
      partsA.kind = KIND_INFINITY;
      partsA.sign = sign;
    }
    return;
  }
  if (c == KIND_INFINITY || a == KIND_ZERO || b == KIND_ZERO) {
    partsA.significand = partsC.significand;
    partsA.exponent = partsC.exponent;
    partsA.kind = c;
    partsA.sign = c == KIND_ZERO && opposite ? cancelledSign() : partsC.sign;
    return;
  }
  // The product's 128 bits with the top bit set; at least 22 low bits are zero, so one step down for the carry loses none.
  let high = multiplyHigh(partsA.significand, partsB.significand);
  let low = partsA.significand * partsB.significand;
  let exponent = partsA.exponent + partsB.exponent + 1;
  if (high >>> 63 == 0) {
    high = (high << 1) | (low >>> 63);
    low <<= 1;
    exponent--;
  }
  partsA.sign = sign;
  if (c == KIND_ZERO) {
    partsNormalise(partsA, high | (low != 0 ? 1 : 0), exponent);
    return;
  }
  low = (low >>> 1) | (high << 63);
  high >>>= 1;
  let addendHigh = partsC.significand >>> 1;
  let addendLow = partsC.significand << 63;
  const distance = exponent - partsC.exponent;
  if (distance > 0) {
    addendLow = shiftWideJam(addendHigh, addendLow, distance);
    addendHigh = distance > 63 ? 0 : addendHigh >>> distance;
  } else if (distance < 0) {
    low = shiftWideJam(high, low, -distance);
    high = -distance > 63 ? 0 : high >>> -distance;
    exponent = partsC.exponent;
  }
  exponent++;
  if (!opposite) {
    low += addendLow;
    high += addendHigh + (low < addendLow ? 1 : 0);
  } else {
    if (high < addendHigh || (high == addendHigh && low < addendLow)) {
      partsA.sign ^= 1;
      const swapHigh = high;
      const swapLow = low;
      high = addendHigh;
      low = addendLow;
      addendHigh = swapHigh;
      addendLow = swapLow;
    }
    high -= addendHigh + (low < addendLow ? 1 : 0);
    low -= addendLow;
    if (high == 0) {
      if (low == 0) {
        partsA.kind = KIND_ZERO;
        partsA.sign = cancelledSign();
        return;
      }
      high = low;
      low = 0;
      exponent -= 64;
    }
  }
  const shift = <i32>clz(high);
  if (shift != 0) {
    high = (high << shift) | (low >>> (64 - shift));
    low <<= shift;
  }
  partsNormalise(partsA, high | (low != 0 ? 1 : 0), exponent - shift);
}

/** Low half of (high:low) shifted right, bit 0 jammed. */
function shiftWideJam(high: u64, low: u64, shift: u32): u64 {
  if (shift > 63) return shiftRightJam(high, shift - 64) | (low != 0 ? 1 : 0);
  return (high << (64 - shift)) | shiftRightJam(low, shift);
}
