// What a battery and a thermal sensor say, wherever they say it from.

/** A battery at one moment. */
export interface BatteryReading {
  /** Where the figures come from: "simulated", or a power supply's folder. */
  source: string;
  /** 0 … 100. */
  percent: number;
  /** Joules that are left; null: the driver does not tell. */
  joules: number | null;
  /** mW that leave it, below zero while more comes in; null: not known. */
  milliwatts: number | null;
  volts: number | null;
  charging: boolean;
  /** Its temperature in °C. */
  celsius: number | null;
}

/** A thermal zone at one moment. */
export interface ThermalReading {
  /** "simulated", or a thermal zone's folder. */
  source: string;
  celsius: number;
}

/** What happens to a simulated battery at a moment of the handset's time; null: stays as it is. */
export interface BatteryStep {
  atNs: number;
  /** 0 … 100. */
  percent: number | null;
  chargeMicrowatts: number | null;
  celsius: number | null;
}

/** How a simulated battery begins, and what happens to it. */
export interface BatteryScript {
  percent: number;
  chargeMicrowatts: number;
  celsius: number;
  /** In the order of their times. */
  steps: BatteryStep[];
}

/** Full, not charging, at room temperature, and left alone. */
export const UNTOUCHED_BATTERY: BatteryScript = { percent: 100, chargeMicrowatts: 0, celsius: 25, steps: [] };

export type ThermalLevel = "normal" | "warn" | "critical";

/** A board's limits in °C. */
export interface ThermalLimits {
  warn: number;
  critical: number;
}

/** What a temperature means on a board. */
export function thermalLevel(celsius: number, { warn, critical }: ThermalLimits): ThermalLevel {
  return celsius >= critical ? "critical" : celsius >= warn ? "warn" : "normal";
}
