// A handset of one partition, on this terminal: `pocketvisor run`. The same worker, loop and hypervisor as a handset's, without a shell, an
// audit or a battery; the partition has no limits.

import type { BoardSpec, CpuContract, IoContract, PowerSpec, RestartPolicy } from "../../handset/contracts.ts";
import type { MachineStats } from "../../view.ts";
import { FAIL_PANIC, FAIL_RESET_LOOP, FAIL_START, FAIL_WATCHDOG, STOP_POWER_OFF } from "../../../kernel/abi/reasons.ts";
import type { PartitionStats } from "../between/messages.ts";
import { ConsoleReader } from "../console/reader.ts";
import type { DebugLink } from "../debug/link.ts";
import type { LoadPlan } from "../loader/plan.ts";
import type { PartitionMemory } from "../machine/memory.ts";
import type { ProfileResult } from "../machine/profile.ts";
import { Handset, type HandsetEnd } from "./handset.ts";
import { partitionPrepare, type ImageOptions, type PreparedPartition } from "./prepare.ts";

export interface SinglePartitionOptions extends Omit<ImageOptions, "mode"> {
  mode: "realtime" | "deterministic";
  /** 0: the PL011; 1 upwards: a port of the virtio-console. */
  consolePort: number;
  /** Deterministic mode: input is a file or pipe that will end. */
  inputIsWhole: boolean;
  /** The end tells where the guest spent its instructions. */
  profile?: boolean;
  /** Deterministic mode with translation: the guest runs interpreted and translated at once, and ends when the two differ. */
  verify?: boolean;
  /** The guest stands until a debugger lets it go: see `openDebugger`. */
  debug?: boolean;
  /** Another machine than build/machine.wasm, for tests. */
  machineWasm?: string;
  /** False: the disk is not locked, because a person has said that nobody else uses it. */
  lock?: boolean;
  /** How long the machine may stay in one slice. */
  hangMs?: number;
}

/** Why it ended. */
export type EndReason =
  "power-off" | "panic" | "reset-loop" | "watchdog" | "left" | "timeout" | "trap" | "diverged" | "image" | "refused";

export type RunStats = MachineStats & {
  /** Wall time from the first instruction to the end. */
  wallMs: number;
  /** Of that, spent in the machine. */
  busyMs: number;
  slices: number;
  sleeps: number;
};

export interface PartitionEnd {
  reason: EndReason;
  /** For people: why a trap, a refusal or a bad image; empty otherwise. May hold text from files. */
  detail: string;
  code: string;
  hint: string;
  stats: RunStats | null;
  /** When one was asked for, and the worker lived to tell. */
  profile: ProfileResult | null;
}

const NAME = "guest";
/** A worker that is asked something when the partition ends has this long. */
const STOP_GRACE_MS = 2_000;
/** For the counters of one that ended by itself, on a computer that is busy with something else. */
const ANSWER_MS = 60_000;
const CPU: CpuContract = { class: "best-effort", budget: 0, period: 100_000, ceiling: null, weight: 100 };
const IO: IoContract = { blockOperations: null, blockBytes: null, consoleBytes: null };
const RESTART: RestartPolicy = { onFailure: "stop", max: 0, backoffFirstMs: 100, backoffMaxMs: 100, noProgressMs: 0 };
const POWER: PowerSpec = { suspendMicrowatts: 0, idleMicrowatts: 0, battery: null, radios: {} };
const FREE = { instruction: 0, blockOperation: 0, blockByte: 0, consoleByte: 0, networkByte: 0 };

const STUCK: PartitionEnd = {
  ...{ reason: "trap", detail: "it did not come back from a slice", code: "MACHINE_STUCK", hint: "" },
  ...{ stats: null, profile: null },
};

export class SinglePartition {
  private readonly options: SinglePartitionOptions;
  private readonly prepared: PreparedPartition;
  private handset: Handset | null = null;
  private id = -1;
  private over = false;
  private roomWaiters: (() => void)[] = [];
  private finish: ((end: PartitionEnd) => void) | null = null;
  private stopReason: "left" | "timeout" | null = null;
  private early: { bytes: Uint8Array; taken: () => void }[] = [];
  private inputEnded = false;

  /** Checks and plans; nothing runs yet. Throws ImageError and UsageError. */
  constructor(options: SinglePartitionOptions) {
    this.options = options;
    const mode = options.mode === "realtime" ? "realtime" : "scheduled";
    this.prepared = partitionPrepare({ ...options, mode }, Handset.sharedBytes);
  }

  get memory(): PartitionMemory {
    return this.prepared.memory;
  }

  get plan(): LoadPlan {
    return this.prepared.plan;
  }

  /** Runs to the end. `output` gets console bytes and resolves when it can take more; `ready` is called before the first instruction, with
   *  a debugger's link if one was asked for. Rejects only for a defect of pocketvisor: a worker that died. */
  async run(
    output: (chunk: Uint8Array) => Promise<void>,
    ready: (debug: DebugLink | null) => Promise<void> = () => Promise.resolve(),
  ): Promise<PartitionEnd> {
    const handset = this.open();
    this.handset = handset;
    let reader: ConsoleReader | null = null;
    let link: DebugLink | null = null;
    const started = performance.now();
    try {
      const ended = this.watch(handset);
      // Whatever is asked of a worker that died is refused too, and comes out first.
      ended.catch(() => undefined);
      this.id = await handset.add(this.partition());
      reader = new ConsoleReader(handset.consoleLog(this.id), {
        ...{ output, ring: () => handset.ring(), hold: true, patienceMs: Infinity },
      });
      handset.on("console", () => void reader!.pump());
      if (this.options.profile === true) await handset.orders.profile(this.id, true);
      if (this.options.debug === true) link = await handset.debugger(this.id, () => this.stop("left"));
      await ready(link);
      this.begin(handset);
      const end = await ended;
      this.over = true;
      // What the guest said last must still reach the terminal; who leaves does not wait for a terminal that is stuck.
      const shown = reader.pump();
      const patience = end.reason === "left" || end.reason === "timeout" ? STOP_GRACE_MS : Infinity;
      await within(shown, patience);
      return { ...end, stats: end.stats === null ? null : { ...end.stats, wallMs: performance.now() - started } };
    } finally {
      this.over = true;
      this.finish = null;
      link?.close();
      reader?.close();
      this.wakeInput();
      await handset.close();
    }
  }

  /** Ends the partition from outside. */
  stop(reason: "left" | "timeout"): void {
    this.stopReason ??= reason;
    if (this.handset !== null) void this.conclude(this.stopReason);
  }

  /** Gives the guest's console all these bytes; resolves when they are in the queue. Bytes are never dropped while the partition runs. */
  async input(bytes: Uint8Array): Promise<void> {
    if (this.id < 0 && !this.over) return new Promise((taken) => this.early.push({ bytes, taken }));
    for (let at = 0; at < bytes.length && !this.over;) {
      const room = new Promise<void>((resolve) => this.roomWaiters.push(resolve));
      const count = await this.handset!.orders.input(this.id, bytes.subarray(at)).catch(() => bytes.length);
      at += count;
      if (at < bytes.length) await room;
    }
  }

  /** No more input will come. The guest goes on. */
  endInput(): void {
    this.inputEnded = true;
    if (this.id >= 0 && !this.over) void this.handset!.orders.inputEnd(this.id).catch(() => undefined);
  }

  private open(): Handset {
    const { mode, machineWasm, hangMs } = this.options;
    const { ramBytes, overheadBytes } = this.prepared.memory;
    const board: BoardSpec = {
      ...{ ramBytes: ramBytes + overheadBytes, reserveBytes: 0, envelopeMicrowatts: 1_000_000, costs: FREE },
    };
    return new Handset(board, mode, POWER, {
      control: "direct",
      lock: this.options.lock ?? true,
      ...(machineWasm === undefined ? {} : { machineWasm }),
      ...(hangMs === undefined ? {} : { hangMs }),
    });
  }

  private partition(): Parameters<Handset["add"]>[0] {
    const { options, prepared } = this;
    return {
      ...{ name: NAME, image: options, prepared, cpu: CPU, energy: null, energyInitial: 0n, io: IO, restart: RESTART },
      ...{ consolePort: options.consolePort, inputIsWhole: options.inputIsWhole && options.mode === "deterministic" },
      verify: options.verify === true,
    };
  }

  /** Starts the guest, and gives it what was typed meanwhile. */
  private begin(handset: Handset): void {
    if (this.stopReason !== null) return void this.conclude(this.stopReason);
    handset.orders
      .act("start", this.id)
      .then(async () => {
        for (const { bytes, taken } of this.early.splice(0)) {
          await this.input(bytes);
          taken();
        }
        if (this.inputEnded) await handset.orders.inputEnd(this.id);
      })
      // A machine that cannot be made is a partition that has failed: that is heard of as an event.
      .catch(() => undefined);
  }

  /** Resolves with the end, whoever brings it about. */
  private watch(handset: Handset): Promise<PartitionEnd> {
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      handset.on("event", ({ kind, reason }) => {
        if (kind === "stopped" && reason === STOP_POWER_OFF) void this.conclude("power-off");
        else if (kind === "failed") void this.conclude(ENDS[reason] ?? "trap");
      });
      handset.on("input-room", () => this.wakeInput());
      handset.on("end", (end: HandsetEnd | null) => {
        if (end === null || this.over) return;
        if (end.hung) resolve({ ...STUCK, reason: this.stopReason ?? "trap" });
        else reject(new Error(end.text));
      });
    });
  }

  /** It has ended, or is to end: asks for its counters, but not for ever. */
  private async conclude(reason: EndReason): Promise<void> {
    const { handset, finish, id } = this;
    if (handset === null || finish === null) return;
    const asked = async (): Promise<PartitionEnd> => {
      const { partitions } = await handset.orders.snapshot();
      const { machine, profile, fault, sleepCount } = await handset.orders.stats(id);
      const view = partitions.find(({ partition }) => partition === id);
      const stats =
        machine === null
          ? null
          : {
              ...machine,
              wallMs: 0,
              busyMs: (view?.cpu.timeNs ?? 0) / 1e6,
              slices: view?.slices ?? 0,
              sleeps: sleepCount,
            };
      return { ...endOf(reason, fault), stats, profile };
    };
    // A worker that ended the guest by itself is alive, and has time; one that is told to may hang.
    const told = reason === "left" || reason === "timeout";
    const end = await within(
      asked().catch(() => null),
      told ? STOP_GRACE_MS : ANSWER_MS,
    );
    finish(end ?? { ...STUCK, reason: this.stopReason ?? reason });
  }

  private wakeInput(): void {
    for (const wake of this.roomWaiters.splice(0)) wake();
    if (this.over) for (const { taken } of this.early.splice(0)) taken();
  }
}

const ENDS: Record<number, EndReason> = {
  [FAIL_PANIC]: "panic",
  [FAIL_RESET_LOOP]: "reset-loop",
  [FAIL_WATCHDOG]: "watchdog",
  [FAIL_START]: "refused",
};

/** What the host knows better than the hypervisor. */
function endOf(reason: EndReason, fault: PartitionStats["fault"]): Omit<PartitionEnd, "stats" | "profile"> {
  if (fault === null || reason === "left" || reason === "timeout") return { reason, detail: "", code: "", hint: "" };
  const { code, message, hint, image } = fault;
  const known = code === "TRANSLATION_DIVERGED" ? "diverged" : reason === "refused" && image ? "image" : reason;
  return { reason: known, detail: message, code, hint };
}

/** What `promise` comes to, or null after `milliseconds`. */
async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | null> {
  if (milliseconds === Infinity) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), milliseconds)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
