// What can be seen of a handset: as commands answer, the live view shows and telemetry counts. Times in nanoseconds, energy in picojoules,
// if not said otherwise.

import type { CpuContract, LinkKind } from "./handset/contracts.ts";
import type { BatteryReading, ThermalReading, ThermalLevel } from "./battery/battery.ts";
import { NO_PARTITION } from "../kernel/abi/hypervisor.ts";

export interface TranslationStats {
  /** How much translated code there may be now; 0: a policy allows none. */
  codeBytesMax: number;
  functions: number;
  /** Of WebAssembly, that were installed; of guest code that they were made from. */
  bytes: number;
  instructions: number;
  /** Modules compiled, the time that took, and the most that one took: compiling holds everything else up. */
  modules: number;
  compileMs: number;
  compileMsMax: number;
  /** Functions dropped because their code changed; generations that ended because they were too many. */
  drops: number;
  flushes: number;
  /** Ways in from the interpreter, and the instructions executed so. */
  entries: number;
  executed: number;
  /** Of all instructions of this machine: 0 … 1. */
  share: number;
}

/** What was drawn over the last `spanNs` nanoseconds. */
export interface Average {
  milliwatts: number;
  spanNs: number;
}

/** r0 … r14 of the current mode, the program counter, CPSR. */
export interface RegisterDump {
  registers: number[];
  pc: number;
  cpsr: number;
}

/** A guest's failure: why, when, and where it was. */
export type Crash = RegisterDump & { reason: string; timeNs: number };

/** One partition at one moment; times in nanoseconds, energy in picojoules, since its definition. */
export interface PartitionSnapshot {
  partition: number;
  name: string;
  state: string;
  reason: string;
  bootMs: number | null;
  /** Its registers at its last failure; null: it has not failed. */
  crash: Crash | null;
  /** What was translated, and how much of the work it did; null: the guest is interpreted, or not there. */
  translation: TranslationStats | null;
  memoryBytes: number;
  cpu: CpuContract & {
    timeNs: number;
    /** That the host worked for it, in real time: its budget pays for that too. */
    serviceNs: number;
    throttledNs: number;
    throttledTotal: number;
    debtNs: number;
    overrunMaxNs: number;
  };
  energy: {
    contract: { capacity: number; rate: number; share: number } | null;
    level: number;
    spent: number;
    /** Null: too young to tell. */
    average: Average | null;
    throttledNs: number;
    throttledTotal: number;
  };
  instructions: number;
  /** Of its devices, in units of one instruction's time: fuel, time and energy pay for both. */
  work: number;
  slices: number;
  restarts: number;
  throttledBy: "nothing" | "cpu" | "energy";
  sleeping: boolean;
  latencyMaxNs: number;
  /** Whether a limit or its reserve holds back what it asked of a device. */
  waitsForDevice: boolean;
  io: { name: string; used: number; throttledTotal: number }[];
}

export interface HandsetSnapshot {
  nowNs: number;
  busyNs: number;
  stolenNs: number;
  /** That the handset's worker worked for nobody in particular. */
  handsetNs: number;
  slices: number;
  memoryHeld: number;
  cpuHeldPpb: number;
  energyDrained: number;
  energySpent: number;
  /** The simulated battery; null: there is none. */
  battery: BatteryReading | null;
  /** What partitions and board use together, what fills reserves apart. */
  average: Average | null;
  /** What left the battery beyond constant taps and partitions: reserves with a share live on it. */
  boardAverage: Average | null;
  radio: RadioView;
  partitions: PartitionSnapshot[];
}

/** "none": the link has no radio that is accounted. */
export type RadioState = "none" | "off" | "promoting" | "on";

/** The phone's radio at one moment. */
export interface RadioView {
  link: LinkKind;
  state: RadioState;
  /** What must be laid aside before it goes on, in picojoules. */
  needPicojoules: number;
  /** What each partition has laid aside and has ever spent on it, and whether frames of it wait for it. */
  users: { partition: number; laidAside: number; spent: number; waits: boolean }[];
}

/** A partition's network at one moment. */
export interface NetworkView {
  flows: { protocol: "tcp" | "udp"; guestPort: number; peer: string; peerPort: number; state: string }[];
  /** What its name server gave out, while it counts. */
  names: { name: string; address: string }[];
  /** IP bytes of this life of the partition. */
  sentBytes: number;
  receivedBytes: number;
  /** Frames that were dropped, by a word for why. */
  drops: Record<string, number>;
  /** What rules refused of late. */
  refused: { what: string; why: string; count: number }[];
  /** Forwards; `failed` says why one does not listen. */
  listening: { address: string; port: number; guestPort: number; failed: string | null }[];
  /** Bytes that are left today; null: any number. */
  bytesLeft: number | null;
}

/** Something happened that nobody asked for. */
export interface HandsetEvent {
  /** A state's name when the state has changed, or what happened: fault, cpu-exhausted, energy-empty, budget, restart, channel,
   *  disk-error, power-key, power; of the handset itself: charging, discharging, thermal, link, rule, audit-lost, shell-restarted. */
  kind: string;
  /** HANDSET_ITSELF: of no partition. */
  partition: number;
  reason: number;
  timeNs: number;
  /** Of thermal: °C. */
  value: number;
  /** Of power-key: that it was pressed; of power: why the partition is cut; of thermal: the level; of link: its kind; of a rule: its name and what went wrong. */
  text?: string;
}

export const HANDSET_ITSELF = NO_PARTITION;

/** One record of the audit in words. */
export interface AuditEntry {
  sequence: number;
  /** ISO 8601, null when its start is not among the records, or had no date. */
  at: string | null;
  /** Nanoseconds since its start. */
  timeNs: number;
  partition: string | null;
  kind: string;
  text: string;
}

export interface AuditView {
  holds: boolean;
  /** What is wrong with the chain. */
  problems: string[];
  recordCount: number;
  /** Records that are known to be missing. */
  lostCount: number;
  /** Of the last record, in hexadecimal: who keeps it elsewhere can tell whether the files were replaced. */
  hash: string;
  records: AuditEntry[];
}

export interface MemoryView {
  ramBytes: number;
  overheadBytes: number;
  overhead: { name: string; bytes: number }[];
}

/** A failure as everybody may see it: why and when. Where the guest was is for who may look into the partition. */
export type FailureView = Pick<Crash, "reason" | "timeNs"> & Partial<RegisterDump>;

export type PartitionView = Omit<PartitionSnapshot, "crash"> & {
  crash: FailureView | null;
  kind: string;
  memory: MemoryView;
};

/** A handset at one moment, as `ls --json` and `top` see it. */
export interface HandsetView {
  handset: string;
  board: string;
  nowNs: number;
  busyNs: number;
  stolenNs: number;
  /** Host time that no partition caused, by thread: the loop, the main thread (commands, audit, management), the shell. */
  handsetNs: number;
  memory: { held: number; limit: number };
  energy: { drained: number; spent: number };
  /** What partitions and board use together; null: too young to tell. */
  average: Average | null;
  /** What left the battery beyond constant taps and partitions. */
  boardAverage: Average | null;
  battery: BatteryView | null;
  thermal: ThermalView | null;
  radio: RadioView;
  rules: RuleView[];
  partitions: PartitionView[];
  /** Null: the handset belongs to no fleet. */
  management: ManagementView | null;
}

/** How the handset stands to its fleet. */
export interface ManagementView {
  device: string;
  agentPid: number | null;
  link: { up: boolean; broker: string; why: string; sinceMs: number };
  queue: { waiting: number; sent: number; lost: number; trouble: string };
  /** Samples taken since the start. */
  samples: number;
  /** No freshness document is valid: what is in force stays in force. */
  stale: boolean;
  policies: {
    partition: string;
    version: string;
    /** Seconds since 1970. */
    appliedAt: number;
    /** By the policy's sections: compliant, pending, not-supported, … */
    sections: Record<string, string>;
    /** By the names that the keys' entries give; null: no limit. */
    limits: Record<string, number | null>;
    /** The same limits in words. */
    allows: string[];
    refusal: string | null;
    lockedFor: string | null;
    /** How its console stands: free, unset, weak, locked, unlocked (agent/host/console/lock.ts). */
    console: string;
  }[];
}

/** `note` says why it is not the one that the board names; empty when it is. */
export type BatteryView = BatteryReading & { note: string };

export type ThermalView = ThermalReading & { level: ThermalLevel; warn: number; critical: number; note: string };

/** A rule of the handset file, and how it fares. */
export interface RuleView {
  name: string;
  /** Was stopped too often in a row, and is not run any more. */
  off: boolean;
  runs: number;
  faults: number;
  /** What was said of it last. */
  last: string;
}

/** Counters of one machine since it was made. */
export interface MachineStats {
  instructions: number;
  /** Milliseconds since 1970. */
  firstInstructionAt: number;
  resets: number;
  dataAborts: number;
  prefetchAborts: number;
  tlbMisses: number;
  interrupts: number;
  undefinedInstructions: number;
  supervisorCalls: number;
  blocksDecoded: number;
  cacheFlushes: number;
  pagesInvalidated: number;
  mmioReads: number;
  mmioWrites: number;
  translation: TranslationStats | null;
}
