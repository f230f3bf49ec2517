// A device's life: genuine documents in any order, again and again, under clocks that say anything, with a restart between any two. Whatever
// comes: nothing goes back, no command runs twice, and a quiet end in the right order brings the newest of everything.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AcceptedKind } from "../../agent/wire/accept.js";
import { toHex } from "../../agent/wire/bytes.js";
import { decodeTrust, encodeTrust, isNewer, type Trust } from "../../agent/wire/trust.js";
import { Random } from "../support/random.js";
import {
  DAY,
  DEVICE,
  judge,
  keyOf,
  KEYS,
  NOW,
  pinnedTrust,
  rolesOf,
  signedDocument,
  wordOf,
  type TestKey,
} from "../support/signed.js";

const sequence = suite("sequences of documents");

interface Letter {
  kind: AcceptedKind;
  bytes: Uint8Array;
  /** Its place in the order in which everything was signed. */
  signedAt: number;
}

const LIFE = 10 * DAY;

/** Two epochs of a fleet: four roots with three sets of keys, and everything below them. */
async function letters(): Promise<Letter[]> {
  const made: Letter[] = [];
  const next = [keyOf(51), keyOf(52), keyOf(53)];
  const last = [next[0]!, keyOf(55), keyOf(56)];
  const sets: (readonly TestKey[])[] = [KEYS.root, KEYS.root, next, last];
  const put = async (kind: AcceptedKind, changes: object, signers?: readonly TestKey[]): Promise<void> => {
    const issued = NOW + made.length * 100;
    const times = { issued, expires: issued + LIFE };
    made.push({ kind, bytes: await signedDocument(kind, { ...times, ...changes }, signers), signedAt: issued });
  };
  for (const [index, keys] of sets.entries()) {
    const before = sets[index - 1] ?? [];
    const signers = [...new Set([...before.slice(0, 2), ...keys.slice(0, 2)])];
    // The third root raises the epoch from 3 to 4.
    const epoch = index < 3 ? 3 : 4;
    const epochNext = index < 2 ? 3 : 4;
    await put("root", { version: 5 + index, epoch, epochNext, roles: rolesOf(keys) }, signers);
    const current = epochNext;
    const version = 1 + 10 * (index % 2);
    await put("groups", { epoch: current, version, groups: index % 2 === 0 ? ["sales", "pilot"] : ["sales"] });
    for (const [count, audience] of (["all", "sales", DEVICE.id, "pilot"] as const).entries()) {
      await put("pol", { epoch: current, version: version + count, audience });
    }
    await put("img", { epoch: current, version });
    await put("consent", { epoch: current, version, allowed: index === 3 ? [] : ["locate"] });
    for (const verb of ["restart", "stop", "start"] as const) await put("cmd", { epoch: current, version: 1, verb });
    const now = NOW + made.length * 100;
    await put("time", { epoch: current, version, issued: now, now, expires: now + LIFE, newest: [] });
  }
  return made;
}

/** What may never go back between two states of one device. */
function checkOnward(before: Trust, after: Trust): void {
  assert.ok(after.floor >= before.floor, "the floor");
  assert.ok(after.epoch >= before.epoch, "the epoch");
  for (const each of before.versions) {
    const later = after.versions.find(({ kind, subject }) => kind === each.kind && subject === each.subject);
    assert.ok(later !== undefined && !isNewer(each, later), `${each.kind}/${each.subject}`);
    if (!isNewer(later, each)) assert.equal(later.hash, each.hash);
  }
  assert.ok(after.replay.length <= 256);
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  sequence(`seed ${seed}: 800 deliveries`, async () => {
    const random = new Random(seed);
    const all = await letters();
    let trust = pinnedTrust();
    const commands = new Set<string>();
    const deliver = ({ kind, bytes }: Letter, rtc: number, session: number | null): string => {
      const verdict = judge(bytes, kind, { trust, rtc, session });
      if (verdict.verdict === "accepted") {
        checkOnward(trust, verdict.trust);
        assert.not.equal(encodeTrust(verdict.trust), encodeTrust(trust));
        // What is persisted is all that a restart leaves.
        trust = decodeTrust(encodeTrust(verdict.trust));
        if (verdict.accepted.kind === "cmd") {
          const id = toHex(verdict.accepted.document.id);
          assert.is(commands.has(id), false, "a command runs once");
          commands.add(id);
        }
        const again = wordOf(judge(bytes, kind, { trust, rtc, session }));
        assert.ok(again === (kind === "cmd" ? "replayed" : "unchanged") || again === "expired", `${kind}: ${again}`);
      }
      return wordOf(verdict);
    };
    for (let count = 0; count < 800; count++) {
      // Nearly in order at first, anything later; the clock is right, dead or wild.
      const reach = Math.min(all.length, 6 + Math.floor(count / 12));
      const rtc = random.pick([NOW + count * 10, 0, 2 ** 32, NOW - 400 * DAY, NOW + 3 * DAY]);
      // The fleet has said what time it is, or has not.
      deliver(all[random.below(reach)]!, rtc, random.pick([null, NOW + count * 10]));
    }
    for (const letter of all) deliver(letter, letter.signedAt, letter.signedAt);
    const inForce = (kind: string, subject = ""): number[] => {
      const found = trust.versions.find((each) => each.kind === kind && each.subject === subject)!;
      return [found.epoch, found.version];
    };
    assert.equal(inForce("root"), [4, 8]);
    assert.is(trust.epoch, 4);
    assert.equal(inForce("groups"), [4, 11]);
    // The one for this device is the newest that counts, but for that of "pilot", if it came before the device had left that group.
    const [epoch, version] = inForce("pol", "work");
    assert.ok(epoch === 4 && (version === 13 || version === 14), `${epoch}.${version}`);
    assert.equal(inForce("img", "linux"), [4, 11]);
    assert.equal(trust.allowed, []);
    assert.ok(commands.size >= 3, "the last epoch's commands at least");
  });
}

sequence.run();
