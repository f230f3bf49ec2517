// The queue on disk: what append() acknowledged is there after a cut at any byte, whatever was dropped is counted, and a disk that refuses
// costs safety, never the process.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Outbox, OUTBOX_CLASSES, type OutboxClass } from "../../../../agent/link/outbox.js";
import { RecordLog } from "../../../../agent/link/record-log.js";
import { Random } from "../../../support/random.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("agent/link/outbox");

function contents(outbox: Outbox): Map<number, string> {
  const all = OUTBOX_CLASSES.flatMap((each) => outbox.peek(each, Infinity));
  return new Map(all.map(({ sequence, payload }) => [sequence, Buffer.from(payload).toString("hex")]));
}

function payloadOf(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(60) }, () => random.below(256));
}

test("a cut at any byte: what was acknowledged and not sent is there, and nothing that never was", () => {
  const path = join(temporaryFolder(), "outbox");
  const random = new Random(4);
  const outbox = new Outbox(path, () => 1000);
  const appended = new Map<number, string>();
  /** By size of the file: what must be there from that size on, until it is sent. */
  const promises: { sequence: number; from: number; until: number }[] = [];
  for (let step = 0; step < 120; step++) {
    const waiting = [...contents(outbox).keys()];
    if (random.oneIn(3) && waiting.length > 0) {
      const sequence = random.pick(waiting);
      const before = statSync(path).size;
      outbox.sent([sequence]);
      for (const promise of promises) if (promise.sequence === sequence) promise.until = before;
    } else {
      const payload = payloadOf(random);
      assert.ok(outbox.append(random.pick(["event", "ack", "security"] as const), payload));
      const sequence = Math.max(...contents(outbox).keys());
      appended.set(sequence, Buffer.from(payload).toString("hex"));
      promises.push({ sequence, from: statSync(path).size, until: Infinity });
    }
  }
  outbox.close();
  const whole = readFileSync(path);
  for (let size = 0; size <= whole.length; size++) {
    const cut = join(temporaryFolder(), "outbox");
    writeFileSync(cut, whole.subarray(0, size));
    const opened = new Outbox(cut, () => 1000);
    const found = contents(opened);
    for (const [sequence, payload] of found) assert.is(payload, appended.get(sequence));
    for (const { sequence, from, until } of promises) {
      if (from <= size && size <= until) assert.ok(found.has(sequence), `${sequence} is lost at ${size}`);
    }
    if (size % 64 === 0) {
      const last = Math.max(0, ...found.keys());
      opened.append("event", new Uint8Array(1));
      assert.ok(Math.max(...contents(opened).keys()) > last, "sequences rise");
    }
    opened.close();
  }
});

test("a flipped bit costs the record that it is in, and those before and after stay", () => {
  const path = join(temporaryFolder(), "outbox");
  const outbox = new Outbox(path, () => 1000);
  for (let n = 0; n < 20; n++) outbox.append("event", Uint8Array.from([n, n, n]));
  outbox.close();
  const whole = readFileSync(path);
  const random = new Random(5);
  for (let round = 0; round < 200; round++) {
    const damaged = Buffer.from(whole);
    const at = random.below(damaged.length);
    damaged[at] = damaged[at]! ^ (1 << random.below(8));
    writeFileSync(path, damaged);
    const opened = new Outbox(path, () => 1000);
    assert.is(opened.count, 19);
    assert.ok(opened.damagedBytes > 0);
    opened.close();
  }
});

test("it keeps its bounds by giving up telemetry first, then events, then acks; each loss is counted with its span", () => {
  const path = join(temporaryFolder(), "outbox");
  const random = new Random(6);
  let time = 0;
  const outbox = new Outbox(path, () => time, { bytesMax: 8_000, countMax: 100, ageMaxSeconds: 500 });
  const kept: { class: OutboxClass; sequence: number; time: number }[] = [];
  const lost = new Map<OutboxClass, number>();
  for (let n = 1; n <= 700; n++) {
    time += random.below(4);
    const entryClass = random.pick(OUTBOX_CLASSES);
    outbox.append(entryClass, new Uint8Array(50));
    kept.push({ class: entryClass, sequence: n, time });
    // The model: too old goes first, then the oldest of the least class; 82 bytes an entry fit 97 times.
    for (;;) {
      const old = kept.findIndex((each) => each.time < time - 500);
      const least = OUTBOX_CLASSES.find((each) => kept.some((entry) => entry.class === each));
      const victim = old >= 0 ? old : kept.length > 97 ? kept.findIndex((each) => each.class === least) : -1;
      if (victim < 0) break;
      const [gone] = kept.splice(victim, 1);
      lost.set(gone!.class, (lost.get(gone!.class) ?? 0) + 1);
    }
    if (n % 100 !== 0) continue;
    const reopened = new Outbox(path, () => time, { bytesMax: 8_000, countMax: 100, ageMaxSeconds: 500 });
    for (const each of [outbox, reopened]) {
      assert.equal(
        [...contents(each).keys()].sort((a, b) => a - b),
        kept.map(({ sequence }) => sequence),
      );
      for (const name of OUTBOX_CLASSES) assert.is(each.loss(name)?.count ?? 0, lost.get(name) ?? 0, name);
    }
    reopened.close();
  }
  assert.ok(statSync(path).size < 8_000 * 2 + (300 << 10), "the file is bounded too");
  assert.ok((lost.get("telemetry") ?? 0) > 0 && (lost.get("event") ?? 0) > 0);
  const told = outbox.loss("telemetry")!;
  outbox.sent([], { class: "telemetry", count: told.count });
  assert.is(outbox.loss("telemetry"), null);
  outbox.close();
});

test("a disk that refuses: entries wait in memory and are counted; they are written once it takes them", () => {
  const folder = temporaryFolder();
  const path = join(folder, "queue", "outbox");
  writeFileSync(join(folder, "queue"), "a file where the folder should be");
  let time = 1000;
  const outbox = new Outbox(path, () => time);
  assert.not.ok(outbox.append("security", Uint8Array.of(1)));
  assert.is(outbox.unsafeCount, 1);
  assert.not.equal(outbox.trouble, "");
  assert.is(outbox.count, 1);
  const reopenable = join(temporaryFolder(), "outbox");
  const moved = new Outbox(reopenable, () => time);
  moved.append("event", Uint8Array.of(2));
  // The descriptor goes away under it, as a disk that failed does.
  (moved as unknown as { log: RecordLog }).log.close();
  assert.not.ok(moved.append("event", Uint8Array.of(3)));
  assert.is(moved.unsafeCount, 1);
  (moved as unknown as { log: RecordLog | null }).log = null;
  assert.not.ok(moved.append("event", Uint8Array.of(4)), "it is not tried again at once");
  time += 10;
  assert.ok(moved.append("event", Uint8Array.of(5)));
  assert.is(moved.trouble, "");
  moved.close();
  const again = new Outbox(reopenable, () => time);
  assert.equal([...contents(again).values()], ["02", "03", "04", "05"]);
  again.close();
  outbox.close();
});

test("a log that is written anew is there whole, or as it was", () => {
  const path = join(temporaryFolder(), "log");
  const { log } = RecordLog.open(path, 1 << 20);
  log.append([Uint8Array.of(1), Uint8Array.of(2)]);
  log.rewrite([Uint8Array.of(3)]);
  log.append([Uint8Array.of(4)]);
  log.close();
  assert.is(statSync(path).mode & 0o777, 0o600);
  // A process that died before its rename leaves a file beside; the next one writes over it.
  writeFileSync(`${path}.new`, "rest");
  const again = RecordLog.open(path, 1 << 20);
  assert.equal(
    again.records.map((record) => record[0]),
    [3, 4],
  );
  again.log.rewrite([Uint8Array.of(5)]);
  again.log.close();
  assert.equal(
    RecordLog.open(path, 1 << 20).records.map((record) => record[0]),
    [5],
  );
});

test.run();
