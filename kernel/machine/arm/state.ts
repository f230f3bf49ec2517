// The CPU's state, as it lies in the partition's memory (CPU_STATE, 2 KiB).
//
//   +0    r0 … r14        u32 × 15  of the current mode
//   +60   operand PC      u32       what an instruction that names r15 as a source reads; written just before it
//   +64   scratch 0, 1    u32 × 2   between the micro-operations of one instruction
//   +72   pc              u32       next instruction; valid when no block is being executed
//   +76   N Z C V         u32 × 4   N is bit 31 of its word; Z means "word is zero"; C and V are 0 or 1
//   +92   Q               u32       0 or 1
//   +96   GE              u32       4 bits
//   +100  control         u32       CPSR bits M[4:0], F, I, A; all other bits of this word are zero
//   +104  thumb           u32       0 or 1
//   +108  it              u32       ITSTATE of the instruction at pc
//   +112  shifter carry   u32       between the micro-operations of one instruction
//   +116  monitor         u32 × 2   exclusive monitor: tagged linear-memory offset or 0, size
//   +124  event           u32       what the last slow path wants (EVENT_*)
//   +128  banked registers          see psr
//   +224  account                   see account
//   +252  zero            u32       always 0: an operand for instructions without an accumulator
//   +0x200 CP15                     see cp15
//   +0x400 TLB contexts             see tlb
//
// Flags are kept apart, N and Z as result words, because nearly every compare is followed by one test of one of them.

import { CPU_CONTROL, CPU_FLAGS, CPU_PC, CPU_STATE, CPU_THUMB } from "../../abi/layout";

export const OPERAND_PC: u32 = 15 * 4;
export const SCRATCH: u32 = 16 * 4;
export const SCRATCH_2: u32 = 17 * 4;
/** Always reads 0. */
export const ZERO: u32 = 252;
export const SP: u32 = 13 * 4;
export const LR: u32 = 14 * 4;

export const PC_WORD: u32 = CPU_PC;
export const FLAG_N: u32 = CPU_FLAGS;
export const FLAG_Z: u32 = CPU_STATE + 80;
export const FLAG_C: u32 = CPU_STATE + 84;
export const FLAG_V: u32 = CPU_STATE + 88;
export const FLAG_Q: u32 = CPU_STATE + 92;
export const FLAG_GE: u32 = CPU_STATE + 96;
export const CONTROL: u32 = CPU_CONTROL;
export const THUMB: u32 = CPU_THUMB;
const IT_WORD = CPU_STATE + 108;
export const SHIFTER_CARRY: u32 = CPU_STATE + 112;
export const MONITOR: u32 = CPU_STATE + 116;
export const MONITOR_SIZE: u32 = CPU_STATE + 120;
export const EVENT_WORD: u32 = CPU_STATE + 124;
export const BANKED: u32 = CPU_STATE + 128;
export const ACCOUNT: u32 = CPU_STATE + 224; // 24 bytes
export const CP15_STATE: u32 = CPU_STATE + 0x200;
export const TLB_CONTEXTS: u32 = CPU_STATE + 0x400;
export const CPU_STATE_BYTES: u32 = 0x800;

// Events: how a slow path tells the interpreter that the next instruction is not simply the following one.
export const EVENT_NONE: u32 = 0;
/** A data abort is described in CP15 (DFSR, DFAR): take it. */
export const EVENT_DATA_ABORT: u32 = 1;
/** The instruction is done, but the block must be left: an interrupt, an exit request, or the code itself changed. */
export const EVENT_LEAVE: u32 = 2;
export const EVENT_UNDEFINED: u32 = 3;
/** pc, thumb and it are set: go on there. */
export const EVENT_JUMP: u32 = 4;
/** WFI: nothing to do until an interrupt. */
export const EVENT_WAIT: u32 = 5;
/** Translated code goes no further: the interpreter executes at least the block at pc. */
export const EVENT_STAND: u32 = 6;

/** Register `number`, 0 … 14. */
// @ts-ignore: decorator
@inline
export function register(number: u32): u32 {
  return load<u32>(CPU_STATE + (number << 2));
}

// @ts-ignore: decorator
@inline
export function setRegister(number: u32, value: u32): void {
  store<u32>(CPU_STATE + (number << 2), value);
}

// @ts-ignore: decorator
@inline
export function pc(): u32 {
  return load<u32>(PC_WORD);
}

// @ts-ignore: decorator
@inline
export function setPc(value: u32): void {
  store<u32>(PC_WORD, value);
}

// @ts-ignore: decorator
@inline
export function thumb(): u32 {
  return load<u32>(THUMB);
}

// @ts-ignore: decorator
@inline
export function itState(): u32 {
  return load<u32>(IT_WORD);
}

// @ts-ignore: decorator
@inline
export function setItState(value: u32): void {
  store<u32>(IT_WORD, value);
}

// @ts-ignore: decorator
@inline
export function event(): u32 {
  return load<u32>(EVENT_WORD);
}

// @ts-ignore: decorator
@inline
export function setEvent(value: u32): void {
  store<u32>(EVENT_WORD, value);
}

/** Branch with interworking: BXWritePC, ARM DDI 0406C A2.3.1. */
export function interwork(target: u32): void {
  const toThumb = target & 1;
  store<u32>(THUMB, toThumb);
  setPc(toThumb ? target & ~1 : target & ~3);
}
