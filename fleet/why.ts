// Why a device is as it is, in words: one sentence for each thing that is not as the fleet wants it.

import { escapeText } from "../agent/escape.ts";
import { findingText } from "./observer.ts";
import { ageText, dateText } from "./text.ts";
import type { DeviceView, PolicyView } from "./view.ts";

/** Sentences, the most important first. `partition` null: about all of them. */
export function whyDevice(view: DeviceView, partition: string | null, now: number): string[] {
  const clear = `pocketvisor fleet clear ${view.device.slice(0, 8)}`;
  const lines = view.findings.map(
    (finding) =>
      `${dateText(finding.at)}: it was found ${escapeText(findingText(finding), 300)}. Look into it; when you have: ${clear}`,
  );
  lines.push(...linkLines(view, now), ...lockLines(view, partition));
  for (const policy of view.policies) {
    if (partition === null || policy.partition === partition) lines.push(...policyLines(policy, view));
  }
  if (view.policies.length === 0) lines.push("No policy is signed for it: it runs as its own file says.");
  for (const { name, state } of view.partitions) {
    if (state === null || (partition !== null && name !== partition)) continue;
    if (state !== "running") lines.push(`Its partition ${name} is ${state}.`);
  }
  for (const { time, text } of view.events.slice(-3)) lines.push(`It said: ${text} (${dateText(time)}).`);
  if (view.droppedCount > 0) lines.push(`${view.droppedCount} of its messages could not be read and were dropped.`);
  return lines;
}

function linkLines({ link, heardAt, retired, simulated, bootCount }: DeviceView, now: number): string[] {
  const lines = simulated ? ["It is simulated: there is no phone behind it (fleet sim)."] : [];
  if (retired) lines.push("It was told to leave the fleet.");
  const heard = heardAt === null ? "" : ` It was last heard ${ageText(now - heardAt)} ago.`;
  if (link === "never seen") lines.push("It has never connected to this broker, or the broker has forgotten it.");
  else if (link === "down") lines.push(`Its link is down: no network, no battery, or switched off.${heard}`);
  else lines.push(`Its link is up.${heard}`);
  if (link === "up" && heardAt !== null && now - heardAt > 3600) {
    lines.push("A link that is up and silent for so long is half open, or its telemetry is off.");
  }
  if (bootCount !== null && bootCount > 1) lines.push(`It has started ${bootCount} times.`);
  return lines;
}

function policyLines(
  { partition, desired, reported, inStep, appliedAt, open, signed }: PolicyView,
  view: DeviceView,
): string[] {
  const name = partition === "" ? "a partition" : partition;
  const lines: string[] = [];
  if (desired === null) lines.push(`${name}: it applies policy ${reported}, of which this computer knows nothing.`);
  else if (reported === null) {
    const waits = view.link === "up" ? "it refused it or has not come to it" : "it gets it when it connects";
    lines.push(`${name}: policy ${desired} is signed for it, and it has applied none: ${waits}.`);
  } else if (!inStep) {
    const waits = view.link === "up" ? "it refused the newer, or has not come to it" : "it gets it when it connects";
    lines.push(`${name}: it applies policy ${reported}, ${desired} is wanted: ${waits}.`);
  } else lines.push(`${name}: policy ${reported} is in force, since ${dateText(appliedAt ?? 0)}.`);
  if (reported !== null && !signed) lines.push(`${name}: the report is not signed by the device.`);
  for (const each of open) lines.push(`${name}: ${each}.`);
  return lines;
}

function lockLines({ lock }: DeviceView, partition: string | null): string[] {
  if (lock === null) return [];
  const words = { unlocked: "unlocked", locked: "locked", wiped: "wiped and locked" };
  const named = Object.entries(lock.partitions).filter(([name]) => partition === null || name === partition);
  const lines = named.map(([name, desired]) => `${name}: the fleet wants it ${words[desired]} (lock ${lock.version}).`);
  if (lock.others === "unlocked") return lines;
  return [
    ...lines,
    `The fleet wants ${named.length === 0 ? "it" : "everything else on it"} ${words[lock.others]} (lock ${lock.version}).`,
  ];
}
