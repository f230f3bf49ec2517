// What comes down: good documents reach the monitor once, in an order that can work, no faster than it checks; the rest is told and bounded.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Topics, type DownTopic } from "../../../../agent/link/topics.js";
import { Incoming } from "../../../../agent/daemon/incoming.js";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { accept, type Via } from "../../../../agent/wire/accept.js";
import { REASONS } from "../../../../agent/wire/reasons.js";
import type { EventMessage } from "../../../../agent/wire/reports.js";
import { toHex } from "../../../../agent/wire/bytes.js";
import { appliedVersion, firstTrust, type Trust } from "../../../../agent/wire/trust.js";
import { issue, issuedFor, rootChain, rootPublication } from "../../../../fleet/documents.js";
import { pinOf, rotateKeys } from "../../../../fleet/keys.js";
import { judged, madeFleet } from "../../../support/fleet.js";
import { Random } from "../../../support/random.js";
import { ManualClock } from "../../../support/manual-clock.js";
import { DEVICE, fleetTrust, KEYS, NOW, NONCE, pinnedTrust, signedDocument, timesAt } from "../../../support/signed.js";

const test = suite("incoming");

const topicOf = (kind: DownTopic["kind"], partition = ""): DownTopic => ({
  from: "device",
  group: "",
  kind,
  partition,
});

function play(
  trust: Trust,
  session: number | null = NOW,
): {
  clock: ManualClock;
  incoming: Incoming;
  carried: { via: Via; bytes: Uint8Array; at: number }[];
  refusals: Omit<EventMessage, "sequence">[];
} {
  const clock = new ManualClock(NOW);
  const carried: { via: Via; bytes: Uint8Array; at: number }[] = [];
  const refusals: Omit<EventMessage, "sequence">[] = [];
  const incoming = new Incoming(DEVICE, trust, clock, nodeCrypto, {
    carry: (via, bytes) => {
      carried.push({ via, bytes, at: clock.now() });
      return Promise.resolve();
    },
    refused: (event) => refusals.push(event),
  });
  incoming.setSession(session);
  return { clock, incoming, carried, refusals };
}

const commandId = (number: number): Uint8Array => {
  const id = new Uint8Array(16).fill(9);
  new DataView(id.buffer).setUint32(0, number);
  return id;
};

test("retained documents in the wrong order all reach the monitor, in one that it accepts", async () => {
  const root = await signedDocument("root");
  const groups = await signedDocument("groups", { groups: ["sales", "pilot"] });
  const policy = await signedDocument("pol");
  const { clock, incoming, carried, refusals } = play(pinnedTrust());
  const all = [
    incoming.message(topicOf("pol", "work"), policy, true),
    incoming.message(topicOf("groups"), groups, true),
    incoming.message(topicOf("root"), root, true),
  ];
  await Promise.all(all);
  await clock.passSlowly(10_000, 100);
  let trust = pinnedTrust();
  for (const { via, bytes } of carried) {
    const verdict = accept(bytes, via, DEVICE, trust, nodeCrypto, timesAt());
    assert.is(verdict.verdict, "accepted", `${via.kind}`);
    if (verdict.verdict === "accepted") trust = verdict.trust;
  }
  assert.equal(carried.map(({ via }) => via.kind).sort(), ["groups", "pol", "root"]);
  assert.equal(refusals, []);
});

test("a device that was away for five rotations walks from root to root, whatever order they come in; a root of long ago is no event", async () => {
  const { store } = await madeFleet();
  const pinned = firstTrust(pinOf(store), NOW, KEYS.owner.publicKey);
  for (const role of ["time", "root", "policy", "root", "root"] as const) await rotateKeys(store, role, false, NOW);
  await rotateKeys(store, "policy", true, NOW);
  await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, 86_400);
  const topics = new Topics("demo", toHex(DEVICE.id));
  const published = [...rootChain(store), rootPublication(store), ...issuedFor(store, DEVICE.id)];
  const first = judged(pinned, store.readBytes("roots", "1.cbor")!, { kind: "root" }).trust;
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Random(seed);
    const shuffled = published
      .map((each) => ({ each, at: random.u32() }))
      .sort((a, b) => a.at - b.at)
      .map(({ each }) => each);
    const { clock, incoming, carried, refusals } = play(first);
    const pending = shuffled.map(({ topic, envelope }) => incoming.message(topics.parse(topic), envelope, true));
    await clock.passSlowly(20_000, 100);
    await Promise.all(pending);
    let trust = first;
    for (const { via, bytes } of carried) {
      const { verdict, trust: next } = judged(trust, bytes, via);
      assert.is(verdict.verdict, "accepted", `seed ${seed}: ${via.kind}`);
      trust = next;
    }
    assert.is(appliedVersion(trust, "root", "")!.version, 7);
    assert.equal([trust.epoch, carried.at(-1)!.via.kind], [2, "pol"]);
    assert.equal(refusals, []);
    // It connects again, and everything that is kept comes once more.
    incoming.setTrust(trust, DEVICE);
    incoming.reconnected();
    const count = carried.length;
    await Promise.all(shuffled.map(({ topic, envelope }) => incoming.message(topics.parse(topic), envelope, true)));
    await clock.passSlowly(120_000, 1_000);
    assert.equal([carried.length, refusals.length], [count, 0]);
  }
});

test("what is never put right is told after a minute, once", async () => {
  const { clock, incoming, carried, refusals } = play(fleetTrust());
  await incoming.message(topicOf("time"), await signedDocument("time", {}, [KEYS.stranger]), true);
  await clock.passSlowly(59_000, 1_000);
  assert.equal(refusals, []);
  await clock.passSlowly(300_000, 1_000);
  assert.equal(
    refusals.map(({ code }) => code),
    [REASONS.signer],
  );
  assert.equal(carried, []);
});

test("10,000 commands in a burst cost bounded work: a few are carried at the monitor's pace, the rest counted", async () => {
  const good = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      signedDocument("cmd", { id: commandId(n), verb: "ping", partition: undefined as never }),
    ),
  );
  const { clock, incoming, carried, refusals } = play(fleetTrust());
  const pending: Promise<void>[] = [];
  for (let n = 0; n < 10_000; n++)
    pending.push(incoming.message(topicOf("cmd"), n < 200 ? good[n]! : Uint8Array.of(n, n >> 8), false));
  await clock.passSlowly(60_000, 100);
  await Promise.all(pending);
  assert.is(carried.length, 32);
  for (const { at } of carried) {
    assert.ok(carried.filter((each) => each.at >= at && each.at < at + 1_000).length <= 8);
  }
  assert.is(incoming.refusedCount, 10_000 - 32);
  assert.ok(refusals.length <= 20, `${refusals.length} told`);
  // What is told next says how many were not.
  await incoming.message(null, new Uint8Array(1), false);
  await clock.passSlowly(60_000, 1_000);
  await incoming.message(null, new Uint8Array(1), false);
  const told =
    refusals.length + refusals.reduce((sum, { args }) => sum + ((args?.get(4) as number | undefined) ?? 0), 0);
  assert.is(told, incoming.refusedCount);
});

test("the same command 1,000 times is carried once; a retained one never", async () => {
  const { clock, incoming, carried, refusals } = play(fleetTrust());
  const command = await signedDocument("cmd");
  for (let n = 0; n < 1_000; n++) await incoming.message(topicOf("cmd"), command.slice(), false);
  assert.is(carried.length, 1);
  assert.equal(refusals, []);
  // Seen or not: its id was.
  incoming.reconnected();
  incoming.setTrust(fleetTrust({ replay: [{ id: commandId(1), expires: NOW + 10 }] }), DEVICE);
  await incoming.message(topicOf("cmd"), await signedDocument("cmd", { id: commandId(1) }), false);
  await incoming.message(topicOf("cmd"), await signedDocument("cmd", { id: commandId(2) }), true);
  await clock.passSlowly(1_000, 100);
  assert.is(carried.length, 2, "the monitor has its answer, and gives it again");
  assert.equal(
    refusals.map(({ code }) => code),
    [REASONS["retained-command"]],
  );
});

test("a genuine command that is refused reaches the monitor, which answers it with the reason; a forged one does not", async () => {
  const { incoming, carried, refusals } = play(fleetTrust());
  for (const changes of [
    { verb: "console" as const },
    { partition: "nosuch" },
    { expires: NOW - 5, issued: NOW - 9 },
  ]) {
    await incoming.message(topicOf("cmd"), await signedDocument("cmd", changes), false);
  }
  assert.is(carried.length, 3);
  await incoming.message(topicOf("cmd"), await signedDocument("cmd", {}, [KEYS.stranger]), false);
  assert.is(carried.length, 3);
  assert.is(refusals.at(-1)!.code, REASONS.signer);
});

test("without session time commands wait, however many, and are carried when the fleet has said what time it is", async () => {
  const { clock, incoming, carried, refusals } = play(fleetTrust(), null);
  for (let n = 0; n < 3; n++) await incoming.message(topicOf("cmd"), await signedDocument("cmd"), false);
  assert.equal([carried.length, refusals.length], [0, 0]);
  await clock.passSlowly(61_000, 1_000);
  assert.equal(
    refusals.map(({ code }) => code),
    Array(3).fill(REASONS["no-time"]),
    "that they wait is told, each once",
  );
  incoming.setSession(NOW + 61);
  await clock.passSlowly(1_000, 100);
  assert.is(carried.length, 3);
});

test("a command that waited too long is carried as well, for the monitor to say that it has expired", async () => {
  const { clock, incoming, carried } = play(fleetTrust(), null);
  await incoming.message(topicOf("cmd"), await signedDocument("cmd", { expires: NOW + 60 }), false);
  incoming.setSession(NOW + 3600);
  await clock.passSlowly(1_000, 100);
  assert.is(carried.length, 1);
});

test("an answer to the question of the time is carried while one is waited for, and none else", async () => {
  const { incoming, carried, refusals } = play(fleetTrust(), null);
  const answer = await signedDocument("now");
  await incoming.message(topicOf("now"), answer, false);
  assert.is(carried.length, 0, "nothing was asked");
  incoming.setNonce(NONCE);
  await incoming.message(topicOf("now"), await signedDocument("now", { nonce: new Uint8Array(16) }), false);
  assert.equal(
    refusals.map(({ code }) => code),
    [REASONS.nonce],
  );
  await incoming.message(topicOf("now"), answer, false);
  assert.equal(
    carried.map(({ via }) => via.kind),
    ["now"],
  );
});

test("what the monitor did not take comes again after a reconnect", async () => {
  const { incoming, carried } = play(fleetTrust());
  const policy = await signedDocument("pol");
  await incoming.message(topicOf("pol", "work"), policy, true);
  await incoming.message(topicOf("pol", "work"), policy, true);
  assert.is(carried.length, 1);
  incoming.reconnected();
  await incoming.message(topicOf("pol", "work"), policy, true);
  assert.is(carried.length, 2);
});

test("sizes, wrong topics and empty messages are refused for what they are", async () => {
  const { incoming, carried, refusals } = play(fleetTrust());
  await incoming.message(topicOf("root"), new Uint8Array(65_537), true);
  await incoming.message(topicOf("img"), new Uint8Array(), true);
  await incoming.message(topicOf("img"), await signedDocument("cmd"), true);
  await incoming.message(null, new Uint8Array(1), false);
  assert.equal(
    refusals.map(({ code }) => code),
    [REASONS["too-large"], REASONS.empty, REASONS.topic, REASONS.topic],
  );
  assert.equal(carried, []);
});

test.run();
