// Who pays for a round of the handset worker's loop. The hypervisor books slices, and what it was told of; the rest of what this thread had the
// processor for in a round belongs to the partitions that made the host do something in it, in equal parts; when nobody did, to those that ran in
// it, because it was for them. A round in which nobody ran is the handset's own. So nothing that a partition can cause is free, however small each piece is: a partition that leaves its machine forty
// thousand times a second pays for forty thousand rounds.

import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";

const CPU = 0;
const BOOKED = 1;
/** At most this much is carried into the next round. */
const EVEN_OUT_NS = 1_000_000;

export class RoundBill {
  private readonly hypervisor: Pick<Hypervisor, "mark" | "bill" | "bookedNs">;
  private readonly cpu: () => number;
  private readonly causes = new Set<number>();
  private readonly runners = new Set<number>();
  /** The thread's time and the books at the end of the last round. A typed array, because V8 optimises a function that reads numbers from an
   *  object's fields anew each time when a whole number is among them: on other threads, for ever, and at nobody's expense. */
  private readonly last = new Float64Array(2);

  /** `cpu` is this thread's processor time in nanoseconds. */
  constructor(hypervisor: Pick<Hypervisor, "mark" | "bill" | "bookedNs">, cpu: () => number) {
    this.hypervisor = hypervisor;
    this.cpu = cpu;
    this.last[CPU] = cpu();
    this.last[BOOKED] = hypervisor.bookedNs;
  }

  /** A round begins. What it took to get here, waking up, belongs to it. */
  begin(): void {
    this.causes.clear();
    this.runners.clear();
    this.hypervisor.mark();
  }

  /** A partition made the host do something in this round. */
  causedBy(partition: number): void {
    if (partition !== NO_PARTITION) this.causes.add(partition);
  }

  /** A partition ran in this round. */
  ranIn(partition: number): void {
    this.runners.add(partition);
  }

  /** Another thread has worked for a partition: that is its to pay, and none of this thread's time. */
  elsewhere(partition: number, nanoseconds: number): void {
    this.hypervisor.bill(partition, nanoseconds);
    this.last[BOOKED]! += nanoseconds;
  }

  /** The round is over: books what nobody has booked. */
  end(): void {
    const { hypervisor, last } = this;
    const causes = this.causes.size > 0 ? this.causes : this.runners;
    const cpuNs = this.cpu();
    const rest = cpuNs - last[CPU]! - (hypervisor.bookedNs - last[BOOKED]!);
    last[CPU] = cpuNs;
    if (rest > 0) {
      for (const partition of causes) hypervisor.bill(partition, rest / causes.size);
      if (causes.size === 0) hypervisor.bill(NO_PARTITION, rest);
    }
    // What was booked beyond the thread's time, because the host took some of it away, evens out with the next rounds.
    last[BOOKED] = hypervisor.bookedNs + Math.max(Math.min(rest, 0), -EVEN_OUT_NS);
  }
}
