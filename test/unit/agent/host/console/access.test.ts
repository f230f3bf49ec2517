// Every way into a partition obeys the same rules: a policy, a lock, exclusive use; each use is noted; who is inside is let go.

import { EventEmitter } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as reasons from "../../../../../kernel/abi/reasons.js";
import { ConsoleLog } from "../../../../../agent/host/between/console-log.js";
import { ConsoleAccess, type ConsoleHost, type Door, type Way } from "../../../../../agent/host/console/access.js";
import type { ConsoleGuard, ConsoleState } from "../../../../../agent/host/console/lock.js";
import { Failure, UsageError } from "../../../../../agent/failure.js";

const DOOR: Door = { id: 3, name: "work", use: "shared" };
const NOTED: Record<Way, number> = {
  console: reasons.ACCESS_CONSOLE,
  log: reasons.ACCESS_LOG,
  debug: reasons.ACCESS_DEBUG,
  profile: reasons.ACCESS_PROFILE,
  registers: reasons.ACCESS_REGISTERS,
};

class World {
  denied: string | null = null;
  noDebug: string | null = null;
  state: ConsoleState = "free";
  readonly notes: number[] = [];
  readonly said: string[] = [];
  readonly log = new ConsoleLog();
  readonly emitter = new EventEmitter();
  rings = 0;
  readonly access: ConsoleAccess;

  constructor(mode: "realtime" | "deterministic" = "realtime") {
    const host: ConsoleHost = {
      mode,
      consoleLog: () => this.log,
      on: (event, listener) => this.emitter.on(event, listener),
      off: (event, listener) => this.emitter.off(event, listener),
      ring: () => void this.rings++,
      note: (_id, reason) => void this.notes.push(reason),
      debugger: () => Promise.resolve({ close: () => void this.said.push("link closed") } as never),
      leaveDebugger: () => Promise.resolve(void this.said.push("guest goes on")),
      orders: {
        input: (_id, bytes) => Promise.resolve(bytes.length),
        profile: (_id, on) => Promise.resolve(on ? null : { places: [], lost: 0 }),
      },
    };
    const guard = {
      check: () => {
        if (this.state !== "free" && this.state !== "unlocked") throw new UsageError("CODE_LOCKED", "locked");
      },
      state: () => this.state,
      touch: () => undefined,
    } as unknown as ConsoleGuard;
    this.access = new ConsoleAccess(host, {
      refusal: () => this.denied,
      debugRefusal: () => this.noDebug,
      guard,
    });
  }

  /** Goes in and stays there; "in", or the failure's code. */
  async enter(way: Way, door = DOOR): Promise<string> {
    const ended = (why: string): void => void this.said.push(`${way}: ${why}`);
    try {
      if (way === "console") this.access.attach(door, () => undefined, ended);
      else if (way === "debug") await this.access.debug(door, () => undefined, ended);
      else if (way === "profile") {
        const profile = this.access.profile(door, 1e6).catch((error: Error) => ended(error.message));
        await Promise.race([profile, new Promise((resolve) => setImmediate(resolve))]);
        if (this.said.length > 0) throw new UsageError(this.said.pop()!, "");
      } else this.access.enter(way, door);
      return "in";
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.code;
    }
  }
}

const access = suite("console-access");

for (const way of ["console", "log", "debug", "registers"] as const) {
  access(`${way}: open and noted; closed by a policy and by a lock, and then not noted`, async () => {
    const world = new World();
    assert.is(await world.enter(way), "in");
    assert.equal(world.notes, [NOTED[way]]);
    world.access.end(DOOR.id, "tidy");
    world.denied = "policy 1.2 denies it";
    assert.is(await world.enter(way), "POLICY");
    world.denied = null;
    for (const state of ["locked", "unset", "weak"] as const) {
      world.state = state;
      assert.is(await world.enter(way), "CODE_LOCKED");
      assert.is(world.access.isOpen(way, DOOR), false);
    }
    world.state = "unlocked";
    assert.is(await world.enter(way), "in");
    assert.is(world.notes.length, 2);
  });
}

access(
  "a debugger and a profile want a policy that allows them, where one governs; the other ways do not",
  async () => {
    const world = new World();
    world.noDebug = "policy 1.2 does not allow it";
    assert.is(await world.enter("debug"), "POLICY");
    const profile = world.access.profile(DOOR, 1);
    assert.match(await profile.then(String, (error: Error) => error.message), /nobody may profile work: policy 1\.2/);
    assert.equal([await world.enter("console"), await world.enter("log")], ["in", "in"]);
  },
);

access("one to an exclusive console, one debugger, one profile; another is told that it is taken", async () => {
  const world = new World();
  const exclusive: Door = { ...DOOR, use: "exclusive" };
  assert.equal(
    [await world.enter("console", exclusive), await world.enter("console", exclusive)],
    ["in", "CONSOLE_TAKEN"],
  );
  assert.equal([await world.enter("debug"), await world.enter("debug")], ["in", "DEBUG_TAKEN"]);
  assert.is(await world.enter("console", { ...DOOR, use: "none" }), "CONSOLE_NONE");
  world.access.end(DOOR.id, "over");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal([await world.enter("console", exclusive), await world.enter("debug")], ["in", "in"]);
});

access(
  "a lock lets go of everybody who is inside, a debugger's guest goes on; a policy without debug of debuggers alone",
  async () => {
    const world = new World();
    for (const way of ["console", "debug"] as const) await world.enter(way);
    const profile = world.access.profile(DOOR, 1e6).then(String, (error: Error) => error.message);
    world.noDebug = "policy 1.3 does not allow it";
    world.access.review(DOOR.id, DOOR.name);
    assert.match(await profile, /was ended: policy 1\.3 does not allow it/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(world.said.splice(0), ["guest goes on", "link closed", "debug: policy 1.3 does not allow it"]);
    world.noDebug = null;
    await world.enter("debug");
    world.state = "locked";
    world.access.review(DOOR.id, DOOR.name);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(world.said.sort(), [
      "console: its policy locks it",
      "debug: its policy locks it",
      "guest goes on",
      "link closed",
    ]);
  },
);

access("in real time the guest waits for who is attached, and no longer when they go; in virtual time never", () => {
  const world = new World();
  const { detach } = world.access.attach(
    DOOR,
    () => new Promise(() => undefined),
    () => undefined,
  );
  assert.is.not(world.log.room, Infinity);
  detach();
  assert.is(world.log.room, Infinity);
  const virtual = new World("deterministic");
  virtual.access.attach(
    DOOR,
    () => undefined,
    () => undefined,
  );
  assert.is(virtual.log.room, Infinity);
});

access.run();
