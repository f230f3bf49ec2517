// Energy: reserves, taps, and the rule that nothing is lost.
//
// The idea (Cinder's). A partition with an energy contract has a reserve of picojoules. A tap fills it from the battery, at a constant
// rate (1 µW for 1 µs is 1 pJ exactly) until it is full; another tap gives it a share of whatever drained() reports. What the
// partition does is paid from the reserve before it is done, so a reserve is never below zero. A partition without a contract draws
// straight from the battery, and is accounted all the same. What the host did for it, and what that cost, is known only afterwards: what the
// reserve does not hold then is a debt, which whatever fills it pays first. Always, exactly:
//
//   Σ levels of reserves + Σ pots + board's own + Σ spent = drained
//
// A pot is what a partition has laid aside for something that must be paid in one piece (the radio: switching it on commits to its tail). It
// comes out of the reserve, is spent before it, and what is left goes back.

import { BOARD_COSTS, CHARGE_INSTRUCTION, PARTITION_MAX, QUANTUM, SLICE_MIN } from "../abi/hypervisor";
import { flow, flowTime } from "./flow";
import { Partition, accountOf, partitionAt, partitionExists } from "./record";
import { NEVER, state } from "./state";

const MICROSECOND: u32 = 1000;
const MILLISECOND: u64 = 1_000_000;
const SHARES: u64 = 1_000_000;

/** Picojoules for one unit of CHARGE_* `kind`. */
// @ts-ignore: decorator
@inline
export function energyCost(kind: u32): u64 {
  return <u64>load<u32>(BOARD_COSTS + (kind << 2));
}

/** Brings the reserve up to now. */
export function energyFill(partition: Partition): void {
  const elapsed = state.now - partition.energyFilled;
  partition.energyFilled = state.now;
  if (!partition.energyContract || !partition.held) return;
  const remainder = changetype<usize>(partition) + offsetof<Partition>("energyRemainder");
  const brought = flow(partition.energyRate, elapsed, MICROSECOND, remainder);
  if (energyAdd(partition, brought) < brought) partition.energyRemainder = 0;
}

/** Draws at most `amount` from the battery: what is owed first, then into the reserve. Returns what was taken. */
function energyAdd(partition: Partition, amount: u64): u64 {
  const account = accountOf(partition);
  const owed = min<u64>(account.energyDebt, amount);
  if (owed) {
    account.energyDebt -= owed;
    energyDraw(partition, owed);
    amount -= owed;
  }
  const room = partition.energyCapacity - partition.energyLevel;
  if (amount > room) amount = room;
  partition.energyLevel += amount;
  state.drained += amount;
  return owed + amount;
}

/** Spends `amount` straight from the battery. */
function energyDraw(partition: Partition, amount: u64): void {
  state.drained += amount;
  partition.energySpent += amount;
  state.spent += amount;
}

/** Whether the partition could pay `cost` now. */
// @ts-ignore: decorator
@inline
export function energyHas(partition: Partition, cost: u64): bool {
  return !partition.energyContract || partition.energyLevel >= cost;
}

/** Pays `cost`, which the partition has. */
export function energySpend(partition: Partition, cost: u64): void {
  if (partition.energyContract) partition.energyLevel -= cost;
  else state.drained += cost;
  partition.energySpent += cost;
  state.spent += cost;
}

/** Pays `cost` for what is done already: what the reserve does not hold is owed, and paid by what fills it next. */
export function energyOwe(partition: Partition, cost: u64): void {
  const account = accountOf(partition);
  if (!partition.energyContract) {
    energyDraw(partition, cost + account.energyDebt);
    account.energyDebt = 0;
    return;
  }
  const paid = min<u64>(cost, partition.energyLevel);
  energySpend(partition, paid);
  account.energyDebt += cost - paid;
}

/** What `time` ns of the processor cost when they are the host's work for this partition: as much as if it had run. */
export function energyOfTime(speed: u32, time: u64): u64 {
  return ((time * <u64>speed) / MILLISECOND) * energyCost(CHARGE_INSTRUCTION);
}

/** What a quantum costs this partition, but never more than its reserve can hold. */
function energyQuantum(partition: Partition): u64 {
  const instructions = (<u64>partition.speed * <u64>QUANTUM) / MILLISECOND;
  return min<u64>(instructions * energyCost(CHARGE_INSTRUCTION), partition.energyCapacity);
}

/** 0 when the partition may run as far as energy goes, else the moment to look again. A reserve that has run empty must hold a
 *  quantum's worth first, or the partition would be switched in for ever smaller slices. */
export function energyWait(partition: Partition): u64 {
  if (!partition.energyContract) return 0;
  energyFill(partition);
  const worth = energyQuantum(partition);
  const enough = partition.exhausted ? worth : min<u64>(worth, worth / (QUANTUM / SLICE_MIN) + 1);
  if (partition.energyLevel >= enough) {
    partition.exhausted = 0;
    return 0;
  }
  partition.exhausted = 1;
  const remainder = changetype<usize>(partition) + offsetof<Partition>("energyRemainder");
  const time = flowTime(
    partition.energyRate,
    worth + accountOf(partition).energyDebt - partition.energyLevel,
    MICROSECOND,
    remainder,
  );
  return time == NEVER ? NEVER : state.now + time;
}

/** `amount` picojoules were taken from the battery: taps with a share get theirs, the board keeps the rest. */
export function energyDrained(amount: u64): void {
  let left = amount;
  for (let id: u32 = 0; id < PARTITION_MAX; id++) {
    const partition = partitionAt(id);
    if (!partitionExists(id) || !partition.held || !partition.energyContract) continue;
    energyFill(partition);
    const share = <u64>partition.energyShare;
    left -= energyAdd(partition, (amount / SHARES) * share + ((amount % SHARES) * share) / SHARES);
  }
  // energyAdd() has counted what went into the reserves.
  state.board += left;
  state.drained += left;
}

/** Fills the reserve by hand, as far as it has room; returns what fitted. */
export function energyGive(partition: Partition, amount: u64): u64 {
  if (!partition.energyContract) return 0;
  energyFill(partition);
  return energyAdd(partition, amount);
}

/** Lays aside at most `amount` of the reserve. */
export function potPay(partition: Partition, amount: u64): void {
  if (!partition.energyContract) return;
  energyFill(partition);
  const paid = min<u64>(amount, partition.energyLevel);
  partition.energyLevel -= paid;
  accountOf(partition).energyPot += paid;
}

/** Spends at most `amount` of what was laid aside. */
export function potSpend(partition: Partition, amount: u64): void {
  const account = accountOf(partition);
  const paid = min<u64>(amount, account.energyPot);
  account.energyPot -= paid;
  partition.energySpent += paid;
  state.spent += paid;
}

/** What was laid aside goes back into the reserve; what has no room there is the board's. */
export function potReturn(partition: Partition): void {
  const account = accountOf(partition);
  energyFill(partition);
  const room = partition.energyContract ? partition.energyCapacity - partition.energyLevel : 0;
  const back = min<u64>(account.energyPot, room);
  partition.energyLevel += back;
  state.board += account.energyPot - back;
  account.energyPot = 0;
}

/** The reserve is given up: what it holds is the board's. */
export function energyRelease(partition: Partition): void {
  state.board += partition.energyLevel;
  partition.energyLevel = 0;
  partition.energyRemainder = 0;
  partition.exhausted = 0;
}
