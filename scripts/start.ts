// npm start: builds, fetches Debian's kernel if it is not cached, and runs it. Arguments go to `pocketvisor run`.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./stale.mjs";

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(`usage: npm start -- [ARGS of "pocketvisor run"]
Builds what is out of date, fetches the guest "linux" if it is not cached, and runs it on this terminal. Ctrl-] leaves.`);
  process.exit(0);
}
const command = join(root, "scripts/pocketvisor.mjs");
const step = (...words: string[]): number =>
  spawnSync(process.execPath, [command, ...words], { stdio: "inherit" }).status ?? 1;

const ownImage =
  args.some((arg) => /^--(kernel|firmware)\b/.test(arg)) || (args[0] !== undefined && !args[0].startsWith("-"));
if (!ownImage) {
  const fetched = step("guest", "fetch", "linux");
  if (fetched !== 0) process.exit(fetched);
}
process.exitCode = step("run", ...(ownImage ? [] : ["linux"]), ...args);
