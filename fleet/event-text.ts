// What an event says, for people: its word, the partition that it is about, and what its arguments mean.

import { AGENT_EVENTS, HANDSET_EVENTS, REASONS } from "../agent/wire/reasons.ts";
import type { EventMessage } from "../agent/wire/reports.ts";

export interface EventFacts {
  word: string;
  /** Empty: the device itself. */
  partition: string;
  /** Not escaped. Empty: nothing more. */
  detail: string;
  isRefusal: boolean;
}

type Argument = string | number | undefined;

/** `names` are the device's partitions by their numbers. */
export function eventFacts({ code, partition, args }: EventMessage, names: ReadonlyMap<number, string>): EventFacts {
  const argument = (at: number): Argument => {
    const value = args?.get(at);
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  };
  const about = partition === undefined ? "" : (names.get(partition) ?? `partition ${partition}`);
  const own = wordIn(REASONS, code);
  if (own !== null) {
    const [kind, named, detail, untold] = [1, 2, 3, 4].map(argument);
    const more = untold === undefined ? "" : `; ${untold} more were only counted`;
    const text = [kindText(kind), detail].filter(Boolean).join(": ");
    return { word: `refused: ${own}`, partition: String(named ?? about), detail: `${text}${more}`, isRefusal: true };
  }
  if (code === HANDSET_EVENTS["document-refused"]) {
    const reason = wordIn(REASONS, Number(argument(1))) ?? `reason ${String(argument(1) ?? "unknown")}`;
    const detail = kindText(argument(2));
    return { word: `refused: ${reason}`, partition: String(argument(3) ?? about), detail, isRefusal: true };
  }
  const word = wordIn(HANDSET_EVENTS, code) ?? wordIn(AGENT_EVENTS, code) ?? `event ${code}`;
  const rest = [...(args ?? [])].map(([key, value]) => `${argumentName(word, key)} ${valueText(value)}`);
  return { word, partition: about, detail: rest.join(", "), isRefusal: false };
}

/** The same in one line. */
export function eventLine({ word, partition, detail }: EventFacts): string {
  return `${word}${partition === "" ? "" : ` (${partition})`}${detail === "" ? "" : `: ${detail}`}`;
}

const KINDS: Record<string, string> = {
  ...{ root: "a root document", time: "a freshness document", now: "an answer with the time", lock: "a lock" },
  ...{
    groups: "a list of groups",
    pol: "a policy",
    img: "an image's manifest",
    cmd: "a command",
    consent: "a consent",
  },
};

function kindText(kind: Argument): string {
  return kind === undefined || kind === "" ? "" : (KINDS[kind] ?? String(kind));
}

const NAMES: Record<string, Record<number, string>> = {
  "telemetry-thinned": { 1: "one sample in" },
  "queue-lost": { 1: "class", 2: "messages", 3: "from", 4: "to" },
  "unlock-failed": { 2: "in a row" },
};

function argumentName(word: string, key: number): string {
  return NAMES[word]?.[key] ?? { 1: "reason", 2: "value" }[key] ?? `argument ${key}`;
}

function valueText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
}

function wordIn(list: Record<string, number>, code: number): string | null {
  return Object.entries(list).find(([, number]) => number === code)?.[0] ?? null;
}
