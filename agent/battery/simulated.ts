// A simulated battery: a level in picojoules that falls by what the handset draws and rises by what its charger gives. It follows the
// handset's time and nothing else, so in virtual time the same script and the same guests give the same readings.
//
// No chemistry: the voltage is the nominal one, and the temperature is what the script says.

import type { BatteryReading, BatteryScript } from "./battery.ts";

export interface BatterySpec extends BatteryScript {
  capacityPicojoules: bigint;
  volts: number;
}

const PICOJOULES_PER_JOULE = 1e12;
/** 1 µW for 1 ns is a thousandth of a picojoule. */
const THOUSAND = 1000n;

export class SimulatedBattery {
  private readonly spec: BatterySpec;
  private level: bigint;
  private chargeMicrowatts: number;
  private celsius: number;
  private stepIndex = 0;
  private nowNs = 0;
  private drained = 0n;
  /** Thousandths of a picojoule that the charger has given beyond whole ones. */
  private rest = 0n;

  constructor(spec: BatterySpec) {
    this.spec = spec;
    this.level = this.share(spec.percent);
    this.chargeMicrowatts = spec.chargeMicrowatts;
    this.celsius = spec.celsius;
    this.takeSteps(0);
  }

  /** The moment of the next step of its script; Infinity when there is none. */
  get dueNs(): number {
    return this.spec.steps[this.stepIndex]?.atNs ?? Infinity;
  }

  /** Brings it up to `nowNs`, by when `drained` picojoules have been drawn in all. What was drawn since the last call counts before the steps
   *  that fell due since. */
  advance(nowNs: number, drained: bigint): void {
    this.move(this.drained - drained);
    this.drained = drained;
    this.takeSteps(nowNs);
    this.charge(nowNs);
  }

  /** What it says while `drawn` mW are drawn from it. */
  reading(drawn: number): BatteryReading {
    const { capacityPicojoules, volts } = this.spec;
    return {
      source: "simulated",
      // In millionths first: a level has more bits than a double.
      percent: Number((this.level * 100_000_000n) / capacityPicojoules) / 1e6,
      joules: Number(this.level) / PICOJOULES_PER_JOULE,
      milliwatts: drawn - this.chargeMicrowatts / 1000,
      volts,
      charging: this.chargeMicrowatts > 0,
      celsius: this.celsius,
    };
  }

  private takeSteps(nowNs: number): void {
    for (let step = this.spec.steps[this.stepIndex]; step !== undefined && step.atNs <= nowNs;) {
      this.charge(step.atNs);
      if (step.percent !== null) this.level = this.share(step.percent);
      this.chargeMicrowatts = step.chargeMicrowatts ?? this.chargeMicrowatts;
      this.celsius = step.celsius ?? this.celsius;
      step = this.spec.steps[++this.stepIndex];
    }
  }

  private charge(untilNs: number): void {
    if (untilNs <= this.nowNs) return;
    const given = BigInt(this.chargeMicrowatts) * BigInt(Math.floor(untilNs - this.nowNs)) + this.rest;
    this.rest = given % THOUSAND;
    this.nowNs = untilNs;
    this.move(given / THOUSAND);
  }

  private move(by: bigint): void {
    const next = this.level + by;
    const { capacityPicojoules } = this.spec;
    this.level = next < 0n ? 0n : next > capacityPicojoules ? capacityPicojoules : next;
  }

  private share(percent: number): bigint {
    return (this.spec.capacityPicojoules * BigInt(Math.round(percent * 1e6))) / 100_000_000n;
  }
}
