// A running partition as the main thread sees it: starts the workers, carries console bytes, and tells how it ended.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { buildProduct } from "../paths.ts";
import { ConsoleHistory } from "./between/console-history.ts";
import { DebugLink } from "./debug/link.ts";
import { DiskQueue } from "./disk/queue.ts";
import type { IoWorkerData } from "./disk/worker.ts";
import type { LoadPlan } from "./loader/plan.ts";
import { Mailbox, STOP_LEFT, STOP_TIMEOUT } from "./mailbox.ts";
import type { KernelMessage, KernelWorkerData, PartitionEnd } from "./messages.ts";
import type { PartitionMemory } from "./machine/memory.ts";
import { partitionPrepare, type ImageOptions } from "./monitor/prepare.ts";

export interface PartitionOptions extends ImageOptions {
  /** 0: the PL011; 1 upwards: a port of the virtio-console. */
  consolePort: number;
  /** Deterministic mode: input is a file or pipe that will end. */
  inputIsWhole: boolean;
  /** The end tells where the guest spent its instructions. */
  profile?: boolean;
  /** Deterministic mode with translation: the guest runs interpreted and translated at once, and ends when the two differ. */
  verify?: boolean;
  /** The guest stands until a debugger lets it go: see `debug` of the partition. */
  debug?: boolean;
  /** Another machine than build/machine.wasm, for tests. */
  machinePath?: string;
  /** How often the main thread looks whether the machine still comes back from its slices. */
  heartbeatMs?: number;
}

const HEARTBEAT_MS = 5_000;
/** Looks in a row that find the machine in the same slice. One is not enough: this process may have been stopped itself. */
const HEARTBEATS_MISSED = 2;
/** A partition that is asked to end has this long until it is ended. */
const STOP_GRACE_MS = 2_000;

const STUCK: PartitionEnd = {
  reason: "trap",
  detail: "it did not come back from a slice",
  code: "MACHINE_STUCK",
  hint: "",
  stats: null,
};

export class Partition {
  readonly memory: PartitionMemory;
  readonly plan: LoadPlan;
  readonly history = new ConsoleHistory();
  /** What a debugger asks; null when nobody asked for one. */
  readonly debug: DebugLink | null;
  private readonly mailbox = new Mailbox();
  private readonly workerData: KernelWorkerData;
  private readonly heartbeatMs: number;
  private roomWaiters: (() => void)[] = [];
  private stopped: (() => void) | null = null;

  /** Checks and plans; nothing runs yet. Throws ImageError and UsageError. */
  constructor(options: PartitionOptions) {
    this.heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.debug = options.debug !== true ? null : this.openDebugLink();
    const prepared = partitionPrepare(options, this.mailbox.byteLength);
    this.plan = prepared.plan;
    this.memory = prepared.memory;
    this.workerData = {
      wasmPath: options.machinePath ?? buildProduct("machine.wasm"),
      config: prepared.config,
      plan: prepared.plan,
      mailbox: this.mailbox.buffers,
      disk: options.disk,
      diskQueue: prepared.diskQueue,
      consolePort: options.consolePort,
      inputIsWhole: options.inputIsWhole && options.mode === "deterministic",
      profile: options.profile === true,
      verify: options.verify === true,
      debug: this.debug?.workerPort ?? null,
    };
  }

  /** Runs to the end. `output` gets console bytes and resolves when it can take more. Rejects only for a defect of
   *  pocketvisor: a worker that died. */
  async run(output: (chunk: Uint8Array) => Promise<void>): Promise<PartitionEnd> {
    const { workerData: data } = this;
    const io = this.startIoWorker();
    const transferList = data.debug === null ? [] : [data.debug];
    const kernel = new Worker(buildProduct("kernel-worker.mjs"), { workerData: data, transferList });
    let pumping: Promise<void> | null = null;
    const pump = async (): Promise<void> => {
      const chunk = new Uint8Array(16 << 10);
      for (;;) {
        this.mailbox.outputSeen();
        const length = this.mailbox.output.read(chunk);
        if (length === 0) return;
        this.mailbox.outputTaken();
        this.history.append(chunk.subarray(0, length));
        await output(chunk.slice(0, length));
      }
    };
    const startPump = (): Promise<void> => (pumping ??= pump().finally(() => (pumping = null)));
    const timers: NodeJS.Timeout[] = [];
    try {
      const end = await new Promise<PartitionEnd>((resolve, reject) => {
        const lost = (what: string) => (code: number) => reject(new Error(`the ${what} ended with status ${code}`));
        kernel.on("message", (message: KernelMessage) => {
          if (message.kind === "output") startPump().catch(reject);
          else if (message.kind === "input-room") this.wakeInput();
          else resolve(message.end);
        });
        kernel.on("error", reject);
        kernel.on("exit", lost("kernel worker"));
        io?.on("error", reject);
        io?.on("exit", lost("I/O worker"));
        timers.push(
          setInterval(
            this.heartbeat(() => resolve(STUCK)),
            this.heartbeatMs,
          ),
        );
        this.stopped = () => timers.push(setTimeout(() => resolve(this.unanswered()), STOP_GRACE_MS));
      });
      // What the guest said last must still reach the terminal; who leaves does not wait for a terminal that is stuck.
      const shown = (async () => {
        await pumping;
        await startPump();
      })();
      const patience = new Promise<void>((resolve) => timers.push(setTimeout(resolve, STOP_GRACE_MS)));
      await (end.reason === "left" || end.reason === "timeout" ? Promise.race([shown, patience]) : shown);
      return end;
    } finally {
      this.stopped = null;
      this.debug?.close();
      timers.forEach((timer) => clearTimeout(timer));
      kernel.removeAllListeners();
      io?.removeAllListeners();
      this.wakeInput();
      await kernel.terminate();
      if (io !== null && data.diskQueue !== null) {
        const gone = once(io, "exit");
        new DiskQueue(data.diskQueue).quit();
        await gone;
      }
    }
  }

  /** Ends the partition from outside. */
  stop(reason: "left" | "timeout"): void {
    this.mailbox.stop(reason === "left" ? STOP_LEFT : STOP_TIMEOUT);
    this.stopped?.();
  }

  /** Gives the guest's console all these bytes; resolves when they are in the queue. Bytes are never dropped while the
   *  partition runs. */
  async input(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = this.mailbox.input.write(bytes.subarray(at));
      at += count;
      if (count > 0) this.mailbox.ring();
      if (at === bytes.length) return;
      const room = new Promise<void>((resolve) => this.roomWaiters.push(resolve));
      this.mailbox.awaitInputRoom();
      await room;
      if (this.mailbox.input.room === 0) return; // the partition has ended
    }
  }

  /** No more input will come. The guest goes on. */
  endInput(): void {
    this.mailbox.endInput();
  }

  /** A function that calls `stuck` when it finds the machine in the same slice again and again. */
  private heartbeat(stuck: () => void): () => void {
    let last = 0;
    let missed = 0;
    return () => {
      const count = this.mailbox.sliceCount;
      missed = count === last && count % 2 === 1 ? missed + 1 : 0;
      last = count;
      if (missed === HEARTBEATS_MISSED) stuck();
    };
  }

  /** The end of a partition whose kernel worker did not answer a stop request. */
  private unanswered(): PartitionEnd {
    return { ...STUCK, reason: this.mailbox.stopReason === STOP_TIMEOUT ? "timeout" : "left" };
  }

  private openDebugLink(): DebugLink {
    return new DebugLink(
      () => this.mailbox.ring(),
      () => this.stop("left"),
    );
  }

  private startIoWorker(): Worker | null {
    const { disk, diskQueue, mailbox } = this.workerData;
    if (disk === null || diskQueue === null) return null;
    const data: IoWorkerData = { queue: diskQueue, doorbell: mailbox.words, disk };
    return new Worker(buildProduct("io-worker.mjs"), { workerData: data });
  }

  private wakeInput(): void {
    const waiters = this.roomWaiters;
    this.roomWaiters = [];
    waiters.forEach((wake) => wake());
  }
}
