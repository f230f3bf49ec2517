// A running handset as the monitor's main thread sees it: starts the workers, passes requests, and tells what happens.

import { EventEmitter, once } from "node:events";
import { Worker, type MessagePort } from "node:worker_threads";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import { FAIL_DISK, LOSS_AUDIT, LOSS_IO_WORKER, LOSS_NETWORK } from "../../../kernel/abi/reasons.ts";
import { HostError } from "../../failure.ts";
import { buildProduct } from "../../paths.ts";
import type { BatteryReading } from "../../battery/battery.ts";
import type { AuditLog } from "../audit/log.ts";
import { ConsoleLog } from "../between/console-log.ts";
import { DiskQueue } from "../disk/queue.ts";
import { HandsetNetwork } from "../network/client.ts";
import { NetworkQueue } from "../network/queue.ts";
import { prepareFlash } from "../disk/flash-file.ts";
import { DiskLocks } from "../disk/locks.ts";
import type { LoadPlan } from "../loader/plan.ts";
import { DiskWorker } from "../disk/client.ts";
import type { HandsetMessage, HandsetOrder, HandsetWorkerData, LoadedSpec } from "../between/messages.ts";
import { HEARTBEAT_WORDS, HeartbeatWatch } from "../between/heartbeat.ts";
import { doorbellRing } from "../between/doorbell.ts";
import type { PartitionMemory } from "../machine/memory.ts";
import { DebugLink } from "../debug/link.ts";
import { DirectControl } from "./direct-control.ts";
import { HandsetOrders } from "./orders.ts";
import { partitionPrepare, type ImageOptions, type PreparedPartition } from "./prepare.ts";
import { ShellKeeper } from "./shell-keeper.ts";
import type {
  BoardSpec,
  DiskFile,
  CpuContract,
  EnergyContract,
  IoContract,
  PowerSpec,
  RestartPolicy,
  LinkKind,
} from "../../handset/contracts.ts";
import type { HandsetEvent } from "../../view.ts";
import type { GovernanceSpec } from "../../shell/orders.ts";

/** What a handset file says of one partition, with its image resolved. */
export interface PartitionPlan {
  name: string;
  /** SHA-256 of the kernel image in hexadecimal, as it is now: it is loaded at each start. Absent: nobody asks. Throws Failure. */
  imageHash?: () => string;
  image: Omit<ImageOptions, "mode">;
  cpu: CpuContract;
  energy: EnergyContract | null;
  /** Picojoules that its reserve holds at its first start. */
  energyInitial: bigint;
  io: IoContract;
  restart: RestartPolicy;
  /** What its image needs, if that was worked out before. */
  prepared?: PreparedPartition;
  /** See LoadedSpec. */
  consolePort?: number;
  inputIsWhole?: boolean;
  verify?: boolean;
}

interface Member {
  name: string;
  memory: PartitionMemory;
  log: ConsoleLog;
  disk: DiskWorker | null;
  /** Starts an I/O worker; null: it has no use for one. */
  openDisk: (() => DiskWorker) | null;
  /** Lets go of its disk's files. */
  unlock: () => void;
  imageHash: (() => string) | null;
}

interface HandsetEvents {
  event: [HandsetEvent];
  /** The simulated battery has gone over a whole percent or degree, or its charger has changed. */
  battery: [BatteryReading];
  /** Raw audit records, 64 bytes each. */
  audit: [Uint8Array];
  /** The console log of this partition has grown. */
  console: [number];
  /** Who was refused console input of this partition may offer some again. */
  "input-room": [number];
  /** The handset has ended: null when it was asked to, else why. */
  end: [HandsetEnd | null];
}

export interface HandsetEnd {
  text: string;
  /** The worker did not come round any more; otherwise it failed. */
  hung: boolean;
}

export interface HandsetOptions {
  /** Where audit records go; nowhere if not said. */
  audit?: AuditLog;
  /** What governs it, if it belongs to a fleet. */
  governance?: GovernanceSpec;
  /** The handset's name, for whoever finds an image in use. */
  name?: string;
  /** False: images are not locked, because a person has said that nobody else uses them. */
  lock?: boolean;
  /** Who holds the control port: the shell, which judges every request, or this thread itself. */
  control?: "shell" | "direct";
  /** How long the worker may have something to do without coming round. */
  hangMs?: number;
  /** The machine's module, if it is not the product's: for tests. */
  machineWasm?: string;
}

/** In virtual time the worker itself waits for its disks, which may be slow. */
const HANG_MS = { realtime: 5_000, deterministic: 60_000 };
/** How long the worker may take to end by itself: its disks finish what is under way. */
const CLOSE_MS = 5000;

export class Handset extends EventEmitter<HandsetEvents> {
  /** Bytes of shared memory that a partition costs beside its machine's. */
  static readonly sharedBytes = new ConsoleLog().buffer.byteLength;
  readonly mode: "realtime" | "deterministic";
  private readonly words = new Int32Array(new SharedArrayBuffer(HEARTBEAT_WORDS * 4));
  private readonly worker: Worker;
  /** What is asked of the worker is asked of the only holder of the control port. */
  private readonly shell: ShellKeeper | DirectControl;
  /** What can be asked of it. */
  readonly orders: HandsetOrders;
  private readonly members = new Map<number, Member>();
  /** The guests' network: what runs of it, and its rules. */
  readonly network: HandsetNetwork;
  private readonly audit: AuditLog | null;
  private readonly unwatch: () => void;
  private auditFails = false;
  private readonly locks: DiskLocks;
  private ended = false;
  /** Why the handset has ended by itself; null while it has not, or when it was asked to. */
  failure: HandsetEnd | null = null;

  /** Starts the worker with an empty handset. */
  constructor(board: BoardSpec, mode: "realtime" | "deterministic", power: PowerSpec, options: HandsetOptions = {}) {
    super();
    this.mode = mode;
    this.audit = options.audit ?? null;
    this.orders = new HandsetOrders(
      () => this.shell,
      (id) => this.member(id),
      (id) => this.renewDisk(id),
    );
    this.locks = new DiskLocks(options.name ?? "run", options.lock ?? true);
    this.network = new HandsetNetwork(this.doorbell, () => {
      this.order({ kind: "tell", what: "network-lost", partition: NO_PARTITION, reason: LOSS_NETWORK, value: 0 });
    });
    const data: HandsetWorkerData = {
      machineWasm: options.machineWasm ?? buildProduct("machine.wasm"),
      hypervisorWasm: buildProduct("hypervisor.wasm"),
      mode,
      board,
      power,
      audit: this.audit?.chain ?? null,
      words: this.doorbell,
    };
    this.worker = new Worker(buildProduct("handset-worker.mjs"), { workerData: data });
    this.worker.on("message", (message: HandsetMessage) => this.receive(message));
    this.worker.on("error", (error) => this.finish(error.stack ?? error.message));
    this.worker.on("exit", () => this.finish("the handset's worker ended"));
    const handOver = (requests: MessagePort, count: number): void => this.order({ kind: "control", requests, count });
    this.shell =
      options.control === "direct"
        ? new DirectControl(handOver, () => this.ring())
        : this.keepShell(data.words, options.governance ?? null, handOver);
    const hangMs = options.hangMs ?? HANG_MS[mode];
    this.unwatch = new HeartbeatWatch(this.words).start(hangMs, () => {
      this.finish(`the handset's worker hangs: it has not come round for ${hangMs / 1000} s`, true);
    });
  }

  private keepShell(
    words: SharedArrayBuffer,
    governance: GovernanceSpec | null,
    handOver: (requests: MessagePort, count: number) => void,
  ): ShellKeeper {
    return new ShellKeeper(words, governance, {
      handOver,
      message: (message) => this.receive(message),
      down: (why) => this.orders.refuseAll(`${why}: it may have been carried out or not; a new shell is on its way`),
    });
  }

  /** Defines and admits a partition; it does not run yet. Returns its id. Throws ImageError, UsageError, RefusalError. */
  async add(plan: PartitionPlan): Promise<number> {
    const log = new ConsoleLog();
    const mode = this.mode === "realtime" ? "realtime" : "scheduled";
    const prepared = plan.prepared ?? partitionPrepare({ ...plan.image, mode }, log.buffer.byteLength);
    const network = plan.image.network ?? null;
    const networkQueue = network === null ? null : new NetworkQueue(this.network.bell);
    const spec: LoadedSpec = {
      name: plan.name,
      image: plan.imageHash?.() ?? "",
      plan: prepared.plan,
      machine: prepared.config,
      memoryBytes: prepared.memory.ramBytes + prepared.memory.overheadBytes,
      translateCodeBytes: prepared.config.caches.translateCodeBytes,
      cpu: plan.cpu,
      energy: plan.energy,
      io: plan.io,
      restart: plan.restart,
      disk: plan.image.disk,
      diskQueue: prepared.diskQueue,
      network: networkQueue === null ? null : { queue: networkQueue.buffer, bell: this.network.bell },
      consoleLog: log.buffer,
      consolePort: plan.consolePort ?? 0,
      inputIsWhole: plan.inputIsWhole ?? false,
      verify: plan.verify ?? false,
    };
    const unlock = this.lockFiles(plan, prepared.plan);
    const id = (await this.orders.request({ op: "define", spec }, `partition ${plan.name}`).catch((error: unknown) => {
      unlock();
      throw error;
    })) as number;
    const { diskQueue } = prepared;
    const { disk } = plan.image;
    const openDisk = diskQueue === null || disk === null ? null : () => this.openDisk(id, diskQueue, disk);
    const { name, imageHash = null } = plan;
    this.members.set(id, { name, memory: prepared.memory, log, disk: null, openDisk, unlock, imageHash });
    if (network !== null) this.network.attach(id, networkQueue!.buffer, network);
    await this.orders.request({ op: "admit", partition: id }, `partition ${plan.name}`);
    if (plan.energy !== null && plan.energyInitial > 0n) {
      const fill = { op: "fill", partition: id, picojoules: plan.energyInitial } as const;
      await this.orders.request(fill, `the reserve of ${plan.name}`);
    }
    this.member(id).disk = openDisk?.() ?? null;
    return id;
  }

  /** Locks what the partition writes to; returns how to let go. */
  private lockFiles({ name, image }: PartitionPlan, { flashFile, firmware }: LoadPlan): () => void {
    if (flashFile !== null) prepareFlash(flashFile, firmware.bank1Bytes);
    const files = [image.disk, flashFile === null ? null : { path: flashFile, readOnly: false }];
    const release = files.flatMap((file) => (file === null ? [] : [this.locks.take(name, file)]));
    return () => release.forEach((letGo) => letGo());
  }

  private openDisk(id: number, queue: SharedArrayBuffer, disk: DiskFile): DiskWorker {
    return new DiskWorker(new DiskQueue(queue), disk, this.doorbell, (stuck) => {
      if (stuck) this.order({ kind: "fail", partition: id, reason: FAIL_DISK });
      else this.order({ kind: "tell", what: "disk-error", partition: id, reason: LOSS_IO_WORKER, value: 0 });
    });
  }

  /** A partition that begins anew gets another I/O worker where the last one was given up. */
  private renewDisk(id: number): void {
    const member = this.members.get(id);
    if (member?.disk?.isGone !== true) return;
    member.disk = member.openDisk?.() ?? null;
    // What the last worker never finished is an error now: the handset worker is to see it.
    this.ring();
  }

  /** Nobody has the partition's disk open any more, and it gets none again. The partition must not run. */
  async closeDisk(id: number): Promise<void> {
    const member = this.member(id);
    await member.disk?.close();
    member.unlock();
    [member.disk, member.openDisk] = [null, null];
  }

  /** Nobody has the partition's disk open while `body` runs. The partition must not run. */
  async withoutDisk<T>(id: number, body: () => T): Promise<T> {
    const member = this.member(id);
    await member.disk?.close();
    try {
      return body();
    } finally {
      member.disk = member.openDisk?.() ?? null;
    }
  }

  /** Lets a debugger come to a partition: its guest stands until the debugger lets it go on. `end` is called when the debugger wishes the
   *  guest's end. close() of the link, then leaveDebugger(), let the guest go. Throws RefusalError. */
  async debugger(id: number, end: () => void): Promise<DebugLink> {
    const name = this.nameOf(id);
    await this.orders.request({ op: "debug", partition: id, name, on: true }, `debugging of ${name}`);
    const link = new DebugLink(() => this.ring(), end);
    this.order({ kind: "debugger", partition: id, door: link.workerPort });
    return link;
  }

  /** The debugger has gone: the guest goes on. */
  async leaveDebugger(id: number): Promise<void> {
    const name = this.nameOf(id);
    await this.orders.request({ op: "debug", partition: id, name, on: false }, `debugging of ${name}`);
  }

  /** Puts a use of a partition into the audit, and tells of it: ACCESS_*. */
  note(id: number, reason: number): void {
    this.order({ kind: "tell", what: "access", partition: id, reason, value: 0 });
  }

  /** Something was put where the handset worker looks. */
  ring(): void {
    doorbellRing(this.words);
  }

  /** It belongs to no fleet any more: no shell of it keeps or judges what governs. Throws RefusalError. */
  async release(): Promise<void> {
    await this.orders.ask((id) => ({ id, released: true }), "the release from the fleet");
    this.shell.release();
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
    this.unwatch();
    if (!this.ended) {
      // The last records of the audit come before the worker's end.
      const end = once(this, "end", { signal: AbortSignal.timeout(CLOSE_MS) });
      this.order({ kind: "quit" });
      await end.catch(() => undefined);
    }
    await this.worker.terminate();
    await this.network.close();
    await this.shell.close();
    for (const { disk, unlock } of this.members.values()) {
      await disk?.close();
      unlock();
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

  /** The words that the workers share: the first is the bell. */
  private get doorbell(): SharedArrayBuffer {
    return this.words.buffer as SharedArrayBuffer;
  }

  /** The phone is connected otherwise: what a frame costs. */
  setLink(link: LinkKind): void {
    this.order({ kind: "link", link });
  }

  private order(order: HandsetOrder): void {
    const transfer = order.kind === "control" ? [order.requests] : order.kind === "debugger" ? [order.door] : [];
    this.worker.postMessage(order, transfer);
    this.ring();
  }

  private receive(message: HandsetMessage): void {
    switch (message.kind) {
      case "answer":
        this.orders.answer(message.id, message.answer);
        return;
      case "event":
        if (message.event.kind === "restart" || message.event.kind === "running")
          this.renewDisk(message.event.partition);
        this.emit("event", message.event);
        return;
      case "battery":
        this.emit("battery", message.reading);
        return;
      case "console":
        for (const id of message.partitions) this.emit("console", id);
        return;
      case "input-room":
        this.emit("input-room", message.partition);
        return;
      case "audit":
        this.keepAudit(message.records);
        this.emit("audit", message.records);
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

  private finish(failure: string | null, hung = false): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure === null ? null : { text: failure, hung };
    this.unwatch();
    this.orders.ended(this.failure?.text ?? "the handset has ended");
    this.emit("end", this.failure);
  }
}
