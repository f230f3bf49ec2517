// The handset as a managed node, end to end on this side of the network: real workers, real checks in QuickJS, and an agent that the test
// plays, good or taken by an attacker.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { complianceKeys } from "../support/compliance-keys.js";
import { enrolledState, withManagedHandset, type ManagedHandset } from "../support/managed-handset.js";
import { fleetTrust, KEYS, signedDocument, viaOf } from "../support/signed.js";
import type { Policy } from "../../agent/wire/policy.js";
import { HANDSET_EVENTS, REASONS } from "../../agent/wire/reasons.js";
import type { Command } from "../../agent/wire/commands.js";

const test = suite("guest/management");

const now = (): number => Math.floor(Date.now() / 1000);
const times = (): { issued: number; expires: number } => ({ issued: now() - 10, expires: now() + 3600 });

async function policy(version: number, sections: Partial<Policy>): Promise<Uint8Array> {
  const none = { network: undefined, texts: undefined } as unknown as Partial<Policy>;
  const bare = Object.fromEntries(Object.entries({ ...none, ...sections }).filter(([, value]) => value !== undefined));
  const document = await signedDocument("pol", { version, ...times(), ...bare });
  return document;
}

const pushes = (handset: ManagedHandset, bytes: Uint8Array): void =>
  handset.say({ kind: "document", via: viaOf("pol"), bytes });

async function commands(handset: ManagedHandset, changes: Partial<Command>): Promise<Uint8Array> {
  const bytes = await signedDocument("cmd", { ...times(), ...changes });
  handset.say({ kind: "document", via: viaOf("cmd"), bytes });
  return bytes;
}

async function workOf({ monitor }: ManagedHandset): ReturnType<ManagedHandset["monitor"]["snapshot"]> {
  return monitor.snapshot();
}

test("a policy that comes down is enforced in the kernel and reported, section by section; it holds after a restart", async () => {
  const state = enrolledState();
  await withManagedHandset(state, async (handset) => {
    const { facts } = await handset.hears("hello");
    assert.equal(
      facts.partitions.map(({ name, kind }) => [name, kind]),
      [
        ["work", "work"],
        ["private", "personal"],
      ],
    );
    pushes(
      handset,
      await policy(7, {
        budget: { cpuPermille: 200, energyMillijoulesPerHour: 360_000 },
        telemetry: { sampleSeconds: 5 },
      }),
    );
    const { partition, reported } = await handset.hears("reported");
    assert.is(partition, "work");
    assert.equal(reported.policy, { epoch: 3, version: 7 });
    assert.equal(complianceKeys(reported), { 31: "compliant", 35: "compliant", 40: "compliant", 44: "compliant" });
    const view = await workOf(handset);
    const { cpu, energy } = view.partitions[0]!;
    assert.is(cpu.ceiling, 20_000);
    assert.is(cpu.budget, 20_000);
    assert.is(energy.contract!.rate, 100_000);
    assert.is(view.partitions[1]!.cpu.ceiling, null, "the owner's partition is nobody's but the owner's");
    // Whoever asks for more, a person too, is told who says no.
    const more = handset.monitor.command("budget", ["work"], { ceiling: "90ms" });
    assert.match(await more.then(String, (error: Error) => error.message), /policy 3\.7 allows 20 % of a processor/);
    await handset.monitor.command("budget", ["work"], { weight: "50" });
    // A policy that allows more gives back what the file asked for, and keeps what the person changed.
    pushes(handset, await policy(8, { budget: { cpuPermille: 900 } }));
    await handset.hears("reported", (message) => message.reported.policy.version === 8);
    const wider = (await workOf(handset)).partitions[0]!;
    assert.equal([wider.cpu.budget, wider.cpu.ceiling, wider.cpu.weight], [30_000, 90_000, 50]);
    assert.is(wider.energy.contract, null);
    pushes(handset, await policy(9, { budget: { cpuPermille: 100 } }));
    await handset.hears("reported", (message) => message.reported.policy.version === 9);
  });
  await withManagedHandset(state, async (handset) => {
    assert.is((await workOf(handset)).partitions[0]!.cpu.ceiling, 10_000);
    const { reported } = await handset.hears("reported");
    assert.is(reported.policy.version, 9);
    assert.is((await workOf(handset)).management!.policies[0]!.version, "3.9");
  });
});

test("translated code: a policy's cap holds at once, in the next start, and against what comes down unsigned", async () => {
  const state = enrolledState();
  const work = ", translate: 4M";
  const limitOf = async (handset: ManagedHandset): Promise<number | null> =>
    (await workOf(handset)).partitions[0]!.translation?.codeBytesMax ?? null;
  const comply = async (handset: ManagedHandset, version: number): Promise<void> => {
    const { reported } = await handset.hears("reported", (message) => message.reported.policy.version === version);
    assert.is(complianceKeys(reported)[31], "compliant");
  };
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      assert.is(await limitOf(handset), 4 << 20, "what the file says, before there is a policy");
      pushes(handset, await policy(7, { budget: { translatedBytes: 2 << 20 } }));
      await comply(handset, 7);
      assert.is(await limitOf(handset), 2 << 20);
      pushes(handset, await policy(8, { budget: { translatedBytes: 0 } }));
      await comply(handset, 8);
      assert.is(await limitOf(handset), 0);
      await handset.monitor.command("restart", ["work"], {});
      assert.is(await limitOf(handset), null, "a machine without a translator");
      pushes(handset, await policy(9, { budget: { translatedBytes: 64 << 20 } }));
      await comply(handset, 9);
      await handset.monitor.command("restart", ["work"], {});
      assert.is(await limitOf(handset), 4 << 20, "never more than the file says");
      pushes(handset, await policy(10, { budget: { translatedBytes: 0 } }));
      await comply(handset, 10);
    },
    { work },
  );
  await withManagedHandset(
    state,
    async (handset) => {
      const [partition] = (await workOf(handset)).partitions;
      assert.is(partition!.translation, null);
      assert.not(
        partition!.memory.overhead.some(({ name }) => name === "translator"),
        "and none is charged",
      );
    },
    { work },
  );
});

test("an agent that an attacker has taken can send what it likes: nothing that is not signed, newer and for us changes anything", async () => {
  await withManagedHandset(enrolledState(), async (handset) => {
    await handset.hears("hello");
    pushes(handset, await policy(7, { budget: { cpuPermille: 200 } }));
    await handset.hears("reported");
    const wide = { cpuPermille: 1000 };
    const flipped = await policy(8, { budget: wide });
    flipped[flipped.length - 1]! ^= 1;
    const attempts: [string, Uint8Array][] = [
      ["signature", flipped],
      ["signer", await signedDocument("pol", { version: 8, ...times(), budget: wide }, [KEYS.stranger])],
      ["rollback", await policy(6, { budget: wide })],
      ["equivocation", await policy(7, { budget: wide })],
      ["expired", await signedDocument("pol", { version: 8, issued: now() - 100, expires: now() - 50, budget: wide })],
      [
        "partition-private",
        await signedDocument("pol", { version: 8, ...times(), partition: "personal", budget: { cpuPermille: 0 } }),
      ],
    ];
    for (const [reason, bytes] of attempts) {
      const partition = reason === "partition-private" ? "personal" : "work";
      handset.say({ kind: "document", via: { kind: "pol", partition }, bytes });
      const { event } = await handset.hears("event", ({ event }) => event.code === HANDSET_EVENTS["document-refused"]);
      assert.ok((event.args!.get(1) as number) >= 256, reason);
    }
    // Words that are no envelopes, and messages of the monitor's own kinds.
    for (const message of [
      { op: "budget", partition: 0, name: "work", cpu: {}, energy: null, io: {} },
      { kind: "request", request: { op: "stop", partition: 0 } },
      { kind: "answer", id: 1, answer: { value: null } },
      { kind: "document", via: { kind: "pol", partition: "work" }, bytes: "text" },
      null,
    ]) {
      handset.say(message as never);
    }
    const view = await workOf(handset);
    assert.equal(
      view.partitions.map(({ state, cpu }) => [state, cpu.ceiling]),
      [
        ["running", 20_000],
        ["running", null],
      ],
    );
  });
});

test("commands are carried out once and answered; a lock holds over a restart until it is taken away", async () => {
  const state = enrolledState();
  let last: Uint8Array = new Uint8Array();
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    const answer = async (): Promise<[string, string | undefined]> => {
      const { ack } = await handset.hears("ack");
      return [ack.status, ack.text];
    };
    await commands(handset, { verb: "pause", partition: "work" });
    assert.equal(await answer(), ["succeeded", undefined]);
    assert.is((await workOf(handset)).partitions[0]!.state, "paused");
    await commands(handset, { verb: "resume", partition: "work" });
    assert.is((await answer())[0], "succeeded");
    const bytes = await commands(handset, { verb: "resume", partition: "work" });
    const failed = await answer();
    assert.is(failed[0], "failed", "it was running");
    handset.say({ kind: "document", via: viaOf("cmd"), bytes });
    assert.equal(await answer(), failed, "the same command again is answered as it was");
    await commands(handset, { verb: "locate", partition: undefined as never });
    assert.is((await answer())[0], "rejected");
    await commands(handset, { verb: "stop", partition: "personal" });
    assert.is((await answer())[0], "rejected");
    last = await commands(handset, { verb: "lock", partition: "work" });
    assert.is((await answer())[0], "succeeded");
    assert.is((await workOf(handset)).partitions[0]!.state, "locked");
  });
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    assert.is((await workOf(handset)).partitions[0]!.state, "locked");
    const started = handset.monitor.command("start", ["work"], {});
    assert.match(await started.then(String, (error: Error) => error.message), /start work/);
    handset.say({ kind: "document", via: viaOf("cmd"), bytes: last });
    assert.is((await handset.hears("ack")).ack.status, "succeeded", "as it was answered before the restart");
    await commands(handset, { verb: "unlock", partition: "work" });
    assert.is((await handset.hears("ack")).ack.status, "succeeded");
    assert.is((await workOf(handset)).partitions[0]!.state, "running");
  });
});

test("a policy may keep an image, or a size, from starting; the other side starts all the same", async () => {
  const state = enrolledState();
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    pushes(handset, await policy(7, { images: { allowed: [new Uint8Array(32)] }, budget: { memoryBytes: 1 << 20 } }));
    const { reported } = await handset.hears("reported");
    assert.equal(complianceKeys(reported), { 31: "pending", 32: "failed", 35: "compliant", 44: "compliant" });
    assert.is((await workOf(handset)).partitions[0]!.state, "running", "nothing ends it, but it is told at once");
    for (const order of ["restart", "stop", "start"]) {
      const ordered = handset.monitor.command(order, ["work"], {});
      const said = await ordered.then(
        () => "",
        (error: Error) => error.message,
      );
      if (order === "stop") assert.is(said, "");
      else assert.match(said, /policy 3\.7 allows other images than this one/);
    }
    assert.is((await workOf(handset)).partitions[0]!.state, "stopped");
  });
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    const view = await workOf(handset);
    assert.equal(
      view.partitions.map(({ name, state: each }) => [name, each]),
      [["personal", "running"]],
    );
    assert.match(view.management!.policies[0]!.refusal!, /policy 3\.7 allows 1048576 bytes of memory at most/);
  });
});

test("an image allowed by its name: nothing without a manifest, then the manifest's files, from a release on, over restarts", async () => {
  const state = enrolledState();
  const kernel = createHash("sha256")
    .update(readFileSync(new URL("bare/keys.bin", import.meta.url)))
    .digest();
  const manifest = async (version: number, release: number, hash: Uint8Array): Promise<void> => {
    const files = [{ file: "keys.bin", size: 1, hash, urls: [] }];
    const changes = { ...times(), audience: "all", version, name: "stable", release, files };
    handset!.say({ kind: "document", via: viaOf("img"), bytes: await signedDocument("img", changes) });
  };
  let handset: ManagedHandset | null = null;
  const imagesAre = async (word: string): Promise<void> => {
    const { reported } = await handset!.hears("reported");
    assert.is(complianceKeys(reported)[32], word);
  };
  const restarts = (): Promise<string> =>
    handset!.monitor.command("restart", ["work"], {}).then(
      () => "",
      (error: Error) => error.message,
    );
  await withManagedHandset(state, async (each) => {
    handset = each;
    await handset.hears("hello");
    pushes(handset, await policy(7, { images: { allowed: "stable", releaseLeast: 12 } }));
    await imagesAre("failed");
    assert.match(await restarts(), /allows other images/);
    await manifest(1, 11, new Uint8Array(kernel));
    await imagesAre("failed");
    await manifest(2, 12, new Uint8Array(32));
    await imagesAre("failed");
    await manifest(3, 12, new Uint8Array(kernel));
    await imagesAre("compliant");
    assert.is(await restarts(), "");
  });
  await withManagedHandset(state, async (each) => {
    handset = each;
    await handset.hears("hello");
    assert.is((await workOf(handset)).partitions[0]!.state, "running");
    await imagesAre("compliant");
    await manifest(4, 13, new Uint8Array(32));
    await handset.hears("reported", ({ reported }) => complianceKeys(reported)[32] === "failed");
    assert.match(await restarts(), /allows other images/);
  });
});

test("the agent dies: partitions run on, the next agent is told everything anew", async () => {
  await withManagedHandset(enrolledState(), async (handset) => {
    await handset.hears("hello");
    pushes(handset, await policy(7, { budget: { cpuPermille: 200 } }));
    await handset.hears("reported");
    handset.killAgent();
    await handset.hears("hello");
    const { reported } = await handset.hears("reported");
    assert.is(reported.policy.version, 7);
    const { partitions } = await workOf(handset);
    assert.ok(partitions.every((each) => each.state === "running"));
  });
});

test("a policy that comes while the disk is full is told as refused once, and is taken when there is room", async () => {
  const state = enrolledState();
  const beside = join(state, "pocketvisor/small/monitor/governance.new");
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    // What the file would be written to is a folder: no bytes, whatever the disk.
    mkdirSync(beside);
    const document = await policy(7, { budget: { cpuPermille: 200 } });
    pushes(handset, document);
    const refused = ({ event }: { event: { code: number } }): boolean =>
      event.code === HANDSET_EVENTS["document-refused"];
    const { event } = await handset.hears("event", refused);
    assert.equal([event.args?.get(1), event.args?.get(2), event.args?.get(3)], [REASONS.storage, "pol", "work"]);
    assert.is((await workOf(handset)).partitions[0]!.cpu.ceiling, null);
    rmdirSync(beside);
    const { reported } = await handset.hears("reported", (message) => message.reported.policy.version === 7);
    assert.is(reported.policy.version, 7);
    assert.is((await workOf(handset)).partitions[0]!.cpu.ceiling, 20_000);
  });
});

test("a lock document locks at once and over a restart, without any time; its successor lifts it, and a command does not", async () => {
  const state = enrolledState();
  const lock = async (version: number, word: "locked" | "unlocked"): Promise<Uint8Array> => {
    const others = { desired: word, since: version };
    return signedDocument("lock", { version, issued: 1, expires: 2, partitions: [], others });
  };
  const stateOf = async (handset: ManagedHandset): Promise<string[]> =>
    (await workOf(handset)).partitions.map((each) => each.state);
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      handset.say({ kind: "document", via: { kind: "lock" }, bytes: await lock(3, "locked") });
      assert.is((await handset.hears("ack")).ack.status, "succeeded");
      assert.equal(await stateOf(handset), ["locked", "running"]);
    },
    { timed: false },
  );
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    assert.equal(await stateOf(handset), ["locked", "running"]);
    await commands(handset, { verb: "unlock", partition: "work" });
    const { ack } = await handset.hears("ack");
    assert.is(ack.status, "failed");
    assert.match(ack.text!, /version 3 of the fleet's lock holds work/);
    handset.say({ kind: "document", via: { kind: "lock" }, bytes: await lock(4, "unlocked") });
    assert.is((await handset.hears("ack")).ack.status, "succeeded");
    assert.equal(await stateOf(handset), ["running", "running"]);
  });
});

test("without session time a command is not carried out, and is answered with why; refused, it is answered with the reason", async () => {
  const state = enrolledState();
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      await commands(handset, { verb: "pause", partition: "work" });
      const { ack } = await handset.hears("ack");
      assert.equal([ack.status, ack.code], ["not-now", REASONS["no-time"]]);
      assert.is((await workOf(handset)).partitions[0]!.state, "running");
    },
    { timed: false },
  );
  await withManagedHandset(state, async (handset) => {
    await handset.hears("hello");
    for (const [changes, reason] of [
      [{ verb: "pause", partition: "nosuch" }, "partition-unknown"],
      [{ verb: "pause", partition: "private" }, "consent"],
      [{ verb: "console", partition: "work" }, "consent"],
    ] as const) {
      await commands(handset, changes);
      const { ack } = await handset.hears("ack");
      assert.equal([ack.status, ack.code], ["rejected", REASONS[reason]]);
    }
  });
});

test("with the owner's consent the fleet pauses their side by the name that it knows", async () => {
  const trust = fleetTrust({ floor: now() - 60, allowed: ["pause-personal"] });
  await withManagedHandset(enrolledState(trust), async (handset) => {
    await handset.hears("hello");
    await commands(handset, { verb: "pause", partition: "private" });
    assert.is((await handset.hears("ack")).ack.status, "succeeded");
    assert.equal(
      (await workOf(handset)).partitions.map((each) => each.state),
      ["running", "paused"],
    );
  });
});

test.run();
