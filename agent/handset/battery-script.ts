// `battery:` of a handset file: how the simulated battery begins, and what happens to it.

import { isSeq, type Node, type YAMLMap } from "yaml";
import { UNTOUCHED_BATTERY, type BatteryScript, type BatteryStep } from "../battery/battery.ts";
import type { FileReader } from "./reader.ts";
import { BATTERY, BATTERY_STEP, BATTERY_STEPS_MAX } from "./keys.ts";

/** The script under `battery`; null when the file has none. */
export function readBatteryScript(reader: FileReader, map: YAMLMap | null): BatteryScript | null {
  if (map === null) return null;
  const begin = reader.values(map, BATTERY);
  const list = map.get("script", true) as Node | undefined;
  let steps: BatteryStep[] = [];
  if (isSeq(list) && list.items.length <= BATTERY_STEPS_MAX)
    steps = list.items.map((item) => readStep(reader, item as Node));
  else if (list !== undefined) {
    const what = `script must be a list of at most ${BATTERY_STEPS_MAX} steps`;
    reader.fault(list, what, "write `- { at: 10s, level: 20% }`");
  }
  steps.forEach(({ atNs }, index) => {
    if (index > 0 && atNs < steps[index - 1]!.atNs)
      reader.fault((list as { items: Node[] }).items[index], "a step is earlier than the one before it", "order them");
  });
  return {
    percent: begin.level ?? UNTOUCHED_BATTERY.percent,
    chargeMicrowatts: begin["charge-rate"] ?? UNTOUCHED_BATTERY.chargeMicrowatts,
    celsius: begin.temperature ?? UNTOUCHED_BATTERY.celsius,
    steps,
  };
}

function readStep(reader: FileReader, node: Node): BatteryStep {
  const map = reader.map(node, "a step");
  const step = reader.values(map, BATTERY_STEP);
  if (map !== null && !map.has("at")) reader.fault(map, "a step needs at", "write `at: 10s`");
  const { level: percent, "charge-rate": chargeMicrowatts, temperature: celsius } = step;
  return { atNs: step.at * 1e6, percent, chargeMicrowatts, celsius };
}
