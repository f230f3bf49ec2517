// One partition inside the handset worker: its machine, its disk, its console, and what is done when it wants the host.

import { CONSOLE_INPUT_BYTES, CONSOLE_PORT_COUNT } from "../../../kernel/abi/layout.ts";
import { CHARGE_CONSOLE_BYTE } from "../../../kernel/abi/hypervisor.ts";
import { DONE, LIMIT_CAPACITY, LOSS_DISK } from "../../../kernel/abi/reasons.ts";
import { PanicWatch } from "../between/console-history.ts";
import { ConsoleLog } from "../between/console-log.ts";
import { openDisk, type DiskStore } from "../disk/open.ts";
import { DiskQueue } from "../disk/queue.ts";
import { DiskService, type DiskCharge } from "../disk/service.ts";
import { hostEntropy, seededEntropy, type EntropySource } from "../machine/entropy.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import { setEngineFlags } from "../machine/engine-flags.ts";
import { loadImages } from "../machine/load.ts";
import { RNG_SEED_BYTES } from "../loader/plan.ts";
import { Machine, type MachineConfig } from "../machine/machine.ts";
import type { Doorbell } from "../between/doorbell.ts";
import { registerDump } from "../machine/register-dump.ts";
import type { Crash } from "../../view.ts";
import type { LoadedSpec } from "../between/messages.ts";

/** Bytes of console input that wait for a guest which does not read; what comes beyond is refused. */
const INPUT_WAITING_MAX = 64 << 10;
/** The line that our initramfs prints once its shell is about to start. */
const READY_MARK = Buffer.from("pocketvisor: init done", "latin1");
/** Short boots in a row without a byte of input read. */
const LOOP_BOOTS = 3;
const LOOP_BOOT_NS = 10e9;
/** Instructions between two looks at what has become hot. */
const TRANSLATION_PERIOD = 4_000_000;
/** What goes wrong again and again is told once in so long: a guest that reads a broken disk all day must not drive everything else out of the
 *  audit. */
const NOTICE_INTERVAL_NS = 60e9;

export class Resident {
  readonly spec: LoadedSpec;
  readonly id: number;
  /** Milliseconds from the start to the guest's ready mark; null before. */
  bootMs: number | null = null;
  /** Its registers when it failed last; outlives the machine. */
  crash: Crash | null = null;
  private readonly hypervisor: Hypervisor;
  private readonly log: ConsoleLog;
  private readonly panic = new PanicWatch();
  private readonly entropy: EntropySource;
  private readonly deterministic: boolean;
  private machine: Machine | null = null;
  private disk: DiskService | null = null;
  private store: DiskStore | null = null;
  private input: Buffer[] = [];
  private inputBytes = 0;
  private readyTail = Buffer.alloc(0);
  private startedNs = 0;
  private translateAt = 0;
  private translateCodeBytes: number;
  private shortBoots = 0;
  private bootReadBytes = 0;
  /** Output was refused to it, and waits in the guest's ring. */
  private outputHeld = false;
  private lossCount = 0;
  private lossToldNs = -Infinity;

  constructor(id: number, spec: LoadedSpec, hypervisor: Hypervisor) {
    this.id = id;
    this.spec = spec;
    this.translateCodeBytes = spec.translateCodeBytes;
    this.hypervisor = hypervisor;
    this.log = new ConsoleLog(spec.consoleLog);
    this.deterministic = spec.machine.mode !== "realtime";
    this.entropy = this.deterministic ? seededEntropy(`pocketvisor entropy ${spec.name}`) : hostEntropy;
  }

  /** Makes the machine, fills its memory and puts it into the hypervisor's table. Throws Failure. */
  build(module: WebAssembly.Module, now: () => number): void {
    const { spec } = this;
    this.destroy();
    const config = this.machineConfig();
    if (config.caches.translateBytes > 0) setEngineFlags();
    const machine = new Machine(module, config, now);
    this.translateAt = 0;
    loadImages(machine, spec.plan);
    if (this.deterministic && spec.disk !== null) this.store = openDisk(spec.disk);
    const queue = spec.diskQueue === null ? null : new DiskQueue(spec.diskQueue);
    this.disk = new DiskService(
      machine,
      this.store !== null ? { store: this.store } : queue !== null ? { queue } : null,
      { charge: this.chargeDisk, lost: () => this.tellLoss(LOSS_DISK) },
    );
    this.outputHeld = false;
    this.machine = machine;
    machine.fillEntropy(this.entropy);
    this.begin();
    this.hypervisor.attach(this.id, machine.entries);
  }

  /** The machine's configuration, with no more room for translated code than is allowed now. */
  private machineConfig(): MachineConfig {
    const { machine } = this.spec;
    const { caches } = machine;
    const most = this.translateCodeBytes;
    if (most === 0) return { ...machine, caches: { ...caches, translateBytes: 0, translateCodeBytes: 0 } };
    return { ...machine, caches: { ...caches, translateCodeBytes: Math.min(caches.translateCodeBytes, most) } };
  }

  /** From now on at most so many bytes of translated code: at once, and at each start. */
  limitTranslation(codeBytes: number): void {
    this.translateCodeBytes = codeBytes;
    this.machine?.limitTranslation(Math.min(codeBytes, this.spec.translateCodeBytes));
  }

  /** The guest has failed: keeps its registers. */
  failed(reason: string, timeNs: number): void {
    if (this.machine !== null) this.crash = { ...registerDump(this.machine), reason, timeNs };
  }

  /** The machine, while there is one. */
  get currentMachine(): Machine | null {
    return this.machine;
  }

  /** Compiles what has become hot: between two slices, only so often, and when the partition has the budget that pays for it. */
  translate(): void {
    const { machine } = this;
    if (machine === null || machine.translator === null || machine.instructions < this.translateAt) return;
    if (!this.hypervisor.workBegin(this.id)) return;
    try {
      machine.translator.step(this.hypervisor.cpuTimeNs(this.id));
    } finally {
      this.hypervisor.workEnd(this.id);
    }
    this.translateAt = machine.instructions + TRANSLATION_PERIOD;
  }

  /** A boot begins. */
  private begin(): void {
    this.bootMs = null;
    this.panic.forget();
    this.readyTail = Buffer.alloc(0);
    this.bootReadBytes = 0;
    this.startedNs = this.hypervisor.now();
  }

  /** Drops the machine: its memory goes back to the host when nothing refers to it any more. */
  destroy(): void {
    this.hypervisor.detach(this.id);
    this.machine = null;
    this.disk = null;
    this.store?.close();
    this.store = null;
    this.input = [];
    this.inputBytes = 0;
  }

  /** Whether requests are with the I/O worker. */
  get busy(): boolean {
    return this.disk?.busy ?? false;
  }

  /** Queues console input; returns how many bytes were taken. */
  offerInput(bytes: Uint8Array): number {
    const room = Math.max(0, INPUT_WAITING_MAX - this.inputBytes);
    const taken = Buffer.from(bytes.subarray(0, room));
    if (taken.length > 0) this.input.push(taken);
    this.inputBytes += taken.length;
    this.deliverInput();
    return taken.length;
  }

  /** Moves waiting input into the machine as far as it has room, and wakes it. */
  deliverInput(): void {
    const { machine } = this;
    if (machine === null) return;
    let moved = 0;
    while (this.input.length > 0) {
      const first = this.input[0]!;
      const count = machine.consoleInput(0, first.subarray(0, CONSOLE_INPUT_BYTES));
      if (count === 0) break;
      moved += count;
      if (count === first.length) this.input.shift();
      else this.input[0] = first.subarray(count);
    }
    if (moved === 0) return;
    this.inputBytes -= moved;
    this.bootReadBytes += moved;
    machine.tick();
    this.hypervisor.wake(this.id);
  }

  /** Looks for finished disk requests, and for those that waited for an entry. */
  takeCompletions(): void {
    if (!this.disk?.takeCompletions()) return;
    this.disk.takeRequests();
    this.machine!.tick();
    this.hypervisor.wake(this.id);
  }

  /** Takes disk requests out of the machine. */
  takeRequests(): void {
    // Served on this thread, they are complete already.
    if (!this.disk?.takeRequests()) return;
    this.machine!.tick();
    this.hypervisor.wake(this.id);
  }

  /** What the hypervisor held back may be asked for again: looks at rings and requests, although the guest may not have run. True when
   *  the console log has grown. */
  retry(): boolean {
    this.outputHeld = false;
    this.disk?.release();
    this.takeRequests();
    return this.drainConsole();
  }

  private readonly chargeDisk: DiskCharge = (bytes) => {
    const reason = this.hypervisor.chargeBlock(this.id, bytes);
    if (reason === DONE) return "now";
    if (reason !== LIMIT_CAPACITY) return "later";
    this.tellLoss(LIMIT_CAPACITY);
    return "never";
  };

  /** Says, in an event and in the audit, that the guest got an I/O error for `reason`. */
  private tellLoss(reason: number): void {
    this.lossCount++;
    const now = this.hypervisor.now();
    if (now - this.lossToldNs < NOTICE_INTERVAL_NS) return;
    this.lossToldNs = now;
    this.hypervisor.tell("disk-error", this.id, reason, this.lossCount);
  }

  /** Drains the console into the log; true when there was something. Output beyond what its limit and its reserve allow waits in the
   *  guest's ring, which the guest sees as a full UART. */
  drainConsole(): boolean {
    const { machine } = this;
    if (machine === null || this.outputHeld) return false;
    let any = false;
    for (let port = 0; port < CONSOLE_PORT_COUNT; port++) {
      for (;;) {
        const chunk = this.chargeOutput(machine.consoleOutput(port, Infinity));
        if (chunk.length === 0) break;
        if (port === 0) this.publish(chunk);
        machine.consoleOutputTaken(port, chunk.length);
        any = true;
      }
    }
    if (any) {
      machine.tick();
      this.hypervisor.progress(this.id);
      // Who sleeps until there is room is woken by it.
      if (machine.deadline() === 0) this.hypervisor.wake(this.id);
    }
    return any;
  }

  /** A life ends: what its limit held back is published all the same, because it may be the words that tell why. It is at most what the
   *  rings hold, and not charged. */
  drainLastWords(): void {
    this.drainConsole();
    const { machine } = this;
    for (let chunk = lastWords(machine); chunk.length > 0; chunk = lastWords(machine)) {
      this.publish(chunk);
      machine!.consoleOutputTaken(0, chunk.length);
    }
  }

  /** As much of `chunk` as may pass now: at most a burst, and when the reserve can never hold its cost, a part that it can. */
  private chargeOutput(chunk: Uint8Array): Uint8Array {
    const most = this.hypervisor.burst(this.id, CHARGE_CONSOLE_BYTE);
    for (let part = chunk.subarray(0, most); part.length > 0; part = part.subarray(0, part.length >> 1)) {
      const reason = this.hypervisor.charge(this.id, CHARGE_CONSOLE_BYTE, part.length);
      if (reason === DONE) return part;
      if (reason === LIMIT_CAPACITY) continue;
      this.outputHeld = true;
      break;
    }
    return chunk.subarray(0, 0);
  }

  private publish(chunk: Uint8Array): void {
    this.log.append(chunk);
    this.panic.append(chunk);
    if (this.bootMs !== null) return;
    const text = Buffer.concat([this.readyTail, chunk]);
    if (text.includes(READY_MARK)) this.bootMs = (this.hypervisor.now() - this.startedNs) / 1e6;
    this.readyTail = text.subarray(Math.max(0, text.length - READY_MARK.length + 1));
  }

  /** Whether the guest's kernel said that it panicked. */
  get panicked(): boolean {
    return this.panic.seen;
  }

  fillEntropy(): void {
    this.machine?.fillEntropy(this.entropy);
    this.machine?.tick();
  }

  /** The guest reset itself: starts it afresh. False when it does nothing else. */
  reset(doorbell: Doorbell): boolean {
    const { machine, spec } = this;
    if (machine === null) return false;
    const short = this.hypervisor.now() - this.startedNs < LOOP_BOOT_NS && this.bootReadBytes === 0;
    this.shortBoots = short ? this.shortBoots + 1 : 0;
    if (this.shortBoots >= LOOP_BOOTS) return false;
    this.disk?.settle(doorbell);
    machine.reset();
    loadImages(machine, spec.plan);
    this.entropy(machine.guestBytes(spec.plan.rngSeedAt, RNG_SEED_BYTES));
    machine.fillEntropy(this.entropy);
    this.begin();
    return true;
  }

  /** Waits until no disk request is with the I/O worker: before the machine's memory goes. */
  settle(doorbell: Doorbell): void {
    this.disk?.settle(doorbell);
  }
}

function lastWords(machine: Machine | null): Uint8Array {
  return machine?.consoleOutput(0, Infinity) ?? new Uint8Array();
}
