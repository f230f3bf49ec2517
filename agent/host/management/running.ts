// The management of a handset that runs: the agent's process on one side, the shell's governor on the other.

import type { AgentMessage, MonitorMessage } from "../../agent-messages.ts";
import { Failure } from "../../failure.ts";
import { deviceIdOf } from "../../identity/device-key.ts";
import { packageVersion } from "../../paths.ts";
import { desiredOf } from "../../shell/governance.ts";
import type { HandsetEvent } from "../../view.ts";
import { equalBytes, fromHex, toHex } from "../../wire/bytes.ts";
import { ack as ackSchema, type Ack } from "../../wire/commands.ts";
import { encodeMessage } from "../../wire/schema.ts";
import { encodeTrust } from "../../wire/trust.ts";
import type { Acting } from "./acting.ts";
import { AgentKeeper } from "./agent-keeper.ts";
import { syncChannels } from "./channels.ts";
import { Clocks } from "./clocks.ts";
import { CommandRunner, type ManagedHandset } from "./commands.ts";
import { Documents } from "./documents.ts";
import type { ManagedPartition } from "./partition.ts";
import { eventOf, factsOf, partInfoOf } from "./report.ts";
import type { Standing } from "./standing.ts";
import { Telemetry } from "./telemetry.ts";

/** How often clocks of policies are looked at. */
const CLOCK_MS = 5_000;

export class RunningManagement implements Acting {
  readonly standing: Standing;
  readonly target: ManagedHandset;
  private readonly agent: AgentKeeper;
  private readonly clocks: Clocks;
  private readonly telemetry: Telemetry;
  private readonly documents: Documents;
  private clockTimer: NodeJS.Timeout | undefined;
  /** The agent that is there has been told who the handset is: what it is told from then on it takes. */
  private greeted = false;
  private last = Promise.resolve();
  private leaving: Promise<void> | null = null;

  /** Nothing is done before start(). */
  constructor(standing: Standing, target: ManagedHandset) {
    this.standing = standing;
    this.target = target;
    const { agentFolder, agentProgram } = standing.options;
    this.agent = new AgentKeeper(
      agentFolder,
      { message: (message) => this.receive(message), down: (why) => this.agentDown(why) },
      agentProgram,
    );
    this.clocks = new Clocks(this);
    this.telemetry = new Telemetry(this, () => this.enqueue(() => this.sample()));
    this.documents = new Documents(this, {
      runner: this.makeRunner(),
      clocks: this.clocks,
      telemetry: this.telemetry,
      leave: () => {
        this.leaving = this.leave();
      },
    });
  }

  private makeRunner(): CommandRunner {
    const { standing } = this;
    return new CommandRunner(this.target, {
      managed: () => standing.governed().filter(({ id }) => id >= 0),
      governed: () => standing.governed(),
      personal: () =>
        [...standing.partitions.values()].filter(({ id, name }) => id >= 0 && standing.kindOf(name) === "personal"),
      lockInForce: () => standing.lockInForce,
      retiring: () => standing.options.release.begin(),
      report: () => this.reportAll(),
      tell: (message) => this.tell(message),
    });
  }

  /** Applies what is in force, and starts the agent. */
  async start(): Promise<void> {
    for (const partition of this.standing.partitions.values()) {
      if (partition.policy !== null && partition.id >= 0) await this.apply(partition);
    }
    await this.wipeWanted();
    await this.answerWipes();
    this.agent.start();
    this.clockTimer = setInterval(() => this.enqueue(() => this.lookAtClocks()), CLOCK_MS);
    this.telemetry.schedule();
  }

  async close(): Promise<void> {
    this.stopClocks();
    await this.last;
    await this.leaving;
    await this.agent.close();
  }

  private stopClocks(): void {
    this.telemetry.close();
    clearInterval(this.clockTimer);
  }

  /** The agent's process; null while there is none. */
  get agentPid(): number | null {
    return this.agent.pid;
  }

  get sampleCount(): number {
    return this.telemetry.sampleCount;
  }

  tell(message: MonitorMessage): void {
    this.agent.send(message);
  }

  /** Something happened on the handset. */
  happened(event: HandsetEvent, name: string): void {
    const told = eventOf(event, this.standing.kindOf(name), this.standing.now());
    if (told !== null) this.tell({ kind: "event", event: told });
    const partition = this.standing.partitions.get(name);
    if (
      partition?.policy !== undefined &&
      partition.policy !== null &&
      ["running", "stopped", "failed"].includes(event.kind)
    ) {
      this.report(partition, event.kind === "running");
    }
  }

  /** Gives the agent the audit records that wait. */
  sendAudit(): void {
    const audit = this.greeted ? this.standing.audit.take() : null;
    if (audit !== null) this.tell({ kind: "audit", audit });
  }

  private agentDown(why: string): void {
    this.greeted = false;
    this.standing.audit.again();
    this.standing.unlinked(why);
    this.target.happened("agent-restarted");
  }

  /** One thing after the other, in the order in which they came. */
  private enqueue(task: () => Promise<void> | void): void {
    this.last = this.last.then(task).catch((error: unknown) => {
      // The handset has ended meanwhile, or refused; anything else is a defect.
      if (!(error instanceof Failure)) throw error;
    });
  }

  private receive(message: AgentMessage): void {
    switch (message.kind) {
      case "ready":
        if (equalBytes(deviceIdOf(message.device), this.standing.governance.device)) return this.greet();
        // Whoever it is, it is not who the fleet knows.
        this.standing.link = {
          ...this.standing.link,
          up: false,
          why: "the agent has another device's key: enrol the handset again",
        };
        return;
      case "opened":
        this.tell({ kind: "nonce", nonce: this.standing.time.ask() });
        return;
      case "document":
        return this.enqueue(() => this.documents.document(message.bytes, message.via));
      case "audited":
        this.standing.audit.taken(message.next);
        return this.standing.options.auditTold(message.next);
      case "link":
        this.standing.link = { up: message.up, broker: message.broker, why: message.why, sinceMs: Date.now() };
        return;
      case "queue": {
        const { waiting, sent, lost, trouble } = message;
        this.standing.queue = { waiting, sent, lost, trouble };
      }
    }
  }

  private greet(): void {
    const { board, partitions } = this.standing.options;
    const infos = partitions.flatMap(({ name, kind }) => {
      const known = this.standing.partitions.get(name);
      return known === undefined || known.id < 0 ? [] : [partInfoOf({ id: known.id, name, kind, image: known.image })];
    });
    const version = packageVersion();
    const facts = factsOf(board, { agent: version, hypervisor: version, serial: this.standing.options.handset }, infos);
    const { trust } = this.standing.governance;
    this.tell({ kind: "time", session: this.standing.time.session });
    this.tell({
      kind: "hello",
      facts,
      trust: encodeTrust(trust),
      groups: trust.groups,
      settings: this.telemetry.settings,
    });
    this.greeted = true;
    this.sendAudit();
    for (const ack of this.standing.owed.splice(0)) this.tell({ kind: "ack", ack });
    this.reportAll();
    this.enqueue(() => this.sample());
  }

  private async sample(): Promise<void> {
    await this.clocks.lookAtPower(await this.telemetry.sample());
  }

  private async lookAtClocks(): Promise<void> {
    await this.documents.again();
    await this.clocks.lookAtClocks();
  }

  /** Wipes that a lock document wants and that a cut kept from beginning. Their partitions are locked: nothing has started. */
  private async wipeWanted(): Promise<void> {
    const document = this.standing.lockInForce;
    if (document === null) return;
    const names = this.standing
      .governed()
      .map(({ name }) => name)
      .filter((name) => desiredOf(document, name).desired === "wiped" && this.standing.governance.locked.includes(name))
      .filter((name) => this.standing.options.vault.wipedFor(name) === null);
    if (names.length > 0) await this.target.wipe(names, toHex(document.id));
  }

  /** The fleet has let the handset go: the agent sends its last words, and what governs is removed. What is still asked of management is asked in
   *  vain. */
  private async leave(): Promise<void> {
    this.stopClocks();
    await this.agent.retire();
    let why = "the handset has left its fleet";
    try {
      await this.target.release();
    } catch (error) {
      why = `the handset leaves its fleet with its next start: ${(error as Error).message}`;
    }
    this.standing.unlinked(why);
  }

  /** Wipes that a cut had interrupted were finished before anything started; who asked for them hears of it now. */
  private async answerWipes(): Promise<void> {
    const asked = new Map<string, string[]>();
    for (const name of this.standing.options.vault.wiped()) {
      const command = this.standing.options.vault.wipedFor(name)!;
      if (command !== "") asked.set(command, [...(asked.get(command) ?? []), name]);
    }
    for (const [command, names] of asked) {
      const id = fromHex(command);
      if (id === null || this.standing.governance.acks.some((each) => equalBytes(each.id, id))) continue;
      const text = `finished after a cut: ${names.join(", ")}`.slice(0, 200);
      const answer: Ack = { id, time: this.standing.now(), status: "succeeded", text };
      await this.target.answered(id, encodeMessage(ackSchema, answer));
      this.standing.owed.push(answer);
    }
  }

  /** Makes a partition what its policy wants. */
  async apply(partition: ManagedPartition): Promise<void> {
    const { target } = this;
    if (partition.policy === null || partition.id < 0) return;
    const { document } = partition.policy;
    try {
      await target.contracts(partition.id, partition.wanted);
      if (partition.limits !== null) await target.translated(partition.id, partition.limits);
      partition.refusal = null;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      partition.refusal = error.message;
    }
    await syncChannels(this);
    if (document.telemetry !== undefined) this.telemetry.retune();
    this.report(partition);
  }

  reportAll(): void {
    for (const partition of this.standing.partitions.values()) this.report(partition);
  }

  /** Tells the fleet how a partition keeps its policy, if it has one. `running`: it has a machine now. */
  report(partition: ManagedPartition, running = this.target.isRunning(partition.id)): void {
    const reported = this.standing.reportedOf(partition, running);
    if (reported !== null) this.tell({ kind: "reported", partition: partition.name, reported });
  }
}
