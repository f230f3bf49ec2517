// VADD, VSUB, VMUL, VMLA and VMLS of floats as vectors of WebAssembly, where that gives the same bits and the same flags: WebAssembly neither
// flushes to zero nor knows ARM's default NaN. What must hold is what arm/neon/float-lanes wants of one lane, of all lanes here: IXC is set already,
// no operand is denormal, and the result is normal. Anything else takes the interpreter's function.

import { FPSCR_IXC } from "../arm/float/vfp-state";
import { isOddPair, numberD, numberM, numberN } from "../arm/neon/operands";
import { TYPE_VOID, W, call, close, constant, get, op, open, set } from "./emitter";
import { FPSCR } from "./float-operands";
import { likely } from "./hints";
import { IMPORT_NEON_DATA } from "./imports";
import { VECTOR, loadWord } from "./locals";
import { standIf } from "./place";
import * as v from "./vectors";
import { getVectorTwice, pushVector, putVector, vector } from "./vectors";

const F_ABS: u32 = 0xe0;
const F_ADD: u32 = 0xe4;
const F_SUB: u32 = 0xe5;
const F_MUL: u32 = 0xe6;
const F_EQ: u32 = 0x41;
const F_GT: u32 = 0x44;
const F_LE: u32 = 0x45;
const F_GE: u32 = 0x46;
const ALL_TRUE: u32 = 0xa3; // of words
const MIN_NORMAL: u64 = 0x0080_0000_0080_0000;
const MAX_FINITE: u64 = 0x7f7f_ffff_7f7f_ffff;

/** The interpreter's own function. Undefined, it has changed nothing: the interpreter says so again. */
export function neonCall(ip: u32, word: u32): void {
  constant(word);
  call(IMPORT_NEON_DATA);
  op(W.I32_EQZ);
  standIf(ip);
}

/** Pushes which lanes of the local have a magnitude above, or with `orEqual` also at, the smallest normal. */
function magnitude(orEqual: bool): void {
  get(VECTOR);
  vector(F_ABS);
  pushVector(MIN_NORMAL);
  vector(orEqual ? F_GE : F_GT);
}

/** Pushes which lanes of register `number` are no denormal. */
function plain(number: u32, quad: bool): void {
  getVectorTwice(number, quad);
  set(VECTOR);
  magnitude(true);
  get(VECTOR);
  pushVector(0);
  vector(F_EQ);
  vector(v.V_OR);
}

/** Pushes which lanes of the local are results that stand: normal. */
function stands(): void {
  magnitude(false);
  get(VECTOR);
  vector(F_ABS);
  pushVector(MAX_FINITE);
  vector(F_LE);
  vector(v.V_AND);
}

/** Writes the NEON_DATA record at `ip`. False: it is another operation. */
export function lowerNeonFloat(ip: u32, word: u32): bool {
  // Three registers of one length, A = 1101, sz = 0 (A7.4.1).
  if ((word & 0x0090_0f00) != 0x0000_0d00) return false;
  const which = ((word >>> 2) & 4) | ((word >>> 23) & 2) | ((word >>> 21) & 1); // B, U, C
  const quad = (word & (1 << 6)) != 0;
  const accumulates = which == 4 || which == 5;
  if (!(which <= 1 || accumulates || which == 6) || (quad && isOddPair(word, true, true))) return false;
  const d = numberD(word);
  const n = numberN(word);
  const m = numberM(word);
  plain(n, quad);
  plain(m, quad);
  vector(v.V_AND);
  if (accumulates) {
    plain(d, quad);
    vector(v.V_AND);
  }
  operate(which == 0 ? F_ADD : which == 1 ? F_SUB : F_MUL, n, m, quad);
  stands();
  vector(v.V_AND);
  if (accumulates) {
    getVectorTwice(d, quad);
    get(VECTOR);
    vector(which == 4 ? F_ADD : F_SUB);
    set(VECTOR);
    stands();
    vector(v.V_AND);
  }
  vector(ALL_TRUE);
  loadWord(FPSCR);
  constant(FPSCR_IXC);
  op(W.I32_AND);
  constant(0);
  op(W.I32_NE);
  op(W.I32_AND);
  likely();
  open(W.IF, TYPE_VOID);
  constant(0);
  get(VECTOR);
  putVector(d, quad);
  op(W.ELSE);
  neonCall(ip, word);
  close();
  return true;
}

/** The result of one operation goes to the local. */
function operate(code: u32, n: u32, m: u32, quad: bool): void {
  getVectorTwice(n, quad);
  getVectorTwice(m, quad);
  vector(code);
  set(VECTOR);
}
