// N, Z, C and V in translated code.
//
// Most flags die unread, and the compiler behind us drops what is not read. So N and Z are kept as result words, which costs nothing;
// V is kept as a question: the kind of the operation and its operands, which are there anyway. C follows the same question, or is a
// word of its own where something else has set it (a shift, a rotated immediate), which leaves V's question alone. A question is
// answered where somebody asks: by one comparison when the kind is known here, by selects when control came from several places.
//
//   KIND (at run time)  question | FOLLOWS           known here
//     0                 C in CARRY, V in B           QUESTION_NONE, follows 0
//     1, 2              V of a − b, a + b            QUESTION_SUBTRACT, QUESTION_ADD, follows 0
//     5, 6              … and C too                  … follows 1
//
// In sync: N and Z come from the same operation as the question, so that a signed condition is one comparison of the operands.

import { CARRY_CLEAR, CARRY_KEEP, CARRY_SHIFTER } from "../arm/decode/micro-operation";
import { FOLLOWS, QUESTION_ADD, QUESTION_NONE, QUESTION_SUBTRACT } from "../arm/question";
import { W, call, constant, get, op, set, tee } from "./emitter";
import { IMPORT_OVERFLOW } from "./imports";
import { A, B, CARRY, KIND, NEGATIVE, NOT_ZERO, SHIFTER, VALUE, WIDE, noteFlags } from "./locals";

/** The question is not known here. */
const QUESTION_ANY: u32 = 3;
/** Whether it does is not known here. */
const FOLLOWS_ANY: u32 = 2;

/** What is known at the place being written. */
let question: u32 = QUESTION_ANY;
let follows: u32 = FOLLOWS_ANY;
let inSync: bool = false;

/** Nothing is known: in a word as flagsState() makes them. */
export const FLAGS_ANY: u32 = QUESTION_ANY | (FOLLOWS_ANY << 2);

/** What is known, in a word. */
export function flagsState(): u32 {
  return question | (follows << 2) | (inSync ? 16 : 0);
}

/** That is known from here on. */
export function flagsKnown(state: u32): void {
  question = state & 3;
  follows = (state >>> 2) & 3;
  inSync = (state & 16) != 0;
}

/** What is known where two ways meet. */
export function flagsMerge(one: u32, other: u32): u32 {
  const both = (one ^ other) & 3 ? QUESTION_ANY : one & 3;
  const carry = (one ^ other) & 12 ? FOLLOWS_ANY << 2 : one & 12;
  return both | carry | (one & other & 16);
}

/** A question that C follows, or QUESTION_NONE. */
function setQuestion(kind: u32): void {
  question = kind;
  follows = kind == QUESTION_NONE ? 0 : 1;
  constant(follows ? kind | FOLLOWS : kind);
  set(KIND);
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
  set(B);
  set(A);
  get(A);
  get(B);
  op(W.I32_SUB);
  setNZ();
  setQuestion(QUESTION_SUBTRACT);
  inSync = true;
}

/** Pops b, then a: flags of a + b. */
export function addFlags(): void {
  set(B);
  set(A);
  get(A);
  get(B);
  op(W.I32_ADD);
  setNZ();
  setQuestion(QUESTION_ADD);
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
  set(B);
  get(WIDE);
  byteConstant64(32);
  op(W.I64_SHR_U);
  op(W.I32_WRAP_I64);
  set(CARRY);
  get(NEGATIVE);
  set(NOT_ZERO);
  setQuestion(QUESTION_NONE);
  inSync = false;
}

function byteConstant64(value: u32): void {
  op(W.I64_CONST);
  op(<W>value);
}

/** How a logical operation leaves C: CARRY_* of arm/decode/micro-operation. */
export function logicalCarry(how: u32): void {
  if (how == CARRY_KEEP) return;
  if (how == CARRY_SHIFTER) get(SHIFTER);
  else constant(how == CARRY_CLEAR ? 0 : 1);
  setCarry();
}

/** Pops C: a word of its own from here on. V's question stays. */
export function setCarry(): void {
  noteFlags();
  set(CARRY);
  inSync = false;
  if (follows == 0) return;
  if (question != QUESTION_ANY) constant(question);
  else {
    get(KIND);
    constant(3);
    op(W.I32_AND);
  }
  set(KIND);
  follows = 0;
}

/** Pops V, then C. */
export function setCarryAndOverflow(): void {
  noteFlags();
  set(B);
  set(CARRY);
  inSync = false;
  setQuestion(QUESTION_NONE);
}

/** Pushes C, 0 or 1. */
export function pushCarry(): void {
  noteFlags();
  if (follows == 0) {
    get(CARRY);
    return;
  }
  if (question != QUESTION_ADD) compareOperands(W.I32_GE_U);
  if (question != QUESTION_SUBTRACT) {
    get(A);
    get(B);
    op(W.I32_ADD);
    get(A);
    op(W.I32_LT_U);
  }
  if (question == QUESTION_ANY) selectByKind(QUESTION_SUBTRACT);
  if (follows == 1) return;
  get(CARRY);
  selectByKind(FOLLOWS);
}

/** Of the two words on the stack, the first if KIND has this bit. */
function selectByKind(bit: u32): void {
  get(KIND);
  constant(bit);
  op(W.I32_AND);
  op(W.SELECT);
}

/** Pushes V, 0 or 1. */
function pushOverflow(): void {
  noteFlags();
  if (question == QUESTION_NONE) {
    get(B);
    return;
  }
  if (question == QUESTION_ANY) {
    get(KIND);
    get(A);
    get(B);
    call(IMPORT_OVERFLOW);
    return;
  }
  overflowOf(question);
}

/** Pushes V of the operands: ((a ^ b) & (a ^ (a − b))) >> 31, or ((a ^ s) & (b ^ s)) >> 31 with s = a + b. */
function overflowOf(kind: u32): void {
  const isAdd = kind == QUESTION_ADD;
  get(A);
  get(B);
  op(isAdd ? W.I32_ADD : W.I32_SUB);
  tee(VALUE);
  get(A);
  op(W.I32_XOR);
  if (isAdd) get(VALUE);
  else get(A);
  get(B);
  op(W.I32_XOR);
  op(W.I32_AND);
  constant(31);
  op(W.I32_SHR_U);
}

/** Pushes N, Z, C and V as in the CPSR, bits 31:28. */
export function pushStatusFlags(): void {
  noteFlags();
  get(NEGATIVE);
  constant(0x8000_0000);
  op(W.I32_AND);
  get(NOT_ZERO);
  op(W.I32_EQZ);
  orShifted(30);
  pushCarry();
  orShifted(29);
  pushOverflow();
  orShifted(28);
}

function orShifted(bits: u32): void {
  constant(bits);
  op(W.I32_SHL);
  op(W.I32_OR);
}

function compareOperands(code: W): void {
  get(A);
  get(B);
  op(code);
}

/** Pushes whether `condition` (0 … 13, A8.3) holds: 0, or not 0. */
export function pushCondition(condition: u32): void {
  noteFlags();
  // HI and LS ask for C too.
  if (inSync && question == QUESTION_SUBTRACT && condition >= (follows == 1 ? 8 : 10)) {
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
      if (question == QUESTION_SUBTRACT && follows == 1) {
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
