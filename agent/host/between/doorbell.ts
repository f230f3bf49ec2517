// What a worker sleeps on: a counter in shared memory. Whoever puts something where the worker looks rings after it; the worker reads the
// counter before it looks, and sleeps only if it has not changed since.

const DOORBELL = 0;

export interface Doorbell {
  /** Its value, to be handed to sleep(). */
  heard(): number;
  /** Sleeps until the value differs from `heard`, at most `milliseconds`. */
  sleep(heard: number, milliseconds: number): void;
}

/** Rings the doorbell in word 0 of `words`. */
export function doorbellRing(words: Int32Array): void {
  Atomics.add(words, DOORBELL, 1);
  Atomics.notify(words, DOORBELL);
}
