// Kills the agent's process many times and says what was lost: node --import tsx test/fleet/kill.ts [KILLS] [SEED]

import { Random } from "../support/random.js";
import { killRun } from "../support/kill-run.js";

const [kills = "500", seed = "1"] = process.argv.slice(2);
const report = await killRun(Number(kills), new Random(Number(seed)));
console.log(
  `${report.kills} kills, ${report.events} events and ${report.commands} commands, ${report.wrong.length} wrong`,
);
for (const [reason, count] of report.refusals) console.log(`refused ${count} times: ${reason}`);
for (const line of report.wrong.slice(0, 20)) console.log(line);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
