// A partition's record. What the host reads of it is named in kernel/abi/hypervisor, PARTITION_*; hypervisorInit() checks that both agree.

import { PARTITIONS, PARTITION_BYTES, PARTITION_MAX } from "../abi/hypervisor";
import { STATE_NONE } from "../abi/reasons";
import { BUDGET_STATE_BYTES, Budget } from "./budget";

export const THROTTLED_NOT: u32 = 0;
export const THROTTLED_CPU: u32 = 1;
export const THROTTLED_ENERGY: u32 = 2;

/** Times in nanoseconds, energy in picojoules.
 *
 *   +0    definition: contract of the partition, as in DEFINITION
 *   +64   actions        u8 × 16   health: [level][failure]
 *   +96   bucket rates   4 × {rate u32, burst u32}
 *   +128  life and scheduling
 *   +416  buckets        4 × 32    see bucket
 *   +544  server         216       the budget of the guaranteed class
 *   +760  cap            216       the ceiling: a budget that nobody is promised
 *   +976  retry          {heap u32, index u32, retrying u32, unused u32, at u64}  see retry
 *   +1000 account        {work u64, energyDebt u64, energyPot u64}
 */
@unmanaged
export class Partition {
  // The contract
  class: u32;
  budget: u32;
  period: u32;
  ceiling: u32;
  weight: u32;
  energyContract: u32;
  memory: u64;
  energyCapacity: u64;
  energyRate: u32;
  energyShare: u32;
  noProgress: u32;
  restartMax: u32;
  backoffFirst: u32;
  backoffMax: u32;
  actions0: u64;
  actions1: u64;
  reserved0: u64;
  reserved1: u64;
  bucketRate0: u64;
  bucketRate1: u64;
  bucketRate2: u64;
  bucketRate3: u64;
  // +128
  state: u32;
  reason: u32;
  want: u32;
  sleeping: u32;
  exhausted: u32;
  held: u32;
  speed: u32;
  throttledBy: u32;
  readyHeap: u32;
  readyIndex: u32;
  alarmHeap: u32;
  alarmIndex: u32;
  cpuTime: u64;
  instructions: u64;
  slices: u64;
  throttledTime: u64;
  throttledCount: u64;
  throttledSince: u64;
  debt: u64;
  overrunMax: u64;
  wake: u64;
  deadline: u64;
  fairTime: u64;
  latency: u64;
  latencyMax: u64;
  /** When it woke and has not run since; 0 = it has. */
  wokenAt: u64;
  stolen: u64;
  serviceTime: u64;
  /** The machine's counter was zero at this moment. */
  origin: u64;
  /** Instructions and work since the machine was made: its counter never reads less than they take. */
  machineUnits: u64;
  energyLevel: u64;
  energySpent: u64;
  energyFilled: u64;
  energyThrottledTime: u64;
  energyThrottledCount: u64;
  energyRemainder: u32;
  restarts: u32;
  restartStreak: u32;
  wantQueued: u32;
  restartAt: u64;
  startedAt: u64;
  progressAt: u64;
  noticedCpu: u64;
  noticedEnergy: u64;
}

export const RECORD_ACTIONS: u32 = 64;
export const RECORD_BUCKET_RATES: u32 = 96;
export const RECORD_DEFINITION_BYTES: u32 = 128;
export const RECORD_RETRY: u32 = 976;
export const RECORD_ACCOUNT: u32 = 1000;
const SERVER: u32 = 544;
const CAP: u32 = SERVER + BUDGET_STATE_BYTES;

// @ts-ignore: decorator
@inline
export function partitionAt(id: u32): Partition {
  return changetype<Partition>(PARTITIONS + id * PARTITION_BYTES);
}

// @ts-ignore: decorator
@inline
export function serverOf(partition: Partition): Budget {
  return changetype<Budget>(changetype<usize>(partition) + SERVER);
}

// @ts-ignore: decorator
@inline
export function capOf(partition: Partition): Budget {
  return changetype<Budget>(changetype<usize>(partition) + CAP);
}

/** What has no room above. */
@unmanaged
export class Account {
  /** Units of device work. */
  work: u64;
  /** Energy that the host's work for the partition cost beyond its reserve. */
  energyDebt: u64;
  /** What it has laid aside: see energy. */
  energyPot: u64;
}

// @ts-ignore: decorator
@inline
export function accountOf(partition: Partition): Account {
  return changetype<Account>(changetype<usize>(partition) + RECORD_ACCOUNT);
}

/** Whether a partition has this id. */
export function partitionExists(id: u32): bool {
  return id < PARTITION_MAX && partitionAt(id).state != STATE_NONE;
}
