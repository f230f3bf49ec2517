// What passes between the main thread and a script worker.

import type { SandboxLimits, SandboxOutcome } from "./sandbox.ts";

export interface ScriptWorkerData {
  limits: SandboxLimits;
  /** Word 0 rises with each answer: the worker waits for it and serves nothing else meanwhile. */
  words: SharedArrayBuffer;
}

/** To the worker: evaluate `code` in the runtime of this name. */
export interface ScriptOrder {
  runtime: string;
  /** The commands that are functions there. */
  commands: string[];
  code: string;
}

export interface ScriptCall {
  name: string;
  positionals: string[];
  options: Record<string, string>;
}

/** An answer to a call, over a port of its own. */
export type ScriptAnswer = { json: string } | { error: { code: string; message: string } };

/** From the worker. */
export type ScriptMessage =
  { kind: "begun" } | { kind: "call"; call: ScriptCall } | { kind: "ended"; outcome: SandboxOutcome };
