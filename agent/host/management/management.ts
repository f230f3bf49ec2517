// The handset as one more managed node: the agent's process on one side, the shell's governor on the other. What comes down goes to the
// governor and, if it counts, is applied here; what happens here goes up. Without the agent everything that was applied holds.
//
// Order of a document: judged and persisted (governor), applied, told. Order of a command: its id persisted, carried out, its answer
// persisted, told. After a cut anywhere the same document or command comes to the same end.

import type { AgentMessage, TelemetrySettings } from "../../agent-messages.ts";
import { TELEMETRY_STANDARD } from "../../agent-messages.ts";
import { Failure } from "../../failure.ts";
import { packageVersion } from "../../paths.ts";
import type { Board } from "../../handset/board.ts";
import type { HandsetChannel } from "../../handset/file.ts";
import { SECTIONS, type Section } from "../../policy/compliance.ts";
import type { CodeFacts, UnlockSection } from "../../policy/unlock.ts";
import type { Limits } from "../../policy/limits.ts";
import type { Contracts } from "../../handset/contracts.ts";
import { desiredOf, imageOf, lockOf, policyOf, readGovernance, type Governance } from "../../shell/governance.ts";
import { nodeCrypto } from "../../identity/crypto.ts";
import { deviceIdOf } from "../../identity/device-key.ts";
import type { Via } from "../../wire/accept.ts";
import { equalBytes, fromHex, toHex } from "../../wire/bytes.ts";
import { ack as ackSchema, type Ack, type Command } from "../../wire/commands.ts";
import { openEnvelope } from "../../wire/cose.ts";
import type { Image, LockDocument, NowDocument } from "../../wire/documents.ts";
import { MESSAGE } from "../../wire/limits.ts";
import { HANDSET_EVENTS, type Reason } from "../../wire/reasons.ts";
import type { DiskProtection, Reported } from "../../wire/reports.ts";
import { decodeMessage, encodeMessage } from "../../wire/schema.ts";
import { encodeTrust, isStale } from "../../wire/trust.ts";
import { join } from "node:path";
import { AgentKeeper } from "./agent-keeper.ts";
import { CommandRunner, WIPED, type ManagedHandset } from "./commands.ts";
import { eventOf, factsOf, partInfoOf, partitionLimitsOf, sampleOf } from "./report.ts";
import type { AuditBacklog } from "../audit/log.ts";
import { AuditOutlet } from "../audit/outlet.ts";
import type { ConsoleGuard } from "../console/lock.ts";
import type { DiskVault } from "../disk/vault.ts";
import { governanceOf } from "./membership.ts";
import type { Release } from "./release.ts";
import { Retries } from "./retries.ts";
import { TimeQuestion } from "./time-question.ts";
import { ManagedPartition } from "./partition.ts";
import type { HandsetEvent, HandsetView, ManagementView } from "../../view.ts";
import type { GovernanceSpec, Judged } from "../../shell/orders.ts";

/** How often clocks of policies are looked at. */
const CLOCK_MS = 5_000;
const OFFLINE_WARN_SECONDS = 86_400;
const POWER_HYSTERESIS_PERCENT = 2;
const LOW_PERCENT = 15;
const CRITICAL_PERCENT = 5;
/** The shell checks one envelope a second, and new ones come first. */
const RETRIES_AT_ONCE = 2;
/** What a command's refusal is called in its answer; all others: rejected. */
const STATUSES: Partial<Record<Reason, Ack["status"]>> = {
  replayed: "failed",
  expired: "expired",
  "no-time": "not-now",
};

export interface ManagementOptions {
  handset: string;
  board: Board;
  partitions: { name: string; kind: "work" | "personal" | "system" }[];
  /** Known once management is. */
  guard: () => ConsoleGuard;
  vault: DiskVault;
  /** The audit's records of earlier starts that the fleet has not been told, and a note of the number to go on with. */
  auditBacklog: AuditBacklog;
  auditTold: (next: number) => void;
  release: Release;
  monitorFolder: string;
  agentFolder: string;
  /** The agent's program, if it is not the product's: for tests. */
  agentProgram?: string;
}

export class Management {
  readonly spec: GovernanceSpec;
  private readonly options: ManagementOptions;
  private governance: Governance;
  private readonly partitions = new Map<string, ManagedPartition>();
  private target: ManagedHandset | null = null;
  private runner: CommandRunner | null = null;
  private agent: AgentKeeper | null = null;
  private sampleTimer: NodeJS.Timeout | undefined;
  private clockTimer: NodeJS.Timeout | undefined;
  private settings: TelemetrySettings = TELEMETRY_STANDARD;
  private link: ManagementView["link"] = { up: false, broker: "", why: "not connected yet", sinceMs: Date.now() };
  private queue: ManagementView["queue"] = { waiting: 0, sent: 0, lost: 0, trouble: "" };
  private readonly audit: AuditOutlet;
  /** The agent that is there has been told who the handset is: what it is told from then on it takes. */
  private greeted = false;
  private offlineTold = false;
  private samples = 0;
  private last = Promise.resolve();
  private readonly time = new TimeQuestion();
  private readonly retries = new Retries();
  /** When the fleet was last heard in this start, on the monotonic clock. */
  private heardMs = performance.now();
  private leaving: Promise<void> | null = null;
  /** Answers that nobody has been told yet. */
  private readonly owed: Ack[] = [];

  /** The management of a handset that was enrolled; null when it belongs to no fleet. Throws HostError for a file that is damaged, or gone. */
  static read(options: ManagementOptions): Management | null {
    const governance = governanceOf(options.monitorFolder, options.agentFolder);
    const path = join(options.monitorFolder, "governance");
    return governance === null ? null : new Management(options, path, governance);
  }

  private constructor(options: ManagementOptions, path: string, governance: Governance) {
    this.options = options;
    this.governance = governance;
    this.audit = new AuditOutlet(options.auditBacklog);
    const device = { id: governance.device, board: options.board.name, partitions: options.partitions };
    this.spec = { path, device };
  }

  /** Takes note of a partition before it is defined; returns the contracts that its policy leaves. */
  plan(name: string, image: string, asked: Contracts): Contracts {
    const partition = new ManagedPartition(name, image, asked);
    this.partitions.set(name, partition);
    const inForce = this.governance.policies.find((each) => each.partition === name);
    if (inForce !== undefined) {
      const { envelope, appliedAt } = inForce;
      partition.govern({ document: policyOf(envelope), hash: hashOf(envelope), appliedAt }, this.manifests);
    }
    if (this.options.vault.wipedFor(name) !== null) partition.lockedFor = WIPED;
    else if (this.governance.locked.includes(name)) partition.lockedFor = "it was locked before the restart";
    return partition.wanted;
  }

  /** The hypervisor has taken it. */
  defined(name: string, id: number, memoryBytes: number, disk: DiskProtection): void {
    Object.assign(this.partitions.get(name)!, { id, memoryBytes, disk });
  }

  /** Its policy keeps a partition from being defined. False: that is not the policy's doing. */
  kept(name: string, why: string): boolean {
    const partition = this.partitions.get(name);
    if (partition === undefined || partition.policy === null) return false;
    partition.refusal = why;
    return true;
  }

  /** Whether it must not start. */
  isLocked(name: string): boolean {
    return (this.partitions.get(name)?.lockedFor ?? null) !== null;
  }

  /** What a partition may have, before it is there: null when no policy governs it. */
  limitsOf(name: string): Limits | null {
    return this.partitions.get(name)?.limits ?? null;
  }

  /** Why nobody may attach to a partition's console; null: they may. */
  consoleRefusal(name: string): string | null {
    const limits = this.limitsOf(name);
    return limits === null || limits.console ? null : `policy ${limits.epoch}.${limits.version} denies it`;
  }

  /** Why nobody may debug or profile a governed partition; null: they may. Only a policy that says so allows it. */
  debugRefusal(name: string): string | null {
    const partition = this.partitions.get(name);
    if (partition === undefined) return null;
    const limits = this.limitsOf(name);
    if (limits === null) return "it is governed, and no policy allows it";
    return limits.debug ? null : `policy ${limits.epoch}.${limits.version} does not allow it`;
  }

  /** What the policy of a partition says of unlocking it; null: nothing. */
  unlockOf(name: string): UnlockSection | null {
    return this.partitions.get(name)?.policy?.document.unlock ?? null;
  }

  /** Something that its report tells has changed. */
  changed(name: string): void {
    const partition = this.partitions.get(name);
    if (partition !== undefined) this.report(partition, this.target?.isRunning(partition.id) ?? false);
  }

  /** What it had on disk was destroyed. */
  wiped(name: string): void {
    const partition = this.partitions.get(name);
    if (partition !== undefined) partition.lockedFor = WIPED;
    this.changed(name);
  }

  /** A person's order was taken. */
  ordered(name: string, taken: Contracts, before: Contracts): void {
    this.partitions.get(name)?.ordered(taken, before);
  }

  /** The handset runs: starts the agent, applies what is in force. */
  async start(target: ManagedHandset): Promise<void> {
    this.target = target;
    this.runner = new CommandRunner(target, {
      managed: () => this.governed().filter(({ id }) => id >= 0),
      governed: () => this.governed(),
      personal: () =>
        [...this.partitions.values()].filter(({ id, name }) => id >= 0 && this.kindOf(name) === "personal"),
      lockInForce: () => this.lockInForce,
      retiring: () => this.options.release.begin(),
      report: () => this.reportAll(),
      tell: (message) => this.agent?.send(message),
    });
    for (const partition of this.partitions.values()) {
      if (partition.policy !== null && partition.id >= 0) await this.apply(partition);
    }
    const callbacks = {
      message: (message: AgentMessage) => this.receive(message),
      down: (why: string) => {
        this.greeted = false;
        this.audit.again();
        this.link = { up: false, broker: "", why, sinceMs: Date.now() };
        target.happened("agent-restarted");
      },
    };
    await this.wipeWanted();
    await this.answerWipes();
    this.agent = new AgentKeeper(this.options.agentFolder, callbacks, this.options.agentProgram);
    this.clockTimer = setInterval(() => this.enqueue(() => this.lookAtClocks()), CLOCK_MS);
    this.schedule();
  }

  async close(): Promise<void> {
    this.stopClocks();
    await this.last;
    await this.leaving;
    await this.agent?.close();
  }

  private stopClocks(): void {
    clearInterval(this.sampleTimer);
    clearInterval(this.clockTimer);
  }

  /** Something happened on the handset. */
  happened(event: HandsetEvent, name: string): void {
    const told = eventOf(event, this.kindOf(name), this.now());
    if (told !== null) this.agent?.send({ kind: "event", event: told });
    const partition = this.partitions.get(name);
    if (
      partition?.policy !== undefined &&
      partition.policy !== null &&
      ["running", "stopped", "failed"].includes(event.kind)
    ) {
      this.report(partition, event.kind === "running");
    }
  }

  /** Raw audit records. */
  audited(bytes: Uint8Array): void {
    this.audit.add(bytes);
    this.sendAudit();
  }

  private sendAudit(): void {
    const audit = this.greeted ? this.audit.take() : null;
    if (audit !== null) this.agent?.send({ kind: "audit", audit });
  }

  get view(): ManagementView {
    const { trust } = this.governance;
    return {
      device: toHex(this.governance.device),
      agentPid: this.agent?.pid ?? null,
      link: this.link,
      queue: this.queue,
      samples: this.samples,
      stale: isStale(trust, this.now()),
      policies: [...this.partitions.values()].flatMap((partition) => {
        const reported = this.reportedOf(partition, true);
        if (reported === null) return [];
        const { epoch, version } = reported.policy;
        const sections = Object.entries(SECTIONS).flatMap(([section, key]): [string, string][] => {
          const compliance = reported.sections.get(key);
          return compliance === undefined ? [] : [[section, compliance.state]];
        });
        return [
          {
            partition: partition.name,
            version: `${epoch}.${version}`,
            appliedAt: reported.appliedAt,
            sections: Object.fromEntries(sections) as Partial<Record<Section, string>>,
            limits: {
              cpuPermille: partition.limits!.cpuPermille,
              energyMicrowatts: partition.limits!.energyMicrowatts,
              memoryBytesMax: partition.limits!.memoryBytesMax,
              translatedBytesMax: partition.limits!.translatedBytesMax,
            },
            refusal: partition.refusal,
            lockedFor: partition.lockedFor,
            console: this.options.guard().state(partition.name),
          },
        ];
      }),
    };
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
        if (equalBytes(deviceIdOf(message.device), this.governance.device)) return this.greet();
        // Whoever it is, it is not who the fleet knows.
        this.link = { ...this.link, up: false, why: "the agent has another device's key: enrol the handset again" };
        return;
      case "opened":
        this.agent?.send({ kind: "nonce", nonce: this.time.ask() });
        return;
      case "document":
        return this.enqueue(() => this.document(message.bytes, message.via));
      case "audited":
        this.audit.taken(message.next);
        return this.options.auditTold(message.next);
      case "link":
        this.link = { up: message.up, broker: message.broker, why: message.why, sinceMs: Date.now() };
        return;
      case "queue": {
        const { waiting, sent, lost, trouble } = message;
        this.queue = { waiting, sent, lost, trouble };
      }
    }
  }

  private greet(): void {
    const { board, partitions } = this.options;
    const infos = partitions.flatMap(({ name, kind }) => {
      const known = this.partitions.get(name);
      return known === undefined || known.id < 0 ? [] : [partInfoOf({ id: known.id, name, kind, image: known.image })];
    });
    const version = packageVersion();
    const facts = factsOf(board, { agent: version, hypervisor: version, serial: this.options.handset }, infos);
    const { trust } = this.governance;
    this.tellTime();
    this.agent!.send({
      kind: "hello",
      facts,
      trust: encodeTrust(trust),
      groups: trust.groups,
      settings: this.settings,
    });
    this.greeted = true;
    this.sendAudit();
    for (const ack of this.owed.splice(0)) this.agent!.send({ kind: "ack", ack });
    this.reportAll();
    this.enqueue(() => this.sample());
  }

  private async document(envelope: Uint8Array, via: Via): Promise<void> {
    const judged = await this.target!.document(envelope, via, this.time.asked);
    if (judged.verdict === "refused") {
      const known = this.retries.isWaiting(envelope, via);
      this.retries.refused(envelope, via, judged.reason);
      // Told once, however often it is tried.
      if (!known || !this.retries.isWaiting(envelope, via)) this.refused(judged, via);
      // What the agent holds back is judged again with this.
      return this.tellTrust();
    }
    this.retries.taken(envelope, via);
    if (judged.verdict === "unchanged") return;
    if (judged.accepted.kind === "now") return this.timeTold(judged.accepted.document);
    const lockedBefore = this.lockInForce?.version ?? 0;
    const floorBefore = this.governance.trust.floor;
    // What the governor has written is what counts.
    this.governance = readGovernance(this.spec.path) ?? this.governance;
    const { accepted } = judged;
    this.tellTrust();
    if (accepted.kind === "pol") {
      const partition = this.partitions.get(accepted.document.partition);
      if (partition === undefined) return;
      partition.govern({ document: accepted.document, hash: judged.hash, appliedAt: judged.at }, this.manifests);
      await this.apply(partition);
      this.target!.happened("policy-applied", partition.id);
    } else if (accepted.kind === "img") {
      for (const partition of this.partitions.values()) {
        if (partition.policy === null) continue;
        partition.govern(partition.policy, this.manifests);
        await this.apply(partition);
      }
    } else if (accepted.kind === "cmd") await this.command(accepted.document);
    else if (accepted.kind === "lock") await this.lockWanted(accepted.document, lockedBefore);
    else {
      this.offlineTold = false;
      if (accepted.kind === "time" && this.governance.trust.floor > floorBefore) this.heardMs = performance.now();
    }
  }

  /** The fleet has said what time it is: what waited for it is judged now. */
  private timeTold(document: NowDocument): void {
    this.time.answered(document);
    this.heardMs = performance.now();
    this.offlineTold = false;
    this.tellTime();
    this.agent?.send({ kind: "nonce", nonce: null });
  }

  private tellTime(): void {
    this.agent?.send({ kind: "time", session: this.time.session });
  }

  private async lockWanted(document: LockDocument, before: number): Promise<void> {
    const result = await this.runner!.want(document, before);
    this.agent?.send({ kind: "ack", ack: { id: document.id, time: this.now(), ...result } });
    this.reportAll();
  }

  /** What the fleet wants locked; null: it has never said. */
  private get lockInForce(): LockDocument | null {
    const { lock } = this.governance;
    return lock === null ? null : lockOf(lock);
  }

  /** Wipes that a lock document wants and that a cut kept from beginning. Their partitions are locked: nothing has started. */
  private async wipeWanted(): Promise<void> {
    const document = this.lockInForce;
    if (document === null) return;
    const names = this.governed()
      .map(({ name }) => name)
      .filter((name) => desiredOf(document, name).desired === "wiped" && this.governance.locked.includes(name))
      .filter((name) => this.options.vault.wipedFor(name) === null);
    if (names.length > 0) await this.target!.wipe(names, toHex(document.id));
  }

  /** Seconds for which nobody of the fleet was heard: by the clock, and by how long this start has waited, because a clock can be set back. */
  private get silentSeconds(): number {
    const waited = Math.floor((performance.now() - this.heardMs) / 1000);
    return Math.max(this.now() - this.governance.trust.floor, waited);
  }

  private get manifests(): Image[] {
    return this.governance.images.map(imageOf);
  }

  private tellTrust(): void {
    const { trust } = this.governance;
    this.agent?.send({ kind: "trust", trust: encodeTrust(trust), groups: trust.groups, settings: this.settings });
  }

  private refused(judged: Extract<Judged, { verdict: "refused" }>, { kind, partition }: Via): void {
    const { code, commandId, ack, detail } = judged;
    const args = new Map<number, number | string>([
      [1, code],
      [2, kind],
    ]);
    if (partition !== undefined) args.set(3, partition);
    const event = { time: this.now(), code: HANDSET_EVENTS["document-refused"], severity: 4, args } as const;
    this.agent?.send({ kind: "event", event });
    if (commandId === null) return;
    // A command that comes again is answered as it was; one that was cut off before its end cannot say how far it came.
    const answer: Ack =
      ack !== null
        ? decodeMessage(ackSchema, ack, MESSAGE)
        : {
            id: commandId,
            status: STATUSES[judged.reason] ?? "rejected",
            time: this.now(),
            code,
            text: judged.reason === "replayed" ? "cut off before it was answered" : detail.slice(0, 200),
          };
    this.agent?.send({ kind: "ack", ack: answer });
  }

  private async command(command: Command): Promise<void> {
    const result = await this.runner!.run(command);
    const answer: Ack = { id: command.id, time: this.now(), ...result };
    await this.target!.answered(command.id, encodeMessage(ackSchema, answer));
    this.agent?.send({ kind: "ack", ack: answer });
    if (command.verb === "retire" && result.status === "succeeded") this.leaving = this.leave();
  }

  /** The fleet has let the handset go: the agent sends its last words, and what governs is removed. What is still asked of management is asked in
   *  vain. */
  private async leave(): Promise<void> {
    this.stopClocks();
    await this.agent?.retire();
    let why = "the handset has left its fleet";
    try {
      await this.target!.release();
    } catch (error) {
      why = `the handset leaves its fleet with its next start: ${(error as Error).message}`;
    }
    this.link = { up: false, broker: "", why, sinceMs: Date.now() };
  }

  /** Wipes that a cut had interrupted were finished before anything started; who asked for them hears of it now. */
  private async answerWipes(): Promise<void> {
    const asked = new Map<string, string[]>();
    for (const name of this.options.vault.wiped()) {
      const command = this.options.vault.wipedFor(name)!;
      if (command !== "") asked.set(command, [...(asked.get(command) ?? []), name]);
    }
    for (const [command, names] of asked) {
      const id = fromHex(command);
      if (id === null || this.governance.acks.some((each) => equalBytes(each.id, id))) continue;
      const text = `finished after a cut: ${names.join(", ")}`.slice(0, 200);
      const answer: Ack = { id, time: this.now(), status: "succeeded", text };
      await this.target!.answered(id, encodeMessage(ackSchema, answer));
      this.owed.push(answer);
    }
  }

  /** Every partition but the owner's. */
  private governed(): ManagedPartition[] {
    return [...this.partitions.values()].filter(({ name }) => this.kindOf(name) !== "personal");
  }

  /** Makes a partition what its policy wants. */
  private async apply(partition: ManagedPartition): Promise<void> {
    const { target } = this;
    if (target === null || partition.policy === null || partition.id < 0) return;
    const { document } = partition.policy;
    try {
      await target.contracts(partition.id, partition.wanted);
      if (partition.limits !== null) await target.translated(partition.id, partition.limits);
      partition.refusal = null;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      partition.refusal = error.message;
    }
    await this.syncChannels();
    if (document.telemetry !== undefined) this.retune();
    this.report(partition, target.isRunning(partition.id));
  }

  /** The strictest of what the policies want: the shortest interval, the fewest bytes. */
  private retune(): void {
    const sections = [...this.partitions.values()].flatMap(({ policy }) => policy?.document.telemetry ?? []);
    const least = (key: "sampleSeconds" | "sendSeconds" | "bytesPerDay", standard: number): number =>
      Math.max(1, Math.min(...sections.map((each) => each[key] ?? standard)));
    this.settings = {
      sampleSeconds: least("sampleSeconds", TELEMETRY_STANDARD.sampleSeconds),
      sendSeconds: least("sendSeconds", TELEMETRY_STANDARD.sendSeconds),
      bytesPerDay: least("bytesPerDay", TELEMETRY_STANDARD.bytesPerDay),
    };
    this.tellTrust();
    this.schedule();
  }

  private schedule(): void {
    clearInterval(this.sampleTimer);
    this.sampleTimer = setInterval(() => this.enqueue(() => this.sample()), this.settings.sampleSeconds * 1000);
  }

  private async sample(): Promise<void> {
    const view = await this.target!.snapshot();
    this.samples++;
    this.agent?.send({ kind: "limits", limits: partitionLimitsOf(view, this.governance.trust.allowed) });
    this.agent?.send({ kind: "sample", sample: sampleOf(view, this.now(), this.governance.trust.allowed) });
    await this.lookAtPower(view);
  }

  /** Grants, narrows and revokes the handset file's channels as the policies of both ends leave them. */
  private async syncChannels(): Promise<void> {
    for (const channel of this.target!.channels) {
      const rate = this.channelRate(channel);
      const current = this.target!.channelOf(channel);
      if (current === null ? rate === undefined : current.bytesPerSecond === rate) continue;
      if (current !== null) await this.target!.revoke(current.id);
      if (rate !== undefined) await this.target!.grant(channel, rate);
    }
  }

  /** Bytes a second that a channel may carry; null: as many as the file says; undefined: there is to be none. */
  channelRate({ from, to, contract }: HandsetChannel): number | null | undefined {
    let rate = contract.bytes?.rate ?? null;
    for (const name of [from, to]) {
      const allowed = this.limitsOf(name)?.channels;
      if (allowed === undefined || allowed === null) continue;
      const entry = allowed.find((each) => each.from === from && each.to === to);
      if (entry === undefined) return undefined;
      rate = Math.min(rate ?? entry.bytesPerSecond, entry.bytesPerSecond);
    }
    return rate;
  }

  private reportAll(): void {
    for (const partition of this.partitions.values()) {
      this.report(partition, this.target?.isRunning(partition.id) ?? false);
    }
  }

  private reportedOf(partition: ManagedPartition, running: boolean): Reported | null {
    return partition.reported(running, this.codeOf(partition), this.now());
  }

  private codeOf({ name }: ManagedPartition): CodeFacts | null {
    return this.options.guard().facts(name);
  }

  private report(partition: ManagedPartition, running: boolean): void {
    const reported = this.reportedOf(partition, running);
    if (reported !== null) this.agent?.send({ kind: "reported", partition: partition.name, reported });
  }

  /** Power sections: what is done when the battery is low, and undone when it is not. */
  private async lookAtPower({ battery }: HandsetView): Promise<void> {
    if (battery === null) return;
    for (const partition of this.partitions.values()) {
      const power = partition.policy?.document.power;
      if (power === undefined) continue;
      const low = battery.percent <= (power.lowPercent ?? LOW_PERCENT) && !battery.charging;
      const critical = battery.percent <= (power.criticalPercent ?? CRITICAL_PERCENT) && !battery.charging;
      const over = battery.charging || battery.percent > (power.lowPercent ?? LOW_PERCENT) + POWER_HYSTERESIS_PERCENT;
      const throttle = low && power.lowAction === "throttle";
      const pause = critical || (low && power.lowAction === "pause");
      if (throttle !== partition.throttled && (throttle || over)) {
        partition.throttled = throttle;
        await this.apply(partition);
      }
      if (pause && !partition.pausedForPower && this.target!.isRunning(partition.id)) {
        await this.target!.act("pause", partition.id);
        partition.pausedForPower = true;
      } else if (partition.pausedForPower && over) {
        await this.target!.act("resume", partition.id);
        partition.pausedForPower = false;
      }
    }
  }

  /** Offline rules and enforcement clocks. The last signed time tells how long nobody was heard: the agent's word does not count. */
  private async lookAtClocks(): Promise<void> {
    for (const { envelope, via } of this.retries.list().slice(0, RETRIES_AT_ONCE)) await this.document(envelope, via);
    const now = this.now();
    const silent = this.silentSeconds;
    for (const partition of this.partitions.values()) {
      const { policy } = partition;
      if (policy === null || partition.lockedFor !== null) continue;
      const { offline } = policy.document;
      if (offline !== undefined && silent >= (offline.warnAfterSeconds ?? OFFLINE_WARN_SECONDS) && !this.offlineTold) {
        this.offlineTold = true;
        this.target!.happened("offline", partition.id);
      }
      const running = this.target!.isRunning(partition.id);
      const overdue = partition.overdue(running, this.codeOf(partition), now);
      const lockAfter = offline?.lockAfterSeconds ?? 0;
      if (lockAfter > 0 && silent >= lockAfter) await this.lock(partition, `offline for ${silent} s`);
      else if (overdue.length > 0) await this.lock(partition, `its policy is violated (${overdue.join(", ")})`);
    }
  }

  private async lock(partition: ManagedPartition, why: string): Promise<void> {
    if (partition.id < 0) return;
    await this.target!.lock(partition.id, partition.name, true);
    partition.lockedFor = why;
    this.report(partition, false);
  }

  private kindOf(name: string): "work" | "personal" | "system" | null {
    return this.options.partitions.find((each) => each.name === name)?.kind ?? null;
  }

  /** The present, as the device believes it: seconds since 1970. */
  now(): number {
    return this.time.present(this.governance.trust.floor);
  }
}

function hashOf(envelope: Uint8Array): Uint8Array {
  return nodeCrypto.sha256(openEnvelope(envelope).payload);
}
