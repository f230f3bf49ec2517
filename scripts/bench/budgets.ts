// The hypervisor's promises, in real time: budgets that hold, neighbours that do not hurt, and what scheduling costs.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstGovernance, writeGovernance } from "../../agent/shell/governance.ts";
import { DEVICE, fleetTrust, signedDocument, viaOf } from "../../test/support/signed.ts";
import { root } from "../stale.mjs";
import {
  allReady,
  BEST_EFFORT,
  bring,
  debianPlan,
  guaranteed,
  keysPlan,
  newHandset,
  sleep,
  translateGuests,
  usage,
} from "./handset.ts";
import { rowStart, type Measurement } from "./report.ts";

const WARM_MS = 1_000;
const BURN_MS = 60_000;
const SHARE_MS = 10_000;
const TAX_MS = 4_000;
const TAX_PARTITIONS = 4;
const IDLE_MS = 20_000;
const READY_MS = 120_000;
const RAM_BYTES = 64 << 20;

/** Programs of many kinds, again and again: there is always something that has become hot. */
const VARIED = [
  "dd if=/dev/zero bs=64k count=32 2>/dev/null | sha256sum",
  "cat /bin/busybox /bin/busybox | gzip | gunzip | md5sum",
  "awk 'BEGIN { for (n = 0; n < 5000; n++) print (n * 7919) % 10007 / 3 }' | sort -n | uniq | tail -1",
  "find / -xdev | sed 's/e/EE/g' | grep -c EE",
  "n=0; while [ $n -lt 100 ]; do n=$((n + 1)); /bin/busybox true; done",
  "cat /bin/busybox | bzip2 | od -x | cksum",
  "tar c /bin /etc | sha512sum",
];

/** What is measured together, and its rows. */
const MEASURES: [names: string[], measure: (runs: number) => Promise<Measurement[]>][] = [
  [["burn-50-error"], async () => [await burn()]],
  [["thirds-error"], async (runs) => [await thirds(runs)]],
  [["hostile-loss"], async (runs) => [await hostile(runs)]],
  [["signature-loss"], async (runs) => [await signatures(runs)]],
  [["tax"], async (runs) => [await tax(runs)]],
  [["varied-loss", "varied-tax", "varied-compiling", "varied-longest"], varied],
  [["restart"], async (runs) => [await restart(runs)]],
  [["idle-handset"], async () => [await idle()]],
];

/** Measures what the rows that are `wanted` need. `translate`: every guest's hot code is compiled. */
export async function measureBudgets(
  runs: number,
  translate: boolean,
  wanted: (row: string) => boolean,
): Promise<Measurement[]> {
  translateGuests(translate);
  const size = rowStart("hypervisor-size", "bytes", "build/hypervisor.wasm, release", 20_480);
  size.ours.push(statSync(join(root, "build/hypervisor.wasm")).size);
  const measured = [size];
  for (const [names, measure] of MEASURES) if (names.some(wanted)) measured.push(...(await measure(runs)));
  return measured;
}

/** One partition with 50 % and a ceiling of 50 %, for a minute. */
async function burn(): Promise<Measurement> {
  const error = rowStart("burn-50-error", "points", `a burn at 50 % for ${BURN_MS / 1000} s: distance from 50 %`, 0.5);
  const handset = newHandset();
  await bring(handset, keysPlan("burn", guaranteed(50, true)), "s");
  await sleep(WARM_MS);
  const { shares } = await usage(handset, BURN_MS);
  error.ours.push(Math.abs(shares[0]! - 50));
  await handset.close();
  return error;
}

/** Two at 30 % and one that takes the rest. */
async function thirds(runs: number): Promise<Measurement> {
  const error = rowStart(
    "thirds-error",
    "points",
    "two at 30 % beside best effort: the larger distance from 30 %",
    0.5,
  );
  for (let run = 0; run < runs; run++) {
    const handset = newHandset();
    for (const name of ["one", "two"]) await bring(handset, keysPlan(name, guaranteed(30, true)), "s");
    await bring(handset, keysPlan("rest", BEST_EFFORT), "s");
    await sleep(WARM_MS);
    const { shares } = await usage(handset, SHARE_MS);
    error.ours.push(Math.max(Math.abs(shares[0]! - 30), Math.abs(shares[1]! - 30)));
    await handset.close();
  }
  return error;
}

/** A partition at 40 %, alone and beside three that burn, flood the console, and burn again. */
async function hostile(runs: number): Promise<Measurement> {
  const loss = rowStart("hostile-loss", "points", "what a partition at 40 % loses beside hostile ones", 1);
  for (let run = 0; run < runs; run++) {
    const handset = newHandset();
    await bring(handset, keysPlan("quiet", guaranteed(40, true)), "s");
    await sleep(WARM_MS);
    const alone = (await usage(handset, SHARE_MS / 2)).shares[0]!;
    await bring(handset, keysPlan("burn", BEST_EFFORT), "s");
    for (const name of ["flood", "flood-too"]) await bring(handset, keysPlan(name, BEST_EFFORT), "l".repeat(1000));
    await sleep(WARM_MS);
    const beside = (await usage(handset, SHARE_MS / 2)).shares[0]!;
    loss.ours.push(alone - beside);
    await handset.close();
  }
  return loss;
}

/** A partition at 40 %, alone and while the shell checks as many signed documents as it takes. */
async function signatures(runs: number): Promise<Measurement> {
  const loss = rowStart(
    "signature-loss",
    "points",
    "what a partition at 40 % loses while the shell checks signatures",
    1,
  );
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-bench-"));
  const path = join(folder, "governance");
  const seconds = Math.floor(Date.now() / 1000);
  writeGovernance(path, firstGovernance(DEVICE.id, fleetTrust({ floor: seconds - 60 })));
  const handset = newHandset({ governance: { path, device: DEVICE } });
  try {
    await bring(handset, keysPlan("steady", guaranteed(40, true)), "s");
    await sleep(WARM_MS);
    let version = 1;
    for (let run = 0; run < runs; run++) {
      const alone = (await usage(handset, SHARE_MS / 2)).shares[0]!;
      let over = false;
      const push = async (): Promise<void> => {
        while (!over) {
          const times = { issued: seconds, expires: seconds + 86_400 };
          const asked = { session: seconds, nonce: null, answered: false };
          await handset.orders.document(
            await signedDocument("pol", { version: version++, ...times }),
            viaOf("pol"),
            asked,
          );
          await sleep(100);
        }
      };
      const pushing = push();
      const beside = (await usage(handset, SHARE_MS / 2)).shares[0]!;
      over = true;
      await pushing;
      loss.ours.push(alone - beside);
    }
  } finally {
    await handset.close();
    rmSync(folder, { recursive: true });
  }
  return loss;
}

/** Instructions a second of busy partitions together against one alone: alternately, because the computer's speed drifts. */
async function tax(runs: number): Promise<Measurement> {
  const row = rowStart("tax", "%", `${TAX_PARTITIONS} busy partitions together against one alone`, 2);
  const handset = newHandset();
  const ids: number[] = [];
  for (let n = 0; n < TAX_PARTITIONS; n++) ids.push(await bring(handset, keysPlan(`busy-${n}`, BEST_EFFORT), "s"));
  await sleep(WARM_MS);
  const sum = (rates: number[]): number => rates.reduce((total, rate) => total + rate, 0);
  for (let run = 0; run < runs; run++) {
    for (const id of ids.slice(1)) await handset.orders.act("pause", id);
    const alone = sum((await usage(handset, TAX_MS)).rates);
    for (const id of ids.slice(1)) await handset.orders.act("resume", id);
    const together = sum((await usage(handset, TAX_MS)).rates);
    row.ours.push(100 * (1 - together / alone));
  }
  await handset.close();
  return row;
}

/** A partition that burns at 50 %, alone and beside a Debian guest that runs programs of many kinds for ever; translated, if asked for,
 *  both. */
async function varied(runs: number): Promise<Measurement[]> {
  const loss = rowStart("varied-loss", "points", "what a burn at 50 % loses beside a guest with many programs", 0.5);
  const slower = rowStart("varied-tax", "%", "… and how much fewer instructions a second it executes", 2);
  const service = rowStart("varied-compiling", "%", "… and processor time that compiling takes, charged", null);
  const longest = rowStart("varied-longest", "ms", "… and the longest piece of it", null);
  const handset = newHandset();
  const busy = await bring(handset, await debianPlan("varied", RAM_BYTES));
  await allReady(handset, READY_MS);
  const burns = await bring(handset, keysPlan("burn", guaranteed(50, true)), "s");
  await handset.orders.input(busy, Buffer.from(`while :; do ${VARIED.join("; ")}; done >/dev/null\n`));
  await sleep(WARM_MS);
  // Alternately, because the computer's speed drifts.
  for (let run = 0; run < runs; run++) {
    await handset.orders.act("pause", busy);
    const alone = await usage(handset, SHARE_MS / 2);
    await handset.orders.act("resume", busy);
    const beside = await usage(handset, SHARE_MS / 2);
    loss.ours.push(alone.shares[burns]! - beside.shares[burns]!);
    slower.ours.push(100 * (1 - beside.rates[burns]! / alone.rates[burns]!));
    const { cpu, translation } = beside.partitions[busy]!;
    service.ours.push((100 * (translation?.compileMs ?? 0)) / ((cpu.timeNs + cpu.serviceNs) / 1e6));
    longest.ours.push(translation?.compileMsMax ?? 0);
  }
  await handset.close();
  return [loss, slower, service, longest];
}

/** From a guest's panic to its shell again, while a neighbour sleeps. */
async function restart(runs: number): Promise<Measurement> {
  const row = rowStart("restart", "s", "from a guest's panic to its shell again", 3);
  const handset = newHandset();
  const id = await bring(handset, await debianPlan("panics", RAM_BYTES));
  await bring(handset, await debianPlan("sleeps", RAM_BYTES));
  await allReady(handset, READY_MS);
  for (let run = 0; run < runs; run++) {
    const { restarts } = (await handset.orders.snapshot()).partitions[id]!;
    const started = Date.now();
    await handset.orders.input(id, Buffer.from("echo c > /proc/sysrq-trigger\n"));
    while ((await handset.orders.snapshot()).partitions[id]!.restarts === restarts) await sleep(5);
    await allReady(handset, READY_MS);
    row.ours.push((Date.now() - started) / 1000);
    await sleep(WARM_MS);
  }
  await handset.close();
  return row;
}

/** Two Debian partitions that sleep. */
async function idle(): Promise<Measurement> {
  const row = rowStart(
    "idle-handset",
    "% of a core",
    `two Debian partitions in their shells for ${IDLE_MS / 1000} s`,
    1.2,
  );
  const handset = newHandset();
  for (const name of ["one", "two"]) await bring(handset, await debianPlan(name, RAM_BYTES));
  await allReady(handset, READY_MS);
  await sleep(3 * WARM_MS);
  const before = process.cpuUsage();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  row.ours.push((100 * (user + system)) / 1000 / IDLE_MS);
  await handset.close();
  return row;
}
