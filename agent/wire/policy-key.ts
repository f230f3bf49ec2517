// One entry for each key of a policy. The idea: a key's number and type on the wire, its word in policy files, its unit, its sentence, its line in
// the template, the limit that it sets, what a handset cannot do of it and what is harsh about it stand in one place, beside each other. The
// schema, the file reader, the sentences, the template, the JSON Schema for editors, the warnings, the limits and the report are loops over
// these entries. What a loop cannot know stays in code: how a limit is enforced.

import { optional, type Field, type Schema } from "./schema.ts";

/** How a file writes a value and how a person reads it: agent/policy/units.ts has one entry for each. */
export type UnitName =
  | "bytes"
  | "translated"
  | "permille"
  | "percent"
  | "whole"
  | "energy"
  | "duration"
  | "duration-or-never"
  | "word"
  | "truth"
  | "name"
  | "names"
  | "hash"
  | "window"
  | "numbers"
  | "tries";

/** How a file writes what is more than one value: fleet/policy/structures.ts reads them, agent/policy/facts.ts puts them into words. */
export type StructureName = "images" | "apps" | "devices" | "rules" | "channels" | "enforcement" | "texts";

export interface About<T> {
  /** The key in policy files. */
  word: string;
  unit: UnitName | StructureName;
  /** The sentence around the value: "at most" 20 % " of a processor". A structure makes its own. */
  lead?: string;
  tail?: string;
  /** The value that the template shows; a list's lines without indentation. */
  example: string;
  /** What stands behind it in the template. */
  note?: string;
  /** Whether the template sets it. Otherwise its line is a comment. */
  set?: boolean;
  /** The limit's name in `Limits`, which holds the value, or null where the policy does not have the key. */
  limit?: string;
  /** The limit of a value, where it is not the value itself. */
  limitOf?: (value: T) => number;
  /** Whether a handset cannot enforce this value: the report then says not-supported, with the key's number. */
  lacks?: (value: T) => boolean;
  /** What is harsh or senseless about a value; undefined: nothing. */
  warns?: (value: T, partition: string) => string | undefined;
}

export type Key<T, A extends About<T>> = Field<T, false> & { readonly about: A };

/** A key of a section. */
export function key<T, const A extends About<T>>(number: number, schema: Schema<T>, about: A & About<T>): Key<T, A> {
  return { ...optional(number, schema), about };
}

export type Keys = Record<string, Field<unknown, false> & { readonly about: About<never> }>;

/** The names of the limits that keys set. */
export type LimitNames<K> = {
  [N in keyof K]: K[N] extends { about: { limit: infer L extends string } } ? L : never;
}[keyof K];

/** A section of a policy: a map of keys, or one value. */
export interface Section<T, K> {
  /** Its key in the policy. */
  readonly number: number;
  readonly schema: Schema<T>;
  /** Its name in policy files. */
  readonly word: string;
  /** Its keys; none: the section is one value, which `about` is about. */
  readonly keys: K;
  readonly about?: About<T>;
  /** What stands behind its name in the template. */
  readonly note?: string;
  /** The number of what a handset cannot enforce of it beyond its keys (0: none of it), or undefined. */
  readonly lacks?: (value: T) => number | undefined;
}

export function section<T, const K extends Keys>(entry: Section<T, K>): Section<T, K> {
  return entry;
}
