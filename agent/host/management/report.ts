// What the fleet is told of a handset: facts, samples, events. The owner's partition shows up as "private" and with nothing else; its
// totals are there only if the owner consents.

import type { PartitionLimits, SampleBody } from "../../agent-messages.ts";
import type { Permission } from "../../wire/documents.ts";
import { HANDSET_EVENTS } from "../../wire/reasons.ts";
import type { EventMessage, Info } from "../../wire/reports.ts";
import { UNIT_NS } from "../../../kernel/abi/layout.ts";
import { PRIVATE } from "../../wire/scope.ts";
import type { HandsetEvent, HandsetView, PartitionView } from "../../view.ts";

type PartSample = NonNullable<SampleBody["partitions"]>[number];
type PartInfo = Info["partitions"][number];
type PartState = PartSample["state"];

const KIBIBYTE = 1024;
const MILLISECOND_NS = 1e6;
/** One unit of device work is the time of one instruction (kernel/machine/devices/work.ts). */
const MILLIJOULE = 1e9;
const NO_IMAGE = new Uint8Array(32);

/** RFC 5424 §6.2.1. */
const SEVERITIES: Record<string, EventMessage["severity"]> = {
  failed: 3,
  fault: 4,
  "disk-error": 3,
  "audit-lost": 4,
  "shell-restarted": 4,
  "agent-restarted": 4,
  "document-refused": 4,
  offline: 4,
  thermal: 4,
};
const SEVERITY_NOTICE = 5;

/** Who a partition is to the fleet: the name of the owner's stays on the handset. */
export function partInfoOf(partition: { id: number; name: string; kind: PartInfo["kind"]; image: string }): PartInfo {
  const { id, name, kind, image } = partition;
  if (kind === "personal") return { id, name: PRIVATE, kind, image: NO_IMAGE };
  return { id, name, kind, image: image === "" ? NO_IMAGE : new Uint8Array(Buffer.from(image, "hex")) };
}

/** A sample of the handset at one moment. */
export function sampleOf(view: HandsetView, time: number, allowed: readonly Permission[]): SampleBody {
  return {
    time,
    uptime: Math.floor(view.nowNs / 1e9),
    ...batteryOf(view),
    partitions: seenOf(view, allowed).map((partition) => partSampleOf(partition, view.nowNs)),
  };
}

/** What partitions may use: of those that a sample tells of. */
export function partitionLimitsOf(view: HandsetView, allowed: readonly Permission[]): PartitionLimits[] {
  return seenOf(view, allowed).map(({ partition, cpu, energy, memory }) => ({
    id: partition,
    cpuPermille: cpu.ceiling === null ? null : Math.floor((1000 * cpu.ceiling) / cpu.period),
    memoryKib: Math.round((memory.ramBytes + memory.overheadBytes) / KIBIBYTE),
    energyMicrowatts: energy.contract === null ? null : energy.contract.rate,
  }));
}

function seenOf({ partitions }: HandsetView, allowed: readonly Permission[]): PartitionView[] {
  return partitions.filter(({ kind }) => kind !== "personal" || allowed.includes("see-personal-totals"));
}

function batteryOf({ battery }: HandsetView): Pick<SampleBody, "battery"> {
  if (battery === null) return {};
  const { percent, volts, milliwatts, celsius } = battery;
  return {
    battery: {
      percent: Math.round(percent),
      millivolts: Math.round((volts ?? 0) * 1000),
      milliamperes: volts === null || milliwatts === null ? 0 : -Math.round(milliwatts / volts),
      deciCelsius: Math.round((celsius ?? 0) * 10),
    },
  };
}

function partSampleOf(
  { partition, state, cpu, work, memoryBytes, energy, io, restarts }: PartitionView,
  nowNs: number,
): PartSample {
  return {
    id: partition,
    state: state as PartState,
    cpuPermille: nowNs === 0 ? 0 : Math.min(1000, Math.round((1000 * cpu.timeNs) / nowNs)),
    memoryKib: Math.round(memoryBytes / KIBIBYTE),
    energyMillijoules: Math.round(energy.spent / MILLIJOULE),
    throttledMs: Math.round((cpu.throttledNs + energy.throttledNs) / MILLISECOND_NS),
    ioKib: Math.round(
      io.filter(({ name }) => name.endsWith("bytes")).reduce((sum, { used }) => sum + used, 0) / KIBIBYTE,
    ),
    faultCount: restarts,
    deviceMs: Math.round((work * UNIT_NS) / MILLISECOND_NS),
  };
}

/** An event for the fleet; null: it is the owner's own affair. */
export function eventOf(
  event: HandsetEvent,
  kind: PartInfo["kind"] | null,
  time: number,
): Omit<EventMessage, "sequence"> | null {
  if (!Object.hasOwn(HANDSET_EVENTS, event.kind) || kind === "personal") return null;
  const code = HANDSET_EVENTS[event.kind as keyof typeof HANDSET_EVENTS];
  const args = new Map<number, number | string>();
  if (event.reason > 0) args.set(1, event.reason);
  if (event.value > 0) args.set(2, Math.floor(event.value));
  return {
    time,
    code,
    severity: SEVERITIES[event.kind] ?? SEVERITY_NOTICE,
    ...(kind === null ? {} : { partition: event.partition }),
    ...(args.size === 0 ? {} : { args }),
  };
}

/** Facts of a handset. */
export function factsOf(
  board: { name: string; ramBytes: number },
  versions: { agent: string; hypervisor: string; serial: string },
  partitions: PartInfo[],
): Info {
  return { board: board.name, ...versions, ramBytes: board.ramBytes, partitions };
}
