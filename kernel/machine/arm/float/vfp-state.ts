// The VFP register file and its status register.
// ARM DDI 0406C A2.6 (registers), A2.7 (floating point), B4.1.58 (FPSCR), B4.1.57 (FPEXC).

import { VFP_STATE } from "../../../abi/layout";

// Identification (Cortex-A7): VFPv3-D32 with VFPv4's fused multiply-add and half precision, no short vectors.
export const FPSID_VALUE: u32 = 0x41023075;
export const MVFR0_VALUE: u32 = 0x10110222;
export const MVFR1_VALUE: u32 = 0x11111111;
/** Advanced SIMD's fields (MVFR1[19:8] and SIMDHP) are zero: it is not there. */
export const MVFR1_WITHOUT_NEON: u32 = 0x11000011;

// FPSCR
export const FPSCR_IOC: u32 = 1 << 0; // invalid operation
export const FPSCR_DZC: u32 = 1 << 1; // division by zero
export const FPSCR_OFC: u32 = 1 << 2; // overflow
export const FPSCR_UFC: u32 = 1 << 3; // underflow
export const FPSCR_IXC: u32 = 1 << 4; // inexact
export const FPSCR_IDC: u32 = 1 << 7; // input denormal
export const FPSCR_VECTOR: u32 = 0x0037_0000; // Stride and Len
export const FPSCR_ROUNDING: u32 = 3 << 22; // RMode
export const FPSCR_FZ: u32 = 1 << 24; // flush to zero
export const FPSCR_DN: u32 = 1 << 25; // default NaN
export const FPSCR_AHP: u32 = 1 << 26; // alternative half precision
export const FPSCR_QC: u32 = 1 << 27; // an Advanced SIMD operation saturated
export const FPSCR_NZCV: u32 = 0xf000_0000;
/** Bits that keep what is written. The trap enables are RAZ/WI: exceptions are never trapped (MVFR0[15:12] = 0). */
export const FPSCR_WRITABLE: u32 = 0xfff7_009f;

/** What is the standard value's own, and not FPSCR's, in Advanced SIMD. */
const FPSCR_MODES: u32 = FPSCR_ROUNDING | FPSCR_FZ | FPSCR_DN;

// RMode
export const ROUND_NEAREST: u32 = 0;
export const ROUND_UP: u32 = 1;
export const ROUND_DOWN: u32 = 2;
export const ROUND_ZERO: u32 = 3;

/** FPEXC.EN: the only bit of FPEXC that this implementation has. */
export const FPEXC_EN: u32 = 1 << 30;

/** State, as it lies in the partition's memory: this block is also the snapshot.
 *
 *   +0    D0..D31  u64 each; S0..S31 lie over D0..D15, S(2n) in the low half of D(n)
 *   +256  fpscr    u32
 *   +260  fpexc    u32
 *   +384  operands of the arithmetic in flight (float-parts): dead between instructions
 */
@unmanaged
class VfpStatus {
  fpscr: u32;
  fpexc: u32;
}
const vfp = changetype<VfpStatus>(VFP_STATE + 256);

/** Reset state: FPEXC.EN is clear, FPSCR is zero. The registers' contents are UNKNOWN on silicon and zero here. */
export function vfpReset(): void {
  memory.fill(VFP_STATE, 0, 264);
}

// @ts-ignore: decorator
@inline
export function fpscr(): u32 {
  return vfp.fpscr;
}

/** Writes FPSCR as VMSR does. */
export function fpscrWrite(value: u32): void {
  vfp.fpscr = value & FPSCR_WRITABLE;
}

/** Sets cumulative exception bits. */
// @ts-ignore: decorator
@inline
export function fpscrRaise(flags: u32): void {
  vfp.fpscr |= flags;
}

/** Replaces N, Z, C and V. */
// @ts-ignore: decorator
@inline
export function fpscrSetFlags(nzcv: u32): void {
  vfp.fpscr = (vfp.fpscr & ~FPSCR_NZCV) | nzcv;
}

/** True when FPSCR lets the host's arithmetic stand in for ours: rounding to nearest, no flushing, and IXC already
 *  sticky, so that the one flag which a normal, finite result can raise need not be known. */
// @ts-ignore: decorator
@inline
export function fpscrHostExact(): bool {
  return (vfp.fpscr & (FPSCR_IXC | FPSCR_FZ | FPSCR_ROUNDING)) == FPSCR_IXC;
}

/** Until fpscrRestore(), FPSCR has the modes of Advanced SIMD (StandardFPSCRValue, A2.7.3). Returns its own. */
export function fpscrStandard(): u32 {
  const modes = vfp.fpscr & FPSCR_MODES;
  vfp.fpscr = (vfp.fpscr & ~FPSCR_MODES) | FPSCR_FZ | FPSCR_DN;
  return modes;
}

/** Gives FPSCR the modes that fpscrStandard() answered; flags that were raised since stay. */
export function fpscrRestore(modes: u32): void {
  vfp.fpscr = (vfp.fpscr & ~FPSCR_MODES) | modes;
}

// @ts-ignore: decorator
@inline
export function fpexc(): u32 {
  return vfp.fpexc;
}

/** Writes FPEXC: everything but EN is RAZ/WI. */
export function fpexcWrite(value: u32): void {
  vfp.fpexc = value & FPEXC_EN;
}

/** Register numbers are 0..31 in all four; S(n) is half of D(n / 2). */
// @ts-ignore: decorator
@inline
export function singleRead(n: u32): u32 {
  return load<u32>(VFP_STATE + (n << 2));
}

// @ts-ignore: decorator
@inline
export function singleWrite(n: u32, value: u32): void {
  store<u32>(VFP_STATE + (n << 2), value);
}

// @ts-ignore: decorator
@inline
export function doubleRead(n: u32): u64 {
  return load<u64>(VFP_STATE + (n << 3));
}

// @ts-ignore: decorator
@inline
export function doubleWrite(n: u32, value: u64): void {
  store<u64>(VFP_STATE + (n << 3), value);
}
