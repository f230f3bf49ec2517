// Bare-metal guests that look at the architecture from inside: exceptions, translation, timers, interrupts, PSCI. They print raw
// register values; the oracle is what the same binaries print on qemu-system-arm (scripts/oracle.ts records it).

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadImages } from "../../agent/host/load.js";
import { loadPlan, RNG_SEED_BYTES } from "../../agent/host/loader/plan.js";
import { Machine } from "../../agent/host/machine.js";
import { CACHE_SIZES } from "../../agent/host/partition-memory.js";
import { CONSOLE_OUTPUT, CONSOLE_OUTPUT_BYTES, CONSOLE_OUTPUT_INDEX, CPU_STATE } from "../../kernel/abi/layout.js";
import { RUN_POWER_OFF } from "../../kernel/abi/reasons.js";
import { assembleFlat, ASSEMBLER } from "../../scripts/assembler.js";
import { ARCHITECTURE_GUESTS, guestPath, recordedOutput } from "./architecture/oracle.js";
import { programPath } from "../../agent/paths.js";
import { testUnless } from "../support/skip.js";

const RAM_BYTES = 16 << 20;
const INSTRUCTIONS_MAX = 20_000_000;
const module = new WebAssembly.Module(readFileSync(new URL("../../build/machine.wasm", import.meta.url)));

/** Runs a guest to its power-off in slices of `fuel`; what it printed and a digest of its CPU, memory and clock. */
function play(name: string, fuel: number): { text: string; digest: string; instructions: number } {
  const plan = loadPlan({
    ramBytes: RAM_BYTES,
    devices: 0,
    kernel: { path: guestPath(name, "bin"), sha256: null, offset: null, bssBytes: 0 },
    firmware: null,
    initrd: null,
    commandLine: null,
    deviceTree: null,
    rngSeed: new Uint8Array(RNG_SEED_BYTES),
  });
  const machine = new Machine(
    module,
    {
      mode: "deterministic",
      ramBytes: RAM_BYTES,
      romBytes: 0,
      caches: CACHE_SIZES.small,
      devices: 0,
      disk: null,
      consolePorts: 1,
      entry: plan.entry,
      r0: plan.r0,
      r1: plan.r1,
      r2: plan.r2,
      wallOrigin: 0,
    },
    () => 0,
  );
  loadImages(machine, plan);
  let text = "";
  for (;;) {
    const reason = machine.run(fuel);
    const [head, tail] = [machine.word(CONSOLE_OUTPUT_INDEX), machine.word(CONSOLE_OUTPUT_INDEX + 4)];
    for (let at = tail; at !== head; at++) {
      text += String.fromCharCode(machine.bytes[CONSOLE_OUTPUT + (at % CONSOLE_OUTPUT_BYTES)]!);
    }
    machine.setWord(CONSOLE_OUTPUT_INDEX + 4, head);
    if (head !== tail) machine.tick();
    if (reason === RUN_POWER_OFF) break;
    if (machine.instructions > INSTRUCTIONS_MAX) throw new Error(`${name} does not end; so far it printed:\n${text}`);
  }
  const digest = createHash("sha256")
    .update(machine.bytes.subarray(CPU_STATE, CPU_STATE + 64))
    .update(machine.guestBytes(0x4000_0000, RAM_BYTES))
    .digest("hex");
  return { text, digest, instructions: machine.instructions };
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
