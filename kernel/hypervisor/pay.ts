// What pays for time that a partition has had.

import { CEILING_NONE } from "../abi/hypervisor";
import { budgetCharge, budgetLeft } from "./budget";
import { Partition, capOf, serverOf } from "./record";

/** Virtual time of the best-effort class has so many bits behind the point. */
export const FAIR_SHIFT: u64 = 16;

/** Takes CPU time from what pays for it: the weight if `fair`, else the budget; and the ceiling. */
export function pay(partition: Partition, time: u64, fair: bool): void {
  if (fair) {
    partition.fairTime += (time << FAIR_SHIFT) / <u64>max<u32>(partition.weight, 1);
  } else {
    const left = budgetLeft(serverOf(partition));
    partition.debt = time > left ? time - left : 0;
    partition.overrunMax = max<u64>(partition.overrunMax, partition.debt);
    budgetCharge(serverOf(partition), time);
  }
  if (partition.ceiling != CEILING_NONE && partition.ceiling) budgetCharge(capOf(partition), time);
}
