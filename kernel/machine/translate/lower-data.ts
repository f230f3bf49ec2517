// Records that compute: registers in, a register out. `arm/interpret` says what each of them means; the order is the same.

import { Op } from "../arm/decode/micro-operation";
import { SHIFTER_CARRY } from "../arm/state";
import { W, byte, call, close, constant, get, op, open, set, tee, TYPE_I32 } from "./emitter";
import { addCarryFlags, addFlags, logicalCarry, pushCarry, setCarry, setNZ, subtractFlags } from "./flags";
import { IMPORT_MEDIA, IMPORT_MEDIA_LONG, IMPORT_REVERSE_BITS, IMPORT_SATURATE, IMPORT_SHIFT_CARRY } from "./imports";
import { NEGATIVE, SHIFTER, VALUE, WIDE, getOperand, loadWord, reload, setOperand, spill } from "./locals";
import { pushAddress, blockOffset } from "./place";

let d: u32 = 0;
let n: u32 = 0;
let m: u32 = 0;
let s: u32 = 0;
let immediate: u32 = 0;

function nm(code: W): void {
  getOperand(n);
  getOperand(m);
  op(code);
  setOperand(d);
}

function ni(code: W): void {
  getOperand(n);
  constant(immediate);
  op(code);
  setOperand(d);
}

/** d = n code (m shifted by s) */
function shifted(code: W, shift: W): void {
  getOperand(n);
  getOperand(m);
  constant(s);
  op(shift);
  op(code);
  setOperand(d);
}

function invert(): void {
  constant(0xffff_ffff);
  op(W.I32_XOR);
}

/** The value on the stack is a logical operation's: flags, and register d when it has one. */
function logical(keeps: bool): void {
  if (keeps) {
    tee(VALUE);
    setNZ();
    get(VALUE);
    setOperand(d);
  } else setNZ();
  logicalCarry(s);
}

function logicalI(code: W, keeps: bool): void {
  getOperand(n);
  constant(immediate);
  op(code);
  logical(keeps);
}

function logicalM(code: W, inverted: bool, keeps: bool): void {
  getOperand(n);
  getOperand(m);
  if (inverted) invert();
  op(code);
  logical(keeps);
}

function keepDifference(): void {
  get(NEGATIVE);
  setOperand(d);
}

/** Shift by the low byte of register s (A8.4.1). */
function shiftByRegister(code: W): void {
  getOperand(m);
  getOperand(s);
  if (code == W.I32_SHR_S) {
    constant(0xff);
    op(W.I32_AND);
    tee(VALUE);
    constant(31);
    get(VALUE);
    constant(32);
    op(W.I32_LT_U);
    op(W.SELECT);
    op(code);
  } else {
    op(code);
    constant(0);
    getOperand(s);
    constant(0xff);
    op(W.I32_AND);
    constant(32);
    op(W.I32_LT_U);
    op(W.SELECT);
  }
  setOperand(d);
}

/** Bit `number` of the value m, as the shifter's carry. */
function carryBit(number: u32): void {
  getOperand(m);
  constant(number);
  op(W.I32_SHR_U);
  constant(1);
  op(W.I32_AND);
  set(SHIFTER);
}

/** Shift by an immediate of 1 … 32 with carry out. */
function shiftWithCarry(code: W): void {
  if (code == W.I32_ROTR) {
    getOperand(m);
    constant(s & 31);
    op(code);
    tee(VALUE);
    constant(31);
    op(W.I32_SHR_U);
    set(SHIFTER);
    get(VALUE);
    setOperand(d);
    return;
  }
  carryBit(code == W.I32_SHL ? 32 - s : s - 1);
  if (s == 32 && code != W.I32_SHR_S) constant(0);
  else {
    getOperand(m);
    constant(s == 32 ? 31 : s);
    op(code);
  }
  setOperand(d);
}

function shiftWithCarryByRegister(type: u32): void {
  constant(type);
  getOperand(m);
  getOperand(s);
  constant(0xff);
  op(W.I32_AND);
  pushCarry();
  call(IMPORT_SHIFT_CARRY);
  setOperand(d);
  loadWord(SHIFTER_CARRY);
  set(SHIFTER);
}

/** Shift by an immediate of 1 … 31 that sets N, Z and C. */
function shiftFlags(code: W): void {
  carryBit(code == W.I32_SHL ? 32 - s : s - 1);
  getOperand(m);
  constant(s);
  op(code);
  tee(VALUE);
  setNZ();
  get(VALUE);
  setOperand(d);
  get(SHIFTER);
  setCarry();
}

/** The 64-bit value on the stack to d (low) and s (high). */
function setPair(): void {
  tee(WIDE);
  op(W.I32_WRAP_I64);
  setOperand(d);
  get(WIDE);
  byte(<u32>W.I64_CONST);
  byte(32);
  op(W.I64_SHR_U);
  op(W.I32_WRAP_I64);
  setOperand(s);
}

function product(extend: W): void {
  getOperand(n);
  op(extend);
  getOperand(m);
  op(extend);
  op(W.I64_MUL);
}

/** Pushes d | s << 32. */
function pushPair(): void {
  getOperand(d);
  op(W.I64_EXTEND_I32_U);
  getOperand(s);
  op(W.I64_EXTEND_I32_U);
  byte(<u32>W.I64_CONST);
  byte(32);
  op(W.I64_SHL);
  op(W.I64_OR);
}

function divide(signed: bool): void {
  getOperand(m);
  op(W.I32_EQZ);
  open(W.IF, TYPE_I32);
  constant(0);
  op(W.ELSE);
  if (signed) {
    // Division by −1 is negation: the overflow case wraps (A8.8.165).
    getOperand(m);
    constant(0xffff_ffff);
    op(W.I32_EQ);
    open(W.IF, TYPE_I32);
    constant(0);
    getOperand(n);
    op(W.I32_SUB);
    op(W.ELSE);
  }
  getOperand(n);
  getOperand(m);
  op(signed ? W.I32_DIV_S : W.I32_DIV_U);
  if (signed) close();
  close();
  setOperand(d);
}

function rotated(): void {
  getOperand(m);
  if (s) {
    constant(s);
    op(W.I32_ROTR);
  }
}

/** Pushes the value on the stack with its bytes swapped in pairs. */
function swapPairs(): void {
  tee(VALUE);
  constant(8);
  op(W.I32_SHL);
  constant(0xff00_ff00);
  op(W.I32_AND);
  get(VALUE);
  constant(8);
  op(W.I32_SHR_U);
  constant(0x00ff_00ff);
  op(W.I32_AND);
  op(W.I32_OR);
}

/** Writes the record at `ip`. False: it does not compute. */
export function lowerData(code: Op, ip: u32): bool {
  d = load<u8>(ip, 2);
  n = load<u8>(ip, 3);
  m = load<u8>(ip, 4);
  s = load<u8>(ip, 5);
  immediate = load<u32>(ip, 8);
  switch (code) {
    case Op.NOP:
      return true;
    case Op.MOVI:
      constant(immediate);
      setOperand(d);
      return true;
    case Op.ADDI:
      ni(W.I32_ADD);
      return true;
    case Op.RSBI:
      constant(immediate);
      getOperand(n);
      op(W.I32_SUB);
      setOperand(d);
      return true;
    case Op.ADCI:
      getOperand(n);
      constant(immediate);
      op(W.I32_ADD);
      pushCarry();
      op(W.I32_ADD);
      setOperand(d);
      return true;
    case Op.RSCI:
      constant(immediate - 1);
      getOperand(n);
      op(W.I32_SUB);
      pushCarry();
      op(W.I32_ADD);
      setOperand(d);
      return true;
    case Op.ANDI:
      ni(W.I32_AND);
      return true;
    case Op.ORRI:
      ni(W.I32_OR);
      return true;
    case Op.EORI:
      ni(W.I32_XOR);
      return true;
    case Op.ADDRESS:
      pushAddress(blockOffset + immediate);
      setOperand(d);
      return true;
    case Op.MOV:
      getOperand(m);
      setOperand(d);
      return true;
    case Op.MVN:
      getOperand(m);
      invert();
      setOperand(d);
      return true;
    case Op.ADD:
      nm(W.I32_ADD);
      return true;
    case Op.SUB:
      nm(W.I32_SUB);
      return true;
    case Op.ADC:
      getOperand(n);
      getOperand(m);
      op(W.I32_ADD);
      pushCarry();
      op(W.I32_ADD);
      setOperand(d);
      return true;
    case Op.SBC:
      getOperand(n);
      getOperand(m);
      op(W.I32_SUB);
      constant(1);
      op(W.I32_SUB);
      pushCarry();
      op(W.I32_ADD);
      setOperand(d);
      return true;
    case Op.AND:
      nm(W.I32_AND);
      return true;
    case Op.ORR:
      nm(W.I32_OR);
      return true;
    case Op.EOR:
      nm(W.I32_XOR);
      return true;
    case Op.BIC:
    case Op.ORN:
      getOperand(n);
      getOperand(m);
      invert();
      op(code == Op.BIC ? W.I32_AND : W.I32_OR);
      setOperand(d);
      return true;
    case Op.ADD_LSL:
      shifted(W.I32_ADD, W.I32_SHL);
      return true;
    case Op.ADD_LSR:
      shifted(W.I32_ADD, W.I32_SHR_U);
      return true;
    case Op.SUB_LSL:
      shifted(W.I32_SUB, W.I32_SHL);
      return true;
    case Op.RSB_LSL:
      getOperand(m);
      constant(s);
      op(W.I32_SHL);
      getOperand(n);
      op(W.I32_SUB);
      setOperand(d);
      return true;
    case Op.ORR_LSL:
      shifted(W.I32_OR, W.I32_SHL);
      return true;
    case Op.ORR_LSR:
      shifted(W.I32_OR, W.I32_SHR_U);
      return true;
    case Op.EOR_LSL:
      shifted(W.I32_XOR, W.I32_SHL);
      return true;
    case Op.EOR_LSR:
      shifted(W.I32_XOR, W.I32_SHR_U);
      return true;
    case Op.EOR_ROR:
      shifted(W.I32_XOR, W.I32_ROTR);
      return true;
    case Op.AND_LSR:
      shifted(W.I32_AND, W.I32_SHR_U);
      return true;
    case Op.ADDSI:
      getOperand(n);
      constant(immediate);
      addFlags();
      keepDifference();
      return true;
    case Op.SUBSI:
      getOperand(n);
      constant(immediate);
      subtractFlags();
      keepDifference();
      return true;
    case Op.RSBSI:
      constant(immediate);
      getOperand(n);
      subtractFlags();
      keepDifference();
      return true;
    case Op.ADCSI:
      getOperand(n);
      constant(immediate);
      addCarryFlags();
      keepDifference();
      return true;
    case Op.RSCSI:
      getOperand(n);
      invert();
      constant(immediate);
      addCarryFlags();
      keepDifference();
      return true;
    case Op.ADDS:
      getOperand(n);
      getOperand(m);
      addFlags();
      keepDifference();
      return true;
    case Op.SUBS:
      getOperand(n);
      getOperand(m);
      subtractFlags();
      keepDifference();
      return true;
    case Op.ADCS:
      getOperand(n);
      getOperand(m);
      addCarryFlags();
      keepDifference();
      return true;
    case Op.SBCS:
      getOperand(n);
      getOperand(m);
      invert();
      addCarryFlags();
      keepDifference();
      return true;
    case Op.CMNI:
      getOperand(n);
      constant(immediate);
      addFlags();
      return true;
    case Op.CMN:
      getOperand(n);
      getOperand(m);
      addFlags();
      return true;
    case Op.ANDSI:
      logicalI(W.I32_AND, true);
      return true;
    case Op.ORRSI:
      logicalI(W.I32_OR, true);
      return true;
    case Op.EORSI:
      logicalI(W.I32_XOR, true);
      return true;
    case Op.MOVSI:
      constant(immediate);
      logical(true);
      return true;
    case Op.TEQI:
      logicalI(W.I32_XOR, false);
      return true;
    case Op.ANDS:
      logicalM(W.I32_AND, false, true);
      return true;
    case Op.ORRS:
      logicalM(W.I32_OR, false, true);
      return true;
    case Op.EORS:
      logicalM(W.I32_XOR, false, true);
      return true;
    case Op.BICS:
      logicalM(W.I32_AND, true, true);
      return true;
    case Op.ORNS:
      logicalM(W.I32_OR, true, true);
      return true;
    case Op.MOVS:
    case Op.MVNS:
      getOperand(m);
      if (code == Op.MVNS) invert();
      logical(true);
      return true;
    case Op.TST:
      logicalM(W.I32_AND, false, false);
      return true;
    case Op.TEQ:
      logicalM(W.I32_XOR, false, false);
      return true;
    case Op.LSLI:
    case Op.LSRI:
    case Op.ASRI:
    case Op.RORI:
      getOperand(m);
      constant(s);
      op(code == Op.LSLI ? W.I32_SHL : code == Op.LSRI ? W.I32_SHR_U : code == Op.ASRI ? W.I32_SHR_S : W.I32_ROTR);
      setOperand(d);
      return true;
    case Op.RRX:
    case Op.RRXC:
      if (code == Op.RRXC) {
        carryBit(0);
      }
      getOperand(m);
      constant(1);
      op(W.I32_SHR_U);
      pushCarry();
      constant(31);
      op(W.I32_SHL);
      op(W.I32_OR);
      setOperand(d);
      return true;
    case Op.LSLR:
      shiftByRegister(W.I32_SHL);
      return true;
    case Op.LSRR:
      shiftByRegister(W.I32_SHR_U);
      return true;
    case Op.ASRR:
      shiftByRegister(W.I32_SHR_S);
      return true;
    case Op.RORR:
      getOperand(m);
      getOperand(s);
      op(W.I32_ROTR);
      setOperand(d);
      return true;
    case Op.LSLIC:
      shiftWithCarry(W.I32_SHL);
      return true;
    case Op.LSRIC:
      shiftWithCarry(W.I32_SHR_U);
      return true;
    case Op.ASRIC:
      shiftWithCarry(W.I32_SHR_S);
      return true;
    case Op.RORIC:
      shiftWithCarry(W.I32_ROTR);
      return true;
    case Op.LSLRC:
    case Op.LSRRC:
    case Op.ASRRC:
    case Op.RORRC:
      shiftWithCarryByRegister(<u32>code - <u32>Op.LSLRC);
      return true;
    case Op.LSLSI:
      shiftFlags(W.I32_SHL);
      return true;
    case Op.LSRSI:
      shiftFlags(W.I32_SHR_U);
      return true;
    case Op.ASRSI:
      shiftFlags(W.I32_SHR_S);
      return true;
    case Op.MUL:
      nm(W.I32_MUL);
      return true;
    case Op.MLA:
      getOperand(n);
      getOperand(m);
      op(W.I32_MUL);
      getOperand(s);
      op(W.I32_ADD);
      setOperand(d);
      return true;
    case Op.MLS:
      getOperand(s);
      getOperand(n);
      getOperand(m);
      op(W.I32_MUL);
      op(W.I32_SUB);
      setOperand(d);
      return true;
    case Op.UMULL:
      product(W.I64_EXTEND_I32_U);
      setPair();
      return true;
    case Op.SMULL:
      product(W.I64_EXTEND_I32_S);
      setPair();
      return true;
    case Op.UMLAL:
    case Op.SMLAL:
      product(code == Op.UMLAL ? W.I64_EXTEND_I32_U : W.I64_EXTEND_I32_S);
      pushPair();
      op(W.I64_ADD);
      setPair();
      return true;
    case Op.UMAAL:
      product(W.I64_EXTEND_I32_U);
      getOperand(d);
      op(W.I64_EXTEND_I32_U);
      op(W.I64_ADD);
      getOperand(s);
      op(W.I64_EXTEND_I32_U);
      op(W.I64_ADD);
      setPair();
      return true;
    case Op.SDIV:
      divide(true);
      return true;
    case Op.UDIV:
      divide(false);
      return true;
    case Op.FLAGS:
      getOperand(d);
      setNZ();
      return true;
    case Op.FLAGS64:
      // Not zero when either half is not; negative as the high half.
      getOperand(d);
      getOperand(s);
      op(W.I32_OR);
      setNZ();
      getOperand(s);
      set(NEGATIVE);
      return true;
    case Op.UXTB:
    case Op.UXTH:
      rotated();
      constant(code == Op.UXTB ? 0xff : 0xffff);
      op(W.I32_AND);
      setOperand(d);
      return true;
    case Op.SXTB:
    case Op.SXTH:
      rotated();
      op(code == Op.SXTB ? W.I32_EXTEND8_S : W.I32_EXTEND16_S);
      setOperand(d);
      return true;
    case Op.UBFX:
      getOperand(n);
      constant(s);
      op(W.I32_SHR_U);
      constant(immediate);
      op(W.I32_AND);
      setOperand(d);
      return true;
    case Op.SBFX:
      getOperand(n);
      constant(m);
      op(W.I32_SHL);
      constant(s);
      op(W.I32_SHR_S);
      setOperand(d);
      return true;
    case Op.BFI:
      getOperand(d);
      constant(~immediate);
      op(W.I32_AND);
      getOperand(n);
      constant(s);
      op(W.I32_SHL);
      constant(immediate);
      op(W.I32_AND);
      op(W.I32_OR);
      setOperand(d);
      return true;
    case Op.CLZ:
      getOperand(m);
      op(W.I32_CLZ);
      setOperand(d);
      return true;
    case Op.REV:
      getOperand(m);
      swapPairs();
      constant(16);
      op(W.I32_ROTR);
      setOperand(d);
      return true;
    case Op.REV16:
      getOperand(m);
      swapPairs();
      setOperand(d);
      return true;
    case Op.REVSH:
      getOperand(m);
      swapPairs();
      op(W.I32_EXTEND16_S);
      setOperand(d);
      return true;
    case Op.RBIT:
      getOperand(m);
      call(IMPORT_REVERSE_BITS);
      setOperand(d);
      return true;
    case Op.MEDIA:
      constant(immediate);
      getOperand(n);
      getOperand(m);
      getOperand(s);
      call(IMPORT_MEDIA);
      setOperand(d);
      return true;
    case Op.MEDIA_LONG:
      spill(d);
      spill(s);
      constant(immediate);
      constant(d | (s << 8));
      getOperand(n);
      getOperand(m);
      call(IMPORT_MEDIA_LONG);
      op(W.DROP);
      reload(d);
      reload(s);
      return true;
    case Op.SATURATE:
      constant(s);
      getOperand(n);
      constant(immediate);
      call(IMPORT_SATURATE);
      setOperand(d);
      return true;
    case Op.READ_STATE:
      loadWord(immediate);
      setOperand(d);
      return true;
    default:
      break;
  }
  // Comparisons, alone and as the first half of a fused pair, whose branch stands behind them.
  if (code == Op.CMPI || (code >= Op.CMPI_B_EQ && code <= Op.CMPI_B_LE)) {
    getOperand(n);
    constant(immediate);
    subtractFlags();
    return true;
  }
  if (code == Op.CMP || (code >= Op.CMP_B_EQ && code <= Op.CMP_B_LE)) {
    getOperand(n);
    getOperand(m);
    subtractFlags();
    return true;
  }
  if (code == Op.TSTI || code == Op.TSTI_B_EQ || code == Op.TSTI_B_NE) {
    logicalI(W.I32_AND, false);
    return true;
  }
  return false;
}
