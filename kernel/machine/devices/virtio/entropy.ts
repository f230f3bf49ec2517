// virtio entropy device: random bytes from the host. VIRTIO 1.2 §5.4.
//
// The host keeps a pool; the device hands each byte out once and wipes it. When the pool is empty a request waits, and the CPU is
// asked to leave run() so that the host can fill it.

import { ENTROPY_POOL, ENTROPY_POOL_CAPACITY } from "../../../abi/layout";
import { RUN_ENTROPY } from "../../../abi/reasons";
import { VIRTIO_SLOT_ENTROPY } from "../../memory-map";
import { exitRequest } from "../exit";
import { workBytes, workFull } from "../work";
import {
  chainHead,
  chainWrite,
  chainWriteBytes,
  queueNext,
  queueOpen,
  queuePush,
  queueSignal,
  queueTake,
} from "./queue";
import { slotOwn, slotVisit } from "./slot";

export const ENTROPY_DEVICE_ID: u32 = 4;

/** State:
 *
 *   +0  waiting  u32  1 while a request waits for the pool
 */
@unmanaged
class Entropy {
  waiting: u32;
}
const entropy = changetype<Entropy>(slotOwn(VIRTIO_SLOT_ENTROPY));

/** Serves a step of requests while there are bytes. */
export function entropyKick(): void {
  entropy.waiting = 0;
  if (!queueOpen(VIRTIO_SLOT_ENTROPY, 0)) return;
  while (!workFull() && queueNext()) {
    const left = entropyLeft();
    if (left == 0 && chainWriteBytes) {
      entropy.waiting = 1;
      exitRequest(RUN_ENTROPY);
      break;
    }
    // §5.4.6.1: at least one byte, and no more than fits.
    const count = min<u32>(chainWriteBytes, left);
    const from = ENTROPY_POOL + 4 + left - count;
    chainWrite(0, from, count);
    memory.fill(from, 0, count);
    workBytes(count);
    store<u32>(ENTROPY_POOL, left - count);
    queueTake();
    queuePush(chainHead, count);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_ENTROPY, 0);
  queueSignal();
}

/** The host may have filled the pool. */
export function entropyTick(): void {
  if (entropy.waiting && entropyLeft()) slotVisit(VIRTIO_SLOT_ENTROPY, 0);
}

function entropyLeft(): u32 {
  return min<u32>(load<u32>(ENTROPY_POOL), ENTROPY_POOL_CAPACITY);
}
