// What passes between the monitor's main thread (or its shell) and the handset worker. Requests travel over a message port that
// the worker reads without its event loop, after the doorbell has rung; answers and notices come back by postMessage.

import type { MessagePort } from "node:worker_threads";
import type { BatteryReading } from "../../battery/battery.ts";
import type { BoardSpec, LinkKind, PowerSpec } from "../../handset/contracts.ts";
import type { HandsetEvent, MachineStats } from "../../view.ts";
import type { HandsetRequest, PartitionSpec, ShellAnswer } from "../../shell/orders.ts";
import type { LoadPlan } from "../loader/plan.ts";
import type { MachineConfig } from "../machine/machine.ts";
import type { ProfileResult } from "../machine/profile.ts";

/** A partition as the handset worker gets it: what the shell has judged, and what is loaded and shared. */
export interface LoadedSpec extends PartitionSpec {
  plan: LoadPlan;
  machine: MachineConfig;
  diskQueue: SharedArrayBuffer | null;
  /** Frames to and from the network worker, and its bell; null: no network. */
  network: { queue: SharedArrayBuffer; bell: SharedArrayBuffer } | null;
  /** The console's log: see console-log. */
  consoleLog: SharedArrayBuffer;
  /** Which console port is shown and typed at: 0 the PL011, 1 upwards the virtio-console's. */
  consolePort: number;
  /** Virtual time: the input is a whole file or pipe, and the guest waits until as much of it is there as fits its ring. */
  inputIsWhole: boolean;
  /** Virtual time: two machines, one interpreted and one translated, which are compared all the time. */
  verify: boolean;
}

export type LoadedRequest = HandsetRequest<LoadedSpec>;

/** Why a machine ended, in the host's own words. */
export interface Fault {
  code: string;
  message: string;
  hint: string;
  /** It is the image's fault. */
  image: boolean;
}

/** The answer to a request "stats". */
export interface PartitionStats {
  /** Null: the partition has had no machine. */
  machine: MachineStats | null;
  /** Null: nobody asked for one. */
  profile: ProfileResult | null;
  fault: Fault | null;
  /** How often the handset's loop slept. */
  sleepCount: number;
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
  /** The phone is connected otherwise from now on. */
  | { kind: "link"; link: LinkKind }
  /** The host cannot serve a partition: it fails, for this reason (FAIL_*). */
  | { kind: "fail"; partition: number; reason: number }
  /** A debugger's questions about a partition, for which the shell has let one come, are read here. */
  | { kind: "debugger"; partition: number; door: MessagePort }
  | { kind: "quit" };

export type HandsetMessage =
  | ShellAnswer
  | { kind: "event"; event: HandsetEvent }
  | { kind: "battery"; reading: BatteryReading }
  /** Raw audit records, oldest first. */
  | { kind: "audit"; records: Uint8Array }
  /** The console log of these partitions has grown. */
  | { kind: "console"; partitions: number[] }
  /** Who was refused console input may offer some again. */
  | { kind: "input-room"; partition: number }
  | { kind: "end"; failure: string | null };
