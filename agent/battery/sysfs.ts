// A battery and a thermal zone as Linux shows them: /sys/class/power_supply and /sys/class/thermal (Linux Documentation/ABI/testing/
// sysfs-class-power, sysfs-class-thermal). Drivers differ: any file may be missing or answer ENODATA or EAGAIN, charge comes in µAh or in
// µWh, and the sign of a current is the driver's choice, so the status decides. Nothing read here is believed beyond its bounds.

import { closeSync, constants, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { BatteryReading, ThermalReading } from "./battery.ts";

/** A sysfs attribute is at most a page long. */
const ATTRIBUTE_BYTES_MAX = 4096;
/** Supplies and entries of a folder that are looked at. */
const SUPPLIES_MAX = 32;
const MILLIWATTS_MAX = 100_000;
const VOLTS_MAX = 100;
const CELSIUS_MIN = -60;
const CELSIUS_MAX = 150;
/** A µWh in joules; a µAh in coulombs. */
const MICROHOUR = 3600 / 1e6;
const CHARGERS = /^(Mains|USB|USB_.*|Wireless)$/;

export class SysfsBattery {
  private readonly folder: string;
  private readonly source: string;
  private readonly nominalJoules: number;

  private constructor(folder: string, source: string, nominalJoules: number) {
    this.folder = folder;
    this.source = source;
    this.nominalJoules = nominalJoules;
  }

  /** The battery in the folder `source` below `root`, or why there is none. `nominalJoules` is what it holds when the driver tells a
   *  percentage alone. */
  static open(root: string, source: string, nominalJoules: number): SysfsBattery | string {
    const folder = join(root, source);
    if (!isFolder(folder)) return `there is no ${source} here`;
    const properties = propertiesOf(folder);
    const type = properties.get("TYPE") ?? attribute(folder, "type");
    if (type !== "Battery") return `${source} is no battery`;
    // The battery of a mouse or a headset.
    if (properties.get("SCOPE") === "Device") return `${source} is the battery of another device`;
    return new SysfsBattery(folder, source, nominalJoules);
  }

  /** What it says now; null when it says no level. */
  read(): BatteryReading | null {
    const properties = propertiesOf(this.folder);
    const number = (name: string, scale: number, least: number, most: number): number | null => {
      const text = properties.get(name);
      const value = text !== undefined && /^-?\d{1,18}$/.test(text) ? Number(text) * scale : NaN;
      return value >= least && value <= most ? value : null;
    };
    const volts = number("VOLTAGE_NOW", 1e-6, 0, VOLTS_MAX);
    const charge = number("CHARGE_NOW", MICROHOUR, 0, 1e9);
    const energy = number("ENERGY_NOW", MICROHOUR, 0, 1e9);
    const full = number("CHARGE_FULL", MICROHOUR, 0, 1e9) ?? number("CHARGE_FULL_DESIGN", MICROHOUR, 0, 1e9);
    const energyFull = number("ENERGY_FULL", MICROHOUR, 0, 1e9) ?? number("ENERGY_FULL_DESIGN", MICROHOUR, 0, 1e9);
    const percent = number("CAPACITY", 1, 0, 100) ?? portion(energy, energyFull) ?? portion(charge, full);
    if (percent === null) return null;
    const current = number("CURRENT_NOW", 1e-3, -1e6, 1e6);
    const power = number("POWER_NOW", 1e-3, -MILLIWATTS_MAX, MILLIWATTS_MAX) ?? product(current, volts);
    const status = properties.get("STATUS") ?? "Unknown";
    const charger = chargerOnline(dirname(this.folder), basename(this.folder));
    return {
      source: this.source,
      percent,
      joules: energy ?? product(charge, volts) ?? (this.nominalJoules * percent) / 100,
      milliwatts: drain(power, status, charger),
      volts,
      charging: status === "Charging" || (status === "Unknown" && charger),
      celsius: number("TEMP", 0.1, CELSIUS_MIN, CELSIUS_MAX),
    };
  }
}

export class SysfsThermal {
  private readonly folder: string;
  private readonly source: string;

  private constructor(folder: string, source: string) {
    this.folder = folder;
    this.source = source;
  }

  /** The thermal zone in the folder `source` below `root`, or why there is none. */
  static open(root: string, source: string): SysfsThermal | string {
    const folder = join(root, source);
    if (!isFolder(folder)) return `there is no ${source} here`;
    return new SysfsThermal(folder, source);
  }

  /** What it says now; null when it says nothing: a sensor that is asleep answers EAGAIN. */
  read(): ThermalReading | null {
    const text = attribute(this.folder, "temp");
    const celsius = text !== null && /^-?\d{1,9}$/.test(text) ? Number(text) / 1000 : NaN;
    return celsius >= CELSIUS_MIN && celsius <= CELSIUS_MAX ? { source: this.source, celsius } : null;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** mW that leave the battery, by its status. */
function drain(power: number | null, status: string, charger: boolean): number | null {
  if (power === null || Math.abs(power) > MILLIWATTS_MAX) return null;
  const size = Math.abs(power);
  if (status === "Discharging") return size;
  if (status === "Charging") return -size;
  if (status === "Full" || status === "Not charging") return 0;
  // Nobody tells which way it goes.
  return charger ? null : size;
}

/** Whether a charger beside the battery is plugged in. */
function chargerOnline(folder: string, battery: string): boolean {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name !== battery);
  } catch {
    return false;
  }
  return names
    .slice(0, SUPPLIES_MAX)
    .map((name) => join(folder, name))
    .some(
      (supply) => CHARGERS.test(attribute(supply, "type") ?? "") && /^[1-9]$/.test(attribute(supply, "online") ?? ""),
    );
}

/** The properties in `uevent`, without their prefix: one read, so that they belong together. */
function propertiesOf(folder: string): Map<string, string> {
  const lines = (attribute(folder, "uevent") ?? "").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const match = /^POWER_SUPPLY_([A-Z0-9_]{1,64})=(.{0,64})$/.exec(line);
      return match === null ? [] : [[match[1]!, match[2]!] as const];
    }),
  );
}

/** One attribute's text; null when it is absent or has nothing to say. */
function attribute(folder: string, name: string): string | null {
  let file: number | null = null;
  try {
    // Whatever lies there must not keep us waiting.
    file = openSync(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(ATTRIBUTE_BYTES_MAX);
    return bytes.toString("latin1", 0, readSync(file, bytes, 0, bytes.length, null)).trim();
  } catch {
    // ENOENT, ENODATA, EAGAIN, EIO, ENODEV: drivers answer all of them, and each means "not now".
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}

function portion(part: number | null, whole: number | null): number | null {
  if (part === null || whole === null || whole === 0) return null;
  return Math.min(100, (100 * part) / whole);
}

function product(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a * b;
}
