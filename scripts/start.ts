// npm start: the whole of it on one computer. Builds, fetches Debian's kernel if it is not cached, starts a broker, lets the demo handset into its
// fleet, boots it, and pushes a signed policy to it. Arguments go to `pocketvisor up`.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { monitorFolder } from "../agent/paths.ts";
import { DEFAULT_TENANT, FleetStore } from "../fleet/store.ts";
import { root } from "./stale.mjs";

const HANDSET = "demo";
const POLICY = join(root, "boards/policies/work-demo.yaml");
const COMMAND = join(root, "scripts/pocketvisor.mjs");
/** How long the demo may run before its policy comes: one wants to see what it changes. */
const BEFORE_POLICY_MS = 5_000;
const POLL_MS = 1_000;
const BROKER_MS = 20_000;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(`usage: npm start -- [--no-fleet] [ARGS of "pocketvisor up"]
Builds what is out of date, fetches the guest "linux" if it is not cached, starts a broker on this computer, and boots the demo handset: two
Debian partitions under budgets, with a live view on a terminal. A few seconds after both have reached their shells, a signed policy is
pushed that cuts the work side to 20 % of a processor and 100 mW; the view shows it arrive.
"npm start -- --until ready" ends with 0 once both have reached their shells; --json tells how they did.
--no-fleet, or a handset file of your own: no broker, no policy.`);
  process.exit(0);
}
const upArgs = args.filter((arg) => arg !== "--no-fleet");
const takesValue = ["--until", "--board", "--timeout"];
const ownFile = upArgs.some((arg, at) => !arg.startsWith("-") && !takesValue.includes(upArgs[at - 1] ?? ""));
const virtual = upArgs.includes("--deterministic") || upArgs.includes("--dry-run");
const withFleet = !args.includes("--no-fleet") && !ownFile && !virtual;
const until = upArgs.some((arg) => arg.startsWith("--until"));
const live = process.stdout.isTTY === true && !until && !upArgs.includes("--plain") && !upArgs.includes("--json");

/** Runs a command to its end. What it says is for people: standard output is kept for --json. */
function step(...words: string[]): number {
  return spawnSync(process.execPath, [COMMAND, ...words], { stdio: ["inherit", 2, 2] }).status ?? 1;
}

function must(status: number): void {
  if (status !== 0) process.exit(status);
}

/** A broker for this run, filled with what the fleet has signed. */
async function startBroker(): Promise<ChildProcess> {
  // A group of its own: Ctrl-C on the terminal is for the handset, and the broker ends after it.
  const broker = spawn(process.execPath, [COMMAND, "fleet", "broker", "--json"], {
    stdio: ["ignore", "pipe", 2],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the broker did not start")), BROKER_MS);
    broker.stdout!.once("data", () => {
      clearTimeout(late);
      resolve();
    });
    broker.once("exit", (status) => reject(new Error(`the broker ended with status ${status ?? -1}`)));
  });
  return broker;
}

interface Seen {
  partitions: { bootMs: number | null }[];
  management: { link: { up: boolean } } | null;
}

/** Pushes the demo's policy once both partitions are at their shells and the agent is connected. */
async function pushWhenReady(over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await sleep(POLL_MS);
    const { stdout, status } = spawnSync(process.execPath, [COMMAND, "ls", "--json"], { encoding: "utf8" });
    if (status !== 0) continue;
    const { partitions, management } = JSON.parse(stdout) as Seen;
    if (partitions.every(({ bootMs }) => bootMs !== null) && management?.link.up === true) break;
  }
  await sleep(BEFORE_POLICY_MS);
  if (over.aborted) return;
  // The live view has the terminal; it shows what comes of the push.
  spawnSync(process.execPath, [COMMAND, "fleet", "policy", "push", POLICY, "--to", "all"], {
    stdio: live ? "ignore" : ["ignore", 2, 2],
  });
}

must(step("guest", "fetch", "linux"));
let broker: ChildProcess | null = null;
if (withFleet) {
  if (!new FleetStore(DEFAULT_TENANT).isMade) must(step("fleet", "keys", "init"));
  broker = await startBroker();
  if (!existsSync(join(monitorFolder(HANDSET), "governance"))) {
    must(step("fleet", "enrol", "--local", HANDSET, "--consent", "read-logs"));
  }
}
const up = spawn(process.execPath, [COMMAND, "up", ...upArgs], { stdio: "inherit" });
// Ctrl-C is for the handset, which ends in order; this process only waits.
process.on("SIGINT", () => undefined);
const over = new AbortController();
const ended = new Promise<number>((resolve) => up.once("exit", (status) => resolve(status ?? 1)));
if (withFleet && !until) void pushWhenReady(over.signal);
const status = await ended;
over.abort();
broker?.kill("SIGTERM");
process.exit(status);
