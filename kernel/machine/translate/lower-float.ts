// VFP records. Registers stay where they are, in the CPU's state; arithmetic is the host's where that gives the same bits and the same
// flags. When that is so, and why, is said once, in arm/float/float64; float-operands has the same test, inline: rounding to nearest, no flushing,
// the inexact flag already set, and a result that is finite, and normal where it could have been tiny. Else the software does it.

import { VFP_STATE } from "../../abi/layout";
import { CPACR_ASEDIS, CPACR_D32DIS } from "../arm/cp15-state";
import { Op } from "../arm/decode/micro-operation";
import { FPSCR_VECTOR } from "../arm/float/vfp-state";
import { W, TYPE_VOID, access, call, close, constant, get, op, open, set, tee } from "./emitter";
import { setCarryAndOverflow } from "./flags";
import { likely } from "./hints";
import { IMPORT_FLOAT32, IMPORT_FLOAT64, IMPORT_NEON_STRUCTURE, IMPORT_VFP_MOVE } from "./imports";
import {
  DOUBLE,
  NEGATIVE,
  NOT_ZERO,
  SINGLE,
  VFP_REFUSED,
  VALUE,
  getOperand,
  loadWord,
  noteFlags,
  noteVfp,
  reload,
  setOperand,
  spill,
  storeWord,
} from "./locals";
import { FPSCR, getFloat, pushResultStands, putFloat } from "./float-operands";
import { lowerDuplicate, lowerNeonData } from "./lower-neon";
import { lowerVfpData } from "./lower-vfp-data";
import { standIf } from "./place";

/** 0 add, 1 subtract, 2 multiply, 3 divide. */
function arithmetic(ip: u32, which: u32, isDouble: bool): void {
  const d = (<u32>load<u8>(ip, 2)) << 2;
  const n = (<u32>load<u8>(ip, 3)) << 2;
  const m = (<u32>load<u8>(ip, 4)) << 2;
  getFloat(n, isDouble);
  getFloat(m, isDouble);
  op(<W>((isDouble ? <u32>W.F64_ADD : <u32>W.F32_ADD) + which));
  set(isDouble ? DOUBLE : SINGLE);
  pushResultStands(isDouble, which < 2);
  likely();
  open(W.IF, TYPE_VOID);
  constant(0);
  get(isDouble ? DOUBLE : SINGLE);
  putFloat(d, isDouble);
  op(W.ELSE);
  constant(0);
  constant(0);
  access(isDouble ? W.I64_LOAD : W.I32_LOAD, VFP_STATE + n);
  constant(0);
  access(isDouble ? W.I64_LOAD : W.I32_LOAD, VFP_STATE + m);
  call((isDouble ? IMPORT_FLOAT64 : IMPORT_FLOAT32) + which);
  access(isDouble ? W.I64_STORE : W.I32_STORE, VFP_STATE + d);
  close();
}

function copyFloat(ip: u32, isDouble: bool): void {
  constant(0);
  constant(0);
  access(isDouble ? W.I64_LOAD : W.I32_LOAD, VFP_STATE + ((<u32>load<u8>(ip, 4)) << 2));
  access(isDouble ? W.I64_STORE : W.I32_STORE, VFP_STATE + ((<u32>load<u8>(ip, 2)) << 2));
}

/** VMRS APSR_nzcv, FPSCR. */
function flagsFromFpscr(): void {
  noteFlags();
  loadWord(FPSCR);
  tee(VALUE);
  set(NEGATIVE);
  get(VALUE);
  constant(30);
  op(W.I32_SHR_U);
  constant(1);
  op(W.I32_AND);
  op(W.I32_EQZ);
  set(NOT_ZERO);
  get(VALUE);
  constant(29);
  op(W.I32_SHR_U);
  constant(1);
  op(W.I32_AND);
  get(VALUE);
  constant(28);
  op(W.I32_SHR_U);
  constant(1);
  op(W.I32_AND);
  setCarryAndOverflow();
}

/** A transfer of the core registers in bits 15:12 and, for a pair, 19:16. */
function move(ip: u32): void {
  const word = load<u32>(ip, 8);
  const t = ((word >>> 12) & 15) << 2;
  const t2 = ((word >>> 16) & 15) << 2;
  const pair = (word & 0x0fe0_00d0) == 0x0c40_0010;
  const toCore = (word & (1 << 20)) != 0;
  spill(t);
  if (pair) spill(t2);
  constant(word);
  call(IMPORT_VFP_MOVE);
  standIf(ip);
  if (!toCore) return;
  reload(t);
  if (pair) reload(t2);
}

/** Writes the record at `ip`. False: it is not one of the VFP's. */
export function lowerFloat(code: Op, ip: u32): bool {
  const immediate = load<u32>(ip, 8);
  const register = (<u32>load<u8>(ip, 4)) << 2;
  switch (code) {
    case Op.VFP_CHECK:
      noteVfp();
      // Bit 0 is set when nothing may execute.
      get(VFP_REFUSED);
      constant((immediate & (CPACR_ASEDIS | CPACR_D32DIS)) | 1);
      op(W.I32_AND);
      if (immediate & FPSCR_VECTOR) {
        loadWord(FPSCR);
        constant(FPSCR_VECTOR);
        op(W.I32_AND);
        op(W.I32_OR);
      }
      standIf(ip);
      return true;
    case Op.VMOV_CORE_TO_S:
      constant(0);
      getOperand(load<u8>(ip, 2));
      storeWord(VFP_STATE + register);
      return true;
    case Op.VMOV_S_TO_CORE:
      loadWord(VFP_STATE + register);
      setOperand(load<u8>(ip, 2));
      return true;
    case Op.VADD32:
    case Op.VSUB32:
    case Op.VMUL32:
    case Op.VDIV32:
      arithmetic(ip, <u32>code - <u32>Op.VADD32, false);
      return true;
    case Op.VADD64:
    case Op.VSUB64:
    case Op.VMUL64:
    case Op.VDIV64:
      arithmetic(ip, <u32>code - <u32>Op.VADD64, true);
      return true;
    case Op.VMOV32:
    case Op.VMOV64:
      copyFloat(ip, code == Op.VMOV64);
      return true;
    case Op.VFP_DATA:
      lowerVfpData(ip);
      return true;
    case Op.NEON_DATA:
      lowerNeonData(ip);
      return true;
    case Op.NEON_STRUCTURE:
      constant(immediate);
      getOperand(load<u8>(ip, 3));
      call(IMPORT_NEON_STRUCTURE);
      op(W.I32_EQZ);
      standIf(ip);
      return true;
    case Op.VFP_MOVE:
      if (!lowerDuplicate(immediate, ((immediate >>> 12) & 15) << 2)) move(ip);
      return true;
    case Op.VFP_FLAGS:
      flagsFromFpscr();
      return true;
    default:
      return false;
  }
}
