// A device as an operator should see it: three facts apart (is there a link, when was it last heard, what did it last apply), and what is desired
// beside what is reported. "Online" alone would hide each of them behind the others.

import { escapeText } from "../agent/escape.ts";
import { equalBytes, toHex } from "../agent/wire/bytes.ts";
import type { Policy } from "../agent/wire/policy.ts";
import type { DiskProtection, Reported, Sample } from "../agent/wire/reports.ts";
import { isNewer } from "../agent/wire/trust.ts";
import type { DeviceEntry, FleetBook } from "./book.ts";
import type { Desired } from "../agent/wire/documents.ts";
import { audienceOf, issuedFor, type Issued } from "./documents.ts";
import { eventFacts, eventLine } from "./event-text.ts";
import { lockFor } from "./lock.ts";
import { FleetMemory, type Finding } from "./memory.ts";
import { partitionNames } from "./observer.ts";
import { sectionWord } from "../agent/policy/facts.ts";
import type { FleetStore } from "./store.ts";

export interface PolicyView {
  partition: string;
  /** Epoch and version that the fleet has signed for it; null: none. */
  desired: string | null;
  /** What the device says it applied; null: it has not said. */
  reported: string | null;
  appliedAt: number | null;
  inStep: boolean;
  /** Whether the device's own key signed the report. */
  signed: boolean;
  /** Whether its disk is encrypted at rest; null: the device has not said. */
  disk: DiskProtection | null;
  /** Sections that are not complied with: "unlock: not-supported". */
  open: string[];
}

export interface DeviceView {
  device: string;
  label: string;
  board: string;
  retired: boolean;
  /** Made by `fleet sim`. */
  simulated: boolean;
  link: "up" | "down" | "never seen";
  heardAt: number | null;
  policies: PolicyView[];
  partitions: { name: string; kind: string; state: string | null }[];
  battery: { percent: number } | null;
  agent: string | null;
  bootCount: number | null;
  droppedCount: number;
  /** What the fleet's memory says of it and nobody has cleared: rolled back, cloned, forked. */
  findings: Finding[];
  /** What the fleet wants locked or wiped; null: nothing was ever said. */
  lock: { version: string; partitions: Record<string, Desired>; others: Desired } | null;
  events: { time: number; code: number; severity: number; text: string }[];
}

export function viewsOf(store: FleetStore, book: FleetBook): DeviceView[] {
  return [...book.entries.values()].map((entry) => viewOf(store, entry));
}

export function viewOf(store: FleetStore, entry: DeviceEntry): DeviceView {
  const { enrolled, link, facts, sample, heardAt, bootCount, droppedCount, events } = entry;
  const stateOf = (id: number): string | null => sample?.partitions?.find((each) => each.id === id)?.state ?? null;
  return {
    device: enrolled.name,
    label: escapeText(enrolled.label, 64),
    board: escapeText(facts?.board ?? enrolled.board, 64),
    retired: enrolled.retiredAt !== null,
    simulated: enrolled.simulated === true,
    link: link === null ? "never seen" : link.up ? "up" : "down",
    heardAt,
    policies: policiesOf(store, entry),
    partitions: (facts?.partitions ?? []).map(({ id, name, kind }) => ({ name, kind, state: stateOf(id) })),
    battery: batteryOf(sample),
    agent: facts === null ? null : escapeText(facts.agent, 64),
    bootCount,
    droppedCount,
    findings: new FleetMemory(store).findings(enrolled.name),
    lock: lockOf(store, enrolled.name),
    events: events.map((event) => ({
      ...{ time: event.time, code: event.code, severity: event.severity },
      text: escapeText(eventLine(eventFacts(event, partitionNames(entry))), 300),
    })),
  };
}

function lockOf(store: FleetStore, device: string): DeviceView["lock"] {
  const issued = lockFor(store, device);
  if (issued === null) return null;
  const { partitions, others } = issued.document;
  const named = partitions.map(({ partition, desired }) => [partition, desired] as const);
  return { version: versionText(issued.document), partitions: Object.fromEntries(named), others: others.desired };
}

const batteryOf = (sample: Sample | null): { percent: number } | null =>
  sample?.battery === undefined ? null : { percent: sample.battery.percent };

/** The newest policy of each partition that is for this device: its own, its groups', everybody's. */
export function desiredPolicies(store: FleetStore, device: string): Issued<"pol">[] {
  const own = issuedFor(store, audienceOf(device));
  const groups = own.flatMap(({ document }) => ("groups" in document ? document.groups : []));
  const others = ["all", ...groups].flatMap((name) => issuedFor(store, audienceOf(name)));
  const newest = new Map<string, Issued<"pol">>();
  for (const issued of [...own, ...others]) {
    if (issued.kind !== "pol") continue;
    const policy = issued as Issued<"pol">;
    const before = newest.get(policy.partition);
    if (before === undefined || isNewer(policy.document, before.document)) newest.set(policy.partition, policy);
  }
  return [...newest.values()];
}

function policiesOf(store: FleetStore, { enrolled, reports }: DeviceEntry): PolicyView[] {
  const desired = new Map(desiredPolicies(store, enrolled.name).map((each) => [each.partition, each]));
  const reported = new Map<string, { report: Reported; signed: boolean }>();
  for (const [partition, each] of reports) {
    // A device that reports on one topic for all does not say for which; the hash does.
    const byHash = [...desired.values()].find(({ hash }) => equalBytes(hash, each.report.hash))?.partition;
    const only = desired.size === 1 ? [...desired.keys()][0] : undefined;
    reported.set(partition !== "" ? partition : (byHash ?? only ?? ""), each);
  }
  return [...new Set([...desired.keys(), ...reported.keys()])].sort().map((partition) => {
    const [wanted, said] = [desired.get(partition), reported.get(partition)];
    return {
      partition,
      desired: wanted === undefined ? null : versionText(wanted.document),
      reported: said === undefined ? null : versionText(said.report.policy),
      appliedAt: said?.report.appliedAt ?? null,
      inStep: wanted !== undefined && said !== undefined && equalBytes(wanted.hash, said.report.hash),
      signed: said?.signed ?? false,
      disk: said?.report.disk ?? null,
      open: said === undefined ? [] : openOf(said.report),
    };
  });
}

/** What is not as a fleet would have it. No section asks for an encrypted disk, so one in the clear is said beside them. */
function openOf({ sections, disk }: Reported): string[] {
  const open = [...sections]
    .filter(([, { state }]) => state !== "compliant")
    .map(([key, { state, code }]) => `${sectionWord(key)}: ${state}${code === undefined ? "" : ` (${code})`}`);
  return disk === "plain" ? [...open, "disk: not encrypted"] : open;
}

const versionText = ({ epoch, version }: Pick<Policy, "epoch" | "version">): string => `${epoch}.${version}`;

export const shortName = (device: string): string => device.slice(0, 8);
export const commandName = (id: Uint8Array): string => toHex(id).slice(0, 8);
