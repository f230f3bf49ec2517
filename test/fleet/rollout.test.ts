// fleet rollout against the fleet's own broker: the canary first, the rest after its report and the soak; pause and abort hold.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reported } from "../../agent/wire/reports.js";
import { encodeMessage } from "../../agent/wire/schema.js";
import { audienceOf, issuedFor, type Issued } from "../../fleet/documents.js";
import type { Rollout } from "../../fleet/rollout.js";
import { keyOf, NOW } from "../support/signed.js";
import { fleetRun, madeFleet, type FleetResult } from "../support/fleet.js";
import { connectDevice, enrolKey, withBroker } from "../support/fleet-device.js";
import { temporaryFile } from "../support/temporary.js";

const rollouts = suite("fleet rollout verbs");
const FILE = temporaryFile("partition: work\nbudget: { cpu: 20% }\n", "policy.yaml");

interface World {
  run: (...args: string[]) => Promise<FleetResult>;
  status: () => Promise<Rollout>;
  clock: { now: number };
  /** Names that a policy was pushed to. */
  pushed: () => string[];
  /** The device reports what was pushed to it. */
  report: (name: string, state: "compliant" | "failed") => Promise<void>;
}

async function world(body: (world: World) => Promise<void>): Promise<void> {
  const fleet = await madeFleet();
  const names = Array.from({ length: 5 }, (_, at) => enrolKey(fleet.store, keyOf(60 + at), `phone-${at}`));
  const policyOf = (name: string): Issued | undefined =>
    issuedFor(fleet.store, audienceOf(name)).find(({ kind }) => kind === "pol");
  await withBroker(fleet.store, async (broker) => {
    const clock = { now: NOW };
    const run = (...args: string[]): Promise<FleetResult> =>
      fleetRun(fleet, ["rollout", ...args], { now: () => clock.now });
    const status = async (): Promise<Rollout> => JSON.parse((await run("status", "spring", "--json")).out) as Rollout;
    const report: World["report"] = async (name, state) => {
      const { document, hash } = policyOf(name)!;
      const device = await connectDevice(broker, name);
      const policy = { epoch: document.epoch, version: document.version };
      const sections = new Map([[31, { state }]]);
      const payload = Buffer.from(encodeMessage(reported, { policy, hash, appliedAt: NOW, sections }));
      await device.publishAsync(`pv/1/demo/${name}/up/rep`, payload, { qos: 1, retain: true });
      await device.endAsync();
    };
    await body({ run, status, clock, report, pushed: () => names.filter((name) => policyOf(name) !== undefined) });
  });
}

rollouts("the canary, its report, the soak, the next ring; with everybody's report it is done", () =>
  world(async ({ run, status, clock, pushed, report }) => {
    assert.match((await run("start", "spring", FILE, "--dry-run")).out, "100 %: 5 devices");
    assert.equal(pushed(), []);
    assert.is((await run("start", "spring", FILE)).status, 0);
    const [canary, ...none] = pushed();
    assert.equal(none, []);
    await run("continue", "spring");
    assert.is(pushed().length, 1, "nothing more before it has reported");
    await report(canary!, "compliant");
    assert.match((await run("continue", "spring")).out, "soaks for 3600 s more");
    clock.now += 3599;
    await run("continue", "spring");
    assert.is(pushed().length, 1);
    for (let rounds = 0; (await status()).state === "running"; rounds++) {
      assert.ok(rounds < 10);
      clock.now += 3600;
      await run("continue", "spring");
      for (const name of pushed()) await report(name, "compliant");
    }
    assert.equal([pushed().length, (await status()).state], [5, "done"]);
    assert.is((await run("start", "spring", FILE)).status, 2);
  }),
);

rollouts("a canary that fails ends it, and nobody else gets the policy", () =>
  world(async ({ run, status, pushed, report }) => {
    await run("start", "spring", FILE);
    await report(pushed()[0]!, "failed");
    assert.is((await run("continue", "spring")).status, 1);
    assert.equal([(await status()).state, pushed().length], ["aborted", 1]);
    assert.is((await run("resume", "spring")).status, 2);
  }),
);

rollouts("a canary that never answers counts as failed in the end; paused, time does nothing", () =>
  world(async ({ run, status, clock, pushed }) => {
    await run("start", "spring", FILE, "--timeout", "2h");
    assert.is((await run("pause", "spring")).status, 0);
    clock.now += 3 * 3600;
    await run("continue", "spring");
    assert.is((await status()).state, "paused");
    await run("resume", "spring");
    assert.is((await run("continue", "spring")).status, 1);
    assert.equal([(await status()).state, pushed().length], ["aborted", 1]);
  }),
);

rollouts("what is missing or wrong is said, with status 2", () =>
  world(async ({ run }) => {
    for (const args of [
      ["start", "a/b", FILE],
      ["start", "spring"],
      ["status", "spring"],
      ["burn", "spring"],
      ["start", "x", FILE, "--soak", "soon"],
    ]) {
      assert.is((await run(...args)).status, 2, args.join(" "));
    }
  }),
);

rollouts.run();
