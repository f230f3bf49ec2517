// N, Z, C and V in translated code.
//
// Most flags die unread, and the compiler behind us drops what is not read. So N and Z are kept as result words, which costs nothing;
// C and V are kept as a question: the kind of the operation and its operands, which are there anyway. The question is answered
// where somebody asks: by one comparison when the kind is known here, by `assistCarry` when control came from several places.
//
// In sync: N and Z come from the same operation as C and V, so that a signed condition is one comparison of the operands.

import { CARRY_CLEAR, CARRY_KEEP, CARRY_SHIFTER } from "../arm/micro-operation";
import { CARRY_ADD, CARRY_KNOWN, CARRY_SUBTRACT } from "./assist";
import { W, call, close, constant, get, op, open, set, tee, TYPE_I32 } from "./emitter";
import { IMPORT_CARRY } from "./imports";
import { CARRY_A, CARRY_B, CARRY_KIND, NEGATIVE, NOT_ZERO, SHIFTER, VALUE, WIDE, noteFlags } from "./locals";

/** The kind is not known here. */
export const CARRY_ANY: u32 = 3;

/** What is known at the place being written. */
export let carryKind: u32 = CARRY_ANY;
export let inSync: bool = false;

export function flagsKnown(kind: u32, sync: bool): void {
  carryKind = kind;
  inSync = sync;
}

function setKind(kind: u32): void {
  constant(kind);
  set(CARRY_KIND);
  carryKind = kind;
}

/** Pops a result: N and Z. */
export function setNZ(): void {
  noteFlags();
  tee(NEGATIVE);
  set(NOT_ZERO);
  inSync = false;
}

/** Pops b, then a: flags of a − b. The difference is in NEGATIVE. */
export function subtractFlags(): void {
  set(CARRY_B);
  set(CARRY_A);
  get(CARRY_A);
  get(CARRY_B);
  op(W.I32_SUB);
  setNZ();
  setKind(CARRY_SUBTRACT);
  inSync = true;
}

/** Pops b, then a: flags of a + b. */
export function addFlags(): void {
  set(CARRY_B);
  set(CARRY_A);
  get(CARRY_A);
  get(CARRY_B);
  op(W.I32_ADD);
  setNZ();
  setKind(CARRY_ADD);
  inSync = true;
}

/** Pops b, then a: flags of a + b + C (AddWithCarry, A2.2.1). */
export function addCarryFlags(): void {
  noteFlags();
  // VALUE = b; NOT_ZERO = a, for a moment.
  set(VALUE);
  set(NOT_ZERO);
  get(NOT_ZERO);
  op(W.I64_EXTEND_I32_U);
  get(VALUE);
  op(W.I64_EXTEND_I32_U);
  op(W.I64_ADD);
  pushCarry();
  op(W.I64_EXTEND_I32_U);
  op(W.I64_ADD);
  tee(WIDE);
  op(W.I32_WRAP_I64);
  set(NEGATIVE);
  get(NOT_ZERO);
  get(NEGATIVE);
  op(W.I32_XOR);
  get(VALUE);
  get(NEGATIVE);
  op(W.I32_XOR);
  op(W.I32_AND);
  constant(31);
  op(W.I32_SHR_U);
  set(CARRY_B);
  get(WIDE);
  byteConstant64(32);
  op(W.I64_SHR_U);
  op(W.I32_WRAP_I64);
  set(CARRY_A);
  get(NEGATIVE);
  set(NOT_ZERO);
  setKind(CARRY_KNOWN);
  inSync = false;
}

function byteConstant64(value: u32): void {
  op(W.I64_CONST);
  op(<W>value);
}

/** How a logical operation leaves C: CARRY_* of arm/micro-operation. */
export function logicalCarry(how: u32): void {
  if (how == CARRY_KEEP) return;
  carryBegin();
  if (how == CARRY_SHIFTER) get(SHIFTER);
  else constant(how == CARRY_CLEAR ? 0 : 1);
  carryEnd();
}

/** C gets a new value, V stays: between the two, C is pushed. */
export function carryBegin(): void {
  noteFlags();
  if (carryKind == CARRY_KNOWN) return;
  pushOverflow();
  set(CARRY_B);
}
export function carryEnd(): void {
  set(CARRY_A);
  if (carryKind != CARRY_KNOWN) setKind(CARRY_KNOWN);
  inSync = false;
}

/** Pushes C, 0 or 1. */
export function pushCarry(): void {
  noteFlags();
  if (carryKind == CARRY_KNOWN) get(CARRY_A);
  else if (carryKind == CARRY_SUBTRACT) compareOperands(W.I32_GE_U);
  else if (carryKind == CARRY_ADD) {
    get(CARRY_A);
    get(CARRY_B);
    op(W.I32_ADD);
    get(CARRY_A);
    op(W.I32_LT_U);
  } else {
    pushBoth();
    constant(1);
    op(W.I32_AND);
  }
}

/** Pushes V, 0 or 1. */
export function pushOverflow(): void {
  noteFlags();
  if (carryKind == CARRY_KNOWN) {
    get(CARRY_B);
    return;
  }
  if (carryKind == CARRY_ANY) {
    pushBoth();
    constant(1);
    op(W.I32_SHR_U);
    return;
  }
  overflowOf(carryKind);
}

/** Pushes V of the operands: ((a ^ b) & (a ^ (a − b))) >> 31, or ((a ^ s) & (b ^ s)) >> 31 with s = a + b. */
export function overflowOf(kind: u32): void {
  const isAdd = kind == CARRY_ADD;
  get(CARRY_A);
  get(CARRY_B);
  op(isAdd ? W.I32_ADD : W.I32_SUB);
  tee(VALUE);
  get(CARRY_A);
  op(W.I32_XOR);
  if (isAdd) get(VALUE);
  else get(CARRY_A);
  get(CARRY_B);
  op(W.I32_XOR);
  op(W.I32_AND);
  constant(31);
  op(W.I32_SHR_U);
}

/** Pushes C | V << 1, whatever the kind. */
function pushBoth(): void {
  get(CARRY_KIND);
  get(CARRY_A);
  get(CARRY_B);
  call(IMPORT_CARRY);
}

function compareOperands(code: W): void {
  get(CARRY_A);
  get(CARRY_B);
  op(code);
}

/** Pushes whether `condition` (0 … 13, A8.3) holds: 0, or not 0. */
export function pushCondition(condition: u32): void {
  noteFlags();
  if (inSync && carryKind == CARRY_SUBTRACT && condition >= 8) {
    const codes = memory.data<u8>([0x4b, 0x4d, 0x4e, 0x48, 0x4a, 0x4c]); // gt_u le_u ge_s lt_s gt_s le_s
    compareOperands(<W>load<u8>(codes + condition - 8));
    return;
  }
  switch (condition >>> 1) {
    case 0:
      get(NOT_ZERO);
      if (!(condition & 1)) op(W.I32_EQZ);
      return;
    case 1:
      if (carryKind == CARRY_SUBTRACT) {
        compareOperands(condition & 1 ? W.I32_LT_U : W.I32_GE_U);
        return;
      }
      pushCarry();
      break;
    case 2:
      get(NEGATIVE);
      constant(0);
      op(condition & 1 ? W.I32_GE_S : W.I32_LT_S);
      return;
    case 3:
      pushOverflow();
      break;
    case 4:
      // HI: C set and Z clear.
      pushCarry();
      constant(0);
      get(NOT_ZERO);
      op(W.SELECT);
      break;
    case 5:
      pushSignedGreaterEqual();
      break;
    default:
      // GT: Z clear, N == V.
      pushSignedGreaterEqual();
      constant(0);
      get(NOT_ZERO);
      op(W.SELECT);
      break;
  }
  if (condition & 1) op(W.I32_EQZ);
}

function pushSignedGreaterEqual(): void {
  get(NEGATIVE);
  constant(31);
  op(W.I32_SHR_U);
  pushOverflow();
  op(W.I32_EQ);
}

/** Pops nothing; leaves C and V as words: for the epilogue, which knows nothing of the kind. */
export function settleCarry(): void {
  get(CARRY_KIND);
  open(W.IF, 0x40);
  {
    get(CARRY_KIND);
    constant(CARRY_SUBTRACT);
    op(W.I32_EQ);
    open(W.IF, TYPE_I32);
    overflowOf(CARRY_SUBTRACT);
    compareOperands(W.I32_GE_U);
    set(CARRY_A);
    op(W.ELSE);
    overflowOf(CARRY_ADD);
    get(VALUE);
    get(CARRY_A);
    op(W.I32_LT_U);
    set(CARRY_A);
    close();
    set(CARRY_B);
  }
  close();
}
