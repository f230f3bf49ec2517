// npm start: the whole of it on one computer. Builds, fetches Debian's kernel if it is not cached, starts a broker, lets the demo handset into its
// fleet, boots it, and pushes a signed policy to it. Arguments go to `pocketvisor up`.

import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
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
/** How long what was asked to end may take, before it is ended. */
const GRACE_MS = 15_000;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(`usage: npm start -- [--no-fleet] [ARGS of "pocketvisor up"]

Builds what is out of date, downloads the guest "linux" if it is not cached, starts a broker on this computer, and boots the demo handset:
two Debian partitions under budgets, with a live view on a terminal. A few seconds after both have reached their shells, it pushes a signed
policy that cuts the work partition to 20 % of a processor and 100 mW; the view shows it arrive.

  --no-fleet      no broker and no policy, as for a handset file of your own
  --until ready   exits 0 once both shells are up; --json adds a summary`);
  process.exit(0);
}
const upArgs = args.filter((arg) => arg !== "--no-fleet");
const takesValue = ["--until", "--board", "--timeout"];
const ownFile = upArgs.some((arg, at) => !arg.startsWith("-") && !takesValue.includes(upArgs[at - 1] ?? ""));
const virtual = upArgs.includes("--deterministic") || upArgs.includes("--dry-run");
const withFleet = !args.includes("--no-fleet") && !ownFile && !virtual;
const until = upArgs.some((arg) => arg.startsWith("--until"));
const live = process.stdout.isTTY === true && !until && !upArgs.includes("--plain") && !upArgs.includes("--json");

/** What was started and has not ended. Nothing of it outlives this process. */
const children = new Set<ChildProcess>();
const over = new AbortController();

function start(words: string[], stdio: StdioOptions, detached = false): ChildProcess {
  const child = spawn(process.execPath, [COMMAND, ...words], { stdio, detached });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** The exit status; of one that a signal ended, as shells count it. */
function statusOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (status, signal) => resolve(status ?? 128 + constants.signals[signal!]));
  });
}

/** Asks everything to end, waits, and ends what does not. */
async function endAll(): Promise<void> {
  for (const child of children) child.kill("SIGTERM");
  const late = setTimeout(() => children.forEach((child) => child.kill("SIGKILL")), GRACE_MS);
  await Promise.all([...children].map(statusOf));
  clearTimeout(late);
}

/** Ends with a status, after everything else. */
async function leave(status: number): Promise<never> {
  over.abort();
  await endAll();
  process.exit(status);
}

/** Runs a command to its end. What it says is for people: standard output is kept for --json. */
async function step(...words: string[]): Promise<void> {
  const status = await statusOf(start(words, ["inherit", 2, 2]));
  if (status !== 0) await leave(status);
}

/** A broker for this run, filled with what the fleet has signed. */
async function startBroker(): Promise<void> {
  // A group of its own: Ctrl-C on the terminal is for the handset, and the broker ends after it.
  const broker = start(["fleet", "broker", "--json"], ["ignore", "pipe", 2], true);
  const listens = new Promise<boolean>((resolve) => {
    broker.stdout!.once("data", () => resolve(true));
    broker.once("exit", () => resolve(false));
  });
  const late = sleep(BROKER_MS, false, { ref: false });
  if (await Promise.race([listens, late])) return;
  console.error(
    `pocketvisor: npm start cannot start its broker. If another one of this fleet runs (an earlier npm start, or "pocketvisor fleet broker"),
  end that one first. Without a broker: npm start -- --no-fleet`,
  );
  await leave(1);
}

interface Seen {
  partitions: { bootMs: number | null }[];
  management: { link: { up: boolean } } | null;
}

/** What `ls` says of the handset; null: it does not answer yet. */
async function look(): Promise<Seen | null> {
  const child = start(["ls", "--json", "--handset", HANDSET], ["ignore", "pipe", "ignore"]);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return (await statusOf(child)) === 0 ? (JSON.parse(text) as Seen) : null;
}

/** Pushes the demo's policy once both partitions are at their shells and the agent is connected. */
async function pushWhenReady(): Promise<void> {
  for (let seen: Seen | null = null; !over.signal.aborted; seen = await look()) {
    const ready = seen?.partitions.every(({ bootMs }) => bootMs !== null) ?? false;
    if (ready && seen?.management?.link.up === true) break;
    await sleep(POLL_MS);
  }
  await sleep(BEFORE_POLICY_MS);
  if (over.signal.aborted) return;
  // The live view has the terminal; it shows what comes of the push.
  await statusOf(start(["fleet", "policy", "push", POLICY, "--to", "all"], live ? "ignore" : ["ignore", 2, 2]));
}

// Ctrl-C is for the handset, which ends in order; the other signals end this process, and so everything.
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void leave(128 + constants.signals[signal]));
}
await step("guest", "fetch", "linux");
if (withFleet) {
  if (!new FleetStore(DEFAULT_TENANT).isMade) await step("fleet", "keys", "init");
  await startBroker();
  if (!existsSync(join(monitorFolder(HANDSET), "governance"))) {
    await step("fleet", "enrol", "--local", HANDSET, "--consent", "read-logs");
  }
}
const up = start(["up", ...upArgs], "inherit");
if (withFleet && !until) void pushWhenReady();
await leave(await statusOf(up));
