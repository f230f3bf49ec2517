// T16 and T32 instructions to micro-operations. One function for each encoding shape; the instruction table names it.
// 32-bit instructions come with the first halfword in bits 31:16.

import {
  BLOCK_BEFORE,
  BLOCK_INCREMENT,
  BLOCK_WRITE_BACK,
  CARRY_KEEP,
  Op,
  SYSTEM_CPS,
  SYSTEM_MSR,
  SYSTEM_RFE,
  SYSTEM_SHORT,
  SYSTEM_SRS,
  SYSTEM_WFI,
} from "./micro-operation";
import { Decoding, Name } from "./decode-table.gen";
import { emit, emitBranch, emitUndefined, finishTarget, literalBase, decodeOffset, r, source, target } from "./emit";
import { carryOf, emitAlu, emitAluImmediate, emitAluShifted, emitAluShiftedRegister } from "./decode-alu";
import {
  MEDIA_DUAL,
  MEDIA_DUAL_SUBTRACT,
  MEDIA_HALF,
  MEDIA_WORD_HALF,
  emitExtend,
  emitExtractField,
  emitInsertField,
  emitMultiplyLong,
  emitPack,
  emitSaturate,
  emitUnary,
} from "./decode-media";
import { emitTransferImmediate, isLoad, loadOp, registerOffsetOp, unprivilegedSize } from "./decode-transfer";
import { dualOf, emitBlockTransfer } from "./decode-a32";
import { LR, SCRATCH, SCRATCH_2, SP, ZERO } from "../state";

const AHEAD: u32 = 4;

function undefined(): bool {
  emitUndefined();
  return true;
}

/** Lowers one 16-bit instruction. `inIt`: under an IT block, where data processing leaves the flags alone. Returns true when its
 *  block must end after it. */
export function decodeT16(decoding: Decoding, argument: u32, word: u32, inIt: bool): bool {
  const s = !inIt;
  const low = word & 7;
  const middle = (word >>> 3) & 7;
  const high = (word >>> 6) & 7;
  const list = word & 0xff;
  switch (decoding) {
    case Decoding.t16ShiftImmediate:
      emitAluShifted(Name.MOV, s, r(low), 0, r(middle), argument, (word >>> 6) & 31);
      return false;
    case Decoding.t16AddSubtract: {
      const operation = argument & 1 ? Name.SUB : Name.ADD;
      if (argument & 2) emitAluImmediate(operation, s, r(low), r(middle), high, CARRY_KEEP);
      else emitAlu(operation, s, r(low), r(middle), r(high), CARRY_KEEP);
      return false;
    }
    case Decoding.t16Immediate: {
      const d = r((word >>> 8) & 7);
      emitAluImmediate(argument, s, d, d, list, CARRY_KEEP);
      return false;
    }
    case Decoding.t16Register:
      emitAlu(argument, s, r(low), r(low), r(middle), CARRY_KEEP);
      return false;
    case Decoding.t16ShiftRegister:
      emitAluShiftedRegister(Name.MOV, s, r(low), 0, r(low), argument, r(middle));
      return false;
    case Decoding.t16Negate:
      emitAluImmediate(Name.RSB, s, r(low), r(middle), 0, CARRY_KEEP);
      return false;
    case Decoding.t16Multiply:
      emit(Op.MUL, r(low), r(middle), r(low), 0, 0);
      if (s) emit(Op.FLAGS, r(low), 0, 0, 0, 0);
      return false;
    case Decoding.t16High: {
      const d = low | ((word >>> 4) & 8);
      const m = (word >>> 3) & 15;
      const operand = m == 15 ? source(15, AHEAD) : r(m);
      if (argument == Name.CMP) {
        emitAlu(Name.CMP, true, 0, d == 15 ? source(15, AHEAD) : r(d), operand, CARRY_KEEP);
        return false;
      }
      const base = argument == Name.ADD && d == 15 ? source(15, AHEAD) : r(d);
      emitAlu(argument, false, target(d), base, operand, CARRY_KEEP);
      finishTarget(d, false);
      return d == 15;
    }
    case Decoding.t16Bx:
      emit(argument ? Op.JUMP_LINK : Op.JUMP, 0, 0, source((word >>> 3) & 15, AHEAD), 1, 0);
      return true;
    case Decoding.t16LoadLiteral:
      emit(Op.LDR_LITERAL, r((word >>> 8) & 7), 0, 0, 0, literalBase() + (list << 2));
      return false;
    case Decoding.t16LoadRegister:
      emit(registerOffsetOp(loadOp(argument)), r(low), r(middle), r(high), 0, 0);
      return false;
    case Decoding.t16LoadImmediate: {
      const scale = unprivilegedSize(argument) >>> 1; // 0, 1, 2: the size's logarithm
      emit(loadOp(argument), r(low), r(middle), 0, 0, ((word >>> 6) & 31) << scale);
      return false;
    }
    case Decoding.t16LoadSp:
      emit(loadOp(argument), r((word >>> 8) & 7), SP, 0, 0, list << 2);
      return false;
    case Decoding.t16Address:
      if (argument) emit(Op.ADDI, r((word >>> 8) & 7), SP, 0, 0, list << 2);
      else emit(Op.ADDRESS, r((word >>> 8) & 7), 0, 0, 0, literalBase() + (list << 2));
      return false;
    case Decoding.t16AdjustSp: {
      const amount = (word & 0x7f) << 2;
      emit(Op.ADDI, SP, SP, 0, 0, argument ? -amount : amount);
      return false;
    }
    case Decoding.t16CompareBranch:
      emitBranch(
        word & 0x800 ? Op.CBNZ : Op.CBZ,
        r(low),
        0,
        decodeOffset + AHEAD + (((word >>> 2) & 0x3e) | ((word >>> 3) & 0x40)),
      );
      return true;
    case Decoding.t16Extend:
      emitExtend(
        argument == Name.SXTH
          ? Name.SXTAH
          : argument == Name.SXTB
            ? Name.SXTAB
            : argument == Name.UXTH
              ? Name.UXTAH
              : Name.UXTAB,
        r(low),
        15,
        r(middle),
        0,
      );
      return false;
    case Decoding.t16Push:
      if ((word & 0x1ff) == 0) return undefined();
      return emitBlockTransfer(false, 13, list | ((word & 0x100) << 6), BLOCK_BEFORE | BLOCK_WRITE_BACK, AHEAD);
    case Decoding.t16Pop:
      if ((word & 0x1ff) == 0) return undefined();
      return emitBlockTransfer(true, 13, list | ((word & 0x100) << 7), BLOCK_INCREMENT | BLOCK_WRITE_BACK, AHEAD);
    case Decoding.t16BlockTransfer: {
      if (list == 0) return undefined();
      const n = (word >>> 8) & 7;
      // LDM writes back only a base that it does not load (A8.8.58).
      const writeBack: u32 = argument && (list >>> n) & 1 ? 0 : BLOCK_WRITE_BACK;
      return emitBlockTransfer(argument != 0, n, list, BLOCK_INCREMENT | writeBack, AHEAD);
    }
    case Decoding.t16Cps:
      // As the A32 word: imod 1x, A, I, F at bits 8:6.
      emit(Op.SYSTEM, 0, 0, 0, SYSTEM_CPS | SYSTEM_SHORT, ((word & 0x10 ? 3 : 2) << 18) | ((word & 7) << 6));
      return true;
    case Decoding.t16Unary:
      emitUnary(argument, r(low), r(middle));
      return false;
    case Decoding.t16Breakpoint:
      emit(Op.BKPT, 0, 0, 0, 0, 0);
      return true;
    case Decoding.t16IfThen:
      emit(Op.NOP, 0, 0, 0, 0, 0);
      return false;
    case Decoding.t16Hint:
      return hint((word >>> 4) & 15, SYSTEM_SHORT);
    case Decoding.t16BranchConditional:
      emitBranch(
        <Op>(<u32>Op.B_EQ + ((word >>> 8) & 15)),
        0,
        0,
        decodeOffset + AHEAD + <u32>((<i32>(word << 24)) >> 23),
      );
      return true;
    case Decoding.t16Branch:
      emitBranch(Op.B, 0, 0, decodeOffset + AHEAD + <u32>((<i32>(word << 21)) >> 20));
      return true;
    case Decoding.t16Svc:
      emit(Op.SVC, 0, 0, 0, 0, 0);
      return true;
    default:
      return undefined();
  }
}

function hint(number: u32, short: u32): bool {
  if (number == 3) {
    emit(Op.SYSTEM, 0, 0, 0, SYSTEM_WFI | short, 0);
    return true;
  }
  emit(Op.NOP, 0, 0, 0, 0, 0);
  return false;
}

/** imm5 as imm3:imm2. */
// @ts-ignore: decorator
@inline
function shiftAmount(word: u32): u32 {
  return ((word >>> 10) & 0x1c) | ((word >>> 6) & 3);
}

/** imm12 as i:imm3:imm8. */
// @ts-ignore: decorator
@inline
function immediate12(word: u32): u32 {
  return ((word >>> 15) & 0x800) | ((word >>> 4) & 0x700) | (word & 0xff);
}

/** ThumbExpandImm (A6.3.2). */
function expand(imm12: u32): u32 {
  const byte = imm12 & 0xff;
  if (imm12 >>> 10 == 0) {
    switch ((imm12 >>> 8) & 3) {
      case 0:
        return byte;
      case 1:
        return byte | (byte << 16);
      case 2:
        return (byte << 8) | (byte << 24);
      default:
        return byte * 0x0101_0101;
    }
  }
  return rotr<u32>(0x80 | (imm12 & 0x7f), imm12 >>> 7);
}

/** Byte offset of B.W, BL and BLX: S:I1:I2:imm10:imm11:0 (A8.8.18). */
function branchOffset(word: u32): u32 {
  const sign = (word >>> 26) & 1;
  const i1 = ~((word >>> 13) ^ sign) & 1;
  const i2 = ~((word >>> 11) ^ sign) & 1;
  const imm = (sign << 24) | (i1 << 23) | (i2 << 22) | ((word & 0x03ff_0000) >>> 4) | ((word & 0x7ff) << 1);
  return <u32>((<i32>(imm << 7)) >> 7);
}

/** Lowers one 32-bit T32 instruction. Returns true when its block must end after it. */
export function decodeT32(decoding: Decoding, argument: u32, word: u32): bool {
  const n = (word >>> 16) & 15;
  const t = (word >>> 12) & 15;
  const d = (word >>> 8) & 15;
  const m = word & 15;
  const s = (word & (1 << 20)) != 0;
  switch (decoding) {
    case Decoding.t32Register:
      return dataProcessing(argument, s, n, d, word, false);
    case Decoding.t32Immediate:
      return dataProcessing(argument, s, n, d, word, true);
    case Decoding.t32AddWide: {
      const value = immediate12(word);
      if (n == 15) emit(Op.ADDRESS, r(d), 0, 0, 0, literalBase() + (argument ? -value : value));
      else emit(Op.ADDI, r(d), r(n), 0, 0, argument ? -value : value);
      return false;
    }
    case Decoding.t32MoveWide: {
      const value = (n << 12) | immediate12(word);
      if (argument == 0) {
        emit(Op.MOVI, r(d), 0, 0, 0, value);
      } else {
        emit(Op.ANDI, r(d), r(d), 0, 0, 0xffff);
        emit(Op.ORRI, r(d), r(d), 0, 0, value << 16);
      }
      return false;
    }
    case Decoding.t32Pack:
      emitPack(r(d), r(n), r(m), (word & 0x20) != 0, shiftAmount(word));
      return false;
    case Decoding.t32Saturate:
      emitSaturate(argument != 0, r(d), r(n), (word & 0x0020_0000) != 0, shiftAmount(word), word & 31);
      return false;
    case Decoding.t32Saturate16:
      emit(Op.SATURATE, r(d), r(n), 0, 2 + argument, word & 15);
      return false;
    case Decoding.t32ExtractField:
      emitExtractField(argument != 0, r(d), r(n), shiftAmount(word), word & 31);
      return false;
    case Decoding.t32InsertField:
      emitInsertField(r(d), n, shiftAmount(word), word & 31);
      return false;
    case Decoding.t32ShiftRegister:
      emitAluShiftedRegister(Name.MOV, s, r(d), 0, r(n), argument, r(m));
      return false;
    case Decoding.t32Extend:
      emitExtend(argument, r(d), n, r(m), (word >>> 4) & 3);
      return false;
    case Decoding.t32Media:
      // QADD and its family have their operands the other way round here, as in A32: d = f(m, n).
      emit(Op.MEDIA, r(d), r(n), r(m), 0, argument);
      return false;
    case Decoding.t32Unary:
      emitUnary(argument, r(d), r(m));
      return false;
    case Decoding.t32Multiply:
      if (argument) emit(Op.MLS, r(d), r(n), r(m), r(t), 0);
      else if (t == 15) emit(Op.MUL, r(d), r(n), r(m), 0, 0);
      else emit(Op.MLA, r(d), r(n), r(m), r(t), 0);
      return false;
    case Decoding.t32MultiplyHalf:
      emit(Op.MEDIA, r(d), r(n), r(m), t == 15 ? ZERO : r(t), MEDIA_HALF + ((word >>> 4) & 3));
      return false;
    case Decoding.t32MultiplyDual: {
      const x = (word >>> 4) & 1;
      const base = argument == Name.SMLAW ? MEDIA_WORD_HALF : dualOf(argument);
      emit(Op.MEDIA, r(d), r(n), r(m), t == 15 ? ZERO : r(t), base + x);
      return false;
    }
    case Decoding.t32SumOfDifferences:
      emit(Op.MEDIA, r(d), r(n), r(m), t == 15 ? ZERO : r(t), Name.USADA8);
      return false;
    case Decoding.t32MultiplyLong:
      emitMultiplyLong(argument, false, r(t), r(d), r(n), r(m));
      return false;
    case Decoding.t32MultiplyHalfLong:
      emit(Op.MEDIA_LONG, r(t), r(n), r(m), r(d), MEDIA_HALF + ((word >>> 4) & 3));
      return false;
    case Decoding.t32MultiplyDualLong:
      emit(
        Op.MEDIA_LONG,
        r(t),
        r(n),
        r(m),
        r(d),
        (argument == Name.SMLALD ? MEDIA_DUAL : MEDIA_DUAL_SUBTRACT) + ((word >>> 4) & 1),
      );
      return false;
    case Decoding.t32Divide:
      emit(argument ? Op.UDIV : Op.SDIV, r(d), r(n), r(m), 0, 0);
      return false;
    case Decoding.t32LoadWide:
      if (n == 15) return isLoad(argument) ? literal(argument, t, word) : undefined();
      if (t == 15 && argument != Name.LDR) return preload(argument);
      emitTransferImmediate(argument, t, r(n), word & 0xfff, true, false);
      return t == 15;
    case Decoding.t32LoadImmediate:
      return loadImmediate(argument, n, t, word);
    case Decoding.t32LoadRegister:
      if (n == 15) return isLoad(argument) ? literal(argument, t, word) : undefined();
      if (t == 15 && argument != Name.LDR) return preload(argument);
      emit(registerOffsetOp(loadOp(argument)), isLoad(argument) ? target(t) : r(t), r(n), r(m), (word >>> 4) & 3, 0);
      finishTarget(t, true);
      return t == 15;
    case Decoding.t32LoadLiteral:
      return literal(argument, t, word);
    case Decoding.t32Dual: {
      const offset = word & (1 << 23) ? (word & 0xff) << 2 : -((word & 0xff) << 2);
      const pre = (word & (1 << 24)) != 0;
      const writeBack = (word & (1 << 21)) != 0;
      if (t == 15 || d == 15) return undefined();
      if (n == 15) {
        if (writeBack) return undefined();
        emit(Op.ADDRESS, SCRATCH_2, 0, 0, 0, literalBase() + offset);
      } else emit(Op.ADDI, SCRATCH_2, r(n), 0, 0, offset);
      emit(argument ? Op.LDRD : Op.STRD, r(t), pre ? SCRATCH_2 : r(n), 0, r(d), 0);
      if (writeBack) emit(Op.MOV, r(n), 0, SCRATCH_2, 0, 0);
      return false;
    }
    case Decoding.t32BlockTransfer: {
      const load = (argument & 1) != 0;
      const list = word & (load ? 0xdfff : 0x5fff);
      if (list == 0 || n == 15) return undefined();
      const mode: u32 = (argument & 2 ? BLOCK_BEFORE : BLOCK_INCREMENT) | (word & (1 << 21) ? BLOCK_WRITE_BACK : 0);
      return emitBlockTransfer(load, n, list, mode, AHEAD);
    }
    case Decoding.t32LoadExclusive: {
      const size: u32 = argument == Name.LDREXB ? 1 : argument == Name.LDREXH ? 2 : argument == Name.LDREX ? 4 : 8;
      if (t == 15 || (size == 8 && d == 15)) return undefined();
      emit(Op.ADDI, SCRATCH, r(n), 0, 0, size == 4 ? (word & 0xff) << 2 : 0);
      emit(Op.LDREX, r(t), SCRATCH, r(d), size, 0);
      return false;
    }
    case Decoding.t32StoreExclusive: {
      const size: u32 = argument == Name.STREXB ? 1 : argument == Name.STREXH ? 2 : argument == Name.STREX ? 4 : 8;
      emit(Op.ADDI, SCRATCH, r(n), 0, 0, size == 4 ? (word & 0xff) << 2 : 0);
      // The status register is in bits 11:8 of STREX, in 3:0 of the others.
      emit(Op.STREX, r(t), SCRATCH, r(d), size, size == 4 ? r(d) : r(m));
      return false;
    }
    case Decoding.t32TableBranch: {
      const half = (word & 0x10) != 0;
      const base = n == 15 ? source(15, AHEAD) : r(n);
      emit(half ? Op.LDRH_R : Op.LDRB_R, SCRATCH, base, r(m), half ? 1 : 0, 0);
      emit(Op.TABLE_BRANCH, 0, 0, SCRATCH, 0, decodeOffset + AHEAD);
      return true;
    }
    case Decoding.t32BranchConditional: {
      const condition = (word >>> 22) & 15;
      if (condition >= 14) return undefined();
      // S:J2:J1:imm6:imm11:0
      const imm =
        ((word >>> 6) & 0x10_0000) |
        ((word << 8) & 0x8_0000) |
        ((word << 5) & 0x4_0000) |
        ((word >>> 4) & 0x3_f000) |
        ((word & 0x7ff) << 1);
      emitBranch(<Op>(<u32>Op.B_EQ + condition), 0, 0, decodeOffset + AHEAD + <u32>((<i32>(imm << 11)) >> 11));
      return true;
    }
    case Decoding.t32Branch: {
      const offset = branchOffset(word);
      if (argument == 0) emitBranch(Op.B, 0, 0, decodeOffset + AHEAD + offset);
      else if (argument == 1) emitBranch(Op.BL, 0, 1, decodeOffset + AHEAD + offset);
      else if (word & 1) return undefined();
      else emit(Op.BLX, 0, 0, 0, 1, literalBase() + offset);
      return true;
    }
    case Decoding.t32Msr:
      // As the A32 word: R at bit 22, mask at 19:16.
      emit(Op.SYSTEM, 0, 0, r(n), SYSTEM_MSR, ((word << 2) & (1 << 22)) | ((word & 0xf00) << 8));
      return true;
    case Decoding.t32Mrs:
      emit(Op.SYSTEM_READ, r(d), 0, 0, 0, 0x0100_0000 | ((word << 2) & (1 << 22)));
      return false;
    case Decoding.t32Cps: {
      const imod = (word >>> 9) & 3;
      emit(Op.SYSTEM, 0, 0, 0, SYSTEM_CPS, (imod << 18) | ((word & 0x100) << 9) | ((word & 0xe0) << 1) | (word & 31));
      return true;
    }
    case Decoding.t32Hint:
      return hint((word & 0xffff_ff00) == 0xf3af_8000 ? word & 0xff : 0, 0);
    case Decoding.t32Clrex:
      emit(Op.CLREX, 0, 0, 0, 0, 0);
      return false;
    case Decoding.t32Bxj:
      emit(Op.JUMP, 0, 0, r(n), 0, 0);
      return true;
    case Decoding.t32ExceptionReturn:
      emit(Op.ADDI, SCRATCH, LR, 0, 0, -(word & 0xff));
      emit(Op.RETURN, 0, 0, SCRATCH, 0, 0);
      return true;
    case Decoding.t32Rfe:
      // As the A32 word: P at 24, U at 23.
      emit(Op.SYSTEM, 0, r(n), 0, SYSTEM_RFE, (argument ? 1 << 23 : 1 << 24) | (word & (1 << 21)));
      return true;
    case Decoding.t32Srs:
      emit(Op.SYSTEM, 0, 0, 0, SYSTEM_SRS, (argument ? 1 << 23 : 1 << 24) | (word & (1 << 21)) | (word & 31));
      return true;
    case Decoding.t32Hvc:
      emit(Op.HVC, 0, 0, 0, 0, 0);
      return true;
    default:
      return undefined();
  }
}

/** The shifted-register and modified-immediate tables (A6.3.1, A6.3.11): Rd = 15 with S means compare, Rn = 15 means move. */
function dataProcessing(operation: u32, s: bool, n: u32, d: u32, word: u32, immediate: bool): bool {
  let name = operation;
  let compare = false;
  if (d == 15) {
    if (!s) return undefined();
    compare = true;
    if (name == Name.AND) name = Name.TST;
    else if (name == Name.EOR) name = Name.TEQ;
    else if (name == Name.ADD) name = Name.CMN;
    else if (name == Name.SUB) name = Name.CMP;
    else return undefined();
  }
  if (n == 15) {
    if (name == Name.ORR) name = Name.MOV;
    else if (name == Name.ORN) name = Name.MVN;
    else return undefined();
  }
  const destination = compare ? 0 : r(d);
  if (immediate) {
    const imm12 = immediate12(word);
    const value = expand(imm12);
    emitAluImmediate(name, s, destination, r(n), value, carryOf(value, imm12 >>> 10 != 0));
  } else {
    emitAluShifted(name, s, destination, r(n), r(word & 15), (word >>> 4) & 3, shiftAmount(word));
  }
  return false;
}

/** PLD, PLI and the unallocated memory hints: Rt = 15 of a byte or halfword load. Stores there are UNPREDICTABLE. */
function preload(name: u32): bool {
  if (!isLoad(name)) return undefined();
  emit(Op.NOP, 0, 0, 0, 0, 0);
  return false;
}

function literal(name: u32, t: u32, word: u32): bool {
  if (t == 15 && name != Name.LDR) return preload(name);
  const offset = word & (1 << 23) ? word & 0xfff : -(word & 0xfff);
  if (name == Name.LDR) {
    emit(Op.LDR_LITERAL, target(t), 0, 0, 0, literalBase() + offset);
  } else {
    emit(Op.ADDRESS, SCRATCH_2, 0, 0, 0, literalBase());
    emit(loadOp(name), r(t), SCRATCH_2, 0, 0, offset);
  }
  finishTarget(t, true);
  return t == 15;
}

function loadImmediate(name: u32, n: u32, t: u32, word: u32): bool {
  if (n == 15) return isLoad(name) ? literal(name, t, word) : undefined();
  const pre = (word & 0x400) != 0;
  const up = (word & 0x200) != 0;
  const writeBack = (word & 0x100) != 0;
  const offset = up ? word & 0xff : -(word & 0xff);
  if (pre && up && !writeBack) return unprivileged(name, n, t, offset);
  if (!pre && !writeBack) return undefined();
  if (t == 15 && (!isLoad(name) || (name != Name.LDR && writeBack))) return undefined();
  if (t == 15 && name != Name.LDR) return preload(name);
  emitTransferImmediate(name, t, r(n), offset, pre, writeBack);
  return t == 15;
}

/** LDRT and its family: in T32 without write-back (A8.8.92). */
function unprivileged(name: u32, n: u32, t: u32, offset: u32): bool {
  if (t == 15) return undefined();
  emit(Op.ADDI, SCRATCH_2, r(n), 0, 0, offset);
  emit(isLoad(name) ? Op.LDR_UNPRIVILEGED : Op.STR_UNPRIVILEGED, r(t), SCRATCH_2, 0, unprivilegedSize(name), 0);
  return false;
}
