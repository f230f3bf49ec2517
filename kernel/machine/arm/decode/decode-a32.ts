// A32 instructions to micro-operations. One function for each encoding shape; the instruction table names it.

import {
  BLOCK_BEFORE,
  BLOCK_INCREMENT,
  BLOCK_LOAD,
  BLOCK_USER,
  BLOCK_WRITE_BACK,
  Op,
  SYSTEM_COPROCESSOR_WRITE,
  SYSTEM_COPROCESSOR_WRITE_2,
  SYSTEM_CPS,
  SYSTEM_MSR,
  SYSTEM_RFE,
  SYSTEM_SRS,
  SYSTEM_VMSR,
  SYSTEM_WFI,
} from "./micro-operation";
import { CPU_STATE } from "../../../abi/layout";
import { Decoding, Name } from "./decode-table.gen";
import {
  emit,
  emitBranch,
  emitUndefined,
  emitVfpCheck,
  finishTarget,
  literalBase,
  decodeOffset,
  r,
  source,
  target,
} from "./emit";
import { SHIFT_LSL, carryOf, emitAluImmediate, emitAluShifted, emitAluShiftedRegister, emitShift } from "./decode-alu";
import {
  MEDIA_DUAL,
  MEDIA_DUAL_SUBTRACT,
  MEDIA_HALF,
  MEDIA_MOST,
  MEDIA_MOST_SUBTRACT,
  MEDIA_WORD_HALF,
  emitExtend,
  emitExtractField,
  emitInsertField,
  emitMultiplyLong,
  emitPack,
  emitSaturate,
  emitUnary,
} from "./decode-media";
import {
  emitTransferComputed,
  emitTransferImmediate,
  isLoad,
  loadOp,
  registerOffsetOp,
  unprivilegedSize,
} from "./decode-transfer";
import { OPERAND_PC, SCRATCH, SCRATCH_2, ZERO } from "../state";
import { CPACR_ASEDIS, TPIDRPRW, TPIDRURO, TPIDRURW } from "../cp15-state";
import { FPSCR_VECTOR } from "../float/vfp-state";
import { highRegister, neonTransfer, vfpDataNeeds, vfpMoveNeeds } from "./decode-simd";

const AHEAD: u32 = 8;

/** Lowers one A32 (or unconditional, or coprocessor T32) instruction. Returns true when its block must end after it. */
export function decodeA32(decoding: Decoding, argument: u32, word: u32): bool {
  const n = (word >>> 16) & 15;
  const d = (word >>> 12) & 15;
  const s = (word >>> 8) & 15;
  const m = word & 15;
  switch (decoding) {
    case Decoding.a32Immediate:
      return dataProcessing(argument, word, n, d, m, 0);
    case Decoding.a32Register:
      return dataProcessing(argument, word, n, d, m, 1);
    case Decoding.a32Shifted:
      return dataProcessing(argument, word, n, d, m, 2);
    case Decoding.a32MoveWide: {
      const value = ((word >>> 4) & 0xf000) | (word & 0xfff);
      if (argument == 0) {
        emit(Op.MOVI, r(d), 0, 0, 0, value);
      } else {
        emit(Op.ANDI, r(d), r(d), 0, 0, 0xffff);
        emit(Op.ORRI, r(d), r(d), 0, 0, value << 16);
      }
      return false;
    }
    case Decoding.a32Multiply:
      // Rd is in bits 19:16, Ra in 15:12.
      emit(argument == Name.MUL ? Op.MUL : argument == Name.MLA ? Op.MLA : Op.MLS, r(n), r(m), r(s), r(d), 0);
      if (word & (1 << 20) && argument != Name.MLS) emit(Op.FLAGS, r(n), 0, 0, 0, 0);
      return false;
    case Decoding.a32MultiplyLong:
      emitMultiplyLong(argument, (word & (1 << 20)) != 0 && argument != Name.UMAAL, r(d), r(n), r(m), r(s));
      return false;
    case Decoding.a32MultiplyHalf: {
      const top = (word >>> 6) & 1; // M: half of Rm
      const both = ((word >>> 4) & 2) | top;
      if (argument == Name.SMLA) emit(Op.MEDIA, r(n), r(m), r(s), r(d), MEDIA_HALF + both);
      else if (argument == Name.SMUL) emit(Op.MEDIA, r(n), r(m), r(s), ZERO, MEDIA_HALF + both);
      else if (argument == Name.SMLAW) emit(Op.MEDIA, r(n), r(m), r(s), r(d), MEDIA_WORD_HALF + top);
      else if (argument == Name.SMULW) emit(Op.MEDIA, r(n), r(m), r(s), ZERO, MEDIA_WORD_HALF + top);
      else emit(Op.MEDIA_LONG, r(d), r(m), r(s), r(n), MEDIA_HALF + both);
      return false;
    }
    case Decoding.a32MultiplyDual: {
      const x = (word >>> 5) & 1;
      emit(Op.MEDIA, r(n), r(m), r(s), d == 15 ? ZERO : r(d), dualOf(argument) + x);
      return false;
    }
    case Decoding.a32MultiplyDualLong:
      emit(
        Op.MEDIA_LONG,
        r(d),
        r(m),
        r(s),
        r(n),
        (argument == Name.SMLALD ? MEDIA_DUAL : MEDIA_DUAL_SUBTRACT) + ((word >>> 5) & 1),
      );
      return false;
    case Decoding.a32SumOfDifferences:
      emit(Op.MEDIA, r(n), r(m), r(s), d == 15 ? ZERO : r(d), Name.USADA8);
      return false;
    case Decoding.a32Divide:
      emit(argument ? Op.UDIV : Op.SDIV, r(n), r(m), r(s), 0, 0);
      return false;
    case Decoding.a32Media:
      emit(Op.MEDIA, r(d), r(n), r(m), 0, argument);
      return false;
    case Decoding.a32Pack:
      emitPack(r(d), r(n), r(m), (word & 0x40) != 0, (word >>> 7) & 31);
      return false;
    case Decoding.a32Saturate:
      emitSaturate(argument != 0, r(d), r(m), (word & 0x40) != 0, (word >>> 7) & 31, (word >>> 16) & 31);
      return false;
    case Decoding.a32Saturate16:
      emit(Op.SATURATE, r(d), r(m), 0, 2 + argument, n);
      return false;
    case Decoding.a32Extend:
      emitExtend(argument, r(d), n, r(m), (word >>> 10) & 3);
      return false;
    case Decoding.a32Unary:
      emitUnary(argument, r(d), r(m));
      return false;
    case Decoding.a32ExtractField:
      emitExtractField(argument != 0, r(d), r(m), (word >>> 7) & 31, (word >>> 16) & 31);
      return false;
    case Decoding.a32InsertField:
      emitInsertField(r(d), m, (word >>> 7) & 31, (word >>> 16) & 31);
      return false;
    case Decoding.a32LoadImmediate:
      return loadImmediate(argument, word, n, d, word & 0xfff);
    case Decoding.a32ExtraImmediate:
      return extraImmediate(argument, word, n, d, ((word >>> 4) & 0xf0) | (word & 15));
    case Decoding.a32LoadRegister:
      return loadRegister(argument, word, n, d, m, (word >>> 5) & 3, (word >>> 7) & 31);
    case Decoding.a32ExtraRegister:
      return extraRegister(argument, word, n, d, m);
    case Decoding.a32BlockTransfer:
      return blockTransfer(argument != 0, word, n);
    case Decoding.a32LoadExclusive: {
      const size: u32 = argument == Name.LDREXB ? 1 : argument == Name.LDREXH ? 2 : argument == Name.LDREX ? 4 : 8;
      if (d == 15 || (size == 8 && d == 14)) return undefined();
      emit(Op.LDREX, r(d), r(n), r(d + 1), size, 0);
      return false;
    }
    case Decoding.a32StoreExclusive: {
      const size: u32 = argument == Name.STREXB ? 1 : argument == Name.STREXH ? 2 : argument == Name.STREX ? 4 : 8;
      if (size == 8 && m == 14) return undefined();
      emit(Op.STREX, r(m), r(n), r(m + 1), size, r(d));
      return false;
    }
    case Decoding.a32Swap:
      emit(Op.SWP, r(d), r(n), r(m), word & (1 << 22) ? 1 : 4, 0);
      return false;
    case Decoding.a32Clrex:
      emit(Op.CLREX, 0, 0, 0, 0, 0);
      return false;
    case Decoding.a32Branch: {
      const offset: u32 = <u32>((<i32>(word << 8)) >> 6);
      if (argument == 0) emitBranch(Op.B, 0, 0, decodeOffset + AHEAD + offset);
      else if (argument == 1) emitBranch(Op.BL, 0, 0, decodeOffset + AHEAD + offset);
      else emit(Op.BLX, 0, 0, 0, 0, decodeOffset + AHEAD + (offset | ((word >>> 23) & 2)));
      return true;
    }
    case Decoding.a32Bx:
      emit(argument ? Op.JUMP_LINK : Op.JUMP, 0, 0, source(m, AHEAD), 0, 0);
      return true;
    case Decoding.a32Svc:
      emit(Op.SVC, 0, 0, 0, 0, 0);
      return true;
    case Decoding.a32Hvc:
      emit(Op.HVC, 0, 0, 0, 0, 0);
      return true;
    case Decoding.a32Breakpoint:
      emit(Op.BKPT, 0, 0, 0, 0, 0);
      return true;
    case Decoding.a32Hint:
      return decodeHint(word);
    case Decoding.a32Mrs:
      emit(Op.SYSTEM_READ, r(d), 0, 0, 0, word);
      return false;
    case Decoding.a32Msr:
      if (argument) emit(Op.MOVI, SCRATCH, 0, 0, 0, rotated(word));
      emit(Op.SYSTEM, 0, 0, argument ? SCRATCH : r(m), SYSTEM_MSR, word);
      return true;
    case Decoding.a32Cps:
      emit(Op.SYSTEM, 0, 0, 0, SYSTEM_CPS, word);
      return true;
    case Decoding.a32Rfe:
      emit(Op.SYSTEM, 0, r(n), 0, SYSTEM_RFE, word);
      return true;
    case Decoding.a32Srs:
      emit(Op.SYSTEM, 0, 0, 0, SYSTEM_SRS, word);
      return true;
    case Decoding.a32CoprocessorRead:
      if (argument == 0) {
        if (d != 15 && n == 13 && m == 0 && ((word >>> 21) & 7) == 0) {
          const opc2 = (word >>> 5) & 7;
          if (opc2 == 2 || opc2 == 3) {
            emit(Op.READ_STATE, r(d), 0, 0, 0, opc2 == 2 ? TPIDRURW : TPIDRURO);
            return false;
          }
          if (opc2 == 4) {
            emit(Op.READ_STATE_PL1, r(d), 0, 0, 0, TPIDRPRW);
            return false;
          }
        }
      }
      emit(Op.SYSTEM_READ, r(d), 0, argument ? r(n) : 0, 0, word);
      return false;
    case Decoding.a32DebugIdentification:
      // Linux reads DBGDIDR whatever ID_DFR0 says; zero is no debug architecture that it knows (C11.11.15).
      if (d == 15) return undefined();
      emit(Op.READ_STATE_PL1, r(d), 0, 0, 0, CPU_STATE + ZERO);
      return false;
    case Decoding.a32CoprocessorWrite:
      emit(
        Op.SYSTEM,
        r(d),
        0,
        argument ? r(n) : 0,
        argument ? SYSTEM_COPROCESSOR_WRITE_2 : SYSTEM_COPROCESSOR_WRITE,
        word,
      );
      return true;
    case Decoding.a32VfpTransfer:
      return vfpTransfer(argument != 0, word, n);
    case Decoding.a32VfpMove:
      return vfpMove(word, n, d);
    case Decoding.a32VfpData:
      return vfpData(word);
    case Decoding.a32NeonData:
      emitVfpCheck(CPACR_ASEDIS);
      emit(Op.NEON_DATA, 0, 0, 0, 0, word);
      return false;
    case Decoding.a32NeonTransfer:
      return neonTransfer(argument != 0, word, n, m);
    default:
      return undefined();
  }
}

function undefined(): bool {
  emitUndefined();
  return true;
}

/** A rotated 8-bit immediate (A5.2.4). */
function rotated(word: u32): u32 {
  return rotr<u32>(word & 0xff, (word >>> 7) & 30);
}

/** Base of SMLAD, SMLSD, SMMLA, SMMLS in media's list. */
export function dualOf(name: u32): u32 {
  return name == Name.SMLAD
    ? MEDIA_DUAL
    : name == Name.SMLSD
      ? MEDIA_DUAL_SUBTRACT
      : name == Name.SMMLA
        ? MEDIA_MOST
        : MEDIA_MOST_SUBTRACT;
}

/** NOP, YIELD, WFE, SEV and the memory hints do nothing here; WFI ends the block. One CPU, in order: barriers are free. */
export function decodeHint(word: u32): bool {
  // Only the hint encodings have a hint number; preloads and barriers come here with other bits set.
  if ((word & 0x0fff_ffff) == 0x0320_f003) {
    emit(Op.SYSTEM, 0, 0, 0, SYSTEM_WFI, 0);
    return true;
  }
  emit(Op.NOP, 0, 0, 0, 0, 0);
  return false;
}

function dataProcessing(operation: u32, word: u32, n: u32, d: u32, m: u32, form: u32): bool {
  const compare = operation >= Name.TST && operation <= Name.CMN;
  const setsFlags = (word & (1 << 20)) != 0;
  // S with Rd = 15 is an exception return (B9.3.20): the result goes to the PC, the flags come from SPSR.
  const exceptionReturn = setsFlags && !compare && d == 15;
  const s = setsFlags && !exceptionReturn;
  const readsN = operation != Name.MOV && operation != Name.MVN;
  const first = readsN && n == 15 ? source(15, AHEAD) : r(n);
  const result = compare ? 0 : target(d);
  if (form == 0) {
    const value = rotated(word);
    if (n == 15 && !s && readsN && (operation == Name.ADD || operation == Name.SUB)) {
      emit(Op.ADDRESS, result, 0, 0, 0, decodeOffset + AHEAD + (operation == Name.ADD ? value : -value));
    } else {
      emitAluImmediate(operation, s, result, first, value, carryOf(value, (word & 0xf00) != 0));
    }
  } else {
    const second = m == 15 ? source(15, AHEAD) : r(m);
    const type = (word >>> 5) & 3;
    if (form == 1) emitAluShifted(operation, s, result, first, second, type, (word >>> 7) & 31);
    else emitAluShiftedRegister(operation, s, result, first, second, type, r((word >>> 8) & 15));
  }
  if (compare || d != 15) return false;
  if (exceptionReturn) emit(Op.RETURN, 0, 0, SCRATCH, 0, 0);
  else emit(Op.JUMP, 0, 0, SCRATCH, 0, 0); // ALUWritePC interworks in ARM state
  return true;
}

/** P, U, W of a load or store. */
// @ts-ignore: decorator
@inline
function bitP(word: u32): bool {
  return (word & (1 << 24)) != 0;
}

// @ts-ignore: decorator
@inline
function bitU(word: u32): bool {
  return (word & (1 << 23)) != 0;
}

// @ts-ignore: decorator
@inline
function bitW(word: u32): bool {
  return (word & (1 << 21)) != 0;
}

function loadImmediate(name: u32, word: u32, n: u32, t: u32, magnitude: u32): bool {
  const offset = bitU(word) ? magnitude : -magnitude;
  if (!bitP(word) && bitW(word)) return unprivileged(name, n, t, offset, 0, false);
  if (n == 15) {
    if (name == Name.LDR && bitP(word) && !bitW(word)) {
      emit(Op.LDR_LITERAL, target(t), 0, 0, 0, decodeOffset + AHEAD + offset);
      finishTarget(t, true);
      return t == 15;
    }
    source(15, AHEAD);
    // Write-back to the PC is UNPREDICTABLE: there is none here.
    if (!isLoad(name)) source(t, AHEAD);
    emitTransferImmediate(name, t, OPERAND_PC, bitP(word) ? offset : 0, true, false);
  } else {
    if (!isLoad(name)) source(t, AHEAD);
    emitTransferImmediate(name, t, r(n), offset, bitP(word), bitW(word));
  }
  return isLoad(name) && t == 15;
}

/** LDRT and its family (A8.8.92): the base is always written back, the access is made as user mode would. */
function unprivileged(name: u32, n: u32, t: u32, offset: u32, offsetRegister: u32, byRegister: bool): bool {
  if (t == 15 || n == 15) return undefined();
  emit(isLoad(name) ? Op.LDR_UNPRIVILEGED : Op.STR_UNPRIVILEGED, r(t), r(n), 0, unprivilegedSize(name), 0);
  if (byRegister) emit(Op.MOV, r(n), 0, offsetRegister, 0, 0);
  else emit(Op.ADDI, r(n), r(n), 0, 0, offset);
  return false;
}

function loadRegister(name: u32, word: u32, n: u32, t: u32, m: u32, type: u32, amount: u32): bool {
  const base = source(n, AHEAD);
  const offset = m == 15 ? source(15, AHEAD) : r(m);
  if (!isLoad(name)) source(t, AHEAD);
  if (bitP(word) && !bitW(word) && bitU(word) && type == SHIFT_LSL) {
    emit(registerOffsetOp(loadOp(name)), isLoad(name) ? target(t) : r(t), base, offset, amount, 0);
    if (isLoad(name)) finishTarget(t, true);
    return isLoad(name) && t == 15;
  }
  emitShift(SCRATCH_2, offset, type, amount);
  emit(bitU(word) ? Op.ADD : Op.SUB, SCRATCH_2, base, SCRATCH_2, 0, 0);
  if (!bitP(word) && bitW(word)) return unprivileged(name, n, t, 0, SCRATCH_2, true);
  emitTransferComputed(name, t, base, bitP(word), bitW(word));
  return isLoad(name) && t == 15;
}

function extraImmediate(name: u32, word: u32, n: u32, t: u32, magnitude: u32): bool {
  if (name != Name.LDRD && name != Name.STRD) return loadImmediate(name, word, n, t, magnitude);
  if (!bitP(word) && bitW(word)) return undefined();
  const base = source(n, AHEAD);
  emit(Op.ADDI, SCRATCH_2, base, 0, 0, bitU(word) ? magnitude : -magnitude);
  return dual(name, word, base, t);
}

function extraRegister(name: u32, word: u32, n: u32, t: u32, m: u32): bool {
  if (name != Name.LDRD && name != Name.STRD) return loadRegister(name, word, n, t, m, SHIFT_LSL, 0);
  if (!bitP(word) && bitW(word)) return undefined();
  const base = source(n, AHEAD);
  emit(bitU(word) ? Op.ADD : Op.SUB, SCRATCH_2, base, m == 15 ? source(15, AHEAD) : r(m), 0, 0);
  return dual(name, word, base, t);
}

/** LDRD or STRD with base plus offset in SCRATCH_2. Rt must be even and not 14 (A8.8.72). */
function dual(name: u32, word: u32, base: u32, t: u32): bool {
  if (t & 1 || t == 14) return undefined();
  emit(name == Name.LDRD ? Op.LDRD : Op.STRD, r(t), bitP(word) ? SCRATCH_2 : base, 0, r(t + 1), 0);
  if ((!bitP(word) || bitW(word)) && base != OPERAND_PC) emit(Op.MOV, base, 0, SCRATCH_2, 0, 0);
  return false;
}

function blockTransfer(load: bool, word: u32, n: u32): bool {
  const list = word & 0xffff;
  if (list == 0 || n == 15) return undefined();
  let mode: u32 =
    (bitU(word) ? BLOCK_INCREMENT : 0) | (bitP(word) ? BLOCK_BEFORE : 0) | (bitW(word) ? BLOCK_WRITE_BACK : 0);
  if (word & (1 << 22)) {
    const isReturn = load && (list & 0x8000) != 0;
    if (!load && list & 0x8000) source(15, AHEAD);
    emit(Op.BLOCK_SPECIAL, 0, r(n), 0, mode | (load ? BLOCK_LOAD : 0) | (isReturn ? 0 : BLOCK_USER), list);
    return isReturn;
  }
  return emitBlockTransfer(load, n, list, mode, AHEAD);
}

/** LDM or STM. Shared with T32. Returns true when it jumped. */
export function emitBlockTransfer(load: bool, n: u32, list: u32, mode: u32, ahead: u32): bool {
  if (!load) {
    if (list & 0x8000) source(15, ahead);
    emit(Op.STM, 0, r(n), 0, mode, list);
    return false;
  }
  // Bit 16 stands for the scratch register, which JUMP then takes.
  emit(Op.LDM, 0, r(n), 0, mode, list & 0x8000 ? (list & 0x7fff) | 0x1_0000 : list);
  if (!(list & 0x8000)) return false;
  emit(Op.JUMP, 0, 0, SCRATCH, 0, 0);
  return true;
}

// ---- VFP ----------------------------------------------------------------------------------------------------------------

/** First word of a register, in words from VFP_STATE: D:Vd for doubles, Vd:D for singles (A7.3). */
// @ts-ignore: decorator
@inline
function vfpWord(double: bool, four: u32, one: u32): u32 {
  return double ? ((one << 4) | four) << 1 : (four << 1) | one;
}

/** VLDR, VSTR, VLDM, VSTM (A7.6). */
function vfpTransfer(load: bool, word: u32, n: u32): bool {
  const double = (word & 0x100) != 0;
  const first = vfpWord(double, (word >>> 12) & 15, (word >>> 22) & 1);
  const imm8 = word & 0xff;
  const p = bitP(word);
  const u = bitU(word);
  const w = bitW(word);
  // VLDM reaches D16 from below when it is long enough.
  emitVfpCheck(double ? highRegister(p && !w ? first : first + (imm8 & ~1) - 1) : 0);
  if (p && !w) {
    const offset = u ? imm8 << 2 : -(imm8 << 2);
    if (n == 15) emit(Op.ADDRESS, OPERAND_PC, 0, 0, 0, literalBase());
    const op = load ? (double ? Op.VLDR64 : Op.VLDR32) : double ? Op.VSTR64 : Op.VSTR32;
    emit(op, 0, r(n), first, 0, offset);
    return false;
  }
  // P = U with write-back, or nothing at all, is not a transfer.
  if (p == u && w) return undefined();
  if (!p && !u) return undefined();
  const wordCount = double ? imm8 & ~1 : imm8;
  // FLDMX and FSTMX have an odd count: the registers are those of the even one, the base moves by all of it.
  if (wordCount == 0 || wordCount > 32 || first + wordCount > (double ? 64 : 32)) return undefined();
  if (n == 15 && w) return undefined();
  if (n == 15) emit(Op.ADDRESS, OPERAND_PC, 0, 0, 0, literalBase());
  let base = r(n);
  const step = imm8 << 2;
  if (p) {
    emit(Op.ADDI, SCRATCH_2, base, 0, 0, -step);
    base = SCRATCH_2;
  }
  emit(load ? Op.VLDM : Op.VSTM, 0, base, first, wordCount, 0);
  if (w) emit(Op.ADDI, r(n), r(n), 0, 0, u ? step : -step);
  return false;
}

/** Transfers between core and VFP registers (A7.8, A7.9). */
function vfpMove(word: u32, n: u32, t: u32): bool {
  // VMRS and VMSR: opc1 = 111. They are allowed in part while the VFP is disabled, so they check for themselves.
  if ((word & 0x0fe0_0f10) == 0x0ee0_0a10) {
    const load = (word & (1 << 20)) != 0;
    if (load && t == 15) {
      if (n != 1) return undefined();
      emitVfpCheck();
      emit(Op.VFP_FLAGS, 0, 0, 0, 0, 0);
      return false;
    }
    if (t == 15) return undefined();
    if (load) {
      emit(Op.SYSTEM_READ, r(t), 0, 0, 0, word);
      return false;
    }
    emit(Op.SYSTEM, r(t), 0, 0, SYSTEM_VMSR, word);
    return true;
  }
  emitVfpCheck(vfpMoveNeeds(word));
  if ((word & 0x0fe0_0f7f) == 0x0e00_0a10 && t != 15) {
    const single = vfpWord(false, n, (word >>> 7) & 1);
    emit(word & (1 << 20) ? Op.VMOV_S_TO_CORE : Op.VMOV_CORE_TO_S, r(t), 0, single, 0, 0);
    return false;
  }
  emit(Op.VFP_MOVE, 0, 0, 0, 0, word);
  return false;
}

function vfpData(word: u32): bool {
  const double = (word & 0x100) != 0;
  const d = vfpWord(double, (word >>> 12) & 15, (word >>> 22) & 1);
  const n = vfpWord(double, (word >>> 16) & 15, (word >>> 7) & 1);
  const m = vfpWord(double, word & 15, (word >>> 5) & 1);
  // opc1 without D, and bit 6: VADD 011/0, VSUB 011/1, VMUL 010/0, VDIV 100/0 with bit 23.
  const key = ((word >>> 20) & 0xb) | ((word >>> 2) & 0x10);
  let op = Op.NOP;
  if (key == 0x03) op = double ? Op.VADD64 : Op.VADD32;
  else if (key == 0x13) op = double ? Op.VSUB64 : Op.VSUB32;
  else if (key == 0x02) op = double ? Op.VMUL64 : Op.VMUL32;
  else if (key == 0x08) op = double ? Op.VDIV64 : Op.VDIV32;
  else if ((word & 0x0fbf_0ed0) == 0x0eb0_0a40) op = double ? Op.VMOV64 : Op.VMOV32;
  const high = vfpDataNeeds(word);
  if (op != Op.NOP) {
    emitVfpCheck(FPSCR_VECTOR | high);
    emit(op, d, n, m, 0, 0);
  } else {
    emitVfpCheck(high);
    emit(Op.VFP_DATA, 0, 0, 0, 0, word);
  }
  return false;
}
