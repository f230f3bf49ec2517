// Loads and stores in all their addressing modes, for both instruction sets.

import { Name } from "./decode-table.gen";
import { emit, finishTarget, target } from "./emit";
import { Op } from "./micro-operation";
import { SCRATCH_2 } from "../state";

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
