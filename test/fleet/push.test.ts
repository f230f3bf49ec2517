// Whom a policy reaches, and what was said before: a name that nobody has is an error, what is in force is not signed twice, and the last push can be undone.

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audienceOf, issuedFor } from "../../fleet/documents.js";
import { fleetRun, madeFleet, type FleetResult, type TestFleet } from "../support/fleet.js";
import { enrolKey, withBroker } from "../support/fleet-device.js";
import { keyOf } from "../support/signed.js";
import { temporaryFolder } from "../support/temporary.js";

const test = suite("fleet push");

interface World extends TestFleet {
  /** The devices' names: demo and other. */
  names: string[];
  run: (...args: string[]) => Promise<FleetResult>;
  push: (percent: number, to: string, ...more: string[]) => Promise<FleetResult>;
}

async function world(body: (world: World) => Promise<void>): Promise<void> {
  const fleet = await madeFleet();
  const names = [enrolKey(fleet.store, keyOf(71), "demo"), enrolKey(fleet.store, keyOf(72), "other")];
  const file = join(temporaryFolder(), "work.yaml");
  await withBroker(fleet.store, async () => {
    const run = (...args: string[]): Promise<FleetResult> => fleetRun(fleet, args);
    await body({
      ...{ ...fleet, names, run },
      push: (percent, to, ...more) => {
        writeFileSync(file, `partition: work\nbudget: { cpu: ${percent}% }\n`);
        return run("policy", "push", file, "--to", to, ...more);
      },
    });
  });
}

test("a group or device that nobody is: an error that lists what there is, and nothing is signed", () =>
  world(async ({ run, push, names, store }) => {
    assert.is((await run("groups", "demo", "sales")).status, 0);
    for (const [to, what] of [
      ["demo", /demo is a device, and no group/],
      [names[0]!.slice(0, 8), /is a device, and no group/],
      ["slaes", /nobody is called slaes/],
      ["ffffffffffffffffffffffffffffffff", /nobody is called/],
    ] as const) {
      const { status, said } = await push(20, to);
      assert.is.not(status, 0, to);
      assert.match(said, what);
      assert.match(said, /Groups: sales/);
      for (const name of names) assert.match(said, name);
    }
    assert.equal(
      store.list("documents").filter((each) => !names.includes(each)),
      [],
    );
    for (const to of ["all", "sales", names[1]!]) assert.is((await push(20, to)).status, 0, to);
    const start = await run("rollout", "start", "r1", join(temporaryFolder(), "none.yaml"), "--to", "slaes");
    assert.is.not(start.status, 0);
  }));

test("the same policy once more: nothing changes, and no version is signed; with --json too", () =>
  world(async ({ push, store }) => {
    assert.is((await push(20, "all")).status, 0);
    for (const more of [[], ["--json"]]) {
      const { status, said } = await push(20, "all", ...more);
      assert.is(status, 0);
      assert.match(said, /nothing changes: policy 1\.1 for all says the same/);
    }
    const [policy] = issuedFor(store, audienceOf("all")).filter(({ kind }) => kind === "pol");
    assert.is(policy!.document.version, 1);
    assert.is((await push(30, "all")).status, 0);
    assert.is(issuedFor(store, audienceOf("all")).find(({ kind }) => kind === "pol")!.document.version, 2);
  }));

test("history tells who signed what and when; undo signs what was before, as a new version", () =>
  world(async (all) => {
    const { push, run, store, environment } = all;
    environment["POCKETVISOR_AUTHOR"] = "ann\u001b[2J";
    await push(20, "all");
    environment["POCKETVISOR_AUTHOR"] = "ben";
    await push(40, "all");
    const { out } = await run("policy", "history", "work", "--to", "all");
    assert.match(out, /^1\.1 .* by ann/m);
    assert.match(out, /^1\.2 .* by ben\n {2}work: at most 40 % of a processor instead of 20 %/m);
    assert.not.match(out, "\u001b");
    const cpu = (): number | undefined => {
      const issued = issuedFor(store, audienceOf("all")).find(({ kind }) => kind === "pol")!;
      return "budget" in issued.document ? issued.document.budget?.cpuPermille : undefined;
    };
    assert.is((await run("policy", "undo", "work", "--to", "all", "--dry-run")).status, 0);
    assert.is(cpu(), 400);
    const undone = await run("policy", "undo", "work", "--to", "all");
    assert.is(undone.status, 0, undone.said);
    assert.equal(
      [cpu(), (await run("policy", "history", "work", "--to", "all", "--json")).out.includes("1.3")],
      [200, true],
    );
    assert.is((await run("policy", "undo", "work", "--to", "all", "--version", "2")).status, 0);
    assert.is(cpu(), 400);
    assert.is.not((await run("policy", "undo", "work", "--to", "all", "--version", "9")).status, 0);
    assert.is.not((await run("policy", "undo", "mail", "--to", "all")).status, 0);
  }));

test("groups and roll-outs are listed", () =>
  world(async ({ run, names }) => {
    assert.match((await run("groups")).said, /no device is in a group/);
    await run("groups", "demo", "sales", "pilot");
    await run("groups", "other", "sales");
    assert.equal(JSON.parse((await run("groups", "--json")).out), [
      { group: "pilot", devices: [names[0]] },
      { group: "sales", devices: [...names].sort() },
    ]);
    assert.match((await run("groups")).out, /^sales +2 /m);
    assert.match((await run("rollout", "ls")).said, /there is no roll-out/);
    const file = join(temporaryFolder(), "p.yaml");
    writeFileSync(file, "partition: work\nbudget: { cpu: 20% }\n");
    assert.is((await run("rollout", "start", "spring", file, "--to", "pilot")).status, 0);
    assert.match((await run("rollout", "ls")).out, /^spring +running +1 % +1 +0 +0 +1 +0$/m);
    const [only] = JSON.parse((await run("rollout", "ls", "--json")).out) as { id: string; devices: number }[];
    assert.equal([only!.id, only!.devices], ["spring", 1]);
  }));

test("a profile stands in for the four options; an option of the verb goes before it", () =>
  world(async ({ run, store }) => {
    const own = (await run("profile")).said;
    assert.match(own, /this computer's own broker/);
    const pem = join(temporaryFolder(), "authority.pem");
    writeFileSync(pem, "x");
    const nowhere = "mqtt://127.0.0.1:1";
    assert.is((await run("profile", "--broker", nowhere, "--authorities", pem)).status, 0);
    assert.is(statSync(store.path("profile.json")).mode & 0o777, 0o600);
    assert.match((await run("profile")).out, /url: mqtt:\/\/127\.0\.0\.1:1\nauthorities: /);
    assert.match((await run("ls")).said, /mqtt:\/\/127\.0\.0\.1:1 cannot be reached/);
    assert.match((await run("ls", "--broker", "mqtt://127.0.0.1:2")).said, /127\.0\.0\.1:2 cannot be reached/);
    for (const wrong of [
      ["--broker", "x"],
      ["--key", pem],
      ["--broker", nowhere, "--key", `${pem}.none`],
      ["--none", "--key", pem],
    ]) {
      assert.is.not((await run("profile", ...wrong)).status, 0, wrong.join(" "));
    }
    assert.is((await run("profile", "--none")).status, 0);
    assert.is((await run("ls")).status, 0);
  }));

test.run();
