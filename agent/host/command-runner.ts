// Carries out the fleet's commands, once they are accepted: each comes to one answer.

import { Failure } from "../failure.ts";
import type { MonitorMessage } from "../agent-messages.ts";
import type { HandsetView } from "../command.ts";
import type { HandsetChannel } from "../handset/file.ts";
import type { Contracts } from "../policy/limits.ts";
import type { Via } from "../wire/accept.ts";
import type { Ack, Command } from "../wire/commands.ts";
import type { Judged } from "./handset-messages.ts";
import type { ManagedPartition } from "./managed-partition.ts";

/** What management needs of a running handset: the monitor. */
export interface ManagedHandset {
  document(envelope: Uint8Array, via: Via): Promise<Judged>;
  answered(command: Uint8Array, ack: Uint8Array): Promise<void>;
  snapshot(): Promise<HandsetView>;
  contracts(partition: number, contracts: Contracts): Promise<void>;
  act(op: "start" | "pause" | "resume" | "stop" | "restart", partition: number): Promise<void>;
  /** Locks a partition or unlocks it, over restarts too. */
  lock(partition: number, name: string, locked: boolean): Promise<void>;
  isRunning(partition: number): boolean;
  /** Latin-1 bytes of the console's log. */
  consoleBytes(partition: number): Uint8Array;
  /** Empties the partition's disk image. False: it has none that may be written. */
  eraseDisk(partition: number): boolean;
  readonly channels: readonly HandsetChannel[];
  channelOf(channel: HandsetChannel): { id: number; bytesPerSecond: number | null } | null;
  grant(channel: HandsetChannel, bytesPerSecond: number | null): Promise<number>;
  revoke(channel: number): Promise<void>;
  /** An event of management's own. */
  happened(kind: string, partition?: number): void;
}

export interface CommandSurroundings {
  /** Every partition that the fleet may command, by default: all but the owner's. */
  managed(): ManagedPartition[];
  report(): void;
  tell(message: MonitorMessage): void;
}

type Result = Pick<Ack, "status" | "text">;

const DONE: Result = { status: "succeeded" };
const CHUNK_BYTES = 16_384;
const LOG_BYTES = 64 << 10;

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
      case "pause":
      case "resume":
        await target.act(command.verb, this.named(command).id);
        return DONE;
      case "lock":
        for (const partition of this.chosen(command)) await this.lock(partition, "by command");
        return DONE;
      case "unlock":
        for (const partition of this.chosen(command)) await this.unlock(partition);
        return DONE;
      case "logs":
        return this.logs(command, "log");
      case "console":
        return this.logs(command, "console");
      case "wipe-partition":
        return this.wipe([this.named(command)]);
      case "wipe-device":
        return this.wipe(surroundings.managed());
      case "retire":
        for (const partition of surroundings.managed()) await this.lock(partition, "the handset was retired");
        surroundings.tell({ kind: "retire" });
        return DONE;
      case "cancel":
        // Whatever was accepted has been carried out by now.
        return { status: "failed", text: "nothing is under way" };
      default:
        return { status: "rejected", text: `this handset has no ${command.verb}` };
    }
  }

  private named({ partition }: Command): ManagedPartition {
    const found = this.surroundings.managed().find(({ name }) => name === partition);
    if (found === undefined) throw new CommandError(`there is no partition ${String(partition)}`);
    return found;
  }

  private chosen(command: Command): ManagedPartition[] {
    return command.partition === undefined ? this.surroundings.managed() : [this.named(command)];
  }

  private async lock(partition: ManagedPartition, why: string): Promise<void> {
    if (partition.lockedFor === null) await this.target.lock(partition.id, partition.name, true);
    partition.lockedFor = why;
  }

  private async unlock(partition: ManagedPartition): Promise<void> {
    if (partition.lockedFor === null) return;
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

  /** Stops partitions for good and empties their disks. */
  private async wipe(partitions: ManagedPartition[]): Promise<Result> {
    const kept: string[] = [];
    for (const partition of partitions) {
      await this.lock(partition, "wiped");
      if (!this.target.eraseDisk(partition.id)) kept.push(partition.name);
    }
    // Without a disk there is nothing left of it but its console's log, which goes with the process.
    return kept.length === 0
      ? DONE
      : { status: "succeeded", text: `no writable disk: ${kept.join(", ")}`.slice(0, 200) };
  }
}

class CommandError extends Failure {
  constructor(message: string) {
    super("COMMAND", message);
  }
}
