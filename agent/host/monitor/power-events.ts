// What the sensors of the board lead to: energy that the battery lost beyond the taps, events for everybody, triggers for the rules.

import { Failure } from "../../failure.ts";
import type { BatteryReading } from "../../battery/battery.ts";
import type { Rules } from "../../shell/rules.ts";
import type { Handset } from "./handset.ts";
import type { HandsetPower, PowerEvent } from "./power.ts";

/** Puts something that happened to the handset itself before everybody. */
export type Tell = (kind: string, value: number, text?: string) => void;

const POLL_MS = 1000;

export class PowerEvents {
  private readonly power: HandsetPower;
  private readonly handset: Handset;
  private readonly rules: () => Rules;
  private readonly tell: Tell;
  private timer: NodeJS.Timeout | undefined;
  private started = false;
  private charging = false;
  private level = "normal";

  constructor(power: HandsetPower, handset: Handset, rules: () => Rules, tell: Tell) {
    this.power = power;
    this.handset = handset;
    this.rules = rules;
    this.tell = tell;
  }

  /** From now on sensors are read, and the rules hear of them. */
  start(): void {
    if (this.power.measures) {
      void this.poll();
      this.timer = setInterval(() => void this.poll(), POLL_MS);
    }
    this.started = true;
    this.look();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** The simulated battery says something. */
  hear(reading: BatteryReading): void {
    this.power.hear(reading);
    this.look();
  }

  /** Reads the measured sensors, and lets the worker know what the battery lost. */
  private async poll(): Promise<void> {
    try {
      const { energyDrained } = await this.handset.orders.snapshot();
      const beyond = this.power.poll(energyDrained);
      if (beyond > 0n) await this.handset.orders.drained(beyond);
      this.look();
    } catch (error) {
      // The handset ended meanwhile.
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** Rules hear of each whole percent and degree; everybody hears of the charger and of the thermal level. */
  private look(): void {
    if (!this.started) return;
    for (const event of this.power.changes()) this.changed(event);
  }

  private changed(event: PowerEvent): void {
    if (event.kind === "battery") {
      const { percent, milliwatts, charging, celsius } = event.battery;
      const whole = Math.floor(percent);
      const drain = milliwatts === null ? null : Math.round(milliwatts);
      void this.rules().happened({ on: "battery", percent: whole, milliwatts: drain, charging, celsius });
      if (this.charging === charging) return;
      this.charging = charging;
      this.tell(charging ? "charging" : "discharging", whole);
      return;
    }
    const { celsius, level, warn, critical } = event.thermal;
    void this.rules().happened({ on: "thermal", celsius: Math.floor(celsius), level, warn, critical });
    if (this.level === level) return;
    this.level = level;
    this.tell("thermal", Math.floor(celsius), level);
  }
}
