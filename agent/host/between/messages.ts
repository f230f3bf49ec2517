// What passes between the monitor's main thread (or its shell) and the handset worker. Requests travel over a message port that
// the worker reads without its event loop, after the doorbell has rung; answers and notices come back by postMessage.

import type { MessagePort } from "node:worker_threads";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import type { BatteryReading } from "../../battery/battery.ts";
import type { BatterySpec } from "../../battery/simulated.ts";
import type { AnyDocument, Via } from "../../wire/accept.ts";
import type { Reason } from "../../wire/reasons.ts";
import type { Device } from "../../wire/scope.ts";
import type { LoadPlan } from "../loader/plan.ts";
import type { TranslationStats } from "../messages.ts";
import type { MachineConfig } from "../machine/machine.ts";

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
  layer?: { path: string; key: string };
}

export interface PartitionSpec {
  name: string;
  /** SHA-256 of the kernel image in hexadecimal; empty: not known. */
  image: string;
  plan: LoadPlan;
  machine: MachineConfig;
  /** Bytes charged: the linear memory and what lies beside it. */
  memoryBytes: number;
  /** Bytes of translated code that it may have; 0: none. Its machine has room for so many, or fewer count. */
  translateCodeBytes: number;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
  restart: RestartPolicy;
  disk: DiskFile | null;
  diskQueue: SharedArrayBuffer | null;
  /** The console's log: see console-log. */
  consoleLog: SharedArrayBuffer;
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

/** What the board draws by itself, screen off, and the battery that it draws from. */
export interface PowerSpec {
  /** Always, and beside it while a guest runs. Zero when a battery is measured: then drained() tells. */
  suspendMicrowatts: number;
  idleMicrowatts: number;
  /** Null: no simulated battery. */
  battery: BatterySpec | null;
}

/** What the audit of a start goes on from. */
export interface AuditChain {
  /** SHA-256 of the last record: 32 bytes. */
  hash: Uint8Array;
  /** Number of the next record. */
  sequence: bigint;
  /** CHAIN_*. */
  from: number;
}

export interface HandsetWorkerData {
  machineWasm: string;
  hypervisorWasm: string;
  mode: "realtime" | "deterministic";
  board: BoardSpec;
  power: PowerSpec;
  audit: AuditChain | null;
  /** The doorbell and the heartbeat: see heartbeat. */
  words: SharedArrayBuffer;
}

/** What the main thread itself tells the handset worker, beside the shell: it changes no partition. */
export type HandsetOrder =
  /** Requests come through this port from now on. It is the `count`th, from 0. */
  | { kind: "control"; requests: MessagePort; count: number }
  /** Something that happened to a worker: an event, and a record in the audit. */
  | { kind: "tell"; what: string; partition: number; reason: number; value: number }
  | { kind: "quit" };

export type HandsetRequest =
  | { op: "define"; spec: PartitionSpec }
  /** The name, where it is given, must be the partition's: policies speak of names. */
  | {
      op: "admit" | "start" | "pause" | "resume" | "stop" | "remove" | "restart" | "lock" | "unlock";
      partition: number;
      name?: string;
      /** Of start and restart: SHA-256 of the kernel image as it is now. */
      image?: string;
    }
  | {
      op: "budget";
      partition: number;
      name?: string;
      cpu: CpuContract;
      energy: EnergyContract | null;
      io: IoContract;
    }
  /** How much translated code it may have from now on. */
  | { op: "translation"; partition: number; name?: string; codeBytes: number }
  | { op: "input"; partition: number; bytes: Uint8Array }
  | {
      op: "channel";
      from: { partition: number; name?: string; port: number };
      to: { partition: number; name?: string; port: number };
      contract: ChannelContract;
    }
  | { op: "revoke"; channel: number }
  | { op: "fill"; partition: number; picojoules: bigint }
  | { op: "drained"; picojoules: bigint }
  | { op: "snapshot" }
  | { op: "quit" };

/** Why the hypervisor said no, with the numbers. */
export interface Refusal {
  reason: number;
  text: string;
  wanted: bigint;
  committed: bigint;
  limit: bigint;
}

export type HandsetAnswer = { refusal: Refusal } | { value: unknown };

/** What the main thread asks of the shell: to pass a request to the handset worker, to judge an envelope, to keep a command's answer, or
 *  that a partition is locked; or to forget the fleet that governed. */
export type ShellOrder =
  | { id: number; request: HandsetRequest }
  | { id: number; document: { envelope: Uint8Array; via: Via } }
  | { id: number; answered: { command: Uint8Array; ack: Uint8Array } }
  | { id: number; locked: { partition: string; locked: boolean } }
  | { id: number; released: true };

/** What governs the handset, if it belongs to a fleet: the file that the shell keeps, and who it is for. */
export interface GovernanceSpec {
  path: string;
  device: Device;
}

/** What became of an envelope. */
export type Judged =
  | { verdict: "accepted"; accepted: AnyDocument; hash: Uint8Array; at: number }
  | { verdict: "unchanged" }
  /** `ack` is the stored answer to a command that came again. */
  | {
      verdict: "refused";
      reason: Reason;
      code: number;
      detail: string;
      commandId: Uint8Array | null;
      ack: Uint8Array | null;
    };

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
  partitions: PartitionSnapshot[];
}

/** Something happened that nobody asked for. */
export interface HandsetEvent {
  /** A state's name when the state has changed, or what happened: fault, cpu-exhausted, energy-empty, budget, restart, channel,
   *  disk-error; of the handset itself: charging, discharging, thermal, rule, audit-lost, shell-restarted. */
  kind: string;
  /** HANDSET_ITSELF: of no partition. */
  partition: number;
  reason: number;
  timeNs: number;
  /** Of thermal: °C. */
  value: number;
  /** Of thermal: the level; of a rule: its name and what went wrong. */
  text?: string;
}

export const HANDSET_ITSELF = NO_PARTITION;

export type HandsetMessage =
  | { kind: "answer"; id: number; answer: HandsetAnswer }
  | { kind: "event"; event: HandsetEvent }
  | { kind: "battery"; reading: BatteryReading }
  /** Raw audit records, oldest first. */
  | { kind: "audit"; records: Uint8Array }
  /** The console log of these partitions has grown. */
  | { kind: "console"; partitions: number[] }
  | { kind: "end"; failure: string | null };
