// A partition's console as others see it: the last 64 KiB of output, in shared memory, written by the handset worker and read at leisure.
//
// The idea. Nobody holds the writer up by default: a reader that sleeps loses the oldest bytes, and is told how many. A reader that must not
// lose any puts a hold on the log, at its cursor. The writer then writes no further than what is unread leaves room for, and the guest's
// UART reads full. Part of the log stays back from that room: what a guest said in its last moment is written whatever a reader does.
//
//   word 0  bytes written since the partition was defined, modulo 2^32, after the bytes are in place
//   word 1  bytes that are about to be written: what lies less than 64 KiB before it is whole
//   word 2  1: a reader holds the writer
//   word 3  the reader's cursor
//   word 4  1: the writer waits for room

import { CONSOLE_OUTPUT_BYTES } from "../../../kernel/abi/layout.ts";

const WRITTEN = 0;
const CLAIMED = 1;
const HELD = 2;
const CURSOR = 3;
const WAITING = 4;
const WORDS = 5;
const INDEX_BYTES = WORDS * 4;
export const CONSOLE_LOG_BYTES = 64 << 10;
/** What a held writer may have unread: the guest's own ring still fits behind it. */
const HELD_BYTES = CONSOLE_LOG_BYTES - CONSOLE_OUTPUT_BYTES;

export class ConsoleLog {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;

  /** A new log, or a view of one that another thread made. */
  constructor(buffer = new SharedArrayBuffer(INDEX_BYTES + CONSOLE_LOG_BYTES)) {
    this.buffer = buffer;
    this.words = new Uint32Array(buffer, 0, WORDS);
    this.bytes = new Uint8Array(buffer, INDEX_BYTES);
  }

  /** Bytes written so far, modulo 2^32. */
  get written(): number {
    return Atomics.load(this.words, WRITTEN);
  }

  /** Writer: appends; of more than the log holds only the end is kept. */
  append(chunk: Uint8Array): void {
    const end = (this.written + chunk.length) >>> 0;
    Atomics.store(this.words, CLAIMED, end);
    const kept = chunk.length > CONSOLE_LOG_BYTES ? chunk.subarray(chunk.length - CONSOLE_LOG_BYTES) : chunk;
    const at = (end - kept.length + 2 ** 32) % CONSOLE_LOG_BYTES;
    const first = Math.min(kept.length, CONSOLE_LOG_BYTES - at);
    this.bytes.set(kept.subarray(0, first), at);
    this.bytes.set(kept.subarray(first), 0);
    Atomics.store(this.words, WRITTEN, end);
  }

  /** Writer: bytes that a reader's hold leaves room for; Infinity without a hold. */
  get room(): number {
    if (Atomics.load(this.words, HELD) === 0) return Infinity;
    const unread = (this.written - Atomics.load(this.words, CURSOR)) >>> 0;
    return Math.max(0, HELD_BYTES - unread);
  }

  /** Writer: asks to be woken when the reader has taken something. True when there is room after all. */
  awaitRoom(): boolean {
    Atomics.store(this.words, WAITING, 1);
    return this.room > 0;
  }

  /** Reader: from here on nothing after `cursor` is overwritten before it is taken. There is one holder at a time. */
  hold(cursor: number): void {
    Atomics.store(this.words, CURSOR, cursor);
    Atomics.store(this.words, HELD, 1);
  }

  /** Reader: has taken everything before `cursor`. True when the writer waits for that, and must be woken. */
  taken(cursor: number): boolean {
    Atomics.store(this.words, CURSOR, cursor);
    return Atomics.exchange(this.words, WAITING, 0) === 1;
  }

  /** Reader: lets the writer go. True when it waits, and must be woken. */
  release(): boolean {
    Atomics.store(this.words, HELD, 0);
    return Atomics.exchange(this.words, WAITING, 0) === 1;
  }

  /** Forgets everything. Nobody writes, and no reader goes on from a cursor that it has. */
  erase(): void {
    this.bytes.fill(0);
    for (const word of [WRITTEN, CLAIMED, HELD, CURSOR, WAITING]) Atomics.store(this.words, word, 0);
  }

  /** Reader: the bytes after `cursor`, the cursor to go on with, and how many bytes were lost in between. */
  readFrom(cursor: number): { bytes: Buffer; cursor: number; lost: number } {
    const end = this.written;
    let length = (end - cursor) >>> 0;
    let lost = 0;
    if (length > CONSOLE_LOG_BYTES) {
      lost = length - CONSOLE_LOG_BYTES;
      length = CONSOLE_LOG_BYTES;
    }
    const bytes = Buffer.alloc(length);
    const at = (end - length + 2 ** 32) % CONSOLE_LOG_BYTES;
    const first = Math.min(length, CONSOLE_LOG_BYTES - at);
    bytes.set(this.bytes.subarray(at, at + first), 0);
    bytes.set(this.bytes.subarray(0, length - first), first);
    // What the writer has claimed meanwhile may be overwritten: those are the oldest.
    const overwritten = Math.max(0, ((Atomics.load(this.words, CLAIMED) - end) >>> 0) + length - CONSOLE_LOG_BYTES);
    const spoilt = Math.min(length, overwritten);
    return { bytes: bytes.subarray(spoilt), cursor: end, lost: lost + spoilt };
  }
}
