// What is allowed in a policy, but cruel, senseless, or without effect on the handsets that there are.

import { complianceOf, SECTIONS } from "../../agent/policy/compliance.ts";
import { limitsOf } from "../../agent/policy/limits.ts";
import type { Policy } from "../../agent/wire/policy.ts";
import type { PolicyBody } from "./reader.ts";
import { bytesText, durationText } from "./units.ts";
import { sectionWord } from "./words.ts";

/** The smallest RAM that the Linux guests boot in; a partition is charged for more than its RAM. */
const RUNS_IN_BYTES = 32 << 20;
const MILLIJOULES_PER_HOUR_OF_MILLIWATT = 3600;

/** Warnings, a line each. The policy can be signed all the same. */
export function lintPolicy(policy: PolicyBody): string[] {
  const lines: string[] = [];
  const warn = (where: string, what: string): void => void lines.push(`${where}: ${what}`);
  const { budget, unlock, power, telemetry, offline, sharing } = policy;

  if (budget?.cpuPermille === 0) warn("budget.cpu", `0 % means that ${policy.partition} must not run at all`);
  else if ((budget?.cpuPermille ?? 1000) < 20) warn("budget.cpu", "below 2 % a guest takes minutes to reach its shell");
  if ((budget?.memoryBytes ?? Infinity) < RUNS_IN_BYTES) {
    const least = bytesText(RUNS_IN_BYTES);
    warn(
      "budget.memory",
      `${bytesText(budget!.memoryBytes!)} is less than a guest runs in (${least} of RAM, and what is charged beside it)`,
    );
  }
  const energy = budget?.energyMillijoulesPerHour;
  if (energy === 0) warn("budget.energy", `no energy at all: ${policy.partition} never runs`);
  else if (energy !== undefined && energy < MILLIJOULES_PER_HOUR_OF_MILLIWATT) {
    warn("budget.energy", "less than 1 mW: the partition is throttled nearly always");
  }
  if (unlock?.quality === "none" && (unlock.lengthLeast ?? unlock.triesMost) !== undefined) {
    warn("unlock", "length and tries mean nothing without a PIN or password");
  }
  if (unlock?.triesMost !== undefined && unlock.triesMost > 0 && unlock.triesMost < 5) {
    warn("unlock.tries", `${unlock.triesMost} wrong tries wipe the partition: a child with the phone does that`);
  }
  if ((unlock?.idleLockSeconds ?? 60) < 15) warn("unlock.idle-lock", "locks while its user is still reading");
  if (power?.lowPercent !== undefined && power.criticalPercent !== undefined) {
    if (power.criticalPercent >= power.lowPercent) warn("power", "critical is not below low: low never counts");
  }
  if ((power?.lowPercent ?? 0) > 50) warn("power.low", "the battery counts as low for more than half of the time");
  if ((telemetry?.sampleSeconds ?? 60) < 10) warn("telemetry.sample", "measuring this often costs the battery");
  if ((telemetry?.sendSeconds ?? Infinity) < (telemetry?.sampleSeconds ?? 0)) {
    warn("telemetry.send", "sends more often than it measures");
  }
  const { warnAfterSeconds: warned, lockAfterSeconds: locked, wipeAfterSeconds: wiped = 0 } = offline ?? {};
  if ((locked ?? Infinity) < 86_400)
    warn("offline.lock", `locks a phone that has no network for ${durationText(locked!)}`);
  if (warned !== undefined && locked !== undefined && warned >= locked) warn("offline", "locks before it warns");
  if (wiped > 0) {
    warn("offline.wipe", `loses all data of a phone that is in a drawer for ${durationText(wiped)}`);
    if (locked !== undefined && wiped <= locked) warn("offline", "wipes before it locks");
  }
  for (const { section, blockAfterSeconds, wipeAfterSeconds = 0 } of policy.enforcement ?? []) {
    const word = sectionWord(section);
    if (policyKeys(policy).every((key) => key !== section)) warn("enforcement", `${word} is not in this policy`);
    if (wipeAfterSeconds > 0) warn("enforcement", `wipes all data when ${word} is not complied with`);
    if (wipeAfterSeconds > 0 && wipeAfterSeconds <= (blockAfterSeconds ?? 0))
      warn("enforcement", "wipes before it blocks");
  }
  if (policy.debug === true) {
    warn("debug", `whoever has the handset can read and change everything in ${policy.partition}`);
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
  return (Object.keys(SECTIONS) as (keyof typeof SECTIONS)[])
    .filter((section) => policy[section] !== undefined)
    .map((section) => SECTIONS[section]);
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
