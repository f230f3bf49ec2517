// Where a partition belongs now: among the ready, behind an alarm, or nowhere. Whatever changes a partition ends by placing it.

import {
  CEILING_NONE,
  CLASS_GUARANTEED,
  EVENT_CPU_EXHAUSTED,
  EVENT_ENERGY_EMPTY,
  NO_PARTITION,
  PARTITION_MAX,
  WANTS,
} from "../abi/hypervisor";
import { STATE_FAILED, STATE_RUNNING, WANT_RESTART } from "../abi/reasons";
import { budgetActivate, budgetTime } from "./budget";
import { energyWait } from "./energy";
import { eventPut } from "./event";
import { HEAP_ALARM, HEAP_ALARM_FAIR, HEAP_DEADLINE, HEAP_FAIR, heapPut, heapRemove } from "./heap";
import {
  Partition,
  THROTTLED_CPU,
  THROTTLED_ENERGY,
  THROTTLED_NOT,
  capOf,
  partitionAt,
  partitionExists,
  serverOf,
} from "./record";
import { NEVER, state } from "./state";

const NOTICE_INTERVAL: u64 = 1_000_000_000;

/** Puts partition `id` where its state, its timer and its budgets say. */
export function place(id: u32): void {
  const partition = partitionAt(id);
  const now = state.now;
  const guaranteed = partition.class == CLASS_GUARANTEED;
  let ready: u32 = 0;
  let key: u64 = 0;
  let alarm: u64 = NEVER;
  let throttled = THROTTLED_NOT;

  if (partition.state == STATE_RUNNING && !partition.want) {
    if (partition.sleeping && partition.wake <= now) awake(partition, partition.wake);
    if (partition.sleeping) {
      alarm = partition.wake;
    } else if (partition.ceiling == 0) {
      throttled = THROTTLED_CPU;
    } else {
      const energy = energyWait(partition);
      if (energy) {
        throttled = THROTTLED_ENERGY;
        alarm = energy;
      } else if (partition.ceiling != CEILING_NONE && spent(partition, true)) {
        throttled = THROTTLED_CPU;
        alarm = budgetTime(capOf(partition));
      } else if (guaranteed && !spent(partition, false)) {
        ready = HEAP_DEADLINE;
        key = budgetTime(serverOf(partition)) + serverOf(partition).period;
        partition.deadline = key;
      } else if (partition.weight) {
        ready = HEAP_FAIR;
        // Time that one did not ask for is not owed: who comes back joins at what the least served one has had.
        key = partition.fairTime;
        if (<i64>(key - state.fairClock) < 0) key = state.fairClock;
        partition.fairTime = key;
        if (guaranteed) alarm = budgetTime(serverOf(partition));
      } else {
        throttled = THROTTLED_CPU;
        alarm = budgetTime(serverOf(partition));
      }
    }
  } else if (partition.state == STATE_FAILED && partition.restartAt) {
    if (partition.restartAt > now) {
      alarm = partition.restartAt;
    } else {
      partition.restartAt = 0;
      wantPut(id, WANT_RESTART);
    }
  }

  const record = changetype<usize>(partition);
  if (ready) heapPut(ready, id, key);
  else heapRemove(record + offsetof<Partition>("readyHeap"));
  if (alarm != NEVER) heapPut(guaranteed ? HEAP_ALARM : HEAP_ALARM_FAIR, id, alarm);
  else heapRemove(record + offsetof<Partition>("alarmHeap"));
  if (throttled != partition.throttledBy) throttle(id, throttled);
}

/** The partition woke at `moment`: what it spends from now on comes back a period from now. */
export function awake(partition: Partition, moment: u64): void {
  partition.sleeping = 0;
  partition.wokenAt = moment;
  // Who wakes has little to do as a rule, and somebody waits for it.
  state.turn = NO_PARTITION;
  if (partition.class == CLASS_GUARANTEED) budgetActivate(serverOf(partition), state.now);
  if (partition.ceiling != CEILING_NONE) budgetActivate(capOf(partition), state.now);
}

/** Whether nothing of the budget, or of the ceiling, is left now. */
function spent(partition: Partition, ceiling: bool): bool {
  const budget = ceiling ? capOf(partition) : serverOf(partition);
  if (budgetTime(budget) > state.now) return true;
  // More than a period of waiting is not made up for.
  if (state.now > budget.period) budgetActivate(budget, state.now - budget.period);
  return false;
}

/** Books the time that the partition was kept from running, and tells the host at most once a second. */
function throttle(id: u32, by: u32): void {
  const partition = partitionAt(id);
  const time = state.now - partition.throttledSince;
  if (partition.throttledBy == THROTTLED_CPU) partition.throttledTime += time;
  else if (partition.throttledBy == THROTTLED_ENERGY) partition.energyThrottledTime += time;
  partition.throttledBy = by;
  partition.throttledSince = state.now;
  if (by == THROTTLED_CPU) {
    partition.throttledCount++;
    if (partition.noticedCpu > state.now) return;
    partition.noticedCpu = state.now + NOTICE_INTERVAL;
    eventPut(EVENT_CPU_EXHAUSTED, id, 0, partition.throttledTime);
  } else if (by == THROTTLED_ENERGY) {
    partition.energyThrottledCount++;
    if (partition.noticedEnergy > state.now) return;
    partition.noticedEnergy = state.now + NOTICE_INTERVAL;
    eventPut(EVENT_ENERGY_EMPTY, id, 0, partition.energySpent);
  }
}

// ---- The queue of partitions that want the host ------------------------------------------------------------------------------------

/** Partition `id` wants the host; it does not run before that is served. */
export function wantPut(id: u32, want: u32): void {
  const partition = partitionAt(id);
  partition.want = want;
  if (partition.wantQueued) return;
  partition.wantQueued = 1;
  store<u16>(WANTS + ((state.wantHead++ & (PARTITION_MAX - 1)) << 1), <u16>id);
}

/** Whether a partition wants the host. */
// @ts-ignore: decorator
@inline
export function wantAny(): bool {
  return state.wantHead != state.wantTail;
}

/** Takes the next partition that wants the host off the queue: id | want << 16, or -1. */
export function wantTake(): i32 {
  while (wantAny()) {
    const id = <u32>load<u16>(WANTS + ((state.wantTail++ & (PARTITION_MAX - 1)) << 1));
    const partition = partitionAt(id);
    partition.wantQueued = 0;
    if (partitionExists(id) && partition.want) return id | (partition.want << 16);
  }
  return -1;
}
