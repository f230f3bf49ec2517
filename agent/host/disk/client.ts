// The main thread's side of one I/O worker: it ends when asked to, and one that ends by itself costs its partition the disk. One that is with
// the same request for half a minute is ended, and its partition fails: whatever the file system waits for, nobody else must wait for it.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { buildProduct } from "../../paths.ts";
import type { DiskQueue } from "./queue.ts";
import type { IoWorkerData } from "./worker.ts";

/** How often it is looked at, and looks that find the same request. */
const LOOK_MS = 5_000;
const LOOKS = 6;
/** A worker that is asked to end has this long. */
const CLOSE_MS = 10_000;

export class DiskWorker {
  private readonly queue: DiskQueue;
  private readonly worker: Worker;
  private gone = false;
  private readonly timer: NodeJS.Timeout;
  private readonly lost: (stuck: boolean) => void;

  /** Starts it; `doorbell` is rung for what it has finished. `lost` is called if it ends unasked: every request is an error by then. `stuck`
   *  says that it was with one request for too long. */
  constructor(
    queue: DiskQueue,
    disk: IoWorkerData["disk"],
    doorbell: SharedArrayBuffer,
    lost: (stuck: boolean) => void,
  ) {
    this.queue = queue;
    this.lost = lost;
    queue.renew();
    const data: IoWorkerData = { queue: queue.buffer, doorbell, disk };
    this.worker = new Worker(buildProduct("io-worker.mjs"), { workerData: data });
    // What it failed of says nothing that its end does not.
    this.worker.on("error", () => undefined);
    this.worker.once("exit", () => this.lose(false));
    this.timer = setInterval(
      stuckWatch(queue, () => {
        this.lose(true);
        void this.worker.terminate();
      }),
      LOOK_MS,
    );
    this.timer.unref();
  }

  /** Whether it ended unasked. */
  get isGone(): boolean {
    return this.gone;
  }

  private lose(stuck: boolean): void {
    if (this.gone) return;
    this.gone = true;
    clearInterval(this.timer);
    if (this.queue.quitting) return;
    this.queue.lose();
    this.lost(stuck);
  }

  /** Ends it after what it has; one that does not end is left to the system. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    if (this.gone) return;
    const exit = once(this.worker, "exit", { signal: AbortSignal.timeout(CLOSE_MS) });
    this.queue.quit();
    await exit.catch(() => this.worker.unref());
  }
}

/** A function that calls `stuck` when it finds the I/O worker with the same request again and again. */
export function stuckWatch(queue: Pick<DiskQueue, "progress">, stuck: () => void): () => void {
  let seen: number | null = null;
  let looks = 0;
  return () => {
    const progress = queue.progress();
    looks = progress !== null && progress === seen ? looks + 1 : 0;
    seen = progress;
    if (looks === LOOKS) stuck();
  };
}
