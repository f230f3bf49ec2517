// Encodings that this CPU lacks must be UNDEFINED, all of them: what Advanced SIMD does not define, and all of it on a machine that hides
// it, coprocessors that are not there, and what the manual leaves open in the unconditional space. VFP and Advanced SIMD are enabled. Each program is nothing but such words; the handler goes on behind each. So every word must take
// the Undefined Instruction exception, and none may be taken for anything else, least of all for a system call.
//
// ARM DDI 0406C A5.7 (unconditional space), A6.3 and A6.3.18 (T32), A7.4 (SIMD data processing), A7.7 (element and structure loads).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONFIG_CPU,
  CONFIG_ENTRY,
  CONFIG_ROM_OFFSET,
  CPU_WITHOUT_NEON,
  MODE_DETERMINISTIC,
  RAM_BASE,
  STATS_DATA_ABORTS,
  STATS_PREFETCH_ABORTS,
  STATS_SUPERVISOR_CALLS,
  STATS_UNDEFINED,
} from "../../../../../../kernel/abi/layout.js";
import { neonMeaning } from "../../../../../isa/neon-forms.js";
import { bareMachine, type BareMachine } from "../../../../../support/bare-machine.js";

const WORDS = 1 << 16;
/** A word, the handler's branch, its addition and its return. */
const INSTRUCTIONS_EACH = 4;
const BRANCH_TO_SELF = 0xeafffffe;

/** `fixed` bits of a word and their values; the others are anything. In T32 the first halfword is in bits 31:16. */
interface Space {
  name: string;
  mask: number;
  value: number;
}

const t32: Space[] = [
  { name: "SIMD data processing, U = 0", mask: 0xff000000, value: 0xef000000 },
  { name: "SIMD data processing, U = 1", mask: 0xff000000, value: 0xff000000 },
  { name: "SIMD element and structure load and store", mask: 0xff100000, value: 0xf9000000 },
  { name: "coprocessor space, op1 = 00000x", mask: 0xffe00000, value: 0xec000000 },
  { name: "coprocessor space, op1 = 00000x, second set", mask: 0xffe00000, value: 0xfc000000 },
  { name: "LDC, STC, MCRR, second set", mask: 0xfe000000, value: 0xfc000000 },
  { name: "CDP, MCR, MRC, second set", mask: 0xff000000, value: 0xfe000000 },
  { name: "LDC, STC, MCRR of coprocessors 0 to 7", mask: 0xfe000800, value: 0xec000000 },
  { name: "LDC, STC, MCRR of coprocessors 8 and 9", mask: 0xfe000e00, value: 0xec000800 },
  { name: "LDC, STC, MCRR of coprocessors 12 and 13", mask: 0xfe000e00, value: 0xec000c00 },
  { name: "CDP, MCR, MRC of coprocessors 0 to 7", mask: 0xff000800, value: 0xee000000 },
  { name: "CDP, MCR, MRC of coprocessors 8 and 9", mask: 0xff000e00, value: 0xee000800 },
  { name: "CDP, MCR, MRC of coprocessors 12 and 13", mask: 0xff000e00, value: 0xee000c00 },
  { name: "LDC, STC of coprocessors 14 and 15", mask: 0xff000e00, value: 0xed000e00 },
];
const a32: Space[] = [
  { name: "SIMD data processing, U = 0", mask: 0xff000000, value: 0xf2000000 },
  { name: "SIMD data processing, U = 1", mask: 0xff000000, value: 0xf3000000 },
  { name: "SIMD element and structure load and store", mask: 0xff100000, value: 0xf4000000 },
  { name: "unconditional, op1 = 0000xxxx", mask: 0xff000000, value: 0xf0000000 },
  { name: "unconditional, op1 = 11xxxxxx: no second set", mask: 0xfc000000, value: 0xfc000000 },
  { name: "coprocessor space, op1 = 00000x", mask: 0xffe00000, value: 0xec000000 },
  { name: "coprocessors 0 to 7", mask: 0xfe000800, value: 0xec000000 },
  { name: "CDP, MCR, MRC of coprocessors 0 to 7", mask: 0xff000800, value: 0xee000000 },
  { name: "CDP, MCR, MRC of coprocessors 12 and 13", mask: 0xff000e00, value: 0xee000c00 },
];

/** Instructions that enable CP10, CP11 and the VFP, and go to RAM. */
const START = [0xe3a0060f, 0xee010f50, 0xe3a00101, 0xeee80a10, 0xe51ff004]; // mov, mcr CPACR, mov, vmsr fpexc, ldr pc

/** Machine in ROM's care: the Undefined handler adds `skip` to its LR and returns; every other vector stands still. */
function machineWith(skip: number, thumb: boolean, cpu: number): BareMachine {
  const machine = bareMachine({ romBytes: 0x10000, mode: MODE_DETERMINISTIC });
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  for (let vector = 0; vector < 32; vector += 4) machine.store32(rom + vector, BRANCH_TO_SELF);
  machine.store32(rom + 4, 0xea00000d); // b 0x40
  machine.store32(rom + 0x40, 0xe28ee000 | skip); // add lr, lr, #skip
  machine.store32(rom + 0x44, 0xe1b0f00e); // movs pc, lr
  [...START, RAM_BASE | (thumb ? 1 : 0)].forEach((word, i) => machine.store32(rom + 0x100 + 4 * i, word));
  machine.store32(CONFIG_ENTRY, 0x100);
  machine.store32(CONFIG_CPU, cpu);
  return machine;
}

/** Word `n` of a space: the open bits get the upper bits of n times an odd number, which spreads them over all their values. */
function wordOf({ mask, value }: Space, n: number): number {
  let bits = Math.imul(n, 0x9e3779b1) >>> 0;
  let word = value;
  for (let bit = 31; bit >= 0; bit--) {
    if ((mask >>> bit) & 1) continue;
    word |= (bits >>> 31) << bit;
    bits = (bits << 1) >>> 0;
  }
  return word >>> 0;
}

const counter = (machine: BareMachine, at: number): number => Number(machine.view.getBigUint64(at, true));

/** Whether the manual leaves `word` to others than Advanced SIMD, or to nobody: what is UNPREDICTABLE there is not looked at. */
function isFree(word: number, thumb: boolean): boolean {
  const isData = thumb ? (word & 0xef000000) >>> 0 === 0xef000000 : word >>> 25 === 0b1111001;
  const isTransfer = (word & 0xff100000) >>> 0 === (thumb ? 0xf9000000 : 0xf4000000);
  if (isData && thumb)
    return neonMeaning((0xf2000000 | ((word >>> 4) & 0x01000000) | (word & 0x00ffffff)) >>> 0) === "undefined";
  if (isTransfer && thumb) return neonMeaning((0xf4000000 | (word & 0x00ffffff)) >>> 0) === "undefined";
  return !(isData || isTransfer) || neonMeaning(word) === "undefined";
}

function check(space: Space, thumb: boolean, cpu = 0): void {
  const machine = machineWith(thumb ? 2 : 0, thumb, cpu);
  const at = machine.ramOffset(RAM_BASE);
  const words: number[] = [];
  for (let n = 0; words.length < WORDS; n++) {
    const word = wordOf(space, n);
    if (cpu !== 0 || isFree(word, thumb)) words.push(word);
  }
  for (let n = 0; n < WORDS; n++) {
    const word = words[n]!;
    machine.store32(at + n * 4, thumb ? (word << 16) | (word >>> 16) : word);
  }
  machine.reset();
  const before = counter(machine, STATS_UNDEFINED);
  machine.exports.run(START.length + WORDS * INSTRUCTIONS_EACH);
  const undefinedCount = counter(machine, STATS_UNDEFINED) - before;
  if (undefinedCount !== WORDS) {
    const word = words[undefinedCount]!;
    throw new Error(`${space.name}: 0x${word.toString(16)} is not UNDEFINED (word ${undefinedCount})`);
  }
  assert.is(counter(machine, STATS_SUPERVISOR_CALLS), 0);
  assert.is(counter(machine, STATS_DATA_ABORTS), 0);
  assert.is(counter(machine, STATS_PREFETCH_ABORTS), 0);
}

const undefinedSpace = suite("encodings that are not there");

for (const space of t32) undefinedSpace(`T32: ${space.name}`, () => check(space, true));
for (const space of a32) undefinedSpace(`A32: ${space.name}`, () => check(space, false));

for (const [thumb, spaces] of [
  [true, t32],
  [false, a32],
] as const)
  for (const space of spaces.filter(({ name }) => name.startsWith("SIMD")))
    undefinedSpace(`hidden, ${thumb ? "T32" : "A32"}: ${space.name}`, () => check(space, thumb, CPU_WITHOUT_NEON));

undefinedSpace("the check itself: a space with system calls in it fails", () => {
  assert.throws(
    () => check({ name: "SVC", mask: 0xff000000, value: 0xef000000 }, false),
    /0xef000000 is not UNDEFINED/,
  );
});

undefinedSpace.run();
