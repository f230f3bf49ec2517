// The I/O worker: serves block requests from the disk's file, one after the other, so that the kernel worker never waits for a
// disk. Order needs no care: a flush covers what was completed before it was submitted (VIRTIO 1.2 §5.2.6.2).

import { parentPort, workerData } from "node:worker_threads";
import { BlockStore } from "./block-store.ts";
import { DiskQueue } from "./disk-queue.ts";
import { Mailbox, type MailboxBuffers } from "./mailbox.ts";

export interface IoWorkerData {
  queue: SharedArrayBuffer;
  /** The kernel worker's, for its doorbell. */
  mailbox: MailboxBuffers;
  disk: { path: string; readOnly: boolean };
}

const { queue: buffer, mailbox: buffers, disk } = workerData as IoWorkerData;
const queue = new DiskQueue(buffer);
const mailbox = new Mailbox(buffers);
const store = new BlockStore(disk.path, disk.readOnly);

for (;;) {
  const heard = queue.heard();
  const pieces = queue.submitted();
  for (const { slot, piece } of pieces) {
    queue.complete(slot, store.serve(piece.operation, piece.sector, piece.byteCount, queue.data(slot)));
    mailbox.ring();
  }
  if (pieces.length > 0) continue;
  if (queue.quitting) break;
  queue.sleep(heard);
}
store.close();
parentPort?.close();
