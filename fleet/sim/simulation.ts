// A simulation: devices are made, spread over processes, started, watched, settled, and removed.
//
//   made → started, so many a second → the time that was asked for → settled: no more samples, queues run empty → left → compared → removed

import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { buildProduct } from "../../agent/paths.ts";
import { FleetError } from "../failure.ts";
import { pinOf } from "../keys.ts";
import { FleetLink, type BrokerOptions } from "../link.ts";
import type { FleetStore } from "../store.ts";
import { base } from "../topics.ts";
import { makeDevices, newRun, removeRun, type DeviceTerms, type MadeDevice } from "./devices.ts";
import type { DeviceFacts, FromHerd, HerdCounts, ProcessCost, ToHerd } from "./messages.ts";
import { Spread } from "./spread.ts";
import { Witness, type Losses } from "./witness.ts";

/** Devices of one process, and what each of them holds open: its queue and its connection. */
const PER_PROCESS = 2_500;
const DESCRIPTORS_EACH = 2;
const DESCRIPTORS_REST = 64;
const PROCESSES_MAX = 8;
/** How long the queues may take to run empty: a device that lost its link waits up to 300 s for its next try. */
const SETTLE_MS = 330_000;
/** And after Ctrl-C. */
const HURRY_MS = 10_000;
const LEAVE_MS = 60_000;
const LOOK_MS = 200;
const TELL_MS = 1_000;
/** Publishes of the operator's that are on their way together. */
const TOGETHER = 64;

export interface SimulationPlan {
  count: number;
  intervalSeconds: number;
  /** Devices that start in a second. */
  perSecond: number;
  /** From the start of the first device on; null: until the person ends it. */
  seconds: number | null;
  terms: DeviceTerms;
  /** How the operator reaches the same broker. */
  link: BrokerOptions;
  /** Keep what was made. */
  keep: boolean;
}

export interface SimulationPorts {
  now(): number;
  signal: AbortSignal;
  /** Once a second. */
  progress(state: SimulationState): void;
}

export interface SimulationState {
  phase: "making" | "running" | "settling" | "leaving" | "removing";
  /** Since the first device started. */
  seconds: number;
  made: number;
  counts: HerdCounts;
  received: number;
  returns: Spread;
}

export interface SimulationReport extends Losses {
  run: string;
  devices: number;
  processes: number;
  /** How many were connected when they left. */
  connected: number;
  counts: HerdCounts;
  received: number;
  duplicates: number;
  broken: number;
  /** Records that still waited. */
  waiting: number;
  spread: Spread;
  seconds: number;
  cost: ProcessCost;
}

const NONE: HerdCounts = {
  ...{ connected: 0, lostLinks: 0, failedTries: 0, records: 0, acknowledged: 0, waiting: 0, policies: 0, commands: 0 },
};

/** Into how many processes devices are put. Throws SIM_TOO_MANY for more than this computer lets a process open. */
export function processesFor(count: number): number {
  const limit = Math.floor((descriptorLimit() - DESCRIPTORS_REST) / DESCRIPTORS_EACH);
  const processes = Math.ceil(count / Math.min(PER_PROCESS, Math.max(1, limit)));
  if (processes <= PROCESSES_MAX) return processes;
  const what = `${count} devices are too many for ${PROCESSES_MAX} processes that may open ${descriptorLimit()} files each`;
  throw new FleetError("SIM_TOO_MANY", what, "Simulate fewer, or raise the limit (ulimit -n).");
}

/** Linux: /proc/self/limits. Elsewhere nothing says so beforehand. */
function descriptorLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

/** A process full of devices, as seen from here. */
class HerdProcess {
  counts = NONE;
  cost: ProcessCost = { residentBytes: 0, cpuSeconds: 0 };
  facts: DeviceFacts[] | null = null;
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private failure: string | null = null;

  constructor(spread: Spread) {
    const child = (this.child = fork(buildProduct("sim-worker.mjs"), [], {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }));
    this.ended = new Promise((resolve) => child.once("exit", () => resolve()));
    child.on("error", (error) => (this.failure = error.message));
    child.once("exit", (code, signal) => {
      if (this.facts === null) this.failure ??= `it ended (${signal ?? `status ${code ?? -1}`})`;
    });
    child.on("message", (message: FromHerd) => {
      if (message.kind === "failed") this.failure = message.message;
      else if (message.kind === "left") this.facts = message.facts;
      else {
        [this.counts, this.cost] = [message.counts, message.cost];
        for (const each of message.returns) spread.add(each);
      }
    });
  }

  send(message: ToHerd): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  /** Throws SIM_PROCESS when the process is gone that should not be. */
  check(): void {
    if (this.failure === null) return;
    throw new FleetError("SIM_PROCESS", `a process of simulated devices failed: ${this.failure}`);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

/** Runs a simulation to its end, and removes what it made. */
export async function simulate(
  store: FleetStore,
  plan: SimulationPlan,
  ports: SimulationPorts,
): Promise<SimulationReport> {
  const run = newRun();
  const simulation = new Simulation(store, run, plan, ports);
  try {
    return await simulation.run();
  } finally {
    await simulation.close();
  }
}

class Simulation {
  private readonly state: SimulationState = {
    ...{ phase: "making", seconds: 0, made: 0, counts: NONE, received: 0, returns: new Spread() },
  };
  private readonly processes: HerdProcess[] = [];
  private devices: MadeDevice[] = [];
  private witness: Witness | null = null;
  private startedAt = 0;
  private toldAt = -Infinity;

  constructor(
    private readonly store: FleetStore,
    private readonly word: string,
    private readonly plan: SimulationPlan,
    private readonly ports: SimulationPorts,
  ) {}

  async run(): Promise<SimulationReport> {
    const { store, plan, ports, state, word } = this;
    const { count, terms, intervalSeconds, perSecond } = plan;
    const processCount = processesFor(count);
    // Before anything is made: whether there is a broker, and what it speaks.
    const probe = await FleetLink.connect(plan.link);
    await probe.close();
    this.devices = await makeDevices(store, word, count, terms, ports.now(), (made) => {
      state.made = made;
      this.tell();
      return !ports.signal.aborted;
    });
    const names = this.devices.map(({ name }) => name);
    this.witness = new Witness(store.tenant, names);
    await this.witness.connect(plan.link, probe.protocol);
    const settings = { intervalSeconds, perSecond: perSecond / processCount, pin: pinOf(store) };
    for (let at = 0; at < processCount; at++) this.processes.push(new HerdProcess(state.returns));
    this.startedAt = performance.now();
    for (const [at, each] of this.processes.entries()) {
      const devices = this.devices.filter((_, index) => index % processCount === at);
      each.send({ kind: "start", devices, settings });
    }
    const { seconds } = plan;
    await this.phase("running", seconds === null ? Infinity : seconds * 1000, () => ports.signal.aborted);
    this.send({ kind: "settle" });
    // What was counted last may be a second old.
    const settledAt = performance.now();
    const isSettled = (): boolean => {
      const { connected, waiting } = state.counts;
      return performance.now() - settledAt > 3 * TELL_MS && waiting === 0 && connected === names.length;
    };
    const hurry = (): boolean => ports.signal.aborted && performance.now() - settledAt > HURRY_MS;
    await this.phase("settling", SETTLE_MS, () => isSettled() || hurry());
    const { connected } = state.counts;
    this.send({ kind: "leave" });
    await this.phase("leaving", LEAVE_MS, () => this.processes.every(({ facts }) => facts !== null));
    await this.witness.quiet();
    return this.report(connected);
  }

  /** Ends whatever is left, and removes what was made. */
  async close(): Promise<void> {
    for (const each of this.processes) each.kill();
    await Promise.all(this.processes.map(({ ended }) => ended));
    await this.witness?.close().catch(() => undefined);
    if (this.plan.keep) return;
    this.state.phase = "removing";
    this.tell();
    const names = removeRun(this.store, this.word);
    if (names.length > 0) await forgetStates(this.store, this.plan.link, names).catch(() => undefined);
  }

  private send(message: ToHerd): void {
    for (const each of this.processes) each.send(message);
  }

  /** Looks again and again until it is over. */
  private async phase(name: SimulationState["phase"], limitMs: number, over: () => boolean): Promise<void> {
    this.state.phase = name;
    for (const end = performance.now() + limitMs; performance.now() < end && !over();) {
      for (const each of this.processes) each.check();
      this.tell();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  private tell(): void {
    const now = performance.now();
    const { state, processes, witness } = this;
    state.counts = sumOf(processes.map(({ counts }) => counts));
    if (now - this.toldAt < TELL_MS) return;
    this.toldAt = now;
    state.seconds = this.startedAt === 0 ? 0 : (now - this.startedAt) / 1000;
    state.received = witness?.receivedCount ?? 0;
    this.ports.progress(state);
  }

  private report(connected: number): SimulationReport {
    const { processes, state } = this;
    const witness = this.witness!;
    const facts = processes.flatMap((each) => each.facts ?? []);
    if (facts.length < this.devices.length) {
      throw new FleetError("SIM_PROCESS", "not all simulated devices have left in time; nothing can be said of losses");
    }
    const costs = processes.map(({ cost }) => cost);
    return {
      ...{ run: this.word, devices: this.devices.length, processes: processes.length, connected },
      counts: sumOf(processes.map(({ counts }) => counts)),
      ...{ received: witness.receivedCount, duplicates: witness.duplicateCount, broken: witness.brokenCount },
      ...witness.losses(facts),
      waiting: facts.reduce((sum, { waiting }) => sum + waiting, 0),
      spread: state.returns,
      seconds: (performance.now() - this.startedAt) / 1000,
      cost: {
        residentBytes: costs.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
        cpuSeconds: costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      },
    };
  }
}

/** The broker keeps the last state and report of every device; of these it shall not. */
export async function forgetStates(store: FleetStore, link: BrokerOptions, names: readonly string[]): Promise<void> {
  const session = await FleetLink.connect(link);
  try {
    const topics = names.flatMap((name) =>
      ["state", "rep", "rep/work"].map((what) => `${base(store.tenant)}/${name}/up/${what}`),
    );
    for (let at = 0; at < topics.length; at += TOGETHER) {
      const some = topics.slice(at, at + TOGETHER);
      await Promise.all(some.map((topic) => session.publish(topic, new Uint8Array(0), true)));
    }
  } finally {
    await session.close();
  }
}

function sumOf(all: HerdCounts[]): HerdCounts {
  const sum = { ...NONE };
  for (const each of all) for (const key of Object.keys(sum) as (keyof HerdCounts)[]) sum[key] += each[key];
  return sum;
}
