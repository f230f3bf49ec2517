// Breakpoints against a run in single steps: the guest stops exactly where, and as often as, the steps came by, and is not disturbed.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { debugBreakpoints } from "../../../../../agent/host/debug/machine.js";
import type { Machine } from "../../../../../agent/host/machine/machine.js";
import { BREAKPOINT_MAX, CPU_PC } from "../../../../../kernel/abi/layout.js";
import { RUN_BREAK, RUN_FUEL, RUN_POWER_OFF } from "../../../../../kernel/abi/reasons.js";
import { guestPath } from "../../../../guest/architecture/oracle.js";
import { flatDigest, flatMachine, flatOutput } from "../../../../support/flat-machine.js";
import { Random } from "../../../../support/random.js";
import { temporaryFile } from "../../../../support/temporary.js";

// add r0, pc, #1 · bx r0 · then in Thumb state 200 times through two IT blocks with a wide instruction, and PSCI SYSTEM_OFF.
const THUMB = [
  ...[0x0001, 0xe28f, 0xff10, 0xe12f, 0x20c8, 0x2100],
  ...[0x0842, 0xbf2c, 0x3103, 0x3105, 0xbf1c, 0xeb03, 0x0301, 0x3901, 0x3801, 0xd1f5],
  ...[0xf240, 0x0008, 0xf2c8, 0x4000, 0xf7e0, 0x8000],
];
// Not `timer` of the architecture guests: where an interrupt comes in, a step executes the handler's first instruction and not the
// one at pc.
const GUESTS = {
  exceptions: guestPath("exceptions", "bin"),
  mmu: guestPath("mmu", "bin"),
  thumb: temporaryFile(new Uint8Array(Uint16Array.from(THUMB).buffer)),
};
const ROUNDS = 12;

/** One instruction, its device work paid for beforehand. RUN_*. */
function step(machine: Machine): number {
  const before = machine.instructions;
  for (;;) {
    const reason = machine.run(1);
    if (reason !== RUN_FUEL || machine.instructions !== before) return reason;
  }
}

/** pc before every step, up to power-off. */
function stepped(path: string): { trace: number[]; digest: string } {
  const machine = flatMachine(path);
  const trace: number[] = [];
  for (let reason = 0; reason !== RUN_POWER_OFF;) {
    trace.push(machine.word(CPU_PC));
    reason = step(machine);
    flatOutput(machine);
  }
  return { trace, digest: flatDigest(machine) };
}

/** Instruction counts at which the guest stood at a breakpoint. */
function stops(machine: Machine, fuel: number): number[] {
  const found: number[] = [];
  for (let reason = 0; reason !== RUN_POWER_OFF;) {
    reason = machine.run(fuel);
    flatOutput(machine);
    if (reason !== RUN_BREAK) continue;
    found.push(machine.instructions);
    machine.debug.debugPass(machine.word(CPU_PC));
  }
  return found;
}

const breakpoint = suite("breakpoint");

for (const [name, path] of Object.entries(GUESTS)) {
  const { trace, digest } = stepped(path);

  breakpoint(`${name}: random breakpoints stop where single steps came by, whatever the slices`, () => {
    const random = new Random(20261122);
    for (let round = 0; round < ROUNDS; round++) {
      const count = 1 + random.below(BREAKPOINT_MAX);
      const addresses = [...new Set(Array.from({ length: count }, () => random.pick(trace)))];
      const expected = trace.flatMap((pc, at) => (addresses.includes(pc) ? [at] : []));
      const machine = flatMachine(path);
      debugBreakpoints(machine, addresses);
      assert.equal(stops(machine, random.pick([1, 7, 61, 1_000_000])), expected, `round ${round}`);
      assert.is(machine.instructions, trace.length);
      assert.is(flatDigest(machine), digest, "the guest has noticed nothing");
    }
  });

  breakpoint(`${name}: breakpoints come and go while the guest runs`, () => {
    const random = new Random(7);
    const machine = flatMachine(path);
    let at = 0;
    for (;;) {
      const address = random.pick(trace);
      debugBreakpoints(machine, [address]);
      const next = trace.indexOf(address, at);
      if (next < 0) break;
      while (machine.run(1_000_000) !== RUN_BREAK) flatOutput(machine);
      assert.equal([machine.word(CPU_PC), machine.instructions], [address, next]);
      machine.debug.debugPass(address);
      at = next + 1;
      step(machine);
    }
    debugBreakpoints(machine, []);
    assert.equal(stops(machine, 1_000_000), []);
    assert.equal([machine.instructions, flatDigest(machine)], [trace.length, digest]);
  });
}

breakpoint("the Thumb guest goes through both IT blocks in every round", () => {
  assert.is(stepped(GUESTS.thumb).trace.length, 2 + 2 + 200 * 9 + 3);
});

breakpoint("a pass that was not used is no pass for a later breakpoint there", () => {
  const machine = flatMachine(GUESTS.exceptions);
  const first = machine.word(CPU_PC);
  machine.debug.debugPass(first);
  debugBreakpoints(machine, [first]);
  assert.equal([machine.run(100), machine.instructions], [RUN_BREAK, 0]);
});

breakpoint.run();
