// Sporadic servers: how a partition gets `amount` of CPU time in each `period`, and never more.
//
// The idea. A budget is not refilled at fixed moments: a partition could then spend one period's budget at its end and the next
// one's right after, twice its share in one go. Instead, time that was spent comes back exactly one period after the moment
// from which it could be spent. The budget is a queue of refills {time, amount}, in the order of time, whose amounts always add
// up to the whole budget. The first refill is usable once its time has come. Charging u ns takes them from the first refill and
// puts a refill of u at (its time + period) behind the queue; a refill that touches the one before it becomes one with it.
//
// Who sleeps and wakes may spend its budget from then on, so the first refill's time becomes the moment of waking
// (budgetActivate). Who is ready but kept waiting by others keeps its time: what it was promised for a period it gets in
// that period, and refills never drift. Only more than one period's worth of waiting is forgotten.
//
// Overrun needs no words of its own. Who takes more than the first refill has takes it from the next ones before their time, and they
// come back a period later than they would have: a debt, paid to the nanosecond.
//
// The queue holds eight refills. A partition that sleeps and wakes all the time would need more, so a refill is merged into the one
// before it when both lie within a sixth of a period: the earlier part waits for the later one. That is always to the partition's own loss,
// and to nobody else's.

const REFILL_COUNT: u32 = 8;
const REFILLS: u32 = 24;
const REFILL_BYTES: u32 = 24;
/** What a refill holds: when it is usable, how much, and the time of the earliest part that was merged into it. */
const TIME: u32 = 0;
const AMOUNT: u32 = 8;
const FIRST: u32 = 16;

export const BUDGET_STATE_BYTES: u32 = 216;

/** State:
 *
 *   +0  amount  u64  ns in each period
 *   +8  period  u64  ns
 *   +16 head    u32  index of the first refill, modulo 8
 *   +20 count   u32  refills, 1 … 8
 *   +24 refills      8 × {time u64, amount u64, first u64}
 */
@unmanaged
export class Budget {
  amount: u64;
  period: u64;
  head: u32;
  count: u32;
}

// @ts-ignore: decorator
@inline
function refill(budget: Budget, index: u32): usize {
  return changetype<usize>(budget) + REFILLS + ((budget.head + index) & (REFILL_COUNT - 1)) * REFILL_BYTES;
}

/** The whole budget is there from `now` on. */
export function budgetReset(budget: Budget, amount: u64, period: u64, now: u64): void {
  budget.amount = amount;
  budget.period = period;
  budget.head = 0;
  budget.count = 0;
  append(budget, now, amount);
}

/** A new amount and period, while the partition lives. What was spent in the running period stays spent. */
export function budgetChange(budget: Budget, amount: u64, period: u64, now: u64): void {
  const left = budgetTime(budget) <= now ? min<u64>(budgetLeft(budget), amount) : 0;
  budgetReset(budget, amount, period, left ? now : now + period);
  if (left == 0 || left == amount) return;
  store<u64>(refill(budget, 0), left, AMOUNT);
  append(budget, now + period, amount - left);
}

/** When the first refill is usable. */
// @ts-ignore: decorator
@inline
export function budgetTime(budget: Budget): u64 {
  return load<u64>(refill(budget, 0), TIME);
}

/** Nanoseconds in the first refill. */
// @ts-ignore: decorator
@inline
export function budgetLeft(budget: Budget): u64 {
  return load<u64>(refill(budget, 0), AMOUNT);
}

/** The first refill, if its time was before `moment`, counts from `moment`; whatever has become usable by the time that it is spent
 *  joins it. */
export function budgetActivate(budget: Budget, moment: u64): void {
  let first = refill(budget, 0);
  const time = load<u64>(first, TIME);
  if (time >= moment) return;
  store<u64>(first, moment, TIME);
  while (budget.count > 1) {
    const next = refill(budget, 1);
    const amount = load<u64>(first, AMOUNT);
    if (load<u64>(next, TIME) > moment + amount) return;
    store<u64>(next, moment, TIME);
    store<u64>(next, load<u64>(next, AMOUNT) + amount, AMOUNT);
    drop(budget);
    first = next;
  }
}

/** `used` nanoseconds were spent, from the first refill on. */
export function budgetCharge(budget: Budget, used: u64): void {
  if (used >= budget.amount) {
    // Whole budgets at once: every refill comes back so many periods later.
    const times = used / budget.amount;
    used -= times * budget.amount;
    for (let index: u32 = 0; index < budget.count; index++) {
      const at = refill(budget, index);
      store<u64>(at, load<u64>(at, TIME) + times * budget.period, TIME);
      store<u64>(at, load<u64>(at, FIRST) + times * budget.period, FIRST);
    }
  }
  while (used) {
    const first = refill(budget, 0);
    const time = load<u64>(first, TIME);
    const amount = load<u64>(first, AMOUNT);
    if (used < amount) {
      store<u64>(first, time + used, TIME);
      store<u64>(first, amount - used, AMOUNT);
      append(budget, time + budget.period, used);
      break;
    }
    used -= amount;
    drop(budget);
    append(budget, time + budget.period, amount);
  }
}

function drop(budget: Budget): void {
  budget.head++;
  budget.count--;
}

/** Adds a refill behind the others, or to the last one. */
function append(budget: Budget, time: u64, amount: u64): void {
  if (budget.count) {
    const last = refill(budget, budget.count - 1);
    const held = load<u64>(last, AMOUNT);
    const touches = time <= load<u64>(last, TIME) + held;
    if (touches || time - load<u64>(last, FIRST) <= budget.period / 6 || budget.count == REFILL_COUNT) {
      // What the last one holds may be spent so late that the new part begins when its own time has come.
      if (!touches) store<u64>(last, time - held, TIME);
      store<u64>(last, held + amount, AMOUNT);
      return;
    }
  }
  const at = refill(budget, budget.count++);
  store<u64>(at, time, TIME);
  store<u64>(at, amount, AMOUNT);
  store<u64>(at, time, FIRST);
}
