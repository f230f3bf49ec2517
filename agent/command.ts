// The one command set. A command is defined once here, with its arguments and what it answers; the control socket, the command
// line and the shell all carry exactly these.

import { UsageError } from "./failure.ts";
import { parseMicroseconds, parseMicrowatts, parsePercent, parsePicojoules, UnitError } from "./handset/units.ts";
import { whyHandset, whyNetwork, whyPartition } from "./why.ts";
import type { CpuContract, EnergyContract, IoContract } from "./handset/contracts.ts";
import type { AuditView, HandsetView, NetworkView, PartitionView, RegisterDump } from "./view.ts";

/** What commands act on. The monitor has one; tests bring their own. */
export interface CommandTarget {
  snapshot(): Promise<HandsetView>;
  /** Stop and restart press the power key and wait, or cut now. Returns how what ran has ended, in words; null: nothing had to. */
  act(op: "start" | "pause" | "resume" | "stop" | "restart", partition: number, now?: boolean): Promise<string | null>;
  budget(partition: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void>;
  contracts(partition: number): { cpu: CpuContract; energy: EnergyContract | null; io: IoContract };
  console(partition: number): string;
  /** The registers of its last failure; null: it has not failed. Throws UsageError while they are not to be seen. */
  registers(partition: number): Promise<RegisterDump | null>;
  /** Where its guest spends its time, sampled for so long. */
  profile(partition: number, seconds: number): Promise<unknown>;
  /** Unlocks a partition's console. */
  unlockConsole(partition: string, code: string): Promise<void>;
  lockConsole(partition: string): void;
  /** Sets its unlock code; `old` is the present one, if there is one. */
  setCode(partition: string, code: string, old: string | null): Promise<void>;
  /** The last `count` records of the audit, and whether its chain holds. */
  audit(count: number): AuditView;
  /** What can be seen of a partition's network; null: it has none, or does not run. */
  network(partition: number): Promise<NetworkView | null>;
  /** Ends the handset: in order, or now. */
  quit(now: boolean): void;
}

export interface Command {
  name: string;
  summary: string;
  /** Names of positional arguments, in brackets when they may be left out; the first is always a partition where there is one. */
  positionals: string[];
  /** Options with values. */
  options: Record<string, string>;
  /** Options without a value: "true" where they are given. */
  flags?: Record<string, string>;
  /** Whether it changes something. */
  changes: boolean;
  /** Options that nobody else is to see: typed at a terminal, or read from standard input, never an argument. Such a command is in no script. */
  secrets?: string[];
  run(target: CommandTarget, call: CommandCall): Promise<unknown>;
}

export interface CommandCall {
  positionals: string[];
  options: Record<string, string>;
}

async function partitionOf(target: CommandTarget, call: CommandCall): Promise<PartitionView> {
  return (await viewOf(target, call)).partition;
}

async function viewOf(
  target: CommandTarget,
  call: CommandCall,
): Promise<{ partition: PartitionView; view: HandsetView }> {
  const name = call.positionals[0];
  const view = await target.snapshot();
  const { partitions } = view;
  const partition = partitions.find((each) => each.name === name);
  if (partition !== undefined) return { partition, view };
  throw new UsageError(
    "PARTITION_UNKNOWN",
    name === undefined ? "a partition's name is missing" : `there is no partition ${JSON.stringify(name)}`,
    `Partitions: ${partitions.map((each) => each.name).join(", ")}.`,
  );
}

/** A failed partition with the registers of its failure, as far as they may be seen now. */
async function withRegisters(target: CommandTarget, partition: PartitionView): Promise<PartitionView> {
  if (partition.crash === null) return partition;
  try {
    return { ...partition, crash: { ...partition.crash, ...(await target.registers(partition.partition)) } };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return partition;
  }
}

/** Of whatever ends a guest. */
const NOW = { now: "cuts the power at once: what the guest has not written is lost" };

function lifecycle(
  name: "start" | "pause" | "resume" | "stop" | "restart",
  summary: string,
  flags: Record<string, string> = {},
): Command {
  return {
    name,
    summary,
    positionals: ["PARTITION"],
    options: {},
    flags,
    changes: true,
    run: async (target, call) => {
      const { partition, state } = await partitionOf(target, call);
      // What is so already needs no order: a rule may ask for it again and again.
      if (ALREADY[name].includes(state)) return partitionOf(target, call);
      const ending = await target.act(name, partition, flagOf(call, "now"));
      return { ...(await partitionOf(target, call)), ...(ending ? { ending } : {}) };
    },
  };
}

/** Whether an option without a value is given. Throws UsageError. */
function flagOf({ options }: CommandCall, name: string): boolean {
  const text = options[name] ?? "false";
  if (text !== "true" && text !== "false") throw new UsageError("USAGE", `--${name} takes no value`);
  return text === "true";
}

const PROFILE_SECONDS = "10";
const PROFILE_SECONDS_MAX = 600;
/** States in which a command has nothing to do. */
const ALREADY: Record<"start" | "pause" | "resume" | "stop" | "restart", readonly string[]> = {
  start: ["running"],
  pause: ["paused"],
  resume: ["running"],
  stop: ["stopped"],
  restart: [],
};

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
    summary: "shows everything known about a partition and its battery",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: async (target, call) => {
      const { partition, view } = await viewOf(target, call);
      return { ...(await withRegisters(target, partition)), battery: view.battery, thermal: view.thermal };
    },
  },
  {
    name: "why",
    summary: "explains in words what a partition or the handset is doing, and how long its energy lasts",
    positionals: ["[PARTITION]"],
    options: {},
    changes: false,
    run: async (target, call) => {
      if (call.positionals.length === 0) return whyHandset(await target.snapshot());
      const { partition, view } = await viewOf(target, call);
      const network = await target.network(partition.partition);
      const why = whyPartition(await withRegisters(target, partition), view);
      return [why, network === null ? "" : whyNetwork(network)].filter((part) => part !== "").join(" ");
    },
  },
  {
    name: "net",
    summary: "what a partition's network does: flows, names, bytes, what was refused and why",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: async (target, call) => target.network((await partitionOf(target, call)).partition),
  },
  {
    name: "log",
    summary: "prints the last 64 KiB of a partition's console",
    positionals: ["PARTITION"],
    options: {},
    changes: false,
    run: async (target, call) => target.console((await partitionOf(target, call)).partition),
  },
  {
    name: "profile",
    summary: "where a partition's guest spends its time",
    positionals: ["PARTITION"],
    options: { seconds: `how long to look, at most ${PROFILE_SECONDS_MAX}; ${PROFILE_SECONDS} if not said` },
    changes: false,
    run: async (target, call) => {
      const { seconds = PROFILE_SECONDS } = call.options;
      const span = Number(seconds);
      if (!(span > 0 && span <= PROFILE_SECONDS_MAX))
        throw new UsageError("USAGE", `--seconds is a number up to ${PROFILE_SECONDS_MAX}`);
      return target.profile((await partitionOf(target, call)).partition, span);
    },
  },
  {
    name: "audit",
    summary: "lists what was done to the handset, and checks that the record is whole",
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
  lifecycle("pause", "pauses a partition: it gets no processor time"),
  lifecycle("resume", "resumes a paused partition"),
  lifecycle("stop", "has a partition power off, or cuts it; its memory returns", NOW),
  lifecycle("restart", "has a partition power off, or cuts it, and starts it afresh", NOW),
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
      "energy-share": "of what else the battery loses, such as 30%, instead of a rate",
      "energy-capacity": "such as 5J",
      memory: "refused: memory changes at the next start only",
    },
    changes: true,
    run: changeBudget,
  },
  {
    name: "unlock",
    summary: "unlocks the console of a partition whose policy locks it",
    positionals: ["PARTITION"],
    options: {},
    secrets: ["code"],
    changes: true,
    run: async (target, call) => {
      await partitionOf(target, call);
      await target.unlockConsole(call.positionals[0]!, call.options["code"] ?? "");
      return null;
    },
  },
  {
    name: "lock",
    summary: "locks the partition's console",
    positionals: ["PARTITION"],
    options: {},
    changes: true,
    run: async (target, call) => {
      await partitionOf(target, call);
      target.lockConsole(call.positionals[0]!);
      return null;
    },
  },
  {
    name: "code",
    summary: "sets or changes the code that unlocks a partition's console",
    positionals: ["PARTITION"],
    options: {},
    secrets: ["old", "code"],
    changes: true,
    run: async (target, call) => {
      await partitionOf(target, call);
      const { code = "", old = null } = call.options;
      await target.setCode(call.positionals[0]!, code, old);
      return null;
    },
  },
  {
    name: "down",
    summary: "has all partitions power off, and ends the handset",
    positionals: [],
    options: {},
    flags: NOW,
    changes: true,
    run: (target, call) => {
      target.quit(flagOf(call, "now"));
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
    const [rate, share] = [options["energy-rate"], options["energy-share"]];
    if (rate !== undefined && share !== undefined)
      throw new UsageError("USAGE", "a reserve is filled at a rate or by a share, not by both");
    if (rate !== undefined || share !== undefined || options["energy-capacity"] !== undefined) {
      nextEnergy ??= { capacity: 1_000_000_000_000n, rate: 0, share: 0 };
      if (rate !== undefined) [nextEnergy.rate, nextEnergy.share] = [parseMicrowatts(rate), 0];
      if (share !== undefined) [nextEnergy.rate, nextEnergy.share] = [0, Math.floor(parsePercent(share) * 10_000)];
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

/** Carries a command out that came as words. Throws UsageError for what it does not know. */
export function runNamed(
  target: CommandTarget,
  name: string,
  positionals: string[],
  options: Record<string, string>,
): Promise<unknown> {
  const command = commandNamed(name);
  const known = [...Object.keys(command.options), ...Object.keys(command.flags ?? {}), ...(command.secrets ?? [])];
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown !== undefined) throw new UsageError("USAGE", `${name} has no option --${unknown}`);
  if (positionals.length > command.positionals.length) throw new UsageError("USAGE", `${name} has too many arguments`);
  return command.run(target, { positionals, options });
}
