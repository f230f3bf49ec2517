// The slots' state machine, walked through every state that it can reach, with a power cut after every step.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countedName, entryName, loaderConfig, parseEntryName } from "../../../../agent/update/boot-entries.js";
import { UpdateError } from "../../../../agent/update/failure.js";
import {
  beginUpdate,
  bless,
  bootStep,
  faultOf,
  flashed,
  otherSlot,
  settle,
  TRIES,
  updateWritten,
  type SlotName,
  type Slots,
} from "../../../../agent/update/slots.js";

const RELEASE_MAX = 4;

/** What runs (null: the power is off), and what the medium says. */
interface Device {
  slots: Slots;
  runs: SlotName | null;
}

/** Everything that may happen next, by name. */
function next({ slots, runs }: Device): [string, Device][] {
  const found: [string, Device][] = [];
  if (runs === null) {
    const booted = bootStep(slots);
    if (booted !== null) found.push(["boot", booted]);
    return found;
  }
  found.push(["power cut", { slots, runs: null }]);
  found.push(["settle", { slots: settle(slots, runs).slots, runs }]);
  found.push(["bless", { slots: bless(slots, runs), runs }]);
  for (let release = 1; release <= RELEASE_MAX; release++) {
    try {
      const begun = beginUpdate(slots, runs, release);
      found.push([`begin ${release}`, { slots: begun.slots, runs }]);
      found.push([`write ${release}`, { slots: updateWritten(begun.slots, begun.target, release), runs }]);
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
    }
  }
  return found;
}

function reachable(): Map<string, Device> {
  const all = new Map<string, Device>();
  const open: Device[] = [{ slots: flashed(1), runs: null }];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    const key = JSON.stringify(each);
    if (all.has(key)) continue;
    all.set(key, each);
    open.push(...next(each).map(([, device]) => device));
  }
  return all;
}

const states = reachable();
const test = suite("update/slots");

test("in every state that can be reached, one slot is good, and the device starts", () => {
  assert.ok(states.size > 200, `${states.size} states`);
  for (const { slots } of states.values()) {
    assert.is(faultOf(slots), null, JSON.stringify(slots));
    assert.ok(bootStep(slots) !== null);
  }
});

test("starts alone never change what a device without an update runs", () => {
  for (const { slots } of states.values()) {
    if (slots.a.state === "trial" || slots.b.state === "trial") continue;
    let now = slots;
    for (let start = 0; start < 10; start++) {
      const booted = bootStep(now)!;
      assert.equal(booted, { slots: now, runs: now.preferred });
      now = booted.slots;
    }
  }
});

test("an update that never proves itself is left after its tries, for the slot that was good before", () => {
  for (const { slots, runs } of states.values()) {
    if (runs === null || slots[runs].state !== "good") continue;
    const release = slots.floor + 1;
    const { slots: begun, target } = beginUpdate(slots, runs, release);
    let now = updateWritten(begun, target, release);
    const ran: SlotName[] = [];
    for (let start = 0; start < TRIES + 2; start++) {
      const booted = bootStep(now)!;
      ran.push(booted.runs);
      now = booted.slots;
    }
    assert.equal(ran, [...Array<SlotName>(TRIES).fill(target), runs, runs]);
    const settled = settle(now, runs);
    assert.equal([settled.failed, settled.slots[target].state], [target, "bad"]);
    assert.is(settled.slots.floor, slots.floor, "the floor rises with a blessing alone");
  }
});

test("once blessed, a slot stays whatever the number of starts, and nothing older is taken up", () => {
  for (const { slots, runs } of states.values()) {
    if (runs === null || slots[runs].state !== "trial") continue;
    const blessed = bless(slots, runs);
    assert.is(blessed.floor, Math.max(slots.floor, slots[runs].release));
    let now = blessed;
    for (let start = 0; start < 5; start++) {
      const booted = bootStep(now)!;
      assert.is(booted.runs, runs);
      now = booted.slots;
    }
    assert.throws(() => beginUpdate(blessed, runs, blessed.floor - 1), /older/);
    assert.is(bless(blessed, runs), blessed, "twice is once");
  }
});

test("while the other slot is written, it cannot start; while the running one is on trial, nothing is written", () => {
  for (const { slots, runs } of states.values()) {
    if (runs === null) continue;
    if (slots[runs].state !== "good") {
      assert.throws(() => beginUpdate(slots, runs, slots.floor + 1), /proven/);
      continue;
    }
    const { slots: begun, target } = beginUpdate(slots, runs, slots.floor);
    assert.equal([target, begun[target].state, bootStep(begun)!.runs], [otherSlot(runs), "empty", runs]);
  }
});

test.run();

const entries = suite("update/boot-entries");

entries("names of entries say the state, both ways", () => {
  for (const slot of ["a", "b"] as const) {
    for (const [left, done] of [
      [null, 0],
      [3, 0],
      [2, 1],
      [0, 3],
    ] as const) {
      assert.equal(parseEntryName(entryName(slot, left, done)), { slot, left, done });
    }
  }
  assert.equal(parseEntryName("PV-B+2-1.CONF"), { slot: "b", left: 2, done: 1 });
  for (const name of ["pv-c.conf", "pv-a.conf.new", "debian.conf", "pv-a+.conf", "pv-a+999.conf"]) {
    assert.is(parseEntryName(name), null, name);
  }
});

entries("the boot loader's count goes down one at a start, and a blessed entry has none (systemd-boot(7))", () => {
  let name = entryName("b", TRIES);
  const seen = [name];
  for (let start = 0; start < TRIES; start++) seen.push((name = countedName(parseEntryName(name)!)));
  assert.equal(seen, ["pv-b+3.conf", "pv-b+2-1.conf", "pv-b+1-2.conf", "pv-b+0-3.conf"]);
  assert.is(countedName(parseEntryName("pv-a.conf")!), "pv-a.conf");
});

entries("loader.conf names the preferred slot whatever its count", () => {
  assert.match(loaderConfig("b"), /^default pv-b\*$/m);
});

entries.run();
