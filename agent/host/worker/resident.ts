// One partition inside the handset worker: its machine, its disk, its console, and what is done when it wants the host.

import {
  STATS_BLOCKS_DECODED,
  STATS_CACHE_FLUSHES,
  STATS_DATA_ABORTS,
  STATS_INTERRUPTS,
  STATS_MMIO_READS,
  STATS_MMIO_WRITES,
  STATS_PAGES_INVALIDATED,
  STATS_PREFETCH_ABORTS,
  STATS_SUPERVISOR_CALLS,
  STATS_TLB_MISSES,
  STATS_UNDEFINED,
} from "../../../kernel/abi/layout.ts";
import { LOSS_DISK } from "../../../kernel/abi/reasons.ts";
import type { Crash, MachineStats } from "../../view.ts";
import type { Fault, LoadedSpec } from "../between/messages.ts";
import type { DebugDoor } from "../debug/gate.ts";
import type { Radio } from "../../network/radio.ts";
import { FlashFile } from "../disk/flash-file.ts";
import { openDisk, type DiskStore } from "../disk/open.ts";
import { NetworkCard } from "../network/card.ts";
import { NetworkQueue } from "../network/queue.ts";
import { DiskQueue } from "../disk/queue.ts";
import { DiskService } from "../disk/service.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import { RNG_SEED_BYTES } from "../loader/plan.ts";
import { setEngineFlags } from "../machine/engine-flags.ts";
import { hostEntropy, seededEntropy, type EntropySource } from "../machine/entropy.ts";
import { loadImages } from "../machine/load.ts";
import { Machine, type MachineConfig } from "../machine/machine.ts";
import { MachinePair } from "../machine/pair.ts";
import { registerDump } from "../machine/register-dump.ts";
import { PartitionConsole } from "./console.ts";
import { Instruments } from "./instruments.ts";
import { Charges } from "./charges.ts";

/** Short boots in a row without a byte of input read. */
const LOOP_BOOTS = 3;
const LOOP_BOOT_NS = 10e9;
/** Instructions between two looks at what has become hot. */
const TRANSLATION_PERIOD = 4_000_000;

export class Resident {
  readonly spec: LoadedSpec;
  readonly id: number;
  readonly console: PartitionConsole;
  readonly instruments: Instruments;
  /** Its registers when it failed last; outlives the machine. */
  crash: Crash | null = null;
  /** Why the machine of this life ended, where the host knows more than the hypervisor; null: it did not, or there is no more to know. */
  fault: Fault | null = null;
  private readonly hypervisor: Hypervisor;
  private readonly spent: (id: number, nanoseconds: number) => void;
  private readonly entropy: EntropySource;
  private readonly deterministic: boolean;
  private machine: Machine | null = null;
  private disk: DiskService | null = null;
  private store: DiskStore | null = null;
  private network: NetworkCard | null = null;
  private flash = new FlashFile(null);
  private readonly charges: Charges;
  private startedNs = 0;
  private translateAt = 0;
  private translateCodeBytes: number;
  private shortBoots = 0;
  private resetCount = 0;
  private firstInstructionAt = 0;
  /** Of the last machine, when there is none. */
  private lastStats: MachineStats | null = null;
  /** Work that waits may be done then, in the hypervisor's nanoseconds; Infinity: not before something else happens. */
  paidAtNs = 0;

  /** `now` is host monotonic time in nanoseconds; `spent` is told what other threads have worked for the partition. */
  constructor(
    id: number,
    spec: LoadedSpec,
    hypervisor: Hypervisor,
    radio: Radio,
    now: () => number,
    spent: (id: number, nanoseconds: number) => void = () => undefined,
  ) {
    this.spent = spent;
    this.id = id;
    this.spec = spec;
    this.translateCodeBytes = spec.translateCodeBytes;
    this.hypervisor = hypervisor;
    this.charges = new Charges(hypervisor, radio, id);
    this.console = new PartitionConsole(id, spec, hypervisor);
    this.instruments = new Instruments(now);
    this.deterministic = spec.machine.mode !== "realtime";
    this.entropy = this.deterministic ? seededEntropy(`pocketvisor entropy ${spec.name}`) : hostEntropy;
  }

  /** Makes the machine, fills its memory and puts it into the hypervisor's table. Throws Failure. */
  build(module: WebAssembly.Module): void {
    const { spec, instruments } = this;
    this.destroy();
    const config = this.machineConfig();
    // The machine's module comes first: it is worth V8's usual pace.
    if (config.caches.translateBytes > 0) setEngineFlags();
    const machine = spec.verify
      ? new MachinePair(module, config, instruments.now)
      : new Machine(module, config, instruments.now);
    loadImages(machine, spec.plan);
    if (machine instanceof MachinePair) machine.copyMemory();
    if (this.deterministic && spec.disk !== null) this.store = openDisk(spec.disk);
    const queue = spec.diskQueue === null ? null : new DiskQueue(spec.diskQueue);
    this.disk = new DiskService(
      machine,
      this.store !== null ? { store: this.store } : queue !== null ? { queue } : null,
      {
        ...{ charge: (bytes) => this.charges.disk(bytes), lost: () => this.charges.tellLoss(LOSS_DISK) },
        ...{ spent: (nanoseconds) => this.spent(this.id, nanoseconds), paid: () => this.paid() },
      },
    );
    this.network = this.openNetwork(machine);
    this.flash = new FlashFile(spec.plan.flashFile);
    this.machine = machine;
    [this.lastStats, this.resetCount, this.translateAt] = [null, 0, 0];
    machine.fillEntropy(this.entropy);
    this.console.attach(machine);
    [this.startedNs, this.firstInstructionAt] = [this.hypervisor.now(), Date.now()];
    instruments.attach(machine);
    this.rewire();
  }

  private openNetwork(machine: Machine): NetworkCard | null {
    const { network } = this.spec;
    if (network === null) return null;
    return new NetworkCard(machine, new NetworkQueue(network.bell, network.queue), {
      charge: (bytes, direction) => this.charges.network(bytes, direction),
      ...{ spent: (nanoseconds) => this.spent(this.id, nanoseconds), paid: () => this.paid() },
    });
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
    this.applyTranslation();
  }

  /** Breakpoints are the interpreter's: while there is a debugger, nothing is translated. */
  private applyTranslation(): void {
    const most = this.instruments.debugged ? 0 : Math.min(this.translateCodeBytes, this.spec.translateCodeBytes);
    this.machine?.limitTranslation(most);
  }

  /** A debugger has come, and asks through `door`. */
  debug(door: DebugDoor): void {
    this.instruments.debug(door);
    this.applyTranslation();
    this.rewire();
  }

  /** It has gone. */
  undebug(): void {
    this.instruments.undebug();
    this.applyTranslation();
    this.rewire();
  }

  /** Puts the machine, or what looks into it, into the hypervisor's table: between two slices. */
  rewire(): void {
    if (this.machine !== null) this.hypervisor.attach(this.id, this.instruments.entries);
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

  /** Drops the machine: its memory goes back to the host when nothing refers to it any more. */
  destroy(): void {
    this.hypervisor.detach(this.id);
    this.disk?.abandon();
    this.flash.end(this.machine);
    if (this.network !== null) this.charges.networkEnds();
    this.network?.end();
    this.network = null;
    this.lastStats = this.stats();
    this.machine = null;
    this.instruments.attach(null);
    this.disk = null;
    this.store?.close();
    this.store = null;
    this.console.detach();
  }

  /** Whether pieces of a machine that is gone are still with the I/O worker: the disk stands until they are back. */
  get settling(): boolean {
    return this.disk?.settling ?? false;
  }

  /** Whether it has paid for what was done for it; the moment when it will have is kept for whoever wakes it. */
  private paid(): boolean {
    this.paidAtNs = this.hypervisor.paidAt(this.id);
    return this.paidAtNs === 0;
  }

  /** Looks for finished disk requests, and for those that waited for an entry. True when something was done. */
  takeCompletions(): boolean {
    const moved = this.moveFrames();
    return this.takeDiskCompletions() || moved;
  }

  /** Frames of its network, both ways. True when there were some. */
  private moveFrames(): boolean {
    const moved = this.network?.pump() ?? false;
    if (moved) this.wake();
    return moved;
  }

  private takeDiskCompletions(): boolean {
    if (this.disk === null || !(this.disk.busy || this.disk.settling)) return false;
    const completed = this.disk.takeCompletions();
    const taken = this.disk.takeRequests();
    if (completed || taken) this.wake();
    return true;
  }

  /** Takes disk requests out of the machine. True when something was done. */
  takeRequests(): boolean {
    if (!this.flash.keep(this.machine)) this.charges.tellLoss(LOSS_DISK);
    const moved = this.moveFrames();
    if (this.disk === null) return moved;
    const { busy } = this.disk;
    // Served on this thread, they are complete already.
    const completed = this.disk.takeRequests();
    if (completed) this.wake();
    return moved || completed || (this.disk.busy && !busy);
  }

  private wake(): void {
    this.machine!.tick();
    this.hypervisor.wake(this.id);
  }

  /** Presses its power key. False when its guest does not listen. */
  press(): boolean {
    const listens = this.machine?.pressPowerKey() ?? false;
    if (listens) this.hypervisor.wake(this.id);
    return listens;
  }

  /** Whether work for its disk waits until it has paid for what was done. */
  get owing(): boolean {
    return (this.disk?.owing ?? false) || (this.network?.owing ?? false);
  }

  /** It has paid: its work goes on. */
  goOn(): void {
    this.disk?.release();
    this.takeRequests();
  }

  /** What the hypervisor held back may be asked for again: looks at rings and requests, although the guest may not have run. True when
   *  the console log has grown. */
  retry(): boolean {
    this.goOn();
    return this.console.retry();
  }

  fillEntropy(): void {
    this.machine?.fillEntropy(this.entropy);
    this.machine?.tick();
  }

  /** The guest reset itself: starts it afresh. False when it does nothing else. */
  reset(): boolean {
    const { machine, spec } = this;
    if (machine === null) return false;
    this.resetCount++;
    const short = this.hypervisor.now() - this.startedNs < LOOP_BOOT_NS && this.console.bootReadBytes === 0;
    this.shortBoots = short ? this.shortBoots + 1 : 0;
    if (this.shortBoots >= LOOP_BOOTS) return false;
    this.disk?.abandon();
    this.network?.restart();
    machine.reset();
    loadImages(machine, spec.plan, true);
    this.entropy(machine.guestBytes(spec.plan.rngSeedAt, RNG_SEED_BYTES));
    if (machine instanceof MachinePair) machine.copyMemory();
    machine.fillEntropy(this.entropy);
    this.console.begin();
    this.startedNs = this.hypervisor.now();
    return true;
  }

  /** The guest powered off. Throws DivergenceError when the two machines of a pair are not in the same state. */
  verifyEnd(): void {
    if (this.machine instanceof MachinePair) this.machine.compareAll();
  }

  /** Counters of its machine, or of the last one that it had; null: it has had none. */
  stats(): MachineStats | null {
    const { machine } = this;
    if (machine === null) return this.lastStats;
    return {
      instructions: machine.instructions,
      firstInstructionAt: this.firstInstructionAt,
      resets: this.resetCount,
      dataAborts: machine.count(STATS_DATA_ABORTS),
      prefetchAborts: machine.count(STATS_PREFETCH_ABORTS),
      tlbMisses: machine.count(STATS_TLB_MISSES),
      interrupts: machine.count(STATS_INTERRUPTS),
      undefinedInstructions: machine.count(STATS_UNDEFINED),
      supervisorCalls: machine.count(STATS_SUPERVISOR_CALLS),
      blocksDecoded: machine.count(STATS_BLOCKS_DECODED),
      cacheFlushes: machine.count(STATS_CACHE_FLUSHES),
      pagesInvalidated: machine.count(STATS_PAGES_INVALIDATED),
      mmioReads: machine.count(STATS_MMIO_READS),
      mmioWrites: machine.count(STATS_MMIO_WRITES),
      translation: machine.translator?.stats() ?? null,
    };
  }
}
