// A handset as a table: budgets as bars, what is held back and why, what is translated, the battery, the temperature, rules that went wrong. No row is wider
// than the width that it is given.

import stringWidth from "string-width";
import { escapeText } from "../escape.ts";
import { bytesText, energyText, powerText } from "../handset/units.ts";
import { translationText } from "./translation-text.ts";
import type { HandsetView, PartitionView } from "../view.ts";

/** From these widths on there is room for the network, for long bars, for short ones, for memory, for energy. */
const WIDTHS = { network: 110, long: 100, short: 66, memory: 54, energy: 44 };
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

/** The table in parts, for whoever has room for some of it alone. */
export interface TableParts {
  /** What stays at the top: the handset, its battery, the columns' names. */
  head: string[];
  /** The lines of each partition. */
  partitions: string[][];
  /** Rules that went wrong. */
  tail: string[];
}

/** Lines of the table, none wider than `width`. `before` is an earlier view: rates are taken between the two; without one, since the start.
 *  `chosen` is marked. */
export function tableOf(
  view: HandsetView,
  before: HandsetView | null,
  width: number,
  chosen = -1,
  colour = false,
): string[] {
  const { head, partitions, tail } = tableParts(view, before, width, chosen, colour);
  return [...head, ...partitions.flat(), ...tail];
}

/** The same in parts. */
export function tableParts(
  view: HandsetView,
  before: HandsetView | null,
  width: number,
  chosen = -1,
  colour = false,
): TableParts {
  const bars = width >= WIDTHS.long ? 12 : width >= WIDTHS.short ? 6 : 0;
  const barred = bars === 0 ? 0 : bars + 1;
  const columns = {
    ...{ name: 14, state: 9, cpu: barred + 9 },
    memory: width >= WIDTHS.memory ? 9 : 0,
    energy: width >= WIDTHS.energy ? barred + 10 : 0,
    network: width >= WIDTHS.network && view.partitions.some((partition) => networkBytes(partition) > 0) ? 10 : 0,
  };
  const line = (...cells: Cell[]): string => lineOf(cells, width, colour);
  const elapsed = view.nowNs - (before?.nowNs ?? 0);
  const memory = `${mebibytes(view.memory.held)} of ${mebibytes(view.memory.limit)} MiB`;
  const head = [
    line([`${view.handset} on ${view.board} · up ${clock(view.nowNs)} · memory ${memory}`, null, BOLD]),
    line([batteryText(view), null], [thermalText(view), null, LEVEL_COLOURS[view.thermal?.level ?? ""]]),
    ...fleetLine(view).map((text) => line([text, null])),
    ...notesOf(view).map((note) => line([note, null, FAINT])),
    "",
    line(
      ["  NAME", columns.name + 2, FAINT],
      ["STATE", columns.state, FAINT],
      ["MEMORY", columns.memory, FAINT],
      [before === null ? "CPU MEAN" : "CPU NOW", columns.cpu, FAINT],
      ["ENERGY", columns.energy, FAINT],
      ["NETWORK", columns.network, FAINT],
      ["HELD BACK", null, FAINT],
    ),
  ];
  const partitions = view.partitions.map((partition, index) => {
    const { name, state, cpu } = partition;
    const earlier = before?.partitions.find((each) => each.partition === partition.partition);
    const share = elapsed > 0 ? (cpu.timeNs - (earlier?.cpu.timeNs ?? 0)) / elapsed : 0;
    const cap = (cpu.ceiling ?? cpu.period) / cpu.period;
    const rows = [
      line(
        [index === chosen ? "›" : " ", 2, index === chosen ? "7" : undefined],
        [escapeText(name, 12), columns.name],
        [state, columns.state, STATE_COLOURS[state]],
        [`${mebibytes(partition.memory.ramBytes)}+${mebibytes(partition.memory.overheadBytes)}`, columns.memory],
        [`${bar(cap === 0 ? 0 : share / cap, bars)}${percent(share)}`, columns.cpu],
        [energyCell(partition, bars), columns.energy],
        [bytesText(networkBytes(partition)), columns.network],
        [heldBack(partition), null],
      ),
    ];
    const { translation } = partition;
    if (translation !== null) rows.push(line([`    ${translationText(translation)}`, null, FAINT]));
    return rows;
  });
  const faulty = view.rules.filter(({ last }) => last !== "");
  const tail = faulty.slice(0, RULES_SHOWN).map(({ name, off, last }) => {
    return line([`  rule ${name}${off ? " (off)" : ""}: ${escapeText(last)}`, null, "33"]);
  });
  if (faulty.length > RULES_SHOWN) tail.push(line([`  and ${faulty.length - RULES_SHOWN} more rules`, null]));
  return { head, partitions, tail };
}

/** Cells beside each other, cut at `width` columns. */
function lineOf(cells: Cell[], width: number, colour: boolean): string {
  let [line, room] = ["", width];
  for (const [text, columns, code] of cells) {
    // The columns that go with a narrow terminal.
    if (columns === 0) continue;
    const padded = columns === null ? text : padTo(cut(text, columns - 1), columns);
    const shown = cut(padded, room);
    room -= stringWidth(shown);
    line += colour && code !== undefined && shown !== "" ? `\x1b[${code}m${shown}\x1b[0m` : shown;
  }
  return line.trimEnd();
}

function padTo(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)));
}

/** The beginning of a text that fits: terminals count columns, not characters. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  if (width <= 0) return "";
  let [shown, room] = ["", width - 1];
  for (const character of text) {
    room -= stringWidth(character);
    if (room < 0) break;
    shown += character;
  }
  return `${shown}…`;
}

/** Level, drain and charger of the battery. */
function batteryText({ battery }: HandsetView): string {
  if (battery === null) return "no battery reading";
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
  return `${bar(energy.level / energy.contract.capacity, bars)}${energyText(energy.level)}`;
}

/** IP bytes of this life of the partition, both ways. */
function networkBytes({ io }: PartitionView): number {
  return io.find(({ name }) => name === "network bytes")?.used ?? 0;
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
  if (restarts > 0) parts.push(`${restarts} restart${restarts === 1 ? "" : "s"}`);
  return parts.join(", ") || "–";
}

/** A bar and a blank; nothing where there is no room for one. */
function bar(share: number, width: number): string {
  if (width === 0) return "";
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return `${"█".repeat(full)}${"░".repeat(width - full)} `;
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
