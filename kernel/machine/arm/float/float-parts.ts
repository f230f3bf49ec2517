// Floating-point numbers taken apart, so that one arithmetic serves every format.
//
// A finite number is  (-1)^sign × significand / 2^63 × 2^exponent,  with bit 63 of the significand set. Singles and doubles
// leave at least 11 zero bits at its low end: room for guard bits, and for a "jammed" bit 0 that stands for everything
// non-zero shifted out below (so a result is rounded exactly once, from full knowledge). A NaN keeps its fraction in the
// same place (bit 62 is the quiet bit), so payloads move between formats by themselves.
//
// unpack* applies flush-to-zero to operands; round* rounds, raises flags and packs (ARM DDI 0406C A2.7.7, FPUnpack and
// FPRound). Exception flags go straight into FPSCR.

import { VFP_STATE } from "../../../abi/layout";
import {
  FPSCR_AHP,
  FPSCR_DN,
  FPSCR_FZ,
  FPSCR_IDC,
  FPSCR_IOC,
  FPSCR_IXC,
  FPSCR_OFC,
  FPSCR_ROUNDING,
  FPSCR_UFC,
  ROUND_DOWN,
  ROUND_NEAREST,
  ROUND_UP,
  fpscr,
  fpscrRaise,
} from "./vfp-state";

// Kinds, in an order that makes "is a NaN" one comparison.
export const KIND_ZERO: u32 = 0;
export const KIND_FINITE: u32 = 1;
export const KIND_INFINITY: u32 = 2;
export const KIND_QUIET: u32 = 3;
export const KIND_SIGNALLING: u32 = 4;

const IMPLICIT: u64 = 1 << 63;
const QUIET: u64 = 1 << 62;

/** One operand or result.
 *
 *   +0  significand  u64
 *   +8  exponent     i32  unbiased
 *   +12 kind         u32  KIND_*
 *   +16 sign         u32  0 or 1
 */
@unmanaged
export class Parts {
  significand: u64;
  exponent: i32;
  kind: u32;
  sign: u32;
}
// Three operands; a result replaces the first. Scratch: no value survives an instruction.
export const partsA = changetype<Parts>(VFP_STATE + 384);
export const partsB = changetype<Parts>(VFP_STATE + 408);
export const partsC = changetype<Parts>(VFP_STATE + 432);

// ---- Unpacking ------------------------------------------------------------------------------------------------------

/** Takes apart a number of `fractionBits` and `exponentBits` that lies in the low bits of `bits`. */
function unpack(p: Parts, bits: u64, fractionBits: u32, exponentBits: u32, flush: bool): void {
  const top = fractionBits + exponentBits;
  const largest: u32 = (1 << exponentBits) - 1;
  const biased = (<u32>(bits >>> fractionBits)) & largest;
  const fraction = (bits << (63 - fractionBits)) & ~IMPLICIT;
  p.sign = (<u32>(bits >>> top)) & 1;
  if (biased == largest) {
    p.significand = fraction;
    p.kind = fraction == 0 ? KIND_INFINITY : fraction & QUIET ? KIND_QUIET : KIND_SIGNALLING;
  } else if (biased != 0) {
    p.significand = fraction | IMPLICIT;
    p.exponent = <i32>(biased - (largest >>> 1));
    p.kind = KIND_FINITE;
  } else if (fraction == 0) {
    p.kind = KIND_ZERO;
  } else if (flush) {
    p.kind = KIND_ZERO;
    fpscrRaise(FPSCR_IDC);
  } else {
    partsNormalise(p, fraction, 1 - <i32>(largest >>> 1));
  }
}

export function unpack32(p: Parts, bits: u32): void {
  unpack(p, bits, 23, 8, (fpscr() & FPSCR_FZ) != 0);
}

export function unpack64(p: Parts, bits: u64): void {
  unpack(p, bits, 52, 11, (fpscr() & FPSCR_FZ) != 0);
}

/** Half precision. Its denormals are never flushed; in the alternative format the largest exponent is an ordinary one. */
export function unpack16(p: Parts, bits: u32): void {
  if (fpscr() & FPSCR_AHP && (bits & 0x7c00) == 0x7c00) {
    p.sign = (bits >>> 15) & 1;
    p.significand = ((<u64>bits) << 53) | IMPLICIT;
    p.exponent = 16;
    p.kind = KIND_FINITE;
  } else {
    unpack(p, bits, 10, 5, false);
  }
}

/** A finite number from any significand but zero: shifts it up and lowers the exponent to match. */
export function partsNormalise(p: Parts, significand: u64, exponent: i32): void {
  const shift = <i32>clz(significand);
  p.significand = significand << shift;
  p.exponent = exponent - shift;
  p.kind = KIND_FINITE;
}

/** `value` shifted right, with bit 0 standing for all bits that fell off. */
export function shiftRightJam(value: u64, shift: u32): u64 {
  if (shift == 0) return value;
  if (shift > 63) return value != 0 ? 1 : 0;
  return (value >>> shift) | (value << (64 - shift) != 0 ? 1 : 0);
}

// ---- NaNs (ARM DDI 0406C A2.7.6, FPProcessNaN) ------------------------------------------------------------------------

/** Makes A the default NaN: positive, quiet, no payload. */
export function partsDefaultNan(): void {
  partsA.kind = KIND_QUIET;
  partsA.sign = 0;
  partsA.significand = QUIET;
}

/** An invalid operation on numbers: raises IOC, makes A the default NaN. */
export function partsInvalid(): void {
  fpscrRaise(FPSCR_IOC);
  partsDefaultNan();
}

/** The NaN `p` as the result in A: quietened, or the default NaN when FPSCR.DN asks for it. */
export function partsProcessNan(p: Parts): void {
  if (p.kind == KIND_SIGNALLING) fpscrRaise(FPSCR_IOC);
  if (fpscr() & FPSCR_DN) {
    partsDefaultNan();
    return;
  }
  partsA.kind = KIND_QUIET;
  partsA.sign = p.sign;
  partsA.significand = p.significand | QUIET;
}

/** When A or B is a NaN, makes A the resulting NaN and returns true: signalling ones first, then the first operand. */
export function partsProcessNans(): bool {
  const a = partsA.kind;
  const b = partsB.kind;
  if (a < KIND_QUIET && b < KIND_QUIET) return false;
  partsProcessNan(a == KIND_SIGNALLING || (b != KIND_SIGNALLING && a == KIND_QUIET) ? partsA : partsB);
  return true;
}

// ---- Rounding -------------------------------------------------------------------------------------------------------

/** What rounding adds below the last kept bit, `mask` being the bits below it and `odd` that bit itself. */
// @ts-ignore: decorator
@inline
export function roundingIncrement(mode: u32, sign: u32, mask: u64, odd: u64): u64 {
  if (mode == ROUND_NEAREST) return (mask >>> 1) + odd;
  return mode == (sign ? ROUND_DOWN : ROUND_UP) ? mask : 0;
}

/** Rounds A, raises flags, and packs it into the low bits. Underflow is looked for before rounding, as ARM does. */
function round(fractionBits: u32, exponentBits: u32, flush: bool, alternative: bool): u64 {
  const p = partsA;
  const largest: i32 = (1 << exponentBits) - 1;
  const signBit = (<u64>p.sign) << (fractionBits + exponentBits);
  const infinity = signBit | ((<u64>largest) << fractionBits);
  if (p.kind == KIND_ZERO) return signBit;
  if (p.kind == KIND_INFINITY) return infinity;
  const lowBits = 63 - fractionBits;
  if (p.kind >= KIND_QUIET) return infinity | (p.significand >>> lowBits);

  let significand = p.significand;
  let biased = p.exponent + (largest >>> 1);
  const tiny = biased <= 0;
  if (tiny) {
    if (flush) {
      fpscrRaise(FPSCR_UFC);
      return signBit;
    }
    significand = shiftRightJam(significand, <u32>(1 - biased));
    biased = 0;
  }
  const mode = (fpscr() & FPSCR_ROUNDING) >>> 22;
  const mask: u64 = ((<u64>1) << lowBits) - 1;
  const inexact = (significand & mask) != 0;
  const rounded = significand + roundingIncrement(mode, p.sign, mask, (significand >>> lowBits) & 1);
  if (rounded < significand) {
    // Rounded up to the next power of two: the fraction is zero, and so are the bits that are packed.
    biased++;
  } else if (tiny) {
    biased = <i32>(rounded >>> 63);
  }
  if (biased >= largest) {
    if (alternative) {
      // No infinity to go to: the largest exponent is used up, and beyond it the operation is invalid and saturates.
      if (biased > largest) {
        fpscrRaise(FPSCR_IOC);
        return signBit | 0x7fff;
      }
    } else {
      fpscrRaise(FPSCR_OFC | FPSCR_IXC);
      const away = mode == ROUND_NEAREST || mode == (p.sign ? ROUND_DOWN : ROUND_UP);
      return away ? infinity : infinity - 1;
    }
  }
  if (inexact) fpscrRaise(tiny ? FPSCR_IXC | FPSCR_UFC : FPSCR_IXC);
  return signBit | ((<u64>biased) << fractionBits) | ((rounded << 1) >>> (lowBits + 1));
}

export function round32(): u32 {
  return <u32>round(23, 8, (fpscr() & FPSCR_FZ) != 0, false);
}

export function round64(): u64 {
  return round(52, 11, (fpscr() & FPSCR_FZ) != 0, false);
}

/** Half precision: results are never flushed. The alternative format has neither NaN nor infinity (ARM DDI 0406C A2.7.4). */
export function round16(): u32 {
  if (!(fpscr() & FPSCR_AHP)) return <u32>round(10, 5, false, false);
  if (partsA.kind >= KIND_INFINITY) {
    fpscrRaise(FPSCR_IOC);
    return (partsA.sign << 15) | (partsA.kind == KIND_INFINITY ? 0x7fff : 0);
  }
  return <u32>round(10, 5, false, true);
}
