// Moves between core registers and the VFP's registers and system registers.
// ARM DDI 0406C A7.8 (32-bit transfers), A7.9 (64-bit transfers), B9.3.20 and B9.3.21 (VMRS, VMSR).

import { CONFIG_CPU, CPU_STATE, CPU_WITHOUT_NEON, VFP_STATE } from "../../../abi/layout";
import {
  FPSID_VALUE,
  MVFR0_VALUE,
  MVFR1_VALUE,
  MVFR1_WITHOUT_NEON,
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
    const n = ((word >>> 16) & 0xf) | ((word >>> 3) & 0x10);
    if (operation >= 4 && !toCore) return duplicate(word, n, t);
    return toCore ? readLane(word, n, t) : writeLane(word, n, t);
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

/** log2 of a lane's bytes by opc1 and opc2 of VMOV (scalar), bits 22:21 and 6:5 of `word`; its index goes to `laneIndex`. 3: Undefined. */
function laneSize(word: u32): u32 {
  const low = (word >>> 5) & 3;
  laneIndex = (word >>> 21) & 1;
  if (word & (1 << 22)) {
    laneIndex = (laneIndex << 2) | low;
    return 0;
  }
  if (low & 1) {
    laneIndex = (laneIndex << 1) | (low >>> 1);
    return 1;
  }
  return low == 0 ? 2 : 3;
}
let laneIndex: u32 = 0;

/** VMOV (scalar to core register): narrow lanes are extended, without sign when bit 23 is set; for words it must be clear (A8.8.342). */
function readLane(word: u32, n: u32, t: u32): bool {
  const size = laneSize(word);
  const unsigned = (word & (1 << 23)) != 0;
  if (size == 3 || (size == 2 && unsigned)) return false;
  const at = VFP_STATE + (n << 3) + (laneIndex << size);
  if (size == 0) coreWrite(t, unsigned ? <u32>load<u8>(at) : <u32>load<i8>(at));
  else if (size == 1) coreWrite(t, unsigned ? <u32>load<u16>(at) : <u32>load<i16>(at));
  else coreWrite(t, load<u32>(at));
  return true;
}

/** VMOV (core register to scalar), A8.8.341. */
function writeLane(word: u32, n: u32, t: u32): bool {
  const size = laneSize(word);
  if (size == 3) return false;
  const at = VFP_STATE + (n << 3) + (laneIndex << size);
  if (size == 0) store<u8>(at, coreRead(t));
  else if (size == 1) store<u16>(at, coreRead(t));
  else store<u32>(at, coreRead(t));
  return true;
}

/** VDUP (core register): Q is bit 21, the width bits 22 and 5 (A8.8.315). */
function duplicate(word: u32, d: u32, t: u32): bool {
  const quad = (word >>> 21) & 1;
  const width = ((word >>> 21) & 2) | ((word >>> 5) & 1);
  if (width == 3 || word & 0x40 || (quad && d & 1)) return false;
  const value = coreRead(t);
  const lanes: u64 =
    width == 0
      ? <u64>value * 0x1_0000_0001
      : width == 1
        ? <u64>(value & 0xffff) * 0x0001_0001_0001_0001
        : <u64>(value & 0xff) * 0x0101_0101_0101_0101;
  for (let half: u32 = 0; half <= quad; half++) doubleWrite(d + half, lanes);
  return true;
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
      coreWrite(t, load<u32>(CONFIG_CPU) & CPU_WITHOUT_NEON ? MVFR1_WITHOUT_NEON : MVFR1_VALUE);
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
