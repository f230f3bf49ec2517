// What the fleet remembers of each device from one look to the next: the counters that only rise, and who told them. A folder that is set back whole is
// whole: the device cannot know that it was. Only somebody who has seen it further can, and says so until a person has looked into it.
//
//   rolled-back   a counter is lower than it was, or starts as a start that was seen does
//   cloned        two copies speak in turn: a start that had ended is there again
//   forked        the audit tells another story than it told before

import { renameSync, writeFileSync } from "node:fs";
import { toHex } from "../agent/wire/bytes.ts";
import type { Reported, StateMessage } from "../agent/wire/reports.ts";
import type { FleetStore } from "./store.ts";

export const FINDINGS = {
  "rolled-back": "rolled back: its folder was set back to an older copy",
  cloned: "cloned: two copies of it are in use",
  forked: "forked: its audit tells another story than before",
} as const;
export type FindingKind = keyof typeof FINDINGS;

export interface Finding {
  kind: FindingKind;
  /** Seconds since 1970 by this computer. */
  at: number;
  detail: string;
}

interface Memory {
  /** The highest that was seen. */
  connection: number;
  boot: number;
  /** Starts of the device in the order in which they were seen first, in hexadecimal; the last one speaks. */
  runs: string[];
  /** Epoch and version of the policy that was reported last, by partition. */
  policies: Record<string, [epoch: number, version: number]>;
  findings: Finding[];
}

const RUNS_MAX = 32;
const PARTITIONS_MAX = 64;
const FOLDER = "memory";

const nothing = (): Memory => ({ connection: 0, boot: 0, runs: [], policies: {}, findings: [] });

export class FleetMemory {
  private readonly store: FleetStore;

  constructor(store: FleetStore) {
    this.store = store;
  }

  /** Takes note of a birth or death. What the broker had kept may be older than what was seen since, so it can only show what is new. Returns what was
   *  found now. */
  state(device: string, message: StateMessage, retained: boolean, now: number): Finding[] {
    const { connection, bootCount, run } = message;
    if (!message.online || bootCount === undefined || run === undefined) return [];
    const memory = this.of(device);
    const name = toHex(run);
    const place = memory.runs.indexOf(name);
    const isNew = connection > memory.connection;
    const found: Finding[] = [];
    const find = (kind: FindingKind, detail: string): void => void found.push({ kind, at: now, detail });
    if (memory.runs.length > 0 && (isNew || !retained)) {
      if (place >= 0 && place < memory.runs.length - 1)
        find("cloned", `start ${bootCount} speaks again after a later one`);
      else if (place < 0 && bootCount <= memory.boot) {
        find("rolled-back", `start ${bootCount} is new, and start ${memory.boot} was seen before`);
      } else if (connection < memory.connection) {
        find("rolled-back", `connection ${connection} after connection ${memory.connection}`);
      }
    }
    if (retained && !isNew && memory.runs.length > 0) return [];
    // A start that was seen goes to the end: who speaks next is compared with who speaks now.
    const runs = [...memory.runs.filter((each) => each !== name), name].slice(-RUNS_MAX);
    this.save(device, {
      ...memory,
      connection: Math.max(memory.connection, connection),
      boot: Math.max(memory.boot, bootCount),
      runs,
      findings: merged(memory.findings, found),
    });
    return fresh(memory.findings, found);
  }

  /** Takes note of a report that the device has signed. */
  report(device: string, partition: string, { policy }: Reported, retained: boolean, now: number): Finding[] {
    const memory = this.of(device);
    const before = memory.policies[partition];
    const isOlder =
      before !== undefined && (policy.epoch < before[0] || (policy.epoch === before[0] && policy.version < before[1]));
    if (isOlder) {
      if (retained) return [];
      const detail = `${partition} has policy ${policy.epoch}.${policy.version}, and had ${before.join(".")}`;
      return this.found(device, { kind: "rolled-back", at: now, detail });
    }
    const isKnown = before !== undefined && before[0] === policy.epoch && before[1] === policy.version;
    if (isKnown || (before === undefined && Object.keys(memory.policies).length >= PARTITIONS_MAX)) return [];
    const policies = { ...memory.policies, [partition]: [policy.epoch, policy.version] as [number, number] };
    this.save(device, { ...memory, policies });
    return [];
  }

  /** Keeps a finding; returns it if it is the first of its kind that nobody has cleared. */
  found(device: string, finding: Finding): Finding[] {
    const memory = this.of(device);
    this.save(device, { ...memory, findings: merged(memory.findings, [finding]) });
    return fresh(memory.findings, [finding]);
  }

  /** What was found and not cleared yet. */
  findings(device: string): Finding[] {
    return this.of(device).findings;
  }

  /** A person has looked into it: what the device says next is what is remembered from then on. */
  clear(device: string): void {
    this.store.remove(FOLDER, `${device}.json`);
    this.store.remove("audit", `${device}.json`);
  }

  private of(device: string): Memory {
    return this.store.readJson(isMemory, FOLDER, `${device}.json`) ?? nothing();
  }

  /** Not forced to the disk: it is written at each birth, and the next one says the same. */
  private save(device: string, memory: Memory): void {
    this.store.makeFolder(FOLDER);
    const path = this.store.path(FOLDER, `${device}.json`);
    const beside = `${path}.${process.pid}`;
    writeFileSync(beside, JSON.stringify(memory), { mode: 0o600 });
    renameSync(beside, path);
  }
}

/** One finding of each kind: the first one, which says when it began. */
function merged(before: Finding[], found: Finding[]): Finding[] {
  return [...before, ...fresh(before, found)];
}

function fresh(before: Finding[], found: Finding[]): Finding[] {
  return found.filter(({ kind }) => !before.some((each) => each.kind === kind));
}

function isMemory(value: unknown): value is Memory {
  const { connection, boot, runs, policies, findings } = (value ?? {}) as Partial<Memory>;
  return (
    Number.isSafeInteger(connection) &&
    Number.isSafeInteger(boot) &&
    Array.isArray(runs) &&
    typeof policies === "object" &&
    policies !== null &&
    Array.isArray(findings) &&
    findings.every(({ kind }) => Object.hasOwn(FINDINGS, kind))
  );
}
