// What is asked of the shell, and what may be asked of a handset through it: it judges every request before the hypervisor sees it.

import type {
  CpuContract,
  EnergyContract,
  IoContract,
  RestartPolicy,
  DiskFile,
  ChannelContract,
} from "../handset/contracts.ts";
import type { Times } from "../wire/clock.ts";
import type { Via, AnyDocument } from "../wire/accept.ts";
import type { Device } from "../wire/scope.ts";
import type { Reason } from "../wire/reasons.ts";

/** What is judged of a partition. The host adds to it what it loads and shares (agent/host/between/messages.ts), which passes as it is. */
export interface PartitionSpec {
  name: string;
  /** SHA-256 of the kernel image in hexadecimal; empty: not known. */
  image: string;
  /** Bytes charged: the linear memory and what lies beside it. */
  memoryBytes: number;
  /** Bytes of translated code that it may have; 0: none. Its machine has room for so many, or fewer count. */
  translateCodeBytes: number;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
  restart: RestartPolicy;
  disk: DiskFile | null;
}

/** One of a channel's two partitions, and the port that it has there. */
export interface ChannelEnd {
  partition: number;
  name?: string;
  port: number;
}

export type HandsetRequest<Spec extends PartitionSpec = PartitionSpec> =
  | { op: "define"; spec: Spec }
  /** The name, where it is given, must be the partition's: policies speak of names. */
  | {
      op: "admit" | "pause" | "resume" | "stop" | "remove" | "lock" | "unlock";
      partition: number;
      name?: string;
    }
  | {
      op: "start" | "restart";
      partition: number;
      name?: string;
      /** SHA-256 of the kernel image as it is now. */
      image?: string;
    }
  /** Its power key. */
  | { op: "press"; partition: number; name?: string }
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
  /** No more console input will come. */
  | { op: "input-end"; partition: number }
  /** Counters of its machine. */
  | { op: "stats"; partition: number }
  /** Whether a debugger may come, or where the guest spends its time is sampled. */
  | { op: "debug" | "profile"; partition: number; name?: string; on: boolean }
  | { op: "channel"; from: ChannelEnd; to: ChannelEnd; contract: ChannelContract }
  | { op: "revoke"; channel: number }
  | { op: "fill"; partition: number; picojoules: bigint }
  | { op: "drained"; picojoules: bigint }
  | { op: "snapshot" }
  | { op: "quit" };

/** What changes no partition's rights: it passes the gate as it is. */
export type PassingOp = "input" | "input-end" | "stats" | "snapshot" | "drained";

/** What the gate's program judges. The end of a handset does not come this way. */
export type JudgedRequest = Exclude<HandsetRequest, { op: PassingOp | "quit" }>;

export type JudgedOp = JudgedRequest["op"];

/** The requests with this operation. */
export type JudgedOrder<Op extends JudgedOp, Request = JudgedRequest> = Request extends { op: infer Ops }
  ? Op extends Ops
    ? Omit<Request, "op"> & { op: Op }
    : never
  : never;

/** Why the hypervisor said no, with the numbers. */
export interface Refusal {
  reason: number;
  text: string;
  wanted: bigint;
  committed: bigint;
  limit: bigint;
}

/** What the monitor knows of session time: it lives longer than a shell. */
export type AskedTime = Omit<Times, "rtc">;

export type HandsetAnswer = { refusal: Refusal } | { value: unknown };

/** What the main thread asks of the shell: to pass a request to the handset worker, to judge an envelope, to keep a command's answer, or
 *  that a partition is locked; or to forget the fleet that governed. */
export type ShellOrder =
  | { id: number; request: HandsetRequest }
  | { id: number; document: { envelope: Uint8Array; via: Via; asked: AskedTime } }
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

/** The shell's own answer, and the hypervisor's. */
export interface ShellAnswer {
  kind: "answer";
  id: number;
  answer: HandsetAnswer;
}
