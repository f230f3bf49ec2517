// npm start: builds, fetches Debian's kernel if it is not cached, and boots the demo handset. Arguments go to `pocketvisor up`.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./stale.mjs";

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(`usage: npm start -- [ARGS of "pocketvisor up"]
Builds what is out of date, fetches the guest "linux" if it is not cached, and boots the demo handset: two Debian partitions under budgets,
with a live view on a terminal. "npm start -- --until ready" ends with 0 once both have reached their shells; --json tells how they did.`);
  process.exit(0);
}
const command = join(root, "scripts/pocketvisor.mjs");
/** What the fetch says is for people: standard output is kept for --json. */
const step = (stdout: "inherit" | 2, ...words: string[]): number =>
  spawnSync(process.execPath, [command, ...words], { stdio: ["inherit", stdout, "inherit"] }).status ?? 1;

const fetched = step(2, "guest", "fetch", "linux");
if (fetched !== 0) process.exit(fetched);
// Ctrl-C is for the handset, which ends in order; this process only waits.
process.on("SIGINT", () => undefined);
process.exitCode = step("inherit", "up", ...args);
