// Vectors of WebAssembly in translated modules (core specification 2.0 §5.4.7), where the host has them: it says so in CONFIG_TRANSLATE_SIMD.
//
// Registers stay where they are, in the CPU's state: a quadword is loaded whole, a doubleword with zeros above it. The opcodes of one operation
// for lanes of 8, 16, 32 and 64 bits are a constant apart, which LANES and COMPARE say.

import { CONFIG_TRANSLATE_SIMD, VFP_STATE } from "../../abi/layout";
import { byte, constant, leb } from "./emitter";

// Opcodes behind the prefix.
export const V_LOAD: u32 = 0x00;
export const V_LOAD_SPLAT: u32 = 0x07; // + log2 of the lane's bytes
export const V_STORE: u32 = 0x0b;
export const V_CONST: u32 = 0x0c;
export const V_SHUFFLE: u32 = 0x0d;
export const V_SWIZZLE: u32 = 0x0e;
export const V_SPLAT: u32 = 0x0f; // + log2 of the lane's bytes
export const V_NOT: u32 = 0x4d;
export const V_AND: u32 = 0x4e;
export const V_AND_NOT: u32 = 0x4f;
export const V_OR: u32 = 0x50;
export const V_XOR: u32 = 0x51;
export const V_SELECT: u32 = 0x52;
const V_STORE64_LANE: u32 = 0x5b;
const V_LOAD64_ZERO: u32 = 0x5d;
export const V_COUNT: u32 = 0x62;
/** Comparisons of bytes; COMPARE more for each doubling of the lanes. */
export const V_EQ: u32 = 0x23;
export const V_NE: u32 = 0x24;
export const V_LT: u32 = 0x25;
export const V_LT_U: u32 = 0x26;
export const V_GT: u32 = 0x27; // the next is unsigned, here and below
export const V_LE: u32 = 0x29;
export const V_GE: u32 = 0x2b;
export const COMPARE: u32 = 10;
/** Arithmetic of bytes; LANES more for each doubling. */
export const V_ABS: u32 = 0x60;
export const V_NEG: u32 = 0x61;
export const V_SHL: u32 = 0x6b;
export const V_SHR: u32 = 0x6c;
export const V_ADD: u32 = 0x6e;
export const V_SUB: u32 = 0x71;
export const V_MUL: u32 = 0x75; // not of bytes, and 64 bits are elsewhere
export const V_MIN: u32 = 0x76;
export const V_MAX: u32 = 0x78;
export const V_AVERAGE_U: u32 = 0x7b; // of bytes and halfwords
export const LANES: u32 = 0x20;
/** From lanes of bytes to halfwords, signed, and unsigned two beyond; LANES more for each doubling. */
export const V_EXTEND: u32 = 0x87;
export const V_EXTENDED_PRODUCT: u32 = 0x9c;
export const V_PAIRWISE: u32 = 0x7c; // unsigned one beyond; two more for halfwords

/** Whether modules may have vectors. */
export function vectorsAllowed(): bool {
  return load<u32>(CONFIG_TRANSLATE_SIMD) != 0;
}

/** One opcode of vectors, without immediates. */
export function vector(code: u32): void {
  byte(0xfd);
  leb(code);
}

function vectorAccess(code: u32, offset: u32): void {
  vector(code);
  byte(0);
  leb(offset);
}

/** Pushes the quadword, or the doubleword with zeros above it, that begins with register `number`. */
export function getVector(number: u32, quad: bool): void {
  constant(0);
  vectorAccess(quad ? V_LOAD : V_LOAD64_ZERO, VFP_STATE + (number << 3));
}

/** Pushes the doubleword twice, or a quadword. */
export function getVectorTwice(number: u32, quad: bool): void {
  constant(0);
  vectorAccess(quad ? V_LOAD : V_LOAD_SPLAT + 3, VFP_STATE + (number << 3));
}

/** Stores the vector that lies above a 0 on the stack. */
export function putVector(number: u32, quad: bool): void {
  vectorAccess(quad ? V_STORE : V_STORE64_LANE, VFP_STATE + (number << 3));
  if (!quad) byte(0);
}

/** Pushes lane `index` of register `number` in all lanes. */
export function getScalar(number: u32, index: u32, size: u32): void {
  constant(0);
  vectorAccess(V_LOAD_SPLAT + size, VFP_STATE + (number << 3) + (index << size));
}

/** Loads or stores 16 bytes at the address on the stack and `offset`. */
export function moveVector(isLoad: bool, offset: u32): void {
  vectorAccess(isLoad ? V_LOAD : V_STORE, offset);
}

/** Pushes a constant, `low` in both halves. */
export function pushVector(low: u64): void {
  vector(V_CONST);
  for (let half = 0; half < 2; half++)
    for (let shift: u64 = 0; shift < 64; shift += 8) byte(<u32>((low >>> shift) & 0xff));
}

/** The two vectors on the stack become one of their bytes: lane i of `size` is lane first + i × step of both, one behind the other; from lane
 *  `half` on it is `second` instead of first. */
export function shuffle(size: u32, first: u32, step: u32, half: u32, second: u32): void {
  vector(V_SHUFFLE);
  const lanes: u32 = 16 >>> size;
  for (let i: u32 = 0; i < lanes; i++) {
    const lane = (i < half ? first + i * step : second + (i - half) * step) & ((lanes << 1) - 1);
    for (let within: u32 = 0; within < 1 << size; within++) byte((lane << size) + within);
  }
}

/** The same with the place of each byte by itself: bytes `places` to `places` + 15. */
export function shuffleBytes(places: usize): void {
  vector(V_SHUFFLE);
  for (let i: usize = 0; i < 16; i++) byte(load<u8>(places + i));
}

/** The vector on the stack, above a 0, goes to `d` with lanes of `size`, every other one of what they are there. */
export function narrowTo(d: u32, size: u32): void {
  getVector(d, false);
  shuffle(size, 0, 2, 16, 0);
  putVector(d, false);
}
