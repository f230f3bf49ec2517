// What is allowed in a policy, but cruel, senseless, or without effect on the handsets that there are.

import { complianceOf } from "../../agent/policy/compliance.ts";
import { sectionWord } from "../../agent/policy/facts.ts";
import { limitsOf } from "../../agent/policy/limits.ts";
import { keysOf, SECTIONS, type Policy, type PolicyBody, type SectionName } from "../../agent/wire/policy.ts";
import type { About } from "../../agent/wire/policy-key.ts";

/** Warnings, a line each. The policy can be signed all the same. */
export function lintPolicy(policy: PolicyBody): string[] {
  const lines: string[] = [];
  const warn = (where: string, what: string): void => void lines.push(`${where}: ${what}`);
  const { unlock, power, telemetry, offline, sharing } = policy;
  lines.push(...keyWarnings(policy));
  if (unlock?.quality === "none" && (unlock.lengthLeast ?? unlock.triesMost) !== undefined) {
    warn("unlock", "length and tries mean nothing without a PIN or password");
  }
  if (power?.lowPercent !== undefined && power.criticalPercent !== undefined) {
    if (power.criticalPercent >= power.lowPercent) warn("power", "critical is not below low: low never counts");
  }
  if ((telemetry?.sendSeconds ?? Infinity) < (telemetry?.sampleSeconds ?? 0)) {
    warn("telemetry.send", "sends more often than it measures");
  }
  const { warnAfterSeconds: warned, lockAfterSeconds: locked, wipeAfterSeconds: wiped = 0 } = offline ?? {};
  if (warned !== undefined && locked !== undefined && warned >= locked) warn("offline", "locks before it warns");
  if (wiped > 0 && locked !== undefined && wiped <= locked) warn("offline", "wipes before it locks");
  for (const { section, blockAfterSeconds, wipeAfterSeconds = 0 } of policy.enforcement ?? []) {
    const word = sectionWord(section);
    if (policyKeys(policy).every((key) => key !== section)) warn("enforcement", `${word} is not in this policy`);
    if (wipeAfterSeconds > 0) warn("enforcement", `wipes all data when ${word} is not complied with`);
    if (wipeAfterSeconds > 0 && wipeAfterSeconds <= (blockAfterSeconds ?? 0))
      warn("enforcement", "wipes before it blocks");
  }
  const touching = (sharing?.channels ?? []).filter(
    ({ from, to }) => from !== policy.partition && to !== policy.partition,
  );
  for (const { from, to } of touching) {
    warn("sharing.channels", `${from} to ${to} does not touch ${policy.partition}: this policy has no say in it`);
  }
  return [...lines, ...unsupported(policy)];
}

function policyKeys(policy: PolicyBody): number[] {
  return sectionsOf(policy).map(([name]) => SECTIONS[name].number);
}

const sectionsOf = (policy: PolicyBody): [SectionName, unknown][] =>
  (Object.keys(SECTIONS) as SectionName[])
    .filter((name) => policy[name] !== undefined)
    .map((name) => [name, policy[name]]);

/** What each key's own entry warns of. */
function keyWarnings(policy: PolicyBody): string[] {
  const line = (where: string, about: About<unknown>, value: unknown): string[] => {
    const warning = value === undefined ? undefined : about.warns?.(value, policy.partition);
    return warning === undefined ? [] : [`${where}: ${warning}`];
  };
  return sectionsOf(policy).flatMap(([name, value]) => {
    const section = SECTIONS[name];
    if (section.about !== undefined) return line(section.word, section.about, value);
    const values = value as Record<string, unknown>;
    return keysOf(section).flatMap(([field, , about]) => line(`${section.word}.${about.word}`, about, values[field]));
  });
}

/** What today's handsets would report as not supported. */
function unsupported(body: PolicyBody): string[] {
  const none = new Uint8Array(0);
  const claims = { issuer: "lint", audience: "all", issued: 0, expires: 0, id: none, epoch: 0, version: 0 };
  const policy: Policy = { ...body, ...claims };
  const outcome = {
    limits: limitsOf(policy),
    memoryBytes: 0,
    image: "",
    refusal: null,
    code: null,
    now: 0,
    running: false,
  };
  return [...complianceOf(policy, outcome)]
    .filter(([, { state }]) => state === "not-supported")
    .map(([key]) => `${sectionWord(key)}: not all of it is enforced by handsets yet; they will report not-supported`);
}
