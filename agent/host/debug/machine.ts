// Registers, memory and breakpoints of a machine that stands, for a debugger.

import {
  BREAKPOINTS,
  BREAKPOINT_COUNT,
  BREAKPOINT_MAX,
  CONFIG_RAM_OFFSET,
  CPU_PC,
  CPU_STATE,
  CPU_THUMB,
  VFP_STATE,
} from "../../../kernel/abi/layout.ts";
import {
  REGISTER_BYTES,
  REGISTER_CPSR_AT,
  REGISTER_DOUBLES_AT,
  REGISTER_FPSCR_AT,
  REGISTER_PC_AT,
} from "../../debug/description.ts";
import type { Machine } from "../machine/machine.ts";

const PAGE_BYTES = 0x1000;
const FPSCR = VFP_STATE + 256;
/** VMSR keeps these bits (ARM DDI 0406C B4.1.58; arm/float/vfp-state.ts). */
const FPSCR_WRITABLE = 0xfff7_009f;

/** All registers as agent/debug/description.ts orders them. */
export function debugRegisters(machine: Machine): Uint8Array {
  const bytes = new Uint8Array(REGISTER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(machine.bytes.subarray(CPU_STATE, CPU_STATE + REGISTER_PC_AT));
  view.setUint32(REGISTER_PC_AT, machine.word(CPU_PC), true);
  view.setUint32(REGISTER_CPSR_AT, machine.debug.debugStatus() >>> 0, true);
  bytes.set(
    machine.bytes.subarray(VFP_STATE, VFP_STATE + REGISTER_FPSCR_AT - REGISTER_DOUBLES_AT),
    REGISTER_DOUBLES_AT,
  );
  view.setUint32(REGISTER_FPSCR_AT, machine.word(FPSCR), true);
  return bytes;
}

/** Writes `bytes` of the register file from `offset` on, whole registers. CPSR comes first when it is among them: it may change the
 *  mode, and so which registers the others are. */
export function debugSetRegisters(machine: Machine, offset: number, bytes: Uint8Array): void {
  const wanted = debugRegisters(machine);
  wanted.set(bytes, offset);
  const view = new DataView(wanted.buffer);
  const covers = (at: number): boolean => at >= offset && at < offset + bytes.length;
  if (covers(REGISTER_CPSR_AT)) machine.debug.debugSetStatus(view.getUint32(REGISTER_CPSR_AT, true));
  for (let at = 0; at < REGISTER_PC_AT; at += 4) {
    if (covers(at)) machine.setWord(CPU_STATE + at, view.getUint32(at, true));
  }
  if (covers(REGISTER_PC_AT)) {
    const aligned = machine.word(CPU_THUMB) === 0 ? ~3 : ~1;
    machine.setWord(CPU_PC, view.getUint32(REGISTER_PC_AT, true) & aligned);
  }
  for (let at = REGISTER_DOUBLES_AT; at < REGISTER_FPSCR_AT; at += 4) {
    if (covers(at)) machine.setWord(VFP_STATE + at - REGISTER_DOUBLES_AT, view.getUint32(at, true));
  }
  if (covers(REGISTER_FPSCR_AT)) machine.setWord(FPSCR, view.getUint32(REGISTER_FPSCR_AT, true) & FPSCR_WRITABLE);
}

/** Guest memory from a virtual address on, as far as it is memory: never a device, whose reads do things. */
export function debugMemory(machine: Machine, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (const { at, count } of pieces(machine, address, length)) {
    bytes.set(machine.bytes.subarray(at, at + count), filled);
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Writes guest RAM at a virtual address; false when not all of it is RAM, and then nothing was written. */
export function debugSetMemory(machine: Machine, address: number, bytes: Uint8Array): boolean {
  const found = pieces(machine, address, bytes.length);
  const ram = machine.word(CONFIG_RAM_OFFSET);
  if (found.reduce((sum, { count }) => sum + count, 0) < bytes.length || found.some(({ at }) => at < ram)) return false;
  let from = 0;
  for (const { at, count } of found) {
    machine.bytes.set(bytes.subarray(from, from + count), at);
    machine.debug.debugWritten(at, count);
    from += count;
  }
  return true;
}

/** The machine stops at these virtual addresses and at no others. */
export function debugBreakpoints(machine: Machine, addresses: number[]): void {
  const kept = addresses.slice(0, BREAKPOINT_MAX);
  machine.setWord(BREAKPOINT_COUNT, kept.length);
  kept.forEach((address, n) => machine.setWord(BREAKPOINTS + n * 4, address));
  machine.debug.debugBreakpoints();
}

/** [address, address + length) in linear memory, page by page, up to the first page that is no memory or the end of addresses. */
function pieces(machine: Machine, address: number, length: number): { at: number; count: number }[] {
  const found: { at: number; count: number }[] = [];
  const end = Math.min(address + length, 2 ** 32);
  for (let from = address; from < end;) {
    const count = Math.min(PAGE_BYTES - (from % PAGE_BYTES), end - from);
    const at = machine.debug.debugAddress(from) >>> 0;
    if (at === 0) break;
    found.push({ at, count });
    from += count;
  }
  return found;
}
