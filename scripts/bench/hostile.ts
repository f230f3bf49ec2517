// Guests that attack the budgets (test/perf/hostile), each beside an honest neighbour: what the process's threads used, beside what stands in
// the books. All of it is real time, in a handset of its own.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HandsetView } from "../../agent/view.ts";
import { ASSEMBLER, assembleFlat } from "../assembler.ts";
import { root } from "../stale.mjs";
import { programPath } from "../../agent/paths.ts";
import { rowStart, type Measurement } from "./report.ts";

const FOLDER = join(root, "test/perf/hostile");
const PROGRAM = join(root, "scripts/pocketvisor.mjs");
const SECONDS = 20;
const WARM_MS = 3_000;
const DISK_BYTES = 2 ** 31;
/** How many attack at once. */
const COUNTS = [1, 4];
/** What the honest one was promised, in percent of the processor. */
const PROMISED = 40;

interface Case {
  name: string;
  disk: boolean;
  channel: boolean;
  restarts: boolean;
}

const CASES: Case[] = ["balloon", "hvc", "wfi", "ent", "wrbig", "disc", "flushreset", "chfl", "wd"].map((name) => ({
  name,
  disk: ["wrbig", "disc", "flushreset"].includes(name),
  channel: name === "chfl",
  restarts: name === "wd",
}));

export const HOSTILE_ROWS: string[] = CASES.flatMap(({ name }) =>
  COUNTS.flatMap((count) => [
    `${name}-${count}-unpaid`,
    `${name}-${count}-loss`,
    `${name}-${count}-handset`,
    `${name}-${count}-resident`,
  ]),
);

/** What a case did in one measurement: percent of a processor, MiB. */
interface Outcome {
  unpaid: number;
  loss: number;
  handset: number;
  resident: number;
}

/** Measures the cases of the rows that are `wanted`. */
export async function measureHostile(
  runs: number,
  _peer: boolean,
  _translate: boolean,
  wanted: (row: string) => boolean,
): Promise<Measurement[]> {
  if (programPath(ASSEMBLER) === null)
    throw new Error(`the hostile guests need ${ASSEMBLER}: binutils-arm-linux-gnueabihf`);
  const rows: Measurement[] = [];
  for (const one of CASES) {
    for (const count of COUNTS) {
      const name = (what: string): string => `${one.name}-${count}-${what}`;
      if (!["unpaid", "loss", "handset", "resident"].some((what) => wanted(name(what)))) continue;
      const beside = `${count} × ${one.name}.S under a ceiling of 10 % each`;
      const unpaid = rowStart(name("unpaid"), "points", `${beside}: used by all threads, less what is booked`, 1);
      const loss = rowStart(name("loss"), "points", `${beside}: what a neighbour with 40 % guaranteed lost`, 0.4);
      const handset = rowStart(name("handset"), "points", `${beside}: booked to the handset itself`, 1);
      const resident = rowStart(name("resident"), "MiB", `${beside}: growth of the process in ${SECONDS} s`, 16);
      for (let run = 0; run < runs; run++) {
        const outcome = await attack(one, count);
        unpaid.ours.push(outcome.unpaid);
        loss.ours.push(outcome.loss);
        handset.ours.push(outcome.handset);
        resident.ours.push(outcome.resident);
      }
      rows.push(unpaid, loss, handset, resident);
    }
  }
  return rows;
}

async function attack(one: Case, count: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-hostile-"));
  const env = { ...process.env, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder };
  const guest = (name: string): string => {
    const path = join(folder, `${name}.bin`);
    writeFileSync(path, assembleFlat(join(FOLDER, `${name}.S`)));
    return path;
  };
  writeFileSync(join(folder, "handset.yaml"), handsetFile(one, count, guest("burn"), guest(one.name), folder));
  const up = spawn(process.execPath, [PROGRAM, "up", join(folder, "handset.yaml"), "--plain"], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(up, "exit");
  const view = (): HandsetView => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, "ls", "--handset", "hostile", "--json"], {
      env,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`ls: ${stderr}`);
    return JSON.parse(stdout) as HandsetView;
  };
  try {
    await sleep(WARM_MS);
    for (let tries = 0; tries < 50; tries++) {
      if (spawnSync(process.execPath, [PROGRAM, "ls", "--handset", "hostile"], { env }).status === 0) break;
      await sleep(200);
    }
    const before = look(view, up.pid!);
    await sleep(SECONDS * 1000);
    const after = look(view, up.pid!);
    return compare(before, after);
  } finally {
    up.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function handsetFile(one: Case, count: number, good: string, bad: string, folder: string): string {
  const cpu = (milliseconds: number): string =>
    `cpu: { budget: ${milliseconds}ms, period: 100ms, ceiling: ${milliseconds}ms, weight: 0 }`;
  const lines = ["handset: hostile", "board: qemu-virt", "partitions:"];
  lines.push(`  - { name: good, kernel: ${good}, memory: 1M, ${cpu(PROMISED)} }`);
  for (let n = 1; n <= count; n++) {
    const disk = join(folder, `disk${n}`);
    if (one.disk) {
      writeFileSync(disk, "", { mode: 0o600 });
      truncateSync(disk, DISK_BYTES);
    }
    const more = [
      one.disk ? `, disk: ${disk}` : "",
      one.restarts ? `, restart: { backoff: 10ms, max: 1000 }` : "",
    ].join("");
    lines.push(`  - { name: bad${n}, kernel: ${bad}, memory: 8M, ${cpu(10)}${more} }`);
  }
  if (one.channel) {
    lines.push("channels:");
    for (let n = 1; n <= count; n++) lines.push(`  - { from: bad${n}, to: good, to-port: ${n}, capacity: 16M }`);
  }
  return `${lines.join("\n")}\n`;
}

interface Look {
  view: HandsetView;
  cpuNs: number;
  residentBytes: number;
  at: number;
}

function look(view: () => HandsetView, pid: number): Look {
  const found = { view: view(), cpuNs: 0, residentBytes: 0, at: performance.now() };
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    found.cpuNs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
  }
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
  found.residentBytes = pages * 4096;
  return found;
}

function compare(before: Look, after: Look): Outcome {
  const span = (after.at - before.at) * 1e6;
  const booked = (name: string, { view }: Look): number => {
    const { cpu } = view.partitions.find((each) => each.name === name)!;
    return cpu.timeNs + cpu.serviceNs;
  };
  const share = (ns: number): number => (100 * ns) / span;
  const names = after.view.partitions.map(({ name }) => name);
  const all = names.reduce((sum, name) => sum + booked(name, after) - booked(name, before), 0);
  const handset = after.view.handsetNs - before.view.handsetNs;
  return {
    unpaid: share(after.cpuNs - before.cpuNs - all - handset),
    loss: PROMISED - share(booked("good", after) - booked("good", before)),
    handset: share(handset),
    resident: (after.residentBytes - before.residentBytes) / 2 ** 20,
  };
}
