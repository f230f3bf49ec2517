// Conversions between formats and to and from integers and fixed-point numbers.
// ARM DDI 0406C A2.7.8: FPDoubleToSingle, FPSingleToDouble, FPHalfToSingle, FPSingleToHalf, FPToFixed, FixedToFP.

import {
  KIND_INFINITY,
  KIND_QUIET,
  KIND_ZERO,
  Parts,
  partsA,
  partsNormalise,
  partsProcessNan,
  round16,
  round32,
  round64,
  roundingIncrement,
  unpack16,
  unpack32,
  unpack64,
} from "./float-parts";
import {
  FPSCR_AHP,
  FPSCR_FZ,
  FPSCR_IOC,
  FPSCR_IXC,
  FPSCR_ROUNDING,
  ROUND_NEAREST,
  ROUND_ZERO,
  fpscr,
  fpscrHostExact,
  fpscrRaise,
} from "./vfp-state";

function quieten(): void {
  if (partsA.kind >= KIND_QUIET) partsProcessNan(partsA);
}

// ---- Between formats ------------------------------------------------------------------------------------------------

export function float64ToFloat32(a: u64): u32 {
  // The argument for the host's operation is that of float32, for products.
  const single = <f32>reinterpret<f64>(a);
  const magnitude = abs(single);
  if (magnitude > f32.MIN_NORMAL_VALUE && magnitude <= f32.MAX_VALUE && fpscrHostExact()) {
    return reinterpret<u32>(single);
  }
  unpack64(partsA, a);
  quieten();
  return round32();
}

export function float32ToFloat64(a: u32): u64 {
  // Exact for every number above the denormals, so no flag and no mode matters.
  const double = <f64>reinterpret<f32>(a);
  const magnitude = abs(double);
  if (magnitude >= <f64>f32.MIN_NORMAL_VALUE && magnitude <= <f64>f32.MAX_VALUE) return reinterpret<u64>(double);
  unpack32(partsA, a);
  quieten();
  return round64();
}

/** Half precision in the low 16 bits. */
export function float16ToFloat32(a: u32): u32 {
  unpack16(partsA, a);
  quieten();
  return round32();
}

/** Half precision in the low 16 bits, the others zero. */
export function float32ToFloat16(a: u32): u32 {
  unpack32(partsA, a);
  // The alternative format has no NaN: round16 makes it a zero of the same sign, even in default-NaN mode.
  if (!(fpscr() & FPSCR_AHP)) quieten();
  return round16();
}

// ---- From integers --------------------------------------------------------------------------------------------------

/** Puts value / 2^fractionBits into A. */
function partsFromInteger(value: i64, fractionBits: u32): void {
  partsA.sign = value < 0 ? 1 : 0;
  if (value == 0) partsA.kind = KIND_ZERO;
  else partsNormalise(partsA, <u64>(value < 0 ? -value : value), 63 - <i32>fractionBits);
}

/** `value` is any 32-bit integer, signed or unsigned, extended. Exact. */
export function integerToFloat64(value: i64): u64 {
  return reinterpret<u64>(<f64>value);
}

/** `value` is any 32-bit integer, signed or unsigned, extended. */
export function integerToFloat32(value: i64): u32 {
  if (fpscrHostExact()) return reinterpret<u32>(<f32>value);
  partsFromInteger(value, 0);
  return round32();
}

/** Fixed-point numbers are converted with rounding to nearest, whatever FPSCR says; IXC is the only flag they can raise. */
export function fixedToFloat32(value: i64, fractionBits: u32): u32 {
  const single = <f32>value;
  if (<i64>single != value) fpscrRaise(FPSCR_IXC);
  return reinterpret<u32>(single * exp2Negative(fractionBits));
}

/** Exact: a double holds every 32-bit integer. */
export function fixedToFloat64(value: i64, fractionBits: u32): u64 {
  return reinterpret<u64>(<f64>value * <f64>exp2Negative(fractionBits));
}

/** 2^-n for n of at most 32: scaling by it is exact. */
// @ts-ignore: decorator
@inline
function exp2Negative(n: u32): f32 {
  return reinterpret<f32>((127 - n) << 23);
}

// ---- To integers ----------------------------------------------------------------------------------------------------

/** A × 2^fractionBits as an integer of `bits` bits, rounded by `mode`. What does not fit saturates and raises IOC alone;
 *  a NaN gives zero and IOC. */
function partsToInteger(p: Parts, fractionBits: u32, bits: u32, signed: bool, mode: u32): i64 {
  if (p.kind == KIND_ZERO) return 0;
  if (p.kind >= KIND_QUIET) {
    fpscrRaise(FPSCR_IOC);
    return 0;
  }
  const exponent = p.exponent + <i32>fractionBits;
  const largest: i64 = ((<i64>1) << (signed ? bits - 1 : bits)) - 1;
  const smallest: i64 = signed ? -largest - 1 : 0;
  if (p.kind == KIND_INFINITY || exponent > 32) {
    fpscrRaise(FPSCR_IOC);
    return p.sign ? smallest : largest;
  }
  // Below one half there is no bit left to shift; jam it all into a quarter, which rounds the same.
  let magnitude: u64 = 0;
  let rest: u64 = 0;
  if (exponent >= 0) {
    magnitude = p.significand >>> (63 - exponent);
    rest = exponent == 63 ? 0 : p.significand << (exponent + 1);
  } else {
    rest = exponent == -1 ? p.significand : 1 << 62;
  }
  // `rest` is a fraction of 2^64: rounding up is the carry out of it.
  const rounded = rest + roundingIncrement(mode, p.sign, u64.MAX_VALUE, magnitude & 1);
  if (rounded < rest) magnitude++;
  const value = p.sign ? -(<i64>magnitude) : <i64>magnitude;
  if (value > largest || value < smallest) {
    fpscrRaise(FPSCR_IOC);
    return p.sign ? smallest : largest;
  }
  if (rest != 0) fpscrRaise(FPSCR_IXC);
  return value;
}

function roundingMode(toZero: bool): u32 {
  return toZero ? ROUND_ZERO : (fpscr() & FPSCR_ROUNDING) >>> 22;
}

/** Float to 32-bit integer, by FPSCR's rounding mode (VCVTR) or towards zero (VCVT). */
export function float64ToInteger(a: u64, signed: bool, toZero: bool): u32 {
  const value = reinterpret<f64>(a);
  const mode = roundingMode(toZero);
  // Rounding to an integer is the host's trunc and nearest, and inexact shows in the difference. Left to the long way: what
  // may be flushed, what may saturate, and NaNs.
  if (!(fpscr() & FPSCR_FZ) && (mode == ROUND_ZERO || mode == ROUND_NEAREST)) {
    const integer = mode == ROUND_ZERO ? trunc(value) : nearest(value);
    if (signed ? integer >= -2147483648.0 && integer <= 2147483647.0 : integer >= 0.0 && integer <= 4294967295.0) {
      if (integer != value) fpscrRaise(FPSCR_IXC);
      return <u32>(<i64>integer);
    }
  }
  unpack64(partsA, a);
  return <u32>partsToInteger(partsA, 0, 32, signed, mode);
}

export function float32ToInteger(a: u32, signed: bool, toZero: bool): u32 {
  const mode = roundingMode(toZero);
  if (!(fpscr() & FPSCR_FZ)) return float64ToInteger(float32ToFloat64Quietly(a), signed, toZero);
  unpack32(partsA, a);
  return <u32>partsToInteger(partsA, 0, 32, signed, mode);
}

/** Any single as a double; a signalling NaN may lose its signal, which no conversion to an integer can see. */
// @ts-ignore: decorator
@inline
function float32ToFloat64Quietly(a: u32): u64 {
  return reinterpret<u64>(<f64>reinterpret<f32>(a));
}

/** Float to fixed point of 16 or 32 bits: towards zero, extended to 64 bits by its sign. */
export function float64ToFixed(a: u64, fractionBits: u32, bits: u32, signed: bool): i64 {
  unpack64(partsA, a);
  return partsToInteger(partsA, fractionBits, bits, signed, ROUND_ZERO);
}

export function float32ToFixed(a: u32, fractionBits: u32, bits: u32, signed: bool): i64 {
  unpack32(partsA, a);
  return partsToInteger(partsA, fractionBits, bits, signed, ROUND_ZERO);
}
