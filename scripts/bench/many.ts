// How many partitions one process carries, and what they cost in memory.

import { allReady, bring, BEST_EFFORT, debianPlan, keysPlan, newHandset, sleep } from "./handset.ts";
import { rowStart, type Measurement } from "./report.ts";

const TINY_COUNT = 1_000;
const DEBIAN_COUNT = 100;
const DEBIAN_RAM_BYTES = 32 << 20;
const READY_MS = 1_200_000;

export async function measureMany(): Promise<Measurement[]> {
  const mebibyte = 2 ** 20;
  const tiny = rowStart("tiny", "partitions", "bare-metal guests in one process that answer", TINY_COUNT, true);
  const tinyEach = rowStart("tiny-resident", "MiB", "resident memory of each", null);
  const debian = rowStart(
    "debian",
    "partitions",
    "idle Debian guests of 32 MiB in one process at their shells",
    DEBIAN_COUNT,
    true,
  );
  const debianEach = rowStart("debian-resident", "MiB", "resident memory of each", null);
  const returned = rowStart("returned", "%", "of that memory is back after all were stopped", null, true);

  const handset = newHandset();
  let before = process.memoryUsage().rss;
  const ids: number[] = [];
  for (let n = 0; n < TINY_COUNT; n++) ids.push(await bring(handset, keysPlan(`tiny-${n}`, BEST_EFFORT), "x"));
  await sleep(2_000);
  tiny.ours.push(ids.filter((id) => handset.consoleLog(id).readFrom(0).bytes.includes("x")).length);
  tinyEach.ours.push((process.memoryUsage().rss - before) / mebibyte / TINY_COUNT);
  await handset.close();

  const large = newHandset();
  before = process.memoryUsage().rss;
  const guests: number[] = [];
  for (let n = 0; n < DEBIAN_COUNT; n++)
    guests.push(await bring(large, await debianPlan(`debian-${n}`, DEBIAN_RAM_BYTES)));
  const partitions = await allReady(large, READY_MS);
  debian.ours.push(partitions.length);
  const used = process.memoryUsage().rss - before;
  debianEach.ours.push(used / mebibyte / DEBIAN_COUNT);
  for (const id of guests) await large.act("stop", id);
  await sleep(10_000);
  returned.ours.push((100 * (used - (process.memoryUsage().rss - before))) / used);
  await large.close();
  return [tiny, tinyEach, debian, debianEach, returned];
}
