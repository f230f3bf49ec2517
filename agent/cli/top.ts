// A handset as a table: budgets as bars, what is held back and why, what is translated, the battery, the temperature, rules that went wrong. No row is longer than the
// width that it is given.

import { escapeText } from "../escape.ts";
import { energyText, powerText } from "../handset/units.ts";
import { translationText } from "./translation-text.ts";
import type { HandsetView, PartitionView } from "../view.ts";

export const WIDTH_MIN = 60;
/** Above this there is room for long bars. */
const WIDTH_WIDE = 100;
const RULES_SHOWN = 4;
const BOLD = "1";
const FAINT = "2";
/** Colours are for terminals; a table for a pipe has none. */
const STATE_COLOURS: Record<string, string> = { running: "32", paused: "33", failed: "31", locked: "35" };
const LEVEL_COLOURS: Record<string, string> = { warn: "33", critical: "31" };

/** A text of so many columns; null: as long as it is. */
type Cell = [text: string, columns: number | null, colour?: string | undefined];

/** The handset's fleet in one line: link, policies, telemetry. */
function fleetLine({ management }: HandsetView): string[] {
  if (management === null) return [];
  const { link, policies, samples, queue } = management;
  const state = link.up ? `fleet ${escapeText(link.broker, 40)}` : `fleet: ${escapeText(link.why, 40)}`;
  const inForce = policies.map(({ partition, version }) => `${partition} ${version}`).join(", ");
  const policy = inForce === "" ? "no policy" : `policy ${inForce}`;
  return [`${state} · ${policy} · ${samples} samples, ${queue.sent} sent, ${queue.waiting} waiting`];
}

/** Lines of the table. `before` is an earlier view: rates are taken between the two; without one, since the start. `chosen` is marked. */
export function tableOf(
  view: HandsetView,
  before: HandsetView | null,
  width: number,
  chosen = -1,
  colour = false,
): string[] {
  const most = Math.max(width, WIDTH_MIN);
  const bars = most >= WIDTH_WIDE ? 12 : 6;
  const columns = { name: 14, state: 9, memory: 9, cpu: bars + 9, energy: bars + 10 };
  const line = (...cells: Cell[]): string => lineOf(cells, most, colour);
  const elapsed = view.nowNs - (before?.nowNs ?? 0);
  const memory = `${mebibytes(view.memory.held)} of ${mebibytes(view.memory.limit)} MiB`;
  const rows = [
    line([`${view.handset} on ${view.board} · up ${clock(view.nowNs)} · memory ${memory}`, null, BOLD]),
    line([batteryText(view), null], [thermalText(view), null, LEVEL_COLOURS[view.thermal?.level ?? ""]]),
    ...fleetLine(view).map((text) => line([text, null])),
    ...notesOf(view).map((note) => line([note, null, FAINT])),
    "",
    line(
      ["  NAME", columns.name + 2, FAINT],
      ["STATE", columns.state, FAINT],
      ["MEMORY", columns.memory, FAINT],
      ["CPU", columns.cpu, FAINT],
      ["ENERGY", columns.energy, FAINT],
      ["HELD BACK", null, FAINT],
    ),
  ];
  view.partitions.forEach((partition, index) => {
    const { name, state, cpu } = partition;
    const earlier = before?.partitions.find((each) => each.partition === partition.partition);
    const share = elapsed > 0 ? (cpu.timeNs - (earlier?.cpu.timeNs ?? 0)) / elapsed : 0;
    const cap = (cpu.ceiling ?? cpu.period) / cpu.period;
    rows.push(
      line(
        [index === chosen ? "›" : " ", 2, index === chosen ? "7" : undefined],
        [escapeText(name, 12), columns.name],
        [state, columns.state, STATE_COLOURS[state]],
        [`${mebibytes(partition.memory.ramBytes)}+${mebibytes(partition.memory.overheadBytes)}`, columns.memory],
        [`${bar(cap === 0 ? 0 : share / cap, bars)} ${percent(share)}`, columns.cpu],
        [energyCell(partition, bars), columns.energy],
        [heldBack(partition), null],
      ),
    );
    const { translation } = partition;
    if (translation !== null) rows.push(line([`    ${translationText(translation)}`, null, FAINT]));
  });
  const faulty = view.rules.filter(({ last }) => last !== "");
  for (const { name, off, last } of faulty.slice(0, RULES_SHOWN)) {
    rows.push(line([`  rule ${name}${off ? " (off)" : ""}: ${escapeText(last)}`, null, "33"]));
  }
  if (faulty.length > RULES_SHOWN) rows.push(line([`  and ${faulty.length - RULES_SHOWN} rules more`, null]));
  return rows;
}

/** Cells beside each other, cut at `width` columns. */
function lineOf(cells: Cell[], width: number, colour: boolean): string {
  let [line, room] = ["", width];
  for (const [text, columns, code] of cells) {
    const padded = columns === null ? text : `${cut(text, columns - 1)}`.padEnd(columns);
    const shown = cut(padded, room);
    room -= shown.length;
    line += colour && code !== undefined && shown !== "" ? `\x1b[${code}m${shown}\x1b[0m` : shown;
  }
  return line.trimEnd();
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : width <= 0 ? "" : `${text.slice(0, width - 1)}…`;
}

/** Level, drain and charger of the battery. */
function batteryText({ battery }: HandsetView): string {
  if (battery === null) return "battery: says nothing";
  const { percent: level, milliwatts, charging, source } = battery;
  const parts = [`battery ${level.toFixed(1)} %`];
  if (milliwatts === null) parts.push("drain unknown");
  else if (milliwatts < 0) parts.push(`${powerText(-milliwatts * 1000)} coming in`);
  else parts.push(`drain ${powerText(milliwatts * 1000)}`);
  if (charging) parts.push("charging");
  if (source === "simulated") parts.push(source);
  return parts.join(" · ");
}

function thermalText({ thermal }: HandsetView): string {
  if (thermal === null) return "";
  return ` · ${thermal.celsius.toFixed(0)} °C${thermal.level === "normal" ? "" : ` (${thermal.level})`}`;
}

/** Which sensors are not those of the board. */
function notesOf({ battery, thermal }: HandsetView): string[] {
  return [battery?.note ?? "", thermal?.note ?? ""].filter((note) => note !== "");
}

function energyCell({ energy }: PartitionView, bars: number): string {
  if (energy.contract === null) return `${energyText(energy.spent)} spent`;
  return `${bar(energy.level / energy.contract.capacity, bars)} ${energyText(energy.level)}`;
}

function heldBack({ cpu, energy, throttledBy, restarts }: PartitionView): string {
  const parts = [];
  const spells: [what: "cpu" | "energy", timeNs: number][] = [
    ["cpu", cpu.throttledNs],
    ["energy", energy.throttledNs],
  ];
  // What holds it back now comes first: there may be no room for more.
  spells.sort(([one], [other]) => Number(other === throttledBy) - Number(one === throttledBy));
  for (const [what, timeNs] of spells) {
    if (what === throttledBy) parts.push(`${what} ${seconds(timeNs)} (now)`);
    else if (timeNs > 0) parts.push(`${what} ${seconds(timeNs)}`);
  }
  if (restarts > 0) parts.push(`${restarts} restarts`);
  return parts.join(", ") || "–";
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`.padStart(7);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function seconds(nanoseconds: number): string {
  return `${(nanoseconds / 1e9).toFixed(1)} s`;
}

function clock(nanoseconds: number): string {
  const total = Math.floor(nanoseconds / 1e9);
  return `${Math.floor(total / 60)}:${String(total % 60).padStart(2, "0")}`;
}
