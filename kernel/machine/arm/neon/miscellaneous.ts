// Two registers, miscellaneous: ARM DDI 0406C A7.4.5, table A7-13.

import { FPSCR_QC, doubleRead, doubleWrite, fpscrRaise, fpscrRestore, fpscrStandard } from "../float/vfp-state";
import { estimateFloat, estimateInteger, estimateRootFloat, estimateRootInteger } from "./estimate";
import { floatCompare, floatConvertHalf } from "./float-lanes";
import { laneMask, laneOf } from "./lanes";
import { isOddPair, numberD, numberM } from "./operands";
import { TRANSPOSE, exchange, reverse } from "./permute";
import { convert, lengthen, narrowShifted } from "./shift-immediate";

// Operations by A:B without Q, bits 17:16 and 10:7.
const REVERSE_LAST: u32 = 0x02; // VREV64, VREV32, VREV16
const PAIRWISE_ADD_FIRST: u32 = 0x04;
const PAIRWISE_ADD_LAST: u32 = 0x05; // VPADDL
const LEADING_SIGNS: u32 = 0x08;
const LEADING_ZEROS: u32 = 0x09;
const COUNT: u32 = 0x0a;
const NOT: u32 = 0x0b;
const PAIRWISE_ACCUMULATE_FIRST: u32 = 0x0c;
const PAIRWISE_ACCUMULATE_LAST: u32 = 0x0d; // VPADAL
const SATURATING_ABSOLUTE: u32 = 0x0e;
const SATURATING_NEGATE: u32 = 0x0f;
/** Comparisons with zero, then VABS and VNEG, of integers and, with bit 3, of floats: A = 1. */
const COMPARE_FIRST: u32 = 0x10;
const COMPARE_LAST: u32 = 0x1f;
const SWAP: u32 = 0x20;
const ZIP: u32 = 0x23;
const NARROW: u32 = 0x24; // VMOVN, VQMOVUN
const NARROW_SATURATING: u32 = 0x25; // VQMOVN
const LENGTHEN: u32 = 0x26;
const HALF_FROM_SINGLE: u32 = 0x2c;
const SINGLE_FROM_HALF: u32 = 0x2e;
const ESTIMATE_FIRST: u32 = 0x38;
const CONVERT_FIRST: u32 = 0x3c;

/** Bit n: the operation exists, whatever its size. */
const EXIST: u64 = 0xff00_507f_dfdf_ff37;

/** One lane of an operation on lanes of one width; `d` is what the destination held. */
function lane(operation: u32, value: i64, d: u64, bits: u32): u64 {
  switch (operation) {
    case LEADING_SIGNS: {
      const sign = value < 0 ? ~value : value;
      return clz<u64>(<u64>sign) - (65 - bits);
    }
    case LEADING_ZEROS:
      return clz<u64>((<u64>value) & laneMask(bits)) - (64 - bits);
    case COUNT:
      return popcnt<u64>((<u64>value) & laneMask(bits));
    case NOT:
      return ~(<u64>value);
    case SATURATING_ABSOLUTE:
    case SATURATING_NEGATE: {
      if (operation == SATURATING_ABSOLUTE && value >= 0) return <u64>value;
      if (value != -(<i64>laneMask(bits - 1)) - 1) return <u64>-value;
      fpscrRaise(FPSCR_QC);
      return laneMask(bits - 1);
    }
    case 0x10: // VCGT
      return value > 0 ? -1 : 0;
    case 0x11: // VCGE
      return value >= 0 ? -1 : 0;
    case 0x12: // VCEQ
      return value == 0 ? -1 : 0;
    case 0x13: // VCLE
      return value <= 0 ? -1 : 0;
    case 0x14: // VCLT
      return value < 0 ? -1 : 0;
    case 0x16: // VABS
      return <u64>abs(value);
    case 0x17: // VNEG
      return <u64>-value;
    case 0x18: // the same for floats
      return floatCompare(<u32>value, 0, false, true);
    case 0x19:
      return floatCompare(<u32>value, 0, true, true);
    case 0x1a:
      return floatCompare(<u32>value, 0, true, false);
    case 0x1b:
      return floatCompare(0, <u32>value, true, true);
    case 0x1c:
      return floatCompare(0, <u32>value, false, true);
    case 0x1e:
      return (<u64>value) & 0x7fff_ffff;
    case 0x1f:
      return (<u64>value) ^ 0x8000_0000;
    case 0x38: // VRECPE
      return estimateInteger(<u32>value);
    case 0x39: // VRSQRTE
      return estimateRootInteger(<u32>value);
    case 0x3a: // the same for floats
      return estimateFloat(<u32>value);
    default:
      return estimateRootFloat(<u32>value);
  }
}

/** VPADDL and VPADAL: neighbours are added to a lane of twice the width. */
function pairwiseLong(source: u64, old: u64, bits: u32, unsigned: bool): u64 {
  const wide = bits << 1;
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += wide) {
    const sum = laneOf(source, at, bits, unsigned) + laneOf(source, at + bits, bits, unsigned);
    result |= ((<u64>sum + (old >>> at)) & laneMask(wide)) << at;
  }
  return result;
}

/** One doubleword of an operation whose vectors are of one length. */
function vector(operation: u32, source: u64, old: u64, bits: u32): u64 {
  if (operation <= REVERSE_LAST) return reverse(source, bits, 64 >>> operation);
  if (operation == PAIRWISE_ADD_FIRST || operation == PAIRWISE_ADD_LAST)
    return pairwiseLong(source, 0, bits, (operation & 1) != 0);
  if (operation == PAIRWISE_ACCUMULATE_FIRST || operation == PAIRWISE_ACCUMULATE_LAST)
    return pairwiseLong(source, old, bits, (operation & 1) != 0);
  let result: u64 = 0;
  for (let at: u32 = 0; at < 64; at += bits)
    result |= (lane(operation, laneOf(source, at, bits, false), 0, bits) & laneMask(bits)) << at;
  return result;
}

/** Whether the operation has lanes of this size, and registers of these numbers. */
function isDefined(operation: u32, size: u32, word: u32): bool {
  const quad = (word & (1 << 6)) != 0;
  if (!((EXIST >>> operation) & 1)) return false;
  if (operation >= NARROW && operation <= NARROW_SATURATING) return size != 3 && (word & 1) == 0;
  if (operation == LENGTHEN) return !quad && size != 3 && !isOddPair(word, false, false);
  if (operation == HALF_FROM_SINGLE) return !quad && size == 1 && (word & 1) == 0;
  if (operation == SINGLE_FROM_HALF) return !quad && size == 1 && !isOddPair(word, false, false);
  if (quad && isOddPair(word, false, true)) return false;
  if (operation <= REVERSE_LAST) return operation + size < 3;
  if (operation == COUNT || operation == NOT || operation == SWAP) return size == 0;
  const isFloat = operation >= COMPARE_FIRST && operation <= COMPARE_LAST && (operation & 8) != 0;
  if (isFloat || operation >= ESTIMATE_FIRST) return size == 2;
  // VUZP and VZIP of two words in a doubleword are VTRN.
  return size != 3 && !(operation > SWAP + TRANSPOSE && operation <= ZIP && !quad && size == 2);
}

/** VSWP, VTRN, VUZP, VZIP. */
function exchangeRegisters(operation: u32, d: u32, m: u32, size: u32, quad: u32): void {
  if (operation != SWAP) {
    exchange(operation - SWAP, d, m, size, quad != 0);
    return;
  }
  for (let half: u32 = 0; half <= quad; half++) {
    const old = doubleRead(d + half);
    doubleWrite(d + half, doubleRead(m + half));
    doubleWrite(m + half, old);
  }
}

/** Executes `word`. False: it is Undefined. */
export function miscellaneous(word: u32): bool {
  const operation = ((word >>> 12) & 0x30) | ((word >>> 7) & 15);
  const size = (word >>> 18) & 3;
  if (!isDefined(operation, size, word)) return false;
  const bits: u32 = 8 << size;
  const d = numberD(word);
  const m = numberM(word);
  const quad = (word >>> 6) & 1;
  if (operation >= SWAP && operation <= ZIP) exchangeRegisters(operation, d, m, size, quad);
  else if (operation == NARROW) narrowShifted(d, m, 0, bits, false, quad != 0, true, false);
  else if (operation == NARROW_SATURATING) narrowShifted(d, m, 0, bits, false, true, quad != 0, quad != 0);
  else if (operation == LENGTHEN) lengthen(d, m, bits, bits, true);
  else if (operation == HALF_FROM_SINGLE || operation == SINGLE_FROM_HALF)
    floatConvertHalf(d, m, operation == SINGLE_FROM_HALF);
  else if (operation >= CONVERT_FIRST) convert(word, (operation & 2) != 0, (operation & 1) != 0, 0);
  else {
    const modes = fpscrStandard();
    for (let half: u32 = 0; half <= quad; half++)
      doubleWrite(d + half, vector(operation, doubleRead(m + half), doubleRead(d + half), bits));
    fpscrRestore(modes);
  }
  return true;
}
