// What is told of a policy, section by section: what holds, what waits, what this handset has no means for. Nothing is left out in silence.
//
// A section whose every key is enforced, or trivially true (a camera that is not there is denied), is compliant. One with a key that the
// handset cannot enforce is not-supported, with that key's number; what it can enforce of the section holds all the same.

import { keysOf, SECTIONS, type Policy, type SectionName } from "../wire/policy.ts";
import type { Reported } from "../wire/reports.ts";
import type { Limits } from "./limits.ts";
import { unmetKey, type CodeFacts } from "./unlock.ts";

type Compliance = Reported["sections"] extends Map<number, infer C> ? C : never;
type State = Compliance["state"];

/** What enforcing found out. */
export interface Outcome {
  limits: Limits;
  /** Bytes that are charged to the partition as it runs. */
  memoryBytes: number;
  /** SHA-256 of its kernel image, in hexadecimal. */
  image: string;
  /** Why the hypervisor refused the contracts that the policy leaves; null: it took them. */
  refusal: string | null;
  running: boolean;
  /** What is known of its unlock code; null: none is set. */
  code: CodeFacts | null;
  /** Seconds since 1970. */
  now: number;
}

const compliant: Compliance = { state: "compliant" };
const lacking = (code: number): Compliance => ({ state: "not-supported", code });
const state = (word: State, code?: number): Compliance =>
  code === undefined ? { state: word } : { state: word, code };

/** What a section's state depends on beyond its values; null: on nothing. */
type Judge = (policy: Policy, outcome: Outcome) => Compliance | null;

const JUDGES: Partial<Record<SectionName, Judge>> = {
  budget: (_policy, { limits, memoryBytes, refusal, running }) => {
    if (refusal !== null) return state("failed");
    // Memory changes at the next start only.
    const more = limits.memoryBytesMax !== null && memoryBytes > limits.memoryBytesMax;
    return running && more ? state("pending", 1) : null;
  },
  // It runs until somebody ends it, or the enforcement clock does; it does not start again.
  images: (_policy, { limits, image, running }) =>
    running && limits.images?.includes(image) !== true ? state("failed", 1) : null,
  // There is nobody to ask: what is to be asked for is denied.
  deviceAccess: ({ deviceAccess }) => (deviceAccess!.get("console") === "ask" ? state("overridden", 11) : null),
  unlock: ({ unlock }, { code, now }) => {
    // Waits for a person; meanwhile nobody gets at the console.
    const key = unmetKey(code, unlock!, now);
    return key === null ? null : state("pending", key);
  },
};

/** The compliance of every section that the policy has. */
export function complianceOf(policy: Policy, outcome: Outcome): Map<number, Compliance> {
  const sections = new Map<number, Compliance>();
  for (const name of Object.keys(SECTIONS) as SectionName[]) {
    if (policy[name] === undefined) continue;
    const lacks = lackOf(policy, name);
    const judged = JUDGES[name]?.(policy, outcome) ?? null;
    sections.set(SECTIONS[name].number, judged ?? (lacks === undefined ? compliant : lacking(lacks)));
  }
  return sections;
}

/** The number of what a handset cannot enforce of a section (0: none of it), or undefined. */
function lackOf(policy: Policy, name: SectionName): number | undefined {
  const section = SECTIONS[name];
  const whole = section.lacks?.(policy[name]);
  if (whole !== undefined) return whole;
  const values = policy[name] as Record<string, unknown>;
  const lacking = keysOf(section).find(
    ([field, , { lacks }]) => values[field] !== undefined && lacks?.(values[field]) === true,
  );
  return lacking?.[1];
}

/** Sections that are neither in force nor beyond the handset's means: what enforcement counts from. */
export function violated(sections: Map<number, Compliance>): number[] {
  return [...sections].filter(([, each]) => each.state === "pending" || each.state === "failed").map(([key]) => key);
}
