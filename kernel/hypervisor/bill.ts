// Host time: what the host's threads work for a partition beside its slices is the partition's to pay.
//
// The idea. In real time whatever a partition causes ends as a bill: nanoseconds of a thread's processor time. They are taken from what pays
// for the partition's slices and, as energy, from its reserve, at the pace of interpreted code. A bill comes after the work: what it takes beyond a
// budget or a reserve is debt, and the partition neither runs nor is worked for before it has paid. What nobody caused is the handset's own account,
// so that everything that the threads did is somewhere.

import { CEILING_NONE, CHARGE_INSTRUCTION, CLASS_GUARANTEED, NO_PARTITION } from "../abi/hypervisor";
import { STATE_PAUSED, STATE_RUNNING } from "../abi/reasons";
import { budgetActivate, budgetTime } from "./budget";
import { clockRead } from "./clock";
import { energyBill, energyCost, energyWait } from "./energy";
import { place } from "./place";
import { Partition, capOf, partitionAt, serverOf } from "./record";
import { pay } from "./pay";
import { state } from "./state";

/** Instructions in a microsecond by which a thread's time is worth energy. */
const PACE: u64 = 300;

/** Books `time` nanoseconds of host work to partition `id`, or, for NO_PARTITION, to the handset. Nothing in virtual time: the host's work
 *  takes none. */
export function bill(id: u32, time: u64): void {
  if (state.virtual || time == 0) return;
  state.booked += time;
  if (id == NO_PARTITION) {
    state.handset += time;
    return;
  }
  const partition = partitionAt(id);
  clockRead();
  billEnergy(partition, time);
  partition.serviceTime += time;
  if (partition.state != STATE_RUNNING && partition.state != STATE_PAUSED) return;
  const guaranteed = partition.class == CLASS_GUARANTEED;
  if (partition.sleeping) {
    // As one that wakes: a refill from before would come back before its time.
    if (guaranteed) budgetActivate(serverOf(partition), state.now);
    if (partition.ceiling != CEILING_NONE && partition.ceiling) budgetActivate(capOf(partition), state.now);
  }
  const fair = !guaranteed || (partition.weight != 0 && budgetTime(serverOf(partition)) > state.now);
  if (fair && <i64>(partition.fairTime - state.fairClock) < 0) partition.fairTime = state.fairClock;
  pay(partition, time, fair);
  place(id);
}

/** What a thread's time is worth in energy. */
export function billEnergy(partition: Partition, time: u64): void {
  energyBill(partition, ((time * PACE) / 1000) * energyCost(CHARGE_INSTRUCTION));
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
