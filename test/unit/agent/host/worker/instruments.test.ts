// What stands between the hypervisor and a machine: nothing when nobody looks into it; a debugger's halt, steps and departure; a profile.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RUN_BREAK, RUN_FUEL } from "../../../../../kernel/abi/reasons.js";
import { CLOCK_STATE } from "../../../../../kernel/abi/layout.js";
import type { DebugDoor } from "../../../../../agent/host/debug/gate.js";
import type { DebugAnswer, DebugRequest } from "../../../../../agent/host/between/debug-messages.js";
import type { Machine } from "../../../../../agent/host/machine/machine.js";
import { Instruments } from "../../../../../agent/host/worker/instruments.js";
import { scriptedMachine } from "../../../../support/scripted-machine.js";

/** A machine that executes all of its fuel, or one instruction in a step. */
function counting(fuels: number[]): Machine {
  const run = (fuel: number): number => {
    fuels.push(fuel);
    machine.setWord(CLOCK_STATE, machine.word(CLOCK_STATE) + fuel);
    return RUN_FUEL;
  };
  const machine = scriptedMachine({ run });
  const debug = { debugPass: () => {}, debugBreakpoints: () => {}, debugStep: () => run(1) };
  Object.defineProperty(machine, "debug", { value: debug });
  return machine;
}

const instruments = suite("instruments");

instruments("a machine that nobody looks into is called directly", () => {
  const machine = counting([]);
  const bare = new Instruments(() => 0);
  bare.attach(machine);
  assert.is(bare.entries, machine.entries);
});

instruments(
  "a debugger: the guest stands, and its time; steps by one instruction; goes on when the debugger leaves",
  () => {
    let clock = 1000;
    const fuels: number[] = [];
    const sent: DebugAnswer[] = [];
    const asked: DebugRequest[] = [];
    const door: DebugDoor = { receive: () => asked.shift() ?? null, send: (answer) => void sent.push(answer) };
    const machine = counting(fuels);
    const at = new Instruments(() => clock);
    at.attach(machine);
    at.debug(door);
    const { entries } = at;
    assert.is(at.mayRun(), false);
    assert.is(entries.run(500), RUN_BREAK);
    assert.equal([fuels, entries.runExecuted()], [[], 0], "not one instruction");
    const stood = at.now();
    clock += 5000;
    assert.is(at.now(), stood);

    asked.push({ kind: "resume", step: true });
    assert.is(at.mayRun(), true);
    assert.is(entries.run(500), RUN_FUEL);
    assert.equal([fuels, entries.runExecuted()], [[1], 1]);
    assert.equal(sent.splice(0), [{ kind: "stopped", signal: 5, watched: null }]);
    assert.is(at.mayRun(), false);

    asked.push({ kind: "resume", step: false });
    assert.is(at.mayRun(), true);
    entries.run(500);
    assert.equal([fuels.at(-1), entries.runExecuted()], [500, 500]);
    asked.push({ kind: "halt" });
    assert.is(at.mayRun(), false);
    assert.equal(sent, [{ kind: "stopped", signal: 2, watched: null }]);
    const halted = at.now();
    clock += 7000;
    at.undebug();
    assert.is(at.now(), halted, "the time that it stood has not passed");
    clock += 10;
    assert.is(at.now(), halted + 10);
    assert.is(at.entries, machine.entries);
  },
);

instruments("a profile counts from where it begins, and ends with what it saw", () => {
  const at = new Instruments(() => 0);
  const machine = counting([]);
  at.attach(machine);
  machine.run(900);
  assert.is(at.endProfile(), null);
  at.beginProfile();
  at.entries.run(100);
  at.entries.run(50);
  const places = at.endProfile()!.places;
  assert.equal(
    places.map(({ samples, instructions }) => [samples, instructions]),
    [[2, 150]],
  );
  assert.is(at.profileResult, null);
});

instruments.run();
