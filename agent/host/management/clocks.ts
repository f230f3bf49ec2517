// What a policy wants done when time passes or the battery falls: power sections, offline rules, enforcement clocks.

import type { HandsetView } from "../../view.ts";
import type { Acting } from "./acting.ts";
import type { ManagedHandset } from "./commands.ts";
import type { ManagedPartition } from "./partition.ts";
import type { Standing } from "./standing.ts";

const OFFLINE_WARN_SECONDS = 86_400;
const POWER_HYSTERESIS_PERCENT = 2;
const LOW_PERCENT = 15;
const CRITICAL_PERCENT = 5;

export class Clocks {
  private offlineTold = false;
  /** When the fleet was last heard in this start, on the monotonic clock. */
  private heardMs = performance.now();
  private readonly standing: Standing;
  private readonly target: ManagedHandset;
  private readonly acting: Acting;

  constructor(acting: Acting) {
    this.acting = acting;
    this.standing = acting.standing;
    this.target = acting.target;
  }

  /** The fleet has said something; `timely`: it proves that it was said lately. */
  heard(timely: boolean): void {
    this.offlineTold = false;
    if (timely) this.heardMs = performance.now();
  }

  /** Power sections: what is done when the battery is low, and undone when it is not. */
  async lookAtPower({ battery }: HandsetView): Promise<void> {
    if (battery === null) return;
    for (const partition of this.standing.partitions.values()) {
      const power = partition.policy?.document.power;
      if (power === undefined) continue;
      const low = battery.percent <= (power.lowPercent ?? LOW_PERCENT) && !battery.charging;
      const critical = battery.percent <= (power.criticalPercent ?? CRITICAL_PERCENT) && !battery.charging;
      const over = battery.charging || battery.percent > (power.lowPercent ?? LOW_PERCENT) + POWER_HYSTERESIS_PERCENT;
      const throttle = low && power.lowAction === "throttle";
      const pause = critical || (low && power.lowAction === "pause");
      if (throttle !== partition.throttled && (throttle || over)) {
        partition.throttled = throttle;
        await this.acting.apply(partition);
      }
      if (pause && !partition.pausedForPower && this.target.isRunning(partition.id)) {
        await this.target.act("pause", partition.id);
        partition.pausedForPower = true;
      } else if (partition.pausedForPower && over) {
        await this.target.act("resume", partition.id);
        partition.pausedForPower = false;
      }
    }
  }

  /** Offline rules and enforcement clocks. The last signed time tells how long nobody was heard: the agent's word does not count. */
  async lookAtClocks(): Promise<void> {
    const now = this.standing.now();
    const silent = this.silentSeconds;
    for (const partition of this.standing.partitions.values()) {
      const { policy } = partition;
      if (policy === null || partition.lockedFor !== null) continue;
      const { offline } = policy.document;
      if (offline !== undefined && silent >= (offline.warnAfterSeconds ?? OFFLINE_WARN_SECONDS) && !this.offlineTold) {
        this.offlineTold = true;
        this.target.happened("offline", partition.id);
      }
      const running = this.target.isRunning(partition.id);
      const overdue = partition.overdue(running, this.standing.codeOf(partition), now);
      const lockAfter = offline?.lockAfterSeconds ?? 0;
      if (lockAfter > 0 && silent >= lockAfter) await this.lock(partition, `offline for ${silent} s`);
      else if (overdue.length > 0) await this.lock(partition, `its policy is violated (${overdue.join(", ")})`);
    }
  }

  private async lock(partition: ManagedPartition, why: string): Promise<void> {
    if (partition.id < 0) return;
    await this.target.lock(partition.id, partition.name, true);
    partition.lockedFor = why;
    this.acting.report(partition, false);
  }

  /** Seconds for which nobody of the fleet was heard: by the clock, and by how long this start has waited, because a clock can be set back. */
  private get silentSeconds(): number {
    const waited = Math.floor((performance.now() - this.heardMs) / 1000);
    return Math.max(this.standing.now() - this.standing.governance.trust.floor, waited);
  }
}
