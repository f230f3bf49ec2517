// Power sections: what a low battery makes of a partition, once, and what a full one gives back.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Acting } from "../../../../../agent/host/management/acting.js";
import { Clocks } from "../../../../../agent/host/management/clocks.js";
import type { ManagedHandset } from "../../../../../agent/host/management/commands.js";
import { ManagedPartition } from "../../../../../agent/host/management/partition.js";
import type { Policy } from "../../../../../agent/wire/policy.js";
import type { HandsetView } from "../../../../../agent/view.js";

const ASKED = {
  cpu: { class: "best-effort", budget: 0, period: 100_000, ceiling: null, weight: 100 },
  energy: null,
  io: { blockOperations: null, blockBytes: null, consoleBytes: null },
} as const;

/** A partition under this power section: what is done to it when the battery stands at these percentages in turn. */
async function play(power: Policy["power"], percents: number[], charging = false): Promise<string[]> {
  const partition = new ManagedPartition("work", "", structuredClone(ASKED) as never);
  partition.id = 1;
  partition.policy = { document: { power } as Policy, hash: new Uint8Array(32), appliedAt: 0 };
  const calls: string[] = [];
  let running = true;
  const target: Partial<ManagedHandset> = {
    isRunning: () => running,
    act: (op) => {
      running = op === "resume";
      return Promise.resolve(void calls.push(op));
    },
  };
  const clocks = new Clocks({
    target,
    standing: { partitions: new Map([["work", partition]]) },
    apply: ({ throttled }: ManagedPartition) => Promise.resolve(void calls.push(throttled ? "throttle" : "unthrottle")),
  } as unknown as Acting);
  for (const percent of percents) {
    calls.push(`${percent}`);
    await clocks.lookAtPower({ battery: { percent, charging } } as HandsetView);
  }
  return calls;
}

const test = suite("agent/host/management/clocks");

test("low throttles once, and gives back only above the threshold and its hysteresis", async () => {
  assert.equal(await play({ lowPercent: 20, lowAction: "throttle" }, [21, 20, 19, 21, 22, 23, 20]), [
    ...["21", "20", "throttle", "19", "21", "22", "23", "unthrottle", "20", "throttle"],
  ]);
});

test("critical pauses whatever low does, and who was paused is resumed", async () => {
  assert.equal(await play({ lowPercent: 20, criticalPercent: 5, lowAction: "keep" }, [20, 6, 5, 4, 22, 23]), [
    ...["20", "6", "5", "pause", "4", "22", "23", "resume"],
  ]);
  assert.equal(await play({ lowPercent: 20, lowAction: "pause" }, [20, 19]), ["20", "pause", "19"]);
});

test("nothing is done while it charges, nor without a power section", async () => {
  assert.equal(await play({ lowPercent: 20, lowAction: "pause" }, [10, 1], true), ["10", "1"]);
  assert.equal(await play(undefined, [10, 1]), ["10", "1"]);
});

test.run();
