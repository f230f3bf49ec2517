// Three registers of different lengths, and two registers with a scalar: ARM DDI 0406C A7.4.2, A7.4.3, tables A7-10 and A7-11.

import { doubleRead, doubleWrite } from "../float/vfp-state";
import { floatByScalar } from "./float-lanes";
import { laneMask, laneOf, polynomialProduct, replicate, saturatedDoubleProduct, saturatedSum } from "./lanes";
import { isOddPair, numberD, numberM, numberN } from "./operands";
import { MULTIPLY, MULTIPLY_ACCUMULATE, MULTIPLY_HIGH, sameVector } from "./same-length";

// Operations of different lengths by A, bits 11:8.
const ADD_WIDE: u32 = 1;
const SUBTRACT_WIDE: u32 = 3;
const ADD_HIGH_NARROW: u32 = 4;
const ABSOLUTE_ACCUMULATE: u32 = 5;
const SUBTRACT_HIGH_NARROW: u32 = 6;
const ABSOLUTE: u32 = 7;
const ACCUMULATE: u32 = 8;
const SATURATING_ACCUMULATE: u32 = 9;
const SUBTRACT: u32 = 10;
const SATURATING_SUBTRACT: u32 = 11;
const PRODUCT: u32 = 12;
const SATURATING_PRODUCT: u32 = 13;
const POLYNOMIAL: u32 = 14;

/** One wide lane: `a` and `b` are lanes of `bits` bits that were extended, `d` is what the wide lane held. */
function longLane(operation: u32, a: i64, b: i64, d: i64, bits: u32): i64 {
  switch (operation) {
    case 0: // VADDL
    case ADD_WIDE:
      return a + b;
    case 2: // VSUBL
    case SUBTRACT_WIDE:
      return a - b;
    case ABSOLUTE_ACCUMULATE: // VABAL
      return d + abs(a - b);
    case ABSOLUTE: // VABDL
      return abs(a - b);
    case ACCUMULATE: // VMLAL
      return d + a * b;
    case SUBTRACT: // VMLSL
      return d - a * b;
    case SATURATING_ACCUMULATE: // VQDMLAL
      return saturatedSum(d, saturatedDoubleProduct(a, b, bits), false, 2 * bits, false);
    case SATURATING_SUBTRACT: // VQDMLSL
      return saturatedSum(d, saturatedDoubleProduct(a, b, bits), true, 2 * bits, false);
    case PRODUCT: // VMULL
      return a * b;
    case SATURATING_PRODUCT: // VQDMULL
      return saturatedDoubleProduct(a, b, bits);
    default: // VMULL of polynomials
      return <i64>polynomialProduct(<u64>a, <u64>b);
  }
}

/** A quadword from two doublewords, or from a quadword and a doubleword. `y` is Vm, or a scalar in all lanes. */
function long(operation: u32, unsigned: bool, word: u32, y: u64, bits: u32): void {
  const d = numberD(word);
  const n = numberN(word);
  const isWide = operation == ADD_WIDE || operation == SUBTRACT_WIDE;
  const low = doubleRead(n);
  const high = isWide ? doubleRead(n + 1) : 0;
  const wide = bits << 1;
  const mask = laneMask(wide);
  for (let half: u32 = 0; half < 2; half++) {
    const old = doubleRead(d + half);
    let result: u64 = 0;
    for (let at: u32 = 0; at < 64; at += wide) {
      const from = ((half << 6) | at) >>> 1;
      const a = isWide ? laneOf(half ? high : low, at, wide, unsigned) : laneOf(low, from, bits, unsigned);
      const value = longLane(operation, a, laneOf(y, from, bits, unsigned), laneOf(old, at, wide, false), bits);
      result |= ((<u64>value) & mask) << at;
    }
    doubleWrite(d + half, result);
  }
}

/** VADDHN, VRADDHN, VSUBHN, VRSUBHN: a doubleword from the high halves of a quadword's lanes. */
function narrow(subtract: bool, rounding: bool, word: u32, bits: u32): void {
  const n = numberN(word);
  const m = numberM(word);
  const wide = bits << 1;
  const half: i64 = rounding ? (<i64>1) << (bits - 1) : 0;
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += bits) {
    const from = (at << 1) & 63;
    const a = laneOf(doubleRead(n + (at >>> 5)), from, wide, true);
    const b = laneOf(doubleRead(m + (at >>> 5)), from, wide, true);
    const sum = <u64>((subtract ? a - b : a + b) + half);
    result |= ((sum >>> bits) & laneMask(bits)) << at;
  }
  doubleWrite(numberD(word), result);
}

/** Executes an instruction of three registers of different lengths. False: it is Undefined. */
export function differentLength(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const u = (word & (1 << 24)) != 0;
  const size = (word >>> 20) & 3;
  const bits: u32 = 8 << size;
  if (operation == ADD_HIGH_NARROW || operation == SUBTRACT_HIGH_NARROW) {
    if ((word | (word >>> 16)) & 1) return false;
    narrow(operation == SUBTRACT_HIGH_NARROW, u, word, bits);
    return true;
  }
  if (isOddPair(word, operation == ADD_WIDE || operation == SUBTRACT_WIDE, false)) return false;
  if (operation == 15) return false;
  if (operation == POLYNOMIAL && (u || size != 0)) return false;
  const saturates =
    operation == SATURATING_ACCUMULATE || operation == SATURATING_SUBTRACT || operation == SATURATING_PRODUCT;
  if (saturates && (u || size == 0)) return false;
  long(operation, u || operation == POLYNOMIAL, word, doubleRead(numberM(word)), bits);
  return true;
}

/** VMLAL, VMLSL, VMULL and their saturating kin by scalar: A to the operation of different lengths. 0: another one. */
function longOf(operation: u32): u32 {
  switch (operation) {
    case 2:
      return ACCUMULATE;
    case 3:
      return SATURATING_ACCUMULATE;
    case 6:
      return SUBTRACT;
    case 7:
      return SATURATING_SUBTRACT;
    case 10:
      return PRODUCT;
    case 11:
      return SATURATING_PRODUCT;
    default:
      return 0;
  }
}

/** Executes an instruction of two registers and a scalar. False: it is Undefined. */
export function byScalar(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const u = (word & (1 << 24)) != 0;
  const size = (word >>> 20) & 3;
  if (size == 0 || operation > 13) return false;
  const bits: u32 = 8 << size;
  // A halfword is one of D0 … D7, chosen by M and the top of Vm; a word one of D0 … D15, by M.
  const number = size == 1 ? word & 7 : word & 15;
  const index = size == 1 ? ((word >>> 4) & 2) | ((word >>> 3) & 1) : (word >>> 5) & 1;
  const scalar = replicate(doubleRead(number) >>> (index * bits), bits);
  const longer = longOf(operation);
  if (longer) {
    if (isOddPair(word, false, false)) return false;
    if (u && operation & 1) return false;
    long(longer, u, word, scalar, bits);
    return true;
  }
  if (u && isOddPair(word, true, false)) return false;
  if (operation < 12 && operation & 1) {
    if (size == 1) return false;
    floatByScalar(word, operation >>> 2, scalar);
    return true;
  }
  // VMLA 0, VMLS 4, VMUL 8, VQDMULH 12, VQRDMULH 13: the second of two is what U chooses among vectors.
  const same = operation >= 12 ? MULTIPLY_HIGH : operation == 8 ? MULTIPLY : MULTIPLY_ACCUMULATE;
  const second = operation == 4 || operation == 13;
  for (let half: u32 = 0; half <= (u ? 1 : 0); half++) {
    const d = numberD(word) + half;
    doubleWrite(d, sameVector(same, second, doubleRead(numberN(word) + half), scalar, doubleRead(d), bits));
  }
  return true;
}
