// Commands: each id once, whatever the clock does, and only what the verb and the owner allow.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { toHex } from "../../agent/wire/bytes.js";
import { sign1 } from "../../agent/wire/sign.js";
import { claimsOf, DAY, fleetTrust, GOOD, judge, KEYS, NOW, signedDocument, wordOf } from "../support/signed.js";
import { expectIn } from "./cases.js";

const documents = suite("signed documents: commands");
const expect = expectIn(documents);

documents("the same id 1,000 times, after a reboot too: accepted once", async () => {
  const input = await signedDocument("cmd");
  const first = judge(input, "cmd");
  assert.ok(first.verdict === "accepted");
  for (let count = 0; count < 1000; count++) {
    const verdict = judge(input, "cmd", { trust: first.trust });
    assert.ok(verdict.verdict === "refused" && verdict.reason === "replayed");
    assert.is(toHex(verdict.commandId!), toHex(first.accepted.document.id), "so that its result can be told again");
  }
});
documents("another command with the id of one that was seen: replayed", async () => {
  const { id } = claimsOf();
  const first = judge(await signedDocument("cmd", { id }), "cmd");
  assert.ok(first.verdict === "accepted");
  assert.is(
    wordOf(judge(await signedDocument("cmd", { id, verb: "stop" }), "cmd", { trust: first.trust })),
    "replayed",
  );
});
documents("10,000 in a burst: 256 are accepted, the others refused, and nothing grows", async () => {
  let trust = fleetTrust();
  const words = new Map<string, number>();
  const document = GOOD.cmd();
  const template = await sign1("cmd", document, KEYS.command, nodeCrypto);
  for (let count = 0; count < 10_000; count++) {
    // Signing 10,000 times says nothing more: past the first thousand a signature is taken for good.
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(8, count + 1);
    const input =
      count < 1000
        ? await sign1("cmd", { ...document, id }, KEYS.command, nodeCrypto)
        : replaceId(template, document.id, id);
    const crypto = count < 1000 ? nodeCrypto : { ...nodeCrypto, verify: () => true };
    const verdict = judge(input, "cmd", { trust, crypto });
    words.set(wordOf(verdict), (words.get(wordOf(verdict)) ?? 0) + 1);
    if (verdict.verdict === "accepted") trust = verdict.trust;
  }
  assert.equal(
    [...words],
    [
      ["accepted", 256],
      ["replay-full", 9744],
    ],
  );
  assert.is(trust.replay.length, 256);
});
function replaceId(envelope: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const copy = Buffer.from(envelope);
  copy.set(to, copy.indexOf(from));
  return copy;
}
documents("a replay after exp, and after the clock went ahead and back: never accepted again", async () => {
  const expires = NOW + 3600;
  const input = await signedDocument("cmd", { expires });
  const first = judge(input, "cmd", { trust: fleetTrust({ floor: NOW }) });
  assert.ok(first.verdict === "accepted");
  // While the clock is ahead another command comes, which cleans up; the first is expired then, but not by the floor.
  const ahead = judge(await signedDocument("cmd", { expires: NOW + 20 * DAY }), "cmd", {
    trust: first.trust,
    session: NOW + 10 * DAY,
  });
  assert.ok(ahead.verdict === "accepted");
  assert.is(wordOf(judge(input, "cmd", { trust: ahead.trust, session: NOW + 10 * DAY })), "expired");
  assert.is(wordOf(judge(input, "cmd", { trust: ahead.trust, session: NOW })), "replayed");
  // Signed time passes its exp: now the id may go.
  const later = judge(
    await signedDocument("time", { now: expires, issued: expires - 9, expires: expires + DAY }),
    "time",
    { trust: ahead.trust, session: expires },
  );
  assert.ok(later.verdict === "accepted");
  const cleaned = judge(await signedDocument("cmd", { expires: NOW + 20 * DAY }), "cmd", {
    trust: later.trust,
    session: expires,
  });
  assert.ok(cleaned.verdict === "accepted");
  assert.is(cleaned.trust.replay.length, 2, "the two that still live");
  assert.is(wordOf(judge(input, "cmd", { trust: cleaned.trust, session: expires })), "expired");
});
expect("a command of an old epoch", "epoch-old", () => signedDocument("cmd", { epoch: 2 }), "cmd");
expect("a command of an epoch to come", "epoch-jump", () => signedDocument("cmd", { epoch: 4 }), "cmd");
expect("a partition that is not here", "partition-unknown", () => signedDocument("cmd", { partition: "vault" }), "cmd");
expect("a restart of nothing", "verb-partition", () => signedDocument("cmd", { partition: undefined! }), "cmd");
expect("a ping of a partition", "verb-partition", () => signedDocument("cmd", { verb: "ping" }), "cmd");
expect(
  "a restart of the owner's partition",
  "partition-private",
  () => signedDocument("cmd", { partition: "personal" }),
  "cmd",
  { trust: () => fleetTrust({ allowed: ["pause-personal", "wipe-device", "open-console", "read-logs"] }) },
);
expect(
  "a pause of the owner's partition without consent",
  "consent",
  () => signedDocument("cmd", { verb: "pause", partition: "personal" }),
  "cmd",
);
expect("… and with it", "accepted", () => signedDocument("cmd", { verb: "pause", partition: "personal" }), "cmd", {
  trust: () => fleetTrust({ allowed: ["pause-personal"] }),
});
for (const [verb, permission, partition] of [
  ["locate", "locate", undefined],
  ["logs", "read-logs", "work"],
  ["console", "open-console", "work"],
] as const) {
  const make = () => signedDocument("cmd", { verb, partition: partition! });
  expect(`${verb} without consent`, "consent", make, "cmd");
  expect(`${verb} with consent`, "accepted", make, "cmd", { trust: () => fleetTrust({ allowed: [permission] }) });
}

documents.run();
