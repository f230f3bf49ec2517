// The hypervisor's own words, and what everything in it is measured with.

import { HYPERVISOR_STATE } from "../abi/hypervisor";

/** A moment that never comes. */
export const NEVER: u64 = u64.MAX_VALUE;

/** State: kernel/abi/hypervisor HYPERVISOR_*. Times in nanoseconds, energy in picojoules.
 *
 *   +0   current        u32  the partition whose machine is being called: stored before, because a trap unwinds through us
 *   +4   partitionCount u32
 *   +8   now            u64  the end of the last slice, or of the last sleep
 *   +16  busy, idle, stolen  u64 × 3
 *   +40  slices         u64
 *   +48  memoryHeld     u64  what admitted partitions hold: the running sums of admission
 *   +56  cpuHeld        u64
 *   +64  energyRateHeld u64
 *   +72  energyShareHeld u64
 *   +80  drained, spent, board  u64 × 3  see energy
 *   +104 fairClock      u64  virtual time of the best-effort class: what the least served one has had
 *   +112 sliceFuel      u32  instructions that the running slice may take
 *   +116 sliceFair      u32  1 while the running slice is not paid from a budget
 *   +120 wantHead, wantTail  u32 × 2  of the queue of wants
 *   +128 serving        u64  when the host took the want that it is at work on
 *   +136 turn           u32  the best-effort partition that ran last: see schedule
 *   +140 virtual        u32  1 in virtual time
 *   +144 workSince      u64  when the host began the work that it is at: see work
 *   +152 working, workFair  u32 × 2  for whom, and 1 when no budget pays for it
 *   +160 handsetTime, handsetEnergy  u64 × 2  what the host did for no partition: see bill
 *   +176 booked         u64  all host time that is in somebody's books, slices included
 *   +184 cpuMark, wallMark  u64 × 2  the thread's clock and the wall's when both were last looked at
 */
@unmanaged
export class State {
  current: u32;
  partitionCount: u32;
  now: u64;
  busy: u64;
  idle: u64;
  stolen: u64;
  slices: u64;
  memoryHeld: u64;
  cpuHeld: u64;
  energyRateHeld: u64;
  energyShareHeld: u64;
  drained: u64;
  spent: u64;
  board: u64;
  fairClock: u64;
  sliceFuel: u32;
  sliceFair: u32;
  wantHead: u32;
  wantTail: u32;
  serving: u64;
  turn: u32;
  virtual: u32;
  workSince: u64;
  working: u32;
  workFair: u32;
  handsetTime: u64;
  handsetEnergy: u64;
  booked: u64;
  cpuMark: u64;
  wallMark: u64;
}
export const state = changetype<State>(HYPERVISOR_STATE);
