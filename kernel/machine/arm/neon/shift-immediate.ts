// Two registers and a shift amount: ARM DDI 0406C A7.4.4, table A7-12. And conversions from and to fixed point, which are among them.

import { doubleRead, doubleWrite, fpscrRestore, fpscrStandard } from "../float/vfp-state";
import { floatConvert } from "./float-lanes";
import { laneMask, laneOf, narrowed, saturated, shifted, shiftedSaturating } from "./lanes";
import { isOddPair, numberD, numberM } from "./operands";

// Operations by A, bits 11:8.
const SHIFT_RIGHT_LAST: u32 = 3;
const INSERT_RIGHT: u32 = 4;
const SHIFT_LEFT: u32 = 5;
const SATURATING_UNSIGNED: u32 = 6;
const SATURATING: u32 = 7;

/** Shifts within lanes: VSHR, VSRA, VRSHR, VRSRA, VSRI, VSHL, VSLI, VQSHL, VQSHLU. */
function shiftLane(operation: u32, u: bool, value: i64, d: i64, amount: u32, bits: u32): i64 {
  const mask = <i64>laneMask(bits);
  switch (operation) {
    case 0:
    case 1:
    case 2:
    case SHIFT_RIGHT_LAST: {
      const result = shifted(value, -(<i32>amount), u, (operation & 2) != 0);
      return operation & 1 ? d + result : result;
    }
    case INSERT_RIGHT: {
      const inserted = amount == bits ? 0 : <i64>((<u64>mask) >>> amount);
      return (d & ~inserted) | (amount == bits ? 0 : <i64>((<u64>(value & mask)) >>> amount));
    }
    case SHIFT_LEFT:
      return u ? (d & (((<i64>1) << amount) - 1)) | (value << amount) : value << amount;
    case SATURATING_UNSIGNED:
      // A signed lane to an unsigned one: saturated() notes that a negative one became zero.
      return value < 0 ? saturated(-1, 8, true) : shiftedSaturating(value, amount, bits, true, false);
    default:
      return shiftedSaturating(value, amount, bits, u, false);
  }
}

function withinLanes(operation: u32, word: u32, amount: u32, bits: u32): void {
  const u = (word & (1 << 24)) != 0;
  const unsigned = u && operation != SATURATING_UNSIGNED;
  const d = numberD(word);
  const m = numberM(word);
  const mask = laneMask(bits);
  for (let half: u32 = 0; half <= ((word >>> 6) & 1); half++) {
    const source = doubleRead(m + half);
    const old = doubleRead(d + half);
    let result: u64 = 0;
    for (let at: u32 = 0; at < 64; at += bits) {
      const value = shiftLane(
        operation,
        u,
        laneOf(source, at, bits, unsigned),
        laneOf(old, at, bits, unsigned),
        amount,
        bits,
      );
      result |= ((<u64>value) & mask) << at;
    }
    doubleWrite(d + half, result);
  }
}

/** VSHRN, VRSHRN; VQSHRN, VQRSHRN, VQSHRUN, VQRSHRUN; and VMOVN, VQMOVN, VQMOVUN, which shift by zero: a quadword's lanes become half as
 *  wide. */
export function narrowShifted(
  d: u32,
  m: u32,
  amount: u32,
  bits: u32,
  rounding: bool,
  saturating: bool,
  unsigned: bool,
  unsignedSource: bool,
): void {
  const wide = bits << 1;
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += bits) {
    const value = shifted(
      laneOf(doubleRead(m + (at >>> 5)), (at << 1) & 63, wide, unsignedSource),
      -(<i32>amount),
      unsignedSource,
      rounding,
    );
    result |= ((<u64>(saturating ? narrowed(value, bits, unsigned, unsignedSource) : value)) & laneMask(bits)) << at;
  }
  doubleWrite(d, result);
}

/** VSHLL, and VMOVL, which shifts by zero: a doubleword's lanes become twice as wide. */
export function lengthen(d: u32, m: u32, amount: u32, bits: u32, unsigned: bool): void {
  const source = doubleRead(m);
  const wide = bits << 1;
  for (let half: u32 = 0; half < 2; half++) {
    let result: u64 = 0;
    for (let at: u32 = 0; at < 64; at += wide) {
      const value = laneOf(source, ((half << 6) | at) >>> 1, bits, unsigned) << amount;
      result |= ((<u64>value) & laneMask(wide)) << at;
    }
    doubleWrite(d + half, result);
  }
}

/** VCVT between integers or fixed point and floating point, lanes of 32 bits. */
export function convert(word: u32, toInteger: bool, unsigned: bool, fractionBits: u32): void {
  const modes = fpscrStandard();
  for (let half: u32 = 0; half <= ((word >>> 6) & 1); half++) {
    const source = doubleRead(numberM(word) + half);
    const low = floatConvert(<u32>source, toInteger, unsigned, fractionBits);
    const high = floatConvert(<u32>(source >>> 32), toInteger, unsigned, fractionBits);
    doubleWrite(numberD(word) + half, (<u64>low) | ((<u64>high) << 32));
  }
  fpscrRestore(modes);
}

/** Executes `word`. False: it is Undefined. */
export function shiftImmediate(word: u32): bool {
  const operation = (word >>> 8) & 15;
  const u = (word & (1 << 24)) != 0;
  const second = (word & (1 << 6)) != 0;
  const imm6 = (word >>> 16) & 0x3f;
  const isLong = (word & (1 << 7)) != 0; // L: lanes of 64 bits
  const bits: u32 = isLong ? 64 : imm6 & 32 ? 32 : imm6 & 16 ? 16 : 8;
  const left = isLong ? imm6 : imm6 - bits;
  if (operation <= SATURATING) {
    if (second && isOddPair(word, false, true)) return false;
    if ((operation == INSERT_RIGHT || operation == SATURATING_UNSIGNED) && !u) return false;
    const isRight = operation <= INSERT_RIGHT;
    withinLanes(operation, word, isRight ? bits - left : left, bits);
    return true;
  }
  if (isLong) return false;
  if (operation == 8 || operation == 9) {
    if (word & 1) return false;
    // In VQSHRUN and VQRSHRUN the lanes are signed, and become unsigned.
    const saturating = operation == 9 || u;
    narrowShifted(numberD(word), numberM(word), bits - left, bits, second, saturating, u, u && operation == 9);
    return true;
  }
  if (operation == 10) {
    if (second || isOddPair(word, false, false)) return false;
    lengthen(numberD(word), numberM(word), left, bits, u);
    return true;
  }
  if (operation < 14 || bits != 32) return false;
  if (second && isOddPair(word, false, true)) return false;
  convert(word, (operation & 1) != 0, u, 64 - imm6);
  return true;
}
