// Carries out the fleet's commands, once they are accepted: each comes to one answer.

import { Failure } from "../../failure.ts";
import { toHex } from "../../wire/bytes.ts";
import type { MonitorMessage } from "../../agent-messages.ts";
import type { HandsetChannel } from "../../handset/file.ts";
import type { Limits } from "../../policy/limits.ts";
import type { Contracts } from "../../handset/contracts.ts";
import type { Via } from "../../wire/accept.ts";
import type { Ack, Command } from "../../wire/commands.ts";
import type { Desired, LockDocument } from "../../wire/documents.ts";
import { PRIVATE } from "../../wire/scope.ts";
import { desiredOf } from "../../shell/governance.ts";
import type { Wiped } from "../disk/vault.ts";
import type { ManagedPartition } from "./partition.ts";
import type { HandsetView } from "../../view.ts";
import type { AskedTime, Judged } from "../../shell/orders.ts";

/** What management needs of a running handset: the monitor. */
export interface ManagedHandset {
  document(envelope: Uint8Array, via: Via, asked: AskedTime): Promise<Judged>;
  answered(command: Uint8Array, ack: Uint8Array): Promise<void>;
  snapshot(): Promise<HandsetView>;
  contracts(partition: number, contracts: Contracts): Promise<void>;
  /** Holds the partition's translated code to its policy. Throws Failure. */
  translated(partition: number, limits: Limits): Promise<void>;
  act(op: "start" | "pause" | "resume" | "stop" | "restart", partition: number): Promise<void>;
  /** Locks a partition or unlocks it, over restarts too. */
  lock(partition: number, name: string, locked: boolean): Promise<void>;
  /** Removes what governs the handset; its partitions have been wiped, and no agent runs. */
  release(): Promise<void>;
  isRunning(partition: number): boolean;
  /** Latin-1 bytes of the console's log. */
  consoleBytes(partition: number): Uint8Array;
  /** Destroys what partitions have on disk, key first, for the command with this id (hexadecimal). They are locked by then, and stay so. */
  wipe(partitions: readonly string[], command: string): Promise<Wiped[]>;
  readonly channels: readonly HandsetChannel[];
  channelOf(channel: HandsetChannel): { id: number; bytesPerSecond: number | null } | null;
  grant(channel: HandsetChannel, bytesPerSecond: number | null): Promise<number>;
  revoke(channel: number): Promise<void>;
  /** An event of management's own. */
  happened(kind: string, partition?: number): void;
}

export interface CommandSurroundings {
  /** Every partition that the fleet may command: all but the owner's, and those that are not there because a policy keeps them out. */
  managed(): ManagedPartition[];
  /** All but the owner's. */
  governed(): ManagedPartition[];
  /** The owner's. */
  personal(): ManagedPartition[];
  /** What the fleet wants locked; null: it has never said. */
  lockInForce(): LockDocument | null;
  report(): void;
  tell(message: MonitorMessage): void;
  /** The handset is about to leave its fleet, and does, whatever happens next. */
  retiring(): void;
}

type Result = Pick<Ack, "status" | "text">;

const DONE: Result = { status: "succeeded" };
const CHUNK_BYTES = 16_384;
const LOG_BYTES = 64 << 10;
const TEXT_CHARACTERS_MAX = 200;

export class CommandRunner {
  private readonly target: ManagedHandset;
  private readonly surroundings: CommandSurroundings;
  private sequence = 0;

  constructor(target: ManagedHandset, surroundings: CommandSurroundings) {
    this.target = target;
    this.surroundings = surroundings;
  }

  /** Never throws for what a command wants. */
  async run(command: Command): Promise<Result> {
    try {
      return await this.carryOut(command);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { status: "failed", text: error.message.slice(0, 200) };
    }
  }

  private async carryOut(command: Command): Promise<Result> {
    const { target, surroundings } = this;
    switch (command.verb) {
      case "ping":
        return DONE;
      case "report":
        surroundings.report();
        return DONE;
      case "rebirth":
        surroundings.tell({ kind: "rebirth" });
        return DONE;
      case "start":
      case "stop":
      case "restart":
        await target.act(command.verb, this.named(command).id);
        return DONE;
      case "pause":
      case "resume":
        // With the owner's consent their side too, which the fleet knows by no other name.
        for (const { id } of this.pausable(command)) await target.act(command.verb, id);
        return DONE;
      case "lock":
        for (const partition of this.chosen(command)) await this.lock(partition, "by command");
        return DONE;
      case "unlock":
        for (const partition of this.chosen(command)) {
          this.refuseAgainstLock(partition);
          await this.unlock(partition);
        }
        return DONE;
      case "logs":
        return this.logs(command, "log");
      case "console":
        return this.logs(command, "console");
      case "wipe-partition":
        return this.wipe([this.named(command, surroundings.governed())], command);
      case "wipe-device":
        return this.wipe(surroundings.governed(), command);
      case "retire":
        surroundings.retiring();
        return this.wipe(surroundings.governed(), command);
      case "cancel":
        // Whatever was accepted has been carried out by now.
        return { status: "failed", text: "nothing is under way" };
      default:
        return { status: "rejected", text: `this handset has no ${command.verb}` };
    }
  }

  /** Makes what a lock document wants anew, after its version `before`, so. Never throws for what it wants. */
  async want(document: LockDocument, before: number): Promise<Result> {
    const asked = this.surroundings.governed().flatMap((partition) => {
      const { desired, since } = desiredOf(document, partition.name);
      return since > before ? [{ partition, desired }] : [];
    });
    const named = (word: Desired): ManagedPartition[] =>
      asked.filter(({ desired }) => desired === word).map(({ partition }) => partition);
    try {
      for (const partition of named("locked")) await this.lock(partition, "by the fleet");
      const wiped = named("wiped");
      const result = wiped.length === 0 ? DONE : await this.wipe(wiped, document);
      for (const partition of named("unlocked")) await this.unlock(partition);
      return result;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { status: "failed", text: error.message.slice(0, TEXT_CHARACTERS_MAX) };
    }
  }

  /** Throws COMMAND: a command does not lift what a lock document holds. */
  private refuseAgainstLock({ name }: ManagedPartition): void {
    const document = this.surroundings.lockInForce();
    if (document === null || desiredOf(document, name).desired === "unlocked") return;
    throw new CommandError(
      `version ${document.version} of the fleet's lock holds ${name}, and only a newer one lifts it`,
    );
  }

  private pausable(command: Command): ManagedPartition[] {
    const personal = this.surroundings.personal();
    if (command.partition !== PRIVATE) return [this.named(command, [...this.surroundings.managed(), ...personal])];
    if (personal.length === 0) throw new CommandError("there is no personal side here");
    return personal;
  }

  private named({ partition }: Command, among = this.surroundings.managed()): ManagedPartition {
    const found = among.find(({ name }) => name === partition);
    if (found === undefined) throw new CommandError(`there is no partition ${String(partition)}`);
    return found;
  }

  private chosen(command: Command): ManagedPartition[] {
    return command.partition === undefined ? this.surroundings.managed() : [this.named(command)];
  }

  private async lock(partition: ManagedPartition, why: string): Promise<void> {
    // One that is not there does not start either: the shell keeps its name.
    if (partition.lockedFor === null && partition.id >= 0) {
      await this.target.lock(partition.id, partition.name, true);
    }
    partition.lockedFor = why;
  }

  private async unlock(partition: ManagedPartition): Promise<void> {
    if (partition.lockedFor === null) return;
    if (partition.id < 0) {
      partition.lockedFor = null;
      return;
    }
    await this.target.lock(partition.id, partition.name, false);
    partition.lockedFor = null;
    await this.target.act("start", partition.id);
  }

  /** The console's log as it is now, in chunks. */
  private logs(command: Command, kind: "log" | "console"): Result {
    for (const { id, name } of this.chosen(command)) {
      const bytes = this.target.consoleBytes(id).slice(-LOG_BYTES);
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        const time = Math.floor(Date.now() / 1000);
        const chunk = { sequence: ++this.sequence, time, bytes: bytes.slice(at, at + CHUNK_BYTES) };
        this.surroundings.tell(kind === "log" ? { kind, stream: name, chunk } : { kind, partition: name, chunk });
      }
    }
    return DONE;
  }

  private async wipe(partitions: ManagedPartition[], { id }: Pick<Command, "id">): Promise<Result> {
    const names = partitions.map(({ name }) => name);
    const wiped = await this.target.wipe(names, toHex(id));
    return wipeResult(names.map((name, at) => ({ name, ...wiped[at]! })));
  }
}

/** Why a partition is locked that was wiped. */
export const WIPED = "wiped";

const DESTROYED: Record<Wiped["disk"], string> = {
  layer: "disk removed",
  plain: "disk emptied, which was not encrypted",
  none: "no disk of its own that could be written",
};

/** What was destroyed, in words. */
function wipeResult(wiped: (Wiped & { name: string })[]): Result {
  const text = wiped.map(({ name, key, disk }) => `${name}: ${key ? "key destroyed, " : ""}${DESTROYED[disk]}`);
  return { status: "succeeded", text: text.join("; ").slice(0, TEXT_CHARACTERS_MAX) };
}

class CommandError extends Failure {
  constructor(message: string) {
    super("COMMAND", message);
  }
}
