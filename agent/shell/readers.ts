// Readers of untrusted values: each takes a value and what it is called, and returns it as the type that it promises, or throws Refused. A
// record takes exactly the fields that it names, so a field of a type without a reader, and a reader without a field, are type errors.

import { Failure } from "../failure.ts";

/** Why an order does not pass, for the person who gave it. */
export class Refused extends Failure {
  constructor(message: string) {
    super("ORDER_REFUSED", message);
  }
}

/** `what` is the value's name in a refusal. Throws Refused. */
export type Reader<T> = (what: string, value: unknown) => T;

/** A reader for every field of T; that of a field which may be absent is made by optional(). */
export type Fields<T> = {
  readonly [Key in keyof T]-?: Partial<Pick<T, Key>> extends Pick<T, Key> ? Reader<T[Key] | undefined> : Reader<T[Key]>;
};

/** Characters of a wrong value that a refusal repeats. */
const REPEATED_MAX = 60;

/** Throws Refused: what the value must be, and what it is. */
export function fail(what: string, wanted: string, value: unknown): never {
  const text = String(JSON.stringify(value));
  const shown = text.length > REPEATED_MAX ? `${text.slice(0, REPEATED_MAX)}…` : text;
  throw new Refused(`${what} must be ${wanted}, not ${shown}`);
}

/** An object with exactly these fields, in this order: all of them are its own, and it has no other. */
export function record<T extends object>(fields: Fields<T>): Reader<T> {
  return (what, value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(what, "an object", value);
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(fields, key)) {
        throw new Refused(`${what} has no field ${JSON.stringify(key.slice(0, REPEATED_MAX))}`);
      }
    }
    const given = value as Partial<Record<keyof T, unknown>>;
    const result: Partial<T> = {};
    for (const key of Object.keys(fields) as (keyof T & string)[]) {
      // What an object inherits was sent by nobody.
      const field = fields[key](`${what}.${key}`, Object.hasOwn(given, key) ? given[key] : undefined);
      if (field !== undefined) result[key] = field;
    }
    return result as T;
  };
}

/** A whole number from 0 to `most`. */
export function upTo(most: number): Reader<number> {
  return (what, value) => {
    const whole = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
    return whole ? value : fail(what, `a whole number from 0 to ${most}`, value);
  };
}

/** One of these words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return (what, value) => words.find((word) => word === value) ?? fail(what, `one of ${words.join(", ")}`, value);
}

/** Text that matches as a whole; `wanted` says of what kind. */
export function textOf(pattern: RegExp, wanted: string): Reader<string> {
  return (what, value) => (typeof value === "string" && pattern.test(value) ? value : fail(what, wanted, value));
}

/** True or false. */
export const flag: Reader<boolean> = (what, value) =>
  typeof value === "boolean" ? value : fail(what, "true or false", value);

/** A number below 2^64, as decimal text: JSON's own numbers end at 2^53. */
export function decimal64(wanted: string): Reader<bigint> {
  const digits = textOf(/^[0-9]{1,20}$/, wanted);
  return (what, value) => {
    const number = BigInt(digits(what, value));
    return number < 1n << 64n ? number : fail(what, wanted, value);
  };
}

/** Null, or what `read` takes. */
export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (what, value) => (value === null ? null : read(what, value));
}

/** Absent, or what `read` takes. */
export function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (what, value) => (value === undefined ? undefined : read(what, value));
}
