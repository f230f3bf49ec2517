// What the handset rows share: a board that is large enough, partitions made of the tests' bare-metal guest or of Debian, and time.

import { guestImage } from "../../agent/cli/guest-image.ts";
import { Handset, type HandsetOptions, type PartitionPlan, TRANSLATION } from "../../agent/host/index.ts";
import { join } from "node:path";
import { root } from "../stale.mjs";
import type { BoardSpec, CpuContract } from "../../agent/handset/contracts.ts";
import type { PartitionSnapshot } from "../../agent/view.ts";

const BOARD: BoardSpec = {
  ramBytes: 64 * 2 ** 30,
  reserveBytes: 0,
  envelopeMicrowatts: 100_000_000,
  costs: { instruction: 900, blockOperation: 2_000_000, blockByte: 60, consoleByte: 1_000, networkByte: 350_000 },
};

export const BEST_EFFORT: CpuContract = {
  class: "best-effort",
  budget: 0,
  period: 100_000,
  ceiling: null,
  weight: 100,
};

/** `percent` of a processor for sure; with `capped`, no more than that. */
export function guaranteed(percent: number, capped: boolean): CpuContract {
  const budget = percent * 1000;
  return { class: "guaranteed", budget, period: 100_000, ceiling: capped ? budget : null, weight: 0 };
}

const UNLIMITED = { blockOperations: null, blockBytes: null, consoleBytes: null };
let translateCodeBytes = 0;

/** Whether guests that the plans below describe are translated from now on. */
export function translateGuests(on: boolean): void {
  translateCodeBytes = on ? TRANSLATION.translateCodeBytes : 0;
}

const RESTART = { onFailure: "restart", max: 100, backoffFirstMs: 10, backoffMaxMs: 1_000, noProgressMs: 0 } as const;

/** test/guest/bare/keys.S: the first byte of input tells it what to do. */
export function keysPlan(name: string, cpu: CpuContract): PartitionPlan {
  const path = join(root, "test/guest/bare/keys.bin");
  return {
    name,
    cpu,
    energy: null,
    energyInitial: 0n,
    io: UNLIMITED,
    restart: RESTART,
    image: {
      ramBytes: 1 << 20,
      kernel: { path, sha256: null, offset: null, bssBytes: 0 },
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk: null,
      overhead: "small",
      translateCodeBytes,
      channels: false,
    },
  };
}

/** A Debian partition. */
export async function debianPlan(name: string, ramBytes: number): Promise<PartitionPlan> {
  const { kernel, initrd, commandLine } = await guestImage("linux");
  const rest = { firmware: null, deviceTree: null, disk: null, overhead: "normal" as const, channels: true };
  const image = { ramBytes, kernel, initrd, commandLine: `quiet ${commandLine}`, translateCodeBytes, ...rest };
  return { name, cpu: BEST_EFFORT, energy: null, energyInitial: 0n, io: UNLIMITED, restart: RESTART, image };
}

export function newHandset(options: HandsetOptions = {}): Handset {
  return new Handset(
    BOARD,
    "realtime",
    { suspendMicrowatts: 0, idleMicrowatts: 0, battery: null, radios: {} },
    options,
  );
}

/** Adds and starts a partition, and presses a key. */
export async function bring(handset: Handset, plan: PartitionPlan, key = ""): Promise<number> {
  const id = await handset.add(plan);
  await handset.orders.act("start", id);
  if (key !== "") await handset.orders.input(id, Buffer.from(key));
  return id;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What the partitions used between two looks `milliseconds` apart: shares of real time, and instructions a second of real time. */
export async function usage(
  handset: Handset,
  milliseconds: number,
): Promise<{ shares: number[]; rates: number[]; partitions: PartitionSnapshot[] }> {
  const before = await handset.orders.snapshot();
  await sleep(milliseconds);
  const after = await handset.orders.snapshot();
  // Budgets are promised in real time. On a computer that does other things too, the host may leave less than that.
  const elapsed = after.nowNs - before.nowNs;
  const differences = after.partitions.map((partition, index) => {
    const earlier = before.partitions[index]!;
    return {
      share: (100 * (partition.cpu.timeNs - earlier.cpu.timeNs)) / elapsed,
      rate: (partition.instructions - earlier.instructions) / (elapsed / 1e9),
    };
  });
  return {
    shares: differences.map(({ share }) => share),
    rates: differences.map(({ rate }) => rate),
    partitions: after.partitions,
  };
}

/** Waits until every partition with a Debian guest has reached its shell. */
export async function allReady(handset: Handset, limitMs: number): Promise<PartitionSnapshot[]> {
  for (const end = Date.now() + limitMs; ;) {
    const { partitions } = await handset.orders.snapshot();
    if (partitions.every(({ state, bootMs }) => state === "running" && bootMs !== null)) return partitions;
    if (Date.now() > end) throw new Error(`not every partition was ready within ${limitMs / 1000} s`);
    await sleep(50);
  }
}
