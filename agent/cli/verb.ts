// What is known of a verb of either command line, pocketvisor and pocketvisor fleet: help, completion, the manual page and errors come from it.

import type { OptionTable } from "./arguments.ts";

/** Below this many letters, two that differ make another word. */
const SHORT = 4;
/** What is said of an option where a verb's own help says nothing of it. */
const USUAL: Record<string, string> = { "dry-run": "says what would be done, and does nothing" };

export interface VerbFacts {
  name: string;
  /** What follows the name in a usage line. */
  usage: string;
  /** What it does, for lists: "boots a handset". */
  summary: string;
  /** What its own help says beyond usage and summary; or, if it begins with "usage:", the whole of it. */
  help: string;
  options: OptionTable;
}

/** The text of `--help`. `program` comes before the name. */
export function helpText(
  program: string,
  { name, usage, summary, help: own, options }: VerbFacts,
  common = "",
): string {
  if (own.startsWith("usage:")) return own;
  const unsaid = Object.keys(options).filter((option) => USUAL[option] !== undefined && !own.includes(`--${option}`));
  const help = [...(own === "" ? [] : [own]), ...unsaid.map((option) => `  --${option}  ${USUAL[option]!}`)].join("\n");
  const head = ["usage:", program, name, usage, common].filter((word) => word !== "").join(" ");
  return `${head}\n\n${summary[0]!.toUpperCase()}${summary.slice(1)}.${help === "" ? "" : `\n\n${help}`}`;
}

/** Verbs below each other, with their summaries. */
export function listText(verbs: readonly VerbFacts[]): string {
  const width = Math.max(...verbs.map(({ name }) => name.length)) + 2;
  return verbs.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join("\n");
}

/** A verb that may have been meant; "" when none is near. */
export function nearest(typed: string, verbs: readonly VerbFacts[]): string {
  const ranked = verbs
    .map(({ name }) => ({ name, distance: distanceOf(typed.slice(0, 32), name) }))
    .sort((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= (best.name.length < SHORT ? 1 : 2) ? best.name : "";
}

/** Levenshtein's distance: letters to change, add or leave out. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
