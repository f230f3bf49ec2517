// Double-precision arithmetic: bits in, bits out, under the rounding mode, flushing and NaN rules of FPSCR, whose exception
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

import { partsA, partsB, partsC, round64, unpack64 } from "./float-parts";
import { partsAdd, partsDivide, partsMultiply, partsMultiplyAdd, partsSquareRoot } from "./float-arithmetic";
import { FPSCR_FZ, FPSCR_IDC, FPSCR_IOC, fpscr, fpscrHostExact, fpscrRaise } from "./vfp-state";

const SIGN: u64 = 0x8000_0000_0000_0000;
const INFINITY: u64 = 0x7ff0_0000_0000_0000;
const QUIET: u64 = 0x0008_0000_0000_0000;

// @ts-ignore: decorator
@inline
function isNormal(value: f64): bool {
  const magnitude = abs(value);
  return magnitude > f64.MIN_NORMAL_VALUE && magnitude <= f64.MAX_VALUE;
}

export function float64Add(a: u64, b: u64): u64 {
  const sum = reinterpret<f64>(a) + reinterpret<f64>(b);
  if (abs(sum) <= f64.MAX_VALUE && fpscrHostExact()) return reinterpret<u64>(sum);
  return add(a, b, 0);
}

export function float64Subtract(a: u64, b: u64): u64 {
  const difference = reinterpret<f64>(a) - reinterpret<f64>(b);
  if (abs(difference) <= f64.MAX_VALUE && fpscrHostExact()) return reinterpret<u64>(difference);
  return add(a, b, 1);
}

export function float64Multiply(a: u64, b: u64): u64 {
  const product = reinterpret<f64>(a) * reinterpret<f64>(b);
  if (isNormal(product) && fpscrHostExact()) return reinterpret<u64>(product);
  return multiply(a, b);
}

export function float64Divide(a: u64, b: u64): u64 {
  const quotient = reinterpret<f64>(a) / reinterpret<f64>(b);
  if (isNormal(quotient) && fpscrHostExact()) return reinterpret<u64>(quotient);
  return divide(a, b);
}

export function float64SquareRoot(a: u64): u64 {
  const root = sqrt(reinterpret<f64>(a));
  if (isNormal(root) && fpscrHostExact()) return reinterpret<u64>(root);
  unpack64(partsA, a);
  partsSquareRoot();
  return round64();
}

/** addend + a × b, rounded once. */
export function float64FusedMultiplyAdd(addend: u64, a: u64, b: u64): u64 {
  unpack64(partsA, a);
  unpack64(partsB, b);
  unpack64(partsC, addend);
  partsMultiplyAdd();
  return round64();
}

function add(a: u64, b: u64, subtract: u32): u64 {
  unpack64(partsA, a);
  unpack64(partsB, b);
  partsAdd(subtract);
  return round64();
}

function multiply(a: u64, b: u64): u64 {
  unpack64(partsA, a);
  unpack64(partsB, b);
  partsMultiply();
  return round64();
}

function divide(a: u64, b: u64): u64 {
  unpack64(partsA, a);
  unpack64(partsB, b);
  partsDivide();
  return round64();
}

/** A denormal operand becomes zero of its sign under flush-to-zero, and raises IDC. */
function flushed(a: u64): u64 {
  if (fpscr() & FPSCR_FZ && (a & INFINITY) == 0 && a << 1 != 0) {
    fpscrRaise(FPSCR_IDC);
    return a & SIGN;
  }
  return a;
}

function isSignalling(a: u64): bool {
  return (a & ~SIGN) > INFINITY && (a & QUIET) == 0;
}

/** N, Z, C and V of FPSCR for a compared with b (FPCompare). A signalling NaN raises IOC; any NaN does for VCMPE. */
export function float64Compare(a: u64, b: u64, signalQuiet: bool): u32 {
  a = flushed(a);
  b = flushed(b);
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  if (x > y) return 0x2000_0000;
  if (x < y) return 0x8000_0000;
  if (x == y) return 0x6000_0000;
  if (signalQuiet || isSignalling(a) || isSignalling(b)) fpscrRaise(FPSCR_IOC);
  return 0x3000_0000;
}
