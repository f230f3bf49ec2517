// Time: validity, clocks that lie, and the freshness document.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Trust } from "../../agent/wire/trust.js";
import { DAY, DEVICE, fleetTrust, judge, KEYS, NOW, signedDocument, wordOf } from "../support/signed.js";
import { expectIn, policyHex } from "./cases.js";

const documents = suite("signed documents: time");
const expect = expectIn(documents);

expect("exp = now", "expired", () => signedDocument("pol", { expires: NOW }), "pol");
expect("exp = now + 1", "accepted", () => signedDocument("pol", { expires: NOW + 1 }), "pol");
expect("nbf in the future", "not-yet", () => signedDocument("pol", { notBefore: NOW + 1 }), "pol");
expect("nbf = now", "accepted", () => signedDocument("pol", { notBefore: NOW }), "pol");
expect("exp < nbf", "validity", () => signedDocument("pol", { notBefore: NOW + 20, expires: NOW + 10 }), "pol");
expect("exp = nbf", "validity", () => signedDocument("pol", { notBefore: NOW - 5, expires: NOW - 5 }), "pol");
expect("exp = iat", "validity", () => signedDocument("pol", { issued: NOW + 10, expires: NOW + 10 }), "pol");
expect("iat in the future", "issued-ahead", () => signedDocument("pol", { issued: NOW + 301 }), "pol");
expect(
  "iat of a signer whose clock is 5 minutes ahead",
  "accepted",
  () => signedDocument("pol", { issued: NOW + 300 }),
  "pol",
);
expect("exp = 2^53 - 1", "accepted", () => signedDocument("pol", { expires: 2 ** 53 - 1 }), "pol");
expect("exp = 2^53", "encoding", policyHex(4, "1b0020000000000000"), "pol");
expect("exp is negative", "schema", policyHex(4, "20"), "pol");
expect("exp is a float", "encoding", policyHex(4, "fb41dacd3ea0000000"), "pol");
expect("exp is a bignum", "encoding", policyHex(4, "c24101"), "pol");
expect("exp is text", "schema", policyHex(4, "6131"), "pol");
expect("nbf = 2^64 - 1", "encoding", policyHex(5, "1bffffffffffffffff"), "pol");
expect("a command that lives 31 days", "validity", () => signedDocument("cmd", { expires: NOW + 31 * DAY }), "cmd");
const clock = (floor: number) => (): Trust => fleetTrust({ floor });
expect("a clock in 1970: the floor holds", "accepted", () => signedDocument("pol"), "pol", {
  rtc: 0,
  trust: clock(NOW),
});
expect(
  "a clock in 1970 does not bring an expired document back",
  "no-time",
  () => signedDocument("pol", { issued: NOW - 9 * DAY, expires: NOW - 5 * DAY }),
  "pol",
  { rtc: 0, trust: clock(NOW - DAY) },
);
expect(
  "a clock one year back: the floor holds",
  "no-time",
  () => signedDocument("pol", { issued: NOW - 9 * DAY, expires: NOW - DAY }),
  "pol",
  { rtc: NOW - 365 * DAY, trust: clock(NOW) },
);
expect("a clock in 2038 expires nothing", "accepted", () => signedDocument("pol", { expires: NOW + 31 * DAY }), "pol", {
  rtc: 2_147_483_648,
  trust: clock(NOW),
});
expect("a clock in 2106 likewise", "accepted", () => signedDocument("pol", { expires: NOW + 1 }), "pol", {
  rtc: 4_294_967_296,
  trust: clock(NOW),
});
documents(
  "a clock that jumps while a policy expires: what was accepted stays, and comes back as unchanged or expired",
  async () => {
    const input = await signedDocument("pol");
    const first = judge(input, "pol", { trust: fleetTrust({ floor: NOW }) });
    assert.ok(first.verdict === "accepted");
    const { trust } = first;
    assert.is(trust.floor, NOW, "only signed time raises the floor");
    assert.is(wordOf(judge(input, "pol", { trust, session: NOW + 2 * DAY })), "expired");
    assert.is(wordOf(judge(input, "pol", { trust, rtc: 4_294_967_296, session: null })), "unchanged");
    assert.is(wordOf(judge(input, "pol", { trust, rtc: 0, session: NOW + 1 })), "unchanged");
  },
);

documents("a freshness document raises the floor, and never lowers it", async () => {
  const later = judge(
    await signedDocument("time", { issued: NOW + 5 * DAY - 9, now: NOW + 5 * DAY, expires: NOW + 6 * DAY }),
    "time",
    { session: null },
  );
  assert.ok(later.verdict === "accepted");
  assert.is(later.trust.floor, NOW + 5 * DAY);
  const earlier = judge(await signedDocument("time", { version: 8, now: NOW, expires: NOW + 6 * DAY }), "time", {
    trust: later.trust,
  });
  assert.ok(earlier.verdict === "accepted");
  assert.is(earlier.trust.floor, NOW + 5 * DAY);
});
expect(
  "one from before the floor",
  "no-time",
  () => signedDocument("time", { issued: NOW - 9 * DAY, now: NOW - 9 * DAY, expires: NOW - 5 * DAY }),
  "time",
  { rtc: NOW },
);
expect(
  "one that session time calls expired",
  "expired",
  () => signedDocument("time", { issued: NOW - 9 * DAY, now: NOW - 9 * DAY, expires: NOW - 5 * DAY }),
  "time",
);

// Session time: the fleet's answer to this start's question, on the monotonic clock.
for (const rtc of [0, NOW - 300, NOW + 3600, NOW + 400 * DAY, 4_294_967_296]) {
  expect(`a command without session time, the clock at ${rtc}`, "no-time", () => signedDocument("cmd"), "cmd", { rtc });
  expect(`a command with session time, the clock at ${rtc}`, "accepted", () => signedDocument("cmd"), "cmd", {
    rtc,
    session: NOW,
  });
  expect(`a lock, the clock at ${rtc}`, "accepted", () => signedDocument("lock"), "lock", { rtc });
  expect(
    `a lock that expired long ago, the clock at ${rtc}`,
    "accepted",
    () => signedDocument("lock", { issued: NOW - 900 * DAY, expires: NOW - 800 * DAY }),
    "lock",
    { rtc },
  );
  expect(`an answer to the question, the clock at ${rtc}`, "accepted", () => signedDocument("now"), "now", { rtc });
}
expect("a policy issued ahead of a clock that is behind", "no-time", () => signedDocument("pol"), "pol", {
  rtc: NOW - 9 * DAY,
  trust: clock(NOW - 9 * DAY),
});
expect("an answer to another question", "nonce", () => signedDocument("now", { nonce: new Uint8Array(16) }), "now");
expect("an answer by a policy key", "signer", () => signedDocument("now", {}, [KEYS.policy]), "now");
expect("an answer for a group", "audience", () => signedDocument("now", { audience: "all" }), "now");
expect("a lock for a group", "audience", () => signedDocument("lock", { audience: "sales" }), "lock");
expect("a lock by a policy key", "signer", () => signedDocument("lock", {}, [KEYS.policy]), "lock");
expect(
  "a lock of the owner's side",
  "partition-private",
  () => signedDocument("lock", { partitions: [{ partition: "personal", desired: "locked", since: 7 }] }),
  "lock",
);
expect(
  "a lock of the owner's side by the name that the fleet knows",
  "partition-private",
  () => signedDocument("lock", { partitions: [{ partition: "private", desired: "wiped", since: 7 }] }),
  "lock",
);
const wiped = { others: { desired: "wiped" as const, since: 7 } };
expect("a wipe of the device by a command key", "verb-role", () => signedDocument("lock", wiped), "lock");
expect(
  "a wipe of the device without its owner's consent",
  "consent",
  () => signedDocument("lock", wiped, KEYS.wipe.slice(0, 2)),
  "lock",
);
expect("a wipe of the device", "accepted", () => signedDocument("lock", wiped, KEYS.wipe.slice(0, 2)), "lock", {
  rtc: 0,
  trust: () => fleetTrust({ allowed: ["wipe-device"] }),
});

documents(
  "an operator's wrong clock: one document raises the floor by 30 days at most, a root document sets it back",
  async () => {
    const ahead = { issued: NOW + 400 * DAY - 9, now: NOW + 400 * DAY, expires: NOW + 402 * DAY };
    const wrong = judge(await signedDocument("time", ahead), "time", {
      trust: fleetTrust({ floor: NOW }),
      session: null,
    });
    assert.ok(wrong.verdict === "accepted");
    assert.is(wrong.trust.floor, NOW + 30 * DAY);
    const { trust } = wrong;
    assert.is(
      wordOf(judge(await signedDocument("time", { version: 8 }), "time", { trust })),
      "accepted",
      "by session time",
    );
    const waits = judge(await signedDocument("time", { version: 8 }), "time", { trust, session: null });
    assert.is(wordOf(waits), "no-time");
    const broken = fleetTrust({ floor: NOW + 400 * DAY });
    const root = await signedDocument("root", { version: 5, floor: NOW });
    for (const session of [null, NOW]) {
      const healed = judge(root, "root", { trust: broken, session });
      assert.ok(healed.verdict === "accepted");
      assert.is(healed.trust.floor, NOW);
    }
  },
);

documents("with a floor that is ahead, a command's id is remembered until it has expired by session time", async () => {
  const trust = fleetTrust({ floor: NOW + 30 * DAY });
  const input = await signedDocument("cmd", { expires: NOW + DAY });
  const first = judge(input, "cmd", { trust });
  assert.ok(first.verdict === "accepted");
  const other = judge(await signedDocument("cmd"), "cmd", { trust: first.trust });
  assert.ok(other.verdict === "accepted");
  assert.is(wordOf(judge(input, "cmd", { trust: other.trust })), "replayed");
});
expect("one that a wild clock calls expired", "accepted", () => signedDocument("time"), "time", { rtc: 4_294_967_296 });
expect("one whose time is after its exp", "validity", () => signedDocument("time", { now: NOW + DAY }), "time");
expect("one whose time is before its iat", "validity", () => signedDocument("time", { now: NOW - 11 }), "time");
expect("one whose time is before its nbf", "validity", () => signedDocument("time", { notBefore: NOW + 1 }), "time");
const listing = (version: number, hash: Uint8Array, more = {}): Trust["freshness"] => [
  {
    audience: DEVICE.id,
    expires: NOW + DAY,
    newest: [{ kind: "pol", partition: "work", epoch: 3, version, hash, ...more }],
  },
];
documents(
  "freeze: a policy older than the newest that is listed is superseded; the listed one and newer ones pass",
  async () => {
    const input = await signedDocument("pol");
    const trust = (version: number, hash: Uint8Array = new Uint8Array(32)): Trust =>
      fleetTrust({ freshness: listing(version, hash) });
    const verdict = judge(input, "pol");
    assert.ok(verdict.verdict === "accepted");
    assert.is(wordOf(judge(input, "pol", { trust: trust(8) })), "superseded");
    assert.is(wordOf(judge(input, "pol", { trust: trust(7, verdict.hash) })), "accepted");
    assert.is(wordOf(judge(input, "pol", { trust: trust(7) })), "mixed-up");
    assert.is(wordOf(judge(input, "pol", { trust: trust(6) })), "accepted");
  },
);
expect(
  "one that lists other contents for what is in force",
  "equivocation",
  () => signedDocument("time", { newest: listing(4, new Uint8Array(32))[0]!.newest }),
  "time",
  {
    trust: () =>
      fleetTrust({
        versions: [{ kind: "pol", subject: "work", epoch: 3, version: 4, hash: new Uint8Array(32).fill(1) }],
      }),
  },
);
expect(
  "one that lists a subject twice",
  "schema",
  () =>
    signedDocument("time", {
      newest: [...listing(4, new Uint8Array(32))[0]!.newest, ...listing(5, new Uint8Array(32))[0]!.newest],
    }),
  "time",
);
documents("each audience has its own list and counter; a device that leaves a group forgets the group's", async () => {
  const mine = judge(await signedDocument("time", { version: 9 }), "time");
  assert.ok(mine.verdict === "accepted");
  const groups = judge(await signedDocument("time", { version: 2, audience: "sales" }), "time", { trust: mine.trust });
  assert.ok(groups.verdict === "accepted");
  assert.is(groups.trust.freshness.length, 2);
  assert.is(wordOf(judge(await signedDocument("time", { version: 8 }), "time", { trust: groups.trust })), "rollback");
  const left = judge(await signedDocument("groups", { groups: ["pilot"] }), "groups", { trust: groups.trust });
  assert.ok(left.verdict === "accepted");
  assert.equal(left.trust.groups, ["pilot"]);
  assert.equal(
    left.trust.freshness.map(({ audience }) => audience),
    [DEVICE.id],
  );
});

documents.run();
