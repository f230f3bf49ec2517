// What the fleet remembers: a device that was set back, or is there twice, is found by whoever has seen it further, and stays found until a person
// has looked into it.

import { statSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FleetMemory } from "../../../fleet/memory.js";
import type { StateMessage } from "../../../agent/wire/reports.js";
import { emptyFleet } from "../../support/fleet.js";
import { Random } from "../../support/random.js";
import { NOW } from "../../support/signed.js";

const test = suite("fleet/memory");
const DEVICE = "00112233445566778899aabbccddeeff";

const runOf = (name: number): Uint8Array => new Uint8Array(8).fill(name);
const birthOf = (connection: number, bootCount: number, run: number): StateMessage => ({
  ...{ online: true, connection, bootCount, run: runOf(run) },
});

/** What each birth finds, in words. */
function lives(
  memory: FleetMemory,
  births: [connection: number, boot: number, run: number, retained?: true][],
): string[] {
  return births.map(([connection, boot, run, retained = false], at) =>
    memory
      .state(DEVICE, birthOf(connection, boot, run), retained, NOW + at)
      .map(({ kind }) => kind)
      .join(),
  );
}

const fresh = (): FleetMemory => new FleetMemory(emptyFleet().store);

test("starts and connections that follow one another, births that are repeated: nothing is found", () => {
  const births: Parameters<typeof lives>[1] = [];
  const random = new Random(5);
  for (let boot = 1, connection = 100; boot < 60; boot++) {
    for (let count = 1 + random.below(4); count > 0; count--) {
      connection += 1 + random.below(50);
      births.push([connection, boot, boot]);
      if (random.oneIn(2)) births.push([connection, boot, boot]);
      if (random.oneIn(3)) births.push([connection, boot, boot, true]);
    }
  }
  assert.equal(new Set(lives(fresh(), births)), new Set([""]));
});

test("a folder that is set back whole begins a start that was seen: rolled back, though its connections go on", () => {
  for (const boot of [1, 3, 4]) {
    const memory = fresh();
    const seen = lives(memory, [
      [100, 3, 1],
      [200, 4, 2],
      [300, boot, 3],
    ]);
    assert.equal(seen, ["", "", "rolled-back"], `start ${boot} once more`);
    assert.is(memory.findings(DEVICE)[0]!.at, NOW + 2);
  }
  assert.equal(
    lives(fresh(), [
      [200, 4, 1],
      [100, 5, 2],
    ]),
    ["", "rolled-back"],
    "the connection's number too",
  );
});

test("the first look after it was set back finds it as well, from what the broker keeps", () => {
  assert.equal(
    lives(fresh(), [
      [200, 4, 1],
      [300, 3, 2, true],
    ]),
    ["", "rolled-back"],
  );
});

test("an old birth that a broker has kept or brought back is no finding", () => {
  assert.equal(
    lives(fresh(), [
      [200, 4, 2],
      [100, 3, 1, true],
      [200, 4, 2, true],
    ]),
    ["", "", ""],
  );
});

test("two copies that speak in turn: cloned, whichever of them began later", () => {
  assert.equal(
    lives(fresh(), [
      [100, 3, 1],
      [200, 4, 2],
      [300, 3, 1],
    ]),
    ["", "", "cloned"],
  );
  const both = fresh();
  assert.equal(
    lives(both, [
      [100, 3, 1],
      [200, 3, 2],
      [300, 3, 1],
      [400, 3, 2],
    ]),
    ["", "rolled-back", "cloned", ""],
  );
  assert.equal(
    both.findings(DEVICE).map(({ kind }) => kind),
    ["rolled-back", "cloned"],
  );
});

test("a policy that is older than the one that was reported: rolled back, unless a broker had kept it", () => {
  const memory = fresh();
  const says = (version: number, retained = false): string =>
    memory
      .report(DEVICE, "work", { policy: { epoch: 1, version } } as never, retained, NOW)
      .map(({ kind }) => kind)
      .join();
  assert.equal([says(7), says(7), says(8), says(7, true), says(7)], ["", "", "", "", "rolled-back"]);
});

test("a finding stays until it is cleared, in the file of this user alone; then what comes next is what counts", () => {
  const { store } = emptyFleet();
  lives(new FleetMemory(store), [
    [200, 4, 1],
    [300, 2, 2],
  ]);
  const memory = new FleetMemory(store);
  assert.is(memory.findings(DEVICE).length, 1);
  assert.is(statSync(store.path("memory", `${DEVICE}.json`)).mode & 0o777, 0o600);
  memory.clear(DEVICE);
  assert.equal(memory.findings(DEVICE), []);
  assert.equal(
    lives(memory, [
      [400, 2, 2],
      [500, 3, 3],
    ]),
    ["", ""],
  );
});

test.run();
