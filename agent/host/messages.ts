// What the kernel worker is started with, and what it posts to the main thread.

import type { MessagePort } from "node:worker_threads";
import type { LoadPlan } from "./loader/plan.ts";
import type { MachineConfig } from "./machine/machine.ts";
import type { MailboxBuffers } from "./mailbox.ts";
import type { DiskFile } from "../handset/contracts.ts";
import type { TranslationStats } from "../view.ts";
import type { ProfileResult } from "./machine/profile.ts";

export interface KernelWorkerData {
  wasmPath: string;
  config: MachineConfig;
  plan: LoadPlan;
  mailbox: MailboxBuffers;
  disk: DiskFile | null;
  /** The I/O worker's queue; null in deterministic mode and without a disk. */
  diskQueue: SharedArrayBuffer | null;
  /** Which console port is the terminal's: 0 the PL011, 1 upwards the virtio-console's. */
  consolePort: number;
  /** Deterministic mode: the input is a whole file or pipe, and the guest waits until as much of it is there as fits its ring,
   *  so that when a byte arrives depends on the guest alone. */
  inputIsWhole: boolean;
  /** Samples where the guest spends its instructions. */
  profile: boolean;
  /** Two machines, one interpreted and one translated, which are compared all the time. */
  verify: boolean;
  /** The debugger's questions (debug-messages); null without one. */
  debug: MessagePort | null;
}

/** Why a partition ended. */
export type EndReason =
  "power-off" | "panic" | "reset-loop" | "watchdog" | "left" | "timeout" | "trap" | "diverged" | "image" | "refused";

export interface RunStats {
  instructions: number;
  /** Wall time from the first instruction to the end. */
  wallMs: number;
  /** Of that, spent in the machine. */
  busyMs: number;
  /** Milliseconds since 1970 of the first instruction. */
  firstInstructionAt: number;
  resets: number;
  slices: number;
  sleeps: number;
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

export interface PartitionEnd {
  reason: EndReason;
  /** For people: why a trap, a refusal or a bad image; empty otherwise. May hold text from files. */
  detail: string;
  code: string;
  hint: string;
  stats: RunStats | null;
  /** When one was asked for, and the worker lived to tell. */
  profile?: ProfileResult | null;
}

/** The kernel worker's messages. The first two are flags: look at the mailbox. */
export type KernelMessage = { kind: "output" } | { kind: "input-room" } | { kind: "end"; end: PartitionEnd };
