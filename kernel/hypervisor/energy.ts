// Energy: reserves, taps, and the rule that nothing is lost.
//
// The idea (Cinder's). A partition with an energy contract has a reserve of picojoules. A tap fills it from the battery, at a constant
// rate (1 µW for 1 µs is 1 pJ exactly) until it is full; another tap gives it a share of whatever drained() reports. What the
// partition does is paid from the reserve before it is done, so a reserve is never below zero. A partition without a contract draws
// straight from the battery, and is accounted all the same. Always, exactly:
//
//   Σ levels of reserves + board's own + Σ spent = drained
//
// Host work is billed after it was done (see bill). What the reserve does not hold then is a debt: it counts as spent when it is paid, from
// the first that comes into the reserve.

import { BOARD_COSTS, CHARGE_INSTRUCTION, PARTITION_MAX, QUANTUM, SLICE_MIN } from "../abi/hypervisor";
import { flow, flowTime } from "./flow";
import { Partition, RECORD_ENERGY_DEBT, partitionAt, partitionExists } from "./record";
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

// @ts-ignore: decorator
@inline
function debtOf(partition: Partition): u64 {
  return load<u64>(changetype<usize>(partition), RECORD_ENERGY_DEBT);
}

/** Draws at most `amount` from the battery into the reserve, debts first; returns what fitted. */
function energyAdd(partition: Partition, amount: u64): u64 {
  const debt = debtOf(partition);
  const paid = min<u64>(debt, amount);
  if (paid) {
    store<u64>(changetype<usize>(partition), debt - paid, RECORD_ENERGY_DEBT);
    partition.energySpent += paid;
    state.spent += paid;
    state.drained += paid;
  }
  const room = partition.energyCapacity - partition.energyLevel;
  const kept = min<u64>(amount - paid, room);
  partition.energyLevel += kept;
  state.drained += kept;
  return paid + kept;
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

/** Pays `cost` for what was done already, as far as the reserve goes; the rest is debt. */
export function energyBill(partition: Partition, cost: u64): void {
  if (!partition.energyContract) {
    energySpend(partition, cost);
    return;
  }
  energyFill(partition);
  const paid = min<u64>(cost, partition.energyLevel);
  energySpend(partition, paid);
  if (paid < cost) store<u64>(changetype<usize>(partition), debtOf(partition) + cost - paid, RECORD_ENERGY_DEBT);
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
    debtOf(partition) + worth - partition.energyLevel,
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

/** The reserve is given up: what it holds is the board's. */
export function energyRelease(partition: Partition): void {
  state.board += partition.energyLevel;
  partition.energyLevel = 0;
  store<u64>(changetype<usize>(partition), 0, RECORD_ENERGY_DEBT);
  partition.energyRemainder = 0;
  partition.exhausted = 0;
}
