// The counters of a run for people; for programs they are written as JSON.

import type { RunStats } from "../host/index.ts";
import { translationText } from "./translation-text.ts";

/** What a run's record has beside its counters. */
export interface StatsRecord {
  reason: string;
  cpuMs: number;
  residentBytesMax: number;
}

/** Lines that each end in a newline. */
export function statsText({ reason, cpuMs, residentBytesMax }: StatsRecord, stats: RunStats | null): string {
  const host = `host: ${seconds(cpuMs)} of processor, ${(residentBytesMax / 2 ** 20).toFixed(0)} MiB resident at most`;
  if (stats === null) return `${reason}; there are no counters\n${host}\n`;
  const { instructions, wallMs, busyMs, slices, sleeps, resets, translation } = stats;
  const speed = busyMs === 0 ? 0 : instructions / busyMs / 1000;
  const rows: [name: string, count: number][] = [
    ["interrupts", stats.interrupts],
    ["supervisor calls", stats.supervisorCalls],
    ["data aborts", stats.dataAborts],
    ["prefetch aborts", stats.prefetchAborts],
    ["undefined instructions", stats.undefinedInstructions],
  ];
  const memory: typeof rows = [
    ["TLB misses", stats.tlbMisses],
    ["blocks decoded", stats.blocksDecoded],
    ["device reads", stats.mmioReads],
    ["device writes", stats.mmioWrites],
  ];
  const listOf = (all: typeof rows): string => all.map(([name, count]) => `${grouped(count)} ${name}`).join(", ");
  return [
    `${reason} after ${seconds(wallMs)}, ${seconds(busyMs)} of it in the guest`,
    `${grouped(instructions)} instructions, ${speed.toFixed(0)} million a second: ${translation === null ? "interpreted" : translationText(translation)}`,
    listOf(rows),
    listOf(memory),
    `${grouped(slices)} slices, ${grouped(sleeps)} sleeps, ${grouped(resets)} resets`,
    host,
    "",
  ].join("\n");
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** 1234567 as 1,234,567, whatever the locale. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
