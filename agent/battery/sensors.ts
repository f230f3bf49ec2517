// Which sensors a handset has: those that its board names, or, where they are not on this computer, the simulated battery.

import type { BatteryReading, ThermalReading } from "./battery.ts";
import { SysfsBattery, SysfsThermal } from "./sysfs.ts";

/** A sensor of Linux; null: the simulated battery stands in, and `note` says why unless the board asks for it. */
export interface Sensor<Reading> {
  read: (() => Reading | null) | null;
  note: string;
}

export interface Sensors {
  battery: Sensor<BatteryReading>;
  thermal: Sensor<ThermalReading>;
}

export interface SensorOptions {
  /** "simulated" or a folder. */
  battery: string;
  thermal: string;
  /** What the battery holds by its plate. */
  nominalJoules: number;
  /** Where the folders lie: "/" but in tests. */
  root: string;
  /** Virtual time has nothing to do with this computer's battery. */
  deterministic: boolean;
}

/** Looks for the sensors once. */
export function findSensors(options: SensorOptions): Sensors {
  const { battery, thermal, nominalJoules, root, deterministic } = options;
  const sensor = <T>(what: string, named: string, open: () => { read(): T | null } | string): Sensor<T> => {
    if (named === "simulated") return { read: null, note: "" };
    const found = deterministic ? "time is virtual" : open();
    if (typeof found === "string") return { read: null, note: `${what} simulated: ${found}` };
    return { read: () => found.read(), note: "" };
  };
  return {
    battery: sensor("battery", battery, () => SysfsBattery.open(root, battery, nominalJoules)),
    thermal: sensor("temperature", thermal, () => SysfsThermal.open(root, thermal)),
  };
}
