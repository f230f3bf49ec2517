// The clocks: wall time, by which everything is planned, and this thread's processor time.
//
// Wall time is not processor time. A piece that took long is measured by the thread's own clock: the rest was taken by the host's operating
// system, or waited for, and is nobody's.

import { state } from "./state";

/** Host monotonic time in nanoseconds. */
// @ts-ignore: decorator
@external("host", "now")
declare function now(): f64;

/** This thread's processor time in nanoseconds; wall time where there is no such clock. */
// @ts-ignore: decorator
@external("host", "cpu")
declare function cpu(): f64;

/** A piece that took longer in wall time is looked at by the thread's clock: one look costs as much as 300 instructions. */
const LONG: u64 = 1_000_000;

/** Brings the clock up to date. In virtual time only slices and sleeps move it. */
export function clockRead(): void {
  if (state.virtual) return;
  const time = <u64>now();
  if (time > state.now) state.now = time;
}

/** The thread's clock and the wall's are looked at together: what passes from here on is measured by both. */
export function clockMark(): void {
  clockRead();
  state.cpuMark = <u64>cpu();
  state.wallMark = state.now;
}

/** Of the wall time from `start` to now, what the thread had the processor for. */
export function ownTime(start: u64): u64 {
  const time = state.now - start;
  if (time <= LONG) return time;
  const moment = <u64>cpu();
  const had = moment - state.cpuMark;
  const before = start > state.wallMark ? start - state.wallMark : 0;
  const own = min<u64>(had > before ? had - before : 0, time);
  state.stolen += time - own;
  state.cpuMark = moment;
  state.wallMark = state.now;
  return own;
}
