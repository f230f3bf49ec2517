// Host time: what the host's threads work for a partition beside its slices is the partition's to pay.
//
// The idea. In real time whatever a partition causes ends as a bill: nanoseconds of a thread's processor time. They are taken from what pays
// for the partition's slices and, as energy, from its reserve, as much as if it had run. A bill comes after the work: what it takes beyond a
// budget or a reserve is debt, and the partition neither runs nor is worked for before it has paid. What nobody caused is the handset's own account,
// so that everything that the threads did is somewhere.

import { CEILING_NONE, CLASS_GUARANTEED, NO_PARTITION } from "../abi/hypervisor";
import { budgetActivate, budgetTime } from "./budget";
import { clockRead } from "./clock";
import { energyOfTime, energyOwe, energyWait } from "./energy";
import { place } from "./place";
import { Partition, capOf, partitionAt, serverOf } from "./record";
import { pay } from "./pay";
import { state } from "./state";

/** Units in a millisecond of the handset's own work: those of virtual time. */
const SPEED_HANDSET: u32 = 100_000;

/** Books `time` nanoseconds of host work to partition `id`, or, for NO_PARTITION, to the handset. Nothing in virtual time: the host's work
 *  takes none. */
export function bill(id: u32, time: u64): void {
  if (state.virtual || time == 0) return;
  state.booked += time;
  clockRead();
  if (id == NO_PARTITION) {
    const cost = energyOfTime(SPEED_HANDSET, time);
    state.handsetTime += time;
    state.handsetEnergy += cost;
    state.drained += cost;
    state.spent += cost;
    return;
  }
  const partition = partitionAt(id);
  const guaranteed = partition.class == CLASS_GUARANTEED;
  if (partition.sleeping) {
    // As one that wakes: a refill from before would come back before its time.
    if (guaranteed) budgetActivate(serverOf(partition), state.now);
    if (partition.ceiling != CEILING_NONE && partition.ceiling) budgetActivate(capOf(partition), state.now);
  }
  billTo(partition, time, !guaranteed || (partition.weight != 0 && budgetTime(serverOf(partition)) > state.now));
  if (partition.held) place(id);
}

/** The partition's budget pays for `time` ns of host work (the weight if `fair`), and its reserve. */
export function billTo(partition: Partition, time: u64, fair: bool): void {
  partition.serviceTime += time;
  if (!partition.held) return;
  energyOwe(partition, energyOfTime(partition.speed, time));
  // One that was away is not owed the time that it did not ask for: see place.
  if (<i64>(partition.fairTime - state.fairClock) < 0) partition.fairTime = state.fairClock;
  pay(partition, time, fair);
}

/** When partition `id` has paid for what was done for it: 0, or a moment in the future. */
export function paidAt(id: u32): u64 {
  if (state.virtual) return 0;
  const partition = partitionAt(id);
  clockRead();
  let moment = energyWait(partition);
  if (partition.ceiling != CEILING_NONE && partition.ceiling) moment = max<u64>(moment, budgetTime(capOf(partition)));
  if (partition.class == CLASS_GUARANTEED && !partition.weight)
    moment = max<u64>(moment, budgetTime(serverOf(partition)));
  return moment > state.now ? moment : 0;
}
