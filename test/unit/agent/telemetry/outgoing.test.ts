// What goes up, in which order and how fast: against a session that is a list, in time that a test makes pass.

import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetrySettings } from "../../../../agent/agent-messages.js";
import { Outbox, type OutboxLimits } from "../../../../agent/link/outbox.js";
import type { Outcome } from "../../../../agent/link/connection.js";
import type { PublishOptions, Session } from "../../../../agent/link/session.js";
import { Topics } from "../../../../agent/link/topics.js";
import { Outgoing } from "../../../../agent/telemetry/outgoing.js";
import { MESSAGE } from "../../../../agent/wire/limits.js";
import { AGENT_EVENTS } from "../../../../agent/wire/reasons.js";
import { eventMsg, type EventMessage, type Sample } from "../../../../agent/wire/reports.js";
import { decodeMessage } from "../../../../agent/wire/schema.js";
import { decodeTelemetry } from "../../../../agent/wire/telemetry.js";
import { ManualClock } from "../../../support/manual-clock.js";
import { sampleAt } from "../../../support/agent-process.js";
import { NOW } from "../../../support/signed.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("outgoing");
const EAGER: TelemetrySettings = { sampleSeconds: 1, sendSeconds: 60, bytesPerDay: 1 << 30 };

interface Message {
  /** The end of the topic. */
  on: string;
  payload: Uint8Array;
  qos: number;
  at: number;
  done: (outcome: Outcome) => void;
}

/** A link that keeps what it is given until the test answers. */
class FakeSession {
  isUp = false;
  readonly messages: Message[] = [];
  private readonly clock: ManualClock;
  private readonly unanswered = new Set<Message>();
  /** What becomes of every message at once; null: the test answers. */
  answer: Outcome | null = "arrived";

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  get room(): number {
    return this.isUp ? 16 - this.unanswered.size : 0;
  }

  publish(topic: string, payload: Uint8Array, { qos }: PublishOptions, done: (outcome: Outcome) => void): void {
    const on = topic.split("/up/")[1]!;
    const message = { on, payload, qos, at: this.clock.now(), done };
    this.messages.push(message);
    if (this.answer !== null) return done(this.answer);
    if (qos === 1) this.unanswered.add(message);
  }

  events(): EventMessage[] {
    return this.messages
      .filter(({ on }) => on === "ev")
      .map(({ payload }) => decodeMessage(eventMsg, payload, MESSAGE));
  }

  samples(): Sample[] {
    return this.messages.filter(({ on }) => on === "tm").flatMap(({ payload }) => decodeTelemetry(payload));
  }
}

function play(
  settings = EAGER,
  limits: Partial<OutboxLimits> = {},
  path = join(temporaryFolder(), "outbox"),
): { clock: ManualClock; session: FakeSession; outgoing: Outgoing; outbox: Outbox; up: () => void; down: () => void } {
  const clock = new ManualClock(NOW);
  const outbox = new Outbox(path, clock.wall, limits);
  const outgoing = new Outgoing(outbox, new Topics("demo", "0".repeat(32)), settings, clock);
  const session = new FakeSession(clock);
  outgoing.attach(session as unknown as Session);
  const up = (): void => {
    session.isUp = true;
    outgoing.up();
  };
  const down = (): void => {
    session.isUp = false;
    outgoing.down();
  };
  return { clock, session, outgoing, outbox, up, down };
}

const event = (code: number): Omit<EventMessage, "sequence"> => ({ time: NOW, code, severity: 6 });
const REPORTED = Buffer.from("signed");

test("after a time without link: state first, then by worth, telemetry last and oldest first", () => {
  const { clock, session, outgoing, outbox, up } = play();
  for (let n = 0; n < 3; n++) {
    outgoing.sample(sampleAt(NOW + n));
    outgoing.event(event(n));
    outgoing.ack({ id: new Uint8Array(16), status: "succeeded", time: NOW });
    outgoing.event(event(300 + n), true);
  }
  outgoing.report("work", REPORTED);
  up();
  clock.pass(2_000);
  assert.is(session.messages.map(({ on }) => on).join(" "), "rep/work ev ev ev ack ack ack ev ev ev tm");
  assert.equal(
    session.events().map(({ code }) => code),
    [300, 301, 302, 0, 1, 2],
  );
  assert.equal(
    session.samples().map(({ time }) => time - NOW),
    [0, 1, 2],
  );
  assert.is(outbox.count, 0);
  // Sequences are one count of all that was queued.
  const sequences = [...session.events(), ...session.samples()].map(({ sequence }) => sequence);
  assert.is(new Set(sequences).size, 9);
});

test("a backlog is drained at 20 records a second, and no second has more than the burst", () => {
  const { clock, session, outgoing, up } = play();
  for (let n = 0; n < 400; n++) outgoing.sample(sampleAt(NOW + n));
  for (let n = 0; n < 100; n++) outgoing.event(event(1));
  up();
  for (let step = 0; step < 300; step++) clock.pass(100);
  const records = session.messages.map(({ on, payload, at }) => ({
    at,
    count: on === "tm" ? decodeTelemetry(payload).length : 1,
  }));
  assert.is(
    records.reduce((sum, { count }) => sum + count, 0),
    500,
  );
  for (const { at } of records) {
    const within = records.filter((each) => each.at >= at && each.at < at + 1_000);
    assert.ok(within.reduce((sum, { count }) => sum + count, 0) <= 41);
  }
  // 500 records less the burst of 20, at 20 a second.
  assert.ok(Math.abs(records.at(-1)!.at - 24_000) <= 1_100, `${records.at(-1)!.at} ms`);
});

test("what was not acknowledged is sent again with the same sequence; what was, never", () => {
  const { clock, session, outgoing, outbox, up, down } = play();
  session.answer = null;
  up();
  for (let n = 0; n < 3; n++) outgoing.event(event(n));
  session.messages[1]!.done("arrived");
  for (const each of [0, 2]) session.messages[each]!.done("lost");
  down();
  assert.is(outbox.count, 2);
  session.answer = "arrived";
  up();
  clock.pass(1_000);
  assert.equal(
    session.events().map(({ code, sequence }) => [code, sequence]),
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [0, 1],
      [2, 3],
    ],
  );
  assert.is(outbox.count, 0);
});

test("with nothing waiting, samples go live every sendSeconds, at QoS 0", () => {
  const { clock, session, outgoing, outbox, up } = play();
  up();
  clock.pass(1_000);
  for (let second = 0; second < 180; second++) {
    outgoing.sample(sampleAt(NOW + second));
    clock.pass(1_000);
  }
  const batches = session.messages.filter(({ on }) => on === "tm");
  assert.is(batches.length, 3);
  assert.ok(batches.every(({ qos }) => qos === 0));
  assert.is(session.samples().length + outbox.count, 180);
  assert.ok(session.samples().length >= 170);
});

test("the gap that a full queue made is told once, with the next sample, at QoS 1", () => {
  const { clock, session, outgoing, outbox, up, down } = play(EAGER, { countMax: 10 });
  for (let n = 0; n < 25; n++) outgoing.sample(sampleAt(NOW + n));
  session.answer = null;
  up();
  // The first try does not arrive.
  session.messages[0]!.done("lost");
  down();
  session.answer = "arrived";
  session.messages.length = 0;
  up();
  clock.pass(5_000);
  const gaps = session.samples().flatMap(({ gap }) => gap ?? []);
  assert.equal(gaps, [{ lostCount: 15, from: NOW, to: NOW }]);
  assert.is(session.samples()[0]!.time, NOW + 15);
  assert.is(session.messages.find(({ on }) => on === "tm")!.qos, 1);
  assert.is(outbox.loss("telemetry"), null);
});

test("losses of events are told by an event, once", () => {
  const { clock, session, outgoing, up, down } = play(EAGER, { countMax: 5 });
  for (let n = 0; n < 8; n++) outgoing.event(event(1));
  up();
  clock.pass(1_000);
  down();
  up();
  clock.pass(1_000);
  const lost = session
    .events()
    .filter(({ code }) => code === AGENT_EVENTS["queue-lost"])
    .reduce((sum, { args }) => sum + (args!.get(2) as number), 0);
  // Each of the eight arrived or is told as lost; the event that tells may have cost one more.
  assert.ok(lost >= 3);
  assert.is(session.events().filter(({ code }) => code === 1).length + lost, 8);
});

test("when the day's bytes run out, samples get rare, an event says so, and the next day is a new one", () => {
  const { clock, session, outgoing, up } = play({ sampleSeconds: 60, sendSeconds: 60, bytesPerDay: 50_000 });
  up();
  const perHour: number[] = [];
  // From midnight on.
  const midnight = Math.ceil(NOW / 86_400) * 86_400;
  clock.pass((midnight - NOW) * 1000);
  for (let minute = 0; minute < 2 * 1440; minute++) {
    outgoing.sample(sampleAt(midnight + minute * 60));
    clock.pass(60_000);
    if (minute === 1439) {
      const bytes = session.messages
        .filter(({ on }) => on === "tm")
        .reduce((sum, { payload }) => sum + payload.length + 100, 0);
      assert.ok(bytes < 50_000 * 1.15, `${bytes} bytes`);
    }
  }
  for (const { time } of session.samples()) {
    const hour = Math.floor((time - midnight) / 3600);
    perHour[hour] = (perHour[hour] ?? 0) + 1;
  }
  assert.ok(perHour[0]! >= 58, `${perHour[0]} in the first hour`);
  assert.ok((perHour[23] ?? 0) <= 2, `${perHour[23]} in the last hour`);
  assert.ok(perHour[25]! >= 58, `${perHour[25]} in the next day`);
  const strides = session
    .events()
    .filter(({ code }) => code === AGENT_EVENTS["telemetry-thinned"])
    .map(({ args }) => args!.get(1));
  assert.equal(strides.slice(0, 3), [4, 16, 64]);
});

test("a disk that refuses: what is said goes on, and is told once", () => {
  const path = join(temporaryFolder(), "outbox");
  // A folder where the file belongs: no user may write it, not even root.
  mkdirSync(join(path, "x"), { recursive: true });
  chmodSync(path, 0o500);
  const { clock, session, outgoing, outbox, up } = play(EAGER, {}, path);
  up();
  for (let n = 0; n < 5; n++) outgoing.event(event(1));
  outgoing.sample(sampleAt(NOW));
  clock.pass(120_000);
  assert.not.equal(outbox.trouble, "");
  const codes = session.events().map(({ code }) => code);
  assert.is(codes.filter((code) => code === 1).length, 5);
  assert.is(codes.filter((code) => code === AGENT_EVENTS["queue-unsafe"]).length, 1);
  assert.is(session.samples().length, 1);
  chmodSync(path, 0o700);
});

test("logs have a rate and a bound of their own, and say how much is missing", () => {
  const { clock, session, outgoing, up } = play();
  up();
  for (let n = 0; n < 100; n++) {
    const chunk = { sequence: n, time: NOW, bytes: new Uint8Array(16_384) };
    outgoing.stream({ kind: "log", name: "kernel", chunk });
  }
  const burst = session.messages.length;
  assert.is(burst, 4);
  outgoing.event(event(9));
  assert.is(session.messages.at(-1)!.on, "ev");
  clock.pass(20_000);
  // 64 KiB at once, 128 KiB that waited.
  assert.is(session.messages.filter(({ on }) => on === "log/kernel").length, 12);
  outgoing.stream({ kind: "con", name: "work", chunk: { sequence: 0, time: NOW, bytes: new Uint8Array(1) } });
  assert.is(session.messages.at(-1)!.on, "con/work");
  assert.is(session.messages.at(-1)!.qos, 0);
});

test.run();
