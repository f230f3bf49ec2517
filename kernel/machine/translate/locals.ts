// The locals of a translated function, and the operands of records as locals.
//
// A function has the type (fuel, page, state) → fuel: `page` is the virtual address of the page where it begins, for one translation
// serves every mapping; `state` is the block to begin with, and (8 bits up) which of the region's pages that is. Guest registers are locals from the first instruction to the exit. What the
// body uses of them is noted while it is written; the prologue that loads them and the epilogue that stores them come last.

import { CPU_STATE } from "../../abi/layout";
import { OPERAND_PC, ZERO } from "../arm/state";
import { W, access, constant, get, set } from "./emitter";

export const FUEL: u32 = 0;
export const PAGE: u32 = 1;
export const STATE: u32 = 2;
/** r0 … r14, then the operand PC and the two scratch registers: in the order of CPU_STATE. */
export const REGISTERS: u32 = 3;
const REGISTER_COUNT: u32 = 18;
/** N is bit 31 of one word, Z means that the other is zero: as in arm/state. */
export const NEGATIVE: u32 = REGISTERS + REGISTER_COUNT;
export const NOT_ZERO: u32 = NEGATIVE + 1;
/** C, when it is a word of its own, and V, with C unless it is, as a question (flags): kind and two operands. */
export const CARRY: u32 = NEGATIVE + 2;
export const KIND: u32 = NEGATIVE + 3;
export const A: u32 = NEGATIVE + 4;
export const B: u32 = NEGATIVE + 5;
/** Carry out of the shifter, between the records of one instruction. */
export const SHIFTER: u32 = NEGATIVE + 6;
export const ADDRESS: u32 = NEGATIVE + 7;
export const ENTRY: u32 = NEGATIVE + 8;
/** Where an exit goes: a virtual address, bit 0 the instruction set. */
export const TARGET: u32 = NEGATIVE + 9;
export const VALUE: u32 = NEGATIVE + 10;
/** The TLB's table: its context cannot change within a function. */
export const TLB: u32 = NEGATIVE + 11;
/** What CPACR and FPEXC refuse VFP and Advanced SIMD instructions (arm/system); it cannot change within a function. */
export const VFP_REFUSED: u32 = NEGATIVE + 12;
/** Places of groups of accesses (groups). */
export const GROUP_LOCAL_COUNT: u32 = 4;
export const GROUP_PLACES: u32 = NEGATIVE + 13;
/** Locals of i32 behind the parameters. */
export const WORD_LOCAL_COUNT: u32 = NEGATIVE + 13 + GROUP_LOCAL_COUNT - REGISTERS;
export const WIDE: u32 = NEGATIVE + 13 + GROUP_LOCAL_COUNT;
export const WIDE_LOCAL_COUNT: u32 = 1;
export const DOUBLE: u32 = WIDE + 1;
export const DOUBLE_LOCAL_COUNT: u32 = 1;
export const SINGLE: u32 = DOUBLE + 1;
export const SINGLE_LOCAL_COUNT: u32 = 1;
/** Only there where modules may have vectors. */
export const VECTOR: u32 = SINGLE + 1;
export const VECTOR_LOCAL_COUNT: u32 = 1;

/** Bit n: register n is read or written by the body, is written by it. */
export let usedRegisters: u32 = 0;
export let writtenRegisters: u32 = 0;
/** … was written by the record at hand. */
export let registersChanged: u32 = 0;
export let usesFlags: bool = false;
export let usesTlb: bool = false;
export let usesVfp: bool = false;

export function localsReset(): void {
  usedRegisters = 0;
  writtenRegisters = 0;
  usesFlags = false;
  usesTlb = false;
  usesVfp = false;
}

/** The next record is written. */
export function registersSettle(): void {
  registersChanged = 0;
}

export function noteFlags(): void {
  usesFlags = true;
}
export function noteTlb(): void {
  usesTlb = true;
}
export function noteVfp(): void {
  usesVfp = true;
}

/** Pushes the register at `operand`, its offset in CPU_STATE. */
export function getOperand(operand: u32): void {
  if (operand == ZERO) {
    constant(0);
    return;
  }
  if (operand == OPERAND_PC) {
    // Not a local: encodings that should not name r15 read what the last instruction that may has left.
    loadWord(CPU_STATE + OPERAND_PC);
    return;
  }
  if (operand < OPERAND_PC) usedRegisters |= 1 << (operand >>> 2);
  get(REGISTERS + (operand >>> 2));
}

/** Pops into the register at `operand`. */
export function setOperand(operand: u32): void {
  noteWritten(operand);
  set(REGISTERS + (operand >>> 2));
  if (operand != OPERAND_PC) return;
  constant(0);
  get(REGISTERS + (operand >>> 2));
  storeWord(CPU_STATE + OPERAND_PC);
}

function noteWritten(operand: u32): void {
  if (operand >= OPERAND_PC) return;
  usedRegisters |= 1 << (operand >>> 2);
  writtenRegisters |= 1 << (operand >>> 2);
  registersChanged |= 1 << (operand >>> 2);
}

/** Stores the register at `operand` where the interpreter's functions look for it. */
export function spill(operand: u32): void {
  constant(0);
  getOperand(operand);
  storeWord(CPU_STATE + operand);
}

/** Takes the register at `operand` back from there. */
export function reload(operand: u32): void {
  loadWord(CPU_STATE + operand);
  setOperand(operand);
}

/** Pushes the word at a constant address. */
export function loadWord(address: u32): void {
  constant(0);
  access(W.I32_LOAD, address);
}

/** Stores the word on the stack; a 0 below it is the address that `address` is counted from. */
export function storeWord(address: u32): void {
  access(W.I32_STORE, address);
}
