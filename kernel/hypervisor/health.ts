// What is done about a failure: a table of actions by failure and level, in each partition's contract.
//
// The level is the partition's own as long as its restarts in a row are fewer than it is allowed; after that the failure is the
// handset's concern, and the second row of the table holds. Each restart waits twice as long as the one before. Having run for as
// long as the longest wait ends the row.

import { AUDIT_FAULT, EVENT_FAULT, EVENT_RESTART } from "../abi/hypervisor";
import {
  ACTION_IGNORE,
  ACTION_LOG,
  ACTION_PAUSE,
  ACTION_RESTART,
  ACTION_STOP,
  FAIL_COUNT,
  FAIL_FIRST,
  FAIL_HOST,
  LEVEL_HANDSET,
  LEVEL_PARTITION,
  STATE_FAILED,
  STATE_PAUSED,
  STATE_RUNNING,
} from "../abi/reasons";
import { auditFailure, auditOwn, auditTell } from "./audit-share";
import { eventPut } from "./event";
import { partitionEnd, partitionPut, partitionPutOwn } from "./partition";
import { RECORD_ACTIONS, partitionAt } from "./record";
import { state } from "./state";

const MILLISECOND: u64 = 1_000_000;
const DOUBLINGS_MAX: u32 = 20;

/** Partition `id`, which is held, failed for `reason` (FAIL_*): returns the ACTION_* that was taken. */
export function health(id: u32, reason: u32): u32 {
  const partition = partitionAt(id);
  const row = reason - FAIL_FIRST < FAIL_COUNT ? reason - FAIL_FIRST : FAIL_HOST - FAIL_FIRST;
  if (state.now - partition.startedAt >= <u64>partition.backoffMax * MILLISECOND) partition.restartStreak = 0;
  const level = partition.restartStreak < partition.restartMax ? LEVEL_PARTITION : LEVEL_HANDSET;
  let action = <u32>load<u8>(changetype<usize>(partition) + RECORD_ACTIONS + level * FAIL_COUNT + row);
  // Without a machine there is nothing to pause, and nothing to run on.
  const lives = partition.state == STATE_RUNNING || partition.state == STATE_PAUSED;
  if (!lives && action != ACTION_RESTART) action = ACTION_STOP;
  // What goes on by itself can come again and again; what ends does not.
  if (action == ACTION_RESTART || action == ACTION_LOG) auditFailure(id);
  else if (action != ACTION_IGNORE) auditTell(id);
  if (action != ACTION_IGNORE) auditOwn(AUDIT_FAULT, id, reason, <u64>action);
  eventPut(EVENT_FAULT, id, reason, <u64>action);
  switch (action) {
    case ACTION_RESTART: {
      const doublings = min<u32>(partition.restartStreak, DOUBLINGS_MAX);
      const wait = min<u64>((<u64>partition.backoffFirst) << doublings, <u64>partition.backoffMax) * MILLISECOND;
      partition.restartStreak++;
      partition.restarts++;
      partition.restartAt = state.now + wait;
      eventPut(EVENT_RESTART, id, reason, wait);
      partition.want = 0;
      partitionPutOwn(id, STATE_FAILED, reason);
      break;
    }
    case ACTION_PAUSE:
      partitionPut(id, STATE_PAUSED, reason);
      break;
    case ACTION_STOP:
      partition.want = 0;
      partitionEnd(id, STATE_FAILED, reason);
      break;
    default:
      partition.progressAt = partition.cpuTime;
      break;
  }
  return action;
}
