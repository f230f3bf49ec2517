// npm run bench: measures the promises of SPECIFICATION.md and the same work of a single partition on
// qemu-system-arm when it is installed, side by side in the same run.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readCachedGuest } from "../agent/guests/cache.ts";
import { measureAgent } from "./bench/agent.ts";
import { measureBoot } from "./bench/boot.ts";
import { measureBudgets } from "./bench/budgets.ts";
import { measureDisk } from "./bench/disk.ts";
import { HOSTILE_ROWS, measureHostile } from "./bench/hostile.ts";
import { measureIdle } from "./bench/idle.ts";
import { measureKernel } from "./bench/kernel.ts";
import { measureLoops } from "./bench/loops.ts";
import { measureMany } from "./bench/many.ts";
import { measureNetwork, NETWORK_ROWS } from "./bench/network.ts";
import { PEER, peerVersion } from "./bench/peer.ts";
import { measurePolicyPush } from "./bench/policy-push.ts";
import { rowOf, rowText, TABLE_HEAD, writeDistributions, type Measurement } from "./bench/report.ts";
import { measureSim } from "./bench/sim.ts";
import { measureStorage, STORAGE_ROWS } from "./bench/storage.ts";
import { measureSize } from "./bench/size.ts";
import { speedCommand } from "./bench/speed.ts";
import { measureWork } from "./bench/work.ts";
import { root } from "./stale.mjs";

/** Rows of the group budgets that are measured inside the kernel. */
const KERNEL_ROWS = [
  ...["switch-2", "switch-100", "switch-800", "round-trip", "channel-rate"],
  ...["overrun", "overrun-hostile", "latency", "latency-hostile"],
];

/** The rows of each group, in the order in which they are measured. */
const ROWS: Record<string, string[]> = {
  size: ["machine-size", "overhead-normal", "overhead-small"],
  boot: ["boot", "boot-same", "mips-boot", "start", "power-off"],
  loops: ["mips-loops", "loop-crc", "loop-table", "loop-sieve"],
  work: ["sha256", "gzip", "sort", "awk", "fork-exec"],
  idle: ["idle"],
  budgets: [
    "hypervisor-size",
    "burn-50-error",
    "thirds-error",
    "hostile-loss",
    "signature-loss",
    "tax",
    ...["varied-loss", "varied-tax", "varied-compiling", "varied-longest"],
    "restart",
    "idle-handset",
    ...KERNEL_ROWS,
  ],
  agent: ["agent-bundle", "telemetry-bytes", "agent-resident", "publish-cpu", "policy-push"],
  sim: ["sim-connected", "sim-lost", "sim-returns", "sim-resident", "sim-cpu"],
  disk: [
    ...["disk-write-4k-encrypted", "disk-write-4k-plain", "disk-read-4k-encrypted", "disk-read-4k-plain"],
    ...["disk-write-32k-encrypted", "disk-write-32k-plain", "disk-read-32k-encrypted", "disk-read-32k-plain"],
  ],
  storage: STORAGE_ROWS,
  network: NETWORK_ROWS,
  hostile: HOSTILE_ROWS,
  many: ["tiny", "tiny-resident", "debian", "debian-resident", "monitor-resident", "debian-idle", "returned"],
};

/** Measured when they are asked for. */
const LARGE = ["sim", "storage", "network", "hostile", "many"];

const HELP = `usage: npm run bench -- [NAME…] [--json] [--runs N] [--translate on]
       npm run bench -- speed [--help]
Names are rows or groups of rows; without one, all groups but sim, storage, network, hostile and many are measured, each row N times (default 5):
${Object.entries(ROWS)
  .map(([group, rows]) => `  ${group.padEnd(8)} ${rows.join(", ")}`)
  .join("\n")}
--translate on measures the groups budgets and network with guests whose hot code is compiled (of the rows, those with whole guests).
--json prints one JSON object a row. Distributions go to build/bench/, with this computer's description.`;

/** A group of rows: measured `runs` times, and on the peer too when it is there. */
type Group = (
  runs: number,
  peer: boolean,
  translate: boolean,
  wanted: (row: string) => boolean,
) => Promise<Measurement[]>;

const GROUPS: Record<string, Group> = {
  size: measureSize,
  boot: measureBoot,
  loops: measureLoops,
  work: measureWork,
  idle: measureIdle,
  budgets: async (runs, _peer, translate, wants) => [
    ...(await measureBudgets(runs, translate, wants)),
    // Their machines have no translator.
    ...(translate || !KERNEL_ROWS.some(wants) ? [] : measureKernel()),
  ],
  agent: async (runs, _peer, _translate, wants) => [
    ...(await measureAgent(runs, wants)),
    ...(wants("policy-push") ? await measurePolicyPush() : []),
  ],
  sim: measureSim,
  disk: measureDisk,
  storage: measureStorage,
  network: measureNetwork,
  hostile: measureHostile,
  many: measureMany,
};

const step = (script: string, ...args: string[]): void => {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
};
const prepare = (needsGuest: boolean): void => {
  step("scripts/bootstrap.mjs", "build", "--quiet");
  if (needsGuest && readCachedGuest("linux") === null) step("scripts/pocketvisor.mjs", "guest", "fetch", "linux");
};
// The peer beside every tier, and a table of its own.
if (process.argv[2] === "speed") process.exit(await speedCommand(process.argv.slice(3), () => prepare(true)));

const { names, rows: wanted, json, runs, translate } = parseArguments(process.argv.slice(2));
prepare(names.some((name) => ["boot", "work", "idle", "budgets", "network", "many"].includes(name)));
const peer = peerVersion();
console.error(`bench: ${runs} runs; peer: ${peer ?? `no ${PEER} here`}`);

const isWanted = (row: string): boolean => wanted.size === 0 || wanted.has(row);
const measurements: Measurement[] = [];
if (!json) console.log(TABLE_HEAD);
for (const name of names) {
  for (const measurement of await GROUPS[name]!(runs, peer !== null, translate, isWanted)) {
    if (!isWanted(measurement.name)) continue;
    measurements.push(measurement);
    const row = rowOf(measurement);
    console.log(json ? JSON.stringify(row) : rowText(row, measurement));
  }
}
console.error(`bench: distributions in ${writeDistributions(measurements, peer)}`);

/** Groups to measure, and of their rows those to show: an empty set stands for all. */
function parseArguments(args: string[]): {
  names: string[];
  rows: Set<string>;
  json: boolean;
  runs: number;
  translate: boolean;
} {
  const chosen = new Set<string>();
  const rows = new Set<string>();
  let asJson = false;
  let count = 5;
  let translate = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--help") {
      console.log(HELP);
      process.exit(0);
    } else if (arg === "--json") asJson = true;
    else if (arg === "--runs") count = Number(args[++at]);
    else if (arg === "--translate") {
      const word = args[++at];
      if (word !== "on" && word !== "off") usage("--translate is on or off");
      translate = word === "on";
    } else {
      const group = Object.hasOwn(GROUPS, arg) ? arg : Object.keys(ROWS).find((name) => ROWS[name]!.includes(arg));
      if (group === undefined) usage(`there is no row or group "${arg}"`);
      chosen.add(group);
      for (const row of ROWS[group]!) if (arg === group || arg === row) rows.add(row);
    }
  }
  if (!Number.isInteger(count) || count < 1) usage("--runs needs a positive number");
  const names = chosen.size > 0 ? [...chosen] : Object.keys(GROUPS).filter((name) => !LARGE.includes(name));
  if (translate && names.some((name) => name !== "budgets" && name !== "network")) {
    usage("--translate on is for the groups budgets and network");
  }
  return { names, rows, json: asJson, runs: count, translate };
}

function usage(message: string): never {
  console.error(`bench: ${message}\n${HELP}`);
  process.exit(2);
}
