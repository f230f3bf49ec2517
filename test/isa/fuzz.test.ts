// Random words as code, in every mode, with the MMU off and on: whatever a guest executes, UNPREDICTABLE encodings too, the
// machine neither traps nor overruns its fuel, and no store of the guest reaches what is not the guest's.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CPU_STATE,
  CONFIG,
  CONFIG_ENTRY,
  CONFIG_ROM_OFFSET,
  MODE_DETERMINISTIC,
  RAM_BASE,
  STATIC_BASE,
  STATS,
} from "../../kernel/abi/layout.js";
import { a32Branch } from "./assembler.js";
import { bareMachine, type BareMachine } from "../support/bare-machine.js";
import { instructionTable, randomFields, encode } from "./instruction-table.js";
import { instructionCount, machineFirmware } from "./machine-runner.js";
import { MachineTwins } from "./machine-twins.js";
import { Random } from "./random.js";

const fuzz = suite("isa fuzz");
const RAM_BYTES = 1 << 20;
const CODE = RAM_BASE + 0x2_0000;
const CODE_BYTES = 2048;
const FUEL = 300;
const USER = 0x10;
const MODES = [USER, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f];
const table = instructionTable();

/** Firmware as of the sequences, but exceptions go on: behind the instruction, or, when the program has lost its way (prefetch
 *  abort), somewhere in the code again, where the low bits of the fault address say. The start enters any mode. */
function firmware(machine: BareMachine, mode: number, thumb: boolean, mmu: boolean): void {
  const words = machineFirmware(CODE | (thumb ? 1 : 0), mmu);
  words[words.length - 3] = (0xe321f000 | mode) >>> 0; // msr cpsr_c, #mode
  for (let vector = 1; vector < 8; vector++) {
    const back = vector === 4 ? 0xe25ef004 : 0xe1b0f00e; // data abort: subs pc, lr, #4; others: movs pc, lr
    words[(0x40 + 8 * vector) / 4] = back;
  }
  words[0x0c / 4] = a32Branch(0xea000000, 0x0c, 0x80);
  const restart = [
    0xee16ef50, // mrc p15, 0, lr, c6, c0, 2: IFAR
    0xe20eefff, // and lr, lr, #0x3fc
    0xe38ee101, // orr lr, lr, #0x40000000
    0xe38ee802, // orr lr, lr, #0x20000
    0xe1b0f00e, // movs pc, lr
  ];
  restart.forEach((word, i) => (words[0x80 / 4 + i] = word));
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  words.forEach((word, i) => machine.store32(rom + 4 * i, word));
  const sections = machine.ramOffset(RAM_BASE + 0x4000);
  for (let section = 0; section < 4096; section++) machine.store32(sections + 4 * section, (section << 20) | 0xc0e);
}

/** An address in the code (which then rewrites itself), elsewhere in RAM, of a device, or anything. */
function registerValue(random: Random): number {
  switch (random.below(4)) {
    case 0:
      return CODE + random.below(CODE_BYTES);
    case 1:
      return RAM_BASE + random.below(RAM_BYTES);
    case 2:
      return 0x0800_0000 + random.below(0x0300_0000);
    default:
      return random.word();
  }
}

/** Pure noise, or lines of the table with random fields and no constraint kept. */
function code(random: Random, noise: boolean, thumb: boolean): Uint8Array {
  const bytes = new Uint8Array(CODE_BYTES);
  const view = new DataView(bytes.buffer);
  const lines = table.filter((line) => line.set.startsWith("A") !== thumb);
  for (let at = 0; at < CODE_BYTES - 2;) {
    const line = random.pick(lines);
    const word = noise ? random.word() : encode(line, randomFields(line, random));
    if (!thumb) view.setUint32(at, noise && !random.oneIn(8) ? (word | 0xe0000000) >>> 0 : word, true);
    else if (!noise && line.set === "T16") view.setUint16(at, word, true);
    else {
      view.setUint16(at, word >>> 16, true);
      view.setUint16(at + 2, word & 0xffff, true);
    }
    at += thumb && !noise && line.set === "T16" ? 2 : 4;
  }
  return bytes;
}

for (const noise of [true, false]) {
  const what = noise ? "random words" : "table lines with random fields";
  fuzz(`${what}: no trap, no overrun, no store outside the guest`, () => {
    const random = new Random(noise ? 11 : 12);
    const machine = bareMachine({ ramBytes: RAM_BYTES, romBytes: 0x10000, mode: MODE_DETERMINISTIC });
    const config = machine.bytes.slice(CONFIG, STATS);
    const constants = machine.bytes.slice(STATIC_BASE, STATIC_BASE + 0x10000);
    for (let trial = 0; trial < 1500; trial++) {
      const thumb = random.oneIn(2);
      const mode = random.pick(MODES);
      firmware(machine, mode, thumb, random.oneIn(2));
      machine.writeRam(CODE, code(random, noise, thumb));
      machine.store32(CONFIG_ENTRY, 0);
      machine.reset();
      for (let n = 1; n < 15; n++) machine.store32(CPU_STATE + 4 * n, registerValue(random));
      const before = instructionCount(machine);
      const name = `trial ${trial}, mode 0x${mode.toString(16)}, ${thumb ? "T32" : "A32"}`;
      try {
        for (let slice = 0; slice < 4; slice++) machine.exports.run(FUEL);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`);
      }
      assert.ok(instructionCount(machine) - before <= BigInt(4 * FUEL), `${name}: overran its fuel`);
    }
    config.set([0, 0, 0, 0], CONFIG_ENTRY - CONFIG);
    assert.equal(machine.bytes.slice(CONFIG, STATS), config, "configuration block");
    assert.equal(machine.bytes.slice(STATIC_BASE, STATIC_BASE + 0x10000), constants, "compiler's constants");
  });
}

for (const noise of [true, false]) {
  const what = noise ? "random words" : "table lines with random fields";
  fuzz(`${what}, translated: the interpreter's states, count and memory`, () => {
    const random = new Random(noise ? 21 : 22);
    const twins = new MachineTwins(RAM_BYTES);
    for (let trial = 0; trial < 120; trial++) {
      const thumb = random.oneIn(2);
      const mode = random.pick(MODES);
      const mmu = random.oneIn(2);
      const bytes = code(random, noise, thumb);
      const values = Array.from({ length: 15 }, () => registerValue(random));
      twins.both((machine) => {
        firmware(machine, mode, thumb, mmu);
        machine.writeRam(CODE, bytes);
        machine.store32(CONFIG_ENTRY, 0);
        machine.reset();
        for (let n = 1; n < 15; n++) machine.store32(CPU_STATE + 4 * n, values[n]!);
      });
      try {
        for (let slice = 0; slice < 10; slice++) {
          twins.run(FUEL - 41 * (slice % 7));
          twins.translated.translator!.everything();
        }
        twins.compareMemory();
      } catch (error) {
        const name = `trial ${trial}, mode 0x${mode.toString(16)}, ${thumb ? "T32" : "A32"}, MMU ${mmu ? "on" : "off"}`;
        throw new Error(`${name}: ${(error as Error).message}`);
      }
    }
    const share = Number(twins.executed) / Number(instructionCount(twins.translated));
    assert.ok(share > 0.1, `translated code executed a share of ${share}`);
  });
}

fuzz.run();
