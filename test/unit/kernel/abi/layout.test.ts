// What host and machine share lies where nothing else does: of two names for one place, one writes what the other reads.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../../../kernel/abi/layout.js";

const abi = suite("abi layout");

/** Names that begin with `prefix` and lie in [from, to), by place. */
function places(prefix: RegExp, from: number, to: number): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const [name, value] of Object.entries(layout)) {
    if (typeof value !== "number" || !prefix.test(name) || value < from || value >= to) continue;
    found.set(value, [...(found.get(value) ?? []), name]);
  }
  return found;
}

abi("no two words of the configuration block, or devices' states, share a place", () => {
  const config = places(/^CONFIG_/, layout.CONFIG, layout.STATS);
  const states = places(/_(STATE|INDEX)$/, layout.GIC_STATE, layout.ENTROPY_POOL);
  assert.ok(config.size > 25 && states.size > 8, `${config.size} and ${states.size}`);
  for (const names of [...config.values(), ...states.values()]) assert.is(names.length, 1, names.join(" and "));
});

abi.run();
