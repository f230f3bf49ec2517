// Data processing and shifts, for both instruction sets.

import { Name } from "./decode-table.gen";
import { emit } from "./emit";
import { CARRY_CLEAR, CARRY_KEEP, CARRY_SET, CARRY_SHIFTER, Op } from "./micro-operation";
import { SCRATCH } from "../state";

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
