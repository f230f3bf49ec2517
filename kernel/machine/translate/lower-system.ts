// System records: status registers and coprocessor 15. What is read; and of what is written, the part that a kernel writes all the time
// (foreign). Whatever is not simply so is left to the interpreter before it is begun: user mode, another mode, an interrupt that waits.

import { IRQ_LINE } from "../../abi/layout";
import { Op, SYSTEM_CPS, SYSTEM_MSR } from "../arm/decode/micro-operation";
import { MODE_USER, PSR_F, PSR_I, PSR_MODE } from "../arm/psr";
import { CONTROL, FLAG_GE, FLAG_Q } from "../arm/state";
import { isStatusRead, isTimerRead, maskedBits } from "../arm/system";
import { WORK_TIMER } from "../devices/work";
import { TLB_TABLE } from "../arm/memory/tlb";
import { COPROCESSOR_DONE, COPROCESSOR_MOVED } from "./assist";
import { W, TYPE_VOID, call, close, constant, get, op, open, set, tee } from "./emitter";
import { pushStatusFlags } from "./flags";
import { systemBytes, systemKind } from "./foreign";
import { unlikely } from "./hints";
import { IMPORT_COPROCESSOR_WRITE, IMPORT_SYSTEM_READ } from "./imports";
import { FUEL, TLB, VALUE, getOperand, loadWord, noteTlb, reload, setOperand, spill, storeWord } from "./locals";
import { blockPage, exitTo, isThumb, offsetOf, pageBase, refundAt, standIf } from "./place";

const PSR_I_SHIFT: u32 = 7;

function pushMode(): void {
  loadWord(CONTROL);
  constant(PSR_MODE);
  op(W.I32_AND);
}

function pushUserMode(): void {
  pushMode();
  constant(MODE_USER);
  op(W.I32_EQ);
}

/** MRS of the CPSR: flags, Q, GE, mode and masks (B9.3.8). */
function statusRead(ip: u32): void {
  pushStatusFlags();
  loadWord(FLAG_Q);
  constant(27);
  op(W.I32_SHL);
  op(W.I32_OR);
  loadWord(FLAG_GE);
  constant(16);
  op(W.I32_SHL);
  op(W.I32_OR);
  loadWord(CONTROL);
  op(W.I32_OR);
  setOperand(load<u8>(ip, 2));
}

/** MRS of an SPSR, MRC, MRRC. */
function systemRead(ip: u32): void {
  const word = load<u32>(ip, 8);
  const d = <u32>load<u8>(ip, 2);
  const m = <u32>load<u8>(ip, 4);
  if (isStatusRead(word) && (word & (1 << 22)) == 0) {
    statusRead(ip);
    return;
  }
  const timer = isTimerRead(word);
  if (timer) {
    // The access is paid for here, if there is enough beyond this block.
    get(FUEL);
    constant(WORK_TIMER);
    op(W.I32_LT_U);
    standIf(ip);
  }
  const pair = (word & 0x0f00_0000) == 0x0c00_0000;
  spill(d);
  if (pair) spill(m);
  constant(word);
  constant(d | (m << 8));
  get(FUEL);
  constant(refundAt());
  op(W.I32_ADD);
  call(IMPORT_SYSTEM_READ);
  standIf(ip);
  if (timer) {
    get(FUEL);
    constant(WORK_TIMER);
    op(W.I32_SUB);
    set(FUEL);
  }
  reload(d);
  if (pair) reload(m);
}

/** MSR CPSR_c (B9.3.11): the masks, as long as the mode is the same. */
function maskByRegister(ip: u32): void {
  const m = <u32>load<u8>(ip, 4);
  getOperand(m);
  loadWord(CONTROL);
  op(W.I32_XOR);
  constant(PSR_MODE);
  op(W.I32_AND);
  pushUserMode();
  op(W.I32_OR);
  loadWord(IRQ_LINE);
  getOperand(m);
  constant(PSR_I_SHIFT);
  op(W.I32_SHR_U);
  constant(0xffff_ffff);
  op(W.I32_XOR);
  op(W.I32_AND);
  op(W.I32_OR);
  standIf(ip);
  constant(0);
  loadWord(CONTROL);
  constant(~(PSR_F | PSR_I));
  op(W.I32_AND);
  getOperand(m);
  constant(PSR_F | PSR_I);
  op(W.I32_AND);
  op(W.I32_OR);
  storeWord(CONTROL);
}

/** CPSIE, CPSID (B9.3.2). */
function mask(ip: u32): void {
  const word = load<u32>(ip, 8);
  const bits = maskedBits(word);
  const enables = ((word >>> 18) & 3) == 2;
  pushUserMode();
  if (enables && bits & PSR_I) {
    loadWord(IRQ_LINE);
    op(W.I32_OR);
  }
  standIf(ip);
  constant(0);
  loadWord(CONTROL);
  constant(enables ? ~bits : bits);
  op(enables ? W.I32_AND : W.I32_OR);
  storeWord(CONTROL);
}

/** MCR. The mappings may be others then, and the TLB's context: what the function keeps of them is taken anew. */
function coprocessorWrite(ip: u32): void {
  constant(load<u32>(ip, 8));
  getOperand(load<u8>(ip, 2));
  constant(blockPage);
  constant(pageBase);
  call(IMPORT_COPROCESSOR_WRITE);
  tee(VALUE);
  constant(COPROCESSOR_MOVED);
  op(W.I32_EQ);
  unlikely();
  open(W.IF, TYPE_VOID);
  exitTo(offsetOf(ip) + systemBytes(ip), isThumb);
  close();
  get(VALUE);
  constant(COPROCESSOR_DONE);
  op(W.I32_NE);
  standIf(ip);
  noteTlb();
  loadWord(TLB_TABLE);
  set(TLB);
}

/** Writes the record at `ip`. False: it is not one of these. */
export function lowerSystem(code: Op, ip: u32): bool {
  switch (code) {
    case Op.SYSTEM_READ:
      systemRead(ip);
      return true;
    case Op.READ_STATE_PL1:
      pushUserMode();
      standIf(ip);
      loadWord(load<u32>(ip, 8));
      setOperand(load<u8>(ip, 2));
      return true;
    case Op.SYSTEM: {
      const kind = systemKind(ip);
      if (kind == SYSTEM_MSR) maskByRegister(ip);
      else if (kind == SYSTEM_CPS) mask(ip);
      else coprocessorWrite(ip);
      return true;
    }
    default:
      return false;
  }
}
