// A policy in plain words: one fact for each thing that it says.

import { escapeText } from "../escape.ts";
import { toHex } from "../wire/bytes.ts";
import {
  keysOf,
  sectionNumbered,
  SECTIONS,
  type AnySection,
  type PolicyBody,
  type SectionName,
} from "../wire/policy.ts";
import type { About, StructureName } from "../wire/policy-key.ts";
import { bytesText } from "../handset/units.ts";
import { durationText, unitOf } from "./units.ts";

/** "at most" "20 %" " of a processor". When only the value changes, only the value is repeated. */
export interface Fact {
  /** Two policies that have a fact with the same key speak of the same thing. */
  key: string;
  section: SectionName;
  lead: string;
  value: string;
  tail: string;
  /** Whether it is a limit that numbers are held against. */
  limit: boolean;
}

export const sentence = ({ lead, value, tail }: Fact): string => `${lead} ${value}${tail}`;

type Words = [key: string, lead: string, value: string, tail?: string];
type Of<N extends SectionName> = NonNullable<PolicyBody[N]>;
type Rule = NonNullable<Of<"network">["rules"]>[number];

/** What structures say, each in its own words. */
const STRUCTURES: { [N in StructureName]: (value: never) => Words[] } = {
  images: (allowed: Of<"images">["allowed"]): Words[] =>
    typeof allowed === "string"
      ? [["allowed", "only images of the channel", allowed]]
      : [["allowed", "only the images", allowed.map((hash) => toHex(hash)).join(", ")]],
  apps: (apps: Of<"apps">): Words[] =>
    apps.map(({ app, state, hash, versionLeast }) => {
      const more = [
        ...(hash === undefined ? [] : [` with hash ${toHex(hash)}`]),
        ...(versionLeast === undefined ? [] : [` from version ${versionLeast} on`]),
      ];
      return [app, `the app ${escapeText(app, 128)} is`, state, more.join("")];
    }),
  // Once a policy says anything of devices, what it does not name is denied.
  devices: (access: Of<"deviceAccess">): Words[] => [
    ["others", "devices that are not named:", "deny"],
    ...[...access].map(([device, word]): Words => [device, `${device}:`, word]),
  ],
  rules: (rules: NonNullable<Of<"network">["rules"]>): Words[] => [
    ["rules", "network rules, the first that fits:", rules.map(ruleText).join("; ")],
  ],
  channels: (channels: NonNullable<Of<"sharing">["channels"]>): Words[] => [
    ["others", "channels that are not named:", "closed"],
    ...channels.map(({ from, to, bytesPerSecond }): Words => {
      return [`${from}>${to}`, `a channel from ${from} to ${to} of at most`, bytesText(bytesPerSecond), " a second"];
    }),
  ],
  enforcement: (listed: Of<"enforcement">): Words[] =>
    listed.flatMap(({ section, blockAfterSeconds: block, wipeAfterSeconds: wipe }): Words[] => {
      const word = sectionWord(section);
      const facts: Words[] = [];
      if (block !== undefined)
        facts.push([`${section}.block`, `blocked when ${word} is not complied with for`, durationText(block)]);
      if (wipe !== undefined)
        facts.push([`${section}.wipe`, `wiped when ${word} is not complied with for:`, durationText(wipe)]);
      return facts;
    }),
  texts: (texts: Of<"texts">): Words[] =>
    texts.map(({ language, text }) => [language, `shows its user in ${language}:`, `“${text}”`]),
};

function ruleText({ allow, destination, portFirst, portLast, protocol }: Rule): string {
  return `${allow ? "allow" : "deny"} ${destination} ports ${portFirst}-${portLast} ${protocol}`;
}

/** Everything that a policy says, in the order of its sections. */
export function factsOf(policy: PolicyBody): Fact[] {
  return (Object.keys(SECTIONS) as SectionName[]).flatMap((name) => {
    const value = policy[name];
    return value === undefined ? [] : sectionFacts(name, SECTIONS[name], value);
  });
}

function sectionFacts(section: SectionName, entry: AnySection, value: unknown): Fact[] {
  const of = (about: About<unknown>, each: unknown): Fact[] =>
    wordsOf(about, each).map(([key, lead, text, tail = ""]) => {
      const limit = about.limit !== undefined;
      return { key: `${section}.${key}`, section, lead, value: escapeText(text), tail, limit };
    });
  if (entry.about !== undefined) return of(entry.about, value);
  const values = value as Record<string, unknown>;
  return keysOf(entry).flatMap(([name, , about]) => (values[name] === undefined ? [] : of(about, values[name])));
}

function wordsOf({ word, unit, lead, tail }: About<unknown>, value: unknown): Words[] {
  const known = unitOf(unit);
  if (known === undefined) return STRUCTURES[unit as StructureName](value as never);
  return [[word, lead ?? `${word}:`, known.text(value), tail ?? ""]];
}

/** A section's number as files call it. */
export function sectionWord(number: number): string {
  return sectionNumbered(number)?.word ?? `section ${number}`;
}
