// The scheduler: who runs next, for how long, and what that costs.
//
// Guaranteed partitions that have budget run first, in the order of their deadlines (EDF); each is a sporadic server, see budget. What they
// leave is shared by weight: every partition has a virtual time that advances by its CPU time over its weight, and the least one has the
// next turn, which lasts until it is TURN ahead of whoever is the least then.
// A guaranteed partition with a weight shares too, when its budget is spent. A ceiling is another budget that must be had to run at all.
//
// A slice is bounded by fuel, in instructions and device work, so it ends where it was planned to. In virtual time that is exact. In realtime, fuel is time
// times the partition's measured speed: an estimate that goes down at once and up slowly, so that a guest which turns slow cannot gain
// by it more than once. Whatever a slice took beyond its budget is debt.

import {
  CEILING_NONE,
  CHARGE_INSTRUCTION,
  QUANTUM,
  RAN,
  SLICE_MIN,
  TURN,
  TABLE_ADVANCE,
  TABLE_DEADLINE,
  TABLE_EXECUTED,
  TABLE_FIRST,
  TABLE_RUN,
  TABLE_STRIDE,
  TABLE_WORK,
  NO_PARTITION,
} from "../abi/hypervisor";
import {
  FAIL_NO_PROGRESS,
  FAIL_WATCHDOG,
  RUN_FUEL,
  RUN_POWER_OFF,
  RUN_RESET,
  RUN_WAIT,
  RUN_WATCHDOG,
  STATE_FAILED,
  STATE_STOPPED,
  STOP_POWER_OFF,
} from "../abi/reasons";
import { bill } from "./bill";
import { budgetLeft } from "./budget";
import { clockRead, ownTime } from "./clock";
import { energyCost, energySpend } from "./energy";
import { health } from "./health";
import { HEAP_ALARM, HEAP_ALARM_FAIR, HEAP_DEADLINE, HEAP_FAIR, heapEmpty, heapFirst, heapFirstKey } from "./heap";
import { partitionEnd } from "./partition";
import { FAIR_SHIFT, pay } from "./pay";
import { awake, place, wantAny, wantPut } from "./place";
import { Partition, accountOf, capOf, partitionAt, serverOf } from "./record";
import { retryNext } from "./retry";
import { NEVER, state } from "./state";

const MILLISECOND: u64 = 1_000_000;
/** One instruction, or one unit of device work, in virtual time. */
const INSTRUCTION: u64 = 10;
/** A slice that took longer tells nothing about the guest's pace. */
const SPEED_ABOVE: u64 = 10 * <u64>QUANTUM;
const SPEED_MIN: u32 = 1_000;
const SPEED_MAX: u32 = 10_000_000;
/** A slice shorter than this tells nothing about speed. */
const SPEED_SPAN: u64 = 10_000;

/** The 24 MHz counter ticks in nanoseconds `time`, rounded down. */
// @ts-ignore: decorator
@inline
function ticksIn(time: u64): u64 {
  return (time / 1000) * 24 + ((time % 1000) * 24) / 1000;
}

/** Nanoseconds after which `ticks` more have passed for certain, wherever between two ticks we are. */
// @ts-ignore: decorator
@inline
function ticksTime(ticks: f64): u64 {
  // Beyond a hundred years all is the same.
  return ((<u64>min<f64>(ticks, 7.6e16) + 1) * 1000 + 23) / 24;
}

/** Runs slices until `until` has come, or all sleep, or somebody wants the host or is to be looked at again. Returns the moment when step() must be called again at
 *  the latest: now when there is work, NEVER when only an input can make some. */
export function scheduleStep(until: u64): u64 {
  clockRead();
  while (true) {
    while (heapFirstKey(HEAP_ALARM) <= state.now) place(heapFirst(HEAP_ALARM));
    while (heapFirstKey(HEAP_ALARM_FAIR) <= state.now) place(heapFirst(HEAP_ALARM_FAIR));
    if (wantAny() || retryNext() <= state.now) return state.now;
    if (!heapEmpty(HEAP_DEADLINE)) {
      if (state.now >= until) return state.now;
      slice(heapFirst(HEAP_DEADLINE), false);
    } else if (!heapEmpty(HEAP_FAIR)) {
      if (state.now >= until) return state.now;
      state.fairClock = heapFirstKey(HEAP_FAIR);
      slice(fairTurn(), true);
    } else {
      const due = min<u64>(min<u64>(heapFirstKey(HEAP_ALARM), heapFirstKey(HEAP_ALARM_FAIR)), retryNext());
      if (!state.virtual) return due;
      const to = min<u64>(due, until);
      if (to != NEVER && to > state.now) {
        state.idle += to - state.now;
        state.now = to;
      }
      if (due > until || due == NEVER) return due;
    }
  }
}

/** Whose turn it is among the best-effort partitions that are ready. */
function fairTurn(): u32 {
  const last = state.turn;
  if (last != NO_PARTITION) {
    const partition = partitionAt(last);
    if (partition.readyHeap == HEAP_FAIR && !scheduleAhead(partition)) return last;
  }
  state.turn = heapFirst(HEAP_FAIR);
  return state.turn;
}

/** Whether a best-effort partition has had a turn more than the least served one. */
export function scheduleAhead(partition: Partition): bool {
  const turn = ((<u64>TURN) << FAIR_SHIFT) / <u64>max<u32>(partition.weight, 1);
  return <i64>(partition.fairTime - state.fairClock) >= <i64>turn;
}

/** Runs one slice of partition `id`; `fair` = it is not paid from the guaranteed budget. */
function slice(id: u32, fair: bool): void {
  const partition = partitionAt(id);
  const slot = TABLE_FIRST + id * TABLE_STRIDE;
  // From here on the machine may trap.
  state.current = id;
  state.sliceFuel = 0;
  state.sliceFair = fair ? 1 : 0;
  let span: u64 = <u64>QUANTUM;
  if (!fair) span = min<u64>(span, budgetLeft(serverOf(partition)));
  if (partition.ceiling != CEILING_NONE) span = min<u64>(span, budgetLeft(capOf(partition)));
  // An alarm of the guaranteed class may have to preempt this one. All that are due have been looked at.
  span = min<u64>(span, heapFirstKey(HEAP_ALARM) - state.now);
  if (state.virtual) {
    call_indirect(slot + TABLE_ADVANCE, <f64>ticksIn(state.now - partition.origin));
  } else {
    // The machine looks at its timers when run() begins. 0 is an interrupt that the guest masks: it may take its time.
    const ticks = call_indirect<f64>(slot + TABLE_DEADLINE);
    if (ticks > 0) span = min<u64>(span, ticksTime(ticks));
  }
  span = max<u64>(span, <u64>SLICE_MIN);
  let fuel = <u32>((span * <u64>partition.speed) / MILLISECOND);
  if (partition.energyContract) {
    const cost = energyCost(CHARGE_INSTRUCTION);
    if (cost) fuel = <u32>min<u64>(<u64>fuel, partition.energyLevel / cost);
  }
  if (partition.wokenAt) {
    partition.latency = state.now - partition.wokenAt;
    partition.latencyMax = max<u64>(partition.latencyMax, partition.latency);
    partition.wokenAt = 0;
  }
  const ran = RAN + ((id >>> 5) << 2);
  store<u32>(ran, load<u32>(ran) | (1 << (id & 31)));
  state.sliceFuel = fuel;
  const reason = call_indirect<u32>(slot + TABLE_RUN, fuel);
  const executed = min<u32>(call_indirect<u32>(slot + TABLE_EXECUTED), fuel);
  const worked = min<u32>(call_indirect<u32>(slot + TABLE_WORK), executed);
  state.sliceFuel = 0;
  account(partition, executed, worked);
  conclude(id, reason, executed);
  state.current = NO_PARTITION;
}

/** Books a slice of `executed` units that ends now; `worked` of them were device work, the others instructions. */
function account(partition: Partition, executed: u32, worked: u32): void {
  let time: u64;
  if (state.virtual) {
    time = <u64>executed * INSTRUCTION;
    state.now += time;
  } else {
    const start = state.now;
    clockRead();
    const wall = state.now - start;
    time = ownTime(start);
    partition.stolen += wall - time;
    if (time > SPEED_ABOVE) {
      partition.speed = max<u32>(partition.speed >>> 1, SPEED_MIN);
    } else if (time > SPEED_SPAN) {
      const speed = <u32>min<u64>((<u64>executed * MILLISECOND) / time, <u64>SPEED_MAX);
      if (speed < partition.speed) partition.speed = max<u32>((partition.speed + speed) >>> 1, SPEED_MIN);
      else partition.speed += (speed - partition.speed) >>> 3;
    }
  }
  partition.slices++;
  partition.instructions += <u64>(executed - worked);
  accountOf(partition).work += <u64>worked;
  partition.machineUnits += <u64>executed;
  state.slices++;
  state.busy += time;
  state.booked += time;
  partition.cpuTime += time;
  energySpend(partition, <u64>executed * energyCost(CHARGE_INSTRUCTION));
  pay(partition, time, state.sliceFair != 0);
}

/** What run() came back for. */
function conclude(id: u32, reason: u32, executed: u32): void {
  const partition = partitionAt(id);
  if (reason != RUN_FUEL) partition.progressAt = partition.cpuTime;
  switch (reason) {
    case RUN_FUEL: {
      const limit = <u64>partition.noProgress * MILLISECOND;
      if (limit && partition.cpuTime - partition.progressAt > limit) {
        health(id, FAIL_NO_PROGRESS);
        return;
      }
      break;
    }
    case RUN_WAIT: {
      const slot = TABLE_FIRST + id * TABLE_STRIDE;
      if (state.virtual) call_indirect(slot + TABLE_ADVANCE, <f64>ticksIn(state.now - partition.origin));
      const ticks = call_indirect<f64>(slot + TABLE_DEADLINE);
      if (ticks != 0) {
        partition.sleeping = 1;
        partition.wake = ticks > 0 ? state.now + ticksTime(ticks) : NEVER;
        place(id);
        return;
      }
      break;
    }
    case RUN_WATCHDOG:
      health(id, FAIL_WATCHDOG);
      return;
    case RUN_POWER_OFF:
      partitionEnd(id, STATE_STOPPED, STOP_POWER_OFF);
      wantPut(id, reason);
      return;
    default:
      wantPut(id, reason);
      place(id);
      return;
  }
  // A machine that comes back at once, again and again, must not stop time.
  if (executed == 0) idleSlice(partition);
  place(id);
}

function idleSlice(partition: Partition): void {
  if (!state.virtual) return;
  const time = <u64>SLICE_MIN;
  state.now += time;
  state.busy += time;
  partition.cpuTime += time;
  pay(partition, time, state.sliceFair != 0);
}

/** The machine trapped: books the whole slice if it was inside run(), and does what the health table says about `reason`. Returns the
 *  partition, or -1. */
export function scheduleFaulted(reason: u32): i32 {
  const id = state.current;
  if (id == NO_PARTITION) return -1;
  state.current = NO_PARTITION;
  account(partitionAt(id), state.sliceFuel, 0);
  health(id, reason);
  place(id);
  return id;
}

/** An input has come for partition `id`: it looks at it as soon as it may run. */
export function scheduleWake(id: u32): void {
  const partition = partitionAt(id);
  if (!partition.sleeping) return;
  clockRead();
  awake(partition, state.now);
  place(id);
}

/** The host takes up a want: from here on it works for that partition. */
export function scheduleServing(): void {
  clockRead();
  state.serving = state.now;
}

/** The host has served what partition `id` wanted. In realtime its work is charged to the partition: who keeps the host busy harms
 *  only itself. */
export function scheduleServiced(id: u32): void {
  const partition = partitionAt(id);
  const want = partition.want;
  if (!want) return;
  partition.want = 0;
  if (!state.virtual) {
    clockRead();
    bill(id, ownTime(state.serving));
    state.serving = state.now;
  }
  // A reset sets the machine's counter back to what its instructions take.
  if (want == RUN_RESET) partition.origin = state.now - partition.machineUnits * INSTRUCTION;
  if (partition.state != STATE_FAILED) place(id);
}
