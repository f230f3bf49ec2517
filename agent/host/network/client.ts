// The main thread's side of the network worker. It is started for the first partition that has a network. When it ends by itself, links go down and
// stay down: partitions run on.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { NetworkView } from "../../view.ts";
import { buildProduct } from "../../paths.ts";
import type { NetworkAnswer, NetworkRequest, NetworkSpec, NetworkWorkerData } from "./messages.ts";
import { NetworkQueue } from "./queue.ts";

const CLOSE_MS = 5_000;

export class HandsetNetwork {
  /** The network worker's bell: partitions' queues are made with it. */
  readonly bell = new SharedArrayBuffer(4);
  private readonly handsetBell: SharedArrayBuffer;
  private readonly lost: () => void;
  private readonly queues = new Map<number, NetworkQueue>();
  private readonly waiting = new Map<number, (view: NetworkView | null) => void>();
  private worker: Worker | null = null;
  private requestCount = 0;

  /** `handsetBell` is rung when there are frames for a guest; `lost` is called if the worker ends unasked. */
  constructor(handsetBell: SharedArrayBuffer, lost: () => void) {
    this.handsetBell = handsetBell;
    this.lost = lost;
  }

  /** A partition has a network from now on. Its rules hold before its first instruction. */
  attach(partition: number, buffer: SharedArrayBuffer, spec: NetworkSpec): void {
    this.worker ??= this.start();
    this.queues.set(partition, new NetworkQueue(this.bell, buffer));
    this.post({ kind: "attach", partition, queue: buffer, spec });
  }

  detach(partition: number): void {
    if (this.queues.delete(partition)) this.post({ kind: "detach", partition });
  }

  /** Other rules hold when this resolves, and flows that they forbid are closed. */
  async change(partition: number, spec: NetworkSpec): Promise<void> {
    await this.ask((id) => ({ kind: "change", partition, spec, id }));
  }

  /** What can be seen of a partition's network; null: it has none, or does not run. */
  view(partition: number): Promise<NetworkView | null> {
    return this.queues.has(partition) ? this.ask((id) => ({ kind: "view", partition, id })) : Promise.resolve(null);
  }

  async close(): Promise<void> {
    const { worker } = this;
    if (worker === null) return;
    this.worker = null;
    const exit = once(worker, "exit", { signal: AbortSignal.timeout(CLOSE_MS) });
    worker.postMessage({ kind: "quit" } satisfies NetworkRequest);
    await exit.catch(() => worker.unref());
    this.giveUp();
  }

  private start(): Worker {
    const data: NetworkWorkerData = { bell: this.bell, handsetBell: this.handsetBell };
    const worker = new Worker(buildProduct("network-worker.mjs"), { workerData: data });
    worker.on("message", (message: NetworkAnswer) => {
      this.waiting.get(message.id)?.(message.kind === "view" ? message.view : null);
      this.waiting.delete(message.id);
    });
    // What it failed of says nothing that its end does not.
    worker.on("error", () => undefined);
    worker.once("exit", () => {
      if (this.worker !== worker) return;
      this.worker = null;
      for (const queue of this.queues.values()) queue.isLost = true;
      this.giveUp();
      this.lost();
    });
    return worker;
  }

  private post(request: NetworkRequest): void {
    this.worker?.postMessage(request);
  }

  private ask(request: (id: number) => NetworkRequest): Promise<NetworkView | null> {
    if (this.worker === null) return Promise.resolve(null);
    const id = ++this.requestCount;
    const answered = new Promise<NetworkView | null>((resolve) => this.waiting.set(id, resolve));
    this.post(request(id));
    return answered;
  }

  private giveUp(): void {
    for (const resolve of this.waiting.values()) resolve(null);
    this.waiting.clear();
  }
}
