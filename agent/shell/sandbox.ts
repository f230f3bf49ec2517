// One QuickJS runtime with its limits: memory, stack, time, and the size of what goes in and comes out. Only JSON text crosses the
// border, so no object of the host is ever within reach of a script.
//
// QuickJS asks whether to go on only between its own instructions: some of its built-ins run for as long as they like. Whoever runs
// a stranger's script therefore does so in a worker that can be terminated (see script-host.ts).

import variant from "@jitl/quickjs-singlefile-mjs-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";

export interface SandboxLimits {
  memoryBytes: number;
  stackBytes: number;
  /** Milliseconds that one evaluation may take. */
  milliseconds: number;
  /** Characters of one result, and of one argument to a host function. */
  textMax: number;
}

/** What an evaluation came to. `json` is undefined for a result that JSON cannot hold, such as a function. */
export type SandboxOutcome =
  | { ended: "value"; json: string | undefined }
  | { ended: "threw"; name: string; message: string }
  | { ended: "stopped"; by: "time" | "memory" | "size" };

/** A function for scripts: JSON text of the argument list in, JSON text of the result out. What it throws, the script can catch. */
export type SandboxFunction = (argumentsJson: string) => string;

const MESSAGE_MAX = 400;

export class Sandbox {
  private readonly context: QuickJSContext;
  private readonly limits: SandboxLimits;
  private deadline = 0;
  private late = false;

  private constructor(context: QuickJSContext, limits: SandboxLimits) {
    this.context = context;
    this.limits = limits;
    const { runtime } = context;
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(limits.stackBytes);
    runtime.setInterruptHandler(() => (this.late ||= performance.now() > this.deadline));
  }

  /** A new runtime with nothing in it but JavaScript's own objects. */
  static async create(limits: SandboxLimits): Promise<Sandbox> {
    return new Sandbox((await quickjs()).newContext(), limits);
  }

  /** Gives scripts a global function. */
  expose(name: string, body: SandboxFunction): void {
    const { context, limits } = this;
    const handle = context.newFunction(name, (argument) => {
      const text = argument === undefined ? "null" : context.getString(argument);
      if (text.length > limits.textMax)
        throw context.newError({ name: "RangeError", message: "the argument is too large" });
      const started = performance.now();
      try {
        return context.newString(body(text));
      } catch (error) {
        throw context.newError({ name: (error as Error).name, message: (error as Error).message });
      } finally {
        // The script's time stands still while it waits for the host.
        this.deadline += performance.now() - started;
      }
    });
    context.setProp(context.global, name, handle);
    handle.dispose();
  }

  /** Evaluates a script; its result is the value of the last expression. Never throws for what a script does. What is our own may take
   *  more time than a stranger's: a busy computer is no fault of it. */
  evaluate(code: string, milliseconds = this.limits.milliseconds): SandboxOutcome {
    const { context } = this;
    this.deadline = performance.now() + milliseconds;
    this.late = false;
    const result = context.evalCode(code, "script", { type: "global" });
    if (result.error !== undefined) return this.failure(result.error);
    try {
      return this.text(result.value);
    } finally {
      result.value.dispose();
    }
  }

  /** Ends the runtime and frees its memory. */
  dispose(): void {
    // The runtime was made with the context, and goes with it.
    this.context.dispose();
  }

  private text(value: QuickJSHandle): SandboxOutcome {
    const { context, limits } = this;
    const json = context.getProp(context.global, "JSON");
    const stringify = context.getProp(json, "stringify");
    const result = context.callFunction(stringify, json, value);
    stringify.dispose();
    json.dispose();
    if (result.error !== undefined) return this.failure(result.error);
    try {
      if (context.typeof(result.value) !== "string") return { ended: "value", json: undefined };
      const length = context.getProp(result.value, "length");
      const size = context.getNumber(length);
      length.dispose();
      // Looked at before it is copied out.
      if (size > limits.textMax) return { ended: "stopped", by: "size" };
      return { ended: "value", json: context.getString(result.value) };
    } finally {
      result.value.dispose();
    }
  }

  /** What a thrown value says. Its properties may be accessors of the script's, so the time limit still holds here. */
  private failure(error: QuickJSHandle): SandboxOutcome {
    const { context } = this;
    try {
      if (this.late) return { ended: "stopped", by: "time" };
      const [name, message] = [this.property(error, "name"), this.property(error, "message")];
      if (this.late) return { ended: "stopped", by: "time" };
      if (name === "InternalError" && message === "out of memory") return { ended: "stopped", by: "memory" };
      if (context.typeof(error) === "object") return { ended: "threw", name, message };
      return { ended: "threw", name: "Error", message: "a script threw what is no error" };
    } finally {
      error.dispose();
    }
  }

  private property(of: QuickJSHandle, key: string): string {
    const { context } = this;
    if (context.typeof(of) !== "object") return "";
    try {
      const value = context.getProp(of, key);
      const text = context.typeof(value) === "string" ? context.getString(value).slice(0, MESSAGE_MAX) : "";
      value.dispose();
      return text;
    } catch {
      return "";
    }
  }
}

let loaded: Promise<QuickJSWASMModule> | undefined;

function quickjs(): Promise<QuickJSWASMModule> {
  return (loaded ??= newQuickJSWASMModuleFromVariant(variant));
}
