// Admission: may this contract be kept beside those that are already held? One function, one answer, with its numbers.

import {
  ANSWER_COMMITTED,
  ANSWER_LIMIT,
  ANSWER_PARTITION,
  ANSWER_REASON,
  ANSWER_WANTED,
  BOARD_CPU_LIMIT,
  BOARD_ENERGY_RATE,
  BOARD_RAM,
  BOARD_RESERVE,
  BUDGET_MIN,
  CEILING_NONE,
  CHARGE_BUCKETS,
  CLASS_GUARANTEED,
  ENERGY_RATE_MAX,
  PERIOD_MAX,
  PERIOD_MIN,
  WEIGHT_MAX,
} from "../abi/hypervisor";
import {
  ACTION_COUNT,
  ADMIT_BAD_ACTIONS,
  ADMIT_BAD_BUDGET,
  ADMIT_BAD_CEILING,
  ADMIT_BAD_CLASS,
  ADMIT_BAD_ENERGY,
  ADMIT_BAD_PERIOD,
  ADMIT_BAD_WEIGHT,
  ADMIT_CPU,
  ADMIT_ENERGY_RATE,
  ADMIT_ENERGY_SHARE,
  ADMIT_MEMORY,
  ADMIT_MEMORY_LIVE,
  DONE,
  FAIL_COUNT,
  LEVEL_COUNT,
} from "../abi/reasons";
import { Partition, RECORD_ACTIONS, RECORD_BUCKET_RATES } from "./record";
import { state } from "./state";

const BILLION: u64 = 1_000_000_000;
const CPU_LIMIT_DEFAULT: u64 = 900_000_000;
const MILLION: u64 = 1_000_000;

/** Writes the answer block and returns `reason`. */
export function answer(reason: u32, wanted: u64, committed: u64, limit: u64): u32 {
  store<u32>(ANSWER_REASON, reason);
  store<u64>(ANSWER_WANTED, wanted);
  store<u64>(ANSWER_COMMITTED, committed);
  store<u64>(ANSWER_LIMIT, limit);
  return reason;
}

/** Whether the numbers of a contract make sense by themselves. */
export function admitShape(contract: Partition): u32 {
  const guaranteed = contract.class == CLASS_GUARANTEED;
  const budget = <u64>contract.budget;
  const period = <u64>contract.period;
  const ceiling = <u64>contract.ceiling;
  if (contract.class > CLASS_GUARANTEED) return answer(ADMIT_BAD_CLASS, <u64>contract.class, 0, 1);
  if (guaranteed || ceiling != <u64>CEILING_NONE) {
    if (period < <u64>PERIOD_MIN) return answer(ADMIT_BAD_PERIOD, period, 0, <u64>PERIOD_MIN);
    if (period > <u64>PERIOD_MAX) return answer(ADMIT_BAD_PERIOD, period, 0, <u64>PERIOD_MAX);
  }
  if (guaranteed) {
    if (budget < <u64>BUDGET_MIN) return answer(ADMIT_BAD_BUDGET, budget, 0, <u64>BUDGET_MIN);
    if (budget > period) return answer(ADMIT_BAD_BUDGET, budget, 0, period);
  }
  if (ceiling != 0 && ceiling != <u64>CEILING_NONE) {
    const least = guaranteed ? budget : <u64>BUDGET_MIN;
    if (ceiling < least) return answer(ADMIT_BAD_CEILING, ceiling, 0, least);
    if (ceiling > period) return answer(ADMIT_BAD_CEILING, ceiling, 0, period);
  }
  const weight = <u64>contract.weight;
  if (weight > <u64>WEIGHT_MAX || (weight == 0 && !guaranteed)) {
    return answer(ADMIT_BAD_WEIGHT, weight, 0, <u64>WEIGHT_MAX);
  }
  if (contract.energyContract) {
    const rate = <u64>contract.energyRate;
    const share = <u64>contract.energyShare;
    if (rate > <u64>ENERGY_RATE_MAX) return answer(ADMIT_BAD_ENERGY, rate, 0, <u64>ENERGY_RATE_MAX);
    if (share > MILLION) return answer(ADMIT_BAD_ENERGY, share, 0, MILLION);
    if (contract.energyCapacity == 0) return answer(ADMIT_BAD_ENERGY, 0, 0, 1);
  }
  const at = changetype<usize>(contract);
  for (let index: u32 = 0; index < LEVEL_COUNT * FAIL_COUNT; index++) {
    const action = <u32>load<u8>(at + RECORD_ACTIONS + index);
    if (action >= ACTION_COUNT) return answer(ADMIT_BAD_ACTIONS, <u64>action, 0, <u64>ACTION_COUNT - 1);
  }
  // A bucket that can hold nothing would let nothing pass: its burst is a second's worth.
  for (let bucket = at + RECORD_BUCKET_RATES; bucket < at + RECORD_BUCKET_RATES + CHARGE_BUCKETS * 8; bucket += 8) {
    if (load<u32>(bucket, 4) == 0) store<u32>(bucket, load<u32>(bucket), 4);
  }
  return answer(DONE, 0, 0, 0);
}

/** Parts per billion of the CPU that a contract is promised, rounded up. */
function cpuOf(contract: Partition): u64 {
  if (contract.class != CLASS_GUARANTEED) return 0;
  return (<u64>contract.budget * BILLION + <u64>contract.period - 1) / <u64>contract.period;
}

function rateOf(contract: Partition): u64 {
  return contract.energyContract ? <u64>contract.energyRate : 0;
}

function shareOf(contract: Partition): u64 {
  return contract.energyContract ? <u64>contract.energyShare : 0;
}

/** Whether `contract` fits beside what the others hold. `held` is the partition's contract in force, which it would replace, or 0. */
export function admit(contract: Partition, held: usize): u32 {
  let memory = state.memoryHeld;
  let cpu = state.cpuHeld;
  let rate = state.energyRateHeld;
  let share = state.energyShareHeld;
  if (held) {
    const old = changetype<Partition>(held);
    if (old.memory != contract.memory) return answer(ADMIT_MEMORY_LIVE, contract.memory, 0, old.memory);
    memory -= old.memory;
    cpu -= cpuOf(old);
    rate -= rateOf(old);
    share -= shareOf(old);
  }
  const room = load<u64>(BOARD_RAM) - load<u64>(BOARD_RESERVE);
  if (contract.memory > room - memory) return answer(ADMIT_MEMORY, contract.memory, memory, room);
  const limit = load<u32>(BOARD_CPU_LIMIT) ? <u64>load<u32>(BOARD_CPU_LIMIT) : CPU_LIMIT_DEFAULT;
  if (cpuOf(contract) && cpu + cpuOf(contract) > limit) return answer(ADMIT_CPU, cpuOf(contract), cpu, limit);
  const envelope = <u64>load<u32>(BOARD_ENERGY_RATE);
  if (rateOf(contract) && rate + rateOf(contract) > envelope) {
    return answer(ADMIT_ENERGY_RATE, rateOf(contract), rate, envelope);
  }
  if (shareOf(contract) && share + shareOf(contract) > MILLION) {
    return answer(ADMIT_ENERGY_SHARE, shareOf(contract), share, MILLION);
  }
  return answer(DONE, 0, 0, 0);
}

/** The contract is held from now on. */
export function admitHold(contract: Partition): void {
  state.memoryHeld += contract.memory;
  state.cpuHeld += cpuOf(contract);
  state.energyRateHeld += rateOf(contract);
  state.energyShareHeld += shareOf(contract);
}

/** The contract is given up. */
export function admitRelease(contract: Partition): void {
  state.memoryHeld -= contract.memory;
  state.cpuHeld -= cpuOf(contract);
  state.energyRateHeld -= rateOf(contract);
  state.energyShareHeld -= shareOf(contract);
}

/** The partition that the answer is about. */
export function answerFor(id: u32): void {
  store<u32>(ANSWER_PARTITION, id);
}
