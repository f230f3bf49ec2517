// Work that the host does for one partition and nobody asked for by a want: compiling what its machine translated.
//
// The idea. It is CPU time of that partition, taken in one piece. So it is done only when the partition itself could be given the
// processor: it runs, its budgets and its reserve are not spent, it is not a turn ahead of those with whom it shares by weight, and no
// other partition with a guaranteed budget is ready. When it is done, it is taken from what pays for the partition's slices; what a piece takes beyond the budget is debt, as with a slice.
//
// A partition that sleeps may be worked for. It then spends a budget that counts from this moment, as that of one that wakes does:
// a refill from before would come back before its time.

import { CEILING_NONE, CLASS_GUARANTEED, NO_PARTITION } from "../abi/hypervisor";
import { STATE_RUNNING } from "../abi/reasons";
import { billTo } from "./bill";
import { budgetActivate, budgetTime } from "./budget";
import { clockRead, ownTime } from "./clock";
import { energyWait } from "./energy";
import { HEAP_ALARM, HEAP_DEADLINE, heapEmpty, heapFirst, heapFirstKey } from "./heap";
import { place } from "./place";
import { capOf, partitionAt, serverOf } from "./record";
import { scheduleAhead } from "./schedule";
import { state } from "./state";

/** Whether the host may work for partition `id` now. Its clock runs from here to workEnd(). In virtual time the work is free, and may
 *  always be done. */
export function workBegin(id: u32): bool {
  const partition = partitionAt(id);
  if (partition.state != STATE_RUNNING) return false;
  if (state.virtual) return true;
  clockRead();
  if (partition.ceiling == 0 || energyWait(partition)) return false;
  const guaranteed = partition.class == CLASS_GUARANTEED;
  if (partition.sleeping) {
    if (guaranteed) budgetActivate(serverOf(partition), state.now);
    if (partition.ceiling != CEILING_NONE) budgetActivate(capOf(partition), state.now);
  }
  if (partition.ceiling != CEILING_NONE && budgetTime(capOf(partition)) > state.now) return false;
  const fair = !guaranteed || budgetTime(serverOf(partition)) > state.now;
  if (fair && (!partition.weight || scheduleAhead(partition))) return false;
  // Neither one that is ready nor one whose moment has come waits for this.
  if (!heapEmpty(HEAP_DEADLINE) && heapFirst(HEAP_DEADLINE) != id) return false;
  if (heapFirstKey(HEAP_ALARM) <= state.now) return false;
  state.working = id;
  state.workFair = fair ? 1 : 0;
  state.workSince = state.now;
  return true;
}

/** The work that workBegin() allowed is done: charges its time. Nanoseconds; 0 in virtual time. */
export function workEnd(id: u32): u64 {
  if (state.virtual || state.working != id) return 0;
  state.working = NO_PARTITION;
  clockRead();
  const partition = partitionAt(id);
  const time = ownTime(state.workSince);
  state.booked += time;
  billTo(partition, time, state.workFair != 0);
  place(id);
  return time;
}
