// Every word of a partition's record and of the hypervisor's own that the host reads has a name in kernel/abi/hypervisor and a field here: both
// must mean the same place. The compiler checks it; nothing of this is in the module.

import {
  PARTITION_CLASS,
  PARTITION_BUDGET,
  PARTITION_PERIOD,
  PARTITION_CEILING,
  PARTITION_WEIGHT,
  PARTITION_ENERGY_CONTRACT,
  PARTITION_MEMORY,
  PARTITION_ENERGY_CAPACITY,
  PARTITION_ENERGY_RATE,
  PARTITION_ENERGY_SHARE,
  PARTITION_STATE,
  PARTITION_REASON,
  PARTITION_WANT,
  PARTITION_SLEEPING,
  PARTITION_EXHAUSTED,
  PARTITION_HELD,
  PARTITION_SPEED,
  PARTITION_THROTTLED_BY,
  PARTITION_CPU_TIME,
  PARTITION_INSTRUCTIONS,
  PARTITION_SLICES,
  PARTITION_THROTTLED_TIME,
  PARTITION_THROTTLED_COUNT,
  PARTITION_THROTTLED_SINCE,
  PARTITION_DEBT,
  PARTITION_OVERRUN_MAX,
  PARTITION_WAKE,
  PARTITION_DEADLINE,
  PARTITION_LATENCY,
  PARTITION_LATENCY_MAX,
  PARTITION_STOLEN,
  PARTITION_SERVICE_TIME,
  PARTITION_ENERGY_LEVEL,
  PARTITION_ENERGY_SPENT,
  PARTITION_ENERGY_THROTTLED_TIME,
  PARTITION_ENERGY_THROTTLED_COUNT,
  PARTITION_RESTARTS,
  PARTITION_RESTART_STREAK,
  PARTITION_RESTART_AT,
  PARTITION_STARTED,
  HYPERVISOR_CURRENT,
  HYPERVISOR_PARTITION_COUNT,
  HYPERVISOR_NOW,
  HYPERVISOR_BUSY,
  HYPERVISOR_IDLE,
  HYPERVISOR_STOLEN,
  HYPERVISOR_SLICES,
  HYPERVISOR_MEMORY_HELD,
  HYPERVISOR_CPU_HELD,
  HYPERVISOR_ENERGY_RATE_HELD,
  HYPERVISOR_ENERGY_SHARE_HELD,
  HYPERVISOR_ENERGY_DRAINED,
  HYPERVISOR_ENERGY_SPENT,
  HYPERVISOR_ENERGY_BOARD,
  HYPERVISOR_HANDSET_TIME,
  HYPERVISOR_HANDSET_ENERGY,
  HYPERVISOR_BOOKED,
  HYPERVISOR_STATE,
  PARTITION_BUCKETS,
  PARTITION_BYTES,
  PARTITION_ENERGY_DEBT,
  PARTITION_ENERGY_POT,
  PARTITION_RETRYING,
  PARTITION_RETRY_AT,
  PARTITION_WORK,
} from "../abi/hypervisor";
import { Account, Partition, RECORD_ACCOUNT, RECORD_RETRY } from "./record";
import { State } from "./state";

/** Does nothing: whoever calls it has compiled the comparison. */
export function agreed(): void {}

if (
  offsetof<Partition>("class") != PARTITION_CLASS ||
  offsetof<Partition>("budget") != PARTITION_BUDGET ||
  offsetof<Partition>("period") != PARTITION_PERIOD ||
  offsetof<Partition>("ceiling") != PARTITION_CEILING ||
  offsetof<Partition>("weight") != PARTITION_WEIGHT ||
  offsetof<Partition>("energyContract") != PARTITION_ENERGY_CONTRACT ||
  offsetof<Partition>("memory") != PARTITION_MEMORY ||
  offsetof<Partition>("energyCapacity") != PARTITION_ENERGY_CAPACITY ||
  offsetof<Partition>("energyRate") != PARTITION_ENERGY_RATE ||
  offsetof<Partition>("energyShare") != PARTITION_ENERGY_SHARE ||
  offsetof<Partition>("state") != PARTITION_STATE ||
  offsetof<Partition>("reason") != PARTITION_REASON ||
  offsetof<Partition>("want") != PARTITION_WANT ||
  offsetof<Partition>("sleeping") != PARTITION_SLEEPING ||
  offsetof<Partition>("exhausted") != PARTITION_EXHAUSTED ||
  offsetof<Partition>("held") != PARTITION_HELD ||
  offsetof<Partition>("speed") != PARTITION_SPEED ||
  offsetof<Partition>("throttledBy") != PARTITION_THROTTLED_BY ||
  offsetof<Partition>("cpuTime") != PARTITION_CPU_TIME ||
  offsetof<Partition>("instructions") != PARTITION_INSTRUCTIONS ||
  offsetof<Partition>("slices") != PARTITION_SLICES ||
  offsetof<Partition>("throttledTime") != PARTITION_THROTTLED_TIME ||
  offsetof<Partition>("throttledCount") != PARTITION_THROTTLED_COUNT ||
  offsetof<Partition>("throttledSince") != PARTITION_THROTTLED_SINCE ||
  offsetof<Partition>("debt") != PARTITION_DEBT ||
  offsetof<Partition>("overrunMax") != PARTITION_OVERRUN_MAX ||
  offsetof<Partition>("wake") != PARTITION_WAKE ||
  offsetof<Partition>("deadline") != PARTITION_DEADLINE ||
  offsetof<Partition>("latency") != PARTITION_LATENCY ||
  offsetof<Partition>("latencyMax") != PARTITION_LATENCY_MAX ||
  offsetof<Partition>("stolen") != PARTITION_STOLEN ||
  offsetof<Partition>("serviceTime") != PARTITION_SERVICE_TIME ||
  offsetof<Partition>("energyLevel") != PARTITION_ENERGY_LEVEL ||
  offsetof<Partition>("energySpent") != PARTITION_ENERGY_SPENT ||
  offsetof<Partition>("energyThrottledTime") != PARTITION_ENERGY_THROTTLED_TIME ||
  offsetof<Partition>("energyThrottledCount") != PARTITION_ENERGY_THROTTLED_COUNT ||
  offsetof<Partition>("restarts") != PARTITION_RESTARTS ||
  offsetof<Partition>("restartStreak") != PARTITION_RESTART_STREAK ||
  offsetof<Partition>("restartAt") != PARTITION_RESTART_AT ||
  offsetof<Partition>("startedAt") != PARTITION_STARTED ||
  HYPERVISOR_STATE + <u32>offsetof<State>("current") != HYPERVISOR_CURRENT ||
  HYPERVISOR_STATE + <u32>offsetof<State>("partitionCount") != HYPERVISOR_PARTITION_COUNT ||
  HYPERVISOR_STATE + <u32>offsetof<State>("now") != HYPERVISOR_NOW ||
  HYPERVISOR_STATE + <u32>offsetof<State>("busy") != HYPERVISOR_BUSY ||
  HYPERVISOR_STATE + <u32>offsetof<State>("idle") != HYPERVISOR_IDLE ||
  HYPERVISOR_STATE + <u32>offsetof<State>("stolen") != HYPERVISOR_STOLEN ||
  HYPERVISOR_STATE + <u32>offsetof<State>("slices") != HYPERVISOR_SLICES ||
  HYPERVISOR_STATE + <u32>offsetof<State>("memoryHeld") != HYPERVISOR_MEMORY_HELD ||
  HYPERVISOR_STATE + <u32>offsetof<State>("cpuHeld") != HYPERVISOR_CPU_HELD ||
  HYPERVISOR_STATE + <u32>offsetof<State>("energyRateHeld") != HYPERVISOR_ENERGY_RATE_HELD ||
  HYPERVISOR_STATE + <u32>offsetof<State>("energyShareHeld") != HYPERVISOR_ENERGY_SHARE_HELD ||
  HYPERVISOR_STATE + <u32>offsetof<State>("drained") != HYPERVISOR_ENERGY_DRAINED ||
  HYPERVISOR_STATE + <u32>offsetof<State>("spent") != HYPERVISOR_ENERGY_SPENT ||
  HYPERVISOR_STATE + <u32>offsetof<State>("board") != HYPERVISOR_ENERGY_BOARD ||
  HYPERVISOR_STATE + <u32>offsetof<State>("handsetTime") != HYPERVISOR_HANDSET_TIME ||
  HYPERVISOR_STATE + <u32>offsetof<State>("handsetEnergy") != HYPERVISOR_HANDSET_ENERGY ||
  HYPERVISOR_STATE + <u32>offsetof<State>("booked") != HYPERVISOR_BOOKED ||
  offsetof<Partition>() > PARTITION_BUCKETS ||
  RECORD_RETRY + 8 != PARTITION_RETRYING ||
  RECORD_RETRY + 16 != PARTITION_RETRY_AT ||
  RECORD_ACCOUNT + <u32>offsetof<Account>("work") != PARTITION_WORK ||
  RECORD_ACCOUNT + <u32>offsetof<Account>("energyDebt") != PARTITION_ENERGY_DEBT ||
  RECORD_ACCOUNT + <u32>offsetof<Account>("energyPot") != PARTITION_ENERGY_POT ||
  RECORD_ACCOUNT + <u32>offsetof<Account>() > PARTITION_BYTES
) {
  ERROR("kernel/hypervisor/record or state does not agree with kernel/abi/hypervisor");
}
