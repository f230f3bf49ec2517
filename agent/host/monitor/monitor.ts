// The monitor: a handset file brought to life. It owns the handset's worker, knows the partitions by name, and answers commands.

import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { commandNamed, type CommandTarget } from "../../command.ts";
import { Failure, HostError, UsageError } from "../../failure.ts";
import { boardSpec, type Board } from "../../handset/board.ts";
import { channelBytesOf, type HandsetChannel, type HandsetFile, type HandsetPartition } from "../../handset/file.ts";
import { cutTranslated } from "../../policy/limits.ts";
import { Rules } from "../../shell/rules.ts";
import { ShellSession } from "../../shell/session.ts";
import { debugSocketPath } from "../../control-path.ts";
import { agentFolder, codeFolder, monitorFolder, vaultFolder } from "../../paths.ts";
import { AuditNote } from "../audit/note.ts";
import { AuditLog } from "../audit/log.ts";
import { auditView } from "../audit/view.ts";
import type { ControlHandlers, ControlShell } from "./control-socket.ts";
import type { ManagedHandset } from "../management/commands.ts";
import { ConsoleAccess, type Door } from "../console/access.ts";
import { ConsoleGuard } from "../console/lock.ts";
import type { Wiped } from "../disk/vault.ts";
import { HandsetDisks, protectionOf } from "../disk/handset.ts";
import { sha256OfFile } from "../disk/image-files.ts";
import { Management } from "../management/management.ts";
import type { ProfileResult } from "../machine/profile.ts";
import { openDebugging, type Debugging } from "./debugging.ts";
import { HandsetPower, type PowerEvent } from "./power.ts";
import { powerDown, type Ending } from "./power-down.ts";
import { Handset, type PartitionPlan } from "./handset.ts";
import { reasonText } from "../between/reason-text.ts";
import { Release } from "../management/release.ts";
import type { CpuContract, DiskFile, EnergyContract, IoContract } from "../../handset/contracts.ts";
import {
  HANDSET_ITSELF,
  type PartitionSnapshot,
  type HandsetEvent,
  type AuditView,
  type HandsetView,
  type RegisterDump,
} from "../../view.ts";

export type { HandsetEvent } from "../../view.ts";

/** A partition of the file with its image resolved. */
export interface ResolvedPartition {
  partition: HandsetPartition;
  image: PartitionPlan["image"];
}

interface Member {
  id: number;
  file: HandsetPartition;
  disk: DiskFile | null;
  /** Bytes of translated code that its file asks for. */
  asksTranslated: number;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
}

export class Monitor implements CommandTarget, ControlHandlers {
  readonly handset: Handset;
  private readonly file: HandsetFile;
  private readonly board: Board;
  private readonly members: Member[] = [];
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
  private readonly consoles: ConsoleAccess;
  private readonly channels = new Map<HandsetChannel, { id: number; bytesPerSecond: number | null }>();
  /** Who runs, by what was heard last. */
  private readonly running = new Set<number>();
  private powerTimer: NodeJS.Timeout | undefined;
  /** Null: no policy locks anything. */
  private readonly guard: ConsoleGuard | null;
  private guardTimer: NodeJS.Timeout | undefined;
  private booted = false;
  /** The handset's time when it was last heard of. */
  private lastNs = 0;
  private charging = false;
  private level = "normal";

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
    this.disks = new HandsetDisks(vaultFolder(file.name));
    // Opening it takes the handset's folder, so nobody else wipes or reads there meanwhile.
    this.audits = new AuditLog(monitorFolder(file.name));
    try {
      this.release = new Release(monitorFolder(file.name), agentFolder(file.name));
      if (this.release.begun) this.finishRelease();
      this.management = this.readManagement(agentProgram);
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
    this.consoles = new ConsoleAccess(this.handset, {
      refusal: (partition) => this.management?.consoleRefusal(partition) ?? null,
      debugRefusal: (partition) => this.management?.debugRefusal(partition) ?? null,
      guard: this.guard,
    });
    this.handset.on("audit", (records) => this.management?.audited(records));
    this.handset.on("battery", (reading) => {
      this.power.hear(reading);
      this.tellPower();
    });
    this.handset.on("event", (event) => {
      this.emit(this.members.find(({ id }) => id === event.partition)?.file.name ?? "the handset", event);
    });
    this.rules = new Rules(
      file.rules,
      (name, positionals, options) => this.command(name, positionals, options),
      (rule, text) => this.ruleReported(rule, text),
    );
  }

  private readManagement(agentProgram: string | undefined): Management | null {
    const { file, board, release } = this;
    const note = new AuditNote(monitorFolder(file.name));
    return Management.read({
      ...{ handset: file.name, board, vault: this.disks.vault, release, guard: () => this.guard! },
      auditBacklog: note.backlog(this.audits),
      auditTold: (next) => note.write(next),
      partitions: file.partitions.map(({ name, kind }) => ({ name, kind })),
      monitorFolder: monitorFolder(file.name),
      agentFolder: agentFolder(file.name),
      ...(agentProgram === undefined ? {} : { agentProgram }),
    });
  }

  private makeGuard(management: Management): ConsoleGuard {
    return new ConsoleGuard({
      folder: codeFolder(this.file.name),
      section: (partition) => management.unlockOf(partition),
      now: () => management.now(),
      clock: () => performance.now(),
      wipe: async (partition) => void (await this.wipe([partition], "")),
      happened: (kind, name, value) => {
        const partition = this.members.find(({ file }) => file.name === name)?.id ?? HANDSET_ITSELF;
        if (kind === "console-locked") this.consoles.end(partition, "it locked itself, or was locked");
        if (kind === "unlocked") management.changed(name);
        this.emit(name, { kind, partition, reason: 0, timeNs: this.lastNs, value });
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
    return this.power.notes;
  }

  /** Admits every partition, then starts them. What a policy keeps from starting stays out; the others start. Throws Failure: nothing of
   *  the handset is worth keeping then. */
  async boot(partitions: ResolvedPartition[]): Promise<void> {
    for (const { partition, image } of partitions) await this.define(partition, image);
    for (const channel of this.file.channels) {
      if (!this.members.some(({ file }) => file.name === channel.from)) continue;
      if (!this.members.some(({ file }) => file.name === channel.to)) continue;
      const rate = this.management?.channelRate(channel);
      if (this.management !== null && rate === undefined) continue;
      await this.grant(channel, rate ?? channel.contract.bytes?.rate ?? null);
    }
    this.startRules();
    await this.guard?.settle(this.members.map(({ file }) => file.name));
    if (this.guard !== null) this.guardTimer = setInterval(() => this.guard!.lockIdle(), IDLE_LOOK_MS);
    for (const { id, file } of this.members) {
      if (this.management?.isLocked(file.name)) await this.handset.orders.act("lock", id);
      else await this.handset.orders.act("start", id);
    }
    if (this.handset.mode === "realtime") await this.management?.start(this.managed);
  }

  /** Defines a partition with what its policy leaves of what its file asks for. */
  private async define(file: HandsetPartition, image: PartitionPlan["image"]): Promise<void> {
    const { name, energyInitial, restart } = file;
    const { management } = this;
    const { kernel } = image;
    const imageHash = (): string => (management === null || kernel === null ? "" : sha256OfFile(kernel));
    const asked = { cpu: file.cpu, energy: file.energy, io: file.io };
    const contracts = management?.plan(name, imageHash(), asked) ?? asked;
    const asksTranslated = image.translateCodeBytes ?? 0;
    const limits = management?.limitsOf(name) ?? null;
    const translateCodeBytes = limits === null ? asksTranslated : cutTranslated(asksTranslated, limits);
    try {
      const governed = management !== null && file.kind !== "personal";
      const disk = this.disks.diskOf(file, governed);
      const id = await this.handset.add({
        // What the fleet is told of it is what is loaded, at each start and reset.
        ...{
          name,
          image: {
            ...{ ...image, translateCodeBytes, disk, kernel: governed ? pinned(kernel, imageHash()) : kernel },
            channelBytes: channelBytesOf(this.file, name),
          },
          imageHash,
        },
        ...{ ...contracts, energyInitial, restart },
      });
      this.members.push({ id, file, disk, asksTranslated, ...contracts });
      const { ramBytes, overheadBytes } = this.handset.memoryOf(id);
      management?.defined(name, id, ramBytes + overheadBytes, protectionOf(disk));
    } catch (error) {
      if (!(error instanceof HostError) || !management?.kept(name, error.message)) throw error;
      const itself = { partition: HANDSET_ITSELF, reason: 0, timeNs: this.lastNs, value: 0 };
      this.emit(name, { kind: "refused", ...itself, text: error.message });
    }
  }

  private async grant(channel: HandsetChannel, bytesPerSecond: number | null): Promise<number> {
    const { from, fromPort, to, toPort, contract } = channel;
    const end = (name: string, port: number): { partition: number; port: number } => ({
      partition: this.members.find(({ file }) => file.name === name)!.id,
      port,
    });
    const bytes = bytesPerSecond === null ? null : { rate: bytesPerSecond, burst: bytesPerSecond };
    const id = await this.handset.orders.channel(end(from, fromPort), end(to, toPort), { ...contract, bytes });
    this.channels.set(channel, { id, bytesPerSecond });
    return id;
  }

  /** Destroys what partitions have on disk, key first, and leaves them locked, each with an empty disk under a new key. */
  private async wipe(names: readonly string[], command: string): Promise<Wiped[]> {
    // Before the first of them is touched: a cut must not leave some of them.
    for (const name of names) this.disks.vault.mark(name, command);
    const wiped: Wiped[] = [];
    for (const name of names) {
      const file = this.file.partitions.find((each) => each.name === name)!;
      const member = this.members.find((each) => each.file === file);
      const destroy = (): Wiped => this.disks.destroy(file, command, member?.disk ?? null);
      await this.handset.orders.keepLocked(name, true);
      this.guard?.forget(name);
      if (member === undefined) {
        wiped.push(destroy());
        this.management?.wiped(name);
        continue;
      }
      const { id } = member;
      await this.handset.orders.act("lock", id);
      wiped.push(await this.handset.withoutDisk(id, destroy));
      this.consoles.end(id, "the partition was wiped");
      this.handset.consoleLog(id).erase();
      this.management?.wiped(name);
      this.emit(name, { kind: "wiped", partition: id, reason: 0, timeNs: this.lastNs, value: 0 });
    }
    return wiped;
  }

  /** What management may do with this handset. */
  private get managed(): ManagedHandset {
    const { handset } = this;
    return {
      document: (envelope, via, asked) => handset.orders.document(envelope, via, asked),
      answered: (command, ack) => handset.orders.answered(command, ack),
      snapshot: () => this.snapshot(),
      contracts: async (partition, contracts) => {
        const { cpu, energy, io } = contracts;
        await handset.orders.budget(partition, cpu, energy, io);
        Object.assign(this.member(partition), contracts);
      },
      translated: async (partition, limits) => {
        const asked = this.member(partition).asksTranslated;
        if (asked > 0) await handset.orders.translation(partition, cutTranslated(asked, limits));
      },
      act: (op, partition) => handset.orders.act(op, partition),
      lock: async (partition, name, locked) => {
        // What is kept first holds whatever happens next.
        await handset.orders.keepLocked(name, locked);
        const { vault } = this.disks;
        if (!locked && vault.wipedFor(name) !== null) vault.unmark(name);
        await handset.orders.act(locked ? "lock" : "unlock", partition);
      },
      isRunning: (partition) => this.running.has(partition),
      consoleBytes: (partition) => handset.consoleLog(partition).readFrom(0).bytes,
      wipe: (partitions, command) => this.wipe(partitions, command),
      release: async () => {
        await handset.release();
        for (const { id, file } of this.members) if (file.kind !== "personal") await handset.closeDisk(id);
        this.finishRelease();
      },
      channels: this.file.channels.filter((channel) =>
        [channel.from, channel.to].every((name) => this.members.some(({ file }) => file.name === name)),
      ),
      channelOf: (channel) => this.channels.get(channel) ?? null,
      grant: (channel, rate) => this.grant(channel, rate),
      revoke: async (id) => {
        await handset.orders.revoke(id);
        for (const [channel, granted] of this.channels) if (granted.id === id) this.channels.delete(channel);
      },
      happened: (kind, partition = HANDSET_ITSELF) => {
        const name = this.members.find(({ id }) => id === partition)?.file.name ?? "the handset";
        this.emit(name, { kind, partition, reason: 0, timeNs: this.lastNs, value: 0 });
      },
    };
  }

  /** Ends the rules, then the handset. */
  async close(): Promise<void> {
    clearInterval(this.guardTimer);
    clearInterval(this.powerTimer);
    await this.management?.close();
    await this.rules.close();
    await this.handset.close();
    this.audits.close();
  }

  /** Calls `listener` for every rule that went wrong. */
  onRule(listener: (rule: string, text: string) => void): void {
    this.ruleListeners.push(listener);
  }

  private startRules(): void {
    this.onEvent((partition, { kind, reason, timeNs }) => {
      const details = { kind, partition, reason: reason === 0 ? "" : reasonText(reason), timeMs: timeNs / 1e6 };
      for (const on of TRIGGERS_OF[kind] ?? []) void this.rules.happened({ on, ...details });
    });
    if (this.power.measures) {
      void this.pollPower();
      this.powerTimer = setInterval(() => void this.pollPower(), POWER_POLL_MS);
    }
    this.booted = true;
    this.tellPower();
  }

  /** Reads the measured sensors, and lets the worker know what the battery lost. */
  private async pollPower(): Promise<void> {
    try {
      const { energyDrained, nowNs } = await this.handset.orders.snapshot();
      this.lastNs = nowNs;
      const beyond = this.power.poll(energyDrained);
      if (beyond > 0n) await this.handset.orders.drained(beyond);
      this.tellPower();
    } catch (error) {
      // The handset ended meanwhile.
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** Rules hear of each whole percent and degree; everybody hears of the charger and of the thermal level. */
  private tellPower(): void {
    if (!this.booted) return;
    for (const event of this.power.changes()) this.tellChange(event);
  }

  private tellChange(event: PowerEvent): void {
    const itself = { partition: HANDSET_ITSELF, reason: 0, timeNs: this.lastNs };
    if (event.kind === "battery") {
      const { percent, milliwatts, charging, celsius } = event.battery;
      const drain = milliwatts === null ? null : Math.round(milliwatts);
      void this.rules.happened({ on: "battery", percent: Math.floor(percent), milliwatts: drain, charging, celsius });
      if (this.charging !== charging) {
        this.charging = charging;
        this.emit("the handset", {
          kind: charging ? "charging" : "discharging",
          ...itself,
          value: Math.floor(percent),
        });
      }
      return;
    }
    const { celsius, level, warn, critical } = event.thermal;
    void this.rules.happened({ on: "thermal", celsius: Math.floor(celsius), level, warn, critical });
    if (this.level === level) return;
    this.level = level;
    this.emit("the handset", { kind: "thermal", ...itself, value: Math.floor(celsius), text: level });
  }

  private ruleReported(rule: string, text: string): void {
    this.ruleListeners.forEach((listener) => listener(rule, text));
    const itself = { partition: HANDSET_ITSELF, reason: 0, timeNs: this.lastNs, value: 0 };
    this.emit("the handset", { kind: "rule", ...itself, text: `${rule}: ${text}` });
  }

  private emit(name: string, event: HandsetEvent): void {
    this.lastNs = Math.max(this.lastNs, event.timeNs);
    if (event.kind === "running") this.running.add(event.partition);
    else if (["paused", "stopped", "failed", "locked"].includes(event.kind)) this.running.delete(event.partition);
    if (event.kind === "policy-applied") this.consoles.review(event.partition, name);
    this.management?.happened(event, name);
    for (const listener of this.eventListeners) listener(name, event);
  }

  /** Resolves once every partition is ready: its guest has reached its shell, or, for a guest of the user's own, it runs. Rejects when
   *  one has stopped or failed first. */
  async ready(signal: AbortSignal, progress: (view: HandsetView) => void): Promise<HandsetView> {
    for (;;) {
      const view = await this.snapshot();
      progress(view);
      const pending = view.partitions.filter(({ partition, state, bootMs }) => {
        if (state === "failed" || state === "stopped") {
          throw new UsageError(
            "PARTITION_ENDED",
            `a partition ended before it was ready`,
            "See: pocketvisor log PARTITION",
          );
        }
        const own = this.members.find(({ id }) => id === partition)!.file.guest === null;
        return own ? state !== "running" : bootMs === null;
      });
      if (pending.length === 0) return view;
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  async snapshot(): Promise<HandsetView> {
    const snapshot = await this.handset.orders.snapshot();
    this.lastNs = snapshot.nowNs;
    return {
      handset: this.file.name,
      board: this.board.name,
      nowNs: snapshot.nowNs,
      busyNs: snapshot.busyNs,
      stolenNs: snapshot.stolenNs,
      handsetNs: snapshot.handsetNs,
      memory: { held: snapshot.memoryHeld, limit: this.board.ramBytes - this.board.reserveBytes },
      energy: { drained: snapshot.energyDrained, spent: snapshot.energySpent },
      average: snapshot.average,
      boardAverage: snapshot.boardAverage,
      battery: this.power.batteryView(snapshot),
      thermal: this.power.thermalView(snapshot),
      rules: this.rules.views(),
      management: this.management?.view ?? null,
      partitions: snapshot.partitions.map((partition) => {
        const member = this.members.find(({ id }) => id === partition.partition);
        const { ramBytes, overheadBytes, overhead } = this.handset.memoryOf(partition.partition);
        const { reason, timeNs } = partition.crash ?? { reason: "", timeNs: 0 };
        return {
          ...partition,
          crash: partition.crash === null ? null : { reason, timeNs },
          kind: member?.file.kind ?? "system",
          memory: { ramBytes, overheadBytes, overhead },
        };
      }),
    };
  }

  async act(
    op: "start" | "pause" | "resume" | "stop" | "restart",
    partition: number,
    now = false,
  ): Promise<string | null> {
    if (op !== "stop" && op !== "restart") {
      await this.handset.orders.act(op, partition);
      return null;
    }
    const { state } = await this.partition(partition);
    const lives = state === "running" || state === "paused";
    const ending = lives ? await this.end(partition, now ? AbortSignal.abort() : NEVER) : null;
    if (ending?.off !== true) await this.handset.orders.act(op, partition);
    else if (op === "restart") await this.handset.orders.act("start", partition);
    return ending?.why ?? null;
  }

  /** Presses the power keys of all that run, and waits until they are off; whoever is still there when this resolves is cut by close(). Rules
   *  end first: none starts anew what has ended. `cut` ends the wait. */
  async powerOff(cut: AbortSignal): Promise<void> {
    await this.rules.close();
    const { partitions } = await this.handset.orders.snapshot();
    const alive = partitions.filter(({ state }) => state === "running" || state === "paused");
    await Promise.all(alive.map(({ partition }) => this.end(partition, cut)));
  }

  /** Has a partition end by itself, and tells whether it did. */
  private async end(partition: number, cut: AbortSignal): Promise<Ending> {
    const { name } = this.member(partition).file;
    const event = { partition, reason: 0, value: 0 };
    const ending = await powerDown(
      {
        press: () => this.handset.orders.press(partition),
        look: async () => {
          const { state, reason, instructions, io } = await this.partition(partition);
          return { state, reason, instructions, moved: io.reduce((sum, { used }) => sum + used, 0) };
        },
      },
      cut,
      () => this.emit(name, { kind: "power-key", ...event, timeNs: this.lastNs, text: "pressed; it is to power off" }),
    );
    if (!ending.off) this.emit(name, { kind: "power", ...event, timeNs: this.lastNs, text: ending.why });
    return ending;
  }

  private async partition(id: number): Promise<PartitionSnapshot> {
    const { partitions } = await this.handset.orders.snapshot();
    return partitions.find(({ partition }) => partition === id)!;
  }

  async budget(partition: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void> {
    const before = this.contracts(partition);
    await this.handset.orders.budget(partition, cpu, energy, io);
    Object.assign(this.member(partition), { cpu, energy, io });
    this.management?.ordered(this.member(partition).file.name, { cpu, energy, io }, before);
  }

  contracts(partition: number): { cpu: CpuContract; energy: EnergyContract | null; io: IoContract } {
    const { cpu, energy, io } = this.member(partition);
    return { cpu, energy, io };
  }

  async unlockConsole(partition: string, code: string): Promise<void> {
    await this.guardOf(partition).unlock(partition, code);
  }

  lockConsole(partition: string): void {
    this.guardOf(partition).lock(partition);
  }

  async setCode(partition: string, code: string, old: string | null): Promise<void> {
    await this.guardOf(partition).setCode(partition, code, old);
  }

  /** Throws UsageError when the handset belongs to no fleet. */
  private guardOf(partition: string): ConsoleGuard {
    if (this.guard !== null) return this.guard;
    throw new UsageError("CODE_NONE", `nothing locks ${partition}: no policy governs it`);
  }

  /** Throws UsageError while its console is locked, or where a policy denies it. */
  console(partition: number): string {
    this.consoles.enter("log", this.door(this.member(partition)));
    return this.handset.consoleLog(partition).readFrom(0).bytes.toString("latin1");
  }

  async registers(partition: number): Promise<RegisterDump | null> {
    const door = this.door(this.member(partition));
    const { partitions } = await this.handset.orders.snapshot();
    const crash = partitions.find((each) => each.partition === partition)?.crash ?? null;
    if (crash !== null) this.consoles.enter("registers", door);
    return crash;
  }

  profile(partition: number, seconds: number): Promise<ProfileResult> {
    return this.consoles.profile(this.door(this.member(partition)), seconds * 1000);
  }

  audit(count: number): AuditView {
    return auditView(this.audits.read(count), (id) => this.members.find((member) => member.id === id)?.file.name);
  }

  quit(now: boolean): void {
    // Whoever asked gets an answer first.
    setImmediate(() => this.onQuit(now));
  }

  command(name: string, positionals: string[], options: Record<string, string>): Promise<unknown> {
    const command = commandNamed(name);
    const known = [...Object.keys(command.options), ...Object.keys(command.flags ?? {}), ...(command.secrets ?? [])];
    const unknown = Object.keys(options).find((option) => !known.includes(option));
    if (unknown !== undefined) throw new UsageError("USAGE", `${name} has no option --${unknown}`);
    if (positionals.length > command.positionals.length)
      throw new UsageError("USAGE", `${name} has too many arguments`);
    return command.run(this, { positionals, options });
  }

  shell(): ControlShell {
    return new ShellSession((name, positionals, options) => this.command(name, positionals, options));
  }

  attach(
    partition: string,
    output: (bytes: Buffer) => Promise<void> | void,
    ended: (why: string) => void = () => undefined,
  ): { input: (bytes: Buffer) => void; detach: () => void } {
    return this.consoles.attach(this.door(this.named(partition)), output, ended);
  }

  async debug(partition: string, ended: (why: string) => void): Promise<Debugging> {
    const member = this.named(partition);
    return openDebugging(this.consoles, this.door(member), debugSocketPath(this.file.name, partition), {
      kill: () => void this.handset.orders.act("stop", member.id).catch(() => undefined),
      notice: (line) => this.ruleListeners.forEach((listener) => listener("debug", `${partition}: ${line}`)),
      ended,
    });
  }

  /** Throws UsageError when there is none. */
  private named(partition: string): Member {
    const member = this.members.find(({ file }) => file.name === partition);
    if (member !== undefined) return member;
    throw new UsageError(
      "PARTITION_UNKNOWN",
      `there is no partition ${JSON.stringify(partition)}`,
      `Partitions: ${this.members.map(({ file }) => file.name).join(", ")}.`,
    );
  }

  private door({ id, file }: Member): Door {
    return { id, name: file.name, use: file.devices.console };
  }

  /** Calls `listener` for everything that happens, with the partition's name. */
  onEvent(listener: (name: string, event: HandsetEvent) => void): void {
    this.eventListeners.push(listener);
  }

  private member(partition: number): Member {
    const member = this.members.find(({ id }) => id === partition);
    if (member !== undefined) return member;
    throw new UsageError("PARTITION_UNKNOWN", "the partition is still being defined", "Ask again in a moment.");
  }
}

function pinned(kernel: PartitionPlan["image"]["kernel"], sha256: string): PartitionPlan["image"]["kernel"] {
  return kernel === null ? null : { ...kernel, sha256 };
}

/** Of a wait that nobody cuts short. */
const NEVER = new AbortController().signal;
const IDLE_LOOK_MS = 1000;
const READY_POLL_MS = 100;
const POWER_POLL_MS = 1000;

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
