// `battery:` of a handset file: how the simulated battery begins, and what happens to it.

import { isSeq, type Node, type YAMLMap } from "yaml";
import { UNTOUCHED_BATTERY, type BatteryScript, type BatteryStep } from "../battery/battery.ts";
import type { FileReader } from "./reader.ts";
import { parseCelsius, parseMicrowatts, parseMilliseconds, parsePercent } from "./units.ts";

const STEPS_MAX = 1000;
const STEP_KEYS = ["level", "charge-rate", "temperature"];

/** The script under `battery`; null when the file has none. */
export function readBatteryScript(reader: FileReader, map: YAMLMap | null): BatteryScript | null {
  if (map === null) return null;
  reader.known(map, [...STEP_KEYS, "script"]);
  const list = map.get("script", true) as Node | undefined;
  let steps: BatteryStep[] = [];
  if (isSeq(list) && list.items.length <= STEPS_MAX) steps = list.items.map((item) => readStep(reader, item as Node));
  else if (list !== undefined) {
    reader.fault(list, `script must be a list of at most ${STEPS_MAX} steps`, "write `- { at: 10s, level: 20% }`");
  }
  steps.forEach(({ atNs }, index) => {
    if (index > 0 && atNs < steps[index - 1]!.atNs)
      reader.fault((list as { items: Node[] }).items[index], "a step is earlier than the one before it", "order them");
  });
  return {
    percent: reader.value(map, "level", UNTOUCHED_BATTERY.percent, parsePercent),
    chargeMicrowatts: reader.value(map, "charge-rate", UNTOUCHED_BATTERY.chargeMicrowatts, parseMicrowatts),
    celsius: reader.value(map, "temperature", UNTOUCHED_BATTERY.celsius, parseCelsius),
    steps,
  };
}

function readStep(reader: FileReader, node: Node): BatteryStep {
  const map = reader.map(node, "a step");
  reader.known(map, ["at", ...STEP_KEYS]);
  if (map !== null && !map.has("at")) reader.fault(map, "a step needs at", "write `at: 10s`");
  return {
    atNs: reader.value(map, "at", 0, parseMilliseconds) * 1e6,
    percent: reader.value<number | null>(map, "level", null, parsePercent),
    chargeMicrowatts: reader.value<number | null>(map, "charge-rate", null, parseMicrowatts),
    celsius: reader.value<number | null>(map, "temperature", null, parseCelsius),
  };
}
