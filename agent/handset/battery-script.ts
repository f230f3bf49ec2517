// `battery:` of a handset file: how the simulated battery begins, and what happens to it.

import type { YAMLMap } from "yaml";
import { UNTOUCHED_BATTERY, type BatteryScript } from "../battery/battery.ts";
import type { FileReader } from "./reader.ts";
import { BATTERY, BATTERY_STEP, BATTERY_STEPS_MAX } from "./keys.ts";
import { readSteps } from "./steps.ts";

const STEP = { shape: BATTERY_STEP, needs: ["at"], most: BATTERY_STEPS_MAX, example: "{ at: 10s, level: 20% }" };

/** The script under `battery`; null when the file has none. */
export function readBatteryScript(reader: FileReader, map: YAMLMap | null): BatteryScript | null {
  if (map === null) return null;
  const begin = reader.values(map, BATTERY);
  const steps = readSteps(reader, map, STEP, (step) => {
    const { at, level: percent, "charge-rate": chargeMicrowatts, temperature: celsius } = step;
    return { atNs: at * 1e6, percent, chargeMicrowatts, celsius };
  });
  return {
    percent: begin.level ?? UNTOUCHED_BATTERY.percent,
    chargeMicrowatts: begin["charge-rate"] ?? UNTOUCHED_BATTERY.chargeMicrowatts,
    celsius: begin.temperature ?? UNTOUCHED_BATTERY.celsius,
    steps,
  };
}
