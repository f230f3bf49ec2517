// The one command set. A command is defined once here, with its arguments and what it answers; the control socket, the command
// line and the shell all carry exactly these.

import { UsageError } from "./failure.ts";
import { parseMicroseconds, parseMicrowatts, parsePicojoules, UnitError } from "./handset/units.ts";
import type { CpuContract, EnergyContract, IoContract, PartitionSnapshot } from "./host/handset-messages.ts";

/** What commands act on. The monitor has one; tests bring their own. */
export interface CommandTarget {
  snapshot(): Promise<HandsetView>;
  act(op: "start" | "pause" | "resume" | "stop" | "restart", partition: number): Promise<void>;
  budget(partition: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void>;
  contracts(partition: number): { cpu: CpuContract; energy: EnergyContract | null; io: IoContract };
  console(partition: number): string;
  /** The last `count` records of the audit, and whether its chain holds. */
  audit(count: number): AuditView;
  quit(): void;
}

/** One record of the audit in words. */
export interface AuditEntry {
  sequence: number;
  /** ISO 8601, null when its start is not among the records, or had no date. */
  at: string | null;
  /** Nanoseconds since its start. */
  timeNs: number;
  partition: string | null;
  kind: string;
  text: string;
}

export interface AuditView {
  holds: boolean;
  /** What is wrong with the chain. */
  problems: string[];
  recordCount: number;
  /** Records that are known to be missing. */
  lostCount: number;
  /** Of the last record, in hexadecimal: who keeps it elsewhere can tell whether the files were replaced. */
  hash: string;
  records: AuditEntry[];
}

export interface MemoryView {
  ramBytes: number;
  overheadBytes: number;
  overhead: { name: string; bytes: number }[];
}

export type PartitionView = PartitionSnapshot & { kind: string; memory: MemoryView };

/** A handset at one moment, as `ls --json` and `top` see it. */
export interface HandsetView {
  handset: string;
  board: string;
  nowNs: number;
  busyNs: number;
  stolenNs: number;
  memory: { held: number; limit: number };
  energy: { drained: number; spent: number };
  battery: { percent: number; milliwatts: number } | null;
  partitions: PartitionView[];
}

export interface Command {
  name: string;
  summary: string;
  /** Names of positional arguments; the first is always a partition where there is one. */
  positionals: string[];
  /** Options with values. */
  options: Record<string, string>;
  /** Whether it changes something. */
  changes: boolean;
  run(target: CommandTarget, call: CommandCall): Promise<unknown>;
}

export interface CommandCall {
  positionals: string[];
  options: Record<string, string>;
}

async function partitionOf(target: CommandTarget, call: CommandCall): Promise<PartitionView> {
  const name = call.positionals[0];
  const { partitions } = await target.snapshot();
  const found = partitions.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new UsageError(
    "PARTITION_UNKNOWN",
    name === undefined ? "a partition's name is missing" : `there is no partition ${JSON.stringify(name)}`,
    `Partitions: ${partitions.map((each) => each.name).join(", ")}.`,
  );
}

function lifecycle(name: "start" | "pause" | "resume" | "stop" | "restart", summary: string): Command {
  return {
    name,
    summary,
    positionals: ["PARTITION"],
    options: {},
    changes: true,
    run: async (target, call) => {
      const { partition } = await partitionOf(target, call);
      await target.act(name, partition);
      return partitionOf(target, call);
    },
  };
}

const AUDIT_RECORDS = 20;
const AUDIT_RECORDS_MAX = 1000;

const COMMANDS: Command[] = [
  {
    name: "ls",
    summary: "lists the partitions",
    positionals: [],
    options: {},
    changes: false,
    run: (target) => target.snapshot(),
  },
  {
    name: "inspect",
    summary: "everything that is known of a partition",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: partitionOf,
  },
  {
    name: "why",
    summary: "in words: why a partition is as it is, and how long its energy lasts",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: async (target, call) => why(await partitionOf(target, call)),
  },
  {
    name: "log",
    summary: "the last 64 KiB of a partition's console",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: async (target, call) => target.console((await partitionOf(target, call)).partition),
  },
  {
    name: "audit",
    summary: "what was done to the handset, and whether the record of it is whole",
    positionals: [],
    options: { last: `how many records, at most ${AUDIT_RECORDS_MAX}; ${AUDIT_RECORDS} if not said` },
    changes: false,
    run: (target, { options }) => {
      const last = options["last"] === undefined ? AUDIT_RECORDS : Number(options["last"]);
      if (!Number.isInteger(last) || last < 0 || last > AUDIT_RECORDS_MAX)
        throw new UsageError("USAGE", `--last is a whole number up to ${AUDIT_RECORDS_MAX}`);
      return Promise.resolve(target.audit(last));
    },
  },
  lifecycle("start", "starts a stopped partition"),
  lifecycle("pause", "takes the processor away from a partition"),
  lifecycle("resume", "gives it back"),
  lifecycle("stop", "ends a partition; its memory returns"),
  lifecycle("restart", "ends a partition and starts it afresh"),
  {
    name: "budget",
    summary: "changes a partition's budgets, live",
    positionals: ["PARTITION"],
    options: {
      budget: "guaranteed time in each period, such as 20ms; 0ms for none",
      period: "such as 100ms",
      ceiling: "most time in each period, or none; 0ms: does not run",
      weight: "share of what is left",
      "energy-rate": "such as 250mW",
      "energy-capacity": "such as 5J",
      memory: "refused: memory changes at the next start only",
    },
    changes: true,
    run: changeBudget,
  },
  {
    name: "down",
    summary: "ends the handset",
    positionals: [],
    options: {},
    changes: true,
    run: (target) => {
      target.quit();
      return Promise.resolve(null);
    },
  },
];

/** All commands, in the order in which help lists them. */
export function commands(): readonly Command[] {
  return COMMANDS;
}

/** A command by name. Throws UsageError. */
export function commandNamed(name: string): Command {
  const found = COMMANDS.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new UsageError(
    "COMMAND_UNKNOWN",
    `there is no command ${JSON.stringify(name)}`,
    `Commands: ${COMMANDS.map((each) => each.name).join(", ")}.`,
  );
}

async function changeBudget(target: CommandTarget, call: CommandCall): Promise<unknown> {
  const view = await partitionOf(target, call);
  const { options } = call;
  if (options["memory"] !== undefined) {
    throw new UsageError(
      "ADMIT_MEMORY_LIVE",
      "guest memory changes at the next start only, because WebAssembly gives touched memory back only with its instance",
      "Change the handset file and start the handset again.",
    );
  }
  if (Object.keys(options).length === 0)
    throw new UsageError("USAGE", "nothing to change", "See: pocketvisor budget --help");
  const { cpu, energy, io } = target.contracts(view.partition);
  const next: CpuContract = { ...cpu };
  let nextEnergy = energy === null ? null : { ...energy };
  try {
    if (options["budget"] !== undefined) next.budget = parseMicroseconds(options["budget"]);
    if (options["period"] !== undefined) next.period = parseMicroseconds(options["period"]);
    if (options["ceiling"] !== undefined) {
      next.ceiling = options["ceiling"] === "none" ? null : parseMicroseconds(options["ceiling"]);
    }
    if (options["weight"] !== undefined) next.weight = Number(options["weight"]);
    if (options["energy-rate"] !== undefined || options["energy-capacity"] !== undefined) {
      nextEnergy ??= { capacity: 1_000_000_000_000n, rate: 0 };
      if (options["energy-rate"] !== undefined) nextEnergy.rate = parseMicrowatts(options["energy-rate"]);
      if (options["energy-capacity"] !== undefined) nextEnergy.capacity = parsePicojoules(options["energy-capacity"]);
    }
  } catch (error) {
    if (error instanceof UnitError) throw new UsageError("USAGE", error.message);
    throw error;
  }
  next.class = next.budget > 0 ? "guaranteed" : "best-effort";
  if (!Number.isInteger(next.weight) || next.weight < 0)
    throw new UsageError("USAGE", "the weight must be a whole number");
  await target.budget(view.partition, next, nextEnergy, io);
  return partitionOf(target, call);
}

const SECONDS_PER_HOUR = 3600;

/** A partition's condition in sentences. */
function why(view: PartitionView): string {
  const { cpu, energy } = view;
  const share = (time: number): string => `${((time / cpu.period) * 100).toFixed(0)} %`;
  const lines = [`${view.name} is ${view.state}${view.reason === "" ? "" : `: ${view.reason}`}.`];
  if (view.state === "running") {
    if (view.throttledBy === "cpu") lines.push("It is held back now: its processor time of this period is used up.");
    else if (view.throttledBy === "energy") lines.push("It is held back now: its energy reserve is empty.");
    else if (view.sleeping) lines.push("It sleeps until a timer or an input comes; that costs nothing.");
    else lines.push("It runs, or waits its turn.");
    if (view.waitsForDevice)
      lines.push("A limit, or its reserve, holds back what it asked of its disk or console until it may pass.");
  }
  const guaranteed =
    cpu.class === "guaranteed"
      ? `${share(cpu.budget)} of a processor is guaranteed`
      : "No processor time is guaranteed";
  const capped = cpu.ceiling === null ? "there is no ceiling" : `the ceiling is ${share(cpu.ceiling)}`;
  lines.push(
    `${guaranteed}, ${capped}; it was held back ${cpu.throttledTotal} times for ${(cpu.throttledNs / 1e6).toFixed(0)} ms in all.`,
  );
  if (energy.contract === null) lines.push(`There is no energy contract; it has spent ${millijoules(energy.spent)}.`);
  else {
    const watts = (energy.contract.rate / 1e6).toFixed(3);
    lines.push(
      `Its reserve holds ${millijoules(energy.level)} of ${millijoules(energy.contract.capacity)} and is filled with ${watts} W; ` +
        `it has spent ${millijoules(energy.spent)} and was held back ${energy.throttledTotal} times for want of energy.`,
      projection(view),
    );
  }
  if (view.restarts > 0) lines.push(`It was restarted ${view.restarts} times.`);
  for (const device of view.io) {
    if (device.throttledTotal > 0)
      lines.push(`${device.name}: held back ${device.throttledTotal} times by its rate limit.`);
  }
  return lines.join("\n");
}

/** How long the reserve lasts if the partition goes on as it did on average. */
function projection({ energy, cpu, instructions }: PartitionView): string {
  if (energy.contract === null || instructions === 0 || cpu.timeNs === 0)
    return "It has not run yet, so nothing can be projected.";
  // Picojoules a nanosecond are milliwatts.
  const active = energy.spent / cpu.timeNs;
  const rate = energy.contract.rate / 1e3;
  if (active <= rate)
    return `Running without a pause it would draw ${active.toFixed(0)} mW, less than its rate: it lasts for ever.`;
  const hours = energy.level / 1e9 / (active - rate) / SECONDS_PER_HOUR;
  return `Running without a pause it would draw ${active.toFixed(0)} mW and empty its reserve in ${hours.toFixed(2)} h.`;
}

function millijoules(picojoules: number): string {
  return picojoules >= 1e12 ? `${(picojoules / 1e12).toFixed(2)} J` : `${(picojoules / 1e9).toFixed(1)} mJ`;
}
