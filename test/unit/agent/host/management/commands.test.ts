// The fleet's commands: each comes to exactly one answer, reaches what it names and nothing else, and does the same again when it is given again.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { MonitorMessage } from "../../../../../agent/agent-messages.js";
import { HostError } from "../../../../../agent/failure.js";
import {
  CommandRunner,
  type CommandSurroundings,
  type ManagedHandset,
} from "../../../../../agent/host/management/commands.js";
import { ManagedPartition } from "../../../../../agent/host/management/partition.js";
import type { Command, Verb } from "../../../../../agent/wire/commands.js";
import type { LockDocument } from "../../../../../agent/wire/documents.js";
import { Random } from "../../../../support/random.js";
import { claimsOf } from "../../../../support/signed.js";

const test = suite("agent/host/command-runner");
const ASKED = {
  cpu: { class: "best-effort", budget: 0, period: 100_000, ceiling: null, weight: 100 },
  energy: null,
  io: { blockOperations: null, blockBytes: null, consoleBytes: null },
} as const;

/** A handset of two partitions that may be commanded, which notes what was asked of it. */
function play(
  failing: Error | null = null,
  lock: LockDocument | null = null,
): {
  runner: CommandRunner;
  calls: string[];
  told: MonitorMessage[];
  partitions: ManagedPartition[];
  console: Map<number, Uint8Array>;
} {
  const [calls, told]: [string[], MonitorMessage[]] = [[], []];
  const console = new Map<number, Uint8Array>();
  const partitions = ["work", "kiosk"].map((name, at) => {
    const partition = new ManagedPartition(name, "", structuredClone(ASKED) as never);
    partition.id = at + 1;
    return partition;
  });
  const personal = [new ManagedPartition("home", "", structuredClone(ASKED) as never)];
  personal[0]!.id = 9;
  const target: Partial<ManagedHandset> = {
    wipe: (names) => {
      calls.push(`wipe ${names.join(" ")}`);
      return Promise.resolve(names.map(() => ({ key: true, disk: "layer" as const })));
    },
    act: (op, partition) => {
      calls.push(`${op} ${partition}`);
      return failing === null ? Promise.resolve() : Promise.reject(failing);
    },
    lock: (partition, name, locked) => {
      calls.push(`${locked ? "lock" : "unlock"} ${partition} ${name}`);
      return Promise.resolve();
    },
    consoleBytes: (partition) => console.get(partition) ?? new Uint8Array(0),
  };
  const surroundings = {
    managed: () => partitions,
    governed: () => partitions,
    personal: () => personal,
    lockInForce: () => lock,
    report: () => calls.push("report"),
    tell: (message: MonitorMessage) => told.push(message),
    retiring: () => {},
  } as unknown as CommandSurroundings;
  return { runner: new CommandRunner(target as ManagedHandset, surroundings), calls, told, partitions, console };
}

const command = (verb: Verb, partition?: string): Command => ({
  ...claimsOf(),
  verb,
  ...(partition === undefined ? {} : { partition }),
});

test("ping, report, rebirth: done, and nothing more", async () => {
  const { runner, calls, told } = play();
  for (const verb of ["ping", "report", "rebirth"] as const) {
    assert.equal(await runner.run(command(verb)), { status: "succeeded" });
  }
  assert.equal([calls, told], [["report"], [{ kind: "rebirth" }]]);
});

test("start, stop, restart, pause, resume go to the partition that is named, and to no other", async () => {
  for (const verb of ["start", "stop", "restart", "pause", "resume"] as const) {
    const { runner, calls } = play();
    assert.equal(await runner.run(command(verb, "kiosk")), { status: "succeeded" });
    assert.equal(calls, [`${verb} 2`]);
    // None is named, or one that the fleet may not command: the owner's is not even among them.
    for (const partition of [undefined, "personal", "", "work "]) {
      const { status, text } = await runner.run(command(verb, partition));
      assert.is(status, "failed");
      assert.match(text!, /there is no partition/);
    }
    assert.equal(calls, [`${verb} 2`]);
  }
});

test("pause and resume reach the owner's side by the name that the fleet knows, and nothing else does", async () => {
  const { runner, calls } = play();
  for (const verb of ["pause", "resume"] as const) {
    assert.equal(await runner.run(command(verb, "private")), { status: "succeeded" });
  }
  assert.equal(calls, ["pause 9", "resume 9"]);
  for (const verb of ["stop", "start", "restart", "lock"] as const) {
    assert.is((await runner.run(command(verb, "private"))).status, "failed");
  }
  assert.equal(calls, ["pause 9", "resume 9"]);
});

const desired = (version: number, others: "locked" | "unlocked" | "wiped"): LockDocument => ({
  ...claimsOf({ version }),
  partitions: [{ partition: "work", desired: "locked", since: 3 }],
  others: { desired: others, since: version },
});

test("a lock document: what it asks for anew is done, each once; what it asked for before is not done again", async () => {
  const { runner, calls } = play();
  assert.equal(await runner.want(desired(3, "unlocked"), 0), { status: "succeeded" });
  assert.equal(calls, ["lock 1 work"]);
  const { status, text } = await runner.want(desired(4, "wiped"), 3);
  assert.is(status, "succeeded");
  assert.match(text!, /kiosk: key destroyed/);
  assert.equal(calls, ["lock 1 work", "wipe kiosk"]);
});

test("a command does not lift what a lock document holds, and says so", async () => {
  const { runner, calls, partitions } = play(null, desired(7, "unlocked"));
  for (const each of partitions) each.lockedFor = "by the fleet";
  const { status, text } = await runner.run(command("unlock", "work"));
  assert.equal([status, calls], ["failed", []]);
  assert.match(text!, /version 7 of the fleet's lock holds work/);
  assert.equal(await runner.run(command("unlock", "kiosk")), { status: "succeeded" });
});

test("what the handset refuses is an answer; what is broken is not", async () => {
  const { runner } = play(new HostError("BUSY", `it ${"x".repeat(500)}`));
  const { status, text } = await runner.run(command("pause", "work"));
  assert.equal([status, text!.length], ["failed", 200]);
  const broken = play(new TypeError("a defect"));
  try {
    await broken.runner.run(command("pause", "work"));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TypeError);
  }
});

test("locks and unlocks in any order, by name or all: a model agrees, and no lock is set twice", async () => {
  const random = new Random(11);
  const { runner, calls, partitions } = play();
  const model = new Map(partitions.map(({ name }) => [name, false]));
  for (let step = 0; step < 300; step++) {
    const verb = random.pick(["lock", "unlock"] as const);
    const name = random.pick([undefined, "work", "kiosk"]);
    calls.length = 0;
    assert.equal(await runner.run(command(verb, name)), { status: "succeeded" });
    const expected: string[] = [];
    for (const [at, each] of [...model.keys()].entries()) {
      const isMeant = name === undefined || name === each;
      if (!isMeant || model.get(each) === (verb === "lock")) continue;
      model.set(each, verb === "lock");
      expected.push(`${verb} ${at + 1} ${each}`);
      // Unlocked means that it runs again.
      if (verb === "unlock") expected.push(`start ${at + 1}`);
    }
    assert.equal(calls, expected);
    for (const { name: each, lockedFor } of partitions) assert.is(lockedFor !== null, model.get(each));
  }
});

test("a log is told in chunks that a message can hold, the last 64 KiB of it, numbered, byte for byte", async () => {
  for (const size of [0, 1, 16_384, 16_385, 65_536, 200_000]) {
    for (const kind of ["log", "console"] as const) {
      const { runner, told, console } = play();
      const bytes = new Uint8Array(size).map((_, at) => at % 251);
      console.set(1, bytes);
      const answer = await runner.run(command(kind === "log" ? "logs" : "console", "work"));
      assert.equal(answer, { status: "succeeded" });
      const chunks = told.map((message) => {
        assert.is(message.kind, kind);
        if (message.kind === "log") assert.is(message.stream, "work");
        else if (message.kind === "console") assert.is(message.partition, "work");
        return (message as Extract<MonitorMessage, { kind: "log" }>).chunk;
      });
      assert.ok(chunks.every((chunk) => chunk.bytes.length <= 16_384));
      assert.equal(
        chunks.map(({ sequence }) => sequence),
        chunks.map((_, at) => at + 1),
      );
      assert.equal(Buffer.concat(chunks.map((chunk) => chunk.bytes)), Buffer.from(bytes.slice(-65_536)));
    }
  }
});

test("what this handset has not is rejected by its name, and cancel has nothing to cancel", async () => {
  const { runner, calls, told } = play();
  for (const verb of ["locate", "snapshot", "move-out", "move-in", "ring", "clear-quarantine"] as const) {
    const { status, text } = await runner.run(command(verb, "work"));
    assert.is(status, "rejected");
    assert.match(text!, new RegExp(verb));
  }
  assert.is((await runner.run(command("cancel"))).status, "failed");
  assert.equal([calls, told], [[], []]);
});

test.run();
