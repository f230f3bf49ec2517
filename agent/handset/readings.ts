// How single words of a file are read, where they are no quantity (units.ts).

import type { Reading } from "./shape.ts";
import { UnitError } from "./units.ts";

/** What is quoted from a file in a fault. */
const QUOTE_CHARACTERS_MAX = 60;
const NAME = /^[a-z0-9-]{1,32}$/;

/** What a file says, as a fault quotes it. */
export function quoted(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > QUOTE_CHARACTERS_MAX ? `${text.slice(0, QUOTE_CHARACTERS_MAX)}…` : text);
}

export function nameOf(value: unknown): string {
  if (NAME.test(String(value))) return String(value);
  throw new UnitError(`a name has 1 to 32 of the characters a-z, 0-9 and -, not ${quoted(value)}`);
}

export function textOf(value: unknown): string {
  if (String(value).length > 0 && String(value).length <= 4096) return String(value);
  throw new UnitError("expected a text of 1 to 4096 characters");
}

export function integerOf(least: number, most: number): Reading<number> {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new UnitError(`expected a whole number from ${least} to ${most}, not ${quoted(value)}`);
  };
}

export function oneOf<T extends string>(choices: readonly T[]): Reading<T> {
  return (value) => {
    if (choices.includes(String(value) as T)) return String(value) as T;
    throw new UnitError(`expected one of ${choices.join(", ")}, not ${quoted(value)}`);
  };
}
