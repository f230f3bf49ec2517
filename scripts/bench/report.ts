// Bench rows: what was measured, against its promise and against the peer, and how it was spread.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../stale.mjs";

/** One line of `--json`. Values are medians, or the percentile that the row promises. */
export interface Row {
  name: string;
  value: number;
  unit: string;
  target: number | null;
  /** Whether the target is met; null without one. */
  ok: boolean | null;
  /** The peer's median, when it is installed. */
  peer: number | null;
  /** value / peer. */
  ratio: number | null;
  n: number;
  min: number;
  median: number;
  max: number;
}

export interface Measurement {
  name: string;
  unit: string;
  what: string;
  target: number | null;
  /** Whether more is better. */
  more: boolean;
  /** Which quantile of its samples is its value: the median unless a percentile is what is promised. */
  quantile: number;
  ours: number[];
  peer: number[];
}

/** A measurement without its values. */
export function rowStart(name: string, unit: string, what: string, target: number | null, more = false): Measurement {
  return { name, unit, what, target, more, quantile: 0.5, ours: [], peer: [] };
}

/** A measurement whose value is a percentile of many samples. */
export function percentileStart(
  name: string,
  unit: string,
  what: string,
  target: number | null,
  percentile: number,
): Measurement {
  return { ...rowStart(name, unit, what, target), quantile: percentile / 100 };
}

export function rowOf(measurement: Measurement): Row {
  const { ours, peer, target, more } = measurement;
  const value = quantile(ours, measurement.quantile);
  const peerValue = peer.length > 0 ? quantile(peer, 0.5) : null;
  return {
    name: measurement.name,
    value: round(value),
    unit: measurement.unit,
    target,
    ok: target === null ? null : more ? value >= target : value <= target,
    peer: peerValue === null ? null : round(peerValue),
    ratio: peerValue === null || peerValue === 0 ? null : round(value / peerValue),
    n: ours.length,
    min: round(quantile(ours, 0)),
    median: round(quantile(ours, 0.5)),
    max: round(quantile(ours, 1)),
  };
}

/** A line of the table for people. */
export function rowText(row: Row, measurement: Measurement): string {
  const target = row.target === null ? "" : `${measurement.more ? "≥" : "≤"} ${row.target}`;
  const verdict = row.ok === null ? "" : row.ok ? "ok" : "MISSED";
  const peer = row.peer === null ? "" : `${row.peer} (×${row.ratio})`;
  const value = `${row.value} ${row.unit}`;
  return [
    row.name.padEnd(14),
    value.padEnd(18),
    target.padEnd(12),
    verdict.padEnd(7),
    peer.padEnd(20),
    measurement.what,
  ].join(" ");
}

export const TABLE_HEAD = `${"row".padEnd(14)} ${"value".padEnd(18)} ${"target".padEnd(12)} ${"".padEnd(7)} ${"peer (ratio)".padEnd(20)} what`;

/** Writes distributions, with the machine's description, to build/bench/; returns the file. */
export function writeDistributions(measurements: Measurement[], peer: string | null): string {
  const folder = join(root, "build/bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  const record = {
    machine: machineRecord(peer),
    rows: measurements.map((measurement) => ({
      ...rowOf(measurement),
      what: measurement.what,
      ours: distribution(measurement.ours),
      peerDistribution: measurement.peer.length > 0 ? distribution(measurement.peer) : null,
    })),
  };
  writeFileSync(file, JSON.stringify(record, null, 2) + "\n");
  return file;
}

/** What distributions were measured on. */
export function machineRecord(peer: string | null): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    load: loadavg(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    peer,
    commit: spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).stdout?.trim() ?? "",
  };
}

/** [min, q1, median, mean, q3, max, sd, n] */
function distribution(values: number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  const quantiles = [0, 0.25, 0.5].map((at) => quantile(values, at));
  return [...quantiles, mean, quantile(values, 0.75), quantile(values, 1), Math.sqrt(variance), values.length];
}

/** The value below which the share `at` of all lies. */
export function quantile(values: number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * at;
  const [low, high] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!];
  return low + (high - low) * (position % 1);
}

/** Three digits after the point are more than any of these measurements is worth. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
