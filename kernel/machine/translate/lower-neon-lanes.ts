// Advanced SIMD whose space is 1111 0010 1x11 and 1111 0011 1x11 (arm/neon/neon): VEXT, VTBL, VDUP, and two registers, miscellaneous, as vectors
// of WebAssembly.

import { isOddPair, numberD, numberM, numberN } from "../arm/neon/operands";
import { constant } from "./emitter";
import * as v from "./vectors";
import { LANES, getScalar, getVector, narrowTo, putVector, shuffle, shuffleBytes, vector } from "./vectors";

/** Where each byte of a shuffle's result comes from. */
const places: usize = memory.data(16);

/** True: written. */
export function lowerNeonMiscellaneous(word: u32): bool {
  if (!(word & (1 << 24))) return extract(word);
  if (!(word & (1 << 11))) return twoRegisters(word);
  if (!(word & (1 << 10))) return tableLookup(word);
  return (word & 0x380) == 0 && duplicate(word);
}

function extract(word: u32): bool {
  const quad = (word & (1 << 6)) != 0;
  const from = (word >>> 8) & 15;
  if (quad ? isOddPair(word, true, true) : from > 7) return false;
  constant(0);
  getVector(numberN(word), quad);
  getVector(numberM(word), quad);
  if (quad) shuffle(0, from, 1, 16, 0);
  // Doublewords: Vm's bytes begin at 16, behind the zeros.
  else shuffle(0, from, 1, 8 - from, 16);
  putVector(numberD(word), quad);
  return true;
}

/** VTBL and VTBX of one or two registers. */
function tableLookup(word: u32): bool {
  const count = ((word >>> 8) & 3) + 1;
  const n = numberN(word);
  const d = numberD(word);
  if (count > 2 || n + count > 32) return false;
  constant(0);
  // An index beyond the vector gives zero, and so do those beyond one doubleword.
  getVector(n, count == 2);
  getVector(numberM(word), false);
  vector(v.V_SWIZZLE);
  if (word & (1 << 6)) {
    getVector(d, false);
    getVector(numberM(word), false);
    v.pushVector(count == 1 ? 0x0808_0808_0808_0808 : 0x1010_1010_1010_1010);
    vector(v.V_LT_U);
    vector(v.V_SELECT);
  }
  putVector(d, false);
  return true;
}

function duplicate(word: u32): bool {
  const which = (word >>> 16) & 15;
  const quad = (word & (1 << 6)) != 0;
  if ((which & 7) == 0 || (quad && isOddPair(word, false, false))) return false;
  const size = ctz<u32>(which);
  constant(0);
  getScalar(numberM(word), which >>> (size + 1), size);
  putVector(numberD(word), quad);
  return true;
}

/** Comparisons with zero by A:B & 7, in the order of the field: VCGT, VCGE, VCEQ, VCLE, VCLT. */
function zeroCode(which: u32): u32 {
  if (which == 0) return v.V_GT;
  if (which == 1) return v.V_GE;
  if (which == 2) return v.V_EQ;
  return which == 3 ? v.V_LE : v.V_LT;
}

function twoRegisters(word: u32): bool {
  const operation = ((word >>> 12) & 0x30) | ((word >>> 7) & 15);
  const size = (word >>> 18) & 3;
  const quad = (word & (1 << 6)) != 0;
  const d = numberD(word);
  const m = numberM(word);
  if (operation == 0x24 || operation == 0x26) {
    if (quad || size == 3) return false;
    return operation == 0x24 ? narrow(word, d, m, size) : lengthen(word, d, m, size);
  }
  if (quad && isOddPair(word, false, true)) return false;
  if (operation >= 0x20 && operation <= 0x23) return exchange(operation & 3, size, quad, d, m);
  if (!isDefined(operation, size)) return false;
  constant(0);
  const accumulates = (operation & ~1) == 0x0c;
  if (accumulates) getVector(d, quad);
  getVector(m, quad);
  if (operation < 3) reverse(size, 8 >>> operation);
  else if (operation == 0x0a) vector(v.V_COUNT);
  else if (operation == 0x0b) vector(v.V_NOT);
  else if (accumulates || (operation & ~1) == 0x04) {
    vector(v.V_PAIRWISE + (size << 1) + (operation & 1));
    if (accumulates) vector(v.V_ADD + (size + 1) * LANES);
  } else if (operation < 0x15) {
    v.pushVector(0);
    vector(zeroCode(operation & 7) + size * v.COMPARE);
  } else vector((operation == 0x16 ? v.V_ABS : v.V_NEG) + size * LANES);
  putVector(d, quad);
  return true;
}

/** Whether the operation is one of ours, and has lanes of this size. */
function isDefined(operation: u32, size: u32): bool {
  if (operation < 3) return operation + size < 3;
  if (operation == 0x0a || operation == 0x0b) return size == 0;
  const isPairwise = (operation & ~1) == 0x04 || (operation & ~1) == 0x0c;
  if (isPairwise) return size < 2;
  return size < 3 && operation >= 0x10 && operation <= 0x17 && operation != 0x15;
}

/** VREV: bytes of the vector on the stack, by lanes of `size` within groups of `group` bytes. */
function reverse(size: u32, group: u32): void {
  // A shuffle wants two vectors.
  v.pushVector(0);
  for (let i: u32 = 0; i < 16; i++) {
    const lane = i & ~((1 << size) - 1);
    store<u8>(places + i, (lane ^ (group - (1 << size))) | (i & ((1 << size) - 1)));
  }
  shuffleBytes(places);
}

/** VMOVN. */
function narrow(word: u32, d: u32, m: u32, size: u32): bool {
  if (word & 1) return false;
  constant(0);
  getVector(m, true);
  narrowTo(d, size);
  return true;
}

/** VSHLL by the lane's width. */
function lengthen(word: u32, d: u32, m: u32, size: u32): bool {
  if (isOddPair(word, false, false)) return false;
  constant(0);
  getVector(m, false);
  vector(v.V_EXTEND + 2 + size * LANES);
  constant(8 << size);
  vector(v.V_SHL + (size + 1) * LANES);
  putVector(d, true);
  return true;
}

/** VSWP, VTRN, VUZP, VZIP: two results, both computed before the first is stored. */
function exchange(kind: u32, size: u32, quad: bool, d: u32, m: u32): bool {
  if (d == m || (kind == 0 ? size != 0 : size == 3 || (kind > 1 && !quad && size == 2))) return false;
  for (let which: u32 = 0; which < 2; which++) {
    constant(0);
    if (kind == 0) {
      getVector(which ? d : m, quad);
      continue;
    }
    getVector(d, quad);
    getVector(m, quad);
    exchanged(kind, size, quad ? 16 : 8, which);
  }
  putVector(m, quad);
  putVector(d, quad);
  return true;
}

/** The shuffle for result `which` of VTRN, VUZP or VZIP (arm/neon/permute); Vm's bytes begin at 16. */
function exchanged(kind: u32, size: u32, bytes: u32, which: u32): void {
  const count = bytes >>> size;
  for (let i: u32 = 0; i < 16; i++) {
    const lane = (i >>> size) & (count - 1);
    let from: u32;
    if (kind == 1) from = (lane & 1) * count + (lane & ~1) + which;
    else if (kind == 2) from = (lane << 1) + which;
    else from = ((lane + which * count) >>> 1) + (lane & 1) * count;
    const second: u32 = from >= count ? 16 : 0;
    store<u8>(places + i, second + ((from & (count - 1)) << size) + (i & ((1 << size) - 1)));
  }
  shuffleBytes(places);
}
