// Extensions, bit fields, long multiplies and saturation, for both instruction sets.

import { Name } from "./decode-table.gen";
import { emit, r } from "./emit";
import { SHIFT_ASR, SHIFT_LSL, emitShift } from "./decode-alu";
import { Op } from "./micro-operation";
import { SCRATCH, ZERO } from "../state";

/** d = bytes or halves of m rotated by 8 × rotate, extended, plus n (15: nothing). */
export function emitExtend(name: u32, d: u32, n: u32, m: u32, rotate: u32): void {
  const rotation = rotate << 3;
  if (name == Name.SXTAB16 || name == Name.UXTAB16) {
    let operand = m;
    if (rotation) {
      emit(Op.RORI, SCRATCH, 0, m, rotation, 0);
      operand = SCRATCH;
    }
    emit(Op.MEDIA, d, n == 15 ? ZERO : r(n), operand, 0, name);
    return;
  }
  const op = name == Name.SXTAB ? Op.SXTB : name == Name.SXTAH ? Op.SXTH : name == Name.UXTAB ? Op.UXTB : Op.UXTH;
  if (n == 15) {
    emit(op, d, 0, m, rotation, 0);
    return;
  }
  emit(op, SCRATCH, 0, m, rotation, 0);
  emit(Op.ADD, d, r(n), SCRATCH, 0, 0);
}

/** CLZ, REV, REV16, REVSH, RBIT. */
export function emitUnary(name: u32, d: u32, m: u32): void {
  const op =
    name == Name.CLZ
      ? Op.CLZ
      : name == Name.REV
        ? Op.REV
        : name == Name.REV16
          ? Op.REV16
          : name == Name.REVSH
            ? Op.REVSH
            : Op.RBIT;
  emit(op, d, 0, m, 0, 0);
}

/** SBFX (signed) or UBFX. A field that reaches past bit 31 is UNPREDICTABLE: here it ends there. */
export function emitExtractField(unsigned: bool, d: u32, n: u32, lsb: u32, widthMinus1: u32): void {
  const width = min<u32>(widthMinus1 + 1, 32 - lsb);
  if (unsigned) emit(Op.UBFX, d, n, 0, lsb, width == 32 ? 0xffff_ffff : ((1 as u32) << width) - 1);
  else emit(Op.SBFX, d, n, 32 - lsb - width, 32 - width, 0);
}

/** BFI, or BFC when n is 15. msb below lsb is UNPREDICTABLE: here nothing is changed. */
export function emitInsertField(d: u32, n: u32, lsb: u32, msb: u32): void {
  const width = msb >= lsb ? msb - lsb + 1 : 0;
  const mask = (width == 32 ? 0xffff_ffff : ((1 as u32) << width) - 1) << lsb;
  if (n == 15) emit(Op.ANDI, d, d, 0, 0, ~mask);
  else emit(Op.BFI, d, r(n), 0, lsb, mask);
}

/** UMULL and its family; `s` sets N and Z. */
export function emitMultiplyLong(name: u32, s: bool, low: u32, high: u32, n: u32, m: u32): void {
  const op =
    name == Name.UMULL
      ? Op.UMULL
      : name == Name.SMULL
        ? Op.SMULL
        : name == Name.UMLAL
          ? Op.UMLAL
          : name == Name.SMLAL
            ? Op.SMLAL
            : Op.UMAAL;
  emit(op, low, n, m, high, 0);
  if (s) emit(Op.FLAGS64, low, 0, 0, high, 0);
}

/** SSAT, USAT: the operand is shifted first (sh: ASR, else LSL; A8.4.3). */
export function emitSaturate(unsigned: bool, d: u32, n: u32, sh: bool, amount: u32, to: u32): void {
  let operand = n;
  if (sh || amount) {
    emitShift(SCRATCH, n, sh ? SHIFT_ASR : SHIFT_LSL, amount);
    operand = SCRATCH;
  }
  emit(Op.SATURATE, d, operand, 0, unsigned ? 1 : 0, to);
}

/** PKHBT, or PKHTB when tb: d = one half of n, the other of m shifted. */
export function emitPack(d: u32, n: u32, m: u32, tb: bool, amount: u32): void {
  let operand = m;
  if (tb || amount) {
    emitShift(SCRATCH, m, tb ? SHIFT_ASR : SHIFT_LSL, amount);
    operand = SCRATCH;
  }
  emit(Op.MEDIA, d, n, operand, 0, tb ? MEDIA_PACK_TOP : MEDIA_PACK_BOTTOM);
}

// Media operations that have no name of their own in the instruction table: see media.
export const MEDIA_PACK_BOTTOM: u32 = 240;
export const MEDIA_PACK_TOP: u32 = 241;
/** + 2 × (top half of n) + (top half of m) */
export const MEDIA_HALF: u32 = 200;
/** + (top half of m) */
export const MEDIA_WORD_HALF: u32 = 204;
/** + 1 exchanges the halves of m, or rounds */
export const MEDIA_DUAL: u32 = 208;
export const MEDIA_DUAL_SUBTRACT: u32 = 210;
export const MEDIA_MOST: u32 = 212;
export const MEDIA_MOST_SUBTRACT: u32 = 214;
