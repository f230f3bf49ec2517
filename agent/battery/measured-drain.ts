// What a measured battery lost, in picojoules, and how much of it the hypervisor does not know of yet.

/** A longer silence between two readings is no measurement: the computer slept, or the driver did. */
const GAP_NS = 10e9;

export class MeasuredDrain {
  private before: { atNs: number; milliwatts: number } | null = null;
  /** Picojoules since the first reading. */
  private lost = 0;
  private base: number | null = null;

  /** A reading at `atNs` of the host's time. Charging counts as nothing lost. */
  note(atNs: number, milliwatts: number | null): void {
    const now = milliwatts === null ? null : { atNs, milliwatts: Math.max(0, milliwatts) };
    const { before } = this;
    if (now !== null && before !== null && atNs - before.atNs <= GAP_NS) {
      // Milliwatts × nanoseconds are picojoules.
      this.lost += ((now.milliwatts + before.milliwatts) / 2) * (atNs - before.atNs);
    }
    this.before = now;
  }

  /** What was lost beyond `drained`, the picojoules that the hypervisor has counted; what it counted before the first call, such as the first
   *  fill of the reserves, is left out. Never below zero: taps that took more than was measured are made up for first. */
  beyond(drained: number): bigint {
    this.base ??= drained;
    return BigInt(Math.max(0, Math.floor(this.lost - (drained - this.base))));
  }
}
