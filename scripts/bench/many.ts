// How many partitions one process carries, and what they cost in memory.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProduct } from "../../agent/paths.ts";
import { allReady, bring, BEST_EFFORT, debianPlan, keysPlan, newHandset, sleep } from "./handset.ts";
import { rowStart, type Measurement } from "./report.ts";
import type { PartitionView } from "../../agent/view.ts";

const TINY_COUNT = 1_000;
const DEBIAN_COUNT = 100;
const MONITOR_COUNT = 40;
const DEBIAN_RAM_BYTES = 32 << 20;
const READY_MS = 60_000;
const SETTLE_MS = 3_000;
const IDLE_MS = 10_000;
const MEBIBYTE = 2 ** 20;

export async function measureMany(): Promise<Measurement[]> {
  return [...(await tiny()), ...(await debian()), await monitor()];
}

async function tiny(): Promise<Measurement[]> {
  const count = rowStart("tiny", "partitions", "bare-metal guests in one process that answer", TINY_COUNT, true);
  const each = rowStart("tiny-resident", "MiB", "resident memory of each", null);
  const handset = newHandset();
  const before = process.memoryUsage().rss;
  const ids: number[] = [];
  for (let n = 0; n < TINY_COUNT; n++) {
    ids.push(await bring(handset, keysPlan(`tiny-${n}`, BEST_EFFORT), "x"));
    progress("tiny", n + 1, TINY_COUNT);
  }
  await sleep(SETTLE_MS);
  count.ours.push(ids.filter((id) => handset.consoleLog(id).readFrom(0).bytes.includes("x")).length);
  each.ours.push((process.memoryUsage().rss - before) / MEBIBYTE / TINY_COUNT);
  await handset.close();
  return [count, each];
}

/** One after the other, as a user would start them: each shares the processor with all that sleep already. */
async function debian(): Promise<Measurement[]> {
  const count = rowStart(
    "debian",
    "partitions",
    "idle Debian guests of 32 MiB in one process at their shells",
    DEBIAN_COUNT,
    true,
  );
  const each = rowStart("debian-resident", "MiB", "resident memory of each", null);
  const idle = rowStart("debian-idle", "% of a core", "what each of them costs asleep", 0.6);
  const returned = rowStart("returned", "%", "of their memory is back after all were stopped", 95, true);
  const handset = newHandset();
  const before = process.memoryUsage().rss;
  const ids: number[] = [];
  for (let n = 0; n < DEBIAN_COUNT; n++) {
    ids.push(await bring(handset, await debianPlan(`debian-${n}`, DEBIAN_RAM_BYTES)));
    await allReady(handset, READY_MS);
    progress("debian", n + 1, DEBIAN_COUNT);
  }
  await sleep(SETTLE_MS);
  count.ours.push(ids.length);
  const { rss } = process.memoryUsage();
  each.ours.push((rss - before) / MEBIBYTE / DEBIAN_COUNT);
  const started = process.cpuUsage();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(started);
  idle.ours.push((100 * (user + system)) / 1000 / IDLE_MS / DEBIAN_COUNT);
  for (const id of ids) await handset.orders.act("stop", id);
  await sleep(SETTLE_MS);
  returned.ours.push((100 * (rss - process.memoryUsage().rss)) / (rss - before));
  await handset.close();
  return [count, each, idle, returned];
}

/** The process that `pocketvisor up` is, with as many Debian guests as a board of 2 GiB admits; they boot together. */
async function monitor(): Promise<Measurement> {
  const row = rowStart(
    "monitor-resident",
    "MiB",
    `resident memory of \`up\` with ${MONITOR_COUNT} Debian guests, beyond what their machines touch`,
    96,
  );
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-bench-"));
  const file = join(folder, "many.yaml");
  const partition = (_: unknown, n: number): string =>
    `  - { name: debian-${n}, kind: personal, guest: linux, memory: 32M }\n`;
  writeFileSync(
    file,
    `handset: many\nboard: pinephone\npartitions:\n${Array.from({ length: MONITOR_COUNT }, partition).join("")}`,
  );
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
  const program = buildProduct("pocketvisor.mjs");
  const child = spawn(process.execPath, [program, "up", file, "--plain"], { env, stdio: "ignore" });
  try {
    for (const end = Date.now() + 5 * READY_MS; ;) {
      const { stdout } = spawnSync(process.execPath, [program, "ls", "--json", "--handset", "many"], {
        env,
        encoding: "utf8",
      });
      const { partitions } = JSON.parse(stdout || '{"partitions":[]}') as { partitions: PartitionView[] };
      if (partitions.length === MONITOR_COUNT && partitions.every(({ bootMs }) => bootMs !== null)) {
        const { ramBytes, overhead } = partitions[0]!.memory;
        const beside = overhead
          .filter(({ name }) => name.startsWith("console log"))
          .reduce((sum, { bytes }) => sum + bytes, 0);
        const linear = ramBytes + partitions[0]!.memory.overheadBytes - beside;
        row.ours.push(ownBytes(child.pid!, linear) / MEBIBYTE);
        return row;
      }
      if (child.exitCode !== null || Date.now() > end) throw new Error("the handset did not become ready");
      await sleep(2_000);
    }
  } finally {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true });
  }
}

/** Resident bytes of a process but for the mappings that have a machine memory's size, to the WebAssembly page: what machines touch is
 *  counted by the host's kernel. */
function ownBytes(pid: number, linearBytes: number): number {
  const size = Math.ceil(linearBytes / 65_536) * 65_536;
  let own = 0;
  let machine = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range !== null) machine = Number(`0x${range[2]}`) - Number(`0x${range[1]}`) === size;
    else if (!machine && line.startsWith("Rss:")) own += Number.parseInt(line.slice(4)) * 1024;
  }
  return own;
}

function progress(what: string, done: number, count: number): void {
  if (done % (count / 10) === 0) console.error(`bench: ${what} ${done} of ${count}`);
}
