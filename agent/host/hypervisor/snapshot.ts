// What the hypervisor's memory tells about handset and partitions, as people and the fleet are shown it.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import type { PartitionSpec } from "../../shell/orders.ts";
import type { HandsetSnapshot, PartitionSnapshot } from "../../view.ts";
import { reasonText, stateName } from "../between/reason-text.ts";
import type { HypervisorMemory } from "./memory.ts";

const BUCKETS = ["block operations", "block bytes", "console bytes", "network bytes"];
const THROTTLED_BY = ["nothing", "cpu", "energy"] as const;

/** Everything that can be told about the handset at this moment, by partition id; `refresh` brings a partition's record up to date. */
export function handsetSnapshot(
  memory: HypervisorMemory,
  specs: ReadonlyMap<number, PartitionSpec>,
  refresh: (id: number) => void,
): HandsetSnapshot {
  // Looking at a partition fills its reserve, which the sums must show.
  const partitions = [...specs].map(([id, spec]) => {
    refresh(id);
    return partitionSnapshot(memory, id, spec);
  });
  return {
    nowNs: memory.wide(abi.HYPERVISOR_NOW),
    busyNs: memory.wide(abi.HYPERVISOR_BUSY),
    stolenNs: memory.wide(abi.HYPERVISOR_STOLEN),
    handsetNs: memory.wide(abi.HYPERVISOR_HANDSET_TIME),
    slices: memory.wide(abi.HYPERVISOR_SLICES),
    memoryHeld: memory.wide(abi.HYPERVISOR_MEMORY_HELD),
    cpuHeldPpb: memory.wide(abi.HYPERVISOR_CPU_HELD),
    energyDrained: memory.wide(abi.HYPERVISOR_ENERGY_DRAINED),
    energySpent: memory.wide(abi.HYPERVISOR_ENERGY_SPENT),
    battery: null,
    average: null,
    boardAverage: null,
    radio: { link: "ethernet", state: "none", needPicojoules: 0, users: [] },
    partitions,
  };
}

function partitionSnapshot(memory: HypervisorMemory, id: number, spec: PartitionSpec): PartitionSnapshot {
  const at = abi.PARTITIONS + id * abi.PARTITION_BYTES;
  const wide = (offset: number): number => memory.wide(at + offset);
  const word = (offset: number): number => memory.word(at + offset);
  return {
    partition: id,
    name: spec.name,
    state: stateName(word(abi.PARTITION_STATE)),
    reason: reasonText(word(abi.PARTITION_REASON)),
    bootMs: null,
    crash: null,
    translation: null,
    memoryBytes: wide(abi.PARTITION_MEMORY),
    cpu: {
      ...spec.cpu,
      timeNs: wide(abi.PARTITION_CPU_TIME),
      serviceNs: wide(abi.PARTITION_SERVICE_TIME),
      throttledNs: wide(abi.PARTITION_THROTTLED_TIME),
      throttledTotal: wide(abi.PARTITION_THROTTLED_COUNT),
      debtNs: wide(abi.PARTITION_DEBT),
      overrunMaxNs: wide(abi.PARTITION_OVERRUN_MAX),
    },
    energy: {
      contract: spec.energy === null ? null : { ...spec.energy, capacity: Number(spec.energy.capacity) },
      level: wide(abi.PARTITION_ENERGY_LEVEL),
      spent: wide(abi.PARTITION_ENERGY_SPENT),
      average: null,
      throttledNs: wide(abi.PARTITION_ENERGY_THROTTLED_TIME),
      throttledTotal: wide(abi.PARTITION_ENERGY_THROTTLED_COUNT),
    },
    instructions: wide(abi.PARTITION_INSTRUCTIONS),
    work: wide(abi.PARTITION_WORK),
    slices: wide(abi.PARTITION_SLICES),
    restarts: word(abi.PARTITION_RESTARTS),
    throttledBy: THROTTLED_BY[word(abi.PARTITION_THROTTLED_BY)] ?? "nothing",
    sleeping: word(abi.PARTITION_SLEEPING) === 1,
    latencyMaxNs: wide(abi.PARTITION_LATENCY_MAX),
    waitsForDevice: word(abi.PARTITION_RETRYING) === 1,
    io: BUCKETS.map((name, kind) => {
      const bucket = abi.PARTITION_BUCKETS + kind * abi.BUCKET_BYTES;
      return {
        name,
        used: wide(bucket + abi.BUCKET_USED),
        throttledTotal: word(bucket + abi.BUCKET_THROTTLED),
      };
    }),
  };
}
