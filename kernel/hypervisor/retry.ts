// When to look again at what a partition asked of a device in vain.
//
// The idea. A charge that is refused leaves the request where it is, in the machine's table or ring, and the partition runs on. Somebody must
// come back to it when the bucket or the reserve has filled, even if every partition sleeps by then, and in virtual time nobody but the
// hypervisor can move the clock to that moment. So the hypervisor keeps one moment for each partition, the earliest that a refusal named.
// step() returns when it has come, and retries() tells the host whom to look at. These moments lie in a heap of their own and never end
// a slice: whoever waits for a device does not preempt, so the schedule of the others is what it was without the refusal.

import { HEAP_RETRY, heapFirst, heapFirstKey, heapPut, heapRemove } from "./heap";
import { RECORD_RETRY, partitionAt } from "./record";
import { NEVER, state } from "./state";

/** In a record: {heap u32, index u32} of the heap, then these. */
const RETRYING: u32 = RECORD_RETRY + 8;
const AT: u32 = RECORD_RETRY + 16;

// @ts-ignore: decorator
@inline
function recordOf(id: u32): usize {
  return changetype<usize>(partitionAt(id));
}

/** Something was refused to partition `id` until `moment`; NEVER: until energy or another contract comes. */
export function retryPut(id: u32, moment: u64): void {
  const record = recordOf(id);
  if (load<u32>(record, RETRYING) && load<u64>(record, AT) <= moment) return;
  store<u32>(record, 1, RETRYING);
  store<u64>(record, moment, AT);
  if (moment != NEVER) heapPut(HEAP_RETRY, id, moment);
}

/** What limited partition `id` has changed: whatever was refused may be asked for again at once. */
export function retrySoon(id: u32): void {
  if (load<u32>(recordOf(id), RETRYING)) retryPut(id, state.now);
}

/** There is nothing to come back to. */
export function retryForget(id: u32): void {
  const record = recordOf(id);
  store<u32>(record, 0, RETRYING);
  heapRemove(record + RECORD_RETRY);
}

/** When the next partition is to be looked at, NEVER for none. */
// @ts-ignore: decorator
@inline
export function retryNext(): u64 {
  return heapFirstKey(HEAP_RETRY);
}

/** A partition whose moment has come, which is then forgotten, or -1. */
export function retryTake(): i32 {
  if (retryNext() > state.now) return -1;
  const id = heapFirst(HEAP_RETRY);
  retryForget(id);
  return id;
}
