// VFP data processing by its instruction word (arm/float/vfp-data): multiply and add, square root, comparison, conversion. Each has an inline
// form for the case that the host gives the same bits and flags (float-operands), and calls the interpreter's function for the rest.

import { likely } from "./hints";
import { VFP_STATE } from "../../abi/layout";
import { FPSCR_FZ } from "../arm/float/vfp-state";
import { TYPE_VOID, W, call, close, constant, get, op, open, set } from "./emitter";
import { IMPORT_VFP_DATA } from "./imports";
import { DOUBLE, SINGLE, loadWord } from "./locals";
import { FPSCR, getFloat, pushFloat, pushHostExact, pushResultStands, putFloat, putWord } from "./float-operands";
import { standIf } from "./place";

/** Offset in VFP_STATE of the register in bits `low`:`extra` of a word. */
function register(word: u32, low: u32, extra: u32, isDouble: bool): u32 {
  const four = (word >>> low) & 15;
  const one = (word >>> extra) & 1;
  return isDouble ? ((one << 4) | four) << 3 : ((four << 1) | one) << 2;
}

function setResult(isDouble: bool): void {
  set(isDouble ? DOUBLE : SINGLE);
}

/** The interpreter's own function. Undefined, it has changed nothing: the interpreter says so again. */
function generic(ip: u32, word: u32): void {
  constant(word);
  call(IMPORT_VFP_DATA);
  op(W.I32_EQZ);
  standIf(ip);
}

/** The condition on the stack: the result in DOUBLE or SINGLE goes to d; else the generic way. */
function putOrGeneric(ip: u32, word: u32, d: u32, isDouble: bool): void {
  likely();
  open(W.IF, TYPE_VOID);
  constant(0);
  get(isDouble ? DOUBLE : SINGLE);
  putFloat(d, isDouble);
  op(W.ELSE);
  generic(ip, word);
  close();
}

function operation(isDouble: bool, double: W, single: W): void {
  op(isDouble ? double : single);
}

/** VMLA, VMLS, VNMLS, VNMLA, VNMUL: the product is rounded, and must stand by itself. */
function multiplyAdd(ip: u32, word: u32, which: u32, isDouble: bool): void {
  const d = register(word, 12, 22, isDouble);
  getFloat(register(word, 16, 7, isDouble), isDouble);
  getFloat(register(word, 0, 5, isDouble), isDouble);
  operation(isDouble, W.F64_MUL, W.F32_MUL);
  setResult(isDouble);
  pushResultStands(isDouble, false);
  if (which == 5) {
    get(isDouble ? DOUBLE : SINGLE);
    operation(isDouble, W.F64_NEG, W.F32_NEG);
    setResult(isDouble);
    putOrGeneric(ip, word, d, isDouble);
    return;
  }
  getFloat(d, isDouble);
  if (which >= 2) operation(isDouble, W.F64_NEG, W.F32_NEG);
  get(isDouble ? DOUBLE : SINGLE);
  if (which == 0 || which == 2) operation(isDouble, W.F64_ADD, W.F32_ADD);
  else operation(isDouble, W.F64_SUB, W.F32_SUB);
  setResult(isDouble);
  pushResultStands(isDouble, true);
  op(W.I32_AND);
  putOrGeneric(ip, word, d, isDouble);
}

/** VCMP, VCMPE, when the operands are ordered and nothing is flushed. */
function compare(ip: u32, word: u32, isDouble: bool, withZero: bool): void {
  const a = register(word, 12, 22, isDouble);
  const b = register(word, 0, 5, isDouble);
  pushCompare(W.F64_LE, W.F32_LE, a, b, isDouble, withZero);
  pushCompare(W.F64_GT, W.F32_GT, a, b, isDouble, withZero);
  op(W.I32_OR);
  loadWord(FPSCR);
  constant(FPSCR_FZ);
  op(W.I32_AND);
  op(W.I32_EQZ);
  op(W.I32_AND);
  likely();
  open(W.IF, TYPE_VOID);
  constant(0);
  loadWord(FPSCR);
  constant(0x0fff_ffff);
  op(W.I32_AND);
  // N: less; Z and C: equal; C: greater.
  constant(0x6000_0000);
  constant(0x8000_0000);
  constant(0x2000_0000);
  pushCompare(W.F64_LT, W.F32_LT, a, b, isDouble, withZero);
  op(W.SELECT);
  pushCompare(W.F64_EQ, W.F32_EQ, a, b, isDouble, withZero);
  op(W.SELECT);
  op(W.I32_OR);
  putWord(FPSCR);
  op(W.ELSE);
  generic(ip, word);
  close();
}

function pushCompare(double: W, single: W, a: u32, b: u32, isDouble: bool, withZero: bool): void {
  getFloat(a, isDouble);
  if (withZero) pushFloat(0, 0, isDouble);
  else getFloat(b, isDouble);
  operation(isDouble, double, single);
}

/** To an integer, towards zero, when it is in range. */
function toInteger(ip: u32, word: u32, isDouble: bool): void {
  const m = register(word, 0, 5, isDouble);
  const d = register(word, 12, 22, false);
  const signed = (word & (1 << 16)) != 0;
  getFloat(m, isDouble);
  if (signed) operation(isDouble, W.F64_ABS, W.F32_ABS);
  pushFloat(signed ? 0x41e0_0000_0000_0000 : 0x41f0_0000_0000_0000, signed ? 0x4f00_0000 : 0x4f80_0000, isDouble); // 2^31, 2^32
  operation(isDouble, W.F64_LT, W.F32_LT);
  if (!signed) {
    getFloat(m, isDouble);
    pushFloat(0, 0, isDouble);
    operation(isDouble, W.F64_GE, W.F32_GE);
    op(W.I32_AND);
  }
  pushHostExact();
  op(W.I32_AND);
  likely();
  open(W.IF, TYPE_VOID);
  constant(0);
  getFloat(m, isDouble);
  if (signed) operation(isDouble, W.I32_TRUNC_F64_S, W.I32_TRUNC_F32_S);
  else operation(isDouble, W.I32_TRUNC_F64_U, W.I32_TRUNC_F32_U);
  putFloatWord(d);
  op(W.ELSE);
  generic(ip, word);
  close();
}

function putFloatWord(at: u32): void {
  putWord(VFP_STATE + at);
}

/** Writes the VFP_DATA record at `ip`. */
export function lowerVfpData(ip: u32): void {
  const word = load<u32>(ip, 8);
  const isDouble = (word & 0x100) != 0;
  const which = ((word >>> 20) & 8) | ((word >>> 19) & 6) | ((word >>> 6) & 1);
  const opc2 = (word >>> 16) & 15;
  const top = (word & 0x80) != 0;
  if (word >>> 28 == 15 || (word & 0x0f00_0e10) != 0x0e00_0a00) generic(ip, word);
  else if (which <= 3 || which == 5) multiplyAdd(ip, word, which, isDouble);
  else if (which != 15) generic(ip, word);
  else if (opc2 == 1 && top) {
    getFloat(register(word, 0, 5, isDouble), isDouble);
    operation(isDouble, W.F64_SQRT, W.F32_SQRT);
    setResult(isDouble);
    pushResultStands(isDouble, false);
    putOrGeneric(ip, word, register(word, 12, 22, isDouble), isDouble);
  } else if ((opc2 == 0 && top) || opc2 == 1) {
    getFloat(register(word, 0, 5, isDouble), isDouble);
    if (opc2 == 0) operation(isDouble, W.F64_ABS, W.F32_ABS);
    else operation(isDouble, W.F64_NEG, W.F32_NEG);
    setResult(isDouble);
    pushHostExact();
    putOrGeneric(ip, word, register(word, 12, 22, isDouble), isDouble);
  } else if (opc2 == 4 || (opc2 == 5 && (word & 0x2f) == 0)) compare(ip, word, isDouble, opc2 == 5);
  else if (opc2 == 7 && top) {
    // Between the precisions; the result's is the other one.
    getFloat(register(word, 0, 5, isDouble), isDouble);
    operation(isDouble, W.F32_DEMOTE, W.F64_PROMOTE);
    setResult(!isDouble);
    pushResultStands(!isDouble, false);
    putOrGeneric(ip, word, register(word, 12, 22, !isDouble), !isDouble);
  } else if (opc2 == 8) {
    loadWord(VFP_STATE + register(word, 0, 5, false));
    if (top) operation(isDouble, W.F64_CONVERT_I32_S, W.F32_CONVERT_I32_S);
    else operation(isDouble, W.F64_CONVERT_I32_U, W.F32_CONVERT_I32_U);
    setResult(isDouble);
    pushHostExact();
    putOrGeneric(ip, word, register(word, 12, 22, isDouble), isDouble);
  } else if ((opc2 == 12 || opc2 == 13) && top) toInteger(ip, word, isDouble);
  else generic(ip, word);
}
