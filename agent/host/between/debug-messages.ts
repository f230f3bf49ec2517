// What a debugger asks the handset worker, over a port of its own: the worker looks at it whenever the doorbell rang. Questions that
// have an `id` get one answer.

import type { Watchpoint } from "../../debug/target.ts";

export type DebugRequest =
  | { kind: "halt" }
  | { kind: "resume"; step: boolean }
  | { kind: "registers"; id: number }
  | { kind: "set-registers"; id: number; offset: number; bytes: Uint8Array }
  | { kind: "memory"; id: number; address: number; length: number }
  | { kind: "set-memory"; id: number; address: number; bytes: Uint8Array }
  | { kind: "breakpoints"; id: number; addresses: number[] }
  | { kind: "watchpoints"; id: number; points: Watchpoint[] };

/** `bytes`: what was read; empty for what was written, null when it was not. */
export type DebugAnswer =
  | { kind: "answer"; id: number; bytes: Uint8Array | null }
  | { kind: "stopped"; signal: number; watched: Watchpoint | null };
