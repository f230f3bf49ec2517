// Ordered queues of partitions: binary heaps by a u64 key, smallest first, and by id where keys are equal. A partition is in at most one
// queue of those who are ready, in at most one of alarms and in the queue of retries; its record knows where, so that it can be moved without a search.
// Keys are compared by their difference: virtual time may wrap around.
//
// A heap lies at HEAPS + n * HEAP_BYTES: +0 count u32, +16 entries of {key u64, id u32, unused u32}.

import { HEAPS, HEAP_BYTES, HEAP_RETRIES } from "../abi/hypervisor";
import { Partition, RECORD_RETRY, partitionAt } from "./record";
import { NEVER } from "./state";

/** Guaranteed partitions with budget, by deadline. */
export const HEAP_DEADLINE: u32 = HEAPS;
/** Partitions that share what is left, by virtual time. */
export const HEAP_FAIR: u32 = HEAPS + HEAP_BYTES;
/** When to look again at a guaranteed partition: these moments end a slice. */
export const HEAP_ALARM: u32 = HEAPS + 2 * HEAP_BYTES;
/** When to look again at a best-effort partition: that can wait for the end of a slice. */
export const HEAP_ALARM_FAIR: u32 = HEAPS + 3 * HEAP_BYTES;
/** When to look again at what a partition asked of a device in vain: see retry. */
export const HEAP_RETRY: u32 = HEAP_RETRIES;

const ENTRIES: u32 = 16;

export function heapsReset(): void {
  for (let heap = HEAP_DEADLINE; heap <= HEAP_ALARM_FAIR; heap += HEAP_BYTES) store<u32>(heap, 0);
  store<u32>(HEAP_RETRY, 0);
}

/** Whether key `a` of partition `idA` comes before key `b` of `idB`. */
// @ts-ignore: decorator
@inline
function before(a: u64, idA: u32, b: u64, idB: u32): bool {
  const distance = <i64>(a - b);
  return distance < 0 || (distance == 0 && idA < idB);
}

// @ts-ignore: decorator
@inline
export function heapEmpty(heap: u32): bool {
  return load<u32>(heap) == 0;
}

/** The smallest key, NEVER when the heap is empty. */
// @ts-ignore: decorator
@inline
export function heapFirstKey(heap: u32): u64 {
  return load<u32>(heap) ? load<u64>(heap, ENTRIES) : NEVER;
}

/** The partition with the smallest key; the heap is not empty. */
// @ts-ignore: decorator
@inline
export function heapFirst(heap: u32): u32 {
  return load<u32>(heap, ENTRIES + 8);
}

/** Where the record of partition `id` keeps {heap or 0, index} for this kind of heap. */
// @ts-ignore: decorator
@inline
function place(heap: u32, id: u32): usize {
  const record = changetype<usize>(partitionAt(id));
  if (heap == HEAP_RETRY) return record + RECORD_RETRY;
  return record + (heap >= HEAP_ALARM ? offsetof<Partition>("alarmHeap") : offsetof<Partition>("readyHeap"));
}

/** Puts partition `id` into `heap`, or moves it there from its sister, or changes its key. heap 0 is of no use: see heapRemove. */
export function heapPut(heap: u32, id: u32, key: u64): void {
  const at = place(heap, id);
  const old = load<u32>(at);
  let index: u32;
  if (old == heap) {
    index = load<u32>(at, 4);
  } else {
    heapRemove(at);
    index = load<u32>(heap);
    store<u32>(heap, index + 1);
    store<u32>(at, heap);
  }
  sift(heap, index, key, id);
}

/** Takes a partition out of the heap that {heap, index} at `at` names. */
export function heapRemove(at: usize): void {
  const heap = load<u32>(at);
  if (!heap) return;
  store<u32>(at, 0);
  const last = load<u32>(heap) - 1;
  store<u32>(heap, last);
  const index = load<u32>(at, 4);
  if (index == last) return;
  const entry = heap + ENTRIES + (last << 4);
  sift(heap, index, load<u64>(entry), load<u32>(entry, 8));
}

/** Puts an entry where it belongs, starting at the hole `index`. */
function sift(heap: u32, index: u32, key: u64, id: u32): void {
  const entries = heap + ENTRIES;
  while (index) {
    const parent = (index - 1) >>> 1;
    const entry = entries + (parent << 4);
    if (!before(key, id, load<u64>(entry), load<u32>(entry, 8))) break;
    write(heap, index, load<u64>(entry), load<u32>(entry, 8));
    index = parent;
  }
  const count = load<u32>(heap);
  while (true) {
    let child = (index << 1) + 1;
    if (child >= count) break;
    let entry = entries + (child << 4);
    if (
      child + 1 < count &&
      before(load<u64>(entry, 16), load<u32>(entry, 24), load<u64>(entry), load<u32>(entry, 8))
    ) {
      child++;
      entry += 16;
    }
    if (!before(load<u64>(entry), load<u32>(entry, 8), key, id)) break;
    write(heap, index, load<u64>(entry), load<u32>(entry, 8));
    index = child;
  }
  write(heap, index, key, id);
}

function write(heap: u32, index: u32, key: u64, id: u32): void {
  const entry = heap + ENTRIES + (index << 4);
  store<u64>(entry, key);
  store<u32>(entry, id, 8);
  store<u32>(place(heap, id), index, 4);
}
