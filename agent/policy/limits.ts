// What a policy leaves of what a partition asks for. The idea: a partition has the contracts that its handset file and its user gave it; a
// policy never gives, it cuts. Whatever is cut comes back when the policy that cut it is replaced by one that does not.

import type { Image } from "../wire/documents.ts";
import type { Policy } from "../wire/policy.ts";
import { allowedImages } from "./images.ts";
import type { Contracts, CpuContract, EnergyContract } from "../handset/contracts.ts";

/** One policy as numbers that orders are held against. Null: no limit. */
export interface Limits {
  epoch: number;
  version: number;
  /** The charged sum. */
  memoryBytesMax: number | null;
  /** 0: must not run. */
  cpuPermille: number | null;
  weight: number | null;
  energyMicrowatts: number | null;
  /** Translated code; 0: none. */
  translatedBytesMax: number | null;
  /** SHA-256 of kernel images that may start, in hexadecimal. */
  images: string[] | null;
  console: boolean;
  /** Whether a debugger, the profiler or watchpoints may attach. */
  debug: boolean;
  channels: { from: string; to: string; bytesPerSecond: number }[] | null;
}

const PERMILLE = 1000;
/** 1 mJ an hour is 1000 µJ in 3600 s. */
const SECONDS_PER_HOUR = 3600;
/** What a reserve may hold when the policy makes an energy contract where there was none: a minute's worth. */
const RESERVE_SECONDS = 60n;
const PICOJOULES_PER_MICROWATT_SECOND = 1_000_000n;

/** `manifests` are the images that the fleet has sent manifests of. */
export function limitsOf(policy: Policy, manifests: readonly Image[] = []): Limits {
  const { budget, images, deviceAccess, sharing } = policy;
  const hourly = budget?.energyMillijoulesPerHour;
  return {
    epoch: policy.epoch,
    version: policy.version,
    memoryBytesMax: budget?.memoryBytes ?? null,
    cpuPermille: budget?.cpuPermille ?? null,
    weight: budget?.cpuWeight ?? null,
    // Rounded down: what is left over is not granted.
    energyMicrowatts: hourly === undefined ? null : Math.floor((hourly * 1000) / SECONDS_PER_HOUR),
    translatedBytesMax: budget?.translatedBytes ?? null,
    images: images === undefined ? null : allowedImages(images, manifests),
    // Absent is deny for a managed partition, once the policy says anything of devices. "Ask" has nobody to ask, so it is deny.
    console: deviceAccess === undefined || deviceAccess.get("console") === "allow",
    debug: policy.debug === true,
    channels: sharing?.channels ?? null,
  };
}

/** What is left of contracts. */
export function cut(asked: Contracts, limits: Limits): Contracts {
  return { cpu: cutCpu(asked.cpu, limits), energy: cutEnergy(asked.energy, limits), io: asked.io };
}

/** What is left of the translated code that a partition may have, in bytes. */
export function cutTranslated(asked: number, limits: Limits): number {
  return Math.min(asked, limits.translatedBytesMax ?? asked);
}

function cutCpu(asked: CpuContract, { cpuPermille, weight }: Limits): CpuContract {
  const most = cpuPermille === null ? null : Math.floor((asked.period * cpuPermille) / PERMILLE);
  const ceiling = most === null ? asked.ceiling : Math.min(asked.ceiling ?? most, most);
  // A guarantee above the ceiling would be held for nobody.
  const budget = ceiling === null ? asked.budget : Math.min(asked.budget, ceiling);
  return {
    ...asked,
    budget,
    class: budget > 0 ? asked.class : "best-effort",
    ceiling,
    weight: weight === null ? asked.weight : Math.min(asked.weight, weight),
  };
}

function cutEnergy(asked: EnergyContract | null, { energyMicrowatts }: Limits): EnergyContract | null {
  if (energyMicrowatts === null) return asked;
  const capacity = BigInt(energyMicrowatts) * RESERVE_SECONDS * PICOJOULES_PER_MICROWATT_SECOND;
  // A share of the battery's drain is no rate that could be held to a limit: it becomes the constant tap that the policy allows.
  if (asked === null || asked.share > 0) return { capacity, rate: energyMicrowatts, share: 0 };
  return {
    capacity: asked.capacity < capacity ? asked.capacity : capacity,
    rate: Math.min(asked.rate, energyMicrowatts),
    share: 0,
  };
}

/** Why contracts are more than the policy allows, or null. */
export function excess(asked: Contracts, limits: Limits): string | null {
  const left = cut(asked, limits);
  const by = `policy ${limits.epoch}.${limits.version} allows`;
  if (left.cpu.ceiling !== asked.cpu.ceiling || left.cpu.budget !== asked.cpu.budget) {
    return `${by} ${((limits.cpuPermille ?? 0) / 10).toFixed(1)} % of a processor at most`;
  }
  if (left.cpu.weight !== asked.cpu.weight) return `${by} a weight of ${limits.weight ?? 0} at most`;
  const same =
    left.energy?.rate === asked.energy?.rate &&
    left.energy?.capacity === asked.energy?.capacity &&
    left.energy?.share === asked.energy?.share;
  if (!same) return `${by} ${((limits.energyMicrowatts ?? 0) / 1000).toFixed(1)} mW at most`;
  return null;
}
