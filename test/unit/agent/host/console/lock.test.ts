// The lock of a console, in time that the test makes pass: tries are counted on disk before they are looked at, idling locks, and the last
// wrong try wipes.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConsoleGuard } from "../../../../../agent/host/console/lock.js";
import type { UnlockSection } from "../../../../../agent/policy/unlock.js";
import { Failure } from "../../../../../agent/failure.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const test = suite("console-guard");

class World {
  readonly folder = join(temporaryFolder(), "codes");
  section: UnlockSection | null = { lengthLeast: 6, idleLockSeconds: 60, triesMost: 0 };
  ms = 1e6;
  readonly said: string[] = [];
  readonly coded = new Set<string>();
  guard = this.start();

  /** What a start of the handset finds. */
  start(): ConsoleGuard {
    const guard: ConsoleGuard = new ConsoleGuard({
      folder: this.folder,
      section: (partition) => (partition === "work" ? this.section : null),
      codes: {
        isCoded: (partition) => this.coded.has(partition),
        setCoded: (partition, coded) => void this.coded[coded ? "add" : "delete"](partition),
      },
      now: () => this.ms / 1000,
      clock: () => this.ms,
      wipe: async (partition) => {
        this.said.push(`wipe ${partition}`);
        guard.forget(partition);
      },
      happened: (kind, _partition, count) => void this.said.push(count === 0 ? kind : `${kind} ${count}`),
    });
    return guard;
  }

  pass(seconds: number): void {
    this.ms += seconds * 1000;
  }

  /** "ok", or the failure's code. */
  async unlock(code: string, guard = this.guard): Promise<string> {
    return outcome(guard.unlock("work", code));
  }

  async set(code: string, old: string | null = null): Promise<string> {
    return outcome(this.guard.setCode("work", code, old));
  }
}

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error: unknown) => {
      if (error instanceof Failure) return error.code;
      throw error;
    },
  );

test("nothing locks what no policy locks; a policy locks from the first moment, and a code opens", async () => {
  const world = new World();
  assert.is(world.guard.state("personal"), "free");
  world.guard.check("personal");
  assert.is(world.guard.state("work"), "unset");
  assert.throws(
    () => world.guard.check("work"),
    (error: Failure) => error.code === "CODE_UNSET",
  );
  assert.is(await world.set("1234"), "CODE_FAULT");
  assert.is(await world.unlock("739146"), "CODE_UNSET");
  assert.is(await world.set("739146"), "ok");
  assert.is(world.guard.state("work"), "unlocked");
  world.guard.check("work");
  world.guard.lock("work");
  assert.throws(
    () => world.guard.check("work"),
    (error: Failure) => error.code === "CODE_LOCKED",
  );
  assert.is(await world.unlock("739147"), "CODE_WRONG");
  assert.is(await world.unlock("739146"), "ok");
  assert.equal(world.said, ["unlocked", "console-locked", "unlock-failed 1", "unlocked"]);
  assert.is(world.start().state("work"), "locked", "after a start");
  assert.is(await world.unlock("739146", world.start()), "ok", "with the same code");
});

test("what is on disk is its user's alone, and does not hold the code", async () => {
  const world = new World();
  await world.set("739146");
  assert.equal(readdirSync(world.folder), ["work"]);
  assert.is(statSync(join(world.folder, "work")).mode & 0o777, 0o600);
  assert.is(readFileSync(join(world.folder, "work"), "utf8").includes("739146"), false);
});

test("a code that is not there although one was set is damage: nobody sets another", async () => {
  const world = new World();
  await world.set("739146");
  rmSync(join(world.folder, "work"));
  const guard = world.start();
  assert.is(guard.state("work"), "locked");
  assert.is(await world.unlock("739146", guard), "CODE_DAMAGED");
  assert.is(await outcome(guard.setCode("work", "246813", null)), "CODE_DAMAGED");
  // After a wipe there is nothing to protect.
  guard.forget("work");
  assert.is(world.start().state("work"), "unset");
  assert.is(world.coded.size, 0);
});

test("it locks itself when nobody types for long enough, and not before", async () => {
  const world = new World();
  await world.set("739146");
  for (let n = 0; n < 5; n++) {
    world.pass(59);
    world.guard.lockIdle();
    assert.is(world.guard.state("work"), "unlocked");
    world.guard.touch("work");
  }
  world.pass(60);
  assert.is(world.guard.state("work"), "locked", "whether anybody looked or not");
  world.guard.touch("work");
  assert.is(world.guard.state("work"), "locked", "and typing does not open it");
  world.guard.lockIdle();
  assert.is(world.said.at(-1), "console-locked");
});

test("a code changes with the present one only, and not back to one of the last", async () => {
  const world = new World();
  world.section = { historyCount: 2 };
  await world.set("739146");
  assert.is(await world.set("820517"), "CODE_WRONG");
  assert.is(await world.set("820517", "739146"), "ok");
  assert.is(await world.set("739146", "820517"), "CODE_FAULT", "used before");
  assert.is(await world.set("991133", "820517"), "ok");
  assert.is(await world.set("739146", "991133"), "ok", "two later it may");
  assert.is(await world.unlock("820517"), "CODE_WRONG");
});

test("a policy that asks for more, or time, makes a code too weak: it unlocks for nothing but its change", async () => {
  const world = new World();
  await world.set("739146");
  world.section = { quality: "password", ageMostSeconds: 1000 };
  assert.is(world.guard.state("work"), "weak");
  assert.throws(
    () => world.guard.check("work"),
    (error: Failure) => error.code === "CODE_WEAK",
  );
  assert.is(await world.set("secret-7", "739146"), "ok");
  world.guard.check("work");
  world.pass(1001);
  await world.unlock("secret-7");
  assert.is(world.guard.state("work"), "weak");
  world.section = null;
  assert.is(world.guard.state("work"), "free");
});

test("wrong tries: counted over restarts, slower and slower, then the partition is wiped and its code with it", async () => {
  const world = new World();
  await world.set("739146");
  world.section = { triesMost: 6 };
  for (let n = 1; n <= 4; n++) assert.is(await world.unlock(`73914${n}`, world.start()), "CODE_WRONG");
  const guard = world.start();
  assert.is(await world.unlock("000111", guard), "CODE_WRONG");
  assert.is(await world.unlock("739146", guard), "CODE_WAIT", "not even the right one");
  world.pass(29);
  assert.is(await world.unlock("739146", guard), "CODE_WAIT");
  const after = world.start();
  await after.settle(["work"]);
  assert.is(await world.unlock("739146", after), "CODE_WAIT", "a restart does not make the wait shorter");
  world.pass(30);
  assert.is(await world.unlock("000111", after), "CODE_WIPED");
  assert.equal(world.said.slice(-2), ["unlock-failed 6", "wipe work"]);
  assert.equal(readdirSync(world.folder), []);
  assert.is(after.state("work"), "unset");
});

test("a right code forgets the wrong ones before it; without a limit there is none", async () => {
  const world = new World();
  await world.set("739146");
  for (let n = 0; n < 3; n++) {
    for (let wrong = 0; wrong < 3; wrong++) assert.is(await world.unlock("000111"), "CODE_WRONG");
    assert.is(await world.unlock("739146"), "ok");
  }
  for (let wrong = 0; wrong < 12; wrong++) {
    assert.is(await world.unlock("000111"), "CODE_WRONG");
    world.pass(86_400);
  }
  assert.is(world.said.includes("wipe work"), false);
});

test("many tries at once are one after the other, and each is counted", async () => {
  const world = new World();
  await world.set("739146");
  world.section = { triesMost: 3 };
  world.guard.lock("work");
  const outcomes = await Promise.all(["1", "2", "3", "4", "5"].map((each) => world.unlock(`00011${each}`)));
  assert.equal(outcomes, ["CODE_WRONG", "CODE_WRONG", "CODE_WIPED", "CODE_UNSET", "CODE_UNSET"]);
  assert.is(world.said.filter((each) => each === "wipe work").length, 1);
});

test("the power goes between the last try and the wipe: the next start wipes", async () => {
  const world = new World();
  await world.set("739146");
  const path = join(world.folder, "work");
  const kept = JSON.parse(readFileSync(path, "utf8")) as { wrongCount: number };
  writeFileSync(path, JSON.stringify({ ...kept, wrongCount: 10 }));
  world.section = {};
  const guard = world.start();
  await guard.settle(["work", "personal"]);
  assert.is(world.said.at(-1), "wipe work");
});

test("a damaged code opens nothing", async () => {
  const world = new World();
  await world.set("739146");
  const path = join(world.folder, "work");
  const whole = readFileSync(path, "utf8");
  for (const damaged of ["", "{}", whole.slice(0, -9), whole.replace(/"hashes":\["../, '"hashes":["')]) {
    writeFileSync(path, damaged);
    const guard = world.start();
    assert.is(guard.state("work"), "locked");
    assert.is(await world.unlock("739146", guard), "CODE_DAMAGED");
    assert.is(await outcome(guard.setCode("work", "820517", null)), "CODE_DAMAGED");
  }
});

test.run();
