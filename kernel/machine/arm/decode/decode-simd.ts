// What VFP and Advanced SIMD instructions need beyond the VFP itself (VFP_CHECK), and Advanced SIMD's loads and stores as records.

import { CPACR_ASEDIS, CPACR_D32DIS } from "../cp15-state";
import { numberD } from "../neon/operands";
import {
  STRUCTURE_MULTIPLE,
  structureAlignment,
  structureBytes,
  structureDecode,
  structureElements,
  structureLane,
  structureSize,
} from "../neon/structure";
import { SCRATCH_2 } from "../state";
import { emit, emitUndefined, emitVfpCheck, r } from "./emit";
import { Op } from "./micro-operation";

/** CPACR.D32DIS makes D16 … D31 Undefined (B4.1.40): what a double whose first word is `word` needs. */
// @ts-ignore: decorator
@inline
export function highRegister(word: u32): u32 {
  return word >= 32 ? CPACR_D32DIS : 0;
}

/** Bit n: with opc2 = n, instructions of one operand in double precision have a double in Vd, and in Vm (A7.5). */
const DOUBLE_IN_D: u32 = 0xcf7f;
const DOUBLE_IN_M: u32 = 0x3093;

/** What VFP data processing needs: CPACR_D32DIS when it names one of D16 … D31. */
export function vfpDataNeeds(word: u32): u32 {
  const isDouble = (word & 0x100) != 0;
  const opc2 = (word >>> 16) & 15;
  let bits: u32 = 0;
  if ((word & 0x00b0_0000) != 0x00b0_0000) {
    if (isDouble) bits = (1 << 22) | (1 << 7) | (1 << 5);
  } else if (!(word & 0x40)) {
    if (isDouble) bits = 1 << 22; // VMOV (immediate)
  } else {
    // In single precision only VCVT to double has a double.
    if (isDouble ? (DOUBLE_IN_D >>> opc2) & 1 : opc2 == 7) bits = 1 << 22;
    if (isDouble && (DOUBLE_IN_M >>> opc2) & 1) bits |= 1 << 5;
  }
  return word & bits ? CPACR_D32DIS : 0;
}

/** What a move between core and extension registers needs (A7.8, A7.9): VDUP, and lanes of 8 and 16 bits, are Advanced SIMD's. */
export function vfpMoveNeeds(word: u32): u32 {
  if (!(word & 0x100)) return 0;
  if ((word & 0x0f00_0000) == 0x0c00_0000) return word & (1 << 5) ? CPACR_D32DIS : 0;
  const high = word & (1 << 7) ? CPACR_D32DIS : 0;
  return word & 0x00c0_0060 ? high | CPACR_ASEDIS : high;
}

/** VLDn, VSTn (A7.7). Rm = 15: no write-back; 13: by the bytes moved; else by the register. */
export function neonTransfer(isLoad: bool, word: u32, n: u32, m: u32): bool {
  // With the PC as base it is UNPREDICTABLE.
  if (n == 15 || !structureDecode(word)) {
    emitUndefined();
    return true;
  }
  emitVfpCheck(CPACR_ASEDIS);
  const bytes = structureBytes();
  // The sum goes where the access cannot change it, and is written back behind it.
  if (m < 13 || m == 14) emit(Op.ADD, SCRATCH_2, r(n), r(m), 0, 0);
  if (structureElements == 1 && structureLane == STRUCTURE_MULTIPLE) {
    emit(isLoad ? Op.VLD1 : Op.VST1, 0, r(n), numberD(word) << 1, bytes, structureAlignment | (structureSize << 8));
  } else {
    emit(Op.NEON_STRUCTURE, 0, r(n), 0, 0, word);
  }
  if (m == 13) emit(Op.ADDI, r(n), r(n), 0, 0, bytes);
  else if (m != 15) emit(Op.MOV, r(n), 0, SCRATCH_2, 0, 0);
  return false;
}
