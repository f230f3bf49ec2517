// What is counted as lost, against a model that knows; and how returns are set in rows.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ack as ackRule } from "../../../../agent/wire/commands.js";
import { eventMsg } from "../../../../agent/wire/reports.js";
import { encodeMessage } from "../../../../agent/wire/schema.js";
import { encodeTelemetry } from "../../../../agent/wire/telemetry.js";
import { Spread } from "../../../../fleet/sim/spread.js";
import { Witness } from "../../../../fleet/sim/witness.js";
import { sampleAt } from "../../../support/agent-process.js";
import { Random } from "../../../support/random.js";
import { NOW } from "../../../support/signed.js";

const test = suite("fleet/sim/witness");
const NAME = "0123456789abcdef0123456789abcdef";

const event = (sequence: number): Uint8Array =>
  encodeMessage(eventMsg, { time: NOW, sequence, code: 646, severity: 5 });
const samples = (sequences: number[]): Uint8Array =>
  encodeTelemetry(sequences.map((sequence) => ({ ...sampleAt(NOW), sequence })));
const ack = (number: number): Uint8Array => {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, number);
  return encodeMessage(ackRule, { id, status: "succeeded", time: NOW });
};

test("losses are what a model says: of 200 random lives with repeats, any order, acks between, and records that wait", () => {
  const random = new Random(7);
  for (let life = 0; life < 200; life++) {
    const witness = new Witness("demo", [NAME]);
    const messages: [topic: string, payload: Uint8Array, qos: number][] = [];
    const model = { lost: 0, lostAcknowledged: 0 };
    const [records, waiting] = [1 + random.below(120), random.below(5)];
    let [acknowledged, distinct] = [0, 0];
    for (let sequence = 1; sequence <= records; sequence++) {
      const [isLost, kind, qos] = [random.oneIn(6), random.below(3), random.below(2)];
      const isAcknowledged = kind !== 1 || qos === 1;
      if (isAcknowledged) acknowledged++;
      if (isLost) {
        model.lost++;
        if (isAcknowledged) model.lostAcknowledged++;
        continue;
      }
      if (kind < 2) distinct++;
      for (let copies = 1 + (random.oneIn(4) ? 1 : 0); copies > 0; copies--) {
        if (kind === 0) messages.push(["ev", event(sequence), 1]);
        else if (kind === 1) messages.push(["tm", samples([sequence]), qos]);
        else messages.push(["ack", ack(sequence), 1]);
      }
    }
    while (messages.length > 0) {
      const [[topic, payload, qos]] = messages.splice(random.below(messages.length), 1) as [(typeof messages)[0]];
      witness.receive(`pv/1/demo/${NAME}/up/${topic}`, payload, qos);
    }
    // Of others, and what cannot be read.
    witness.receive(`pv/1/demo/${"f".repeat(32)}/up/ev`, event(1), 1);
    witness.receive(`pv/1/demo/${NAME}/up/ev`, new Uint8Array([1, 2, 3]), 1);
    const facts = [{ name: NAME, records: records + waiting, acknowledged, waiting }];
    assert.equal(witness.losses(facts), model, `life ${life}`);
    assert.is(witness.receivedCount, distinct);
    assert.is(witness.brokenCount, 1);
  }
});

test("returns are set in rows that hold all of them, at most 24, without a hole", () => {
  const random = new Random(3);
  for (const longest of [1, 900, 30_000, 61_000, 300_000, 5_000_000]) {
    const spread = new Spread();
    const bySecond = new Map<number, number>();
    for (let n = 0; n < 1_000; n++) {
      const wait = random.below(longest);
      spread.add(wait);
      bySecond.set(Math.floor(wait / 1000), (bySecond.get(Math.floor(wait / 1000)) ?? 0) + 1);
    }
    const rows = spread.rows();
    assert.ok(rows.length <= 24);
    rows.forEach((row, at) => assert.is(row.from, at === 0 ? 0 : rows[at - 1]!.to));
    for (const { from, to, count } of rows) {
      const inside = [...bySecond].filter(([second]) => second >= from && second < to);
      assert.is(
        count,
        inside.reduce((sum, [, each]) => sum + each, 0),
      );
    }
    assert.is(spread.perSecondMax, Math.max(...bySecond.values()));
    assert.is(spread.lines().length, rows.length);
  }
  assert.equal([new Spread().rows(), new Spread().lines(), new Spread().perSecondMax], [[], [], 0]);
});

test.run();
