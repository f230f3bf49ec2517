// What the speed bench says: each row's times, instructions a second and ratios, and the table of promises.

import { quantile } from "./report.ts";
import type { SpeedPromise } from "./speed-rows.ts";

/** Samples of one row, by the name of the system; the same index is the same run. */
export interface SpeedSamples {
  name: string;
  what: string;
  seconds: Record<string, number[]>;
  guestSeconds: Record<string, number[]>;
  /** By our counter; null where nothing was counted. */
  instructions: number | null;
  /** Millions of instructions a second, where whole runs told instead. */
  runMips: Record<string, number[]>;
  /** By system: what was wrong with runs that are no figures. */
  wrong: string[];
}

export interface Spread {
  min: number;
  median: number;
  max: number;
  samples: number[];
}

export interface SpeedResult extends SpeedSamples {
  spread: Record<string, Spread>;
  /** Guest instructions a second, in millions, of the median. */
  mips: Record<string, number>;
  /** The peer's time ÷ ours by tier; its samples are pairs of the same run, its median the medians' ratio. */
  ratio: Record<string, Spread>;
}

export const PEER_NAME = "qemu";

export function spreadOf(samples: number[]): Spread {
  const [min, median, max] = [0, 0.5, 1].map((at) => quantile(samples, at));
  return { min: min!, median: median!, max: max!, samples };
}

export function resultOf(row: SpeedSamples): SpeedResult {
  const spread: SpeedResult["spread"] = {};
  const mips: SpeedResult["mips"] = {};
  const ratio: SpeedResult["ratio"] = {};
  for (const [system, seconds] of Object.entries(row.seconds))
    if (seconds.length > 0) spread[system] = spreadOf(seconds);
  const peer = spread[PEER_NAME];
  for (const [system, ours] of Object.entries(spread)) {
    if (row.instructions !== null) mips[system] = row.instructions / ours.median / 1e6;
    else if ((row.runMips[system]?.length ?? 0) > 0) mips[system] = spreadOf(row.runMips[system]!).median;
    if (system === PEER_NAME || peer === undefined) continue;
    // Samples pair up by run. A run that failed left none: then only the medians can be compared.
    const median = peer.median / ours.median;
    const whole = ours.samples.length === peer.samples.length;
    const pairs = whole ? ours.samples.map((seconds, run) => peer.samples[run]! / seconds) : [median];
    ratio[system] = { ...spreadOf(pairs), median };
  }
  return { ...row, spread, mips, ratio };
}

/** The lowest ratio of a promise's rows, and which row it is; null when one of them was not measured. */
export function promiseRatio(
  promise: SpeedPromise,
  results: SpeedResult[],
  tier: string,
): { ratio: number; row: string } | null {
  let lowest: { ratio: number; row: string } | null = null;
  for (const row of promise.rows) {
    const ratio = results.find((result) => result.name === row)?.ratio[tier]?.median;
    if (ratio === undefined) return null;
    if (lowest === null || ratio < lowest.ratio) lowest = { ratio, row };
  }
  return lowest;
}

const digits = (value: number): string => value.toPrecision(3);
const spreadText = ({ min, median, max }: Spread): string => `${digits(median)} (${digits(min)}–${digits(max)})`;

/** The table for people: a line a row. */
export function rowsText(results: SpeedResult[], tiers: string[]): string {
  const systems = [...tiers, PEER_NAME];
  const head = ["row", ...systems.map((system) => `${system}, s`), ...tiers.map((tier) => `${tier}, MIPS`)];
  const lines = [[...head, ...tiers.map((tier) => `${PEER_NAME} ÷ ${tier}`), "what"]];
  for (const { name, what, spread, mips, ratio } of results) {
    lines.push([
      name,
      ...systems.map((system) => (spread[system] === undefined ? "–" : spreadText(spread[system]))),
      ...tiers.map((tier) => (mips[tier] === undefined ? "–" : mips[tier].toFixed(0))),
      ...tiers.map((tier) => (ratio[tier] === undefined ? "–" : spreadText(ratio[tier]))),
      what,
    ]);
  }
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The table of promises, as it stands in SPECIFICATION.md. */
export function promisesText(promises: SpeedPromise[], results: SpeedResult[], tiers: string[]): string {
  const cell = (promise: SpeedPromise, tier: string): string => {
    const lowest = promiseRatio(promise, results, tier);
    if (lowest === null) return "not measured";
    const which = promise.rows.length > 1 ? ` (${lowest.row})` : "";
    return `${lowest.ratio.toFixed(2)}${which}${lowest.ratio >= promise.atLeast ? "" : ": short"}`;
  };
  return [
    `| work | rows | at least | aim | ${tiers.map((tier) => `translation ${tier}`).join(" | ")} |`,
    `|---|---|---|---|${tiers.map(() => "---|").join("")}`,
    ...promises.map(
      (promise) =>
        `| ${promise.work} | ${promise.rows.join(", ")} | ${promise.atLeast} × | ${promise.aim} × | ` +
        `${tiers.map((tier) => cell(promise, tier)).join(" | ")} |`,
    ),
  ].join("\n");
}
