// The worker's side of a partition's console: the guest's output into the log, as fast as its limit, its reserve and a reader's hold allow; input
// into the guest; what the guest's kernel says of itself on the way.

import { CONSOLE_INPUT_BYTES, CONSOLE_PORT_COUNT } from "../../../kernel/abi/layout.ts";
import { CHARGE_CONSOLE_BYTE } from "../../../kernel/abi/hypervisor.ts";
import { DONE, LIMIT_CAPACITY } from "../../../kernel/abi/reasons.ts";
import { ConsoleLog } from "../between/console-log.ts";
import type { LoadedSpec } from "../between/messages.ts";
import { PanicWatch } from "../between/panic-watch.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Machine } from "../machine/machine.ts";

/** Bytes of console input that wait for a guest which does not read; what comes beyond is refused. */
const INPUT_WAITING_MAX = 64 << 10;
/** The line that our initramfs prints once its shell is about to start. */
const READY_MARK = Buffer.from("pocketvisor: init done", "latin1");

export class PartitionConsole {
  /** Milliseconds from the start to the guest's ready mark; null before. */
  bootMs: number | null = null;
  /** Bytes of input that the guest was given since its boot began. */
  bootReadBytes = 0;
  private readonly id: number;
  private readonly port: number;
  private readonly inputIsWhole: boolean;
  private readonly hypervisor: Hypervisor;
  private readonly log: ConsoleLog;
  private readonly panic = new PanicWatch();
  private machine: Machine | null = null;
  private input: Buffer[] = [];
  private inputBytes = 0;
  private inputEnded = false;
  /** Input was refused: whoever offered it waits for room. */
  private inputRefused = false;
  private readyTail = Buffer.alloc(0);
  private startedNs = 0;
  /** Output was refused by a limit, and waits in the guest's ring. */
  private outputHeld = false;
  /** Output waits for a reader. */
  private roomAwaited = false;

  constructor(id: number, spec: LoadedSpec, hypervisor: Hypervisor) {
    this.id = id;
    this.port = spec.consolePort;
    this.inputIsWhole = spec.inputIsWhole;
    this.hypervisor = hypervisor;
    this.log = new ConsoleLog(spec.consoleLog);
  }

  /** A machine is there. */
  attach(machine: Machine): void {
    this.machine = machine;
    this.outputHeld = false;
    this.roomAwaited = false;
    this.begin();
  }

  /** It is gone, and with it what waited for it. */
  detach(): void {
    this.machine = null;
    this.input = [];
    this.inputBytes = 0;
  }

  /** A boot begins. */
  begin(): void {
    this.bootMs = null;
    this.panic.forget();
    this.readyTail = Buffer.alloc(0);
    this.bootReadBytes = 0;
    this.startedNs = this.hypervisor.now();
  }

  /** Whether the guest's kernel said that it panicked. */
  get panicked(): boolean {
    return this.panic.seen;
  }

  /** Queues input; returns how many bytes were taken. */
  offer(bytes: Uint8Array): number {
    const room = Math.max(0, INPUT_WAITING_MAX - this.inputBytes);
    const taken = Buffer.from(bytes.subarray(0, room));
    if (taken.length > 0) this.input.push(taken);
    this.inputBytes += taken.length;
    this.inputRefused = taken.length < bytes.length;
    this.deliver();
    return taken.length;
  }

  /** No more input will come. */
  end(): void {
    this.inputEnded = true;
  }

  /** Whether somebody who was refused may offer input again: said once. */
  takeInputRoom(): boolean {
    if (!this.inputRefused || this.inputBytes > INPUT_WAITING_MAX / 2) return false;
    this.inputRefused = false;
    return true;
  }

  /** Whether the guest must wait: its input is a whole file, of which there is more to come than has come. So when a byte arrives depends on
   *  the guest alone. */
  get awaitsInput(): boolean {
    if (!this.inputIsWhole || this.inputEnded || this.machine === null) return false;
    return this.inputBytes === 0 && this.machine.consoleInputRoom(this.port) > 0;
  }

  /** Whether output waits for a reader. */
  get awaitsReader(): boolean {
    return this.roomAwaited;
  }

  /** Moves waiting input into the machine as far as it has room, and wakes it. */
  deliver(): void {
    const { machine, port } = this;
    if (machine === null) return;
    let moved = 0;
    while (this.input.length > 0) {
      const first = this.input[0]!;
      const count = machine.consoleInput(port, first.subarray(0, CONSOLE_INPUT_BYTES));
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

  /** A limit that held output back may let it pass now: drain() looks again. */
  retry(): boolean {
    this.outputHeld = false;
    return this.drain();
  }

  /** A reader may have taken something. True when the log has grown. */
  lookForRoom(): boolean {
    if (!this.roomAwaited || this.log.room === 0) return false;
    this.roomAwaited = false;
    return this.drain();
  }

  /** Drains the guest's rings into the log; true when there was something. What may not pass waits in the guest's ring, which the guest
   *  sees as a full UART. */
  drain(): boolean {
    const { machine } = this;
    if (machine === null || this.outputHeld || this.roomAwaited) return false;
    let any = false;
    for (let port = 0; port < CONSOLE_PORT_COUNT; port++) {
      // Counts come first: this runs often, and a view is garbage.
      while (machine.consoleOutputCount(port) > 0) {
        const room = port === this.port ? this.room() : Infinity;
        const chunk = room === 0 ? null : this.charge(machine.consoleOutput(port, room));
        if (chunk === null || chunk.length === 0) break;
        this.publish(chunk, port);
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

  /** A life ends: what was held back is published all the same, because it may be the words that tell why. It is at most what the
   *  rings hold, and not charged. */
  drainLastWords(): void {
    this.roomAwaited = false;
    this.drain();
    const { machine, port } = this;
    if (machine === null) return;
    for (
      let chunk = machine.consoleOutput(port, Infinity);
      chunk.length > 0;
      chunk = machine.consoleOutput(port, Infinity)
    ) {
      this.publish(chunk, port);
      machine.consoleOutputTaken(port, chunk.length);
    }
  }

  /** Room that a reader's hold leaves; with none, the reader is asked to say when there is. */
  private room(): number {
    const { room } = this.log;
    if (room > 0) return room;
    this.roomAwaited = !this.log.awaitRoom();
    return this.log.room;
  }

  /** As much of `chunk` as may pass now: at most a burst, and when the reserve can never hold its cost, a part that it can. */
  private charge(chunk: Uint8Array): Uint8Array {
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

  private publish(chunk: Uint8Array, port: number): void {
    this.panic.append(chunk);
    if (port !== this.port) return;
    this.log.append(chunk);
    if (this.bootMs !== null) return;
    const text = Buffer.concat([this.readyTail, chunk]);
    if (text.includes(READY_MARK)) this.bootMs = (this.hypervisor.now() - this.startedNs) / 1e6;
    this.readyTail = text.subarray(Math.max(0, text.length - READY_MARK.length + 1));
  }
}
