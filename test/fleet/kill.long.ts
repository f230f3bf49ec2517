// The agent's process is killed again and again, at moments that nobody chose for it: nothing acknowledged may be lost.
// `npm test` knows the cases that were thought of; this one is for those that were not.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { killRun } from "../support/kill-run.js";
import { Random } from "../support/random.js";

const KILLS = 500;
const SEED = 20261201;
const kills = suite("fleet/kill, long");

kills(`${KILLS} kills lose no event and no command that was acknowledged`, async () => {
  const report = await killRun(KILLS, new Random(SEED));
  assert.is(report.kills, KILLS);
  assert.ok(report.events > KILLS && report.carried > 0, JSON.stringify({ ...report, wrong: report.wrong.length }));
  assert.equal(report.wrong.slice(0, 20), []);
});

kills.run();
