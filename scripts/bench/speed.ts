// npm run bench -- speed: the guest's work by each tier of ours and by qemu-system-arm, side by side.
//
// Every run boots all systems anew, then they take turns row by row: what disturbs this computer disturbs them alike. A system
// that waits for its turn sleeps in its shell. Who begins changes from run to run.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { escapeText } from "../../agent/escape.ts";
import { root } from "../stale.mjs";
import { PEER, peerVersion } from "./peer.ts";
import { machineRecord } from "./report.ts";
import {
  bootRun,
  countInstructions,
  guestRecord,
  ourSystem,
  peerSystem,
  sessionEnd,
  sessionRun,
  sessionStart,
  SPEED_BOARD,
  translates,
  withinLimit,
  type SpeedSystem,
  type StartedSystem,
} from "./speed-guest.ts";
import { speedImage, type SpeedImage } from "./speed-image.ts";
import { promisesText, resultOf, rowsText, type SpeedSamples } from "./speed-report.ts";
import { BOOT_ROWS, SPEED_PROMISES, SPEED_ROWS, type SpeedRow } from "./speed-rows.ts";

const TIERS = ["off", "on"];
const RUNS_DEFAULT = 3;
const NAMES = [...BOOT_ROWS, ...SPEED_ROWS].map((row) => row.name);

export const SPEED_HELP = `usage: npm run bench -- speed [--rows NAME,…] [--runs N] [--translate off,on] [--json FILE]
Runs the same guest with the same programs here and on ${PEER} (virt, ${SPEED_BOARD.cpu}, ${SPEED_BOARD.ramMib} MiB), taking turns; without ${PEER}, here alone.
  --rows NAME,…        some of: ${NAMES.join(", ")}
  --runs N             how often each row is measured (default ${RUNS_DEFAULT}); every run starts all guests anew
  --translate TIER,…   our tiers, each a system of its own: off, on (default: all that this build has)
  --json FILE          where distributions go (default: build/bench/speed-DATE.json)
Times are this computer's, between two markers on the guest's console; a wrong result is no figure. The last line's table is
the one of SPECIFICATION.md. Exit status: 1 when a run gave
a wrong result, or a system failed.`;

interface SpeedOptions {
  rows: string[];
  runs: number;
  tiers: string[];
  json: string;
}

/** Runs the command; returns the exit status. */
export async function speedCommand(args: string[], prepare: () => void): Promise<number> {
  const options = parseSpeed(args);
  if (options === null) return 0;
  prepare();
  const canTranslate = translates();
  const tiers = options.tiers.length > 0 ? options.tiers : canTranslate ? TIERS : ["off"];
  if (!canTranslate && tiers.some((tier) => tier !== "off")) {
    return refuse("this build's `pocketvisor run` has no --translate: only --translate off can be measured");
  }
  const progress = (line: string): void => console.error(`bench: ${line}`);
  const peer = peerVersion();
  progress(peer === null ? `no ${PEER} here: our side alone, without ratios` : `peer: ${peer}`);
  const image = await speedImage(progress);
  const absent = absentRows(image);
  const rows = SPEED_ROWS.filter((row) => options.rows.includes(row.name) && !absent.has(row.name));
  for (const [name, why] of absent) if (options.rows.includes(name)) progress(`${name} is not measured: ${why}`);
  const systems = tiers.map((tier) => ourSystem(tier, canTranslate ? tier : null));
  if (peer !== null) systems.push(peerSystem());

  const samples = new Map<string, SpeedSamples>();
  for (const { name, what } of [...BOOT_ROWS.filter((row) => options.rows.includes(row.name)), ...rows]) {
    const empty = (): Record<string, number[]> => Object.fromEntries(systems.map((system) => [system.name, []]));
    samples.set(name, {
      name,
      what,
      seconds: empty(),
      guestSeconds: empty(),
      instructions: null,
      runMips: {},
      wrong: [],
    });
  }
  const counters: Record<string, unknown>[] = [];
  for (let run = 0; run < options.runs; run++) {
    const order = run % 2 === 0 ? systems : [...systems].reverse();
    await bootRows(order, samples);
    if (rows.length > 0) counters.push(await sessionRows(order, image.path, rows, samples));
    progress(`run ${run + 1} of ${options.runs} is done`);
  }
  if (rows.length > 0) {
    const counts = await countInstructions(image.path, rows, progress);
    for (const [name, count] of counts) samples.get(name)!.instructions = count;
  }

  const results = [...samples.values()].map(resultOf);
  console.log(rowsText(results, tiers));
  console.log(
    `\nQEMU's time ÷ ours, the lowest of each promise's rows:\n\n${promisesText(SPEED_PROMISES, results, tiers)}`,
  );
  const record = {
    machine: machineRecord(peer),
    clock: "this computer's, between two markers on the guest's console; guestSeconds is the guest's own",
    board: SPEED_BOARD,
    guest: guestRecord(),
    compiler: image.compiler,
    packages: image.packages,
    corpus: image.corpus,
    absent: Object.fromEntries(absent),
    rows: results,
    counters,
  };
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, JSON.stringify(record, null, 2) + "\n");
  progress(`distributions in ${options.json}`);
  const wrong = results.flatMap((result) => result.wrong.map((what) => `${result.name}, ${what}`));
  wrong.forEach((what) => progress(`WRONG: ${escapeText(what, 1000)}`));
  return wrong.length > 0 ? 1 : 0;
}

/** Boots each system twice: as a user starts it, and with the same raw image. Ours is the same both times, and boots once. */
async function bootRows(systems: SpeedSystem[], samples: Map<string, SpeedSamples>): Promise<void> {
  const [asUser, same] = [samples.get("boot"), samples.get("boot-same")];
  if (asUser === undefined && same === undefined) return;
  for (const system of systems) {
    const started = system.start(null);
    const both = started.stats === null ? [same] : [asUser, same];
    await bootInto(system.name, started, both);
    const zimage = started.stats !== null || asUser === undefined ? null : system.startAsUser();
    if (zimage !== null) await bootInto(system.name, zimage, [asUser]);
  }
}

async function bootInto(name: string, started: StartedSystem, rows: (SpeedSamples | undefined)[]): Promise<void> {
  const seconds = await withinLimit(started.guest, bootRun(started));
  for (const row of rows.filter((one) => one !== undefined)) {
    if (seconds instanceof Error) row.wrong.push(`${name}: ${seconds.message}`);
    else {
      row.seconds[name]!.push(seconds);
      // From the first instruction to power-off: no counter stops at the shell.
      if (started.stats !== null) (row.runMips[name] ??= []).push(Number(started.stats()["mips"]));
    }
  }
}

/** All rows once in all systems, by turns; returns our counters by system. A system that fails is out for this run. */
async function sessionRows(
  systems: SpeedSystem[],
  initramfs: string,
  rows: SpeedRow[],
  samples: Map<string, SpeedSamples>,
): Promise<Record<string, unknown>> {
  const started = systems.map((system) => ({ name: system.name, out: false, ...system.start(initramfs) }));
  for (const system of started) {
    const failed = await withinLimit(system.guest, sessionStart(system.guest));
    system.out = failed instanceof Error;
    if (failed instanceof Error) samples.get(rows[0]!.name)!.wrong.push(`${system.name}, boot: ${failed.message}`);
  }
  for (const row of rows) {
    const into = samples.get(row.name)!;
    for (const system of started.filter((one) => !one.out)) {
      const { name, guest } = system;
      const run = await withinLimit(guest, sessionRun(guest, row));
      if (run instanceof Error) {
        system.out = true;
        into.wrong.push(`${name}: ${run.message}`);
        continue;
      }
      console.error(`bench: ${row.name.padEnd(14)} ${name.padEnd(5)} ${run.seconds.toFixed(3)} s ${run.verdict}`);
      if (run.verdict === "ok") {
        into.seconds[name]!.push(run.seconds);
        into.guestSeconds[name]!.push(run.guestSeconds);
      } else into.wrong.push(`${name}: ${run.verdict}`);
    }
  }
  const counters: Record<string, unknown> = {};
  for (const { name, guest, stats, out } of started) {
    if (out) continue;
    const failed = await withinLimit(guest, sessionEnd(guest));
    if (failed instanceof Error) samples.get(rows.at(-1)!.name)!.wrong.push(`${name}, power-off: ${failed.message}`);
    else if (stats !== null) counters[name] = stats();
  }
  return counters;
}

function absentRows({ missing }: SpeedImage): Map<string, string> {
  const absent = new Map<string, string>();
  for (const { name, needs } of SPEED_ROWS) {
    const why = missing.compiler ?? (needs === "both" ? missing.packages : null);
    if (why !== null) absent.set(name, why);
  }
  return absent;
}

/** Null: only help was asked for. */
function parseSpeed(args: string[]): SpeedOptions | null {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: "string" },
      runs: { type: "string", default: `${RUNS_DEFAULT}` },
      translate: { type: "string", default: "" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(SPEED_HELP);
    return null;
  }
  const list = (text: string): string[] => text.split(",").filter((part) => part !== "");
  const rows = values.rows === undefined ? NAMES : list(values.rows);
  const unknown = rows.find((row) => !NAMES.includes(row));
  if (unknown !== undefined) process.exit(refuse(`there is no row "${unknown}"`));
  const tiers = list(values.translate);
  const tier = tiers.find((name) => !TIERS.includes(name));
  if (tier !== undefined) process.exit(refuse(`there is no tier "${tier}"`));
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) process.exit(refuse("--runs needs a positive number"));
  const date = new Date().toISOString().replaceAll(":", "-");
  return { rows, runs, tiers, json: values.json ?? join(root, "build/bench", `speed-${date}.json`) };
}

function refuse(message: string): number {
  console.error(`bench: ${message}\n${SPEED_HELP}`);
  return 2;
}
