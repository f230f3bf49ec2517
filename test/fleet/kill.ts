// Kills the agent's process many times and says what was lost: node --import tsx test/fleet/kill.ts [KILLS] [SEED] [LIFE]
// LIFE is a command's, in seconds. One that is longer than the run shows the replay set's limit: 256 commands are carried, those after them refused.

import { Random } from "../support/random.js";
import { killRun } from "../support/kill-run.js";

const [kills = "500", seed = "1", life] = process.argv.slice(2);
const report = await killRun(Number(kills), new Random(Number(seed)), life === undefined ? undefined : Number(life));
console.log(
  `${report.kills} kills, ${report.events} events and ${report.commands} commands of which ${report.carried} were carried, ${report.wrong.length} wrong`,
);
for (const [reason, count] of report.refusals) console.log(`refused ${count} times: ${reason}`);
for (const line of report.wrong.slice(0, 20)) console.log(line);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
