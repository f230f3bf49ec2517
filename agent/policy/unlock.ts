// Unlock codes: what a policy's section asks of one, and how long a hand has to wait that guesses.

import type { Policy } from "../wire/policy.ts";

export type UnlockSection = NonNullable<Policy["unlock"]>;
export type CodeQuality = "pin" | "password";

/** What is kept of a code beside its hash. */
export interface CodeFacts {
  /** The best that it satisfies. */
  quality: CodeQuality;
  /** In characters. */
  length: number;
  /** Seconds since 1970. */
  setAt: number;
}

/** Where a section says nothing: wire.cddl. */
export const IDLE_LOCK_SECONDS = 300;
export const TRIES_MOST = 10;
const LENGTH_LEAST = 4;
const CHARACTERS_MAX = 256;
const RANK = { none: 0, pin: 1, password: 2 };

/** Wrong tries in a row that cost no time, and how it goes on from there. */
const FREE_TRIES = 4;
const WAIT_SECONDS = 30;
const SLOW_TRIES = 30;
const DOUBLING_TRIES = 10;
const WAIT_SECONDS_MAX = 86_400;

/** Whether a section asks for a code at all: one that does not say how good asks for a PIN. */
export function wantsCode(section: UnlockSection | null | undefined): section is UnlockSection {
  return section !== null && section !== undefined && section.quality !== "none";
}

/** Why a section does not take this as a new code; null: it does. */
export function codeFault(code: string, section: UnlockSection): string | null {
  const characters = [...code];
  const least = section.lengthLeast ?? LENGTH_LEAST;
  if (characters.length < least) return `it needs at least ${least} characters`;
  if (characters.length > CHARACTERS_MAX) return `it has at most ${CHARACTERS_MAX} characters`;
  if (/\p{Cc}/u.test(code)) return "it has characters that no keyboard types";
  if (isRun(characters)) return "its characters are all alike, or follow one another: 1111, 1234, 8642";
  if (section.quality === "password" && qualityOf(code) !== "password") {
    return "a password needs a letter and something that is none";
  }
  return null;
}

/** What is kept of a code that has no fault. */
export function factsOf(code: string, setAt: number): CodeFacts {
  return { quality: qualityOf(code), length: [...code].length, setAt };
}

/** The section's key that a code does not satisfy any more, or that there is none: 1 quality, 2 length, 5 age. Null: it satisfies all. */
export function unmetKey(facts: CodeFacts | null, section: UnlockSection, now: number): number | null {
  if (!wantsCode(section)) return null;
  if (facts === null || RANK[facts.quality] < RANK[section.quality ?? "pin"]) return 1;
  if (facts.length < (section.lengthLeast ?? LENGTH_LEAST)) return 2;
  const age = section.ageMostSeconds ?? 0;
  return age > 0 && now - facts.setAt > age ? 5 : null;
}

/** Seconds until the next try after so many wrong ones in a row: none after 4, then 30 s each, doubled with every 10 tries from 30 on. */
export function waitSeconds(wrongCount: number): number {
  if (wrongCount <= FREE_TRIES) return 0;
  const doublings = Math.max(0, Math.ceil((wrongCount - SLOW_TRIES) / DOUBLING_TRIES));
  return Math.min(WAIT_SECONDS * 2 ** doublings, WAIT_SECONDS_MAX);
}

function qualityOf(code: string): CodeQuality {
  return /\p{L}/u.test(code) && /\P{L}/u.test(code) ? "password" : "pin";
}

/** Whether each character is the one before it plus the same step. */
function isRun(characters: string[]): boolean {
  const numbers = characters.map((each) => each.codePointAt(0)!);
  const step = numbers[1]! - numbers[0]!;
  return Math.abs(step) <= 2 && numbers.every((each, at) => at === 0 || each - numbers[at - 1]! === step);
}
