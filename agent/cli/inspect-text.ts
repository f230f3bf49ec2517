// The answer of `inspect` for people: every fact with its unit, in groups. The raw numbers are under --json.

import { escapeText } from "../escape.ts";
import { durationText, energyText, powerText } from "../handset/units.ts";
import type { BatteryView, FailureView, PartitionView, ThermalView } from "../view.ts";
import { translationText } from "./translation-text.ts";

/** What `inspect` answers. */
export type Inspected = PartitionView & { battery: BatteryView | null; thermal: ThermalView | null };

const REGISTERS_A_ROW = 5;

type Row = [label: string, text: string];

/** Lines for a terminal. */
export function inspectText(view: Inspected): string {
  const groups: [title: string, rows: Row[]][] = [
    ["partition", identityRows(view)],
    ["memory", memoryRows(view)],
    ["processor", processorRows(view)],
    ["energy", energyRows(view)],
    ["devices", deviceRows(view)],
    ["last failure", view.crash === null ? [] : crashRows(view.crash)],
    ["handset", handsetRows(view)],
  ];
  const width = Math.max(...groups.flatMap(([, rows]) => rows.map(([label]) => label.length)));
  return groups
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) =>
      [title, ...rows.map(([label, text]) => `  ${label.padEnd(width)}  ${escapeText(text)}`)].join("\n"),
    )
    .join("\n\n");
}

function identityRows({ name, kind, state, reason, bootMs, restarts, translation }: PartitionView): Row[] {
  return [
    ["name", name],
    ["kind", kind],
    ["state", reason === "" ? state : `${state}: ${reason}`],
    ["at its shell", bootMs === null ? "not yet" : `after ${(bootMs / 1000).toFixed(2)} s`],
    ["restarts", String(restarts)],
    ["guest code", translation === null ? "interpreted" : translationText(translation)],
  ];
}

function memoryRows({ memory }: PartitionView): Row[] {
  const parts = memory.overhead.map(({ name, bytes }): Row => [`of it ${name}`, bytesText(bytes)]);
  return [["guest RAM", bytesText(memory.ramBytes)], ["overhead", bytesText(memory.overheadBytes)], ...parts];
}

function processorRows({ cpu, instructions, slices, latencyMaxNs, sleeping, throttledBy }: PartitionView): Row[] {
  const share = (microseconds: number): string =>
    `${millisecondsText(microseconds * 1000)} in each ${millisecondsText(cpu.period * 1000)}`;
  return [
    ["guaranteed", cpu.class === "guaranteed" ? share(cpu.budget) : "nothing (best effort)"],
    ["ceiling", cpu.ceiling === null ? "none" : share(cpu.ceiling)],
    ["weight", String(cpu.weight)],
    ["used", `${millisecondsText(cpu.timeNs)}, of it ${millisecondsText(cpu.serviceNs)} the host's work for it`],
    ["instructions", `${countText(instructions)} in ${countText(slices)} slices`],
    ["throttled", throttledRow(cpu)],
    ["debt", millisecondsText(cpu.debtNs)],
    ["longest overrun", millisecondsText(cpu.overrunMaxNs)],
    ["longest wait", millisecondsText(latencyMaxNs)],
    ["now", throttledBy !== "nothing" ? `throttled: ${throttledBy}` : sleeping ? "asleep" : "ready"],
  ];
}

function energyRows({ energy }: PartitionView): Row[] {
  const { contract, level, spent, average } = energy;
  const reserve: Row[] =
    contract === null
      ? [["contract", "none: it draws from the battery"]]
      : [
          ["reserve", `${energyText(level)} of ${energyText(contract.capacity)}`],
          [
            "refilled",
            contract.share > 0 ? `${contract.share / 1e4} % of what else is drawn` : powerText(contract.rate),
          ],
        ];
  const mean =
    average === null
      ? "not known yet"
      : `${powerText(average.milliwatts * 1000)} over the last ${durationText(average.spanNs / 1e9)}`;
  return [...reserve, ["spent", energyText(spent)], ["mean power", mean], ["throttled", throttledRow(energy)]];
}

function deviceRows({ io, waitsForDevice }: PartitionView): Row[] {
  const rows = io.map(({ name, used, throttledTotal }): Row => {
    const count = name.endsWith("operations") ? countText(used) : bytesText(used);
    return [name, throttledTotal === 0 ? count : `${count}; throttled ${countText(throttledTotal)} times`];
  });
  return waitsForDevice ? [...rows, ["now", "a limit delays a request"]] : rows;
}

function crashRows({ reason, timeNs, registers = [], pc, cpsr }: FailureView): Row[] {
  const rows: Row[] = [
    ["reason", reason],
    ["at", `${(timeNs / 1e9).toFixed(3)} s after the handset's start`],
  ];
  // Where the guest was is not for everybody.
  if (pc !== undefined) rows.push(["pc", hex(pc)]);
  if (cpsr !== undefined) rows.push(["cpsr", hex(cpsr)]);
  for (let at = 0; at < registers.length; at += REGISTERS_A_ROW) {
    const some = registers.slice(at, at + REGISTERS_A_ROW);
    rows.push([`r${at} – r${at + some.length - 1}`, some.map((word) => hex(word)).join(" ")]);
  }
  return rows;
}

function handsetRows({ battery, thermal }: Inspected): Row[] {
  const rows: Row[] = [];
  if (battery !== null) {
    const left = battery.joules === null ? "" : `, ${energyText(battery.joules * 1e12)}`;
    rows.push(["battery", `${battery.percent.toFixed(1)} %${left} (${battery.source})`]);
  }
  if (thermal !== null) rows.push(["temperature", `${thermal.celsius.toFixed(1)} °C (${thermal.level})`]);
  return rows;
}

function throttledRow({ throttledTotal, throttledNs }: { throttledTotal: number; throttledNs: number }): string {
  if (throttledTotal === 0) return "never";
  return `${countText(throttledTotal)} times, ${millisecondsText(throttledNs)} in total`;
}

function countText(count: number): string {
  return count.toLocaleString("en");
}

function bytesText(bytes: number): string {
  return bytes >= 1 << 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** Nanoseconds for people. */
function millisecondsText(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(2)} s`;
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e3).toFixed(0)} µs`;
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, "0")}`;
}
