// The page that machine and host share: no two words of it lie at one place. Two branches that each add a word at the next free offset merge without a
// conflict, and neither the compiler nor either side's tests see it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/layout.js";

const layout = suite("abi/layout");
const words = Object.entries(abi).filter((entry): entry is [string, number] => typeof entry[1] === "number");

/** Names that stand for the same place, of those that begin with `prefix` and lie in [from, to). */
function shared(prefix: string, from: number, to: number): string[] {
  const byPlace = new Map<number, string[]>();
  for (const [name, at] of words) {
    if (!name.startsWith(prefix) || at < from || at >= to || name === prefix.slice(0, -1)) continue;
    byPlace.set(at, [...(byPlace.get(at) ?? []), name]);
  }
  return [...byPlace.values()].filter((names) => names.length > 1).map((names) => names.join(", "));
}

layout("each word of the configuration has a place of its own", () => {
  assert.equal(shared("CONFIG_", abi.CONFIG, abi.STATS), []);
});

layout("so has each counter, and each word of the network rings", () => {
  assert.equal(shared("STATS_", abi.STATS, abi.EXIT_REQUEST), []);
  assert.equal(shared("NETWORK_", abi.NETWORK_INDEX + 1, abi.NETWORK_INDEX + 64), []);
});

layout("devices keep their state apart", () => {
  const states = words.filter(([name]) => /_STATE$|^NETWORK_INDEX$|^ENTROPY_POOL$|^CHANNEL_REQUEST$/.test(name) && !/REQUEST_STATE/.test(name)); // prettier-ignore
  const places = states.map(([, at]) => at).filter((at) => at >= abi.GIC_STATE);
  assert.is(new Set(places).size, places.length, states.map(([name, at]) => `${name} ${at}`).join(", "));
});

layout.run();
