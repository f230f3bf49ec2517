// The life of a partition: defined → admitted → running ⇄ paused → stopped | failed, or locked. Every step is in the audit ring.

import {
  AUDIT_BUDGET,
  AUDIT_REFUSED,
  AUDIT_STATE,
  ANSWER_WANTED,
  CEILING_NONE,
  CHARGE_BUCKETS,
  CLASS_GUARANTEED,
  BUCKET_BYTES,
  DEFINITION,
  EVENT_BUDGET,
  EVENT_STATE,
  NO_PARTITION,
  PARTITION_BUCKETS,
  PARTITION_BYTES,
  PARTITION_MAX,
} from "../abi/hypervisor";
import {
  ADMIT_TOO_MANY,
  DONE,
  REFUSE_STATE,
  REFUSE_UNKNOWN,
  STATE_ADMITTED,
  STATE_DEFINED,
  STATE_FAILED,
  STATE_LOCKED,
  STATE_NONE,
  STATE_PAUSED,
  STATE_RUNNING,
  STATE_STOPPED,
} from "../abi/reasons";
import { admit, admitHold, admitRelease, admitShape, answer, answerFor } from "./admit";
import { auditPut } from "./audit";
import { auditOwn, auditTell } from "./audit-share";
import { bucketReset } from "./bucket";
import { budgetChange, budgetReset } from "./budget";
import { energyFill, energyOwe, energyRelease, potReturn } from "./energy";
import { eventPut } from "./event";
import { place } from "./place";
import { retryForget, retrySoon } from "./retry";
import {
  Partition,
  RECORD_BUCKET_RATES,
  RECORD_DEFINITION_BYTES,
  capOf,
  partitionAt,
  partitionExists,
  serverOf,
} from "./record";
import { state } from "./state";

const MICROSECOND: u64 = 1000;
/** Instructions in a millisecond, before anything was measured. In virtual time this is what they are. */
export const SPEED_VIRTUAL: u32 = 100_000;

/** No partition exists. */
export function partitionsReset(): void {
  for (let id: u32 = 0; id < PARTITION_MAX; id++) partitionAt(id).state = STATE_NONE;
}

function refused(id: u32, reason: u32): u32 {
  answerFor(id);
  auditPut(AUDIT_REFUSED, id, reason, load<u64>(ANSWER_WANTED));
  return reason;
}

function badState(partition: Partition): u32 {
  return answer(REFUSE_STATE, <u64>partition.state, 0, 0);
}

/** Gives the partition a state, and says so: it was put there, or its life ends. */
export function partitionPut(id: u32, to: u32, reason: u32): void {
  auditTell(id);
  partitionPutOwn(id, to, reason);
}

/** The same for a state that the partition comes into of itself. */
export function partitionPutOwn(id: u32, to: u32, reason: u32): void {
  const partition = partitionAt(id);
  partition.state = to;
  partition.reason = reason;
  // Its machine is gone, and with it what it had asked for.
  if (to != STATE_RUNNING && to != STATE_PAUSED) retryForget(id);
  auditOwn(AUDIT_STATE, id, reason, <u64>to);
  eventPut(EVENT_STATE, id, reason, <u64>to);
  place(id);
}

/** Makes a partition of the definition block: its id, or -(reason). */
export function partitionDefine(): i32 {
  let reason = admitShape(changetype<Partition>(DEFINITION));
  if (reason != DONE) return -(<i32>refused(NO_PARTITION, reason));
  for (let id: u32 = 0; id < PARTITION_MAX; id++) {
    const partition = partitionAt(id);
    if (partition.state != STATE_NONE) continue;
    const queued = partition.wantQueued;
    memory.fill(changetype<usize>(partition), 0, PARTITION_BYTES);
    partition.wantQueued = queued;
    partition.speed = SPEED_VIRTUAL;
    take(partition, true);
    state.partitionCount++;
    partitionPut(id, STATE_DEFINED, DONE);
    return id;
  }
  reason = answer(ADMIT_TOO_MANY, <u64>PARTITION_MAX + 1, <u64>PARTITION_MAX, <u64>PARTITION_MAX);
  return -(<i32>refused(NO_PARTITION, reason));
}

/** Takes the definition block over as the partition's contract. */
function take(partition: Partition, fresh: bool): void {
  const at = changetype<usize>(partition);
  const now = state.now;
  const hadServer = !fresh && partition.class == CLASS_GUARANTEED;
  const hadCap = !fresh && partition.ceiling != CEILING_NONE && partition.ceiling != 0;
  memory.copy(at, DEFINITION, RECORD_DEFINITION_BYTES);
  const period = <u64>partition.period * MICROSECOND;
  if (partition.class == CLASS_GUARANTEED) {
    const amount = <u64>partition.budget * MICROSECOND;
    if (hadServer) budgetChange(serverOf(partition), amount, period, now);
    else budgetReset(serverOf(partition), amount, period, now);
  }
  if (partition.ceiling != CEILING_NONE && partition.ceiling != 0) {
    const amount = <u64>partition.ceiling * MICROSECOND;
    if (hadCap) budgetChange(capOf(partition), amount, period, now);
    else budgetReset(capOf(partition), amount, period, now);
  }
  for (let kind: u32 = 0; kind < CHARGE_BUCKETS; kind++) {
    bucketReset(at + PARTITION_BUCKETS + kind * BUCKET_BYTES, at + RECORD_BUCKET_RATES + (kind << 3), now);
  }
}

/** Reserves what the contract asks for. */
export function partitionAdmit(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (partition.held || partition.state == STATE_LOCKED) return refused(id, badState(partition));
  const reason = admit(partition, 0);
  if (reason != DONE) return refused(id, reason);
  admitHold(partition);
  partition.held = 1;
  partition.energyFilled = state.now;
  partitionPut(id, STATE_ADMITTED, DONE);
  return DONE;
}

/** A new machine is in the table: the partition runs from now on. Of an admitted partition, or of a failed one whose restart is due. */
export function partitionStart(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (!partition.held || partition.state == STATE_RUNNING || partition.state == STATE_PAUSED) {
    return refused(id, badState(partition));
  }
  // Before that moment, and of one that was admitted, it is somebody's order.
  const due = partition.state == STATE_FAILED && !partition.restartAt;
  partition.want = 0;
  partition.sleeping = 0;
  partition.wokenAt = 0;
  partition.restartAt = 0;
  partition.origin = state.now;
  partition.machineUnits = 0;
  partition.startedAt = state.now;
  partition.progressAt = partition.cpuTime;
  if (due) partitionPutOwn(id, STATE_RUNNING, DONE);
  else partitionPut(id, STATE_RUNNING, DONE);
  return DONE;
}

/** The partition runs no more until partitionResume(). Its time goes on. */
export function partitionPause(id: u32, reason: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (partition.state != STATE_RUNNING) return refused(id, badState(partition));
  partitionPut(id, STATE_PAUSED, reason);
  return DONE;
}

export function partitionResume(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (partition.state != STATE_PAUSED) return refused(id, badState(partition));
  partitionPut(id, STATE_RUNNING, DONE);
  return DONE;
}

/** The partition gives back what it held: the end of a life, in `to`, one of STATE_STOPPED, STATE_FAILED and STATE_LOCKED. */
export function partitionEnd(id: u32, to: u32, reason: u32): void {
  const partition = partitionAt(id);
  if (partition.held) {
    potReturn(partition);
    energyRelease(partition);
    admitRelease(partition);
    partition.held = 0;
  }
  partition.restartAt = 0;
  partitionPut(id, to, reason);
}

/** Stops it for `reason`. Its memory may be dropped after this. */
export function partitionStop(id: u32, reason: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (partition.state == STATE_LOCKED) return refused(id, badState(partition));
  partition.want = 0;
  partitionEnd(id, STATE_STOPPED, reason);
  return DONE;
}

/** Stops it, and it is not admitted before partitionUnlock(). */
export function partitionLock(id: u32, reason: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  partitionAt(id).want = 0;
  partitionEnd(id, STATE_LOCKED, reason);
  return DONE;
}

export function partitionUnlock(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  if (partitionAt(id).state != STATE_LOCKED) return refused(id, badState(partitionAt(id)));
  partitionPut(id, STATE_STOPPED, DONE);
  return DONE;
}

/** Forgets a partition that does not run; its id may be given to another. The caller has taken its channels away. */
export function partitionRemove(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  if (partition.state == STATE_RUNNING || partition.state == STATE_PAUSED) return refused(id, badState(partition));
  partition.want = 0;
  partitionEnd(id, STATE_NONE, DONE);
  state.partitionCount--;
  return DONE;
}

/** The definition block replaces the contract of a partition, running or not. Memory of an admitted one cannot change. */
export function partitionBudget(id: u32): u32 {
  if (!partitionExists(id)) return refused(id, answer(REFUSE_UNKNOWN, 0, 0, 0));
  const partition = partitionAt(id);
  const contract = changetype<Partition>(DEFINITION);
  let reason = admitShape(contract);
  if (reason == DONE && partition.held) reason = admit(contract, changetype<usize>(partition));
  if (reason != DONE) return refused(id, reason);
  if (partition.held) {
    energyFill(partition);
    admitRelease(partition);
    admitHold(contract);
  }
  const left = partition.energyLevel;
  energyRelease(partition);
  take(partition, false);
  // The reserve keeps what fits into the new one.
  if (partition.energyContract) {
    partition.energyLevel = min<u64>(left, partition.energyCapacity);
    state.board -= partition.energyLevel;
  }
  energyOwe(partition, 0);
  auditPut(AUDIT_BUDGET, id, partition.class, (<u64>partition.budget) | ((<u64>partition.period) << 32));
  eventPut(EVENT_BUDGET, id, DONE, <u64>partition.budget);
  retrySoon(id);
  place(id);
  return DONE;
}
