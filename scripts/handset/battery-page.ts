// The battery of an emulated handset, from this computer: a file that QEMU shares with it as a page of memory (boards/qemu-virt/battery.dsl says what
// stands where). What is written here is what the handset's Linux reads next.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { UsageError } from "../../agent/failure.ts";
import { readBoundedText } from "../../agent/bounded-file.ts";

export const PAGE_BYTES = 1 << 20;
const MARK = 0x54425650;
const FULL_MILLIAMPERE_HOURS = 3000;
const KELVIN_TENTHS = 2731.5;
const FILE_BYTES_MAX = 4096;
const DISCHARGING = 1;
const CHARGING = 2;
const CRITICAL = 4;
const CRITICAL_PERCENT = 4;

export interface BatteryState {
  /** 0 … 100. */
  percent: number;
  milliamperes: number;
  millivolts: number;
  charging: boolean;
  celsius: number;
}

export const BATTERY: BatteryState = { percent: 90, milliamperes: 350, millivolts: 3950, charging: false, celsius: 28 };
const RANGES: Record<string, [number, number]> = {
  percent: [0, 100],
  milliamperes: [0, 10_000],
  millivolts: [1, 20_000],
  celsius: [-40, 120],
};

/** The words of the page. */
export function batteryPage({ percent, milliamperes, millivolts, charging, celsius }: BatteryState): Buffer {
  const state = (charging ? CHARGING : DISCHARGING) | (percent <= CRITICAL_PERCENT ? CRITICAL : 0);
  const left = Math.round((FULL_MILLIAMPERE_HOURS * percent) / 100);
  const kelvin = Math.round(celsius * 10 + KELVIN_TENTHS);
  const words = [
    MARK,
    state,
    milliamperes,
    left,
    millivolts,
    Number(charging),
    kelvin,
    FULL_MILLIAMPERE_HOURS,
    FULL_MILLIAMPERE_HOURS,
  ];
  const page = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => page.writeUInt32LE(Math.round(word), index * 4));
  return page;
}

/** Makes the page's file, or changes what stands in it. */
export function writeBattery(path: string, state: BatteryState): void {
  const file = openSync(path, "a+", 0o600);
  closeSync(file);
  const page = openSync(path, "r+");
  try {
    ftruncateSync(page, PAGE_BYTES);
    writeSync(page, batteryPage(state), 0, undefined, 0);
  } finally {
    closeSync(page);
  }
}

/** A battery as a JSON file gives it: what it leaves out is BATTERY's. Throws USAGE_BATTERY. */
export function readBattery(path: string): BatteryState {
  const wrong = (what: string): never => {
    const hint = 'Write JSON such as {"percent": 40, "milliamperes": 350, "charging": false, "celsius": 30}';
    throw new UsageError("USAGE_BATTERY", `${path}: ${what}`, hint);
  };
  let data: unknown;
  try {
    data = JSON.parse(readBoundedText(path, FILE_BYTES_MAX));
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) return wrong("it must be an object");
  for (const [key, value] of Object.entries(data)) {
    if (key === "charging" && typeof value === "boolean") continue;
    const range = RANGES[key];
    const good = range !== undefined && typeof value === "number" && value >= range[0] && value <= range[1];
    if (!good) wrong(`"${key}" is no key, or its value cannot be`);
  }
  return { ...BATTERY, ...data };
}
