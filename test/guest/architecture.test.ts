// Bare-metal guests that look at the architecture from inside: exceptions, translation, timers, interrupts, PSCI. They print raw
// register values; the oracle is what the same binaries print on qemu-system-arm (scripts/oracle.ts records it).

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RUN_POWER_OFF } from "../../kernel/abi/reasons.js";
import { assembleFlat, ASSEMBLER } from "../../scripts/assembler.js";
import { ARCHITECTURE_GUESTS, guestPath, recordedOutput } from "./architecture/oracle.js";
import { programPath } from "../../agent/paths.js";
import { flatDigest, flatMachine, flatOutput } from "../support/flat-machine.js";
import { testUnless } from "../support/skip.js";

const INSTRUCTIONS_MAX = 20_000_000;

/** Runs a guest to its power-off in slices of `fuel`; what it printed and a digest of its CPU, memory and clock. */
function play(name: string, fuel: number): { text: string; digest: string; instructions: number } {
  const machine = flatMachine(guestPath(name, "bin"));
  let text = "";
  for (;;) {
    const reason = machine.run(fuel);
    text += flatOutput(machine);
    if (reason === RUN_POWER_OFF) break;
    if (machine.instructions > INSTRUCTIONS_MAX) throw new Error(`${name} does not end; so far it printed:\n${text}`);
  }
  return { text, digest: flatDigest(machine), instructions: machine.instructions };
}

const noBinutils = programPath(ASSEMBLER) === null ? `no ${ASSEMBLER} here` : null;
const architecture = suite("architecture guests");
for (const name of ARCHITECTURE_GUESTS) {
  architecture(`${name}: prints what it prints on the oracle`, () => {
    assert.fixture(play(name, 1_000_000).text, recordedOutput(name));
  });

  architecture(`${name}: a run repeats bit for bit, however its slices are cut`, () => {
    const whole = play(name, 1_000_000);
    assert.equal(play(name, 1_000_000), whole);
    assert.equal(play(name, 1), whole);
    assert.equal(play(name, 61), whole);
  });

  testUnless(architecture, noBinutils, `${name}: the recorded binary is what its source assembles to`, () => {
    assert.ok(assembleFlat(guestPath(name, "S")).equals(readFileSync(guestPath(name, "bin"))), "run: npm run assemble");
  });
}
architecture.run();
