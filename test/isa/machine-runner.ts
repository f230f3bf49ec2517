// Runs a program (see program.ts) on the bare machine, with nothing under it but a few words of firmware: exception vectors
// that end the run with their number, and a start that switches the VFP (and the MMU, flat) on and goes to user mode. The
// program's own end, a Linux system call, arrives as a Supervisor Call.

import {
  CLOCK_STATE,
  CONFIG_ENTRY,
  CONFIG_ROM_OFFSET,
  CPU_STATE,
  MODE_DETERMINISTIC,
  RAM_BASE,
  STATS_TRANSLATED_EXECUTED,
  VFP_STATE,
} from "../../kernel/abi/layout.js";
import { RUN_FUEL, RUN_POWER_OFF } from "../../kernel/abi/reasons.js";
import { bareMachine, type BareMachine } from "../support/bare-machine.js";
import { a32Branch, a32Constant } from "./assembler.js";
import { PROGRAM_BASE, type Program } from "./program.js";

const OUTCOME = RAM_BASE + 0x100; // the vector's number, then LR
const PAGE_TABLE = RAM_BASE + 0x4000;

const TRANSLATE_BYTES = 0x10_0000;
const BLOCK_CACHE_BYTES = 0x100_0000;
/** Registers and banks of CPU_STATE, without what follows: CP15. */
const REGISTER_BYTES = 0x200;
const VFP_BYTES = 0x200;

const VECTOR_NAMES = [
  "reset",
  "undefined instruction",
  "supervisor call",
  "prefetch abort",
  "data abort",
  "hypervisor trap",
  "IRQ",
  "FIQ",
];
const SUPERVISOR_CALL = 2;

export interface MachineRun {
  results: Uint8Array;
  instructions: bigint;
  /** Of those, the ones that translated code executed. */
  translated: bigint;
}

export interface MachineRunOptions {
  /** Instructions for each run() call. 1 steps. */
  fuel: number;
  mmu: boolean;
  /** The program runs interpreted once; then all that was decoded is translated, and it runs once more, in slices of the given fuel:
   *  results and instruction count are the second run's. */
  translate?: boolean;
  /** False: translated without WebAssembly's vectors. */
  vectors?: boolean;
}

/** The program did not come to its end. `code` tells how. */
export class MachineRunError extends Error {
  constructor(
    readonly code: "MACHINE_EXCEPTION" | "MACHINE_STUCK" | "MACHINE_EXIT",
    message: string,
  ) {
    super(message);
  }
}

/** Runs `program` to its end. Throws MachineRunError when it takes an exception or spends more than `limit` instructions. */
export function machineRun(program: Program, options: MachineRunOptions, limit = 400_000_000): MachineRun {
  const ramBytes = (PROGRAM_BASE - RAM_BASE + program.memoryBytes + 0x1ffff) & ~0xffff;
  const machine = bareMachine({
    ramBytes,
    romBytes: 0x10000,
    mode: MODE_DETERMINISTIC,
    ...(options.translate
      ? { translateBytes: TRANSLATE_BYTES, blockCacheBytes: BLOCK_CACHE_BYTES, vectors: options.vectors ?? true }
      : {}),
  });
  prepare(machine, program, options.mmu);
  if (!options.translate) return runToEnd(machine, program, options, limit);
  const state = machine.bytes.slice(CPU_STATE, CPU_STATE + REGISTER_BYTES);
  const vfp = machine.bytes.slice(VFP_STATE, VFP_STATE + VFP_BYTES);
  runToEnd(machine, program, { ...options, fuel: 50_000_000 }, limit);
  machine.translator!.everything();
  // The beginning again, but for CP15 and the TLB, which the firmware sets once more.
  machine.bytes.set(state, CPU_STATE);
  machine.bytes.set(vfp, VFP_STATE);
  machine.writeRam(PROGRAM_BASE, program.image);
  machine.writeRam(PROGRAM_BASE + program.image.length, new Uint8Array(program.memoryBytes - program.image.length));
  const before = instructionCount(machine);
  const executed = machine.view.getBigUint64(STATS_TRANSLATED_EXECUTED, true);
  const run = runToEnd(machine, program, options, limit);
  return {
    results: run.results,
    instructions: run.instructions - before,
    translated: machine.view.getBigUint64(STATS_TRANSLATED_EXECUTED, true) - executed,
  };
}

function runToEnd(machine: BareMachine, program: Program, options: MachineRunOptions, limit: number): MachineRun {
  for (let left = limit; ; left -= options.fuel) {
    const reason = machine.exports.run(options.fuel);
    if (reason === RUN_POWER_OFF) break;
    if (reason !== RUN_FUEL)
      throw new MachineRunError("MACHINE_EXIT", `run() returned ${reason}, not RUN_FUEL or RUN_POWER_OFF`);
    if (left <= 0) throw new MachineRunError("MACHINE_STUCK", `the program has not ended after ${limit} instructions`);
  }
  const at = machine.ramOffset(OUTCOME);
  const vector = machine.load32(at);
  if (vector !== SUPERVISOR_CALL) {
    const from = machine.load32(at + 4).toString(16);
    throw new MachineRunError("MACHINE_EXCEPTION", `${VECTOR_NAMES[vector] ?? vector}, LR = 0x${from}`);
  }
  const results = machine.readRam(PROGRAM_BASE + program.resultsAt, program.resultBytes);
  return { results, instructions: instructionCount(machine), translated: 0n };
}

/** Instructions that the machine has executed. */
export function instructionCount(machine: BareMachine): bigint {
  return machine.view.getBigUint64(CLOCK_STATE, true);
}

function prepare(machine: BareMachine, program: Program, mmu: boolean): void {
  const firmware = machineFirmware(program.entry, mmu);
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  firmware.forEach((word, i) => machine.store32(rom + 4 * i, word));
  machine.writeRam(PROGRAM_BASE, program.image);
  // A flat map of sections: normal memory, full access, domain 0 (ARM DDI 0406C B3.5.1).
  const table = machine.ramOffset(PAGE_TABLE);
  for (let section = 0; section < 4096; section++) machine.store32(table + 4 * section, (section << 20) | 0xc0e);
  machine.store32(CONFIG_ENTRY, 0);
  machine.reset();
}

/** Words of firmware at address 0 that go to `entry` in user mode. */
export function machineFirmware(entry: number, mmu: boolean): number[] {
  const words: number[] = [];
  const emit = (...more: number[]) => words.push(...more.map((word) => word >>> 0));
  const here = () => 4 * words.length;
  const HANDLERS = 0x40;
  const BOOT = 0x100;
  const STOP = 0xc0;
  emit(a32Branch(0xea000000, here(), BOOT));
  for (let vector = 1; vector < 8; vector++) emit(a32Branch(0xea000000, here(), HANDLERS + 8 * vector));
  while (here() < HANDLERS) emit(0);
  for (let vector = 0; vector < 8; vector++) {
    emit(0xe3a00000 | vector); // mov r0, #vector
    emit(a32Branch(0xea000000, here(), STOP));
  }
  while (here() < STOP) emit(0);
  emit(...a32Constant(1, OUTCOME), 0xe5810000, 0xe581e004); // str r0, [r1] ; str lr, [r1, #4]
  emit(...a32Constant(0, 0x84000008), 0xe1400070); // PSCI SYSTEM_OFF by hvc #0
  while (here() < BOOT) emit(0);
  emit(0xe3a0060f, 0xee010f50, 0xf57ff06f); // CPACR: full access to coprocessors 10 and 11 ; isb
  emit(0xe3a00101, 0xeee80a10); // FPEXC.EN
  if (mmu) {
    emit(0xe3a00001, 0xee030f10); // DACR: client of domain 0
    emit(...a32Constant(0, PAGE_TABLE), 0xee020f10); // TTBR0
    emit(0xee080f17, 0xee110f10, 0xe3800001, 0xee010f10, 0xf57ff06f); // TLBIALL ; SCTLR.M = 1 ; isb
  }
  emit(0xe323f010); // msr cpsr_xc, #USER: aborts and interrupts unmasked, as under Linux
  emit(0xe51ff004, entry); // ldr pc, [pc, #-4]
  return words;
}
