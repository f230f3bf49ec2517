// What is told of a policy, section by section: what holds, what waits, what this handset has no means for. Nothing is left out in silence.
//
// A section whose every key is enforced, or trivially true (a camera that is not there is denied), is compliant. One with a key that the
// handset cannot enforce is not-supported, with that key's number; what it can enforce of the section holds all the same.

import type { Policy } from "../wire/policy.ts";
import type { Reported } from "../wire/reports.ts";
import type { Limits } from "./limits.ts";
import { unmetKey, type CodeFacts } from "./unlock.ts";

type Compliance = Reported["sections"] extends Map<number, infer C> ? C : never;
type State = Compliance["state"];

/** The policy's keys, as in wire.cddl. */
export const SECTIONS = {
  budget: 31,
  images: 32,
  apps: 33,
  deviceAccess: 34,
  network: 35,
  sharing: 36,
  unlock: 37,
  location: 38,
  power: 39,
  telemetry: 40,
  offline: 41,
  updates: 42,
  enforcement: 43,
  texts: 44,
  debug: 45,
} as const;
export type Section = keyof typeof SECTIONS;

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

type Judge = (policy: Policy, outcome: Outcome) => Compliance;

const JUDGES: Record<Section, Judge> = {
  budget: ({ budget }, { limits, memoryBytes, refusal, running }) => {
    if (refusal !== null) return state("failed");
    // Memory changes at the next start only.
    if (running && limits.memoryBytesMax !== null && memoryBytes > limits.memoryBytesMax) return state("pending", 1);
    if (budget?.diskBytes !== undefined) return lacking(5);
    if (budget?.networkBytesPerDay !== undefined) return lacking(6);
    return compliant;
  },
  images: ({ images }, { limits, image, running }) => {
    // It runs until somebody ends it, or the enforcement clock does; it does not start again.
    if (running && limits.images?.includes(image) !== true) return state("failed", 1);
    // Nothing says of an image that it is one of a developer's: whoever wants those names their hashes.
    return images?.allowDevelopment === true ? lacking(3) : compliant;
  },
  apps: ({ apps }) => (apps!.length === 0 ? compliant : lacking(0)),
  deviceAccess: ({ deviceAccess }) => {
    // There is nobody to ask: what is to be asked for is denied.
    return deviceAccess!.get("console") === "ask" ? state("overridden", 11) : compliant;
  },
  network: () => lacking(0),
  sharing: ({ sharing }) => {
    const keys = ["clipboardOut", "clipboardIn", "files", "contacts"] as const;
    const unheld = keys.findIndex((key) => sharing![key] !== undefined && sharing![key] !== "deny");
    return unheld < 0 ? compliant : lacking(unheld + 1);
  },
  unlock: ({ unlock }, { code, now }) => {
    // Waits for a person; meanwhile nobody gets at the console.
    const key = unmetKey(code, unlock!, now);
    return key === null ? compliant : state("pending", key);
  },
  location: ({ location }) => (location!.when === "never" ? compliant : lacking(1)),
  power: () => compliant,
  telemetry: ({ telemetry }) => (telemetry!.metrics === undefined ? compliant : lacking(3)),
  offline: ({ offline }) => ((offline!.wipeAfterSeconds ?? 0) > 0 ? lacking(3) : compliant),
  updates: () => lacking(0),
  enforcement: ({ enforcement }) => {
    const wipe = enforcement!.findIndex(({ wipeAfterSeconds }) => (wipeAfterSeconds ?? 0) > 0);
    return wipe < 0 ? compliant : lacking(3);
  },
  texts: () => compliant,
  debug: () => compliant,
};

/** The compliance of every section that the policy has. */
export function complianceOf(policy: Policy, outcome: Outcome): Map<number, Compliance> {
  const sections = new Map<number, Compliance>();
  for (const [section, key] of Object.entries(SECTIONS) as [Section, number][]) {
    if (policy[section] !== undefined) sections.set(key, JUDGES[section](policy, outcome));
  }
  return sections;
}

/** Sections that are neither in force nor beyond the handset's means: what enforcement counts from. */
export function violated(sections: Map<number, Compliance>): number[] {
  return [...sections].filter(([, each]) => each.state === "pending" || each.state === "failed").map(([key]) => key);
}
