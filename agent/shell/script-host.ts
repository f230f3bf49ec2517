// The main thread's side of a script worker: starts it when there is something to run, carries out the commands that scripts may ask for, and
// terminates it when a script does not come back. The next script gets a new worker.

import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { Failure } from "../failure.ts";
import { buildProduct } from "../paths.ts";
import type { SandboxLimits, SandboxOutcome } from "./sandbox.ts";
import type { ScriptAnswer, ScriptCall, ScriptMessage, ScriptOrder, ScriptWorkerData } from "./script-messages.ts";

/** `by: "hang"`: it hung in a built-in of QuickJS that cannot be interrupted, and its worker was terminated. */
export type ScriptOutcome =
  Exclude<SandboxOutcome, { ended: "stopped" }> | { ended: "stopped"; by: "time" | "memory" | "size" | "hang" };

/** Carries out a command as the control socket does. Throws Failure. */
export type CommandRunner = (name: string, positionals: string[], options: Record<string, string>) => Promise<unknown>;

/** Beyond a script's own limit of time, before its worker is terminated. */
const GRACE_MS = 250;
/** Until a script begins, on a busy computer. */
const STARTUP_MS = 20_000;
/** Commands that one script may ask for. */
const CALLS_MAX = 200;

interface Running {
  worker: Worker;
  answers: MessagePort;
  words: Int32Array;
}

export class ScriptHost {
  private readonly limits: SandboxLimits;
  private readonly command: CommandRunner;
  private running: Running | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(limits: SandboxLimits, command: CommandRunner) {
    this.limits = limits;
    this.command = command;
  }

  /** Runs a script after those before it. Never rejects for what the script does. */
  run(order: ScriptOrder): Promise<ScriptOutcome> {
    const outcome = this.last.then(() => this.runNow(order));
    this.last = outcome.catch(() => undefined);
    return outcome;
  }

  /** Ends the worker, whatever it does. */
  async close(): Promise<void> {
    this.closed = true;
    await this.stop();
  }

  private runNow(order: ScriptOrder): Promise<ScriptOutcome> {
    if (this.closed) return Promise.resolve({ ended: "stopped", by: "hang" });
    const { worker, answers, words } = (this.running ??= this.start());
    let [calls, timer] = [0, undefined as NodeJS.Timeout | undefined];
    return new Promise<ScriptOutcome>((resolve) => {
      const end = (outcome: ScriptOutcome): void => {
        clearTimeout(timer);
        // Ours alone: terminate() listens too.
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        resolve(outcome);
      };
      const overrun = (): void => {
        end({ ended: "stopped", by: "hang" });
        void this.stop();
      };
      const watch = (): void => {
        clearTimeout(timer);
        timer = setTimeout(overrun, this.limits.milliseconds + GRACE_MS);
      };
      const answer = async (call: ScriptCall): Promise<void> => {
        clearTimeout(timer);
        const reply = ++calls > CALLS_MAX ? tooMany() : await this.carryOut(order, call);
        answers.postMessage(reply);
        Atomics.add(words, 0, 1);
        Atomics.notify(words, 0);
        if (this.running?.worker === worker) watch();
      };
      const onMessage = (message: ScriptMessage): void => {
        if (message.kind === "begun") watch();
        else if (message.kind === "call") void answer(message.call);
        else end(message.outcome);
      };
      const lost = (text: string): void => {
        this.forget(worker);
        end({ ended: "threw", name: "WorkerLost", message: text });
      };
      const onError = (error: Error): void => lost(error.message);
      const onExit = (): void => lost("the scripts' worker has ended");
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      // A worker that is new has QuickJS to load first.
      timer = setTimeout(() => {
        lost("the scripts' worker did not start");
        void worker.terminate();
      }, STARTUP_MS);
      worker.postMessage(order);
    });
  }

  /** What a script asks for is checked here, outside its reach. */
  private async carryOut({ commands }: ScriptOrder, call: unknown): Promise<ScriptAnswer> {
    if (!isCall(call)) return { error: { code: "USAGE", message: "a command has words and one object of options" } };
    const { name, positionals, options } = call;
    if (!commands.includes(name)) {
      return { error: { code: "COMMAND_REFUSED", message: "this command is not allowed here" } };
    }
    const texts = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)]));
    try {
      const value = (await this.command(name, positionals.map(String), texts)) ?? null;
      const json = JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? Number(each) : each));
      return { json };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { error: { code: error.code, message: error.message } };
    }
  }

  private forget(worker: Worker): void {
    if (this.running?.worker === worker) this.running = null;
  }

  private start(): Running {
    const { port1: answers, port2 } = new MessageChannel();
    const words = new Int32Array(new SharedArrayBuffer(4));
    const data: ScriptWorkerData = { limits: this.limits, words: words.buffer as SharedArrayBuffer };
    const worker = new Worker(buildProduct("script-worker.mjs"), {
      workerData: { ...data, answers: port2 },
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: 64 },
      env: {},
    });
    // One that was terminated says so with an error event at times; one that ends by itself leaves nobody to wait for.
    worker.on("error", () => this.forget(worker)).on("exit", () => this.forget(worker));
    return { worker, answers, words };
  }

  private async stop(): Promise<void> {
    const { running } = this;
    this.running = null;
    running?.answers.close();
    await running?.worker.terminate();
  }
}

/** Whether a script asked in the right form. An object where a word belongs could throw when it is turned into text. */
function isCall(call: unknown): call is ScriptCall {
  const { name, positionals, options } = (call ?? {}) as Partial<Record<keyof ScriptCall, unknown>>;
  const words = (list: unknown[]): boolean =>
    list.every((each) => ["string", "number", "boolean"].includes(typeof each));
  return (
    typeof name === "string" &&
    Array.isArray(positionals) &&
    words(positionals) &&
    typeof options === "object" &&
    options !== null &&
    words(Object.values(options))
  );
}

function tooMany(): ScriptAnswer {
  return { error: { code: "COMMANDS_EXHAUSTED", message: `a script may ask for ${CALLS_MAX} commands` } };
}

const STOPPED = {
  time: "stopped: it took too long",
  memory: "stopped: it used too much memory",
  size: "stopped: its result is too large",
  hang: "stopped: it hung in a built-in function",
};

/** How a script went wrong, in words. */
export function scriptText(outcome: Exclude<ScriptOutcome, { ended: "value" }>): string {
  return outcome.ended === "threw" ? `${outcome.name}: ${outcome.message}` : STOPPED[outcome.by];
}
