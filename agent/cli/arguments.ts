// Reading command lines: options, sizes, numbers. Everything wrong ends as a UsageError that names the option.

import { parseArgs, type ParseArgsConfig } from "node:util";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { parseBytes, UnitError } from "../handset/units.ts";

export type OptionTable = NonNullable<ParseArgsConfig["options"]>;

export interface Parsed {
  positionals: string[];
  text(name: string): string | null;
  flag(name: string): boolean;
}

/** Parses `args` by a table as node:util parseArgs takes it. No option may be given twice, and no more positionals than
 *  `positionalMax`. */
export function parseOptions(args: string[], options: OptionTable, positionalMax: number): Parsed {
  let parsed: { values: Record<string, unknown>; positionals: string[]; tokens?: { kind: string; name?: string }[] };
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    throw new UsageError("USAGE", escapeText((error as Error).message.split(". ")[0] ?? "bad arguments"));
  }
  const seen = new Set<string>();
  for (const token of parsed.tokens ?? []) {
    if (token.kind !== "option" || token.name === undefined) continue;
    if (seen.has(token.name)) throw new UsageError("USAGE", `--${token.name} is given twice`);
    seen.add(token.name);
  }
  const extra = parsed.positionals[positionalMax];
  if (extra !== undefined) throw new UsageError("USAGE", `unexpected argument "${escapeText(extra)}"`);
  return {
    positionals: parsed.positionals,
    text: (name) => (parsed.values[name] as string | undefined) ?? null,
    flag: (name) => parsed.values[name] === true,
  };
}

/** A size as handset files write it, as a number of bytes. */
export function parseSize(option: string, text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new UsageError("USAGE", `--${option}: ${error.message}`);
  }
}

/** A decimal number above zero, at most `maximum`. */
export function parsePositive(option: string, text: string, maximum: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= maximum) return value;
  throw new UsageError("USAGE", `--${option} needs a number above 0 and at most ${maximum}, not "${escapeText(text)}"`);
}

/** An address or offset: decimal or 0x hexadecimal. */
export function parseAddress(option: string, text: string): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : NaN;
  if (value <= 0xffffffff) return value;
  throw new UsageError("USAGE", `--${option} needs a number such as 0x208000, not "${escapeText(text)}"`);
}
