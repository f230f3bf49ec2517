// The monitor: a handset file brought to life. It owns the handset's worker, knows the partitions by name, and answers commands.

import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { runNamed, type CommandTarget } from "../../command.ts";
import { boardSpec, type Board } from "../../handset/board.ts";
import { type HandsetFile, type HandsetPartition } from "../../handset/file.ts";
import { Rules } from "../../shell/rules.ts";
import { ShellSession } from "../../shell/session.ts";
import { agentFolder, codeFolder, monitorFolder, vaultFolder } from "../../paths.ts";
import { AuditLog } from "../audit/log.ts";
import { auditView } from "../audit/view.ts";
import type { ControlHandlers, ControlShell } from "./control-socket.ts";
import { ConsoleAccess } from "../console/access.ts";
import { ConsoleGuard } from "../console/lock.ts";
import { HandsetDisks } from "../disk/handset.ts";
import { Management } from "../management/management.ts";
import type { ProfileResult } from "../machine/profile.ts";
import { type Debugging } from "./debugging.ts";
import { HandsetPower } from "./power.ts";
import { Endings, type Order } from "./endings.ts";
import { define } from "./definition.ts";
import { forFleet, wipe, type Monitored } from "./for-fleet.ts";
import { GrantedChannels } from "./granted-channels.ts";
import { accessRules, guardOf, readManagement } from "./governed.ts";
import { Handset, type PartitionPlan } from "./handset.ts";
import { Members } from "./members.ts";
import { PowerEvents } from "./power-events.ts";
import { handsetView, whenReady } from "./views.ts";
import { WaysIn, type Attached } from "./ways-in.ts";
import { reasonText } from "../between/reason-text.ts";
import { Release } from "../management/release.ts";
import type { CpuContract, EnergyContract, IoContract, LinkKind } from "../../handset/contracts.ts";
import { reviewNetwork } from "./guest-networks.ts";
import { HandsetLink } from "./link.ts";
import {
  HANDSET_ITSELF,
  type HandsetEvent,
  type AuditView,
  type NetworkView,
  type HandsetView,
  type RegisterDump,
} from "../../view.ts";

export type { HandsetEvent } from "../../view.ts";

/** A partition of the file with its image resolved. */
export interface ResolvedPartition {
  partition: HandsetPartition;
  image: PartitionPlan["image"];
}

export class Monitor implements CommandTarget, ControlHandlers {
  readonly handset: Handset;
  readonly network = (partition: number): Promise<NetworkView | null> => this.handset.network.view(partition);
  private readonly file: HandsetFile;
  private readonly board: Board;
  private readonly members = new Members();
  private readonly onQuit: (now: boolean) => void;
  private readonly audits: AuditLog;
  private readonly release: Release;
  private readonly rules: Rules;
  private readonly ruleListeners: ((rule: string, text: string) => void)[] = [];
  private readonly eventListeners: ((name: string, event: HandsetEvent) => void)[] = [];
  private readonly power: HandsetPower;
  /** Null: the handset belongs to no fleet. */
  private readonly management: Management | null;
  private readonly disks: HandsetDisks;
  private readonly link: HandsetLink;
  private readonly consoles: ConsoleAccess;
  private readonly waysIn: WaysIn;
  private readonly channels: GrantedChannels;
  private readonly endings: Endings;
  private readonly powerEvents: PowerEvents;
  private readonly running = new Set<number>();
  /** Null: no policy locks anything. */
  private readonly guard: ConsoleGuard | null;
  private guardTimer: NodeJS.Timeout | undefined;
  /** The handset's time when it was last heard of; `running`: who was said to run. */
  private lastNs = 0;

  /** `onQuit` is called when a command asks the handset to end, in order or now. `root` is where sysfs lies, `agentProgram` the agent if it is not the
   *  product's. Throws HostError when the audit cannot be kept, or what governs the handset cannot be read. */
  constructor(
    file: HandsetFile,
    board: Board,
    mode: "realtime" | "deterministic",
    onQuit: (now: boolean) => void,
    { root = "/", agentProgram, lock = true }: { root?: string; agentProgram?: string; lock?: boolean } = {},
  ) {
    this.file = file;
    this.board = board;
    this.onQuit = onQuit;
    const now = (): number => performance.now() * 1e6;
    this.power = new HandsetPower({ board, file, deterministic: mode === "deterministic", root, now });
    const { networkSensor } = board;
    this.link = new HandsetLink({ sensor: networkSensor, script: file.link, deterministic: mode !== "realtime", root });
    this.disks = new HandsetDisks(vaultFolder(file.name));
    // Opening it takes the handset's folder, so nobody else wipes or reads there meanwhile.
    this.audits = new AuditLog(monitorFolder(file.name));
    try {
      this.release = new Release(monitorFolder(file.name), agentFolder(file.name));
      if (this.release.begun) this.finishRelease();
      const { disks, audits, release } = this;
      this.management = readManagement({ file, board, disks, audits, release, guard: () => this.guard!, agentProgram });
      this.guard = this.management === null ? null : this.makeGuard(this.management);
    } catch (error) {
      this.audits.close();
      throw error;
    }
    const governance = this.management === null ? {} : { governance: this.management.spec };
    this.handset = new Handset(boardSpec(board), mode, this.power.spec, {
      ...{ audit: this.audits, name: file.name, lock },
      ...governance,
    });
    this.consoles = new ConsoleAccess(this.handset, accessRules(this.management, this.guard));
    const itself = (kind: string, value: number, text?: string): void =>
      this.happened(kind, HANDSET_ITSELF, value, text);
    this.powerEvents = new PowerEvents(this.power, this.handset, () => this.rules, itself);
    this.endings = new Endings(this.handset, (kind, partition, text) => this.happened(kind, partition, 0, text));
    this.channels = new GrantedChannels(file.channels, this.handset, this.members);
    const notice = (text: string): void => this.ruleListeners.forEach((listener) => listener("debug", text));
    this.waysIn = new WaysIn(
      { consoles: this.consoles, handset: this.handset, members: this.members, notice },
      file.name,
    );
    this.handset.on("audit", (records) => this.management?.audited(records));
    this.handset.on("battery", (reading) => void this.powerEvents.hear(reading));
    this.handset.on("event", (event) => {
      this.emit(this.members.nameOf(event.partition), event);
    });
    this.rules = new Rules(
      file.rules,
      (name, positionals, options) => this.command(name, positionals, options),
      (rule, text) => this.ruleReported(rule, text),
    );
  }

  private makeGuard(management: Management): ConsoleGuard {
    return new ConsoleGuard({
      folder: codeFolder(this.file.name),
      codes: this.disks.vault,
      section: (partition) => management.unlockOf(partition),
      now: () => management.now(),
      clock: () => performance.now(),
      wipe: async (partition) => void (await wipe(this.monitored(), [partition], "")),
      happened: (kind, name, value) => {
        const partition = this.members.find(name)?.id ?? HANDSET_ITSELF;
        if (kind === "console-locked") this.consoles.end(partition, "it locked itself, or was locked");
        if (kind === "unlocked") management.changed(name);
        this.emit(name, this.event(kind, partition, value));
      },
    });
  }

  /** The handset was told to leave its fleet, and did not come to the end of it. */
  private finishRelease(): void {
    this.disks.release(this.file.partitions);
    rmSync(codeFolder(this.file.name), { recursive: true, force: true });
    this.release.finish();
  }

  /** What a user must be told once: which sensors are simulated, and why. */
  get notes(): string[] {
    return [...this.power.notes, this.link.note].filter((note) => note !== "");
  }

  /** Admits every partition, then starts them. What a policy keeps from starting stays out; the others start. Throws Failure: nothing of
   *  the handset is worth keeping then. */
  async boot(partitions: ResolvedPartition[]): Promise<void> {
    const { file, handset, members, disks, link, management } = this;
    handset.setLink(link.kind);
    const refused = (name: string, text: string): void =>
      this.emit(name, this.event("refused", HANDSET_ITSELF, 0, text));
    const definer = { file, handset, members, disks, link, management, refused };
    for (const { partition, image } of partitions) await define(definer, partition, image);
    for (const channel of this.channels.possible) {
      const rate = this.management?.channelRate(channel);
      if (this.management !== null && rate === undefined) continue;
      await this.channels.grant(channel, rate ?? channel.contract.bytes?.rate ?? null);
    }
    this.onEvent((partition, { kind, reason, timeNs }) => {
      const details = { kind, partition, reason: reason === 0 ? "" : reasonText(reason), timeMs: timeNs / 1e6 };
      for (const on of TRIGGERS_OF[kind] ?? []) void this.rules.happened({ on, ...details });
    });
    this.powerEvents.start();
    link.start((kind) => this.linked(kind));
    await this.guard?.settle(this.members.names);
    if (this.guard !== null) this.guardTimer = setInterval(() => this.guard!.lockIdle(), IDLE_LOOK_MS);
    for (const { id, file } of this.members.all()) {
      if (this.management?.isLocked(file.name)) await this.handset.orders.act("lock", id);
      else await this.handset.orders.act("start", id);
    }
    if (this.handset.mode === "realtime") await this.management?.start(forFleet(this.monitored()));
  }

  /** The phone is connected otherwise: rules judge anew, and frames cost something else. */
  private linked(kind: LinkKind): void {
    const { file, handset, members, link, management } = this;
    handset.setLink(kind);
    for (const { id } of members.all()) void reviewNetwork({ file, handset, members, link, management }, id);
    this.happened("link", HANDSET_ITSELF, 0, kind);
  }

  /** Ends the rules, then the handset. */
  async close(): Promise<void> {
    clearInterval(this.guardTimer);
    this.powerEvents.close();
    this.link.close();
    await this.management?.close();
    await this.rules.close();
    await this.handset.close();
    this.audits.close();
  }

  /** Calls `listener` for every rule that went wrong. */
  onRule(listener: (rule: string, text: string) => void): void {
    this.ruleListeners.push(listener);
  }

  private ruleReported(rule: string, text: string): void {
    this.ruleListeners.forEach((listener) => listener(rule, text));
    this.happened("rule", HANDSET_ITSELF, 0, `${rule}: ${text}`);
  }

  private event(kind: string, partition: number, value: number, text?: string): HandsetEvent {
    return { kind, partition, reason: 0, timeNs: this.lastNs, value, ...(text === undefined ? {} : { text }) };
  }

  /** Something of this thread's own happened to a partition, or to the handset. */
  private happened(kind: string, partition: number, value = 0, text?: string): void {
    this.emit(this.members.nameOf(partition), this.event(kind, partition, value, text));
  }

  private emit(name: string, event: HandsetEvent): void {
    this.lastNs = Math.max(this.lastNs, event.timeNs);
    if (event.kind === "running") this.running.add(event.partition);
    else if (["paused", "stopped", "failed", "locked"].includes(event.kind)) this.running.delete(event.partition);
    if (event.kind === "policy-applied") this.consoles.review(event.partition, name);
    this.management?.happened(event, name);
    for (const listener of this.eventListeners) listener(name, event);
  }

  /** Resolves once every partition is ready. Throws UsageError when one has stopped or failed first. */
  ready(signal: AbortSignal, progress: (view: HandsetView) => void): Promise<HandsetView> {
    return whenReady(() => this.snapshot(), this.members, signal, progress);
  }

  async snapshot(): Promise<HandsetView> {
    const snapshot = await this.handset.orders.snapshot();
    this.lastNs = snapshot.nowNs;
    const { file, board, handset, members, power } = this;
    const told = { rules: this.rules.views(), management: this.management?.view ?? null };
    return handsetView(snapshot, { name: file.name, board, handset, members, power, ...told });
  }

  act(op: Order, partition: number, now = false): Promise<string | null> {
    return this.endings.act(op, partition, now);
  }

  /** Presses the power keys of all that run, and waits until they are off; whoever is still there when this resolves is cut by close(). Rules
   *  end first: none starts anew what has ended. `cut` ends the wait. */
  async powerOff(cut: AbortSignal): Promise<void> {
    await this.rules.close();
    await this.endings.all(cut);
  }

  /** The parts that the fleet's side acts on. */
  private monitored(): Monitored {
    const { file, handset, members, disks, link, channels, consoles, guard } = this;
    return {
      ...{ file, handset, members, disks, link, channels, consoles, guard },
      management: () => this.management,
      snapshot: () => this.snapshot(),
      isRunning: (partition) => this.running.has(partition),
      finishRelease: () => this.finishRelease(),
      happened: (kind, partition = HANDSET_ITSELF) => this.happened(kind, partition),
    };
  }

  async budget(partition: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void> {
    const before = this.contracts(partition);
    await this.handset.orders.budget(partition, cpu, energy, io);
    Object.assign(this.members.get(partition), { cpu, energy, io });
    this.management?.ordered(this.members.get(partition).file.name, { cpu, energy, io }, before);
  }

  contracts(partition: number): { cpu: CpuContract; energy: EnergyContract | null; io: IoContract } {
    const { cpu, energy, io } = this.members.get(partition);
    return { cpu, energy, io };
  }

  async unlockConsole(partition: string, code: string): Promise<void> {
    await guardOf(this.guard, partition).unlock(partition, code);
  }

  lockConsole(partition: string): void {
    guardOf(this.guard, partition).lock(partition);
  }

  async setCode(partition: string, code: string, old: string | null): Promise<void> {
    await guardOf(this.guard, partition).setCode(partition, code, old);
  }

  console(partition: number): string {
    return this.waysIn.log(partition);
  }

  registers(partition: number): Promise<RegisterDump | null> {
    return this.waysIn.registers(partition);
  }

  profile(partition: number, seconds: number): Promise<ProfileResult> {
    return this.waysIn.profile(partition, seconds);
  }

  audit(count: number): AuditView {
    return auditView(this.audits.read(count), (id) => this.members.known(id)?.file.name);
  }

  quit(now: boolean): void {
    // Whoever asked gets an answer first.
    setImmediate(() => this.onQuit(now));
  }

  command(name: string, positionals: string[], options: Record<string, string>): Promise<unknown> {
    return runNamed(this, name, positionals, options);
  }

  shell(): ControlShell {
    return new ShellSession((name, positionals, options) => this.command(name, positionals, options));
  }

  attach(
    partition: string,
    output: (bytes: Buffer) => Promise<void> | void,
    ended: (why: string) => void = () => undefined,
  ): Attached {
    return this.waysIn.attach(partition, output, ended);
  }

  debug(partition: string, ended: (why: string) => void): Promise<Debugging> {
    return this.waysIn.debug(partition, ended);
  }

  /** Calls `listener` for everything that happens, with the partition's name. */
  onEvent(listener: (name: string, event: HandsetEvent) => void): void {
    this.eventListeners.push(listener);
  }
}

const IDLE_LOOK_MS = 1000;

/** Which rules an event of the handset is for. */
const TRIGGERS_OF: Record<string, ("fault" | "exhausted" | "state")[]> = {
  fault: ["fault"],
  failed: ["fault", "state"],
  "disk-error": ["fault"],
  "cpu-exhausted": ["exhausted"],
  "energy-empty": ["exhausted"],
  running: ["state"],
  paused: ["state"],
  stopped: ["state"],
  restart: ["state"],
};
