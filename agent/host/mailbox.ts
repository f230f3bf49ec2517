// Everything that passes between the kernel worker and the rest of the process: shared memory and one doorbell. A blocked
// worker serves no message port, timer or promise, so nothing comes to it in another way.
//
// In: control words, console input, completions of block requests (disk-queue rings the same doorbell). Whoever puts something
// in rings the doorbell after it; the worker reads the doorbell before it looks, and sleeps only if it has not changed since.
// Out: console output. The worker posts one message when the ring stops being empty for the main thread, and no more until
// the main thread has looked.

import { ByteRing } from "./byte-ring.ts";

const DOORBELL = 0;
const STOP = 1;
const INPUT_ENDED = 2;
const WORDS = 4;

/** Bytes of console input that wait for the guest; beyond it the source is asked to wait. */
const INPUT_BYTES = 16 << 10;
/** Bytes of console output that wait for the terminal; beyond it the guest's UART reads full. */
const OUTPUT_BYTES = 64 << 10;

/** Why the main thread ends a partition. */
export const STOP_NONE = 0;
export const STOP_LEFT = 1;
export const STOP_TIMEOUT = 2;

export interface MailboxBuffers {
  words: SharedArrayBuffer;
  input: SharedArrayBuffer;
  output: SharedArrayBuffer;
}

export class Mailbox {
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
}

/** Rings the doorbell in word 0 of `words`. */
export function doorbellRing(words: Int32Array): void {
  Atomics.add(words, DOORBELL, 1);
  Atomics.notify(words, DOORBELL);
}
