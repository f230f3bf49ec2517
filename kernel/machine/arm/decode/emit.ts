// Writing a block's records while it is decoded, and the shapes that both instruction sets share.
//
// Globals here live only while one block is decoded.

import { LINK_FAR, LINK_INDIRECT, LINK_UNRESOLVED, Op, RECORD_BYTES } from "./micro-operation";
import { OPERAND_PC, SCRATCH } from "../state";

/** Where the next record goes. */
let out: u32 = 0;
/** `it` and `offset` of the instruction being decoded, in their record positions. */
let stamp: u32 = 0;
/** Byte offset of the instruction from the block's start, and the block's start within its page. */
export let decodeOffset: u32 = 0;
let pageOffset: u32 = 0;
/** What VFP_CHECK looked at earlier in this block, unconditionally, and CHECKED when it was there at all. */
let vfpChecked: u32 = 0;
const CHECKED: u32 = 1;
/** The instruction is under a guard. */
let guarded: bool = false;

/** The block's instruction set. */
let inThumb: bool = false;

/** Starts a block whose first record is `record`; its first instruction lies at `within` in its page. */
export function decodeStart(record: u32, within: u32, isThumb: bool): void {
  out = record;
  pageOffset = within;
  inThumb = isThumb;
  vfpChecked = 0;
}

/** Starts the instruction at byte `offset` of the block. */
export function decodeInstruction(offset: u32, it: u32, conditional: bool): void {
  decodeOffset = offset;
  stamp = (it << 16) | ((offset >>> 1) << 24);
  guarded = conditional;
}

/** What literal loads count from, as an offset from the block's start: the PC rounded down to a word. A block starts at the same
 *  place in its page in every mapping, so the rounding is known here. */
export function literalBase(): u32 {
  const ahead = decodeOffset + (inThumb ? 4 : 8);
  return ahead - ((pageOffset + ahead) & 3);
}

/** Where the next record goes. */
export function decodePosition(): u32 {
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
  store<u32>(out, LINK_INDIRECT, 12);
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
  store<u32>(out - RECORD_BYTES, pageOffset + target < 0x1000 ? LINK_UNRESOLVED : LINK_FAR, 12);
}

/** The last record is a branch that may not be taken. */
export function decodeConditionalBranch(): bool {
  const op = <u32>load<u16>(out - RECORD_BYTES);
  return op >= <u32>Op.B_EQ && op <= <u32>Op.CBNZ;
}

export function emitUndefined(): void {
  emit(Op.UNDEFINED, 0, 0, 0, 0, 0);
}

/** Makes r15 readable as an operand: `ahead` is 8 in ARM state, 4 in Thumb state. Returns the operand for register `number`. */
export function source(number: u32, ahead: u32): u32 {
  if (number == 15) emit(Op.ADDRESS, OPERAND_PC, 0, 0, 0, decodeOffset + ahead);
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
}

/** VFP instructions are Undefined until FPEXC and CPACR allow them, and some for more reasons: `also` is what VFP_CHECK wants. One check a
 *  block is enough: FPSCR, FPEXC and CPACR are written at the end of a block only. */
export function emitVfpCheck(also: u32 = 0): void {
  const wanted = also | CHECKED;
  if ((vfpChecked & wanted) == wanted) return;
  emit(Op.VFP_CHECK, 0, 0, 0, 0, also);
  if (!guarded) vfpChecked |= wanted;
}
