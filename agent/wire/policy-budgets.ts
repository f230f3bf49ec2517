// The sections of a policy that are quantities: budgets, power, telemetry, time out of reach, updates.

import { secs, u53 } from "./common.ts";
import { key, section } from "./policy-key.ts";
import { bool, list, place, range, record, rule, tuple, uint, words } from "./schema.ts";

const permille = range(0, 1000);
const percent = range(0, 100);
/** The smallest RAM that the Linux guests boot in; a partition is charged for more than its RAM. */
const RUNS_IN_BYTES = 32 << 20;
/** 1 mW in millijoules an hour. */
const MILLIWATT = 3600;
const DAY_SECONDS = 86_400;

export const BUDGET_KEYS = {
  /** The charged sum: guest RAM, machine, caches, translated code. */
  memoryBytes: key(1, u53, {
    word: "memory",
    unit: "bytes",
    lead: "at most",
    tail: " of memory",
    example: "128M",
    note: "the charged sum: RAM and overhead",
    set: true,
    limit: "memoryBytesMax",
    warns: (bytes) =>
      bytes < RUNS_IN_BYTES ? "less than a guest runs in: 32 MiB of RAM, and its overhead" : undefined,
  }),
  /** 0: must not run. */
  cpuPermille: key(2, permille, {
    word: "cpu",
    unit: "permille",
    lead: "at most",
    tail: " of a processor",
    example: "60%",
    note: "of a processor; 0% means that it must not run",
    set: true,
    limit: "cpuPermille",
    warns: (most, partition) => {
      if (most === 0) return `0 % means that ${partition} must not run at all`;
      return most < 20 ? "below 2 % a guest takes minutes to reach its shell" : undefined;
    },
  }),
  cpuWeight: key(3, range(1, 1000), {
    word: "weight",
    unit: "whole",
    lead: "a weight of at most",
    example: "100",
    note: "1 to 1000: its share of the time that nobody is guaranteed",
    set: true,
    limit: "weight",
  }),
  energyMillijoulesPerHour: key(4, uint, {
    word: "energy",
    unit: "energy",
    lead: "at most",
    example: "400mW",
    note: "or 1440J/h",
    set: true,
    limit: "energyMicrowatts",
    // Rounded down: what is left over is not granted.
    limitOf: (hourly) => Math.floor((hourly * 1000) / MILLIWATT),
    warns: (hourly, partition) => {
      if (hourly === 0) return `no energy at all: ${partition} never runs`;
      return hourly < MILLIWATT ? "less than 1 mW: the partition is throttled nearly always" : undefined;
    },
  }),
  diskBytes: key(5, u53, {
    word: "disk",
    unit: "bytes",
    lead: "at most",
    tail: " of disk",
    example: "1G",
    lacks: () => true,
  }),
  networkBytesPerDay: key(6, uint, {
    word: "network",
    unit: "bytes",
    lead: "at most",
    tail: " over the network a day",
    example: "50M",
    note: "a day",
  }),
  /** Hot guest code that may be compiled, as WebAssembly. 0: the guest is interpreted. */
  translatedBytes: key(7, u53, {
    word: "translate",
    unit: "translated",
    lead: "at most",
    tail: " of translated code",
    example: "off",
    note: "the guest is interpreted; or the most translated code, 1M to 256M",
    limit: "translatedBytesMax",
  }),
};
export const budget = rule("budget", record(BUDGET_KEYS));

const POWER_KEYS = {
  lowPercent: key(1, percent, {
    word: "low",
    unit: "percent",
    lead: "the battery is low at",
    example: "15%",
    set: true,
    warns: (low) => (low > 50 ? "the battery counts as low for more than half of the time" : undefined),
  }),
  criticalPercent: key(2, percent, {
    word: "critical",
    unit: "percent",
    lead: "the battery is critical at",
    example: "5%",
    set: true,
  }),
  lowAction: key(3, words({ keep: 0, throttle: 1, pause: 2 }), {
    word: "action",
    unit: "word",
    lead: "at a low battery:",
    example: "throttle",
    note: "keep, throttle, pause",
    set: true,
  }),
};
export const power = rule("power", record(POWER_KEYS));

const TELEMETRY_KEYS = {
  sampleSeconds: key(1, secs, {
    word: "sample",
    unit: "duration",
    lead: "measured every",
    example: "60s",
    set: true,
    warns: (seconds) => (seconds < 10 ? "measuring this often costs the battery" : undefined),
  }),
  sendSeconds: key(2, secs, {
    word: "send",
    unit: "duration",
    lead: "reported every",
    example: "15min",
    set: true,
  }),
  metrics: key(3, list(uint), {
    word: "metrics",
    unit: "numbers",
    lead: "only the metrics",
    example: "[1, 2]",
    lacks: () => true,
  }),
  bytesPerDay: key(4, uint, {
    word: "bytes-per-day",
    unit: "bytes",
    lead: "reports of at most",
    tail: " a day",
    example: "1M",
    set: true,
  }),
};
export const telemetryRule = rule("telemetry", record(TELEMETRY_KEYS));

const OFFLINE_KEYS = {
  warnAfterSeconds: key(1, secs, {
    word: "warn",
    unit: "duration",
    lead: "warned when out of reach for",
    example: "1d",
    set: true,
  }),
  lockAfterSeconds: key(2, secs, {
    word: "lock",
    unit: "duration",
    lead: "locked when out of reach for",
    example: "7d",
    set: true,
    warns: (seconds) => (seconds < DAY_SECONDS ? "locks a phone that has no network for less than a day" : undefined),
  }),
  /** 0: never. */
  wipeAfterSeconds: key(3, secs, {
    word: "wipe",
    unit: "duration-or-never",
    lead: "wiped when out of reach for:",
    example: "never",
    set: true,
    lacks: (seconds) => seconds > 0,
    warns: (seconds) => (seconds > 0 ? "loses all data of a phone that is left in a drawer for so long" : undefined),
  }),
};
export const offline = rule("offline", record(OFFLINE_KEYS));

const minute = range(0, 1439);
const UPDATES_KEYS = {
  wifiOnly: key(1, bool, { word: "wifi-only", unit: "truth", lead: "updates over Wi-Fi alone:", example: "true" }),
  /** Minutes of the day, UTC. */
  window: key(2, tuple({ from: place(minute), to: place(minute) }), {
    word: "window",
    unit: "window",
    lead: "updates between",
    tail: " UTC",
    example: "02:00-05:00",
    note: "UTC",
  }),
  batteryLeastPercent: key(3, percent, {
    word: "battery-least",
    unit: "percent",
    lead: "updates from a battery of",
    tail: " on",
    example: "30%",
  }),
  mayDefer: key(4, bool, {
    word: "may-defer",
    unit: "truth",
    lead: "its user may put updates off:",
    example: "true",
  }),
};
export const updates = rule("updates", record(UPDATES_KEYS));

/** The sections of this file. */
export const BUDGET_SECTIONS = {
  budget: section({ number: 31, schema: budget, word: "budget", keys: BUDGET_KEYS }),
  power: section({ number: 39, schema: power, word: "power", keys: POWER_KEYS }),
  telemetry: section({ number: 40, schema: telemetryRule, word: "telemetry", keys: TELEMETRY_KEYS }),
  offline: section({
    number: 41,
    schema: offline,
    word: "offline",
    keys: OFFLINE_KEYS,
    note: "when it has not reached the fleet for so long",
  }),
  updates: section({ number: 42, schema: updates, word: "updates", keys: UPDATES_KEYS, lacks: () => 0 }),
};
