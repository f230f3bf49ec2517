// fleet rollout against the fleet's own broker: the canary first, the rest after its report and the soak; pause and abort hold.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import type { Policy } from "../../agent/wire/policy.js";
import { REASONS } from "../../agent/wire/reasons.js";
import { eventMsg } from "../../agent/wire/reports.js";
import { encodeMessage } from "../../agent/wire/schema.js";
import { sign1 } from "../../agent/wire/sign.js";
import { audienceOf, issuedFor, type Issued } from "../../fleet/documents.js";
import { loadRollout } from "../../fleet/rollout-files.js";
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
  /** The device says that it refused what was pushed to it. */
  refuse: (name: string, partition: string) => Promise<void>;
  /** `rollout run`, in time that passes only while nobody's answer is under way: `answer` is what each device does that was pushed to. With
   *  `signal`, it is killed. */
  follow: (answer: (name: string) => Promise<void>, signal?: AbortSignal) => Promise<FleetResult>;
  /** The policies that are signed for a device: their version and their share of the processor. */
  policyOf: (name: string) => { version: number; cpuPermille: number | undefined } | null;
  /** Signs and pushes another policy; returns the names of all devices. */
  push: (to: string, text: string) => Promise<string[]>;
}

async function world(body: (world: World) => Promise<void>): Promise<void> {
  const fleet = await madeFleet();
  const names = Array.from({ length: 5 }, (_, at) => enrolKey(fleet.store, keyOf(60 + at), `phone-${at}`));
  const issuedOf = (name: string): Issued | undefined =>
    issuedFor(fleet.store, audienceOf(name)).find(({ kind }) => kind === "pol");
  await withBroker(fleet.store, async (broker) => {
    const clock = { now: NOW };
    const run = (...args: string[]): Promise<FleetResult> =>
      fleetRun(fleet, ["rollout", ...args], { now: () => clock.now });
    const status = async (): Promise<Rollout> => JSON.parse((await run("status", "spring", "--json")).out) as Rollout;
    const report: World["report"] = async (name, state) => {
      const { document, hash } = issuedOf(name)!;
      const policy = { epoch: document.epoch, version: document.version };
      const sections = new Map([[31, { state }]]);
      const key = keyOf(60 + names.indexOf(name));
      await says(name, "rep/work", await sign1("report", { policy, hash, appliedAt: NOW, sections }, key, nodeCrypto));
    };
    const says = async (name: string, what: string, payload: Uint8Array): Promise<void> => {
      const device = await connectDevice(broker, name);
      const options = { qos: 1, retain: what.startsWith("rep") } as const;
      await device.publishAsync(`pv/1/demo/${name}/up/${what}`, Buffer.from(payload), options);
      await device.endAsync();
    };
    const refuse: World["refuse"] = (name, partition) => {
      const args = new Map<number, string>([
        [1, "pol"],
        [2, partition],
      ]);
      const event = { time: clock.now, sequence: 1, code: REASONS["partition-unknown"], severity: 4, args } as const;
      return says(name, "ev", encodeMessage(eventMsg, event));
    };
    const follow: World["follow"] = (answer, signal = new AbortController().signal) => {
      const asked = new Set<string>();
      const sleep = async (seconds: number, woken: AbortSignal): Promise<void> => {
        const open = Object.entries(loadRollout(fleet.store, "spring").devices).filter(
          ([, each]) => each.status === "pushed",
        );
        const next = open.map(([name]) => name).find((name) => !asked.has(name));
        if (next !== undefined) {
          asked.add(next);
          await answer(next);
        } else if (open.length === 0) {
          clock.now += seconds;
          return;
        }
        // Somebody's answer is on its way: it wakes the runner.
        if (!woken.aborted) await new Promise<void>((resolve) => woken.addEventListener("abort", () => resolve()));
      };
      return fleetRun(fleet, ["rollout", "run", "spring"], { now: () => clock.now, sleep, signal });
    };
    const policyOf: World["policyOf"] = (name) => {
      const issued = issuedOf(name);
      if (issued === undefined) return null;
      const { version, budget } = issued.document as Policy;
      return { version, cpuPermille: budget?.cpuPermille };
    };
    const pushed = (): string[] => names.filter((name) => issuedOf(name) !== undefined);
    const push: World["push"] = async (to, text) => {
      const { status: code, said } = await fleetRun(fleet, ["policy", "push", temporaryFile(text), "--to", to]);
      assert.is(code, 0, said);
      return names;
    };
    await body({ run, status, clock, report, refuse, follow, policyOf, push, pushed });
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

rollouts("run goes on by itself to the end, and a ring opens an hour after the one before was good, not earlier", () =>
  world(async ({ run, status, clock, pushed, report, follow }) => {
    await run("start", "spring", FILE);
    const counts: [at: number, count: number][] = [];
    const result = await follow(async (name) => {
      if (counts.at(-1)?.[1] !== pushed().length) counts.push([clock.now - NOW, pushed().length]);
      await report(name, "compliant");
    });
    assert.is(result.status, 0, result.said);
    assert.equal([(await status()).state, pushed().length], ["done", 5]);
    assert.is(counts[0]![1], 1, "the canary");
    counts.slice(1).forEach(([at], n) => {
      const waited = at - counts[n]![0];
      assert.ok(waited >= 3600 && waited % 3600 <= 10, `${waited} s`);
    });
  }),
);

rollouts("a device that refuses counts at once, not by its time-out; what it refuses of others does not", () =>
  world(async ({ run, status, clock, pushed, refuse, report, follow }) => {
    await run("start", "spring", FILE);
    const result = await follow(async (name) => {
      await refuse(name, "mail");
      await refuse(name, "work");
      if (pushed().length > 1) await report(name, "compliant");
    });
    assert.is(result.status, 1);
    assert.match(result.said, /refused it: partition-unknown/);
    assert.equal([(await status()).state, pushed().length, clock.now], ["aborted", 1, NOW]);
  }),
);

rollouts("killed in the middle, it is run again and comes to the same end; a pause from another process holds", () =>
  world(async ({ run, status, clock, pushed, report, follow }) => {
    await run("start", "spring", FILE);
    const kill = new AbortController();
    const first = await follow(async (name) => {
      await report(name, "compliant");
      kill.abort();
    }, kill.signal);
    assert.is(first.status, 130);
    assert.equal([(await status()).state, pushed().length], ["running", 1]);
    let paused = false;
    const stop = new AbortController();
    await run("pause", "spring");
    clock.now += 3 * 3600;
    paused = (await status()).state === "paused";
    setImmediate(() => stop.abort());
    await follow(async () => undefined, stop.signal);
    assert.equal([paused, pushed().length], [true, 1]);
    await run("resume", "spring");
    const last = await follow((name) => report(name, "compliant"));
    assert.equal([last.status, (await status()).state, pushed().length], [0, "done", 5]);
  }),
);

rollouts("rollback gives each device that got it what it had, as a newer version, and the others nothing", () =>
  world(async ({ run, status, clock, pushed, report, policyOf, push }) => {
    const names = await push("all", "partition: work\nbudget: { cpu: 70% }\n");
    await push(names[1]!, "partition: work\nbudget: { cpu: 55% }\n");
    const before = new Map(names.map((name) => [name, policyOf(name)]));
    await run("start", "spring", FILE);
    for (let rounds = 0; rounds < 2; rounds++) {
      for (const name of Object.keys((await status()).devices))
        if ((await status()).devices[name]!.status === "pushed") await report(name, "compliant");
      await run("continue", "spring");
      clock.now += 3600;
      await run("continue", "spring");
    }
    const got = Object.entries((await status()).devices).filter(([, each]) => each.status !== "waiting");
    assert.ok(got.length > 1 && got.length < 5, `${got.length}`);
    assert.match((await run("rollback", "spring", "--dry-run")).said, "would be rolling-back");
    assert.is((await run("rollback", "spring")).status, 0);
    assert.is((await status()).state, "rolled-back");
    for (const name of names) {
      const [now, had] = [policyOf(name), before.get(name)];
      if (!got.some(([each]) => each === name)) assert.equal(now, had, "nobody pushed to it");
      else assert.is(now!.cpuPermille, name === names[1] ? 550 : 700);
    }
    const versions = got.map(([name]) => policyOf(name)!.version);
    assert.ok(Math.min(...versions) > got.length + 2, "newer than everything before");
    assert.is(pushed().length, new Set([...got.map(([name]) => name), names[1]]).size);
    assert.is((await run("rollback", "spring")).status, 2, "once");
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
