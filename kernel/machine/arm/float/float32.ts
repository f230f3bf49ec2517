// Single-precision arithmetic: bits in, bits out, under the rounding mode, flushing and NaN rules of FPSCR, whose exception
// flags it raises. ARM DDI 0406C A2.7.
//
// The host's own operation is used where it provably gives the same bits and the same flags. It rounds to nearest, and it
// tells no flags, so fpscrHostExact() must hold: RMode nearest, FZ off (no IDC, no flushed result), IXC already sticky (no
// matter whether this result is inexact). What remains is to show that IOC, DZC, OFC and UFC stay quiet:
//   - a finite result excludes IOC (it makes a NaN, or comes from a signalling one, which makes a NaN), DZC and OFC
//     (rounding to nearest, they make an infinity);
//   - UFC means "tiny before rounding and inexact". A sum below the normal range is exact, since both operands are multiples
//     of the smallest denormal. A product or quotient whose rounded magnitude is above the smallest normal number was, before
//     rounding, not below that number: rounding to nearest is monotonic and the smallest normal number rounds to itself.
// Any other result, NaNs and infinities too, takes the long way through float-parts, which also picks ARM's NaN.

import { partsA, partsB, partsC, round32, unpack32 } from "./float-parts";
import { partsAdd, partsDivide, partsMultiply, partsMultiplyAdd, partsSquareRoot } from "./float-arithmetic";
import { FPSCR_FZ, FPSCR_IDC, FPSCR_IOC, fpscr, fpscrHostExact, fpscrRaise } from "./vfp-state";

const SIGN: u32 = 0x8000_0000;
const INFINITY: u32 = 0x7f80_0000;
const QUIET: u32 = 0x0040_0000;

// @ts-ignore: decorator
@inline
function isNormal(value: f32): bool {
  const magnitude = abs(value);
  return magnitude > f32.MIN_NORMAL_VALUE && magnitude <= f32.MAX_VALUE;
}

export function float32Add(a: u32, b: u32): u32 {
  const sum = reinterpret<f32>(a) + reinterpret<f32>(b);
  if (abs(sum) <= f32.MAX_VALUE && fpscrHostExact()) return reinterpret<u32>(sum);
  return add(a, b, 0);
}

export function float32Subtract(a: u32, b: u32): u32 {
  const difference = reinterpret<f32>(a) - reinterpret<f32>(b);
  if (abs(difference) <= f32.MAX_VALUE && fpscrHostExact()) return reinterpret<u32>(difference);
  return add(a, b, 1);
}

export function float32Multiply(a: u32, b: u32): u32 {
  const product = reinterpret<f32>(a) * reinterpret<f32>(b);
  if (isNormal(product) && fpscrHostExact()) return reinterpret<u32>(product);
  return multiply(a, b);
}

export function float32Divide(a: u32, b: u32): u32 {
  const quotient = reinterpret<f32>(a) / reinterpret<f32>(b);
  if (isNormal(quotient) && fpscrHostExact()) return reinterpret<u32>(quotient);
  return divide(a, b);
}

export function float32SquareRoot(a: u32): u32 {
  const root = sqrt(reinterpret<f32>(a));
  if (isNormal(root) && fpscrHostExact()) return reinterpret<u32>(root);
  unpack32(partsA, a);
  partsSquareRoot();
  return round32();
}

/** addend + a × b, rounded once. */
export function float32FusedMultiplyAdd(addend: u32, a: u32, b: u32): u32 {
  unpack32(partsA, a);
  unpack32(partsB, b);
  unpack32(partsC, addend);
  partsMultiplyAdd();
  return round32();
}

function add(a: u32, b: u32, subtract: u32): u32 {
  unpack32(partsA, a);
  unpack32(partsB, b);
  partsAdd(subtract);
  return round32();
}

function multiply(a: u32, b: u32): u32 {
  unpack32(partsA, a);
  unpack32(partsB, b);
  partsMultiply();
  return round32();
}

function divide(a: u32, b: u32): u32 {
  unpack32(partsA, a);
  unpack32(partsB, b);
  partsDivide();
  return round32();
}

/** A denormal operand becomes zero of its sign under flush-to-zero, and raises IDC. */
function flushed(a: u32): u32 {
  if (fpscr() & FPSCR_FZ && (a & INFINITY) == 0 && a << 1 != 0) {
    fpscrRaise(FPSCR_IDC);
    return a & SIGN;
  }
  return a;
}

function isSignalling(a: u32): bool {
  return (a & ~SIGN) > INFINITY && (a & QUIET) == 0;
}

/** N, Z, C and V of FPSCR for a compared with b (FPCompare). A signalling NaN raises IOC; any NaN does for VCMPE. */
export function float32Compare(a: u32, b: u32, signalQuiet: bool): u32 {
  a = flushed(a);
  b = flushed(b);
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  if (x > y) return 0x2000_0000;
  if (x < y) return 0x8000_0000;
  if (x == y) return 0x6000_0000;
  if (signalQuiet || isSignalling(a) || isSignalling(b)) fpscrRaise(FPSCR_IOC);
  return 0x3000_0000;
}
