// The main thread's side of one I/O worker: it ends when asked to, and one that ends by itself costs its partition the disk.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { buildProduct } from "../../paths.ts";
import type { DiskQueue } from "./queue.ts";
import type { IoWorkerData } from "./worker.ts";

export class DiskWorker {
  private readonly queue: DiskQueue;
  private readonly worker: Worker;
  private gone = false;

  /** Starts it; `doorbell` is rung for what it has finished. `lost` is called if it ends unasked: every request is an error by then. */
  constructor(queue: DiskQueue, disk: IoWorkerData["disk"], doorbell: SharedArrayBuffer, lost: () => void) {
    this.queue = queue;
    queue.renew();
    const data: IoWorkerData = { queue: queue.buffer, doorbell, disk };
    this.worker = new Worker(buildProduct("io-worker.mjs"), { workerData: data });
    // What it failed of says nothing that its end does not.
    this.worker.on("error", () => undefined);
    this.worker.once("exit", () => {
      this.gone = true;
      if (queue.quitting) return;
      queue.lose();
      lost();
    });
  }

  /** Ends it after what it has. */
  async close(): Promise<void> {
    if (this.gone) return;
    const exit = once(this.worker, "exit");
    this.queue.quit();
    await exit;
  }
}
