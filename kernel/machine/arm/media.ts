// Media arithmetic: parallel, saturating, dual and half-word multiplies. ARM DDI 0406C A4.4.3 – A4.4.5, A8.8.
// `operation` is a Name of the instruction table, or MEDIA_* of decode-media.

import { Name } from "./decode/decode-table.gen";
import {
  MEDIA_DUAL,
  MEDIA_DUAL_SUBTRACT,
  MEDIA_HALF,
  MEDIA_MOST,
  MEDIA_MOST_SUBTRACT,
  MEDIA_PACK_BOTTOM,
  MEDIA_PACK_TOP,
  MEDIA_WORD_HALF,
} from "./decode/decode-media";
import { FLAG_GE, FLAG_Q } from "./state";

// @ts-ignore: decorator
@inline
function setQ(): void {
  store<u32>(FLAG_Q, 1);
}

// @ts-ignore: decorator
@inline
function signed16(value: u32): i32 {
  return <i32>(<i16>value);
}

/** Half `top` of `value`, sign-extended. */
// @ts-ignore: decorator
@inline
function half(value: u32, top: u32): i32 {
  return top ? (<i32>value) >> 16 : signed16(value);
}

/** The sum of the signed 64-bit value as a 32-bit result; Q when it does not fit. */
function accumulate(wide: i64): u32 {
  if (wide != <i64>(<i32>wide)) setQ();
  return <u32>wide;
}

/** SatQ of a signed value to 32 bits, with Q. */
function saturate32(value: i64): u32 {
  if (value > 0x7fff_ffff) {
    setQ();
    return 0x7fff_ffff;
  }
  if (value < -0x8000_0000) {
    setQ();
    return 0x8000_0000;
  }
  return <u32>value;
}

/** A 32-bit result from n, m and the accumulator a. */
export function media(operation: u32, n: u32, m: u32, a: u32): u32 {
  if (operation >= Name.SADD16 && operation <= Name.UHSUB8) return parallel(operation - Name.SADD16, n, m);
  switch (operation) {
    case Name.SEL: {
      const ge = load<u32>(FLAG_GE);
      // Each GE bit becomes a byte of ones.
      const mask =
        ((ge & 1) * 0xff) |
        (((ge >>> 1) & 1) * 0xff00) |
        (((ge >>> 2) & 1) * 0xff_0000) |
        (((ge >>> 3) & 1) * 0xff00_0000);
      return (n & mask) | (m & ~mask);
    }
    // Rm comes first in these four: Rd = Rm op Rn.
    case Name.QADD:
      return saturate32(<i64>(<i32>m) + <i64>(<i32>n));
    case Name.QSUB:
      return saturate32(<i64>(<i32>m) - <i64>(<i32>n));
    case Name.QDADD:
      return saturate32(<i64>(<i32>m) + <i64>(<i32>saturate32((<i64>(<i32>n)) << 1)));
    case Name.QDSUB:
      return saturate32(<i64>(<i32>m) - <i64>(<i32>saturate32((<i64>(<i32>n)) << 1)));
    case Name.USADA8: {
      let sum = a;
      for (let i: u32 = 0; i < 32; i += 8) {
        const difference = <i32>((n >>> i) & 0xff) - <i32>((m >>> i) & 0xff);
        sum += <u32>(difference < 0 ? -difference : difference);
      }
      return sum;
    }
    case Name.SXTAB16:
      return (((n & 0xffff) + <u32>(<i32>(<i8>m))) & 0xffff) | (((n >>> 16) + <u32>(<i32>(<i8>(m >>> 16)))) << 16);
    case Name.UXTAB16:
      return (((n & 0xffff) + (m & 0xff)) & 0xffff) | (((n >>> 16) + ((m >>> 16) & 0xff)) << 16);
    case MEDIA_PACK_BOTTOM:
      return (n & 0xffff) | (m & 0xffff_0000);
    case MEDIA_PACK_TOP:
      return (n & 0xffff_0000) | (m & 0xffff);
    case MEDIA_HALF:
    case MEDIA_HALF + 1:
    case MEDIA_HALF + 2:
    case MEDIA_HALF + 3: {
      const which = operation - MEDIA_HALF;
      return accumulate(<i64>(half(n, which & 2) * half(m, which & 1)) + <i64>(<i32>a));
    }
    case MEDIA_WORD_HALF:
    case MEDIA_WORD_HALF + 1:
      return accumulate(((<i64>(<i32>n) * <i64>half(m, operation - MEDIA_WORD_HALF)) >> 16) + <i64>(<i32>a));
    case MEDIA_DUAL:
    case MEDIA_DUAL + 1: {
      const operand = operation & 1 ? rotr<u32>(m, 16) : m;
      return accumulate(<i64>(half(n, 0) * half(operand, 0)) + <i64>(half(n, 1) * half(operand, 1)) + <i64>(<i32>a));
    }
    case MEDIA_DUAL_SUBTRACT:
    case MEDIA_DUAL_SUBTRACT + 1: {
      const operand = operation & 1 ? rotr<u32>(m, 16) : m;
      return accumulate(<i64>(half(n, 0) * half(operand, 0)) - <i64>(half(n, 1) * half(operand, 1)) + <i64>(<i32>a));
    }
    case MEDIA_MOST:
    case MEDIA_MOST + 1:
      return most(((<i64>(<i32>a)) << 32) + <i64>(<i32>n) * <i64>(<i32>m), operation & 1);
    case MEDIA_MOST_SUBTRACT:
    case MEDIA_MOST_SUBTRACT + 1:
      return most(((<i64>(<i32>a)) << 32) - <i64>(<i32>n) * <i64>(<i32>m), operation & 1);
    default:
      return 0;
  }
}

/** The upper word, rounded if asked. */
// @ts-ignore: decorator
@inline
function most(wide: i64, round: u32): u32 {
  return <u32>((<u64>(wide + (round ? 0x8000_0000 : 0))) >> 32);
}

/** A 64-bit accumulator plus products of halves of n and m. No flags. */
export function mediaLong(operation: u32, accumulator: u64, n: u32, m: u32): u64 {
  if (operation < MEDIA_WORD_HALF) {
    const which = operation - MEDIA_HALF;
    return accumulator + <u64>(<i64>(half(n, which & 2) * half(m, which & 1)));
  }
  const operand = operation & 1 ? rotr<u32>(m, 16) : m;
  const low = <i64>(half(n, 0) * half(operand, 0));
  const high = <i64>(half(n, 1) * half(operand, 1));
  return accumulator + <u64>(operation < MEDIA_DUAL_SUBTRACT ? low + high : low - high);
}

/** SSAT (0), USAT (1), SSAT16 (2), USAT16 (3) of `value`; `immediate` as encoded. Sets Q. */
export function saturate(kind: u32, value: u32, immediate: u32): u32 {
  switch (kind) {
    case 0:
      return saturateTo(<i32>value, immediate + 1, false);
    case 1:
      return saturateTo(<i32>value, immediate, true);
    default: {
      const unsigned = kind == 3;
      const bits = unsigned ? immediate : immediate + 1;
      const low = saturateTo(half(value, 0), bits, unsigned);
      return (low & 0xffff) | (saturateTo(half(value, 1), bits, unsigned) << 16);
    }
  }
}

function saturateTo(value: i32, bits: u32, unsigned: bool): u32 {
  const wide = <i64>value;
  const highest: i64 = unsigned ? ((1 as i64) << bits) - 1 : ((1 as i64) << (bits - 1)) - 1;
  const lowest: i64 = unsigned ? 0 : -((1 as i64) << (bits - 1));
  if (wide > highest) {
    setQ();
    return <u32>highest;
  }
  if (wide < lowest) {
    setQ();
    return <u32>lowest;
  }
  return <u32>value;
}

// ---- parallel addition and subtraction (A8.8, SADD16 … UHSUB8) ------------------------------------------------------------
// `which` = 6 × prefix + operation; prefixes S, Q, SH, U, UQ, UH; operations ADD16, ASX, SAX, SUB16, ADD8, SUB8.

const PREFIX_S: u32 = 0;
const PREFIX_Q: u32 = 1;
const PREFIX_U: u32 = 3;
const PREFIX_UQ: u32 = 4;

function parallel(which: u32, n: u32, m: u32): u32 {
  const prefix = which / 6;
  switch (which % 6) {
    case 0:
      return lane16(prefix, n, m, 0, 0, false) | (lane16(prefix, n, m, 16, 16, false) << 16);
    case 1: // ASX: low = n.low - m.high, high = n.high + m.low
      return lane16(prefix, n, m, 0, 16, true) | (lane16(prefix, n, m, 16, 0, false) << 16);
    case 2: // SAX: low = n.low + m.high, high = n.high - m.low
      return lane16(prefix, n, m, 0, 16, false) | (lane16(prefix, n, m, 16, 0, true) << 16);
    case 3:
      return lane16(prefix, n, m, 0, 0, true) | (lane16(prefix, n, m, 16, 16, true) << 16);
    default: {
      const subtract = which % 6 == 5;
      let result: u32 = 0;
      for (let shift: u32 = 0; shift < 32; shift += 8) result |= lane8(prefix, n, m, shift, subtract) << shift;
      return result;
    }
  }
}

/** One halfword. `a` and `b` are the positions of the operands' halves; the GE bits are those of `a`. */
function lane16(prefix: u32, n: u32, m: u32, a: u32, b: u32, subtract: bool): u32 {
  const isSigned = prefix < PREFIX_U;
  const x = isSigned ? signed16(n >>> a) : <i32>((n >>> a) & 0xffff);
  const y = isSigned ? signed16(m >>> b) : <i32>((m >>> b) & 0xffff);
  const value = subtract ? x - y : x + y;
  if (prefix == PREFIX_S || prefix == PREFIX_U) setGe(a >>> 3, 3, geOf(isSigned, subtract, value, 16));
  return shape(prefix, value, 16) & 0xffff;
}

function lane8(prefix: u32, n: u32, m: u32, shift: u32, subtract: bool): u32 {
  const isSigned = prefix < PREFIX_U;
  const x = isSigned ? <i32>(<i8>(n >>> shift)) : <i32>((n >>> shift) & 0xff);
  const y = isSigned ? <i32>(<i8>(m >>> shift)) : <i32>((m >>> shift) & 0xff);
  const value = subtract ? x - y : x + y;
  if (prefix == PREFIX_S || prefix == PREFIX_U) setGe(shift >>> 3, 1, geOf(isSigned, subtract, value, 8));
  return shape(prefix, value, 8) & 0xff;
}

/** GE: signed results not negative; unsigned sums with a carry, unsigned differences without a borrow. */
// @ts-ignore: decorator
@inline
function geOf(isSigned: bool, subtract: bool, value: i32, bits: u32): bool {
  return isSigned || subtract ? value >= 0 : value >= 1 << bits;
}

// @ts-ignore: decorator
@inline
function setGe(first: u32, mask: u32, ge: bool): void {
  const bits = mask << first;
  store<u32>(FLAG_GE, (load<u32>(FLAG_GE) & ~bits) | (ge ? bits : 0));
}

/** Wraps, saturates or halves a lane's exact result. */
function shape(prefix: u32, value: i32, bits: u32): u32 {
  switch (prefix) {
    case PREFIX_S:
    case PREFIX_U:
      return <u32>value;
    case PREFIX_Q: {
      const highest = (1 << (bits - 1)) - 1;
      return <u32>min<i32>(max<i32>(value, -highest - 1), highest);
    }
    case PREFIX_UQ:
      return <u32>min<i32>(max<i32>(value, 0), (1 << bits) - 1);
    default:
      return <u32>(value >> 1); // SH, UH
  }
}

/** RBIT. */
export function reverseBits(value: u32): u32 {
  let v = ((value >>> 1) & 0x5555_5555) | ((value & 0x5555_5555) << 1);
  v = ((v >>> 2) & 0x3333_3333) | ((v & 0x3333_3333) << 2);
  v = ((v >>> 4) & 0x0f0f_0f0f) | ((v & 0x0f0f_0f0f) << 4);
  return bswap<u32>(v);
}
