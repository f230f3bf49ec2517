// The I/O worker: serves block requests from the disk's file, one after the other, so that the handset worker never waits for a
// disk. Order needs no care: a flush covers what was completed before it was submitted (VIRTIO 1.2 §5.2.6.2).

import { parentPort, workerData } from "node:worker_threads";
import { openDisk } from "./open.ts";
import { DiskQueue } from "./queue.ts";
import { doorbellRing } from "../between/doorbell.ts";
import type { DiskFile } from "../../handset/contracts.ts";

export interface IoWorkerData {
  queue: SharedArrayBuffer;
  /** The handset worker's doorbell: word 0. */
  doorbell: SharedArrayBuffer;
  disk: DiskFile;
}

const { queue: buffer, doorbell, disk } = workerData as IoWorkerData;
const queue = new DiskQueue(buffer);
const bell = new Int32Array(doorbell);
const store = openDisk(disk);

for (;;) {
  const heard = queue.heard();
  const pieces = queue.submitted();
  for (const { slot, piece } of pieces) {
    queue.complete(slot, store.serve(piece.operation, piece.sector, piece.byteCount, queue.data(slot)));
    doorbellRing(bell);
  }
  if (pieces.length > 0) continue;
  if (queue.quitting) break;
  queue.sleep(heard);
}
store.close();
parentPort?.close();
