// The journal: each line once, bounded, for this user alone; what a cut has torn is left out.

import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FleetBook } from "../../../fleet/book.js";
import { Journal, type JournalLine } from "../../../fleet/journal.js";
import { FleetObserver } from "../../../fleet/observer.js";
import { ack } from "../../../agent/wire/commands.js";
import { HANDSET_EVENTS, REASONS } from "../../../agent/wire/reasons.js";
import { eventMsg, type EventMessage } from "../../../agent/wire/reports.js";
import { encodeMessage } from "../../../agent/wire/schema.js";
import { emptyFleet, fleetRun, type TestFleet } from "../../support/fleet.js";
import { birth, enrolKey } from "../../support/fleet-device.js";
import { NOW } from "../../support/signed.js";

const test = suite("fleet/journal");
const DEVICE = "00112233445566778899aabbccddeeff";
const line = (number: number): JournalLine => ({
  ...{ at: NOW + number, device: DEVICE, kind: "event", key: String(number), time: NOW },
  ...{ severity: 4, partition: "work", word: "fault", detail: "x".repeat(number % 7) },
});

interface World extends TestFleet {
  name: string;
  says(event: Partial<EventMessage>): void;
  observer: FleetObserver;
}

function world(): World {
  const fleet = emptyFleet();
  const name = enrolKey(fleet.store);
  const observer = new FleetObserver(fleet.store, new FleetBook(fleet.store));
  observer.receive(`pv/1/demo/${name}/up/state`, birth(1), false, NOW);
  let sequence = 0;
  const says = (event: Partial<EventMessage>): void => {
    const message: EventMessage = {
      time: NOW,
      sequence: ++sequence,
      code: HANDSET_EVENTS.fault,
      severity: 4,
      ...event,
    };
    observer.receive(`pv/1/demo/${name}/up/ev`, new Uint8Array(encodeMessage(eventMsg, message)), false, NOW);
  };
  return { ...fleet, name, says, observer };
}

test("what two processes write is read once; torn lines are left out, and those around them are not", () => {
  const { store } = emptyFleet();
  const [one, other] = [new Journal(store), new Journal(store)];
  for (let n = 0; n < 20; n++) {
    one.add(line(n));
    other.add(line(n));
  }
  const path = store.path("events", `${DEVICE}.jsonl`);
  assert.is(statSync(path).mode & 0o777, 0o600);
  appendFileSync(path, '{"at": 1, "dev\n{"at":"x"}\nnull\n');
  one.add(line(20));
  assert.equal(
    one.read(DEVICE).map(({ key }) => key),
    Array.from({ length: 21 }, (_, n) => String(n)),
  );
});

test("it is bounded: the newest lines stay, the file does not grow, and a flood is counted", () => {
  const { store } = emptyFleet();
  const path = store.path("events", `${DEVICE}.jsonl`);
  const journal = new Journal(store);
  journal.add(line(0));
  writeFileSync(path, `${JSON.stringify({ ...line(1), detail: "y".repeat(300 << 10) })}\n`);
  journal.add(line(2));
  assert.ok(readFileSync(path).length < 1024);
  assert.equal(
    journal.read(DEVICE).map(({ key }) => key),
    ["1", "2"],
  );
  for (let n = 3; n < 1000; n++) journal.add(line(n));
  assert.ok(journal.droppedCount > 700, String(journal.droppedCount));
  journal.add({ ...line(5000), device: "f".repeat(32), detail: "z".repeat(9000) });
  assert.is(journal.read("f".repeat(32))[0]!.detail.length, 512, "another device has its own share");
});

test("events, refusals and answers are kept with kind, partition and detail, and fleet events tells them", async () => {
  const { name, says, observer, ...fleet } = world();
  says({ code: HANDSET_EVENTS.restart, partition: 1, args: new Map([[2, 3]]) });
  const refusal = new Map<number, number | string>([
    [1, REASONS.storage],
    [2, "pol"],
    [3, "work"],
  ]);
  says({ code: HANDSET_EVENTS["document-refused"], args: refusal });
  says({
    code: REASONS.signature,
    args: new Map([
      [1, "pol"],
      [2, "work"],
      [3, "it is \u001b[2J forged"],
    ]),
  });
  const answer = { id: new Uint8Array(16).fill(7), status: "failed" as const, time: NOW, text: "no room" };
  observer.receive(`pv/1/demo/${name}/up/ack`, new Uint8Array(encodeMessage(ack, answer)), false, NOW);
  const { out } = await fleetRun(fleet, ["events", "--json"]);
  const lines = out.split("\n").map((text) => JSON.parse(text) as JournalLine);
  assert.equal(
    lines.map(({ kind, word, partition, detail }) => [kind, word, partition, detail]),
    [
      ["event", "restart", "work", "value 3"],
      ["refusal", "refused: storage", "work", "a policy"],
      ["refusal", "refused: signature", "work", "a policy: it is \u001b[2J forged"],
      ["answer", "failed", "", "command 07070707: no room"],
    ],
  );
  const text = await fleetRun(fleet, ["events", "demo", "--kind", "refusal"]);
  assert.match(text.out, /refused: storage \(work\): a policy/);
  assert.not.match(text.out, "\u001b");
  assert.is(text.out.split("\n").length, 2);
  assert.is((await fleetRun(fleet, ["events", "--last", "1"])).out.split("\n").length, 1);
  for (const wrong of [["--last", "0"], ["--kind", "x"], ["--since", "soon"], ["nobody"]]) {
    assert.is.not((await fleetRun(fleet, ["events", ...wrong])).status, 0, wrong.join(" "));
  }
});

test("what is found of a device is in the journal, and fleet clear takes it away", async () => {
  const { name, observer, ...fleet } = world();
  const topic = `pv/1/demo/${name}/up/state`;
  observer.receive(topic, birth(10, { bootCount: 5, run: new Uint8Array(8).fill(1) }), false, NOW);
  const found = observer.receive(topic, birth(11, { bootCount: 4, run: new Uint8Array(8).fill(2) }), false, NOW);
  assert.equal(
    found!.findings.map(({ kind }) => kind),
    ["rolled-back"],
  );
  assert.match((await fleetRun(fleet, ["events", "--kind", "finding"])).out, /finding rolled-back: start 4 is new/);
  assert.match((await fleetRun(fleet, ["clear", "demo", "--dry-run"])).said, /rolled back/);
  assert.match((await fleetRun(fleet, ["clear", "demo"])).said, /cleared: rolled back/);
  assert.match((await fleetRun(fleet, ["clear", "demo"])).said, /nothing was found/);
});

test.run();
