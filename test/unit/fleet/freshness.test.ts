// Freshness documents: they list what is kept, end in time, are renewed in time; a device that has one refuses what is old.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issue } from "../../../fleet/documents.js";
import { FRESH_SECONDS, RENEW_SECONDS, signAllFreshness, signFreshness } from "../../../fleet/freshness.js";
import { DAY, DEVICE, NOW, wordOf } from "../../support/signed.js";
import { enrolledTrust, judged, madeFleet } from "../../support/fleet.js";
import { enrolKey } from "../../support/fleet-device.js";

const freshness = suite("fleet freshness");
const via = { kind: "pol", partition: "work" } as const;

freshness(
  "a device that has the freshness document takes the newest and refuses the one before (frozen broker)",
  async () => {
    const { store } = await madeFleet();
    const old = await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
    const next = await issue(store, "pol", DEVICE.id, { partition: "work", budget: {} }, NOW, DAY);
    const time = await signFreshness(store, DEVICE.id, NOW);
    const { verdict, trust } = judged(enrolledTrust(store), time.envelope, { kind: "time" });
    assert.is(wordOf(verdict), "accepted");
    assert.is(wordOf(judged(trust, old.envelope, via).verdict), "superseded");
    assert.is(wordOf(judged(trust, next.envelope, via).verdict), "accepted");
  },
);

freshness("it ends; until then it is not signed again, unless something is new or a device came", async () => {
  const { store } = await madeFleet();
  const keeper = (now: number): Promise<number> =>
    signAllFreshness(store, now, FRESH_SECONDS - RENEW_SECONDS).then((all) => all.length);
  assert.is(await keeper(NOW), 1, "everybody's, which lists the root");
  assert.is(await keeper(NOW + RENEW_SECONDS - 1), 0);
  enrolKey(store);
  assert.is(await keeper(NOW + 60), 1);
  await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
  assert.is(await keeper(NOW + 60), 1);
  await issue(store, "pol", "sales", { partition: "work" }, NOW, DAY);
  assert.is(await keeper(NOW + 60), 1);
  assert.is(await keeper(NOW + RENEW_SECONDS), 1, "only the first is due");
  assert.is(await keeper(NOW + RENEW_SECONDS + 60), 2);
});

freshness("512 documents can be listed for one audience, and no more", async () => {
  const { store } = await madeFleet();
  // The document itself, of the largest size: 64 bytes a partition's name and hash at most.
  for (let at = 0; at < 512; at++) {
    await issue(store, "pol", "sales", { partition: `partition-with-a-long-name-${at}` }, NOW, DAY);
  }
  const { envelope, document } = await signFreshness(store, "sales", NOW);
  assert.is(document.newest.length, 512);
  assert.ok(envelope.length <= 64 << 10, `${envelope.length} bytes`);
  await issue(store, "pol", "sales", { partition: "one-more" }, NOW, DAY);
  try {
    await signFreshness(store, "sales", NOW);
  } catch (error) {
    assert.is((error as { code: string }).code, "FLEET_LISTED");
    return;
  }
  throw new Error("513 documents were listed");
});

freshness.run();
