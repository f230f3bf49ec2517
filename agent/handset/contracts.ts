// The lowest words of the product: what a partition may have and use, what a board gives. Handset files are read into these, policies cut
// them, the hypervisor enforces them.

import type { BatterySpec } from "../battery/simulated.ts";

/** A share of the processor. Microseconds. */
export interface CpuContract {
  class: "guaranteed" | "best-effort";
  budget: number;
  period: number;
  /** Hard cap in each period; null: none. 0: does not run. */
  ceiling: number | null;
  weight: number;
}

/** A reserve of energy, filled by a tap. */
export interface EnergyContract {
  /** Picojoules. */
  capacity: bigint;
  /** Microwatts. */
  rate: number;
  /** Parts per million of what leaves the battery beyond constant taps. */
  share: number;
}

/** What a device may be used: units a second and how many at once. Null: no limit. */
export interface RateLimit {
  rate: number;
  burst: number;
}

export interface IoContract {
  blockOperations: RateLimit | null;
  blockBytes: RateLimit | null;
  consoleBytes: RateLimit | null;
}

/** What a channel may carry. */
export interface ChannelContract {
  /** Bytes that may wait in its ring; 0: notifications alone. */
  capacity: number;
  bytes: RateLimit | null;
  messages: RateLimit | null;
}

export type HealthAction = "ignore" | "log" | "restart" | "pause" | "stop";

export interface RestartPolicy {
  /** What a failure of the guest leads to. */
  onFailure: HealthAction;
  /** Restarts in a row before `thenAction`. */
  max: number;
  backoffFirstMs: number;
  backoffMaxMs: number;
  /** Milliseconds of CPU time without a sleep, an exit or output that count as a failure; 0: never. */
  noProgressMs: number;
}

/** A disk's image and, if it is encrypted at rest, the layer over it: see encrypted-store. Paths. */
export interface DiskFile {
  path: string;
  readOnly: boolean;
  /** Other partitions write it, too. */
  shared?: boolean;
  layer?: { path: string; key: string };
  /** The disk is a block log (agent/host/block-log) in the folder `path`. */
  log?: { key: string; unitCount: number };
}

export type RuleTrigger = "battery" | "thermal" | "fault" | "exhausted" | "state";

export type RuleCommand = "pause" | "resume" | "stop" | "restart" | "budget";

/** A script of the handset file: what it is run for, what it may ask for, its JavaScript. */
export interface RuleSpec {
  name: string;
  on: RuleTrigger[];
  allow: RuleCommand[];
  run: string;
}

export interface BoardSpec {
  ramBytes: number;
  reserveBytes: number;
  /** Microwatts that all constant taps may add up to. */
  envelopeMicrowatts: number;
  /** Picojoules. */
  costs: { instruction: number; blockOperation: number; blockByte: number; consoleByte: number; networkByte: number };
}

/** The size of a `storage:` is a multiple of it: what the block log writes at once. */
export const STORAGE_UNIT_BYTES = 4096;

/** How the phone is connected; "none": it is not. */
export const LINK_KINDS = ["wifi", "cellular", "roaming", "tethering", "ethernet", "none"] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/** What a radio draws beyond the phone's idle. Times in nanoseconds, powers in whole milliwatts. */
export interface RadioProfile {
  promoteNs: number;
  promoteMw: number;
  /** While frames pass, and a moment behind each. */
  activeMw: number;
  /** Beside it, for each megabit a second. */
  perMbpsUpMw: number;
  perMbpsDownMw: number;
  tailNs: number;
  tailMw: number;
}

/** The radios of a board, by the kind of link. A kind that is not there costs nothing beyond what a byte costs. */
export type Radios = Partial<Record<LinkKind, RadioProfile>>;

/** A change of a simulated link. */
export interface LinkStep {
  atNs: number;
  kind: LinkKind;
}

/** How a simulated link begins, and what becomes of it. */
export interface LinkScript {
  kind: LinkKind;
  steps: LinkStep[];
}

/** What the board draws by itself, screen off, and the battery that it draws from. */
export interface PowerSpec {
  /** Always, and beside it while a guest runs. Zero when a battery is measured: then drained() tells. */
  suspendMicrowatts: number;
  idleMicrowatts: number;
  /** Null: no simulated battery. */
  battery: BatterySpec | null;
  radios: Radios;
}

/** The contracts that may change while a partition lives. */
export interface Contracts {
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
}
