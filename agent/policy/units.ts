// Values of policies: how files write them, how people read them, what editors check.

import { integerOf, oneOf, textOf } from "../handset/readings.ts";
import { choiceSchema, listSchema, quantitySchema, wholeSchema, type Reading, type Schema } from "../handset/shape.ts";
import { bytesText, parseBytes, parseTranslated, UnitError, UNITS } from "../handset/units.ts";
import { toHex } from "../wire/bytes.ts";
import type { UnitName } from "../wire/policy-key.ts";
import type { Schema as WireSchema } from "../wire/schema.ts";

/** A key's type on the wire. */
export type Type = Pick<WireSchema<unknown>, "names" | "bounds">;

export const LIST_MAX = 256;
const NAME_BYTES_MAX = 64;

const SECONDS: Record<string, number> = { s: 1, min: 60, h: 3600, d: 86_400 };
/** Millijoules in an hour. A milliwatt is 3.6 J an hour. */
const MILLIJOULES_PER_HOUR: Record<string, number> = { mW: 3600, W: 3_600_000, "mJ/h": 1, "J/h": 1000 };

/** "5min" in seconds. "never", where it is allowed, is 0. */
export function parseDuration(text: unknown): number {
  const match = /^(\d{1,9})\s*(s|min|h|d)$/.exec(String(text).trim());
  if (match === null) throw new UnitError(`expected a duration such as 5min, 1h or 7d, not ${JSON.stringify(text)}`);
  return Number(match[1]) * SECONDS[match[2]!]!;
}

export function parseDurationOrNever(text: unknown): number {
  return String(text).trim() === "never" ? 0 : parseDuration(text);
}

/** "100mW" or "360J/h" in millijoules an hour, rounded down: a limit never gives more than was written. */
export function parseHourlyEnergy(text: unknown): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\s*(mW|W|mJ\/h|J\/h)$/.exec(String(text).trim());
  if (match === null) throw new UnitError(`expected a power such as 100mW or 360J/h, not ${JSON.stringify(text)}`);
  return Math.floor(Number((Number(match[1]) * MILLIJOULES_PER_HOUR[match[2]!]!).toPrecision(15)));
}

/** "20%" in permille; tenths are the finest that a policy knows. */
export function parsePermille(text: unknown): number {
  const match = /^(\d{1,3}(?:\.\d)?)\s*%$/.exec(String(text).trim());
  const permille = match === null ? NaN : Math.round(Number(match[1]) * 10);
  if (permille <= 1000) return permille;
  throw new UnitError(`expected 0% to 100%, in tenths at most, not ${JSON.stringify(text)}`);
}

/** "15%" in whole percent. */
export function parseWholePercent(text: unknown): number {
  const match = /^(\d{1,3})\s*%$/.exec(String(text).trim());
  const percent = match === null ? NaN : Number(match[1]);
  if (percent <= 100) return percent;
  throw new UnitError(`expected whole percent from 0% to 100%, not ${JSON.stringify(text)}`);
}

/** "22:00-05:30" as two minutes of the day. */
export function parseWindow(text: unknown): { from: number; to: number } {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(String(text).trim());
  if (match === null) throw new UnitError(`expected times such as 22:00-05:30 (UTC), not ${JSON.stringify(text)}`);
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [number, number, number, number];
  return { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
}

/** "443" or "8000-8999" as two ports. */
export function parsePorts(text: unknown): { first: number; last: number } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(text).trim());
  const first = Number(match?.[1] ?? NaN);
  const last = Number(match?.[2] ?? first);
  if (first <= last && last <= 65_535) return { first, last };
  throw new UnitError(`expected a port or a range such as 8000-8999, not ${JSON.stringify(text)}`);
}

/** 64 characters of hexadecimal. */
export function parseHash(text: unknown): Uint8Array {
  if (/^[0-9a-f]{64}$/.test(String(text))) return new Uint8Array(Buffer.from(String(text), "hex"));
  throw new UnitError(`expected SHA-256 as 64 characters of 0-9 and a-f, not ${JSON.stringify(text)}`);
}

/** Seconds for people: "5 min", "7 days", "never" for 0. */
export function durationText(seconds: number): string {
  if (seconds === 0) return "never";
  for (const [unit, size] of [
    ["days", 86_400],
    ["h", 3600],
    ["min", 60],
  ] as const) {
    if (seconds % size === 0) return `${seconds / size} ${unit === "days" && seconds === size ? "day" : unit}`;
  }
  return `${seconds} s`;
}

const hourlyText = (hourly: number): string => `${decimal(hourly / 3600)} mW (${decimal(hourly / 1000)} J/h)`;
const decimal = (value: number): string => String(Number(value.toFixed(1)));
const minuteText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
const truth = oneOf(["true", "false"] as const);
const shortName: Reading<string> = (value) => {
  if (Buffer.byteLength(String(value)) <= NAME_BYTES_MAX) return textOf(value);
  throw new UnitError(`expected a name of 1 to ${NAME_BYTES_MAX} bytes`);
};

/** How a value of a policy stands in a file, and how a person reads it. */
export interface Unit<T> {
  /** Of a key with this type on the wire: how a file's word is read. Throws UnitError. */
  read: (type: Type) => Reading<T>;
  text: (value: T) => string;
  /** For editors. */
  schema: (type: Type) => Schema;
  /** Whether a file gives a list of such values. */
  listed?: true;
}

const quantity = <T>(read: Reading<T>, text: (value: T) => string, schema: Schema): Unit<T> => ({
  read: () => read,
  text,
  schema: () => schema,
});
const wordsOf = ({ names }: Type): readonly string[] => names!;
const boundsOf = ({ bounds }: Type): readonly [number, number] => bounds ?? [0, Number.MAX_SAFE_INTEGER];
const DURATION: Schema = { type: "string", pattern: "^\\d{1,9}\\s*(s|min|h|d)$" };
const whole: Unit<number> = {
  read: (type) => integerOf(...boundsOf(type)),
  text: String,
  schema: (type) => wholeSchema(...boundsOf(type)),
};
const one = <T>(unit: Unit<T>, most: number): Unit<T[]> => ({
  ...(unit as unknown as Unit<T[]>),
  text: (values) => values.map((each) => unit.text(each)).join(", "),
  schema: (type) => listSchema(unit.schema(type), most),
  listed: true,
});
const name = quantity(shortName, String, { type: "string", minLength: 1, maxLength: NAME_BYTES_MAX });
/** The numbers of metrics; a policy's list has no type of its own for them. */
const METRIC_MAX = 65_535;

/** A unit for each name that a key may give. */
export const POLICY_UNITS = {
  bytes: quantity(parseBytes, bytesText, quantitySchema(UNITS.bytes, true)),
  translated: quantity(parseTranslated, (bytes: number) => (bytes === 0 ? "0 bytes" : bytesText(bytes)), {
    anyOf: [quantitySchema(UNITS.bytes, true), choiceSchema(["off"])],
  }),
  permille: quantity(parsePermille, (permille: number) => `${decimal(permille / 10)} %`, {
    type: "string",
    pattern: "^\\d{1,3}(\\.\\d)?\\s*%$",
  }),
  percent: quantity(parseWholePercent, (percent: number) => `${percent} %`, {
    type: "string",
    pattern: "^\\d{1,3}\\s*%$",
  }),
  whole,
  tries: { ...whole, text: (count: number) => (count === 0 ? "any number of" : String(count)) },
  energy: quantity(parseHourlyEnergy, hourlyText, quantitySchema(Object.keys(MILLIJOULES_PER_HOUR))),
  duration: quantity(parseDuration, durationText, DURATION),
  "duration-or-never": quantity(parseDurationOrNever, durationText, { anyOf: [choiceSchema(["never"]), DURATION] }),
  word: {
    read: (type: Type) => oneOf(wordsOf(type)),
    text: (word: string) => word,
    schema: (type: Type) => choiceSchema(wordsOf(type)),
  },
  truth: quantity(
    (value) => truth(value) === "true",
    (is: boolean) => (is ? "yes" : "no"),
    { type: "boolean" },
  ),
  name,
  names: one(name, LIST_MAX),
  numbers: one({ ...whole, read: () => integerOf(0, METRIC_MAX), schema: () => wholeSchema(0, METRIC_MAX) }, LIST_MAX),
  hash: quantity(parseHash, (hash: Uint8Array) => toHex(hash), { type: "string", pattern: "^[0-9a-f]{64}$" }),
  window: quantity(
    parseWindow,
    ({ from, to }: { from: number; to: number }) => `${minuteText(from)} and ${minuteText(to)}`,
    { type: "string", pattern: "^\\d\\d:\\d\\d-\\d\\d:\\d\\d$" },
  ),
} satisfies Record<UnitName, unknown>;

/** The unit of a key of any type; undefined for a structure. */
export function unitOf(name: string): Unit<unknown> | undefined {
  return (POLICY_UNITS as unknown as Record<string, Unit<unknown>>)[name];
}
