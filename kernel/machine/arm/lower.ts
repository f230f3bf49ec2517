// What A32 and T32 lowering share: writing micro-operation records, operands and the common shapes.
//
// Globals here live only while one block is decoded.

import {
  Op,
  CARRY_CLEAR,
  CARRY_KEEP,
  CARRY_SET,
  CARRY_SHIFTER,
  LINK_FAR,
  LINK_UNRESOLVED,
  RECORD_BYTES,
} from "./micro-operation";
import { Name } from "./decode-table.gen";
import { OPERAND_PC, SCRATCH, SCRATCH_2, ZERO } from "./state";
import { FPSCR_VECTOR } from "./vfp-state";

/** Where the next record goes. */
let out: u32 = 0;
/** `it` and `offset` of the instruction being lowered, in their record positions. */
let stamp: u32 = 0;
/** Byte offset of the instruction from the block's start, and the block's start within its page. */
export let lowerOffset: u32 = 0;
let pageOffset: u32 = 0;
/** Set by a lowering function when nothing may follow its instruction in the block. */
export let lowerEnded: bool = false;
/** A VFP access check was made earlier in this block, unconditionally. */
let vfpChecked: bool = false;
let vfpScalarChecked: bool = false;
/** The instruction is under a guard. */
let guarded: bool = false;

/** The block's instruction set. */
let inThumb: bool = false;

/** Starts a block whose first record is `record`; its first instruction lies at `within` in its page. */
export function lowerStart(record: u32, within: u32, isThumb: bool): void {
  out = record;
  pageOffset = within;
  inThumb = isThumb;
  vfpChecked = false;
  vfpScalarChecked = false;
}

/** Starts the instruction at byte `offset` of the block. */
export function lowerInstruction(offset: u32, it: u32, conditional: bool): void {
  lowerOffset = offset;
  stamp = (it << 16) | ((offset >>> 1) << 24);
  lowerEnded = false;
  guarded = conditional;
}

/** What literal loads count from, as an offset from the block's start: the PC rounded down to a word. A block starts at the same
 *  place in its page in every mapping, so the rounding is known here. */
export function literalBase(): u32 {
  const ahead = lowerOffset + (inThumb ? 4 : 8);
  return ahead - ((pageOffset + ahead) & 3);
}

/** Where the next record goes. */
export function lowerPosition(): u32 {
  return out;
}

// @ts-ignore: decorator
@inline
export function r(number: u32): u32 {
  return number << 2;
}

/** Appends one record. */
export function emit(op: Op, d: u32, n: u32, m: u32, s: u32, immediate: u32): void {
  store<u32>(out, (<u32>op) | (d << 16) | (n << 24));
  store<u32>(out, m | (s << 8) | stamp, 4);
  store<u32>(out, immediate, 8);
  store<u32>(out, LINK_FAR, 12);
  out += RECORD_BYTES;
}

/** Opens a guard for `condition` (0 … 13); returns what guardClose wants. */
export function guardOpen(condition: u32): u32 {
  const at = out;
  emit(<Op>(<u32>Op.GUARD_EQ + condition), 0, 0, 0, 0, 0);
  return at;
}

export function guardClose(at: u32): void {
  store<u32>(at, out - at, 8);
}

/** A terminal with a target at byte `target` from the block's start. */
export function emitBranch(op: Op, d: u32, s: u32, target: u32): void {
  emit(op, d, 0, 0, s, target);
  linkLast(target);
}

/** The block goes on at byte `target`: for its length, or because it reached the page's end. */
export function emitFall(target: u32): void {
  emit(Op.FALL, 0, 0, 0, 0, target);
  linkLast(target);
}

/** Links stay within a page: see block-cache. */
function linkLast(target: u32): void {
  if (pageOffset + target < 0x1000) store<u32>(out - RECORD_BYTES, LINK_UNRESOLVED, 12);
}

/** The last record is a branch that may not be taken. */
export function lowerConditionalBranch(): bool {
  const op = <u32>load<u16>(out - RECORD_BYTES);
  return op >= <u32>Op.B_EQ && op <= <u32>Op.CBNZ;
}

export function emitUndefined(): void {
  emit(Op.UNDEFINED, 0, 0, 0, 0, 0);
  lowerEnded = true;
}

/** Makes r15 readable as an operand: `ahead` is 8 in ARM state, 4 in Thumb state. Returns the operand for register `number`. */
export function source(number: u32, ahead: u32): u32 {
  if (number == 15) emit(Op.ADDRESS, OPERAND_PC, 0, 0, 0, lowerOffset + ahead);
  return number << 2;
}

/** A write to register `number` that may be a branch: the value is made in a scratch register then. */
// @ts-ignore: decorator
@inline
export function target(number: u32): u32 {
  return number == 15 ? SCRATCH : number << 2;
}

/** Completes a write made through target(): a branch when the register was r15. */
export function finishTarget(number: u32, interworking: bool): void {
  if (number != 15) return;
  emit(interworking ? Op.JUMP : Op.JUMP_PLAIN, 0, 0, SCRATCH, 0, 0);
  lowerEnded = true;
}

/** VFP instructions are Undefined until FPEXC and CPACR allow them; one check a block is enough. */
export function emitVfpCheck(): void {
  if (vfpChecked) return;
  emit(Op.VFP_CHECK, 0, 0, 0, 0, 0);
  if (!guarded) vfpChecked = true;
}

/** As emitVfpCheck, for instructions that are Undefined when FPSCR asks for short vectors, which this VFP does not have. FPSCR is
 *  written at the end of a block only. */
export function emitVfpScalarCheck(): void {
  if (vfpScalarChecked) return;
  emit(Op.VFP_CHECK, 0, 0, 0, 0, FPSCR_VECTOR);
  if (!guarded) {
    vfpChecked = true;
    vfpScalarChecked = true;
  }
}

// ---- shifts -------------------------------------------------------------------------------------------------------------

export const SHIFT_LSL: u32 = 0;
export const SHIFT_LSR: u32 = 1;
export const SHIFT_ASR: u32 = 2;
export const SHIFT_ROR: u32 = 3;

/** d = m shifted by an immediate as encoded (imm5 0 means LSR #32, ASR #32, RRX: DecodeImmShift, A8.4.3). */
export function emitShift(d: u32, m: u32, type: u32, amount: u32): void {
  switch (type) {
    case SHIFT_LSL:
      if (amount == 0) emit(Op.MOV, d, 0, m, 0, 0);
      else emit(Op.LSLI, d, 0, m, amount, 0);
      break;
    case SHIFT_LSR:
      if (amount == 0) emit(Op.MOVI, d, 0, 0, 0, 0);
      else emit(Op.LSRI, d, 0, m, amount, 0);
      break;
    case SHIFT_ASR:
      emit(Op.ASRI, d, 0, m, amount == 0 ? 31 : amount, 0);
      break;
    default:
      if (amount == 0) emit(Op.RRX, d, 0, m, 0, 0);
      else emit(Op.RORI, d, 0, m, amount, 0);
      break;
  }
}

/** As emitShift, with the carry out in the shifter carry. Not for LSL #0, which has none. */
function emitShiftCarry(d: u32, m: u32, type: u32, amount: u32): void {
  switch (type) {
    case SHIFT_LSL:
      emit(Op.LSLIC, d, 0, m, amount, 0);
      break;
    case SHIFT_LSR:
      emit(Op.LSRIC, d, 0, m, amount == 0 ? 32 : amount, 0);
      break;
    case SHIFT_ASR:
      emit(Op.ASRIC, d, 0, m, amount == 0 ? 32 : amount, 0);
      break;
    default:
      if (amount == 0) emit(Op.RRXC, d, 0, m, 0, 0);
      else emit(Op.RORIC, d, 0, m, amount, 0);
      break;
  }
}

/** d = m shifted by register s. */
export function emitShiftRegister(d: u32, m: u32, type: u32, s: u32, carry: bool): void {
  emit(<Op>(<u32>(carry ? Op.LSLRC : Op.LSLR) + type), d, 0, m, s, 0);
}

// ---- data processing ----------------------------------------------------------------------------------------------------

/** TST, TEQ, CMP, CMN have no destination. */
// @ts-ignore: decorator
@inline
function isCompare(operation: u32): bool {
  return operation >= Name.TST && operation <= Name.CMN;
}

// @ts-ignore: decorator
@inline
function isLogical(operation: u32): bool {
  return operation <= Name.EOR || operation == Name.TST || operation == Name.TEQ || operation >= Name.ORR;
}

/** d = n OP immediate, setting flags if asked. `carry` is CARRY_* for logical operations. */
export function emitAluImmediate(operation: u32, s: bool, d: u32, n: u32, immediate: u32, carry: u32): void {
  if (!s && !isCompare(operation)) {
    switch (operation) {
      case Name.AND:
        emit(Op.ANDI, d, n, 0, 0, immediate);
        break;
      case Name.EOR:
        emit(Op.EORI, d, n, 0, 0, immediate);
        break;
      case Name.SUB:
        emit(Op.ADDI, d, n, 0, 0, -immediate);
        break;
      case Name.RSB:
        emit(Op.RSBI, d, n, 0, 0, immediate);
        break;
      case Name.ADD:
        emit(Op.ADDI, d, n, 0, 0, immediate);
        break;
      case Name.ADC:
        emit(Op.ADCI, d, n, 0, 0, immediate);
        break;
      case Name.SBC:
        emit(Op.ADCI, d, n, 0, 0, ~immediate);
        break;
      case Name.RSC:
        emit(Op.RSCI, d, n, 0, 0, immediate);
        break;
      case Name.ORR:
        emit(Op.ORRI, d, n, 0, 0, immediate);
        break;
      case Name.MOV:
        emit(Op.MOVI, d, 0, 0, 0, immediate);
        break;
      case Name.BIC:
        emit(Op.ANDI, d, n, 0, 0, ~immediate);
        break;
      case Name.MVN:
        emit(Op.MOVI, d, 0, 0, 0, ~immediate);
        break;
      default:
        emit(Op.ORRI, d, n, 0, 0, ~immediate); // ORN
        break;
    }
    return;
  }
  switch (operation) {
    case Name.AND:
      emit(Op.ANDSI, d, n, 0, carry, immediate);
      break;
    case Name.EOR:
      emit(Op.EORSI, d, n, 0, carry, immediate);
      break;
    case Name.SUB:
      emit(Op.SUBSI, d, n, 0, 0, immediate);
      break;
    case Name.RSB:
      emit(Op.RSBSI, d, n, 0, 0, immediate);
      break;
    case Name.ADD:
      emit(Op.ADDSI, d, n, 0, 0, immediate);
      break;
    case Name.ADC:
      emit(Op.ADCSI, d, n, 0, 0, immediate);
      break;
    case Name.SBC:
      emit(Op.ADCSI, d, n, 0, 0, ~immediate);
      break;
    case Name.RSC:
      emit(Op.RSCSI, d, n, 0, 0, immediate);
      break;
    case Name.TST:
      emit(Op.TSTI, 0, n, 0, carry, immediate);
      break;
    case Name.TEQ:
      emit(Op.TEQI, 0, n, 0, carry, immediate);
      break;
    case Name.CMP:
      emit(Op.CMPI, 0, n, 0, 0, immediate);
      break;
    case Name.CMN:
      emit(Op.CMNI, 0, n, 0, 0, immediate);
      break;
    case Name.ORR:
      emit(Op.ORRSI, d, n, 0, carry, immediate);
      break;
    case Name.MOV:
      emit(Op.MOVSI, d, 0, 0, carry, immediate);
      break;
    case Name.BIC:
      emit(Op.ANDSI, d, n, 0, carry, ~immediate);
      break;
    case Name.MVN:
      emit(Op.MOVSI, d, 0, 0, carry, ~immediate);
      break;
    default:
      emit(Op.ORRSI, d, n, 0, carry, ~immediate); // ORN
      break;
  }
}

/** d = n OP m, setting flags if asked. */
export function emitAlu(operation: u32, s: bool, d: u32, n: u32, m: u32, carry: u32): void {
  if (!s && !isCompare(operation)) {
    switch (operation) {
      case Name.AND:
        emit(Op.AND, d, n, m, 0, 0);
        break;
      case Name.EOR:
        emit(Op.EOR, d, n, m, 0, 0);
        break;
      case Name.SUB:
        emit(Op.SUB, d, n, m, 0, 0);
        break;
      case Name.RSB:
        emit(Op.SUB, d, m, n, 0, 0);
        break;
      case Name.ADD:
        emit(Op.ADD, d, n, m, 0, 0);
        break;
      case Name.ADC:
        emit(Op.ADC, d, n, m, 0, 0);
        break;
      case Name.SBC:
        emit(Op.SBC, d, n, m, 0, 0);
        break;
      case Name.RSC:
        emit(Op.SBC, d, m, n, 0, 0);
        break;
      case Name.ORR:
        emit(Op.ORR, d, n, m, 0, 0);
        break;
      case Name.MOV:
        emit(Op.MOV, d, 0, m, 0, 0);
        break;
      case Name.BIC:
        emit(Op.BIC, d, n, m, 0, 0);
        break;
      case Name.MVN:
        emit(Op.MVN, d, 0, m, 0, 0);
        break;
      default:
        emit(Op.ORN, d, n, m, 0, 0);
        break;
    }
    return;
  }
  switch (operation) {
    case Name.AND:
      emit(Op.ANDS, d, n, m, carry, 0);
      break;
    case Name.EOR:
      emit(Op.EORS, d, n, m, carry, 0);
      break;
    case Name.SUB:
      emit(Op.SUBS, d, n, m, 0, 0);
      break;
    case Name.RSB:
      emit(Op.SUBS, d, m, n, 0, 0);
      break;
    case Name.ADD:
      emit(Op.ADDS, d, n, m, 0, 0);
      break;
    case Name.ADC:
      emit(Op.ADCS, d, n, m, 0, 0);
      break;
    case Name.SBC:
      emit(Op.SBCS, d, n, m, 0, 0);
      break;
    case Name.RSC:
      emit(Op.SBCS, d, m, n, 0, 0);
      break;
    case Name.TST:
      emit(Op.TST, 0, n, m, carry, 0);
      break;
    case Name.TEQ:
      emit(Op.TEQ, 0, n, m, carry, 0);
      break;
    case Name.CMP:
      emit(Op.CMP, 0, n, m, 0, 0);
      break;
    case Name.CMN:
      emit(Op.CMN, 0, n, m, 0, 0);
      break;
    case Name.ORR:
      emit(Op.ORRS, d, n, m, carry, 0);
      break;
    case Name.MOV:
      emit(Op.MOVS, d, 0, m, carry, 0);
      break;
    case Name.BIC:
      emit(Op.BICS, d, n, m, carry, 0);
      break;
    case Name.MVN:
      emit(Op.MVNS, d, 0, m, carry, 0);
      break;
    default:
      emit(Op.ORNS, d, n, m, carry, 0);
      break;
  }
}

/** d = n OP (m shifted by an immediate as encoded). */
export function emitAluShifted(operation: u32, s: bool, d: u32, n: u32, m: u32, type: u32, amount: u32): void {
  if (type == SHIFT_LSL && amount == 0) {
    emitAlu(operation, s, d, n, m, CARRY_KEEP);
    return;
  }
  const setsFlags = s || isCompare(operation);
  if (!setsFlags) {
    if (operation == Name.MOV) {
      emitShift(d, m, type, amount);
      return;
    }
    const fused = fusedShift(operation, type, amount);
    if (fused != Op.NOP) {
      emit(fused, d, n, m, amount, 0);
      return;
    }
    emitShift(SCRATCH, m, type, amount);
    emitAlu(operation, false, d, n, SCRATCH, CARRY_KEEP);
    return;
  }
  if (operation == Name.MOV && amount != 0 && type != SHIFT_ROR) {
    emit(<Op>(<u32>Op.LSLSI + type), d, 0, m, amount, 0);
    return;
  }
  if (isLogical(operation)) {
    emitShiftCarry(SCRATCH, m, type, amount);
    emitAlu(operation, s, d, n, SCRATCH, CARRY_SHIFTER);
  } else {
    emitShift(SCRATCH, m, type, amount);
    emitAlu(operation, s, d, n, SCRATCH, CARRY_KEEP);
  }
}

/** The micro-operation that does shift and operation at once, or NOP. */
function fusedShift(operation: u32, type: u32, amount: u32): Op {
  if (amount == 0) return Op.NOP;
  if (type == SHIFT_LSL) {
    if (operation == Name.ADD) return Op.ADD_LSL;
    if (operation == Name.SUB) return Op.SUB_LSL;
    if (operation == Name.RSB) return Op.RSB_LSL;
    if (operation == Name.ORR) return Op.ORR_LSL;
    if (operation == Name.EOR) return Op.EOR_LSL;
  } else if (type == SHIFT_LSR) {
    if (operation == Name.ADD) return Op.ADD_LSR;
    if (operation == Name.ORR) return Op.ORR_LSR;
    if (operation == Name.EOR) return Op.EOR_LSR;
    if (operation == Name.AND) return Op.AND_LSR;
  } else if (type == SHIFT_ROR) {
    if (operation == Name.EOR) return Op.EOR_ROR;
  }
  return Op.NOP;
}

/** d = n OP (m shifted by register x). */
export function emitAluShiftedRegister(operation: u32, s: bool, d: u32, n: u32, m: u32, type: u32, x: u32): void {
  const carries = (s || isCompare(operation)) && isLogical(operation);
  if (operation == Name.MOV && !carries) {
    emitShiftRegister(d, m, type, x, false);
    return;
  }
  emitShiftRegister(SCRATCH, m, type, x, carries);
  emitAlu(operation, s, d, n, SCRATCH, carries ? CARRY_SHIFTER : CARRY_KEEP);
}

/** CARRY_* of an expanded immediate: `rotated` tells whether it was rotated, its bit 31 is the carry then (A5.2.4). */
export function carryOf(immediate: u32, rotated: bool): u32 {
  if (!rotated) return CARRY_KEEP;
  return immediate >>> 31 ? CARRY_SET : CARRY_CLEAR;
}

// ---- loads and stores ---------------------------------------------------------------------------------------------------

/** LDR-like operation names to their immediate-offset micro-operation. */
export function loadOp(name: u32): Op {
  switch (name) {
    case Name.LDR:
      return Op.LDR;
    case Name.LDRB:
      return Op.LDRB;
    case Name.LDRH:
      return Op.LDRH;
    case Name.LDRSB:
      return Op.LDRSB;
    case Name.LDRSH:
      return Op.LDRSH;
    case Name.STR:
      return Op.STR;
    case Name.STRB:
      return Op.STRB;
    default:
      return Op.STRH;
  }
}

/** True for the names that load. */
export function isLoad(name: u32): bool {
  return name != Name.STR && name != Name.STRB && name != Name.STRH;
}

/** The register-offset form lies a fixed distance behind the immediate form. */
// @ts-ignore: decorator
@inline
export function registerOffsetOp(op: Op): Op {
  return <Op>(<u32>op + <u32>Op.LDR_R - <u32>Op.LDR);
}

/** Size in bytes, bit 7 set for the sign-extending: operand s of the unprivileged forms. */
export function unprivilegedSize(name: u32): u32 {
  switch (name) {
    case Name.LDRB:
    case Name.STRB:
      return 1;
    case Name.LDRH:
    case Name.STRH:
      return 2;
    case Name.LDRSB:
      return 0x81;
    case Name.LDRSH:
      return 0x82;
    default:
      return 4;
  }
}

/** A load or store with an immediate offset, in all its addressing modes. `t` is the register's number, `n` an operand. */
export function emitTransferImmediate(name: u32, t: u32, n: u32, offset: u32, pre: bool, writeBack: bool): void {
  const op = loadOp(name);
  const d = isLoad(name) ? target(t) : t << 2;
  if (pre && !writeBack) {
    emit(op, d, n, 0, 0, offset);
  } else {
    const fused = pre ? preOp(op) : postOp(op);
    if (fused != Op.NOP && t != 15) {
      emit(fused, d, n, 0, 0, offset);
    } else if (pre) {
      emit(op, d, n, 0, 0, offset);
      emit(Op.ADDI, n, n, 0, 0, offset);
    } else {
      emit(op, d, n, 0, 0, 0);
      emit(Op.ADDI, n, n, 0, 0, offset);
    }
  }
  if (isLoad(name)) finishTarget(t, true);
}

function preOp(op: Op): Op {
  return op == Op.LDR ? Op.LDR_PRE : op == Op.STR ? Op.STR_PRE : Op.NOP;
}

function postOp(op: Op): Op {
  if (op == Op.LDR) return Op.LDR_POST;
  if (op == Op.LDRB) return Op.LDRB_POST;
  if (op == Op.STR) return Op.STR_POST;
  return op == Op.STRB ? Op.STRB_POST : Op.NOP;
}

/** A load or store at an address that is already in a scratch register: offset forms that have no micro-operation of their own.
 *  With write-back, the base gets `SCRATCH_2`, which holds base plus offset. */
export function emitTransferComputed(name: u32, t: u32, n: u32, pre: bool, writeBack: bool): void {
  const d = isLoad(name) ? target(t) : t << 2;
  emit(loadOp(name), d, pre ? SCRATCH_2 : n, 0, 0, 0);
  if (!pre || writeBack) emit(Op.MOV, n, 0, SCRATCH_2, 0, 0);
  if (isLoad(name)) finishTarget(t, true);
}

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
