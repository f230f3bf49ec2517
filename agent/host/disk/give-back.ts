// How often discarded blocks are given back: once a second for the whole handset, whoever of its I/O workers comes first.

import { GAVE_BACK } from "../between/heartbeat.ts";

export const GIVE_BACK_MS = 1000;

/** Whether it may be done now: then it is this caller's turn. `words` are shared by all I/O workers of a handset, `nowMs` is one clock for
 *  all of them. */
export function mayGiveBack(words: Int32Array, nowMs: number): boolean {
  const second = Math.floor(nowMs / GIVE_BACK_MS) | 0;
  const last = Atomics.load(words, GAVE_BACK);
  return last !== second && Atomics.compareExchange(words, GAVE_BACK, last, second) === last;
}
