// `script:` in a handset file: what happens to a simulated battery or link, and when.

import { isSeq, type Node, type YAMLMap } from "yaml";
import type { FileReader } from "./reader.ts";
import type { Shape, Values } from "./shape.ts";

/** What the steps of a script are. */
export interface StepKind<S extends Shape> {
  shape: S;
  needs: string[];
  /** The most that one script has. */
  most: number;
  /** A whole step, for who wrote none. */
  example: string;
}

/** The steps under `script`, in the order of their times; none when there is no script. */
export function readSteps<S extends Shape, T extends { atNs: number }>(
  reader: FileReader,
  map: YAMLMap,
  { shape, needs, most, example }: StepKind<S>,
  stepOf: (values: Values<S>) => T,
): T[] {
  const list = map.get("script", true) as Node | undefined;
  if (list === undefined) return [];
  if (!isSeq(list) || list.items.length > most) {
    reader.fault(list, `script must be a list of at most ${most} steps`, `write \`- ${example}\``);
    return [];
  }
  const steps = list.items.map((item) => {
    const step = reader.map(item as Node, "a step");
    const values = reader.values(step, shape);
    for (const key of needs) {
      if (step !== null && !step.has(key)) reader.fault(step, `a step needs ${key}`, `write \`${example}\``);
    }
    return stepOf(values);
  });
  steps.forEach(({ atNs }, index) => {
    if (index > 0 && atNs < steps[index - 1]!.atNs)
      reader.fault(list.items[index] as Node, "a step is earlier than the one before it", "order them");
  });
  return steps;
}
