// The fleet's keys: what init makes a device accepts; rotations follow the rules of the root role (management.md "Who is trusted with what").

import { chmodSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issue, issuedFor, renewDocuments } from "../../../fleet/documents.js";
import { FleetError } from "../../../fleet/failure.js";
import { initKeys, keyFacts, pinOf, ROLE_NAMES, rootEnvelope, rootInForce, rotateKeys } from "../../../fleet/keys.js";
import type { FleetStore } from "../../../fleet/store.js";
import { firstTrust, type Trust } from "../../../agent/wire/trust.js";
import { DAY, DEVICE, KEYS, NOW, wordOf } from "../../support/signed.js";
import { emptyFleet, enrolledTrust, fleetRun, judged, madeFleet } from "../../support/fleet.js";

const keys = suite("fleet keys");

async function fails(code: string, body: () => unknown): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return assert.is(error.code, code, error.message);
  }
  throw new Error(`nothing failed, ${code} was expected`);
}

keys("init makes ten keys for this user alone, and a root that a device with its pin accepts", async () => {
  const { store } = await madeFleet();
  const files = readdirSync(store.path("keys"));
  assert.is(files.length, 10);
  for (const file of files) assert.is(statSync(store.path("keys", file)).mode & 0o777, 0o600, file);
  assert.is(statSync(store.path("root.cbor")).mode & 0o777, 0o600);
  const roles = enrolledTrust(store).roles!;
  assert.equal([...roles.values()].map(({ threshold, keys: of }) => `${threshold}/${of.length}`).sort(), [
    ...["1/1", "1/1", "1/1", "1/1", "1/1"],
    "2/2",
    "2/3",
  ]);
});

keys("another fleet's root does not match the pin", async () => {
  const [ours, theirs] = [await madeFleet(), await madeFleet()];
  const trust = firstTrust(pinOf(ours.store), NOW, KEYS.owner.publicKey);
  assert.is(wordOf(judged(trust, rootEnvelope(theirs.store), { kind: "root" }).verdict), "root-pin");
});

keys("a second init is refused; one that was cut off goes on with the keys it had made", async () => {
  const { store } = await madeFleet();
  await fails("FLEET_EXISTS", () => initKeys(store, NOW));
  const before = (await keyFacts(store)).map(({ kid }) => kid);
  renameSync(store.path("root.cbor"), store.path("root.gone"));
  await initKeys(store, NOW);
  assert.equal(
    (await keyFacts(store)).map(({ kid }) => kid),
    before,
  );
});

for (const role of ROLE_NAMES) {
  keys(
    `rotating ${role}: a device follows, its documents stay the same to it, and the old key signs no more`,
    async () => {
      const { store } = await madeFleet();
      let trust = enrolledTrust(store);
      const policy = await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
      trust = judged(trust, policy.envelope, { kind: "pol", partition: "work" }).trust;
      const before = (await keyFacts(store)).filter((each) => each.role === role).map(({ kid }) => kid);
      const root = await rotateKeys(store, role, false, NOW);
      assert.is(root.version, 2);
      const after = (await keyFacts(store)).filter((each) => each.role === role);
      assert.not(after.some(({ kid }) => before.includes(kid)));
      assert.ok(after.every(({ file }) => file !== null));
      const followed = judged(trust, rootEnvelope(store), { kind: "root" });
      assert.is(wordOf(followed.verdict), "accepted");
      const via = { kind: "pol", partition: "work" } as const;
      const old = role === "policy" ? "signer" : "unchanged";
      assert.is(wordOf(judged(followed.trust, policy.envelope, via).verdict), old);
      assert.is(await renewDocuments(store, NOW), 1);
      const [renewed] = issuedFor(store, DEVICE.id);
      assert.is(wordOf(judged(followed.trust, renewed!.envelope, via).verdict), "unchanged");
      assert.equal(renewed!.hash, policy.hash);
    },
  );
}

keys("a raised epoch ends what was signed before; what is kept is issued again", async () => {
  const { store } = await madeFleet();
  const policy = await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
  await rotateKeys(store, "policy", true, NOW);
  assert.is(rootInForce(store).epochNext, 2);
  await renewDocuments(store, NOW);
  const trust = judged(enrolledTrustOfFirst(store), rootEnvelope(store), { kind: "root" }).trust;
  const via = { kind: "pol", partition: "work" } as const;
  assert.is(wordOf(judged(trust, policy.envelope, via).verdict), "signer");
  const [renewed] = issuedFor(store, DEVICE.id);
  assert.is(wordOf(judged(trust, renewed!.envelope, via).verdict), "accepted");
  assert.is(renewed!.document.expires, policy.document.expires);
});

/** A device that was enrolled before the rotation. */
function enrolledTrustOfFirst(store: FleetStore): Trust {
  const pinned = firstTrust(pinOf(store), NOW, KEYS.owner.publicKey);
  return judged(pinned, store.readBytes("roots", "1.cbor")!, { kind: "root" }).trust;
}

keys("without two root keys nothing is rotated; with a key file that others can read nothing is signed", async () => {
  const { store } = await madeFleet();
  for (const number of [1, 2]) renameSync(store.path("keys", `root-${number}.key`), store.path(`root-${number}.away`));
  await fails("FLEET_KEYS", () => rotateKeys(store, "time", false, NOW));
  assert.is(rootInForce(store).version, 1);
  chmodSync(store.path("keys", "policy-1.key"), 0o640);
  await fails("KEY_EXPOSED", () => issue(store, "pol", "all", { partition: "work" }, NOW, DAY));
});

keys("the command: init, show, a dry run that makes nothing, rotate", async () => {
  const fleet = emptyFleet();
  assert.match((await fleetRun(fleet, ["keys", "show"])).said, "FLEET_MISSING");
  assert.is((await fleetRun(fleet, ["keys", "init", "--dry-run"])).status, 0);
  assert.not(fleet.store.isMade);
  assert.is((await fleetRun(fleet, ["keys", "init"])).status, 0);
  const shown = JSON.parse((await fleetRun(fleet, ["keys", "show", "--json"])).out) as { keys: object[] };
  assert.is(shown.keys.length, 10);
  await fleetRun(fleet, ["keys", "rotate", "time", "--dry-run"]);
  assert.is(rootInForce(fleet.store).version, 1);
  assert.is((await fleetRun(fleet, ["keys", "rotate", "time"])).status, 0);
  assert.is(rootInForce(fleet.store).version, 2);
  assert.is((await fleetRun(fleet, ["keys", "rotate", "owner"])).status, 2);
  assert.match((await fleetRun(fleet, ["keys", "init", "--tenant", "a/b"])).said, "FLEET_TENANT");
  assert.not(readdirSync(join(fleet.environment["XDG_STATE_HOME"]!, "pocketvisor", "fleet")).includes("a"));
});

keys.run();
