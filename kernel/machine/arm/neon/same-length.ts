// Three registers of the same length: ARM DDI 0406C A7.4.1, table A7-9. Integers here, floating point in float-lanes.

import { doubleRead, doubleWrite } from "../float/vfp-state";
import { floatSameLength } from "./float-lanes";
import {
  laneMask,
  laneOf,
  polynomialProduct,
  replicate,
  saturatedHighProduct,
  saturatedSum,
  shifted,
  shiftedSaturating,
} from "./lanes";
import { isOddPair, numberD, numberM, numberN } from "./operands";

/** Operations by A:B, bits 11:8 and 4 of the word. Where U does not choose unsigned lanes it chooses the second of two. */
export const LOGICAL: u32 = 0x03;
const SHIFT_FIRST: u32 = 0x08; // four of them
export const ADD_SUBTRACT: u32 = 0x10;
export const MULTIPLY_ACCUMULATE: u32 = 0x12;
export const MULTIPLY: u32 = 0x13;
const PAIRWISE_MAX: u32 = 0x14;
const PAIRWISE_MIN: u32 = 0x15;
export const MULTIPLY_HIGH: u32 = 0x16;
const PAIRWISE_ADD: u32 = 0x17;
const FLOAT_FIRST: u32 = 0x18;
/** Those that have lanes of 64 bits: VQADD, VQSUB, the shifts, VADD and VSUB. */
const HAVE_64 = (1 << 0x01) | (1 << 0x05) | (0xf << SHIFT_FIRST) | (1 << ADD_SUBTRACT);

/** One lane of `operation`: `a` and `b` from Vn and Vm, `d` what Vd held. */
export function sameLane(operation: u32, u: bool, a: i64, b: i64, d: i64, bits: u32): i64 {
  switch (operation) {
    case 0x00: // VHADD
      return (a + b) >> 1;
    case 0x01: // VQADD
      return saturatedSum(a, b, false, bits, u);
    case 0x02: // VRHADD
      return (a + b + 1) >> 1;
    case 0x04: // VHSUB
      return (a - b) >> 1;
    case 0x05: // VQSUB
      return saturatedSum(a, b, true, bits, u);
    case 0x06: // VCGT
      return a > b ? -1 : 0;
    case 0x07: // VCGE
      return a >= b ? -1 : 0;
    case 0x08: // VSHL: Vm is shifted, by the low byte of Vn
      return shifted(b, <i32>(<i8>a), u, false);
    case 0x09: // VQSHL
      return shiftedSaturating(b, <i32>(<i8>a), bits, u, false);
    case 0x0a: // VRSHL
      return shifted(b, <i32>(<i8>a), u, true);
    case 0x0b: // VQRSHL
      return shiftedSaturating(b, <i32>(<i8>a), bits, u, true);
    case 0x0c: // VMAX
    case PAIRWISE_MAX:
      return max(a, b);
    case 0x0d: // VMIN
    case PAIRWISE_MIN:
      return min(a, b);
    case 0x0e: // VABD
      return abs(a - b);
    case 0x0f: // VABA
      return d + abs(a - b);
    case 0x11: // VTST, VCEQ
      return (u ? a == b : (a & b) != 0) ? -1 : 0;
    case MULTIPLY_ACCUMULATE: // VMLA, VMLS
      return u ? d - a * b : d + a * b;
    case MULTIPLY: // integers, polynomials
      return u ? <i64>polynomialProduct((<u64>a) & 0xff, (<u64>b) & 0xff) : a * b;
    case MULTIPLY_HIGH: // VQDMULH, VQRDMULH
      return saturatedHighProduct(a, b, bits, u);
    default: // VPADD
      return a + b;
  }
}

/** Sums or differences of all lanes at once: the top bit of each is added without its carry. */
function addVector(subtract: bool, n: u64, m: u64, bits: u32): u64 {
  const tops = replicate((<u64>1) << (bits - 1), bits);
  if (subtract) return ((n | tops) - (m & ~tops)) ^ ((n ^ ~m) & tops);
  return ((n & ~tops) + (m & ~tops)) ^ ((n ^ m) & tops);
}

/** All lanes of one doubleword. */
export function sameVector(operation: u32, u: bool, n: u64, m: u64, d: u64, bits: u32): u64 {
  if (operation == ADD_SUBTRACT) return addVector(u, n, m, bits);
  // VQDMULH and what follows VADD know only one kind of lanes; their U says something else.
  const unsigned = u && operation < ADD_SUBTRACT;
  const mask = laneMask(bits);
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += bits) {
    const a = laneOf(n, at, bits, unsigned);
    const b = laneOf(m, at, bits, unsigned);
    result |= ((<u64>sameLane(operation, u, a, b, laneOf(d, at, bits, unsigned), bits)) & mask) << at;
  }
  return result;
}

/** Neighbours of Vn make the low lanes of the result, neighbours of Vm the high ones. */
function pairwise(operation: u32, u: bool, n: u64, m: u64, bits: u32): u64 {
  const mask = laneMask(bits);
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += bits) {
    const from = at < 32 ? n : m;
    const pair = (at << 1) & 63;
    const value = sameLane(operation, u, laneOf(from, pair, bits, u), laneOf(from, pair + bits, bits, u), 0, bits);
    result |= ((<u64>value) & mask) << at;
  }
  return result;
}

/** VAND, VBIC, VORR, VORN; VEOR, VBSL, VBIT, VBIF: U and the size field choose. */
function logical(which: u32, n: u64, m: u64, d: u64): u64 {
  switch (which) {
    case 0:
      return n & m;
    case 1:
      return n & ~m;
    case 2:
      return n | m;
    case 3:
      return n | ~m;
    case 4:
      return n ^ m;
    case 5:
      return (n & d) | (m & ~d);
    case 6:
      return (n & m) | (d & ~m);
    default:
      return (n & ~m) | (d & m);
  }
}

/** Executes `word`. False: it is Undefined. */
export function sameLength(word: u32): bool {
  const operation = ((word >>> 7) & 0x1e) | ((word >>> 4) & 1);
  const u = (word & (1 << 24)) != 0;
  const quad = (word >>> 6) & 1;
  const size = (word >>> 20) & 3;
  if (quad && isOddPair(word, true, true)) return false;
  if (operation >= FLOAT_FIRST) return floatSameLength(word);
  const isPairwise = operation == PAIRWISE_MAX || operation == PAIRWISE_MIN || operation == PAIRWISE_ADD;
  if (operation != LOGICAL) {
    if (size == 3 && !((HAVE_64 >>> operation) & 1)) return false;
    if (isPairwise && quad) return false;
    if (operation == PAIRWISE_ADD && u) return false;
    if (operation == MULTIPLY && u && size != 0) return false;
    if (operation == MULTIPLY_HIGH && size == 0) return false;
  }
  const bits: u32 = 8 << size;
  const d = numberD(word);
  const n = numberN(word);
  const m = numberM(word);
  for (let half: u32 = 0; half <= quad; half++) {
    const x = doubleRead(n + half);
    const y = doubleRead(m + half);
    const old = doubleRead(d + half);
    let result: u64;
    if (operation == LOGICAL) result = logical((u ? 4 : 0) + size, x, y, old);
    else if (isPairwise) result = pairwise(operation, u, x, y, bits);
    else result = sameVector(operation, u, x, y, old, bits);
    doubleWrite(d + half, result);
  }
  return true;
}
