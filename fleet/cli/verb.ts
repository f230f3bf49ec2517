// A fleet verb: its line in the help, its options, what it does.

import { parseOptions, type OptionTable, type Parsed } from "../../agent/cli/arguments.ts";
import { helpText, type VerbFacts } from "../../agent/cli/verb.ts";
import { UsageError } from "../../agent/failure.ts";
import { DEFAULT_TENANT, FleetStore } from "../store.ts";
import type { Io } from "./io.ts";

export interface Verb extends VerbFacts {
  positionalMax: number;
  run(parsed: Parsed, io: Io): Promise<number>;
}

/** Options that every verb has. */
export const COMMON: OptionTable = { tenant: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } };
export const DRY_RUN: OptionTable = { "dry-run": { type: "boolean" } };

export function storeOf(parsed: Parsed, io: Io): FleetStore {
  const tenant = parsed.text("tenant") ?? io.environment["POCKETVISOR_TENANT"] ?? DEFAULT_TENANT;
  return new FleetStore(tenant, io.environment);
}

export function helpOf(verb: Verb): string {
  return helpText("pocketvisor fleet", verb, "[--tenant T]");
}

export function parseVerb(verb: Verb, args: string[]): Parsed {
  return parseOptions(args, { ...COMMON, ...verb.options }, verb.positionalMax);
}

/** The positional at a place. Throws UsageError when it is missing. */
export function needed(parsed: Parsed, at: number, what: string, verb: string): string {
  const value = parsed.positionals[at];
  if (value !== undefined) return value;
  throw new UsageError("USAGE", `${what} is missing`, `See: pocketvisor fleet ${verb} --help`);
}

/** A count of whole days, as seconds. */
export function daysOf(parsed: Parsed, option: string, absent: number): number {
  const text = parsed.text(option);
  const days = text === null ? absent : Number(/^\d{1,4}$/.test(text) ? text : NaN);
  if (days >= 1 && days <= 3650) return days * 86_400;
  throw new UsageError("USAGE", `--${option} needs a number of days from 1 to 3650`);
}
