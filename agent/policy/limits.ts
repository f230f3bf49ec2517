// What a policy leaves of what a partition asks for. The idea: a partition has the contracts that its handset file and its user gave it; a
// policy never gives, it cuts. Whatever is cut comes back when the policy that cut it is replaced by one that does not.

import type { Image } from "../wire/documents.ts";
import { keysOf, SECTIONS, type LimitName, type Policy, type SectionName } from "../wire/policy.ts";
import { allowedImages } from "./images.ts";
import type { Contracts, CpuContract, EnergyContract } from "../handset/contracts.ts";

/** The numeric limits, each named by its key's entry in agent/wire. Null: no limit. */
export type NumericLimits = Record<LimitName, number | null>;

/** One policy as numbers that orders are held against. */
export interface Limits extends NumericLimits {
  epoch: number;
  version: number;
  /** SHA-256 of kernel images that may start, in hexadecimal. */
  images: string[] | null;
  console: boolean;
  /** Whether a debugger, the profiler or watchpoints may attach. */
  debug: boolean;
  channels: { from: string; to: string; bytesPerSecond: number }[] | null;
}

const PERMILLE = 1000;
/** What a reserve may hold when the policy makes an energy contract where there was none: a minute's worth. */
const RESERVE_SECONDS = 60n;
const PICOJOULES_PER_MICROWATT_SECOND = 1_000_000n;

/** `manifests` are the images that the fleet has sent manifests of. */
export function limitsOf(policy: Policy, manifests: readonly Image[] = []): Limits {
  const { images, deviceAccess, sharing } = policy;
  return {
    epoch: policy.epoch,
    version: policy.version,
    ...numericLimits(policy),
    images: images === undefined ? null : allowedImages(images, manifests),
    // Absent is deny for a managed partition, once the policy says anything of devices. "Ask" has nobody to ask, so it is deny.
    console: deviceAccess === undefined || deviceAccess.get("console") === "allow",
    debug: policy.debug === true,
    channels: sharing?.channels ?? null,
  };
}

function numericLimits(policy: Policy): NumericLimits {
  const limits: Record<string, number | null> = {};
  for (const name of Object.keys(SECTIONS) as SectionName[]) {
    const values = policy[name] as Record<string, unknown> | undefined;
    for (const [field, , { limit, limitOf }] of keysOf(SECTIONS[name])) {
      if (limit === undefined) continue;
      const value = values?.[field];
      limits[limit] = value === undefined ? null : (limitOf?.(value) ?? (value as number));
    }
  }
  return limits as NumericLimits;
}

/** The numeric limits alone. */
export function numbersOf(limits: Limits): NumericLimits {
  const numbers = Object.values(SECTIONS)
    .flatMap(keysOf)
    .flatMap(([, , { limit }]) => (limit === undefined ? [] : [[limit, limits[limit as LimitName]]]));
  return Object.fromEntries(numbers) as NumericLimits;
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
  const most = cpuPermille === null ? null : cpuMost(asked.period, cpuPermille);
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
  const capacity = reserveMost(energyMicrowatts);
  // A share of the battery's drain is no rate that could be held to a limit: it becomes the constant tap that the policy allows.
  if (asked === null || asked.share > 0) return { capacity, rate: energyMicrowatts, share: 0 };
  return {
    capacity: asked.capacity < capacity ? asked.capacity : capacity,
    rate: Math.min(asked.rate, energyMicrowatts),
    share: 0,
  };
}

/** Why contracts are more than the policy allows, or null. For contracts whose guarantee is within their own ceiling it is null exactly when
 *  cut() leaves them as they are. */
export function excess({ cpu, energy }: Pick<Contracts, "cpu" | "energy">, limits: Limits): string | null {
  const { cpuPermille, weight, energyMicrowatts } = limits;
  if (cpuPermille !== null) {
    const most = cpuMost(cpu.period, cpuPermille);
    if (cpu.ceiling === null || cpu.ceiling > most || cpu.budget > most)
      return beyond(limits, `${cpuPermille / 10} % of a processor at most`);
  }
  if (weight !== null && cpu.weight > weight) return beyond(limits, `a weight of ${weight} at most`);
  if (energyMicrowatts === null) return null;
  // Without a contract a partition draws what it likes, and a share of the battery's drain is no rate.
  if (energy === null || energy.share > 0 || energy.rate > energyMicrowatts)
    return beyond(limits, `${energyMicrowatts / 1000} mW at most`);
  return energy.capacity > reserveMost(energyMicrowatts) ? beyond(limits, "a reserve of a minute at most") : null;
}

/** What a refusal says: which policy, and what it allows. */
export function beyond({ epoch, version }: Limits, what: string): string {
  return `policy ${epoch}.${version} allows ${what}`;
}

/** Microseconds in each period. */
function cpuMost(period: number, permille: number): number {
  return Math.floor((period * permille) / PERMILLE);
}

/** Picojoules. */
function reserveMost(microwatts: number): bigint {
  return BigInt(microwatts) * RESERVE_SECONDS * PICOJOULES_PER_MICROWATT_SECOND;
}
