// One simulated device: the agent as it runs on phones, and in the monitor's place a few lines that say what a monitor says. What the fleet sends is
// judged by the same accept() twice, as on a phone; nothing of it is enforced, because there is nothing to enforce it on.

import type { AgentMessage, MonitorMessage, SampleBody } from "../../agent/agent-messages.ts";
import { nodeCrypto } from "../../agent/identity/crypto.ts";
import type { DeviceKey } from "../../agent/identity/device-key.ts";
import type { Clock } from "../../agent/link/clock.ts";
import { SECTIONS, type SectionName } from "../../agent/wire/policy.ts";
import { Agent } from "../../agent/daemon/agent.ts";
import type { Enrolment } from "../../agent/daemon/enrolment.ts";
import type { Metrics } from "../../agent/daemon/metrics.ts";
import { accept, type Via } from "../../agent/wire/accept.ts";
import type { Ack, Command } from "../../agent/wire/commands.ts";
import type { Policy } from "../../agent/wire/policy.ts";
import { HANDSET_EVENTS } from "../../agent/wire/reasons.ts";
import type { Info, Reported } from "../../agent/wire/reports.ts";
import { encodeTrust, type Trust } from "../../agent/wire/trust.ts";

/** The board of a device that is none. */
export const SIMULATED = "simulated";
/** One sample in so many comes with an event, which the broker has to acknowledge. */
const EVENT_EVERY = 4;
/** How long samples wait when there will be no more. */
const SETTLED_SECONDS = 1;
const NO_IMAGE = new Uint8Array(32);
const NOTICE = 5;
/** A day's bytes are the policy's affair, and no limit for a load. */
const BYTES_PER_DAY = 2 ** 40;

type Partition = Info["partitions"][number];
type State = NonNullable<SampleBody["partitions"]>[number]["state"];

const PARTITIONS: Partition[] = [
  { id: 1, name: "work", kind: "work", image: NO_IMAGE },
  { id: 2, name: "private", kind: "personal", image: NO_IMAGE },
];

export interface SimulatedHandsetOptions {
  /** The agent's folder. */
  folder: string;
  enrolment: Enrolment;
  key: DeviceKey;
  keyPem: string | null;
  label: string;
  trust: Trust;
  intervalSeconds: number;
  clock: Clock;
  random: () => number;
  /** The link came or went, or a try failed. */
  link: (up: boolean, why: string) => void;
  ended: () => void;
}

export class SimulatedHandset {
  readonly name: string;
  private readonly options: SimulatedHandsetOptions;
  private readonly agent: Agent;
  private readonly facts: Info;
  private readonly reports = new Map<string, Reported>();
  private trust: Trust;
  private state: State = "running";
  private ticks = 0;
  private cancelTick: () => void = () => {};
  private startedAt = 0;
  private greeted = false;
  /** What was asked for before it started counts all the same. */
  private settled = false;
  private leaving = false;
  /** Seconds between two samples, and until a sample is sent. */
  private seconds: number;
  policyCount = 0;
  commandCount = 0;

  /** Opens the agent's queue. Throws what the agent throws for an enrolment that cannot be used. */
  constructor(options: SimulatedHandsetOptions) {
    const { folder, enrolment, key, keyPem, clock, random, label } = options;
    this.options = options;
    this.name = key.name;
    this.trust = options.trust;
    this.seconds = options.intervalSeconds;
    const versions = { agent: SIMULATED, hypervisor: SIMULATED };
    this.facts = { board: SIMULATED, ...versions, serial: label, ramBytes: 1 << 30, partitions: PARTITIONS };
    this.agent = new Agent({
      folder,
      enrolment,
      key,
      keyPem,
      clock,
      random,
      // Over a channel between processes no message is answered before the call that sent it returns.
      tell: (message) => Promise.resolve().then(() => this.hear(message)),
      trouble: () => {},
      ended: options.ended,
    });
  }

  /** Starts the agent, and the samples: the first after a random part of the interval, so that devices do not talk in step. */
  start(): void {
    if (this.leaving) return;
    const { clock, random } = this.options;
    this.startedAt = clock.now();
    this.agent.start();
    if (this.settled) return;
    this.cancelTick = clock.after(random() * this.seconds * 1000, () => this.tick());
  }

  /** No more samples; what waits is sent at once. */
  settle(): void {
    this.settled = true;
    this.cancelTick();
    this.seconds = SETTLED_SECONDS;
    this.sayTrust();
  }

  /** The device leaves the fleet: what waits is sent, then its session ends and the broker keeps nothing for it. */
  leave(): void {
    this.leaving = true;
    this.cancelTick();
    this.say({ kind: this.greeted ? "retire" : "quit" });
  }

  get metrics(): Metrics {
    return this.agent.metrics();
  }

  private say(message: MonitorMessage): void {
    this.agent.take(message);
  }

  private get settings(): Extract<MonitorMessage, { kind: "trust" }>["settings"] {
    return { sampleSeconds: 0, sendSeconds: this.seconds, bytesPerDay: BYTES_PER_DAY };
  }

  private hear(message: AgentMessage): void {
    if (message.kind === "link") return this.options.link(message.up, message.why);
    if (message.kind === "document") return this.document(message.via, message.bytes);
    if (message.kind !== "ready") return;
    this.greeted = true;
    const { clock } = this.options;
    const { groups } = this.trust;
    this.say({ kind: "time", session: clock.wall() });
    this.say({ kind: "hello", facts: this.facts, trust: encodeTrust(this.trust), groups, settings: this.settings });
  }

  private document(via: Via, bytes: Uint8Array): void {
    const { clock, key } = this.options;
    const device = { id: key.id, board: SIMULATED, partitions: PARTITIONS };
    const times = { rtc: clock.wall(), session: clock.wall(), nonce: null, answered: false };
    const verdict = accept(bytes, via, device, this.trust, nodeCrypto, times);
    if (verdict.verdict !== "accepted") return this.sayTrust();
    this.trust = verdict.trust;
    this.sayTrust();
    const { accepted, hash } = verdict;
    if (accepted.kind === "lock") {
      this.state = accepted.document.others.desired === "unlocked" ? "running" : "locked";
      const { id } = accepted.document;
      this.say({ kind: "ack", ack: { id, time: clock.wall(), status: "succeeded" } });
    }
    if (accepted.kind === "cmd") this.command(accepted.document);
    if (accepted.kind !== "pol") return;
    const { partition, epoch, version } = accepted.document;
    const rest = { hash, appliedAt: clock.wall(), sections: sectionsOf(accepted.document) };
    this.policyCount++;
    this.reports.set(partition, { policy: { epoch, version }, ...rest });
    this.sayReports();
  }

  private sayTrust(): void {
    const { groups } = this.trust;
    this.say({ kind: "trust", trust: encodeTrust(this.trust), groups, settings: this.settings });
  }

  private sayReports(): void {
    for (const [partition, reported] of this.reports) this.say({ kind: "reported", partition, reported });
  }

  private command(command: Command): void {
    this.commandCount++;
    const result = this.carryOut(command);
    this.say({ kind: "ack", ack: { id: command.id, time: this.options.clock.wall(), ...result } });
    if (command.verb === "retire") this.leave();
  }

  private carryOut({ verb }: Command): Pick<Ack, "status" | "text"> {
    const states: Partial<Record<Command["verb"], State>> = {
      ...{ start: "running", resume: "running", restart: "running", unlock: "running" },
      ...{ pause: "paused", stop: "stopped", lock: "locked", retire: "locked" },
    };
    this.state = states[verb] ?? this.state;
    if (verb === "report") this.sayReports();
    if (verb === "rebirth") this.say({ kind: "rebirth" });
    const known = ["ping", "report", "rebirth"].includes(verb) || states[verb] !== undefined;
    return known ? { status: "succeeded" } : { status: "rejected", text: `a simulated device has no ${verb}` };
  }

  private tick(): void {
    const { clock } = this.options;
    this.cancelTick = clock.after(this.seconds * 1000, () => this.tick());
    this.say({ kind: "sample", sample: this.sample() });
    if (++this.ticks % EVENT_EVERY !== 0) return;
    const event = { time: clock.wall(), code: HANDSET_EVENTS["cpu-exhausted"], partition: 1 };
    this.say({ kind: "event", event: { ...event, severity: NOTICE } });
  }

  /** What a phone says that is used now and then: as large as a real one's. */
  private sample(): SampleBody {
    const { clock, random } = this.options;
    const seconds = Math.floor((clock.now() - this.startedAt) / 1000);
    const percent = Math.max(1, 100 - Math.floor(seconds / 600));
    const part = (id: number, state: State, busy: number): NonNullable<SampleBody["partitions"]>[number] => ({
      ...{ id, state, cpuPermille: state === "running" ? Math.floor(random() * busy) : 0 },
      ...{ memoryKib: 131_072, energyMillijoules: seconds * 312, throttledMs: seconds * 7, ioKib: seconds * 11 },
      ...{ faultCount: 0, deviceMs: seconds * 3 },
    });
    return {
      ...{ time: clock.wall(), uptime: seconds, radioDbm: -60 - Math.floor(random() * 50) },
      battery: { percent, millivolts: 3_400 + 8 * percent, milliamperes: -212, deciCelsius: 313 },
      partitions: [part(1, this.state, 400), part(2, "running", 200)],
    };
  }
}

/** Nothing is enforced, so nothing is said to hold: every section of the policy is told as not supported. */
function sectionsOf(policy: Policy): Reported["sections"] {
  const present = Object.keys(SECTIONS).filter((name) => policy[name as SectionName] !== undefined) as SectionName[];
  return new Map(present.map((name) => [SECTIONS[name].number, { state: "not-supported" as const }]));
}
