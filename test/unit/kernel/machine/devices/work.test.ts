// Device work is fuel (kernel/machine/devices/work): what it costs, by hand; that a slice ends when its fuel does; and that nothing which a
// guest sees depends on where slices end, or on who executes it.

import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CLOCK_STATE,
  CONFIG,
  CPU_STATE,
  ENTROPY_POOL,
  EXIT_REQUEST,
  GIC_STATE,
  MODE_DETERMINISTIC,
  MODE_REALTIME,
  RAM_BASE,
  STATS_TRANSLATED_EXECUTED,
  STATE_END,
  WORK_OWED,
  WORK_VISITS,
} from "../../../../../kernel/abi/layout.js";
import { RUN_FUEL, RUN_OUTPUT } from "../../../../../kernel/abi/reasons.js";
import { bareMachine, type BareMachine, type BareMachineOptions } from "../../../../support/bare-machine.js";

// The prices, repeated here: a change of one is a change of every guest's time, and is to be meant.
const ACCESS = 10;
const TIMER = 8;
const VISIT = 8;
const CHAIN = 8;
const STEP = 256;

const UART = 0x0900_0000;
const BALLOON = 0x0a00_0600;
const ENTROPY = 0x0a00_0400;
const NOTIFY = BALLOON + 0x50;
const DESCRIPTORS = RAM_BASE + 0x1_0000;
const AVAILABLE = RAM_BASE + 0x1_2000;
const USED = RAM_BASE + 0x1_3000;
const TABLE = RAM_BASE + 0x1_4000;
const NUMBERS = RAM_BASE + 0x1_5000;
const LOOP = 0xeafffffe; // b .
const INDIRECT = 1 << 28;

/** movw, movt. */
function constant(register: number, value: number): number[] {
  const half = (opcode: number, bits: number): number =>
    (opcode | ((bits & 0xf000) << 4) | (register << 12) | (bits & 0xfff)) >>> 0;
  return [half(0xe3000000, value & 0xffff), half(0xe3400000, value >>> 16)];
}

function place(machine: BareMachine, code: readonly number[]): void {
  [...code, LOOP].forEach((word, n) => machine.write32(RAM_BASE + n * 4, word));
}

/** Instructions, and units of work with what is owed, of a program up to its `b .`. */
function cost(code: readonly number[], options: BareMachineOptions = {}): { instructions: number; work: number } {
  const machine = bareMachine({ mode: MODE_DETERMINISTIC, ...options });
  place(machine, code);
  machine.runInstructions(code.length);
  return {
    instructions: Number(machine.instructions),
    work: Number(machine.work) + machine.load32(WORK_OWED),
  };
}

/** Brings queue 0 of a virtio device up, with `size` entries. */
function queue(machine: BareMachine, device: number, size: number): void {
  for (const [at, value] of [
    [0x70, 0],
    [0x70, 3],
    [0x24, 0],
    [0x20, INDIRECT],
    [0x24, 1],
    [0x20, 1],
    [0x70, 11],
    [0x30, 0],
    [0x38, size],
    [0x80, DESCRIPTORS],
    [0x90, AVAILABLE],
    [0xa0, USED],
    [0x44, 1],
    [0x70, 15],
  ] as const) {
    machine.write32(device + at, value);
  }
}

/** A balloon whose inflate queue offers `chains` chains, each an indirect table of `segments` segments with 512 page numbers together. */
function balloon(machine: BareMachine, chains: number, segments: number): void {
  const size = 64;
  queue(machine, BALLOON, size);
  const descriptor = (at: number, address: number, length: number, flags: number, next: number): void => {
    machine.write32(at, address);
    machine.write32(at + 4, 0);
    machine.write32(at + 8, length);
    machine.write32(at + 12, flags | (next << 16));
  };
  for (let n = 0; n < size; n++) descriptor(DESCRIPTORS + 16 * n, TABLE, 16 * segments, 4, 0);
  for (let n = 0; n < segments; n++) {
    const bytes = 2048 / segments;
    descriptor(TABLE + 16 * n, NUMBERS + bytes * n, bytes, n + 1 < segments ? 1 : 0, n + 1);
  }
  for (let n = 0; n < 512; n++) machine.write32(NUMBERS + 4 * n, 0x4_0000 + (n % 16));
  for (let n = 0; n < size; n++) machine.write16(AVAILABLE + 4 + 2 * n, n);
  machine.write16(AVAILABLE + 2, chains);
}

/** What a chain of balloon() costs: found, its descriptors, its segments copied, 2048 bytes looked at. */
function chainWork(segments: number): number {
  const copied = segments * (1 + Math.floor(2048 / segments / 64));
  return CHAIN + 1 + segments + copied + 2048 / 8;
}

const KICK = [...constant(0, NOTIFY), 0xe3a01000, 0xe5801000]; // mov r1, #0 · str r1, [r0]

const work = suite("device work");

work("an access of the bus costs its price, and no instruction more", () => {
  const code = [...constant(0, UART), ...Array<number>(7).fill(0xe5901018)]; // ldr r1, [r0, #0x18]
  assert.equal(cost(code), { instructions: 9, work: 7 * ACCESS });
  assert.equal(cost(code, { mode: MODE_REALTIME }).instructions, 9);
  // ldmia r0, {r1-r4}: four accesses.
  assert.equal(cost([...constant(0, UART), 0xe890001e]), { instructions: 3, work: 4 * ACCESS });
});

work("a timer register costs its price, and what is Undefined nothing", () => {
  assert.equal(cost([0xec510f1e, 0xec510f0e]), { instructions: 2, work: 2 * TIMER }); // mrrc p15, 1 and 0, r0, r1, c14
  assert.equal(cost([0xee1e0f10]).work, TIMER); // mrc p15, 0, r0, c14, c0, 0
  assert.equal(cost([0xee1e0f30]).work, 0); // mrc p15, 0, r0, c14, c0, 1: there is none
  assert.equal(cost([0xee110f10]).work, 0); // mrc p15, 0, r0, c1, c0, 0: not the timer's
});

work("a kick costs its access, its visits, and every chain, descriptor, segment and page number", () => {
  for (const [chains, segments] of [
    [1, 1],
    [1, 64],
    [3, 16],
    [64, 64],
  ] as const) {
    const machine = bareMachine({ mode: MODE_DETERMINISTIC });
    balloon(machine, chains, segments);
    place(machine, KICK);
    machine.runInstructions(KICK.length);
    while (machine.load32(WORK_OWED) !== 0 || machine.load32(WORK_VISITS) !== 0) machine.exports.run(1);
    // Each chain alone fills a step, so each has a visit of its own; the last step asks for one more, which finds nothing.
    const each = chainWork(segments);
    const visits = each + VISIT >= STEP ? chains + 1 : 1;
    assert.ok(each + VISIT >= STEP);
    assert.is(Number(machine.work), ACCESS + visits * VISIT + chains * each, `${chains} chains of ${segments}`);
    assert.is(machine.instructions, BigInt(KICK.length));
    assert.is(machine.read16(USED + 2), chains);
  }
});

work("a slice ends when its fuel does: a kick of 64 chains of 64 segments takes as many slices as it has work", () => {
  for (const mode of [MODE_DETERMINISTIC, MODE_REALTIME]) {
    const machine = bareMachine({ mode });
    balloon(machine, 64, 64);
    place(machine, KICK);
    const fuel = 100;
    const total = 64 * chainWork(64);
    let slices = 0;
    let taken = 0;
    while (machine.read16(USED + 2) < 64) {
      assert.is(machine.exports.run(fuel), RUN_FUEL);
      assert.is(machine.exports.runExecuted(), fuel, "all of the fuel, and no more");
      // What a slice did beyond its fuel is owed, and it is one step and a chain at most.
      assert.ok(machine.load32(WORK_OWED) <= STEP + chainWork(64));
      const now = machine.read16(USED + 2);
      assert.ok(now - taken <= 1, "one step");
      taken = now;
      slices++;
    }
    assert.ok(slices >= total / fuel - STEP, `${slices} slices`);
    assert.ok(Number(machine.instructions) <= KICK.length, "the guest stood at its kick");
  }
});

work("an exit is taken when the work is done, wherever slices end", () => {
  // strb of 3,072 characters fills the ring to where the host is asked to drain it.
  const code = [...constant(0, UART), 0xe5801000, 0xeafffffd]; // str r1, [r0] · b back
  const moments = [1, 7, 1_000_000].map((fuel) => {
    const machine = bareMachine({ mode: MODE_DETERMINISTIC });
    place(machine, code);
    while (machine.exports.run(fuel) !== RUN_OUTPUT);
    assert.is(machine.load32(WORK_OWED), 0);
    return [machine.instructions, machine.work];
  });
  assert.equal(moments[1], moments[0]);
  assert.equal(moments[2], moments[0]);
});

/** Kicks the balloon, reads UART flags and both counters, and adds all up, for ever. */
const MIXED = [
  ...constant(0, NOTIFY),
  ...constant(4, UART),
  ...constant(6, AVAILABLE),
  0xe3a01000, // mov r1, #0
  0xe3a02102, // mov r2, #0x80000000
  0xee092f3c, // mcr p15, 0, r2, c9, c12, 1: PMCNTENSET, the cycle counter
  0xe3a02001, // mov r2, #1
  0xee092f1c, // mcr p15, 0, r2, c9, c12, 0: PMCR
  // again:
  0xe1d620b2, // ldrh r2, [r6, #2]
  0xe2822003, // add r2, r2, #3
  0xe1c620b2, // strh r2, [r6, #2]
  0xe5801000, // str r1, [r0]
  0xec532f1e, // mrrc p15, 1, r2, r3, c14
  0xe0855002, // add r5, r5, r2
  0xe5942018, // ldr r2, [r4, #0x18]
  0xe0855002, // add r5, r5, r2
  0xee1e2f33, // mrc p15, 0, r2, c14, c3, 1
  0xe0855002, // add r5, r5, r2
  0xec532f0e, // mrrc p15, 0, r2, r3, c14
  0xe0255002, // eor r5, r5, r2
  0xee192f1d, // mrc p15, 0, r2, c9, c13, 0: PMCCNTR
  0xe0855002, // add r5, r5, r2
  0xeafffff0, // b again
];

interface MixedRun {
  instructions: bigint;
  work: bigint;
  digest: string;
  translated: bigint;
}

/** The program up to `units` of instructions and work, in slices of `fuel`. */
function mixed(units: number, fuel: () => number, translate: boolean): MixedRun {
  const machine = bareMachine({
    mode: MODE_DETERMINISTIC,
    ...(translate ? { translateBytes: 0x10_0000, blockCacheBytes: 0x4_0000 } : {}),
  });
  balloon(machine, 0, 4);
  place(machine, MIXED);
  if (translate) {
    // Seen once, translated, and begun anew.
    const saved = machine.bytes.slice(CPU_STATE, CPU_STATE + 76);
    const devices = machine.bytes.slice(GIC_STATE, STATE_END);
    const ram = machine.readRam(RAM_BASE, machine.ramBytes);
    const clock = machine.bytes.slice(CLOCK_STATE, CONFIG);
    machine.exports.run(20_000);
    machine.translator!.everything();
    machine.bytes.set(saved, CPU_STATE);
    machine.bytes.set(devices, GIC_STATE);
    machine.writeRam(RAM_BASE, ram);
    machine.bytes.set(clock, CLOCK_STATE);
    machine.bytes.fill(0, EXIT_REQUEST, WORK_VISITS + 4);
  }
  for (let left = units; left > 0; left -= machine.exports.runExecuted()) {
    assert.is(machine.exports.run(Math.min(left, fuel())), RUN_FUEL);
  }
  const digest = createHash("sha256")
    .update(machine.bytes.subarray(CPU_STATE, CPU_STATE + 76))
    .update(machine.bytes.subarray(EXIT_REQUEST, WORK_VISITS + 4))
    .update(machine.bytes.subarray(GIC_STATE, STATE_END))
    .update(machine.readRam(RAM_BASE, machine.ramBytes))
    .digest("hex");
  return {
    instructions: machine.instructions,
    work: machine.work,
    digest,
    translated: machine.view.getBigUint64(STATS_TRANSLATED_EXECUTED, true),
  };
}

work("slices of any length give the same machine, instructions and work, interpreted and translated", () => {
  const UNITS = 30_011;
  const whole = mixed(UNITS, () => 1_000_000, false);
  assert.is(whole.instructions + whole.work, BigInt(UNITS));
  assert.ok(whole.work > whole.instructions);
  let turn = 0;
  const uneven = (): number => 1 + ((turn++ * 37) % 401);
  for (const [name, fuel] of [
    ["61", () => 61],
    ["single steps", () => 1],
    ["uneven", uneven],
  ] as const) {
    const run = mixed(UNITS, fuel, false);
    assert.equal([run.instructions, run.work, run.digest], [whole.instructions, whole.work, whole.digest], name);
  }
  for (const [name, fuel] of [
    ["whole", () => 1_000_000],
    ["61", () => 61],
    ["uneven", uneven],
  ] as const) {
    const run = mixed(UNITS, fuel, true);
    assert.ok(run.translated > 0n, `${name}: ${run.translated} instructions were translated code's`);
    assert.equal(
      [run.instructions, run.work, run.digest],
      [whole.instructions, whole.work, whole.digest],
      `translated, ${name}`,
    );
  }
});

work("in virtual time the counter advances by instructions and work", () => {
  const machine = bareMachine({ mode: MODE_DETERMINISTIC });
  place(machine, [...constant(0, UART), ...Array<number>(40).fill(0xe5901018), 0xec510f1e, 0xe1a02000]);
  machine.runInstructions(43);
  // The counter's own read is the 43rd instruction; its work comes after it (100 units are 1 µs, 24 ticks).
  assert.is(machine.load32(CPU_STATE), Math.floor(((43 + 40 * ACCESS) * 6) / 25));
});

work("outside run() a host's input is only noted", () => {
  const machine = bareMachine({ mode: MODE_DETERMINISTIC });
  queue(machine, ENTROPY, 16);
  machine.write32(DESCRIPTORS, NUMBERS);
  machine.write32(DESCRIPTORS + 8, 64);
  machine.write32(DESCRIPTORS + 12, 2);
  machine.write16(AVAILABLE + 2, 1);
  machine.write32(ENTROPY + 0x50, 0);
  machine.store32(ENTROPY_POOL, 100);
  machine.exports.machineTick();
  assert.equal([machine.read16(USED + 2), machine.load32(WORK_OWED)], [0, 0], "no guest ran, and nobody worked for it");
  assert.is(machine.deadline, 0, "but it has something to run for");
  place(machine, []);
  machine.exports.run(200);
  assert.equal([machine.read16(USED + 2), machine.load32(ENTROPY_POOL)], [1, 36]);
  assert.ok(machine.work > 0n);
});

work.run();
