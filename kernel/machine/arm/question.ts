// C and V between two translated functions: a question and its operands (translate/flags), which is answered when the interpreter goes on.
//
//   KIND  0: C is in FLAG_C, V in FLAG_V. Else QUESTION_SUBTRACT or QUESTION_ADD: V is that of a − b or a + b, a being in QUESTION_A and
//         b in FLAG_V; with FOLLOWS C is that of the same operation, else it is in FLAG_C.

import { FLAG_C, FLAG_V } from "./state";

export const QUESTION_NONE: u32 = 0;
export const QUESTION_SUBTRACT: u32 = 1;
export const QUESTION_ADD: u32 = 2;
export const FOLLOWS: u32 = 4;

export const QUESTION_KIND: usize = memory.data(4);
export const QUESTION_A: usize = memory.data(4);

/** V of the operands, 0 or 1; of QUESTION_NONE the second is V. */
export function overflowOf(kind: u32, a: u32, b: u32): u32 {
  const question = kind & 3;
  if (question == QUESTION_NONE) return b;
  if (question == QUESTION_SUBTRACT) return ((a ^ b) & (a ^ (a - b))) >>> 31;
  return ((a ^ (a + b)) & (b ^ (a + b))) >>> 31;
}

/** The interpreter's flags are good: no question is open. */
// @ts-ignore: decorator
@inline
export function questionClear(): void {
  store<u32>(QUESTION_KIND, 0);
}

/** Answers the question, if there is one. */
export function questionSettle(): void {
  const kind = load<u32>(QUESTION_KIND);
  if (kind == 0) return;
  const a = load<u32>(QUESTION_A);
  const b = load<u32>(FLAG_V);
  if (kind & FOLLOWS) store<u32>(FLAG_C, kind & QUESTION_SUBTRACT ? <u32>(a >= b) : <u32>(a + b < a));
  store<u32>(FLAG_V, overflowOf(kind, a, b));
  questionClear();
}
