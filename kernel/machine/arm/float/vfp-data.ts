// VFP data-processing instructions: ARM DDI 0406C A7.5 table A7-16 onwards, VFPv4 without short vectors.
//
// One function takes the instruction word apart and executes it. Bit 8 chooses the precision. A register number is Vx:x for
// singles and x:Vx for doubles.

import {
  fixedToFloat32,
  fixedToFloat64,
  float16ToFloat32,
  float32ToFixed,
  float32ToFloat16,
  float32ToFloat64,
  float32ToInteger,
  float64ToFixed,
  float64ToFloat32,
  float64ToInteger,
  integerToFloat32,
  integerToFloat64,
} from "./float-convert";
import {
  float32Add,
  float32Compare,
  float32Divide,
  float32FusedMultiplyAdd,
  float32Multiply,
  float32SquareRoot,
  float32Subtract,
} from "./float32";
import {
  float64Add,
  float64Compare,
  float64Divide,
  float64FusedMultiplyAdd,
  float64Multiply,
  float64SquareRoot,
  float64Subtract,
} from "./float64";
import { FPSCR_VECTOR, doubleRead, doubleWrite, fpscr, fpscrSetFlags, singleRead, singleWrite } from "./vfp-state";

const SIGN32: u32 = 0x8000_0000;
const SIGN64: u64 = 0x8000_0000_0000_0000;

// @ts-ignore: decorator
@inline
function singleD(word: u32): u32 {
  return ((word >>> 11) & 0x1e) | ((word >>> 22) & 1);
}

// @ts-ignore: decorator
@inline
function singleN(word: u32): u32 {
  return ((word >>> 15) & 0x1e) | ((word >>> 7) & 1);
}

// @ts-ignore: decorator
@inline
function singleM(word: u32): u32 {
  return ((word << 1) & 0x1e) | ((word >>> 5) & 1);
}

// @ts-ignore: decorator
@inline
function doubleD(word: u32): u32 {
  return ((word >>> 12) & 0xf) | ((word >>> 18) & 0x10);
}

// @ts-ignore: decorator
@inline
function doubleN(word: u32): u32 {
  return ((word >>> 16) & 0xf) | ((word >>> 3) & 0x10);
}

// @ts-ignore: decorator
@inline
function doubleM(word: u32): u32 {
  return (word & 0xf) | ((word >>> 1) & 0x10);
}

/** Executes the VFP data-processing instruction `word` (A32, or T32 with its halfwords put together). Returns false when the
 *  encoding is undefined, having changed nothing. The caller has looked at the condition, CPACR and FPEXC. */
export function vfpDataProcessing(word: u32): bool {
  if (word >>> 28 == 15 || (word & 0x0f00_0e10) != 0x0e00_0a00) return false;
  const isDouble = (word & 0x100) != 0;
  // opc1 without the D bit, then op: bits 23, 21, 20 and 6.
  const operation = ((word >>> 20) & 8) | ((word >>> 19) & 6) | ((word >>> 6) & 1);
  if (operation == 15) return unary(word, isDouble);
  if (fpscr() & FPSCR_VECTOR) return false;
  if (operation == 14) return moveImmediate(word, isDouble);
  if (operation == 9) return false;
  if (isDouble) doubleWrite(doubleD(word), double(operation, word));
  else singleWrite(singleD(word), single(operation, word));
  return true;
}

/** Negations are of the sign bit alone, of NaNs too. VMLA and its kin round twice. */
function single(operation: u32, word: u32): u32 {
  const n = singleRead(singleN(word));
  const m = singleRead(singleM(word));
  switch (operation) {
    case 0:
      return float32Add(singleRead(singleD(word)), float32Multiply(n, m)); // VMLA
    case 1:
      return float32Add(singleRead(singleD(word)), float32Multiply(n, m) ^ SIGN32); // VMLS
    case 2:
      return float32Add(singleRead(singleD(word)) ^ SIGN32, float32Multiply(n, m)); // VNMLS
    case 3:
      return float32Add(singleRead(singleD(word)) ^ SIGN32, float32Multiply(n, m) ^ SIGN32); // VNMLA
    case 4:
      return float32Multiply(n, m); // VMUL
    case 5:
      return float32Multiply(n, m) ^ SIGN32; // VNMUL
    case 6:
      return float32Add(n, m); // VADD
    case 7:
      return float32Subtract(n, m); // VSUB
    case 8:
      return float32Divide(n, m); // VDIV
    case 10:
      return float32FusedMultiplyAdd(singleRead(singleD(word)) ^ SIGN32, n, m); // VFNMS
    case 11:
      return float32FusedMultiplyAdd(singleRead(singleD(word)) ^ SIGN32, n ^ SIGN32, m); // VFNMA
    case 12:
      return float32FusedMultiplyAdd(singleRead(singleD(word)), n, m); // VFMA
    default:
      return float32FusedMultiplyAdd(singleRead(singleD(word)), n ^ SIGN32, m); // VFMS
  }
}

function double(operation: u32, word: u32): u64 {
  const n = doubleRead(doubleN(word));
  const m = doubleRead(doubleM(word));
  switch (operation) {
    case 0:
      return float64Add(doubleRead(doubleD(word)), float64Multiply(n, m)); // VMLA
    case 1:
      return float64Add(doubleRead(doubleD(word)), float64Multiply(n, m) ^ SIGN64); // VMLS
    case 2:
      return float64Add(doubleRead(doubleD(word)) ^ SIGN64, float64Multiply(n, m)); // VNMLS
    case 3:
      return float64Add(doubleRead(doubleD(word)) ^ SIGN64, float64Multiply(n, m) ^ SIGN64); // VNMLA
    case 4:
      return float64Multiply(n, m); // VMUL
    case 5:
      return float64Multiply(n, m) ^ SIGN64; // VNMUL
    case 6:
      return float64Add(n, m); // VADD
    case 7:
      return float64Subtract(n, m); // VSUB
    case 8:
      return float64Divide(n, m); // VDIV
    case 10:
      return float64FusedMultiplyAdd(doubleRead(doubleD(word)) ^ SIGN64, n, m); // VFNMS
    case 11:
      return float64FusedMultiplyAdd(doubleRead(doubleD(word)) ^ SIGN64, n ^ SIGN64, m); // VFNMA
    case 12:
      return float64FusedMultiplyAdd(doubleRead(doubleD(word)), n, m); // VFMA
    default:
      return float64FusedMultiplyAdd(doubleRead(doubleD(word)), n ^ SIGN64, m); // VFMS
  }
}

/** VMOV (immediate), with VFPExpandImm (A7.5.1). */
function moveImmediate(word: u32, isDouble: bool): bool {
  if (word & 0xa0) return false;
  const sign = (word >>> 19) & 1;
  // Exponent: NOT(bit 6), bit 6 many times, bits 5:4; fraction: bits 3:0.
  const tail = ((word >>> 12) & 0x30) | (word & 0xf);
  if (isDouble) {
    const exponent: u64 = word & (1 << 18) ? 0x3fc : 0x400;
    doubleWrite(doubleD(word), ((<u64>sign) << 63) | (exponent << 52) | ((<u64>tail) << 48));
  } else {
    const exponent: u32 = word & (1 << 18) ? 0x7c : 0x80;
    singleWrite(singleD(word), (sign << 31) | (exponent << 23) | (tail << 19));
  }
  return true;
}

/** Instructions of one operand, and comparisons: opc2 (bits 19:16) and bit 7 tell which. */
function unary(word: u32, isDouble: bool): bool {
  const top = (word >>> 7) & 1;
  switch ((word >>> 16) & 0xf) {
    case 0: // VMOV (register), VABS
    case 1: // VNEG, VSQRT
      return copy(((word >>> 15) & 2) | top, word, isDouble);
    case 2: // VCVTB, VCVTT from half precision; to and from double precision is ARMv8's
      if (isDouble) return false;
      singleWrite(singleD(word), float16ToFloat32((singleRead(singleM(word)) >>> (top << 4)) & 0xffff));
      return true;
    case 3: {
      // VCVTB, VCVTT to half precision: the other half stays
      if (isDouble) return false;
      const half = float32ToFloat16(singleRead(singleM(word)));
      const shift = top << 4;
      const d = singleD(word);
      singleWrite(d, (singleRead(d) & ~(0xffff << shift)) | (half << shift));
      return true;
    }
    case 4: // VCMP, VCMPE
      compare(word, isDouble, false);
      return true;
    case 5: // with zero: Vm and M should be zero
      if (word & 0x2f) return false;
      compare(word, isDouble, true);
      return true;
    case 7: // VCVT between double and single; with bit 7 clear it is ARMv8's VRINTX
      if (!top) return false;
      if (isDouble) singleWrite(singleD(word), float64ToFloat32(doubleRead(doubleM(word))));
      else doubleWrite(doubleD(word), float32ToFloat64(singleRead(singleM(word))));
      return true;
    case 8: {
      // VCVT from integer
      const bits = singleRead(singleM(word));
      const value = top ? <i64>(<i32>bits) : <i64>bits;
      if (isDouble) doubleWrite(doubleD(word), integerToFloat64(value));
      else singleWrite(singleD(word), integerToFloat32(value));
      return true;
    }
    case 10:
    case 11:
      return fromFixed(word, isDouble);
    case 12:
    case 13: {
      // VCVT (bit 7 set: towards zero), VCVTR; bit 16 set: signed
      const signed = (word & (1 << 16)) != 0;
      if (isDouble) singleWrite(singleD(word), float64ToInteger(doubleRead(doubleM(word)), signed, top != 0));
      else singleWrite(singleD(word), float32ToInteger(singleRead(singleM(word)), signed, top != 0));
      return true;
    }
    case 14:
    case 15:
      return toFixed(word, isDouble);
    default: // 6: ARMv8's VRINT; 9: ARMv8.3's VJCVT
      return false;
  }
}

/** VMOV, VABS, VNEG and VSQRT: the only ones of one operand that knew short vectors. */
function copy(operation: u32, word: u32, isDouble: bool): bool {
  if (fpscr() & FPSCR_VECTOR) return false;
  if (isDouble) {
    let value = doubleRead(doubleM(word));
    switch (operation) {
      case 1:
        value &= ~SIGN64;
        break;
      case 2:
        value ^= SIGN64;
        break;
      case 3:
        value = float64SquareRoot(value);
        break;
    }
    doubleWrite(doubleD(word), value);
  } else {
    let value = singleRead(singleM(word));
    switch (operation) {
      case 1:
        value &= ~SIGN32;
        break;
      case 2:
        value ^= SIGN32;
        break;
      case 3:
        value = float32SquareRoot(value);
        break;
    }
    singleWrite(singleD(word), value);
  }
  return true;
}

function compare(word: u32, isDouble: bool, withZero: bool): void {
  const signalQuiet = (word & 0x80) != 0;
  if (isDouble) {
    const b = withZero ? 0 : doubleRead(doubleM(word));
    fpscrSetFlags(float64Compare(doubleRead(doubleD(word)), b, signalQuiet));
  } else {
    const b = withZero ? 0 : singleRead(singleM(word));
    fpscrSetFlags(float32Compare(singleRead(singleD(word)), b, signalQuiet));
  }
}

/** Fixed-point conversions work in place: the register is source and destination. Bit 7 chooses 32 bits, bit 16 unsigned.
 *  The fraction's length is the size less imm4:i; a negative one is UNPREDICTABLE, and undefined here: returns -1. */
function fixedFractionBits(word: u32): i32 {
  return (word & 0x80 ? 32 : 16) - <i32>singleM(word);
}

function fromFixed(word: u32, isDouble: bool): bool {
  const fractionBits = fixedFractionBits(word);
  if (fractionBits < 0) return false;
  const bits = isDouble ? <u32>doubleRead(doubleD(word)) : singleRead(singleD(word));
  let value: i64;
  if (word & 0x80) value = word & (1 << 16) ? <i64>bits : <i64>(<i32>bits);
  else value = word & (1 << 16) ? <i64>(bits & 0xffff) : <i64>(<i16>bits);
  if (isDouble) doubleWrite(doubleD(word), fixedToFloat64(value, fractionBits));
  else singleWrite(singleD(word), fixedToFloat32(value, fractionBits));
  return true;
}

function toFixed(word: u32, isDouble: bool): bool {
  const fractionBits = fixedFractionBits(word);
  if (fractionBits < 0) return false;
  const bits: u32 = word & 0x80 ? 32 : 16;
  const signed = !(word & (1 << 16));
  if (isDouble) {
    const d = doubleD(word);
    doubleWrite(d, <u64>float64ToFixed(doubleRead(d), fractionBits, bits, signed));
  } else {
    const d = singleD(word);
    singleWrite(d, <u32>float32ToFixed(singleRead(d), fractionBits, bits, signed));
  }
  return true;
}
