// Advanced SIMD data processing. What is frequent and maps to vectors of WebAssembly one to one, or nearly, is written in place; everything else,
// and all of it where the host has no vectors, calls the interpreter's function (arm/neon/neon). What sets QC calls it too.
//
// A result is computed before anything is stored, so that destinations may be sources. Floats are in lower-neon-float.

import { immediateCombines, immediateDefined, immediateValue } from "../arm/neon/immediate";
import { isOddPair, numberD, numberM, numberN } from "../arm/neon/operands";
import { ADD_SUBTRACT, LOGICAL, MULTIPLY, MULTIPLY_ACCUMULATE } from "../arm/neon/same-length";
import { constant } from "./emitter";
import { getOperand } from "./locals";
import { lowerNeonFloat, neonCall } from "./lower-neon-float";
import { lowerNeonMiscellaneous } from "./lower-neon-lanes";
import * as v from "./vectors";
import { LANES, getScalar, getVector, narrowTo, putVector, shuffle, vector, vectorsAllowed } from "./vectors";

/** Writes the NEON_DATA record at `ip`. */
export function lowerNeonData(ip: u32): void {
  const word = load<u32>(ip, 8);
  if (vectorsAllowed() && (lowerInPlace(word) || lowerNeonFloat(ip, word))) return;
  neonCall(ip, word);
}

/** True: written. */
function lowerInPlace(word: u32): bool {
  if (!(word & (1 << 23))) return sameLength(word);
  if (word & (1 << 4)) return word & 0x0038_0080 ? shiftImmediate(word) : modifiedImmediate(word);
  if ((word & 0x0030_0000) == 0x0030_0000) return lowerNeonMiscellaneous(word);
  return word & (1 << 6) ? byScalar(word) : differentLength(word);
}

/** Pushes the operation of VAND … VBIF on the registers: U and the size field choose (arm/neon/same-length). */
function logical(which: u32, d: u32, n: u32, m: u32, quad: bool): void {
  // VBIF is a selection with the roles of Vn and Vd changed.
  getVector(which == 7 ? d : n, quad);
  getVector(which == 7 ? n : which == 6 ? d : m, quad);
  switch (which) {
    case 0:
      vector(v.V_AND);
      break;
    case 1:
      vector(v.V_AND_NOT);
      break;
    case 2:
      vector(v.V_OR);
      break;
    case 3:
      vector(v.V_NOT);
      vector(v.V_OR);
      break;
    case 4:
      vector(v.V_XOR);
      break;
    default:
      getVector(which == 5 ? d : m, quad);
      vector(v.V_SELECT);
      break;
  }
}

/** Pushes the difference's magnitude: the larger less the smaller. `u` is 1 for unsigned lanes. */
function absoluteDifference(n: u32, m: u32, quad: bool, size: u32, u: u32): void {
  getVector(n, quad);
  getVector(m, quad);
  vector(v.V_MAX + u + size * LANES);
  getVector(n, quad);
  getVector(m, quad);
  vector(v.V_MIN + u + size * LANES);
  vector(v.V_SUB + size * LANES);
}

function sameLength(word: u32): bool {
  const operation = ((word >>> 7) & 0x1e) | ((word >>> 4) & 1);
  const u = (word >>> 24) & 1;
  const quad = (word & (1 << 6)) != 0;
  const size = (word >>> 20) & 3;
  if (quad && isOddPair(word, true, true)) return false;
  const d = numberD(word);
  const n = numberN(word);
  const m = numberM(word);
  if (operation == LOGICAL) {
    constant(0);
    logical((u << 2) + size, d, n, m, quad);
    putVector(d, quad);
    return true;
  }
  const code = sameCode(operation, u, size);
  if (code == 0) return false;
  constant(0);
  if (operation == 0x0e || operation == 0x0f) {
    if (operation == 0x0f) getVector(d, quad);
    absoluteDifference(n, m, quad, size, u);
    if (operation == 0x0f) vector(v.V_ADD + size * LANES);
  } else if (operation >= 0x14) {
    // Pairwise: the even lanes of both and the odd ones.
    getVector(n, false);
    getVector(m, false);
    shuffle(size, 0, 2, 4 >>> size, 16 >>> size);
    getVector(n, false);
    getVector(m, false);
    shuffle(size, 1, 2, 4 >>> size, (16 >>> size) + 1);
    vector(code);
  } else {
    if (operation == MULTIPLY_ACCUMULATE) getVector(d, quad);
    getVector(n, quad);
    getVector(m, quad);
    vector(code);
    if (operation == MULTIPLY_ACCUMULATE) vector((u ? v.V_SUB : v.V_ADD) + size * LANES);
    if (operation == 0x11 && !u) {
      // VTST
      v.pushVector(0);
      vector(v.V_NE + size * v.COMPARE);
    }
  }
  putVector(d, quad);
  return true;
}

/** The opcode of an operation of one length, or of its last step but what accumulates; 0: it is not for us, or Undefined. */
function sameCode(operation: u32, u: u32, size: u32): u32 {
  if (operation == ADD_SUBTRACT) return (u ? v.V_SUB : v.V_ADD) + size * LANES;
  if (size == 3) return 0;
  switch (operation) {
    case 0x02: // VRHADD
      return u && size < 2 ? v.V_AVERAGE_U + size * LANES : 0;
    case 0x06:
      return v.V_GT + u + size * v.COMPARE;
    case 0x07:
      return v.V_GE + u + size * v.COMPARE;
    case 0x0c:
    case 0x0e:
    case 0x0f:
      return v.V_MAX + u + size * LANES;
    case 0x0d:
      return v.V_MIN + u + size * LANES;
    case 0x11: // VTST, VCEQ
      return u ? v.V_EQ + size * v.COMPARE : v.V_AND;
    case MULTIPLY_ACCUMULATE:
      return size ? v.V_MUL + size * LANES : 0;
    case MULTIPLY:
      return size && !u ? v.V_MUL + size * LANES : 0;
    default:
      return 0;
  }
}

/** VADDL, VADDW, VSUBL, VSUBW, VABAL, VABDL, VMLAL, VMLSL, VMULL of integers. */
function differentLength(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const size = (word >>> 20) & 3;
  const unsigned = (word >>> 23) & 2;
  const isWide = operation == 1 || operation == 3;
  if (isOddPair(word, isWide, false)) return false;
  const d = numberD(word);
  const n = numberN(word);
  const m = numberM(word);
  const extend = v.V_EXTEND + unsigned + size * LANES;
  const wide = (size + 1) * LANES;
  if (operation < 4) {
    constant(0);
    getVector(n, isWide);
    if (!isWide) vector(extend);
    getVector(m, false);
    vector(extend);
    vector((operation & 2 ? v.V_SUB : v.V_ADD) + wide);
  } else if (operation == 5 || operation == 7) {
    constant(0);
    if (operation == 5) getVector(d, true);
    absoluteDifference(n, m, false, size, unsigned >>> 1);
    vector(v.V_EXTEND + 2 + size * LANES);
    if (operation == 5) vector(v.V_ADD + wide);
  } else if (operation == 8 || operation == 10 || operation == 12) {
    constant(0);
    if (operation != 12) getVector(d, true);
    getVector(n, false);
    getVector(m, false);
    vector(v.V_EXTENDED_PRODUCT + unsigned + size * LANES);
    if (operation != 12) vector((operation == 8 ? v.V_ADD : v.V_SUB) + wide);
  } else return false;
  putVector(d, true);
  return true;
}

/** VMLA, VMLS, VMUL, VMLAL, VMLSL, VMULL of integers by scalar. */
function byScalar(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const size = (word >>> 20) & 3;
  const u = (word >>> 24) & 1;
  const isLong = (operation & 3) == 2;
  if (size == 0 || operation > 10 || operation & 1) return false;
  const quad = isLong || u != 0;
  if (quad && isOddPair(word, !isLong, false)) return false;
  const d = numberD(word);
  const kind = operation >>> 2; // accumulate, subtract, product
  constant(0);
  if (kind < 2) getVector(d, quad);
  getVector(numberN(word), !isLong && quad);
  if (size == 1) getScalar(word & 7, ((word >>> 4) & 2) | ((word >>> 3) & 1), 1);
  else getScalar(word & 15, (word >>> 5) & 1, 2);
  vector(isLong ? v.V_EXTENDED_PRODUCT + (u << 1) + size * LANES : v.V_MUL + size * LANES);
  if (kind < 2) vector((kind ? v.V_SUB : v.V_ADD) + (isLong ? size + 1 : size) * LANES);
  putVector(d, quad);
  return true;
}

/** VMOV, VMVN, VORR and VBIC: the immediate is known here. */
function modifiedImmediate(word: u32): bool {
  if (!immediateDefined(word)) return false;
  const d = numberD(word);
  const quad = (word & (1 << 6)) != 0;
  constant(0);
  v.pushVector(immediateValue(word));
  if (immediateCombines(word)) {
    getVector(d, quad);
    vector(word & (1 << 5) ? v.V_AND : v.V_OR);
  }
  putVector(d, quad);
  return true;
}

/** VSHR, VSRA, VSHL, VSLI, VSRI, VSHRN, VSHLL and VMOVL. */
function shiftImmediate(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const u = (word >>> 24) & 1;
  const second = (word & (1 << 6)) != 0;
  const imm6 = (word >>> 16) & 0x3f;
  const size: u32 = word & (1 << 7) ? 3 : imm6 & 32 ? 2 : imm6 & 16 ? 1 : 0;
  const bits: u32 = 8 << size;
  const left = size == 3 ? imm6 : imm6 - bits;
  const d = numberD(word);
  const m = numberM(word);
  if (operation == 10) {
    if (second || size == 3 || isOddPair(word, false, false)) return false;
    constant(0);
    getVector(m, false);
    vector(v.V_EXTEND + (u << 1) + size * LANES);
    shiftBy(v.V_SHL + (size + 1) * LANES, left);
    putVector(d, true);
    return true;
  }
  if (operation == 8) {
    if (u || second || size == 3 || word & 1) return false;
    constant(0);
    getVector(m, true);
    shiftBy(v.V_SHR + 1 + (size + 1) * LANES, bits - left);
    narrowTo(d, size);
    return true;
  }
  const isRight = operation <= 1 || operation == 4;
  if (!(isRight || operation == 5) || (operation == 4 && !u)) return false;
  if (second && isOddPair(word, false, true)) return false;
  // A signed lane that is shifted out leaves its sign; an unsigned one leaves zero, which a vector's shift cannot.
  let amount = isRight ? bits - left : left;
  if (amount == bits) {
    if (u) return false;
    amount--;
  }
  const inserts = operation == 4 || (operation == 5 && u != 0);
  constant(0);
  if (operation == 1) getVector(d, second);
  getVector(m, second);
  shiftBy((isRight ? v.V_SHR + u : v.V_SHL) + size * LANES, amount);
  if (operation == 1) vector(v.V_ADD + size * LANES);
  if (inserts) {
    getVector(d, second);
    const ones = u64.MAX_VALUE >>> (64 - bits);
    v.pushVector(spread(isRight ? ones >>> amount : (ones << amount) & ones, bits));
    vector(v.V_SELECT);
  }
  putVector(d, second);
  return true;
}

/** The lane `value` of `bits` bits in all lanes of 64 bits. */
function spread(value: u64, bits: u32): u64 {
  for (; bits < 64; bits <<= 1) value |= value << bits;
  return value;
}

function shiftBy(code: u32, amount: u32): void {
  if (amount == 0) return;
  constant(amount);
  vector(code);
}

/** VDUP (core register), `word` of a VFP_MOVE record. False: it is another one. */
export function lowerDuplicate(word: u32, t: u32): bool {
  if (!vectorsAllowed() || (word & 0x0f90_0f5f) != 0x0e80_0b10) return false;
  const width = ((word >>> 21) & 2) | ((word >>> 5) & 1);
  const quad = (word & (1 << 21)) != 0;
  const d = numberN(word);
  if (width == 3 || (quad && d & 1)) return false;
  constant(0);
  getOperand(t);
  vector(v.V_SPLAT + 2 - width);
  putVector(d, quad);
  return true;
}
