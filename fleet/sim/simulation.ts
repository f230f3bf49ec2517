// A simulation: devices are made, spread over processes, started, watched, settled, and removed.
//
//   made → started, so many a second → the time that was asked for → settled: no more samples, queues run empty → left → compared → removed

import { FleetError } from "../failure.ts";
import { pinOf } from "../keys.ts";
import { FleetLink, type BrokerOptions } from "../link.ts";
import type { FleetStore } from "../store.ts";
import {
  devicesOf,
  forgetStates,
  makeDevices,
  newRun,
  removeRun,
  type DeviceTerms,
  type MadeDevice,
} from "./devices.ts";
import { HerdProcess, NONE, processesFor } from "./herd-process.ts";
import type { HerdCounts, ProcessCost, ToHerd } from "./messages.ts";
import { Spread } from "./spread.ts";
import { Witness, type Losses } from "./witness.ts";

/** How long the queues may take to run empty: a device that lost its link waits up to 300 s for its next try. */
const SETTLE_MS = 330_000;
/** And after Ctrl-C. */
const HURRY_MS = 10_000;
const LEAVE_MS = 60_000;
const LOOK_MS = 200;
const TELL_MS = 1_000;

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
  /** Whether enough was seen, whatever time is left. */
  over?(): boolean;
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
  /** Why what was made is still there; empty: it is not, or was to be kept. */
  leftover: string;
  cost: ProcessCost;
}

/** Runs a simulation to its end, and removes what it made. */
export async function simulate(
  store: FleetStore,
  plan: SimulationPlan,
  ports: SimulationPorts,
): Promise<SimulationReport> {
  const run = newRun();
  const simulation = new Simulation(store, run, plan, ports);
  let report: SimulationReport;
  try {
    report = await simulation.run();
  } catch (error) {
    await simulation.close();
    throw error;
  }
  return { ...report, leftover: await simulation.close() };
}

class Simulation {
  private readonly store: FleetStore;
  private readonly word: string;
  private readonly plan: SimulationPlan;
  private readonly ports: SimulationPorts;
  private readonly state: SimulationState = {
    ...{ phase: "making", seconds: 0, made: 0, counts: NONE, received: 0, returns: new Spread() },
  };
  private readonly processes: HerdProcess[] = [];
  private devices: MadeDevice[] = [];
  private witness: Witness | null = null;
  private startedAt = 0;
  private toldAt = -Infinity;

  constructor(store: FleetStore, word: string, plan: SimulationPlan, ports: SimulationPorts) {
    this.store = store;
    this.word = word;
    this.plan = plan;
    this.ports = ports;
  }

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
    await this.phase(
      "running",
      seconds === null ? Infinity : seconds * 1000,
      () => ports.signal.aborted || ports.over?.() === true,
    );
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

  /** Ends whatever is left, and removes what was made: first from the broker, as long as it is known here what is to be removed. Returns why it
   *  could not; empty when nothing is left. */
  async close(): Promise<string> {
    for (const each of this.processes) each.kill();
    await Promise.all(this.processes.map(({ ended }) => ended));
    await this.witness?.close().catch(() => undefined);
    if (this.plan.keep) return "";
    this.state.phase = "removing";
    this.tell();
    const names = devicesOf(this.store, this.word);
    try {
      if (names.length > 0) await forgetStates(this.store, this.plan.link, names);
    } catch (error) {
      return (error as Error).message;
    }
    removeRun(this.store, this.word);
    return "";
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
      leftover: "",
      seconds: (performance.now() - this.startedAt) / 1000,
      cost: {
        residentBytes: costs.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
        cpuSeconds: costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      },
    };
  }
}

function sumOf(all: HerdCounts[]): HerdCounts {
  const sum = { ...NONE };
  for (const each of all) for (const key of Object.keys(sum) as (keyof HerdCounts)[]) sum[key] += each[key];
  return sum;
}
