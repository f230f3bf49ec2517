// Floating point of Advanced SIMD: single precision under the standard FPSCR value (ARM DDI 0406C A2.7.3): flush to zero, the default
// NaN, rounding to nearest, whatever FPSCR says. The exception flags are FPSCR's own, and so is AHP.

import { float16ToFloat32, float32ToFixed, float32ToFloat16, fixedToFloat32 } from "../float/float-convert";
import { KIND_INFINITY, KIND_ZERO, partsA, partsB, partsProcessNans, round32, unpack32 } from "../float/float-parts";
import { float32Add, float32Compare, float32FusedMultiplyAdd, float32Multiply } from "../float/float32";
import { FPSCR_IXC, doubleRead, doubleWrite, fpscr, fpscrStandard, fpscrRestore } from "../float/vfp-state";
import { numberD, numberM, numberN } from "./operands";

const SIGN: u32 = 0x8000_0000;
const TWO: u32 = 0x4000_0000;
const THREE: u32 = 0x4040_0000;
const HALF: u32 = 0x3f00_0000;
const ONE_AND_A_HALF: u32 = 0x3fc0_0000;
// What float32Compare() answers
const EQUAL: u32 = 0x6000_0000;
const GREATER: u32 = 0x2000_0000;

/** No denormal, which would be flushed. */
// @ts-ignore: decorator
@inline
function isPlain(a: u32): bool {
  return (a & 0x7f80_0000) != 0 || a << 1 == 0;
}

/** The host's result stands: it is normal, nothing was flushed, and IXC is set already (float/float32 says why that is enough). */
// @ts-ignore: decorator
@inline
function stands(result: f32, a: u32, b: u32): bool {
  const magnitude = abs(result);
  return (
    magnitude > f32.MIN_NORMAL_VALUE &&
    magnitude <= f32.MAX_VALUE &&
    isPlain(a) &&
    isPlain(b) &&
    (fpscr() & FPSCR_IXC) != 0
  );
}

function add(a: u32, b: u32): u32 {
  const sum = reinterpret<f32>(a) + reinterpret<f32>(b);
  return stands(sum, a, b) ? reinterpret<u32>(sum) : float32Add(a, b);
}

function multiply(a: u32, b: u32): u32 {
  const product = reinterpret<f32>(a) * reinterpret<f32>(b);
  return stands(product, a, b) ? reinterpret<u32>(product) : float32Multiply(a, b);
}

/** All ones when a compared with b is as asked. A quiet NaN raises IOC but for equality. */
export function floatCompare(a: u32, b: u32, orEqual: bool, orGreater: bool): u32 {
  const how = float32Compare(a, b, orGreater);
  return (orEqual && how == EQUAL) || (orGreater && how == GREATER) ? u32.MAX_VALUE : 0;
}

/** VMAX, VMIN: −0 is less than +0 (FPMax, FPMin). */
function extreme(a: u32, b: u32, isMin: bool): u32 {
  unpack32(partsA, a);
  unpack32(partsB, b);
  if (partsA.kind == KIND_ZERO) a &= SIGN;
  if (partsB.kind == KIND_ZERO) b &= SIGN;
  if (partsProcessNans()) return round32();
  // Signed magnitudes, as integers that are ordered as they are.
  const x = (<i32>a) ^ (((<i32>a) >> 31) & i32.MAX_VALUE);
  const y = (<i32>b) ^ (((<i32>b) >> 31) & i32.MAX_VALUE);
  return x > y != isMin ? a : b;
}

/** Whether one is zero, or would be flushed, and the other infinite: the steps then take a constant. */
function isZeroTimesInfinity(a: u32, b: u32): bool {
  unpack32(partsA, a);
  unpack32(partsB, b);
  return (
    (partsA.kind == KIND_ZERO && partsB.kind == KIND_INFINITY) ||
    (partsB.kind == KIND_ZERO && partsA.kind == KIND_INFINITY)
  );
}

/** One lane of the operation A:B:U:C (bits 11:8, 4, 24 and 21 of the word). */
function lane(operation: u32, a: u32, b: u32, d: u32): u32 {
  switch (operation) {
    case 0x64: // VFMA
      return float32FusedMultiplyAdd(d, a, b);
    case 0x65: // VFMS
      return float32FusedMultiplyAdd(d, a ^ SIGN, b);
    case 0x68: // VADD
    case 0x6a: // VPADD
      return add(a, b);
    case 0x69: // VSUB
      return add(a, b ^ SIGN);
    case 0x6b: // VABD
      return add(a, b ^ SIGN) & ~SIGN;
    case 0x6c: // VMLA
      return add(d, multiply(a, b));
    case 0x6d: // VMLS
      return add(d, multiply(a, b) ^ SIGN);
    case 0x6e: // VMUL
      return multiply(a, b);
    case 0x70: // VCEQ
      return floatCompare(a, b, true, false);
    case 0x72: // VCGE
      return floatCompare(a, b, true, true);
    case 0x73: // VCGT
      return floatCompare(a, b, false, true);
    case 0x76: // VACGE
      return floatCompare(a & ~SIGN, b & ~SIGN, true, true);
    case 0x77: // VACGT
      return floatCompare(a & ~SIGN, b & ~SIGN, false, true);
    case 0x78: // VMAX
    case 0x7a: // VPMAX
      return extreme(a, b, false);
    case 0x79: // VMIN
    case 0x7b: // VPMIN
      return extreme(a, b, true);
    case 0x7c: // VRECPS
      return isZeroTimesInfinity(a, b) ? TWO : add(TWO, multiply(a, b) ^ SIGN);
    default: // VRSQRTS: the halving is exact
      if (isZeroTimesInfinity(a, b)) return ONE_AND_A_HALF;
      return multiply(add(THREE, multiply(a, b) ^ SIGN), HALF);
  }
}

/** Bit n: the operation 0x60 + n is there. */
const EXIST: u32 = 0x3fcd_7f30;

/** A float operation on vectors; `pairwise` takes neighbours. The flags are FPSCR's, the modes the standard ones. */
function vectors(operation: u32, d: u32, n: u32, m: u32, quad: u32, pairwise: bool, scalar: u64): void {
  const modes = fpscrStandard();
  for (let half: u32 = 0; half <= quad; half++) {
    const x = doubleRead(n + half);
    const y = m < 32 ? doubleRead(m + half) : scalar;
    const old = doubleRead(d + half);
    let low: u32;
    let high: u32;
    if (pairwise) {
      low = lane(operation, <u32>x, <u32>(x >>> 32), 0);
      high = lane(operation, <u32>y, <u32>(y >>> 32), 0);
    } else {
      low = lane(operation, <u32>x, <u32>y, <u32>old);
      high = lane(operation, <u32>(x >>> 32), <u32>(y >>> 32), <u32>(old >>> 32));
    }
    doubleWrite(d + half, (<u64>low) | ((<u64>high) << 32));
  }
  fpscrRestore(modes);
}

/** Executes a float operation of three registers. False: it is Undefined. */
export function floatSameLength(word: u32): bool {
  const operation = ((word >>> 5) & 0x78) | ((word >>> 2) & 4) | ((word >>> 23) & 2) | ((word >>> 21) & 1);
  if (!((EXIST >>> (operation - 0x60)) & 1) || word & (1 << 20)) return false;
  const quad = (word >>> 6) & 1;
  const pairwise = operation == 0x6a || operation == 0x7a || operation == 0x7b;
  if (pairwise && quad) return false;
  vectors(operation, numberD(word), numberN(word), numberM(word), quad, pairwise, 0);
  return true;
}

/** VMLA, VMLS and VMUL by a scalar, which is in both lanes of `scalar`. `which`: bits 11:10 of the word. */
export function floatByScalar(word: u32, which: u32, scalar: u64): void {
  const operation: u32 = which == 0 ? 0x6c : which == 1 ? 0x6d : 0x6e;
  vectors(operation, numberD(word), numberN(word), 32, (word >>> 24) & 1, false, scalar);
}

/** A conversion between integers, or fixed point, and singles. */
export function floatConvert(value: u32, toInteger: bool, unsigned: bool, fractionBits: u32): u32 {
  if (toInteger) return <u32>float32ToFixed(value, fractionBits, 32, !unsigned);
  return fixedToFloat32(unsigned ? <i64>value : <i64>(<i32>value), fractionBits);
}

/** VCVT between half and single precision: a doubleword of halves and a quadword of singles (A8.8.308). */
export function floatConvertHalf(d: u32, m: u32, toSingle: bool): void {
  const modes = fpscrStandard();
  if (toSingle) {
    const halves = doubleRead(m);
    for (let half: u32 = 0; half < 2; half++) {
      const pair = <u32>(halves >>> (half << 5));
      const low = float16ToFloat32(pair & 0xffff);
      doubleWrite(d + half, (<u64>low) | ((<u64>float16ToFloat32(pair >>> 16)) << 32));
    }
  } else {
    let halves: u64 = 0;
    for (let half: u32 = 0; half < 2; half++) {
      const pair = doubleRead(m + half);
      halves |= (<u64>float32ToFloat16(<u32>pair)) << (half << 5);
      halves |= (<u64>float32ToFloat16(<u32>(pair >>> 32))) << ((half << 5) + 16);
    }
    doubleWrite(d, halves);
  }
  fpscrRestore(modes);
}
