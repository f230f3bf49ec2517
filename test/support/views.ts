// Views of a handset as `ls --json` has them, for what turns them into words.

import type { HandsetView, PartitionView } from "../../agent/view.js";

const SPAN_NS = 300e9;

/** A partition that spends `milliwatts` on average. */
export function partitionView(
  name: string,
  milliwatts: number,
  energy: Partial<PartitionView["energy"]> = {},
  change: Partial<PartitionView> = {},
): PartitionView {
  return {
    partition: 0,
    name,
    kind: "system",
    state: "running",
    reason: "",
    bootMs: null,
    crash: null,
    translation: null,
    memoryBytes: 0,
    memory: { ramBytes: 0, overheadBytes: 0, overhead: [] },
    cpu: {
      class: "best-effort",
      budget: 0,
      period: 100_000,
      ceiling: null,
      weight: 100,
      timeNs: 0,
      serviceNs: 0,
      throttledNs: 0,
      throttledTotal: 0,
      debtNs: 0,
      overrunMaxNs: 0,
    },
    energy: {
      contract: null,
      level: 0,
      spent: 0,
      average: { milliwatts, spanNs: SPAN_NS },
      throttledNs: 0,
      throttledTotal: 0,
      ...energy,
    },
    instructions: 0,
    work: 0,
    slices: 0,
    restarts: 0,
    throttledBy: "nothing",
    sleeping: false,
    latencyMaxNs: 0,
    io: [],
    waitsForDevice: false,
    ...change,
  };
}

/** A handset with these partitions, a simulated battery, and no fleet. */
export function handsetView(partitions: PartitionView[], change: Partial<HandsetView> = {}): HandsetView {
  const battery = { source: "simulated", percent: 50, joules: 360, milliwatts: 100, volts: 4, charging: false };
  return {
    handset: "demo",
    board: "qemu-virt",
    nowNs: 0,
    busyNs: 0,
    stolenNs: 0,
    handsetNs: 0,
    memory: { held: 0, limit: 0 },
    radio: { link: "ethernet", state: "none", needPicojoules: 0, users: [] },
    energy: { drained: 0, spent: 0 },
    average: { milliwatts: 100, spanNs: SPAN_NS },
    boardAverage: { milliwatts: 100, spanNs: SPAN_NS },
    battery: { ...battery, celsius: 25, note: "" },
    thermal: { source: "simulated", celsius: 46.4, level: "warn", warn: 45, critical: 60, note: "" },
    rules: [],
    management: null,
    partitions,
    ...change,
  };
}
