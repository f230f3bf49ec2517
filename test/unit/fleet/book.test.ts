// The book: whatever devices publish, nothing throws, nothing grows without bound, and each drop is counted where it belongs.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FleetBook } from "../../../fleet/book.js";
import { upTopic } from "../../../fleet/topics.js";
import { eventMsg } from "../../../agent/wire/reports.js";
import { encodeMessage } from "../../../agent/wire/schema.js";
import { NOW } from "../../support/signed.js";
import { emptyFleet } from "../../support/fleet.js";
import { birth, death, enrolKey } from "../../support/fleet-device.js";
import { Random } from "../../support/random.js";

const book = suite("fleet book");
const WHAT = ["state", "tm", "ev", "ack", "rep", "rep/work", "log/work", "log/audit", "con/work"];

function fresh(): { under: FleetBook; name: string } {
  const { store } = emptyFleet();
  const name = enrolKey(store);
  return { under: new FleetBook(store), name };
}

book("random bytes, and good messages with bits flipped, on every topic: dropped and counted, or read", () => {
  const { under, name } = fresh();
  const random = new Random(7);
  const good = [
    birth(1),
    death(1),
    Buffer.from(encodeMessage(eventMsg, { time: 1, sequence: 1, code: 1, severity: 1 })),
  ];
  let dropped = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = new Uint8Array(random.oneIn(2) ? random.pick(good) : Buffer.alloc(random.below(64)));
    for (let flips = 1 + random.below(4); flips > 0 && bytes.length > 0; flips--) {
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    }
    const entry = under.entries.get(name)!;
    const before = entry.droppedCount;
    const taken = under.receive(`pv/1/demo/${name}/up/${random.pick(WHAT)}`, bytes, random.oneIn(2), NOW);
    if (entry.droppedCount > before) assert.is(taken, null);
    dropped = entry.droppedCount;
    assert.ok(entry.events.length <= 32);
    assert.ok(entry.reports.size <= 64);
  }
  assert.ok(dropped > 1000, `${dropped} dropped`);
  assert.is(under.entries.size, 1);
});

book("a late will does not end a newer connection (management.md, up/state)", () => {
  const { under, name } = fresh();
  const topic = `pv/1/demo/${name}/up/state`;
  under.receive(topic, birth(5), true, NOW);
  assert.is(under.receive(topic, death(4), false, NOW), null);
  assert.equal(under.entries.get(name)!.link, { up: true, connection: 5 });
  under.receive(topic, death(5), false, NOW);
  assert.is(under.entries.get(name)!.link!.up, false);
});

book("what the broker kept says nothing of when a device was last heard", () => {
  const { under, name } = fresh();
  under.receive(`pv/1/demo/${name}/up/state`, birth(1), true, NOW);
  assert.is(under.entries.get(name)!.heardAt, null);
  under.receive(`pv/1/demo/${name}/up/state`, birth(1), false, NOW);
  assert.is(under.entries.get(name)!.heardAt, NOW);
});

book("strangers are counted and get no entry; a device's topics are exactly those that it has", () => {
  const { under, name } = fresh();
  const strange = ["0".repeat(32), name.toUpperCase(), "all", "+", "#", ""].map((who) => `pv/1/demo/${who}/up/state`);
  const wrong = [
    `pv/1/other/${name}/up/state`,
    `pv/2/demo/${name}/up/state`,
    `pv/1/demo/${name}/dn/root`,
    "$SYS/x",
    "",
  ];
  const more = ["up", "up/", "up/state/x", "up/rep/", "up/rep/a/b", "up/log", "up/log/+", "up/x"].map(
    (end) => `pv/1/demo/${name}/${end}`,
  );
  const all = [...strange, ...wrong, ...more];
  for (const topic of all) assert.is(under.receive(topic, birth(1), false, NOW), null, topic);
  assert.is(under.strangeCount, all.length);
  for (const what of WHAT) assert.equal(upTopic("demo", `pv/1/demo/${name}/up/${what}`), { device: name, what });
});

book.run();
