// A running handset as the monitor's main thread sees it: starts the workers, passes requests, and tells what happens.

import { EventEmitter, once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { NO_PARTITION } from "../../kernel/abi/hypervisor.ts";
import { LOSS_AUDIT } from "../../kernel/abi/reasons.ts";
import { HostError } from "../failure.ts";
import { buildProduct } from "../paths.ts";
import type { AuditLog } from "./audit-log.ts";
import { ConsoleLog } from "./console-log.ts";
import { DiskQueue } from "./disk-queue.ts";
import type {
  BoardSpec,
  ChannelContract,
  CpuContract,
  EnergyContract,
  HandsetAnswer,
  HandsetEvent,
  HandsetMessage,
  HandsetRequest,
  HandsetSnapshot,
  HandsetWorkerData,
  IoContract,
  PartitionSpec,
  Refusal,
  RestartPolicy,
} from "./handset-messages.ts";
import type { IoWorkerData } from "./io-worker.ts";
import type { PartitionMemory } from "./partition-memory.ts";
import { partitionPrepare, type ImageOptions } from "./partition-prepare.ts";

/** What a handset file says of one partition, with its image resolved. */
export interface PartitionPlan {
  name: string;
  image: Omit<ImageOptions, "mode">;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
  restart: RestartPolicy;
}

/** The hypervisor refused a request: the text says why, with the numbers. */
export class RefusalError extends HostError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, what: string) {
    super("HYPERVISOR_REFUSED", `${what}: ${refusal.text}`);
    this.refusal = refusal;
  }
}

interface Member {
  name: string;
  memory: PartitionMemory;
  log: ConsoleLog;
  diskQueue: DiskQueue | null;
  ioWorker: Worker | null;
}

interface HandsetEvents {
  event: [HandsetEvent];
  /** The console log of this partition has grown. */
  console: [number];
  /** The worker has ended: null when it was asked to. */
  end: [string | null];
}

const WORDS = 2;
/** How long the worker may take to end by itself: its disks finish what is under way. */
const CLOSE_MS = 5000;

export class Handset extends EventEmitter<HandsetEvents> {
  readonly mode: "realtime" | "deterministic";
  private readonly words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  private readonly worker: Worker;
  /** The only holder of the worker's control port: what is asked of the worker is asked of the shell. */
  private readonly shell: Worker;
  private readonly waiting = new Map<number, (answer: HandsetAnswer) => void>();
  private readonly members = new Map<number, Member>();
  private nextId = 0;
  private ended = false;
  private readonly audit: AuditLog | null;
  private auditFails = false;

  /** Starts the worker with an empty handset; its audit goes to `audit`, or nowhere. */
  constructor(board: BoardSpec, mode: "realtime" | "deterministic", audit: AuditLog | null = null) {
    super();
    this.mode = mode;
    this.audit = audit;
    const data: HandsetWorkerData = {
      machineWasm: buildProduct("machine.wasm"),
      hypervisorWasm: buildProduct("hypervisor.wasm"),
      mode,
      board,
      audit: audit?.chain ?? null,
      words: this.words.buffer as SharedArrayBuffer,
    };
    const { port1: control, port2: requests } = new MessageChannel();
    this.worker = new Worker(buildProduct("handset-worker.mjs"), {
      workerData: { ...data, requests },
      transferList: [requests],
    });
    this.shell = new Worker(buildProduct("shell-worker.mjs"), {
      workerData: { control, words: data.words },
      transferList: [control],
    });
    this.shell.on("message", (message: HandsetMessage) => this.receive(message));
    this.shell.on("error", (error) => this.finish(error.stack ?? error.message));
    this.worker.on("message", (message: HandsetMessage) => this.receive(message));
    this.worker.on("error", (error) => this.finish(error.stack ?? error.message));
  }

  /** Defines and admits a partition; it does not run yet. Returns its id. Throws ImageError, UsageError, RefusalError. */
  async add(plan: PartitionPlan): Promise<number> {
    const log = new ConsoleLog();
    const mode = this.mode === "realtime" ? "realtime" : "scheduled";
    const prepared = partitionPrepare({ ...plan.image, mode }, log.buffer.byteLength);
    const spec: PartitionSpec = {
      name: plan.name,
      plan: prepared.plan,
      machine: prepared.config,
      memoryBytes: prepared.memory.ramBytes + prepared.memory.overheadBytes,
      cpu: plan.cpu,
      energy: plan.energy,
      io: plan.io,
      restart: plan.restart,
      disk: plan.image.disk,
      diskQueue: prepared.diskQueue,
      consoleLog: log.buffer,
    };
    const id = (await this.request({ op: "define", spec }, `partition ${plan.name}`)) as number;
    const diskQueue = prepared.diskQueue === null ? null : new DiskQueue(prepared.diskQueue);
    this.members.set(id, { name: plan.name, memory: prepared.memory, log, diskQueue, ioWorker: null });
    await this.request({ op: "admit", partition: id }, `partition ${plan.name}`);
    if (diskQueue !== null && plan.image.disk !== null) {
      const doorbell = this.words.buffer as SharedArrayBuffer;
      const data: IoWorkerData = { queue: diskQueue.buffer, doorbell, disk: plan.image.disk };
      this.members.get(id)!.ioWorker = new Worker(buildProduct("io-worker.mjs"), { workerData: data });
    }
    return id;
  }

  /** Carries out a request on a partition. Throws RefusalError. */
  async act(op: "start" | "pause" | "resume" | "stop" | "restart" | "remove", id: number): Promise<void> {
    await this.request({ op, partition: id }, `${op} ${this.nameOf(id)}`);
  }

  /** Changes contracts live. Throws RefusalError. */
  async budget(id: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void> {
    await this.request({ op: "budget", partition: id, cpu, energy, io }, `budget of ${this.nameOf(id)}`);
  }

  /** Lets one partition send to another; returns the channel. Throws RefusalError. */
  async channel(
    from: { partition: number; port: number },
    to: { partition: number; port: number },
    contract: ChannelContract,
  ): Promise<number> {
    const what = `channel from ${this.nameOf(from.partition)} to ${this.nameOf(to.partition)}`;
    return (await this.request({ op: "channel", from, to, contract }, what)) as number;
  }

  /** Takes a channel away. Throws RefusalError. */
  async revoke(channel: number): Promise<void> {
    await this.request({ op: "revoke", channel }, `channel ${channel}`);
  }

  /** Console input; returns how many bytes were taken. */
  async input(id: number, bytes: Uint8Array): Promise<number> {
    return (await this.request({ op: "input", partition: id, bytes }, `input to ${this.nameOf(id)}`)) as number;
  }

  /** Energy that left the battery beyond the taps. */
  async drained(picojoules: bigint): Promise<void> {
    await this.request({ op: "drained", picojoules }, "battery");
  }

  async snapshot(): Promise<HandsetSnapshot> {
    return (await this.request({ op: "snapshot" }, "snapshot")) as HandsetSnapshot;
  }

  /** The partition's console log: it outlives the partition's machine. */
  consoleLog(id: number): ConsoleLog {
    return this.member(id).log;
  }

  memoryOf(id: number): PartitionMemory {
    return this.member(id).memory;
  }

  /** Stops everything. */
  async close(): Promise<void> {
    // What the worker tells at its end, the last audit records, comes before its end.
    const gone = this.ended ? null : once(this, "end", { signal: AbortSignal.timeout(CLOSE_MS) });
    if (!this.ended) await this.request({ op: "quit" }, "quit").catch(() => undefined);
    await gone?.catch(() => undefined);
    await this.worker.terminate();
    await this.shell.terminate();
    for (const { diskQueue, ioWorker } of this.members.values()) {
      if (ioWorker === null) continue;
      const gone = once(ioWorker, "exit");
      diskQueue!.quit();
      await gone;
    }
  }

  private member(id: number): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new HostError("HANDSET_UNKNOWN", `there is no partition ${id}`);
    return member;
  }

  private nameOf(id: number): string {
    return this.member(id).name;
  }

  private request(request: HandsetRequest, what: string): Promise<unknown> {
    if (this.ended) return Promise.reject(new HostError("HANDSET_ENDED", "the handset has ended"));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (answer) => {
        if ("value" in answer) resolve(answer.value);
        else reject(new RefusalError(answer.refusal, what));
      });
      this.shell.postMessage({ id, request });
    });
  }

  private receive(message: HandsetMessage): void {
    switch (message.kind) {
      case "answer": {
        const resolve = this.waiting.get(message.id);
        this.waiting.delete(message.id);
        resolve?.(message.answer);
        return;
      }
      case "event":
        this.emit("event", message.event);
        return;
      case "console":
        for (const id of message.partitions) this.emit("console", id);
        return;
      case "audit":
        this.keepAudit(message.records);
        return;
      case "end":
        this.finish(message.failure);
    }
  }

  /** A spell of records that cannot be written is told once. */
  private keepAudit(records: Uint8Array): void {
    if (this.audit === null) return;
    const failed = !this.audit.append(records);
    if (failed && !this.auditFails) {
      const event = { kind: "audit-lost", partition: NO_PARTITION, reason: LOSS_AUDIT, timeNs: 0 };
      this.emit("event", { ...event, value: this.audit.lostCount });
    }
    this.auditFails = failed;
  }

  private finish(failure: string | null): void {
    if (this.ended) return;
    this.ended = true;
    const refusal = { reason: -1, text: failure ?? "the handset has ended", wanted: 0n, committed: 0n, limit: 0n };
    for (const resolve of this.waiting.values()) resolve({ refusal });
    this.waiting.clear();
    this.emit("end", failure);
  }
}
