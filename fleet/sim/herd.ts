// The simulated devices of one process.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KeyFile } from "../../agent/identity/key-file.ts";
import type { Clock } from "../../agent/link/clock.ts";
import { readEnrolment } from "../../agent/daemon/enrolment.ts";
import { firstTrust } from "../../agent/wire/trust.ts";
import { SimulatedHandset } from "./handset.ts";
import type { DeviceFacts, HerdCounts, HerdSettings, SimulatedDevice } from "./messages.ts";

interface Member {
  handset: SimulatedHandset;
  up: boolean;
  /** When the link was lost, by the monotonic clock; null: it was never there, or is. */
  lostAt: number | null;
}

export class Herd {
  private readonly members: Member[] = [];
  private readonly clock: Clock;
  private readonly random: () => number;
  private returns: number[] = [];
  private connected = 0;
  private lostLinks = 0;
  private failedTries = 0;
  private left = 0;
  private settled = false;
  private leaving = false;
  /** Called whenever a link comes or goes, a try fails, or a device has left. */
  changed: () => void = () => {};

  constructor(clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
  }

  /** Opens the devices' folders, and starts one after the other. Throws what a folder throws that cannot be used. */
  async start(devices: SimulatedDevice[], { intervalSeconds, perSecond, pin }: HerdSettings): Promise<void> {
    const { clock, random } = this;
    for (const [index, { folder, label }] of devices.entries()) {
      if (this.leaving) return;
      const enrolment = readEnrolment(join(folder, "enrolment.json"));
      const path = join(folder, "device.key");
      const member: Member = {
        handset: new SimulatedHandset({
          ...{ folder, enrolment, label, intervalSeconds, clock, random },
          key: await new KeyFile(path).open(),
          keyPem: enrolment.certificate === null ? null : readFileSync(path, "utf8"),
          trust: firstTrust(pin, clock.wall()),
          link: (up) => this.link(member, up),
          ended: () => {
            this.left++;
            this.changed();
          },
        }),
        up: false,
        lostAt: null,
      };
      this.members.push(member);
      if (this.settled) member.handset.settle();
      // It left while its key was read.
      if (this.leaving) return member.handset.leave();
      clock.after((index * 1000) / perSecond, () => member.handset.start());
    }
  }

  settle(): void {
    this.settled = true;
    for (const { handset } of this.members) handset.settle();
  }

  /** All devices leave; `hasLeft` says when they have. */
  leave(): void {
    this.leaving = true;
    for (const { handset } of this.members) handset.leave();
  }

  get hasLeft(): boolean {
    return this.left === this.members.length;
  }

  get counts(): HerdCounts {
    const { connected, lostLinks, failedTries } = this;
    const sums = { records: 0, acknowledged: 0, waiting: 0, policies: 0, commands: 0 };
    for (const { handset } of this.members) {
      const { recordCount, acknowledgedCount, waitingCount } = handset.metrics;
      sums.records += recordCount;
      sums.acknowledged += acknowledgedCount;
      sums.waiting += waitingCount;
      sums.policies += handset.policyCount;
      sums.commands += handset.commandCount;
    }
    return { connected, lostLinks, failedTries, ...sums };
  }

  get facts(): DeviceFacts[] {
    return this.members.map(({ handset: { name, metrics } }) => ({
      name,
      records: metrics.recordCount,
      acknowledged: metrics.acknowledgedCount,
      waiting: metrics.waitingCount,
    }));
  }

  /** Milliseconds without link of the devices that came back since this was last asked. */
  takeReturns(): number[] {
    const { returns } = this;
    this.returns = [];
    return returns;
  }

  private link(member: Member, up: boolean): void {
    const now = this.clock.now();
    if (up) {
      this.connected++;
      if (member.lostAt !== null) this.returns.push(now - member.lostAt);
      member.lostAt = null;
    } else if (member.up) {
      this.connected--;
      // One that ends its own link has lost none.
      if (!this.leaving) this.lostLinks++;
      member.lostAt = now;
    } else this.failedTries++;
    member.up = up;
    this.changed();
  }
}
