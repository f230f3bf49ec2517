// A guest's profile as a table for people, with the names of a System.map or of `nm`.

import { readFileSync, statSync } from "node:fs";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import type { ProfileResult } from "../host/index.ts";

interface Symbol {
  address: number;
  name: string;
}

const SYMBOL_BYTES_MAX = 64 << 20;
const SYMBOL_LINES_MAX = 1_000_000;
/** Code symbols only: absolute ones and data would claim addresses that are not theirs. */
const SYMBOL_LINE = /^([0-9a-fA-F]{1,16}) [tTwW] (\S+)/;
/** Nothing is known of what lies further behind a symbol: the last one's end is not told. */
const REACH_BYTES = 1 << 20;
/** Code without a name is told by this much of it. */
const BLOCK_BYTES = 64;
const ROWS_MAX = 60;
const NAME_CHARACTERS_MAX = 80;

/** Symbols of code, by address. Throws UsageError when there are none. */
export function parseSymbols(text: string): Symbol[] {
  const lines = text.split("\n", SYMBOL_LINES_MAX);
  const symbols = lines.flatMap((line) => {
    const match = SYMBOL_LINE.exec(line);
    const address = match === null ? NaN : parseInt(match[1]!, 16);
    return address < 2 ** 32 ? [{ address, name: match![2]! }] : [];
  });
  if (symbols.length === 0) {
    throw new UsageError(
      "USAGE_FILE",
      "--symbols needs lines such as `c0100000 T start`",
      "Use a System.map, or what nm prints.",
    );
  }
  return symbols.sort((a, b) => a.address - b.address);
}

/** Symbols of code in a file. Throws UsageError. */
export function readSymbols(file: string): Symbol[] {
  try {
    if (statSync(file).size <= SYMBOL_BYTES_MAX) return parseSymbols(readFileSync(file, "latin1"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = (error as NodeJS.ErrnoException).code;
    throw new UsageError("USAGE_FILE", `--symbols ${escapeText(file)} cannot be read (${why})`);
  }
  throw new UsageError("USAGE_FILE", `--symbols ${escapeText(file)} is larger than a list of symbols can be (64 MiB)`);
}

interface Row {
  where: string;
  user: boolean;
  samples: number;
  instructions: number;
  translated: number;
}

/** The table: hottest first. */
export function profileText(profile: ProfileResult, symbols: Symbol[]): string {
  const rows = new Map<string, Row>();
  let total = profile.lost;
  for (const { address, user, samples, instructions, translated } of profile.places) {
    total += samples;
    const where = nameOf(address, symbols);
    const key = `${user} ${where}`;
    const row = rows.get(key) ?? { where, user, samples: 0, instructions: 0, translated: 0 };
    row.samples += samples;
    row.instructions += instructions;
    row.translated += translated;
    rows.set(key, row);
  }
  const sorted = [...rows.values()].sort((a, b) => b.samples - a.samples || (a.where < b.where ? -1 : 1));
  const shown = sorted.slice(0, ROWS_MAX);
  const rest = sorted.slice(ROWS_MAX).reduce((sum, { samples }) => sum + samples, profile.lost);
  const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
  const line = (cells: string[]): string =>
    [
      cells[0]!.padStart(8),
      cells[1]!.padStart(8),
      cells[2]!.padStart(12),
      cells[3]!.padStart(11),
      cells[4]!.padEnd(6),
      cells[5]!,
    ].join("  ");
  return [
    `${total} samples of the program counter, at the ends of slices that ran out of fuel: shares of time in real time, of instructions`,
    "in deterministic time. instructions: those of the slices that ended there, in millions;",
    "translated: how many of these translated code executed, the rest was interpreted. Addresses are virtual; those of user mode",
    "belong to whatever process was there.",
    "",
    line(["share", "samples", "instructions", "translated", "mode", "where"]),
    ...shown.map(({ where, user, samples, instructions, translated }) =>
      line([
        percent(samples, total),
        String(samples),
        (instructions / 1e6).toFixed(1),
        percent(translated, instructions),
        user ? "user" : "system",
        where,
      ]),
    ),
    ...(rest > 0 ? [line([percent(rest, total), String(rest), "", "", "", "elsewhere"])] : []),
    "",
  ].join("\n");
}

function nameOf(address: number, symbols: Symbol[]): string {
  let [low, high] = [0, symbols.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (symbols[middle]!.address <= address) low = middle + 1;
    else high = middle;
  }
  const symbol = symbols[low - 1];
  if (symbol !== undefined && address - symbol.address < REACH_BYTES) {
    return `${hex(symbol.address)}  ${escapeText(symbol.name, NAME_CHARACTERS_MAX)}`;
  }
  const block = address - (address % BLOCK_BYTES);
  return `${hex(block)} … +${BLOCK_BYTES}`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
