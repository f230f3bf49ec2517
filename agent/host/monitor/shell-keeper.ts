// Keeps a shell worker alive. The shell holds the control port, and a port that is in a dead thread is gone; so each new shell gets a new
// channel, whose other end the handset worker is handed. Meanwhile nothing can be asked of the handset, and its partitions run on.

import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { buildProduct } from "../../paths.ts";
import type { HandsetMessage } from "../between/messages.ts";
import type { GovernanceSpec, ShellOrder } from "../../shell/orders.ts";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 10_000;
/** A shell that has lived for so long was a good one: the next backoff is the first again. */
const LIVED_MS = 60_000;
/** Of the shell's own JavaScript: QuickJS has its memory beside it, with limits of its own. */
const HEAP_MEGABYTES = 64;

export interface ShellCallbacks {
  /** The handset worker is to read its requests here from now on; it is shell number `count`, from 0. */
  handOver(requests: MessagePort, count: number): void;
  message(message: HandsetMessage): void;
  /** The shell ended: what was asked of it is not answered any more. */
  down(why: string): void;
}

export class ShellKeeper {
  private readonly words: SharedArrayBuffer;
  private readonly callbacks: ShellCallbacks;
  private governance: GovernanceSpec | null;
  private worker: Worker | null = null;
  private timer: NodeJS.Timeout | undefined;
  private count = 0;
  private streak = 0;
  private closed = false;

  /** Starts the first shell; `words` is the handset worker's doorbell. */
  constructor(words: SharedArrayBuffer, governance: GovernanceSpec | null, callbacks: ShellCallbacks) {
    this.words = words;
    this.governance = governance;
    this.callbacks = callbacks;
    this.start();
  }

  /** Asks the shell; false while there is none. */
  post(order: ShellOrder): boolean {
    this.worker?.postMessage(order);
    return this.worker !== null;
  }

  /** Shells that are started from here on are of no fleet. */
  release(): void {
    this.governance = null;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.worker?.terminate();
  }

  private start(): void {
    const { port1: control, port2: requests } = new MessageChannel();
    const worker = new Worker(buildProduct("shell-worker.mjs"), {
      workerData: { control, words: this.words, governance: this.governance },
      transferList: [control],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    });
    const started = performance.now();
    let why = "";
    worker.on("message", (message: HandsetMessage) => this.callbacks.message(message));
    worker.on("error", (error) => (why = `: ${error.message}`));
    worker.once("exit", () => {
      if (this.closed) return;
      this.worker = null;
      if (performance.now() - started >= LIVED_MS) this.streak = 0;
      this.timer = setTimeout(() => this.start(), Math.min(BACKOFF_FIRST_MS * 2 ** this.streak++, BACKOFF_MAX_MS));
      this.timer.unref();
      this.callbacks.down(`the shell worker ended${why}`);
    });
    this.worker = worker;
    this.callbacks.handOver(requests, this.count++);
  }
}
