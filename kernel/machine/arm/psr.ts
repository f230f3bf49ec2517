// Program status registers, modes and banked registers. ARM DDI 0406C B1.3.
//
// Banked registers, at BANKED:
//   +0   r8 … r12 of all modes but FIQ while the CPU is in FIQ, and of FIQ while it is not   u32 × 5
//   +20  (sp, lr) of usr/sys, fiq, irq, svc, abt, und while not current                      u32 × 12
//   +68  SPSR of fiq, irq, svc, abt, und                                                     u32 × 5

import { pmuPrivilege } from "../devices/pmu";
import { accountSync } from "./account";
import { CPU_STATE, PMU_FILTERED } from "../../abi/layout";
import { BANKED, CONTROL, FLAG_C, FLAG_GE, FLAG_N, FLAG_Q, FLAG_V, FLAG_Z, LR, SP, THUMB, setItState } from "./state";
import { tlbSelect } from "./memory/tlb";

export const MODE_USER: u32 = 0x10;
export const MODE_FIQ: u32 = 0x11;
export const MODE_IRQ: u32 = 0x12;
export const MODE_SUPERVISOR: u32 = 0x13;
export const MODE_ABORT: u32 = 0x17;
export const MODE_UNDEFINED: u32 = 0x1b;
export const MODE_SYSTEM: u32 = 0x1f;

export const PSR_MODE: u32 = 0x1f;
export const PSR_T: u32 = 1 << 5;
export const PSR_F: u32 = 1 << 6;
export const PSR_I: u32 = 1 << 7;
export const PSR_A: u32 = 1 << 8;
const PSR_CONTROL = PSR_MODE | PSR_F | PSR_I | PSR_A;

const R8 = CPU_STATE + 32;
const BANKED_SP = BANKED + 20;
const SPSRS = BANKED + 60 + 8;

/** Index of a mode's bank: 0 usr and sys, 1 fiq, 2 irq, 3 svc, 4 abt, 5 und; -1 for a mode that does not exist. */
function bankOf(mode: u32): i32 {
  switch (mode) {
    case MODE_USER:
    case MODE_SYSTEM:
      return 0;
    case MODE_FIQ:
      return 1;
    case MODE_IRQ:
      return 2;
    case MODE_SUPERVISOR:
      return 3;
    case MODE_ABORT:
      return 4;
    case MODE_UNDEFINED:
      return 5;
    default:
      return -1;
  }
}

// @ts-ignore: decorator
@inline
export function mode(): u32 {
  return load<u32>(CONTROL) & PSR_MODE;
}

// @ts-ignore: decorator
@inline
export function privileged(): bool {
  return (load<u32>(CONTROL) & PSR_MODE) != MODE_USER;
}

// @ts-ignore: decorator
@inline
export function irqMasked(): bool {
  return (load<u32>(CONTROL) & PSR_I) != 0;
}

/** CPSR with the given ITSTATE. E, J are always zero: SETEND and Jazelle are not there (see cp15's identification registers). */
export function psrRead(it: u32): u32 {
  return (
    (load<u32>(FLAG_N) & 0x8000_0000) |
    (load<u32>(FLAG_Z) == 0 ? 1 << 30 : 0) |
    (load<u32>(FLAG_C) << 29) |
    (load<u32>(FLAG_V) << 28) |
    (load<u32>(FLAG_Q) << 27) |
    (load<u32>(FLAG_GE) << 16) |
    ((it & 3) << 25) |
    ((it & 0xfc) << 8) |
    (load<u32>(THUMB) << 5) |
    load<u32>(CONTROL)
  );
}

/** N, Z, C, V from bits 31:28 of `value`. */
export function psrSetFlags(value: u32): void {
  store<u32>(FLAG_N, value);
  store<u32>(FLAG_Z, ~value & (1 << 30));
  store<u32>(FLAG_C, (value >>> 29) & 1);
  store<u32>(FLAG_V, (value >>> 28) & 1);
}

/** Switches to `target` and banks sp, lr and, to or from FIQ, r8 … r12. A mode that does not exist changes nothing
 *  (UNPREDICTABLE, B1.3.1): the guest cannot leave the modes we know. */
export function psrSetMode(target: u32): void {
  const from = mode();
  if (from == target) return;
  const fromBank = bankOf(from);
  const toBank = bankOf(target);
  if (toBank < 0) return;
  if (fromBank != toBank) {
    const saved = BANKED_SP + ((<u32>fromBank) << 3);
    store<u32>(saved, load<u32>(CPU_STATE + SP));
    store<u32>(saved + 4, load<u32>(CPU_STATE + LR));
    const restored = BANKED_SP + ((<u32>toBank) << 3);
    store<u32>(CPU_STATE + SP, load<u32>(restored));
    store<u32>(CPU_STATE + LR, load<u32>(restored + 4));
    if (fromBank == 1 || toBank == 1) {
      for (let i: u32 = 0; i < 20; i += 4) {
        const other = load<u32>(BANKED + i);
        store<u32>(BANKED + i, load<u32>(R8 + i));
        store<u32>(R8 + i, other);
      }
    }
  }
  store<u32>(CONTROL, (load<u32>(CONTROL) & ~PSR_MODE) | target);
  if (from != MODE_USER && target != MODE_USER) return;
  tlbSelect();
  if (load<u32>(PMU_FILTERED)) {
    accountSync();
    pmuPrivilege(target == MODE_USER);
  }
}

/** All of CPSR, as an exception return does (B1.3.3, CPSRWriteByInstr with is_excpt_return). */
export function psrWrite(value: u32): void {
  psrSetFlags(value);
  store<u32>(FLAG_Q, (value >>> 27) & 1);
  store<u32>(FLAG_GE, (value >>> 16) & 15);
  store<u32>(THUMB, (value >>> 5) & 1);
  setItState(((value >>> 25) & 3) | ((value >>> 8) & 0xfc));
  store<u32>(CONTROL, (load<u32>(CONTROL) & ~(PSR_F | PSR_I | PSR_A)) | (value & (PSR_F | PSR_I | PSR_A)));
  psrSetMode(value & PSR_MODE);
}

/** CPSR fields that MSR may write, by byte mask (B1.3.3, CPSRWriteByInstr without exception return): T, IT, J never change. */
export function psrWriteFields(value: u32, byteMask: u32): void {
  if (byteMask & 8) {
    psrSetFlags(value);
    store<u32>(FLAG_Q, (value >>> 27) & 1);
  }
  if (byteMask & 4) store<u32>(FLAG_GE, (value >>> 16) & 15);
  if (!privileged()) return;
  let control = load<u32>(CONTROL);
  if (byteMask & 2) control = (control & ~PSR_A) | (value & PSR_A);
  if (byteMask & 1) control = (control & ~(PSR_F | PSR_I)) | (value & (PSR_F | PSR_I));
  store<u32>(CONTROL, control);
  if (byteMask & 1) psrSetMode(value & PSR_MODE);
}

/** True in modes that have an SPSR. */
export function spsrExists(): bool {
  return bankOf(mode()) > 0;
}

/** SPSR of the current mode; 0 where there is none. */
export function spsrRead(): u32 {
  const bank = bankOf(mode());
  return bank > 0 ? load<u32>(SPSRS + ((<u32>bank) << 2) - 4) : 0;
}

export function spsrWrite(value: u32): void {
  const bank = bankOf(mode());
  if (bank > 0) store<u32>(SPSRS + ((<u32>bank) << 2) - 4, value);
}

/** Address in linear memory of register `number` (8 … 14) of the user bank, from any mode: LDM and STM (user registers). */
export function userRegister(number: u32): u32 {
  const bank = bankOf(mode());
  if (number >= 13 && bank != 0) return BANKED_SP + ((number - 13) << 2);
  if (number >= 8 && number <= 12 && bank == 1) return BANKED + ((number - 8) << 2);
  return CPU_STATE + (number << 2);
}

/** Address of register (sp 13, lr 14) of another mode, for SRS. */
export function bankedStackPointer(target: u32): u32 {
  const bank = bankOf(target);
  if (bank < 0) return 0;
  return bank == bankOf(mode()) ? CPU_STATE + SP : BANKED_SP + ((<u32>bank) << 3);
}

/** Reset: supervisor mode, ARM state, interrupts masked (B1.9.1). */
export function psrReset(): void {
  memory.fill(BANKED, 0, 60 + 8 + 20);
  psrSetFlags(1 << 30);
  store<u32>(FLAG_Q, 0);
  store<u32>(FLAG_GE, 0);
  store<u32>(THUMB, 0);
  setItState(0);
  store<u32>(CONTROL, MODE_SUPERVISOR | (PSR_CONTROL & ~PSR_MODE));
}
