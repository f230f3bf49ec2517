// Moves between core registers and the VFP's registers and system registers.
// ARM DDI 0406C A7.8 (32-bit transfers), A7.9 (64-bit transfers), B9.3.20 and B9.3.21 (VMRS, VMSR).

import { CPU_STATE } from "../../../abi/layout";
import {
  FPSID_VALUE,
  MVFR0_VALUE,
  MVFR1_VALUE,
  doubleRead,
  doubleWrite,
  fpexc,
  fpexcWrite,
  fpscr,
  fpscrWrite,
  singleRead,
  singleWrite,
} from "./vfp-state";

// System registers by number (bits 19:16)
const FPSID: u32 = 0;
const FPSCR: u32 = 1;
const MVFR1: u32 = 6;
const MVFR0: u32 = 7;
const FPEXC: u32 = 8;

// @ts-ignore: decorator
@inline
function coreRead(n: u32): u32 {
  return load<u32>(CPU_STATE + (n << 2));
}

// @ts-ignore: decorator
@inline
function coreWrite(n: u32, value: u32): void {
  store<u32>(CPU_STATE + (n << 2), value);
}

/** True when `word`, a transfer or any other VFP instruction, needs FPEXC.EN. VMRS and VMSR of every system register but
 *  FPSCR do not (they are privileged instead). */
export function vfpNeedsEnable(word: u32): bool {
  return (word & 0x0fe0_0e10) != 0x0ee0_0a10 || (word & 0x100) != 0 || (word & 0x000f_0000) == FPSCR << 16;
}

/** Executes a transfer between core and VFP registers (MCR, MRC, MCRR and MRRC space of coprocessors 10 and 11). Returns
 *  false when it is undefined, having changed nothing. Condition, CPACR and FPEXC.EN (vfpNeedsEnable) are the caller's, and
 *  so is VMRS APSR_nzcv, FPSCR. Core register 15 is UNPREDICTABLE, and undefined here. */
export function vfpRegisterTransfer(word: u32, privileged: bool): bool {
  if (word >>> 28 == 15 || (word & 0x0c00_0e00) != 0x0c00_0a00) return false;
  const t = (word >>> 12) & 15;
  if (t == 15) return false;
  if ((word & 0x0fe0_00d0) == 0x0c40_0010) return transferPair(word, t);
  if ((word & 0x0f00_001f) != 0x0e00_0010) return false; // bits 3:0 should be zero
  const toCore = (word & (1 << 20)) != 0;
  const operation = (word >>> 21) & 7;
  if (word & 0x100) {
    // VMOV (scalar) of 32 bits; those of 8 and 16, and VDUP, are Advanced SIMD's.
    if (operation > 1 || word & 0x60) return false;
    const n = ((((word >>> 16) & 0xf) | ((word >>> 3) & 0x10)) << 1) | operation;
    // Sixty-four words: here, and here alone, they are numbered as halves of D0..D31.
    if (toCore) coreWrite(t, singleRead(n));
    else singleWrite(n, coreRead(t));
    return true;
  }
  if (operation == 0 && (word & 0x60) == 0) {
    const n = ((word >>> 15) & 0x1e) | ((word >>> 7) & 1);
    if (toCore) coreWrite(t, singleRead(n));
    else singleWrite(n, coreRead(t));
    return true;
  }
  if (operation != 7 || word & 0xe0) return false;
  const register = (word >>> 16) & 0xf;
  return toCore ? readSystem(register, t, privileged) : writeSystem(register, t, privileged);
}

/** VMOV between two core registers and a double or two consecutive singles. */
function transferPair(word: u32, t: u32): bool {
  const t2 = (word >>> 16) & 15;
  if (t2 == 15) return false;
  const toCore = (word & (1 << 20)) != 0;
  if (toCore && t == t2) return false; // UNPREDICTABLE
  if (word & 0x100) {
    const m = (word & 0xf) | ((word >>> 1) & 0x10);
    if (toCore) {
      const value = doubleRead(m);
      coreWrite(t, <u32>value);
      coreWrite(t2, <u32>(value >>> 32));
    } else {
      doubleWrite(m, (<u64>coreRead(t)) | ((<u64>coreRead(t2)) << 32));
    }
    return true;
  }
  const m = ((word << 1) & 0x1e) | ((word >>> 5) & 1);
  if (m == 31) return false; // UNPREDICTABLE: there is no S32
  if (toCore) {
    coreWrite(t, singleRead(m));
    coreWrite(t2, singleRead(m + 1));
  } else {
    singleWrite(m, coreRead(t));
    singleWrite(m + 1, coreRead(t2));
  }
  return true;
}

function readSystem(register: u32, t: u32, privileged: bool): bool {
  if (register == FPSCR) {
    coreWrite(t, fpscr());
    return true;
  }
  if (!privileged) return false;
  switch (register) {
    case FPSID:
      coreWrite(t, FPSID_VALUE);
      return true;
    case MVFR1:
      coreWrite(t, MVFR1_VALUE);
      return true;
    case MVFR0:
      coreWrite(t, MVFR0_VALUE);
      return true;
    case FPEXC:
      coreWrite(t, fpexc());
      return true;
    default:
      return false; // no FPINST: this is no VFPv2
  }
}

/** Writes to identification registers are ignored. */
function writeSystem(register: u32, t: u32, privileged: bool): bool {
  if (register == FPSCR) {
    fpscrWrite(coreRead(t));
    return true;
  }
  if (!privileged) return false;
  switch (register) {
    case FPSID:
    case MVFR1:
    case MVFR0:
      return true;
    case FPEXC:
      fpexcWrite(coreRead(t));
      return true;
    default:
      return false;
  }
}
