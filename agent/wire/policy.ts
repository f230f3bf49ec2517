// The policy of one partition. A section that is absent leaves the default. policy-key.ts says what an entry is.

import { claims, type Claims } from "./claims.ts";
import { label } from "./common.ts";
import { ACCESS_SECTIONS } from "./policy-access.ts";
import { BUDGET_SECTIONS, type BUDGET_KEYS } from "./policy-budgets.ts";
import type { About, Keys, LimitNames, Section } from "./policy-key.ts";
import { optional, record, required, rule, type Field, type Schema, type TypeOf } from "./schema.ts";

const ALL = { ...BUDGET_SECTIONS, ...ACCESS_SECTIONS };
type Sections = typeof ALL;
export type SectionName = keyof Sections;

/** A section as loops over all of them see it. */
export type AnySection = Section<unknown, Keys>;
/** Every section by its name in documents, in the order of the numbers. */
export const SECTIONS = Object.fromEntries(
  Object.entries(ALL).sort(([, one], [, other]) => one.number - other.number),
) as unknown as Record<SectionName, AnySection>;

/** The names of the numeric limits that budgets set. */
export type LimitName = LimitNames<typeof BUDGET_KEYS>;

/** A section's keys, in the order of their numbers. */
export function keysOf({ keys }: AnySection): [name: string, number: number, about: About<unknown>, Schema<unknown>][] {
  return Object.entries(keys)
    .map(([name, { key, about, schema }]): ReturnType<typeof keysOf>[number] => [
      name,
      key,
      about as About<unknown>,
      schema,
    ])
    .sort(([, one], [, other]) => one - other);
}

type SectionFields = {
  [N in SectionName]: Field<Sections[N] extends { schema: Schema<infer T> } ? T : never, false>;
};
const sections = Object.fromEntries(
  Object.entries(SECTIONS).map(([name, { number, schema }]) => [name, optional(number, schema)]),
) as SectionFields;

export const policy = rule(
  "policy",
  record({
    ...claims,
    /** The only partition it may govern, by name: ids differ between devices. */
    partition: required(30, label),
    ...sections,
  }),
);
export type Policy = TypeOf<typeof policy>;
/** A policy without claims. */
export type PolicyBody = Omit<Policy, keyof Claims>;

/** The section that a number in a document names, or undefined. */
export function sectionNumbered(number: number): AnySection | undefined {
  return Object.values(SECTIONS).find((each) => each.number === number);
}
