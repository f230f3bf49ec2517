// What the fleet can tell of a device's audit: real records, signed in batches as the agent does it, over starts of the handset.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { signAudit } from "../../../agent/telemetry/audit.js";
import { deviceKey } from "../../../agent/identity/device-key.js";
import { toHex } from "../../../agent/wire/bytes.js";
import type { AuditBatch } from "../../../agent/wire/streams.js";
import { AUDIT_BYTES, AUDIT_CHAIN, CHAIN_BOUND, CHAIN_BROKEN, CHAIN_NEW } from "../../../kernel/abi/hypervisor.js";
import type { AuditChain } from "../../../agent/host/between/messages.js";
import { AuditOutlet } from "../../../agent/host/audit/outlet.js";
import { checkAudit } from "../../../fleet/audit.js";
import type { EnrolledDevice } from "../../../fleet/devices.js";
import type { FleetStore } from "../../../fleet/store.js";
import { emptyFleet } from "../../support/fleet.js";
import { startedHypervisor } from "../../support/handset.js";
import { Random } from "../../support/random.js";
import { DEVICE, KEYS, NOW } from "../../support/signed.js";

const test = suite("fleet audit");
const KEY = deviceKey(KEYS.device.publicKey, KEYS.device.sign);
const ENROLLED: EnrolledDevice = {
  ...{ name: toHex(DEVICE.id), key: toHex(KEYS.device.publicKey), label: "demo" },
  ...{ board: "qemu-virt", enrolledAt: NOW, retiredAt: null },
};

const NOTHING_BEFORE: AuditChain = { hash: new Uint8Array(32), sequence: 0n, from: CHAIN_NEW };

/** Raw records of a start that goes on from another's end. */
function records(count: number, from: AuditChain = NOTHING_BEFORE, story = 0): Uint8Array {
  const hypervisor = startedHypervisor(from);
  for (let n = 0; n < count; n++) hypervisor.rings.tell("test", 0, 1, story + n);
  return hypervisor.rings.takeAudit();
}

const endOf = (bytes: Uint8Array, from = CHAIN_BOUND): AuditChain => ({
  hash: bytes.slice(bytes.length - AUDIT_BYTES + AUDIT_CHAIN),
  sequence: new DataView(bytes.buffer, bytes.byteOffset + bytes.length - AUDIT_BYTES).getBigUint64(0, true) + 1n,
  from,
});

/** Batches of random sizes, as they come out of a handset and its agent. */
async function batches(bytes: Uint8Array, chain: Uint8Array, random: Random, waitingMax = 4096): Promise<AuditBatch[]> {
  const outlet = new AuditOutlet({ records: new Uint8Array(), chain, lostCount: 0 }, waitingMax);
  const found: AuditBatch[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Math.min(bytes.length - at, AUDIT_BYTES * (1 + random.below(200)));
    outlet.add(bytes.slice(at, at + length));
    at += length;
    const audit = random.oneIn(2) || at === bytes.length ? outlet.take() : null;
    if (audit === null) continue;
    found.push(...(await signAudit(audit, KEY)));
    outlet.taken(audit.first + audit.records.length);
  }
  return found;
}

const split = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / AUDIT_BYTES }, (_, at) => bytes.slice(at * AUDIT_BYTES, (at + 1) * AUDIT_BYTES));

/** What a batch holds that begins with the record at this place. */
function fromRecord(bytes: Uint8Array, at: number, from: AuditChain): Parameters<typeof signAudit>[0] {
  const all = split(bytes);
  const chain = at === 0 ? from.hash : all[at - 1]!.slice(AUDIT_CHAIN);
  return { first: Number(from.sequence) + at, chain, records: all.slice(at), lostCount: 0 };
}

const texts = (store: FleetStore, all: AuditBatch[]): string[] =>
  all.map((batch) => checkAudit(store, ENROLLED, batch).text);
const allHold = (store: FleetStore, all: AuditBatch[]): boolean =>
  all.every((batch) => checkAudit(store, ENROLLED, batch).holds);

test("the chain holds over batches, starts of the handset and of the operator's process", async () => {
  const random = new Random(1);
  const { store } = emptyFleet();
  const first = records(300);
  const second = records(200, endOf(first));
  assert.ok(allHold(store, await batches(first, new Uint8Array(32), random)));
  const more = await batches(second, endOf(first).hash, random);
  assert.ok(allHold(store, more));
  assert.ok(allHold(store, more), "a message that comes twice is no break");
});

test("every single bit of a batch counts", async () => {
  const random = new Random(2);
  const all = await batches(records(5), new Uint8Array(32), random);
  const [batch] = all as [AuditBatch];
  for (let bit = 0; bit < 8 * AUDIT_BYTES; bit++) {
    const changed = batch.records.map((record) => Uint8Array.from(record));
    changed[2]![bit >> 3]! ^= 1 << (bit & 7);
    const signed = (await signAudit({ ...batch, records: changed }, KEY))[0]!;
    assert.is(checkAudit(emptyFleet().store, ENROLLED, { ...batch, records: changed }).holds, false, "signature");
    assert.match(checkAudit(emptyFleet().store, ENROLLED, signed).text, /BROKEN/, `bit ${bit}, by the device itself`);
  }
  for (const change of [{ first: batch.first + 1 }, { lostCount: 3 }, { chain: new Uint8Array(32).fill(1) }]) {
    assert.is(checkAudit(emptyFleet().store, ENROLLED, { ...batch, ...change }).holds, false);
  }
});

test("another device's signature, a batch from the middle, one left out, two that change places", async () => {
  const random = new Random(3);
  const bytes = records(900);
  const all = await batches(bytes, new Uint8Array(32), random);
  assert.ok(all.length > 4);
  const stranger = { ...ENROLLED, key: toHex(KEYS.stranger.publicKey) };
  assert.match(checkAudit(emptyFleet().store, stranger, all[0]!).text, /not signed with the device's key/);
  const { store } = emptyFleet();
  assert.match(texts(store, [all[1]!])[0]!, /holds, from here on/);
  const missing = all[3]!.first - all[2]!.first;
  assert.match(texts(store, [all[3]!])[0]!, new RegExp(`holds; ${missing} before it were not seen here`));
  assert.match(texts(store, [all[2]!])[0]!, /once more/, "late, it is no news");
  assert.ok(allHold(store, all.slice(4)));
});

test("a device that tells another story than it told before is found out", async () => {
  const random = new Random(4);
  const story = records(40);
  const { store } = emptyFleet();
  assert.ok(allHold(store, await batches(story, new Uint8Array(32), random)));
  // From the beginning, with one thing left out: a whole chain, with a good signature.
  assert.match(
    texts(store, await batches(records(60, NOTHING_BEFORE, 1000), new Uint8Array(32), new Random(9))).join(),
    /BROKEN/,
  );
  // Going on with the right number, but not from what was told.
  const forged = records(5, { hash: new Uint8Array(32).fill(7), sequence: endOf(story).sequence, from: CHAIN_BOUND });
  assert.match(texts(store, await batches(forged, new Uint8Array(32).fill(7), random))[0]!, /does not go on from/);
  // A device that says so itself is not better off, but it is told apart.
  const honest = records(5, { hash: new Uint8Array(32), sequence: endOf(story).sequence, from: CHAIN_BROKEN });
  assert.match(texts(store, await batches(honest, new Uint8Array(32), random))[0]!, /its own copy did not hold/);
  // What goes on from the true end still does.
  assert.ok(allHold(store, await batches(records(5, endOf(story)), endOf(story).hash, random)));
});

test("a folder that was set back to an older copy: what it tells again is found out, and so is everything that does not go on from what was seen", async () => {
  const { store } = emptyFleet();
  const story = records(40);
  const old = story.slice(0, 20 * AUDIT_BYTES);
  assert.ok(allHold(store, await batches(story, new Uint8Array(32), new Random(1))));
  const before = store.readBytes("audit", `${ENROLLED.name}.json`)!;
  // The same numbers once more, with other contents: within what was seen, so there is nothing to note.
  const again = records(10, endOf(old), 500);
  const [first] = await signAudit(fromRecord(again, 0, endOf(old)), KEY);
  const finding = checkAudit(store, ENROLLED, first!);
  assert.equal([finding.holds, finding.isForked], [false, true]);
  assert.match(finding.text, /record 2[0-9] was another before/);
  // It grows beyond what was seen. The first that comes then lies behind a gap, and does not become the truth.
  const more = records(30, endOf(again), 900);
  const [last] = await signAudit(fromRecord(more, 15, endOf(again)), KEY);
  assert.ok(last!.first > 40);
  assert.is(checkAudit(store, ENROLLED, last!).holds, false);
  const { sequence, chain } = JSON.parse(
    Buffer.from(store.readBytes("audit", `${ENROLLED.name}.json`)!).toString(),
  ) as {
    sequence: number;
    chain: string;
  };
  const was = JSON.parse(Buffer.from(before).toString()) as { sequence: number; chain: string };
  assert.equal([sequence, chain], [was.sequence, was.chain], "what was seen stays what was seen");
});

test("an agent that is killed with records on their way: the next is given them again, and nothing is missing", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const outlet = new AuditOutlet({ records: new Uint8Array(), chain: new Uint8Array(32), lostCount: 0 });
    const { store } = emptyFleet();
    const bytes = records(300);
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(bytes.length - at, AUDIT_BYTES * (1 + random.below(30)));
      outlet.add(bytes.slice(at, at + length));
      at += length;
      const audit = outlet.take();
      // Killed before it had them in its queue, or after that and before it could say so.
      const [arrives, says] = [random.below(3) > 0, random.below(3) > 0];
      if (arrives && audit !== null) {
        for (const batch of await signAudit(audit, KEY)) {
          const { holds, text } = checkAudit(store, ENROLLED, batch);
          assert.ok(holds && !text.includes("not seen"), `seed ${seed}: ${text}`);
        }
        if (says) outlet.taken(audit.first + audit.records.length);
      }
      if (!arrives || !says) outlet.again();
    }
    const rest = outlet.take();
    if (rest !== null) assert.ok(allHold(store, await signAudit(rest, KEY)));
    const seen = store.readJson(
      (value): value is { sequence: number } => value !== null,
      "audit",
      `${ENROLLED.name}.json`,
    );
    assert.is(seen!.sequence, bytes.length / AUDIT_BYTES - 1);
  }
});

test("what a handset had no room for is told, with its number, and nothing else is missing", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const bytes = records(100 + random.below(300));
    const all = await batches(bytes, new Uint8Array(32), random, 1 + random.below(150));
    const sent = all.reduce((sum, each) => sum + each.records.length, 0);
    const lost = all.reduce((sum, each) => sum + each.lostCount, 0);
    assert.is(sent + lost, bytes.length / AUDIT_BYTES);
    const { store } = emptyFleet();
    const said = texts(store, all).join("\n");
    assert.is(/BROKEN|not seen/.test(said), false, said);
    const told = [...said.matchAll(/; (\d+) before it were lost/g)].reduce((sum, each) => sum + Number(each[1]), 0);
    // What was lost before the first that came is not between two batches.
    assert.is(told, lost - all[0]!.lostCount);
  }
});

test.run();
