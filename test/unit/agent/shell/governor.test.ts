// The governor: nothing counts that is not on the disk, everything that is counts again after a restart, and what comes too fast, twice or
// damaged changes nothing.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import type { Limits } from "../../../../agent/policy/limits.js";
import { firstGovernance, readGovernance, writeGovernance } from "../../../../agent/shell/governance.js";
import { Governor } from "../../../../agent/shell/governor.js";
import { Verifier } from "../../../../agent/shell/verify.js";
import { accept } from "../../../../agent/wire/accept.js";
import { HostError } from "../../../../agent/failure.js";
import { Random } from "../../../support/random.js";
import { claimsOf, DAY, DEVICE, fleetTrust, NONCE, NOW, signedDocument, viaOf } from "../../../support/signed.js";
import { temporaryFolder } from "../../../support/temporary.js";
import type { Judged } from "../../../../agent/shell/orders.js";

const test = suite("agent/shell/governor");

/** OpenSSL's check: the verifier in QuickJS gives the same verdicts (verify.test.ts), and takes its time. */
const CHECK = {
  accept: (...[input, via, device, trust, times]: Parameters<Verifier["accept"]>) =>
    Promise.resolve(accept(input, via, device, trust, nodeCrypto, times)),
};

/** What the monitor knows of session time. */
const ASKED = { session: NOW, nonce: NONCE, answered: false };

interface World {
  governor: Governor;
  limits: Map<string, Limits>;
  time: { ms: number; rtc: number };
}

function world(path: string, check: typeof CHECK | Verifier = CHECK): World {
  const limits = new Map<string, Limits>();
  const time = { ms: 0, rtc: NOW };
  const governance = readGovernance(path) ?? firstGovernance(DEVICE.id, fleetTrust());
  const governor = new Governor({
    path,
    governance,
    device: DEVICE,
    check,
    rtc: () => time.rtc,
    now: () => time.ms,
    limit: (partition, each) => void limits.set(partition, each),
  });
  return { governor, limits, time };
}

const newPath = (): string => join(temporaryFolder(), "monitor", "governance");
const wordOf = (judged: Judged): string => (judged.verdict === "refused" ? judged.reason : judged.verdict);

test("a policy counts once it is on the disk, and again after a restart, before anything else happens", async () => {
  const path = newPath();
  const { governor, limits } = world(path);
  const envelope = await signedDocument("pol");
  assert.is(wordOf(await governor.document(envelope, viaOf("pol"), ASKED)), "accepted");
  assert.is(limits.get("work")!.cpuPermille, 500);
  assert.is(statSync(path).mode & 0o777, 0o600);
  const again = world(path);
  assert.is(again.limits.get("work")!.cpuPermille, 500);
  assert.equal(again.governor.policies[0]!.appliedAt, NOW);
  assert.is(wordOf(await again.governor.document(envelope, viaOf("pol"), ASKED)), "unchanged");
  assert.is(
    wordOf(await again.governor.document(await signedDocument("pol", { version: 6 }), viaOf("pol"), ASKED)),
    "rollback",
  );
});

test("expiry relaxes nothing: a policy that ran out is in force after a restart too", async () => {
  const path = newPath();
  const { governor } = world(path);
  await governor.document(await signedDocument("pol", { expires: NOW + 1 }), viaOf("pol"), ASKED);
  const later = world(path);
  assert.is(later.limits.get("work")!.cpuPermille, 500);
  const stale = await signedDocument("pol", { version: 8, expires: NOW + 10 * DAY, budget: {} });
  const asked = { ...ASKED, session: NOW + 20 * DAY };
  assert.is(wordOf(await later.governor.document(stale, viaOf("pol"), asked)), "expired");
  assert.is(later.limits.get("work")!.cpuPermille, 500);
});

test("a disk that does not take it: the document is refused, no limit changes, and its version is free", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "monitor"), "a file where the folder should be");
  const path = join(temporaryFolder(), "governance");
  const limits: string[] = [];
  const governor = new Governor({
    path: join(folder, "monitor", "governance"),
    governance: firstGovernance(DEVICE.id, fleetTrust()),
    device: DEVICE,
    check: CHECK,
    rtc: () => NOW,
    now: () => 0,
    limit: (partition) => void limits.push(partition),
  });
  assert.is(wordOf(await governor.document(await signedDocument("pol"), viaOf("pol"), ASKED)), "storage");
  assert.equal(limits, []);
  assert.equal(governor.trust, fleetTrust());
  assert.is(readGovernance(path), null);
});

test("eight envelopes at once, then one a second: an agent that floods starves itself", async () => {
  const { governor, time } = world(newPath());
  const words: string[] = [];
  for (let n = 0; n < 10; n++) words.push(wordOf(await governor.document(Uint8Array.of(n), viaOf("pol"), ASKED)));
  assert.equal(words.slice(0, 8), Array(8).fill("tag"));
  assert.equal(words.slice(8), ["rate", "rate"]);
  time.ms = 1000;
  assert.is(wordOf(await governor.document(Uint8Array.of(1), viaOf("pol"), ASKED)), "tag");
});

test("a command runs once: when it comes again, over a restart too, it is answered as it was", async () => {
  const path = newPath();
  const { governor } = world(path);
  const claims = claimsOf();
  const envelope = await signedDocument("cmd", claims);
  assert.is(wordOf(await governor.document(envelope, viaOf("cmd"), ASKED)), "accepted");
  governor.answered(claims.id, Uint8Array.of(1, 2, 3));
  const again = await world(path).governor.document(envelope, viaOf("cmd"), ASKED);
  assert.is(wordOf(again), "replayed");
  assert.ok(again.verdict === "refused");
  assert.equal(again.ack, Uint8Array.of(1, 2, 3));
});

test("what is locked stays locked over a restart", () => {
  const path = newPath();
  world(path).governor.lock("work", true);
  assert.equal(readGovernance(path)!.locked, ["work"]);
  world(path).governor.lock("work", false);
  assert.equal(readGovernance(path)!.locked, []);
});

const locking = (
  version: number,
  words: Partial<Record<string, "locked" | "unlocked" | "wiped">>,
  others = "unlocked",
) =>
  signedDocument("lock", {
    version,
    partitions: Object.entries(words).map(([partition, desired]) => ({ partition, desired: desired!, since: version })),
    others: { desired: others as "unlocked", since: others === "unlocked" ? 0 : version },
  });

test("a lock document is a state: it needs no time, holds over restarts, and a newer one lifts it", async () => {
  const path = newPath();
  const nobody = { session: null, nonce: null, answered: false };
  for (const rtc of [0, NOW - 400 * DAY, NOW, NOW + 400 * DAY, 4_294_967_296]) {
    const each = newPath();
    const { governor, time } = world(each);
    time.rtc = rtc;
    assert.is(wordOf(await governor.document(await locking(1, { work: "locked" }), viaOf("lock"), nobody)), "accepted");
    assert.equal(readGovernance(each)!.locked, ["work"], `a clock at ${rtc}`);
  }
  await world(path).governor.document(await locking(4, {}, "locked"), viaOf("lock"), nobody);
  assert.equal(readGovernance(path)!.locked, ["work"], "all is all that the fleet manages, and the owner's is not");
  const again = world(path).governor;
  assert.is(wordOf(await again.document(await locking(3, {}), viaOf("lock"), nobody)), "rollback");
  assert.equal(readGovernance(path)!.locked, ["work"]);
  assert.is(wordOf(await again.document(await locking(5, { work: "unlocked" }), viaOf("lock"), nobody)), "accepted");
  assert.equal(readGovernance(path)!.locked, []);
});

test("a lock that a policy made is lifted only by what asks for it anew", async () => {
  const path = newPath();
  const { governor } = world(path);
  await governor.document(await locking(2, { work: "unlocked" }), viaOf("lock"), ASKED);
  governor.lock("work", true);
  const other = await signedDocument("lock", {
    version: 3,
    partitions: [
      { partition: "work", desired: "unlocked", since: 2 },
      { partition: "elsewhere", desired: "locked", since: 3 },
    ],
    others: { desired: "unlocked", since: 0 },
  });
  assert.is(wordOf(await governor.document(other, viaOf("lock"), ASKED)), "accepted");
  assert.equal(readGovernance(path)!.locked, ["work"]);
});

test("an answer to this start's question is accepted and leaves nothing on the disk", async () => {
  const path = newPath();
  const { governor } = world(path);
  assert.is(wordOf(await governor.document(await signedDocument("now"), viaOf("now"), ASKED)), "accepted");
  assert.is(readGovernance(path), null);
});

test("the check that counts is the one inside QuickJS", async () => {
  const verifier = new Verifier();
  const { governor, limits } = world(newPath(), verifier);
  assert.is(wordOf(await governor.document(await signedDocument("pol"), viaOf("pol"), ASKED)), "accepted");
  assert.is(limits.get("work")!.cpuPermille, 500);
  const forged = await signedDocument("pol", { version: 8, budget: {} });
  forged[forged.length - 1]! ^= 1;
  assert.is(wordOf(await governor.document(forged, viaOf("pol"), ASKED)), "signature");
  assert.is(limits.get("work")!.cpuPermille, 500);
  verifier.dispose();
});

test("a damaged file is no file without policies: it is refused, whatever bit flipped and wherever it was cut", async () => {
  const path = newPath();
  const { governor } = world(path);
  await governor.document(await signedDocument("pol"), viaOf("pol"), ASKED);
  governor.answered(new Uint8Array(16), Uint8Array.of(1));
  const whole = readFileSync(path);
  const random = new Random(3);
  for (let round = 0; round < 300; round++) {
    const damaged = Buffer.from(random.oneIn(3) ? whole.subarray(0, random.below(whole.length)) : whole);
    if (damaged.length === whole.length) damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
    writeFileSync(path, damaged);
    assert.throws(
      () => readGovernance(path),
      (error: unknown) => error instanceof HostError && error.code === "GOVERNANCE_DAMAGED",
    );
  }
});

test("what is written is what is read", () => {
  const path = newPath();
  const governance = { ...firstGovernance(DEVICE.id, fleetTrust()), consent: Uint8Array.of(1), locked: ["work"] };
  writeGovernance(path, governance);
  assert.equal(readGovernance(path), governance);
});

test.run();
