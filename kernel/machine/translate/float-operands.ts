// What the VFP's records share: operands in the CPU's state, and the test whether the host's arithmetic may stand in (arm/float/float64 says
// when that is so, and why).

import { VFP_STATE } from "../../abi/layout";
import { FPSCR_FZ, FPSCR_IXC, FPSCR_ROUNDING, FPSCR_VECTOR } from "../arm/float/vfp-state";
import { W, access, byte, constant, get, op } from "./emitter";
import { DOUBLE, SINGLE, loadWord } from "./locals";

export const FPSCR: u32 = VFP_STATE + 256;

/** Pushes the double or single at `at` in VFP_STATE. */
export function getFloat(at: u32, isDouble: bool): void {
  constant(0);
  access(isDouble ? W.F64_LOAD : W.F32_LOAD, VFP_STATE + at);
}

/** Stores what lies above a 0 on the stack. */
export function putFloat(at: u32, isDouble: bool): void {
  access(isDouble ? W.F64_STORE : W.F32_STORE, VFP_STATE + at);
}

/** Pushes whether the host's arithmetic may stand in (fpscrHostExact), and no short vectors are asked for. */
export function pushHostExact(): void {
  loadWord(FPSCR);
  constant(FPSCR_IXC | FPSCR_FZ | FPSCR_ROUNDING | FPSCR_VECTOR);
  op(W.I32_AND);
  constant(FPSCR_IXC);
  op(W.I32_EQ);
}

/** Pushes the magnitude of the result in DOUBLE or SINGLE. */
function magnitude(isDouble: bool): void {
  get(isDouble ? DOUBLE : SINGLE);
  op(isDouble ? W.F64_ABS : W.F32_ABS);
}

/** Pushes a constant by its bits. */
export function pushFloat(double: u64, single: u32, isDouble: bool): void {
  byte(isDouble ? 0x44 : 0x43);
  let bits = isDouble ? double : <u64>single;
  const bytes = isDouble ? 8 : 4;
  for (let i = 0; i < bytes; i++, bits >>>= 8) byte(<u32>(bits & 0xff));
}

/** Stores the word above a 0 on the stack. */
export function putWord(address: u32): void {
  access(W.I32_STORE, address);
}

/** Pushes whether the result in DOUBLE or SINGLE stands: add and subtract want it finite, the others normal too. */
export function pushResultStands(isDouble: bool, additive: bool): void {
  magnitude(isDouble);
  pushFloat(0x7fef_ffff_ffff_ffff, 0x7f7f_ffff, isDouble); // the largest finite
  op(isDouble ? W.F64_LE : W.F32_LE);
  if (!additive) {
    magnitude(isDouble);
    pushFloat(0x0010_0000_0000_0000, 0x0080_0000, isDouble); // the smallest normal
    op(isDouble ? W.F64_GT : W.F32_GT);
    op(W.I32_AND);
  }
  pushHostExact();
  op(W.I32_AND);
}
