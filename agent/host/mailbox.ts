// Everything that passes between the kernel worker and the rest of the process: shared memory and one doorbell. A blocked
// worker serves no message port, timer or promise, so nothing comes to it in another way.
//
// In: control words, console input, completions of block requests (disk-queue rings the same doorbell). Whoever puts something
// in rings the doorbell after it; the worker reads the doorbell before it looks, and sleeps only if it has not changed since.
// Out: console output. The worker posts one message when the ring stops being empty for the main thread, and no more until
// the main thread has looked.

import { ByteRing } from "./between/byte-ring.ts";
import { doorbellRing, type Doorbell } from "./between/doorbell.ts";

const DOORBELL = 0;
const STOP = 1;
const INPUT_ENDED = 2;
/** 1: a message "output" is on its way to the main thread. */
const OUTPUT_ANNOUNCED = 3;
/** 1: the main thread waits for room in the input ring. */
const INPUT_WAITING = 4;
/** 1: the kernel worker waits for room in the output ring. */
const OUTPUT_WAITING = 5;
/** Counts the beginnings and ends of slices: odd while the machine runs. */
const SLICES = 6;
const WORDS = 8;

/** Bytes of console input that wait for the guest; beyond it the source is asked to wait. */
const INPUT_BYTES = 4 << 10;
/** Bytes of console output that wait for the terminal; beyond it the guest's UART reads full. */
const OUTPUT_BYTES = 16 << 10;

/** Why the main thread ends a partition. */
export const STOP_NONE = 0;
export const STOP_LEFT = 1;
export const STOP_TIMEOUT = 2;

export interface MailboxBuffers {
  words: SharedArrayBuffer;
  input: SharedArrayBuffer;
  output: SharedArrayBuffer;
}

export class Mailbox implements Doorbell {
  readonly words: Int32Array;
  readonly input: ByteRing;
  readonly output: ByteRing;

  /** A new mailbox, or a view of one made by another thread. */
  constructor(buffers?: MailboxBuffers) {
    this.words = new Int32Array(buffers?.words ?? new SharedArrayBuffer(WORDS * 4));
    this.input = new ByteRing(buffers?.input ?? INPUT_BYTES);
    this.output = new ByteRing(buffers?.output ?? OUTPUT_BYTES);
  }

  /** What another thread needs for a view. */
  get buffers(): MailboxBuffers {
    return {
      words: this.words.buffer as SharedArrayBuffer,
      input: this.input.buffer,
      output: this.output.buffer,
    };
  }

  /** Bytes of shared memory that a partition costs here. */
  get byteLength(): number {
    return this.words.byteLength + this.input.buffer.byteLength + this.output.buffer.byteLength;
  }

  /** Wakes the kernel worker. */
  ring(): void {
    doorbellRing(this.words);
  }

  /** The doorbell's value, to be handed to sleep(). */
  heard(): number {
    return Atomics.load(this.words, DOORBELL);
  }

  /** Kernel worker: sleeps until the doorbell differs from `heard`, at most `milliseconds`. */
  sleep(heard: number, milliseconds: number): void {
    Atomics.wait(this.words, DOORBELL, heard, milliseconds);
  }

  /** Asks the kernel worker to end the partition; the first reason stays. */
  stop(reason: number): void {
    Atomics.compareExchange(this.words, STOP, STOP_NONE, reason);
    this.ring();
  }

  /** STOP_*. */
  get stopReason(): number {
    return Atomics.load(this.words, STOP);
  }

  /** No more console input will come. */
  endInput(): void {
    Atomics.store(this.words, INPUT_ENDED, 1);
    this.ring();
  }

  get inputEnded(): boolean {
    return Atomics.load(this.words, INPUT_ENDED) === 1;
  }

  /** Kernel worker: whether the main thread must be told that there is output. */
  announceOutput(): boolean {
    return Atomics.exchange(this.words, OUTPUT_ANNOUNCED, 1) === 0;
  }

  /** Main thread: it is about to look at the output ring. Later output is announced again. */
  outputSeen(): void {
    Atomics.store(this.words, OUTPUT_ANNOUNCED, 0);
  }

  /** Kernel worker: a slice begins or ends. */
  countSlice(): void {
    Atomics.add(this.words, SLICES, 1);
  }

  /** Main thread: the same odd number at every look is a machine that does not come back. */
  get sliceCount(): number {
    return Atomics.load(this.words, SLICES);
  }

  /** Kernel worker: sleeps until the output ring has room, or the doorbell differs from `heard`. */
  awaitOutputRoom(heard: number): void {
    Atomics.store(this.words, OUTPUT_WAITING, 1);
    if (this.output.room === 0) this.sleep(heard, Infinity);
  }

  /** Main thread: it has taken output out of the ring. */
  outputTaken(): void {
    if (Atomics.exchange(this.words, OUTPUT_WAITING, 0) === 1) this.ring();
  }

  /** Main thread: the input ring was full. */
  awaitInputRoom(): void {
    Atomics.store(this.words, INPUT_WAITING, 1);
    // The worker may have made room before it could see that somebody waits: let it look again.
    this.ring();
  }

  /** Kernel worker: whether the main thread waits for room, and must be told. */
  announceInputRoom(): boolean {
    return Atomics.exchange(this.words, INPUT_WAITING, 0) === 1;
  }
}
