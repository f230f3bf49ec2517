// The hypervisor's exports: everything that the host can do. Each answers at once; only step() runs guests. 64-bit inputs are f64 or pairs
// of u32, 64-bit answers lie in memory: kernel/abi/hypervisor.

import {
  ANSWER,
  ANSWER_RETRY,
  AUDIT_HOST,
  BOARD_ABI_VERSION,
  BOARD_MODE,
  BOARD_RAM,
  BOARD_RESERVE,
  BUCKET_BYTES,
  CHARGE_BLOCK_BYTE,
  CHARGE_BLOCK_OPERATION,
  CHARGE_BUCKETS,
  CHARGE_INSTRUCTION,
  CHARGE_KINDS,
  CLOCK_VIRTUAL,
  HYPERVISOR_ABI_VERSION,
  HYPERVISOR_PAGES,
  HYPERVISOR_STATIC_BASE,
  HYPERVISOR_STATIC_END,
  NO_PARTITION,
  PARTITION_BUCKETS,
  PARTITION_MAX,
} from "../abi/hypervisor";
import {
  DONE,
  LIMIT_BAD_KIND,
  LIMIT_CAPACITY,
  LIMIT_ENERGY,
  LIMIT_RATE,
  REFUSE_ABI_MISMATCH,
  REFUSE_BAD_BOARD,
  REFUSE_STATE,
  REFUSE_UNKNOWN,
  STATE_PAUSED,
  STATE_RUNNING,
} from "../abi/reasons";
import { agreed } from "./agreement";
import { auditBegin, auditPut } from "./audit";
import { bill as book, paidAt as paid } from "./bill";
import { bucketTake, bucketWait } from "./bucket";
import { channelRevokeAll } from "./channel";
import { clockMark, clockRead } from "./clock";
import {
  energyCost,
  energyDrained,
  energyFill,
  energyGive,
  energyHas,
  energyOwe,
  energySpend,
  potPay,
  potReturn,
  potSpend,
} from "./energy";
import { flowTime } from "./flow";
import { health } from "./health";
import { heapsReset } from "./heap";
import { partitionRemove as remove, partitionsReset } from "./partition";
import { place, wantTake } from "./place";
import { Partition, RECORD_BUCKET_RATES, accountOf, partitionAt, partitionExists } from "./record";
import { retryPut, retrySoon, retryTake } from "./retry";
import { scheduleFaulted, scheduleServiced, scheduleServing, scheduleStep, scheduleWake } from "./schedule";
import { NEVER, state } from "./state";
import { workBegin as begin, workEnd as end } from "./work";

export {
  partitionAdmit,
  partitionBudget,
  partitionDefine,
  partitionLock,
  partitionPause,
  partitionResume,
  partitionStart,
  partitionStop,
  partitionUnlock,
} from "./partition";
export { channelGrant, channelReceive, channelRevoke, channelSend, channelTaken } from "./channel";

/** Reads the board block and forgets everything else. DONE or REFUSE_*. */
export function hypervisorInit(): u32 {
  agreed();
  if (load<u32>(BOARD_ABI_VERSION) != HYPERVISOR_ABI_VERSION) return REFUSE_ABI_MISMATCH;
  if (<u32>memory.size() < HYPERVISOR_PAGES || load<u32>(BOARD_MODE) > CLOCK_VIRTUAL) return REFUSE_BAD_BOARD;
  if (load<u64>(BOARD_RESERVE) > load<u64>(BOARD_RAM)) return REFUSE_BAD_BOARD;
  memory.fill(ANSWER, 0, HYPERVISOR_STATIC_BASE - ANSWER);
  memory.fill(HYPERVISOR_STATIC_END, 0, HYPERVISOR_PAGES * 0x10000 - HYPERVISOR_STATIC_END);
  state.current = NO_PARTITION;
  state.turn = NO_PARTITION;
  state.working = NO_PARTITION;
  state.virtual = load<u32>(BOARD_MODE) == CLOCK_VIRTUAL ? 1 : 0;
  partitionsReset();
  heapsReset();
  clockRead();
  auditBegin();
  return DONE;
}

/** Runs partitions until `until` (ns) has come, or all sleep, or one wants the host. Returns the moment (ns) at which it must be called
 *  again at the latest: not after hypervisorNow() when there is work, -1 when only an input can make some. A trap of a machine comes out
 *  as an exception: call faulted(), and go on. */
export function step(until: f64): f64 {
  const due = scheduleStep(until > 0 ? <u64>until : 0);
  return due == NEVER ? -1 : <f64>due;
}

/** The hypervisor's time in nanoseconds. */
export function hypervisorNow(): f64 {
  clockRead();
  return <f64>state.now;
}

/** The partition inside run(), or NO_PARTITION. */
export function current(): u32 {
  return state.current;
}

/** The next partition that wants the host: id | want << 16 (RUN_*, WANT_RESTART), or -1. It does not run until serviced(). */
export function wants(): i32 {
  scheduleServing();
  return wantTake();
}

/** What partition `id` wanted is done, as far as it could be. */
export function serviced(id: u32): void {
  if (partitionExists(id)) scheduleServiced(id);
}

/** Whether the host may work for partition `id` now, which it was not asked for: 1, and workEnd() follows; 0, and it leaves it for
 *  another time. */
export function workBegin(id: u32): u32 {
  return partitionExists(id) && begin(id) ? 1 : 0;
}

/** That work is done; the partition's budget pays for its time, which is returned (ns). */
export function workEnd(id: u32): f64 {
  return partitionExists(id) ? <f64>end(id) : 0;
}

/** Host work of `time` ns that partition `id` caused: it pays, with its budgets and its reserve. NO_PARTITION: the handset itself did. */
export function bill(id: u32, time: f64): void {
  // A thousand seconds in one piece is no measurement.
  if (time > 0 && (id == NO_PARTITION || partitionExists(id))) book(id, <u64>min<f64>(time, 1e12));
}

/** When partition `id` has paid for what was done for it (ns); 0: it has. */
export function paidAt(id: u32): f64 {
  const moment = partitionExists(id) ? paid(id) : 0;
  return moment == NEVER ? f64.MAX_VALUE : <f64>moment;
}

/** A round of the host's loop begins: thread and wall clock are looked at together. */
export function mark(): void {
  clockMark();
}

/** An input has come for partition `id`. */
export function wake(id: u32): void {
  if (partitionExists(id)) scheduleWake(id);
}

/** The host saw a sign of life: output, an operation. It begins the watch for progress afresh. */
export function progress(id: u32): void {
  if (partitionExists(id)) partitionAt(id).progressAt = partitionAt(id).cpuTime;
}

/** After a trap that unwound through step(): FAIL_TRAP, FAIL_HANG. Returns the partition, or -1 when none was inside run(). */
export function faulted(reason: u32): i32 {
  return scheduleFaulted(reason);
}

/** Partition `id` failed for FAIL_* `reason`: the ACTION_* taken, or -(reason) when it does not live. */
export function partitionFail(id: u32, reason: u32): i32 {
  if (!partitionExists(id)) return -(<i32>REFUSE_UNKNOWN);
  const partition = partitionAt(id);
  // A machine that cannot be made fails while its restart is due.
  if (!partition.held) return -(<i32>REFUSE_STATE);
  clockRead();
  const action = health(id, reason);
  place(id);
  return action;
}

/** Forgets partition `id` and its channels. */
export function partitionRemove(id: u32): u32 {
  if (partitionExists(id) && partitionAt(id).state != STATE_RUNNING && partitionAt(id).state != STATE_PAUSED) {
    channelRevokeAll(id);
  }
  return remove(id);
}

/** Partition `id` wants to pass `amount` units of CHARGE_* `kind` (operations, bytes) through a device. DONE: they are charged. Else
 *  nothing is: LIMIT_RATE and LIMIT_ENERGY may be asked for again at ANSWER_RETRY, when retries() will name the partition;
 *  LIMIT_CAPACITY never. */
export function charge(id: u32, kind: u32, amount: u32): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  if (kind >= CHARGE_KINDS || kind == CHARGE_INSTRUCTION) return LIMIT_BAD_KIND;
  clockRead();
  store<u64>(ANSWER_RETRY, NEVER);
  const cost = <u64>amount * energyCost(kind);
  const reason = affordable(id, cost);
  if (reason != DONE) return reason;
  if (kind < CHARGE_BUCKETS) {
    const retry = wait(id, kind, amount);
    if (retry) return refused(id, LIMIT_RATE, retry);
    take(id, kind, amount);
  }
  energySpend(partitionAt(id), cost);
  return DONE;
}

/** Partition `id` wants to begin a block request of `bytes` bytes of data: one operation and its bytes, both or neither. Answers as
 *  charge(). */
export function chargeBlock(id: u32, bytes: u32): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  clockRead();
  store<u64>(ANSWER_RETRY, NEVER);
  const cost = energyCost(CHARGE_BLOCK_OPERATION) + <u64>bytes * energyCost(CHARGE_BLOCK_BYTE);
  const reason = affordable(id, cost);
  if (reason != DONE) return reason;
  const forOperation = wait(id, CHARGE_BLOCK_OPERATION, 1);
  const forBytes = wait(id, CHARGE_BLOCK_BYTE, bytes);
  const retry = max<u64>(forOperation, forBytes);
  if (retry) return refused(id, LIMIT_RATE, retry);
  take(id, CHARGE_BLOCK_OPERATION, 1);
  take(id, CHARGE_BLOCK_BYTE, bytes);
  energySpend(partitionAt(id), cost);
  return DONE;
}

/** Whether the reserve of `id` holds `cost` now: DONE, or why not. */
function affordable(id: u32, cost: u64): u32 {
  const partition = partitionAt(id);
  energyFill(partition);
  if (energyHas(partition, cost)) return DONE;
  if (cost > partition.energyCapacity) return LIMIT_CAPACITY;
  const remainder = changetype<usize>(partition) + offsetof<Partition>("energyRemainder");
  const time = flowTime(
    partition.energyRate,
    cost + accountOf(partition).energyDebt - partition.energyLevel,
    1000,
    remainder,
  );
  return refused(id, LIMIT_ENERGY, time == NEVER ? NEVER : state.now + time);
}

/** When `amount` may pass the bucket of `kind`: 0 = now. */
function wait(id: u32, kind: u32, amount: u32): u64 {
  const at = changetype<usize>(partitionAt(id));
  const limit = at + RECORD_BUCKET_RATES + (kind << 3);
  return bucketWait(at + PARTITION_BUCKETS + kind * BUCKET_BYTES, limit, amount, state.now);
}

function take(id: u32, kind: u32, amount: u32): void {
  const at = changetype<usize>(partitionAt(id));
  bucketTake(at + PARTITION_BUCKETS + kind * BUCKET_BYTES, at + RECORD_BUCKET_RATES + (kind << 3), amount);
}

function refused(id: u32, reason: u32, retry: u64): u32 {
  store<u64>(ANSWER_RETRY, retry);
  // Who has ended has given its reserve up: it would be refused for ever, each time for a moment.
  if (partitionAt(id).held) retryPut(id, retry);
  return reason;
}

/** The next partition to which something was refused that may be asked for again now, or -1. step() does nothing before all have
 *  been taken. */
export function retries(): i32 {
  clockRead();
  return retryTake();
}

/** The battery gave low | high << 32 picojoules beyond what taps draw: those with a share get theirs, the board the rest. */
export function drained(low: u32, high: u32): void {
  clockRead();
  energyDrained((<u64>low) | ((<u64>high) << 32));
  for (let id: u32 = 0; id < PARTITION_MAX; id++) {
    if (!partitionExists(id) || !partitionAt(id).held) continue;
    if (partitionAt(id).exhausted) place(id);
    retrySoon(id);
  }
}

/** Fills the reserve of `id` by low | high << 32 picojoules from the battery, as far as it has room: at a first start, or as a favour. */
export function energyTopUp(id: u32, low: u32, high: u32): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  if (!partitionAt(id).held) return REFUSE_STATE;
  clockRead();
  energyGive(partitionAt(id), (<u64>low) | ((<u64>high) << 32));
  retrySoon(id);
  place(id);
  return DONE;
}

/** Lays aside at most low | high << 32 picojoules of the reserve of `id`: PARTITION_ENERGY_POT says how much there is then. */
export function energyLayAside(id: u32, low: u32, high: u32): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  if (!partitionAt(id).held) return REFUSE_STATE;
  clockRead();
  potPay(partitionAt(id), (<u64>low) | ((<u64>high) << 32));
  return DONE;
}

/** Spends low | high << 32 picojoules for `id`, at most, of what it has laid aside; with `owe`, the rest from its reserve, and what that does not
 *  hold is its debt. */
export function energyPay(id: u32, low: u32, high: u32, owe: bool): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  clockRead();
  const partition = partitionAt(id);
  const cost = (<u64>low) | ((<u64>high) << 32);
  const before = accountOf(partition).energyPot;
  potSpend(partition, cost);
  if (!owe) return DONE;
  energyFill(partition);
  energyOwe(partition, cost - (before - accountOf(partition).energyPot));
  place(id);
  return DONE;
}

/** What `id` has laid aside goes back into its reserve. */
export function energyTakeBack(id: u32): u32 {
  if (!partitionExists(id)) return REFUSE_UNKNOWN;
  clockRead();
  potReturn(partitionAt(id));
  retrySoon(id);
  if (partitionAt(id).held) place(id);
  return DONE;
}

/** Brings the record of `id` up to now: reserve and spells of throttling. For who reads it. */
export function partitionRefresh(id: u32): void {
  if (!partitionExists(id)) return;
  clockRead();
  energyFill(partitionAt(id));
}

/** A record of the host's own in the audit ring: a command, with its reason and a value. */
export function auditNote(id: u32, reason: u32, low: u32, high: u32): void {
  clockRead();
  auditPut(AUDIT_HOST, id, reason, (<u64>low) | ((<u64>high) << 32));
}
