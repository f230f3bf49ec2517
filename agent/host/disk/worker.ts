// The I/O worker: serves block requests from the disk's file, one after the other, so that the handset worker never waits for a
// disk. Order needs no care: a flush covers what was completed before it was submitted (VIRTIO 1.2 §5.2.6.2).

import { parentPort, workerData } from "node:worker_threads";
import { openDisk } from "./open.ts";
import { GIVE_BACK_MS, mayGiveBack } from "./give-back.ts";
import { DiskQueue } from "./queue.ts";
import { threadClock } from "../between/thread-clock.ts";
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
const clock = threadClock() ?? ((): number => performance.now() * 1e6);
const store = openDisk(disk);
let clockAt = clock();

/** Books what this thread has worked since the last call: the partition pays before its next request is taken. */
function book(): void {
  const moment = clock();
  queue.spend(moment - clockAt);
  clockAt = moment;
}

/** Gives discarded blocks back: one range a second for the whole handset. What the program takes is paid like our own time. */
function giveBack(): void {
  if (!store.wasteful || !mayGiveBack(bell, performance.timeOrigin + performance.now())) return;
  const started = performance.now();
  store.giveBack();
  queue.spend((performance.now() - started) * 1e6);
  clockAt = clock();
}

for (;;) {
  const heard = queue.heard();
  const pieces = queue.submitted();
  for (const { slot, piece } of pieces) {
    const status = store.serve(piece.operation, piece.sector, piece.byteCount, queue.data(slot));
    book();
    queue.complete(slot, status);
    doorbellRing(bell);
  }
  if (pieces.length > 0) continue;
  if (queue.quitting) break;
  giveBack();
  queue.sleep(heard, store.wasteful ? GIVE_BACK_MS : Infinity);
  // What the bell costs is ours, too.
  book();
}
store.close();
parentPort?.close();
