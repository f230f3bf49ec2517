// fleet policy sign: what it signs is what devices accept, version after version; a dry run signs nothing.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lastVersion } from "../../../../fleet/versions.js";
import { toHex } from "../../../../agent/wire/bytes.js";
import { DEVICE, NOW, wordOf } from "../../../support/signed.js";
import { enrolledTrust, fleetRun, judged, madeFleet } from "../../../support/fleet.js";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const signing = suite("fleet policy sign");
const NAME = toHex(DEVICE.id);
const via = { kind: "pol", partition: "work" } as const;
const file = (cpu: string): string => temporaryFile(`partition: work\nbudget: { cpu: ${cpu} }\n`, "policy.yaml");

signing("a device accepts version 1 and then 2, whichever audience they are for, and not 1 again", async () => {
  const fleet = await madeFleet();
  const out = (): string => join(temporaryFolder(), "envelope");
  const [first, second] = [out(), out()];
  assert.is((await fleetRun(fleet, ["policy", "sign", file("60%"), "--to", "all", "--out", first])).status, 0);
  const run = await fleetRun(fleet, ["policy", "sign", file("20%"), "--to", NAME, "--out", second, "--json"]);
  assert.is((JSON.parse(run.out) as { version: number }).version, 2);
  const one = judged(enrolledTrust(fleet.store), readFileSync(first), via);
  const two = judged(one.trust, readFileSync(second), via);
  assert.equal(
    [one, two].map(({ verdict }) => wordOf(verdict)),
    ["accepted", "accepted"],
  );
  assert.is(wordOf(judged(two.trust, readFileSync(first), via).verdict), "rollback");
});

signing("a dry run tells what changes and takes no version; diff with --to compares with what is signed", async () => {
  const fleet = await madeFleet();
  await fleetRun(fleet, ["policy", "sign", file("60%"), "--to", "all"]);
  const dry = await fleetRun(fleet, ["policy", "sign", file("20%"), "--to", "all", "--dry-run"]);
  assert.match(dry.said, "work: at most 20 % of a processor instead of 60 %");
  assert.is(lastVersion(fleet.store, "pol", "work"), 1);
  const diff = await fleetRun(fleet, ["policy", "diff", file("20%"), "--to", "all"]);
  assert.is(diff.out, "work: at most 20 % of a processor instead of 60 %");
  assert.is((await fleetRun(fleet, ["policy", "diff", file("60%"), "--to", "all"])).out, "nothing changes");
  const shown = JSON.parse((await fleetRun(fleet, ["policy", "show", "--json"])).out) as { expires: number }[];
  assert.equal(
    shown.map(({ expires }) => expires),
    [NOW + 180 * 86_400],
  );
});

signing("what is missing or wrong is said, with status 2", async () => {
  const fleet = await madeFleet();
  for (const args of [["sign"], ["sign", file("60%")], ["diff", file("60%")], ["burn"], ["toString"], []]) {
    assert.is((await fleetRun(fleet, ["policy", ...args])).status, 2, args.join(" "));
  }
  const wrong = await fleetRun(fleet, ["policy", "sign", file("60%"), "--to", "a/#"]);
  assert.match(wrong.said, "FLEET_AUDIENCE");
});

signing.run();
