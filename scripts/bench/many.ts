// How many partitions one process carries, and what they cost in memory.

import { readFileSync } from "node:fs";
import { allReady, bring, BEST_EFFORT, debianPlan, keysPlan, newHandset, sleep } from "./handset.ts";
import { rowStart, type Measurement } from "./report.ts";

const TINY_COUNT = 1_000;
const DEBIAN_COUNT = 100;
const DEBIAN_RAM_BYTES = 32 << 20;
const READY_MS = 60_000;
const SETTLE_MS = 3_000;
const IDLE_MS = 10_000;
const MEBIBYTE = 2 ** 20;

export async function measureMany(): Promise<Measurement[]> {
  return [...(await tiny()), ...(await debian())];
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
  const own = rowStart("monitor-resident", "MiB", "resident memory of the process beyond what its machines touch", 96);
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
  own.ours.push((rss - touchedBytes(handset.memoryOf(ids[0]!).pages * 65_536)) / MEBIBYTE);
  const started = process.cpuUsage();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(started);
  idle.ours.push((100 * (user + system)) / 1000 / IDLE_MS / DEBIAN_COUNT);
  for (const id of ids) await handset.act("stop", id);
  await sleep(SETTLE_MS);
  returned.ours.push((100 * (rss - process.memoryUsage().rss)) / (rss - before));
  await handset.close();
  return [count, each, own, idle, returned];
}

/** Resident bytes of all mappings that have exactly a machine memory's size: what the machines touched, as the host's kernel counts it. */
function touchedBytes(size: number): number {
  let touched = 0;
  let machine = false;
  for (const line of readFileSync("/proc/self/smaps", "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      machine = range !== null && Number(`0x${range[2]}`) - Number(`0x${range[1]}`) === size;
    } else if (machine && line.startsWith("Rss:")) touched += Number.parseInt(line.slice(4)) * 1024;
  }
  return touched;
}

function progress(what: string, done: number, count: number): void {
  if (done % (count / 10) === 0) console.error(`bench: ${what} ${done} of ${count}`);
}
