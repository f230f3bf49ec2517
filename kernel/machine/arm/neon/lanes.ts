// Lanes of a vector: taking them out, saturating and shifting them. ARM DDI 0406C A2.6.1, A7.1.
//
// Every integer operation of Advanced SIMD works on one lane at a time here, as a 64-bit integer that the lane was extended to: sums and
// products of 32-bit lanes cannot overflow then, and only lanes of 64 bits need care of their own.

import { FPSCR_QC, fpscrRaise } from "../float/vfp-state";

/** The lane of `bits` bits that begins at bit `at` of `vector`, extended. */
// @ts-ignore: decorator
@inline
export function laneOf(vector: u64, at: u32, bits: u32, unsigned: bool): i64 {
  const top = vector << (64 - bits - at);
  return unsigned ? <i64>(top >>> (64 - bits)) : (<i64>top) >> (64 - bits);
}

/** `bits` ones. */
// @ts-ignore: decorator
@inline
export function laneMask(bits: u32): u64 {
  return u64.MAX_VALUE >>> (64 - bits);
}

/** The lowest lane of `bits` bits of `value` in all lanes. */
export function replicate(value: u64, bits: u32): u64 {
  for (value &= laneMask(bits); bits < 64; bits <<= 1) value |= value << bits;
  return value;
}

/** The result `most` or `least` of an operation that saturated. */
function cumulate(value: i64): i64 {
  fpscrRaise(FPSCR_QC);
  return value;
}

/** Largest and smallest lane of `bits` bits. */
function most(bits: u32, unsigned: bool): i64 {
  return <i64>laneMask(unsigned ? bits : bits - 1);
}

// @ts-ignore: decorator
@inline
function least(bits: u32, unsigned: bool): i64 {
  return unsigned ? 0 : -most(bits, false) - 1;
}

/** `value` as a lane of at most 32 bits (SignedSatQ, UnsignedSatQ, A2.2.1). */
export function saturated(value: i64, bits: u32, unsigned: bool): i64 {
  const high = most(bits, unsigned);
  if (value > high) return cumulate(high);
  const low = least(bits, unsigned);
  return value < low ? cumulate(low) : value;
}

/** A sum or difference of two lanes of `bits` bits, as one of them. */
export function saturatedSum(a: i64, b: i64, subtract: bool, bits: u32, unsigned: bool): i64 {
  const result = subtract ? a - b : a + b;
  if (bits < 64) return saturated(result, bits, unsigned);
  if (unsigned) {
    if (subtract ? <u64>a < <u64>b : <u64>result < <u64>a) return cumulate(subtract ? 0 : -1);
  } else if (((a ^ result) & (subtract ? a ^ b : b ^ result)) < 0) {
    return cumulate(a < 0 ? i64.MIN_VALUE : i64.MAX_VALUE);
  }
  return result;
}

/** Twice the product of two lanes of `bits` bits, 16 or 32, as one of twice the width: only the smallest times itself does not fit. */
export function saturatedDoubleProduct(a: i64, b: i64, bits: u32): i64 {
  const product = a * b;
  return product == (<i64>1) << (2 * bits - 2) ? cumulate(most(2 * bits, false)) : product << 1;
}

/** High half of twice the product, rounded or not (VQDMULH, VQRDMULH). */
export function saturatedHighProduct(a: i64, b: i64, bits: u32, rounding: bool): i64 {
  const half: i64 = rounding ? (<i64>1) << (bits - 2) : 0;
  return saturated((a * b + half) >> (bits - 1), bits, false);
}

/** `value` shifted left by `amount`, −128 to 127, without regard to what falls off; right when it is negative, rounding half up or not. */
export function shifted(value: i64, amount: i32, unsigned: bool, rounding: bool): i64 {
  if (amount >= 0) return amount > 63 ? 0 : value << amount;
  const right = -amount;
  if (right > 64) return unsigned || rounding ? 0 : value >> 63;
  let result: i64 = unsigned ? 0 : value >> 63;
  if (right < 64) result = unsigned ? <i64>((<u64>value) >>> right) : value >> right;
  return rounding ? result + <i64>(((<u64>value) >>> (right - 1)) & 1) : result;
}

/** As shifted(), but what does not fit into `bits` bits saturates. */
export function shiftedSaturating(value: i64, amount: i32, bits: u32, unsigned: bool, rounding: bool): i64 {
  if (amount <= 0 || value == 0) return shifted(value, amount, unsigned, rounding);
  const high = most(bits, unsigned);
  if (unsigned) {
    if (<u32>amount >= bits || <u64>value > (<u64>high) >>> amount) return cumulate(high);
  } else {
    const low = least(bits, false);
    if (<u32>amount >= bits || value > high >> amount || value < low >> amount) return cumulate(value < 0 ? low : high);
  }
  return value << amount;
}

/** A wide lane as one of `bits` bits, at most 32; its top bit is no sign when the source is unsigned. */
export function narrowed(value: i64, bits: u32, unsigned: bool, unsignedSource: bool): i64 {
  return saturated(unsignedSource && value < 0 ? i64.MAX_VALUE : value, bits, unsigned);
}

/** Product of polynomials over {0, 1} of degree below 8 (PolynomialMult, A2.8.1). */
export function polynomialProduct(a: u64, b: u64): u64 {
  let product: u64 = 0;
  for (let bit: u64 = 0; bit < 8; bit++) if ((b >>> bit) & 1) product ^= a << bit;
  return product;
}
