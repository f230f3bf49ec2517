// The kernel worker's loop: drain the mailbox → run a slice → publish → sleep on the doorbell. Nothing here polls.
//
// A slice is bounded by fuel: a quantum of 100 µs at the speed that the machine was last seen to reach, or less when a timer
// of the guest is due sooner. In deterministic mode every slice has the same fuel, and everything that the guest can observe
// of the host happens at slice ends, so that a run is a function of its inputs.

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
  CONSOLE_INPUT_BYTES,
  CONSOLE_PORT_COUNT,
} from "../../kernel/abi/layout.ts";
import { RUN_ENTROPY, RUN_POWER_OFF, RUN_RESET, RUN_WAIT, RUN_WATCHDOG } from "../../kernel/abi/reasons.ts";
import { PanicWatch } from "./between/console-history.ts";
import type { DebugGate } from "./debug/gate.ts";
import type { DiskService } from "./disk/service.ts";
import type { EntropySource } from "./machine/entropy.ts";
import type { GuestProfile } from "./machine/profile.ts";
import type { Machine } from "./machine/machine.ts";
import { STOP_NONE, STOP_TIMEOUT, type Mailbox } from "./mailbox.ts";
import type { EndReason, RunStats } from "./messages.ts";

const QUANTUM_NS = 100_000;
const FIRST_FUEL = 20_000;
const FUEL_MIN = 200;
const FUEL_MAX = 1_000_000;
/** The speed is measured over this much time in the machine. */
const CALIBRATION_NS = 5_000_000;
const TICKS_PER_NS = 0.024;
const TICKS_PER_MS = 24_000;
/** Three boots in a row, each shorter than this and without a byte of input read, are a reset loop. */
const LOOP_BOOT_TICKS_NS = 10e9;
const LOOP_BOOTS = 3;

export interface LoopOptions {
  machine: Machine;
  mailbox: Mailbox;
  disk: DiskService;
  entropy: EntropySource;
  deterministic: boolean;
  consolePort: number;
  inputIsWhole: boolean;
  /** Host monotonic time in nanoseconds. */
  now: () => number;
  profile?: GuestProfile | null;
  /** A debugger decides when the guest runs. */
  debug?: DebugGate | null;
  /** Puts the images into memory again. */
  reload: () => void;
  /** The mailbox's output ring is not empty any more. */
  outputReady: () => void;
  /** The mailbox's input ring has room again. */
  inputRoom: () => void;
}

export class KernelLoop {
  private readonly options: LoopOptions;
  private readonly panic = new PanicWatch();
  private readonly inputChunk = new Uint8Array(CONSOLE_INPUT_BYTES);
  /** Instructions per nanosecond. */
  private translateAt = 0;
  private speed = FIRST_FUEL / QUANTUM_NS;
  private measuredNs = 0;
  private measuredInstructions = 0;
  private outputBlocked = false;
  private bootStartedNs = 0;
  private bootInputBytes = 0;
  private shortBoots = 0;

  private startedNs = 0;
  private firstInstructionAt = 0;
  private busyNs = 0;
  private slices = 0;
  private sleeps = 0;
  private resets = 0;

  constructor(options: LoopOptions) {
    this.options = options;
  }

  /** Runs the machine to its end. A trap comes out as an exception; stats() can still be asked. */
  run(): EndReason {
    const { machine, mailbox, disk, deterministic, debug } = this.options;
    machine.fillEntropy(this.options.entropy);
    this.startedNs = this.bootStartedNs = this.options.now();
    this.firstInstructionAt = Date.now();
    let heard = -1;
    for (;;) {
      const bell = mailbox.heard();
      if (debug && !debug.mayRun()) {
        if (mailbox.stopReason !== STOP_NONE) return this.stopped();
        if (this.drainOutput()) mailbox.sleep(bell, Infinity);
        else mailbox.awaitOutputRoom(bell);
        continue;
      }
      if (bell !== heard || deterministic || mailbox.input.count > 0) {
        heard = bell;
        if (mailbox.stopReason !== STOP_NONE) return this.stopped();
        const completed = disk.takeCompletions();
        if (this.deliverInput() || completed) machine.tick();
      }
      if (!this.drainOutput()) {
        // The terminal is slower than the guest. Until it has caught up, the guest stands still.
        mailbox.awaitOutputRoom(heard);
        continue;
      }
      const reason = this.slice();
      if (machine.translator !== null && machine.instructions > this.translateAt) {
        machine.translator.step(this.options.now() - this.startedNs);
        this.translateAt = machine.instructions + 4_000_000;
      }
      disk.takeRequests();
      switch (reason) {
        case RUN_WAIT:
          if (!this.drainOutput()) break;
          this.sleepUntilDeadline(heard);
          break;
        case RUN_ENTROPY:
          machine.fillEntropy(this.options.entropy);
          machine.tick();
          break;
        case RUN_POWER_OFF:
          this.drainAll();
          disk.settle(mailbox);
          return "power-off";
        case RUN_WATCHDOG:
          this.drainAll();
          return "watchdog";
        case RUN_RESET: {
          this.drainAll();
          const end = this.reset();
          if (end !== null) return end;
          break;
        }
      }
    }
  }

  /** Who ended the partition from outside. */
  private stopped(): EndReason {
    return this.options.mailbox.stopReason === STOP_TIMEOUT ? "timeout" : "left";
  }

  /** Executes one slice and measures it. */
  private slice(): number {
    const { machine, mailbox, now, deterministic, debug } = this.options;
    const fuel = deterministic ? FIRST_FUEL : this.fuel();
    const before = machine.instructions;
    mailbox.countSlice();
    const start = now();
    const reason = debug ? debug.run(machine, fuel) : machine.run(fuel);
    const spent = now() - start;
    mailbox.countSlice();
    this.busyNs += spent;
    this.slices++;
    this.measuredNs += spent;
    this.measuredInstructions += machine.instructions - before;
    if (this.measuredNs >= CALIBRATION_NS) {
      this.speed = Math.max(FUEL_MIN / QUANTUM_NS, this.measuredInstructions / this.measuredNs);
      this.measuredNs = 0;
      this.measuredInstructions = 0;
    }
    debug?.sliceEnded(reason);
    this.options.profile?.sliceEnded(machine, reason);
    return reason;
  }

  /** Realtime: instructions until the quantum ends or the guest's next timer is due. */
  private fuel(): number {
    const deadline = this.options.machine.deadline();
    // 0 is an interrupt that the guest has masked: it may take all its time.
    const ns = deadline > 0 ? Math.min(QUANTUM_NS, deadline / TICKS_PER_NS) : QUANTUM_NS;
    return Math.max(FUEL_MIN, Math.min(FUEL_MAX, Math.floor(ns * this.speed)));
  }

  private sleepUntilDeadline(heard: number): void {
    const { machine, mailbox, consolePort, deterministic } = this.options;
    // Input that did not fit before may fit now.
    if (mailbox.input.count > 0 && machine.consoleInputRoom(consolePort) > 0) return;
    const ticks = machine.deadline();
    if (ticks < 0) this.sleep(heard, Infinity);
    else if (!deterministic && ticks > 0) this.sleep(heard, ticks / TICKS_PER_MS);
  }

  private sleep(heard: number, milliseconds: number): void {
    this.sleeps++;
    this.options.mailbox.sleep(heard, milliseconds);
  }

  /** Moves console input from the mailbox into the machine; true when a byte moved. */
  private deliverInput(): boolean {
    const { machine, mailbox, consolePort, inputIsWhole } = this.options;
    let any = false;
    for (;;) {
      const room = machine.consoleInputRoom(consolePort);
      const length = mailbox.input.read(this.inputChunk.subarray(0, room));
      if (length > 0) {
        machine.consoleInput(consolePort, this.inputChunk.subarray(0, length));
        this.bootInputBytes += length;
        any = true;
      }
      if (mailbox.input.room > 0) this.options.inputRoom();
      if (!inputIsWhole || length === room || mailbox.inputEnded || mailbox.stopReason !== STOP_NONE) return any;
      const heard = mailbox.heard();
      if (mailbox.input.count === 0 && !mailbox.inputEnded) this.sleep(heard, Infinity);
    }
  }

  /** Moves console output into the mailbox. False when there is no room for the terminal's port. */
  private drainOutput(): boolean {
    const { machine, mailbox, consolePort } = this.options;
    let moved = false;
    for (let port = 0; port < CONSOLE_PORT_COUNT; port++) {
      const shown = port === consolePort;
      // Counts come first: this runs after every slice, and a view is garbage.
      while (machine.consoleOutputCount(port) > 0) {
        const room = shown ? mailbox.output.room : Infinity;
        if (room === 0) {
          this.outputBlocked = true;
          if (moved) this.options.outputReady();
          return false;
        }
        const chunk = machine.consoleOutput(port, room);
        if (shown) mailbox.output.write(chunk);
        this.panic.append(chunk);
        machine.consoleOutputTaken(port, chunk.length);
        moved = true;
      }
    }
    if (moved) this.options.outputReady();
    if (this.outputBlocked) {
      this.outputBlocked = false;
      machine.tick();
    }
    return true;
  }

  /** Drains what a machine that has ended left in its rings, unless the partition is stopped from outside. */
  private drainAll(): void {
    const { mailbox } = this.options;
    for (
      let heard = mailbox.heard();
      !this.drainOutput() && mailbox.stopReason === STOP_NONE;
      heard = mailbox.heard()
    ) {
      mailbox.awaitOutputRoom(heard);
    }
  }

  /** The guest reset itself: starts it afresh, or tells why not. */
  private reset(): EndReason | null {
    const { machine, mailbox, disk, now } = this.options;
    this.resets++;
    if (this.panic.seen) return "panic";
    const short = now() - this.bootStartedNs < LOOP_BOOT_TICKS_NS && this.bootInputBytes === 0;
    this.shortBoots = short ? this.shortBoots + 1 : 0;
    if (this.shortBoots >= LOOP_BOOTS) return "reset-loop";
    disk.settle(mailbox);
    machine.reset();
    this.options.reload();
    machine.fillEntropy(this.options.entropy);
    this.panic.forget();
    this.bootStartedNs = now();
    this.bootInputBytes = 0;
    return null;
  }

  /** Counters up to now. */
  stats(): RunStats {
    const { machine, now } = this.options;
    return {
      instructions: machine.instructions,
      wallMs: (now() - this.startedNs) / 1e6,
      busyMs: this.busyNs / 1e6,
      firstInstructionAt: this.firstInstructionAt,
      resets: this.resets,
      slices: this.slices,
      sleeps: this.sleeps,
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
