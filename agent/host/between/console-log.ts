// A partition's console as others see it: the last 64 KiB of output, in shared memory, written by the kernel worker and read at
// leisure. The writer never waits, so a reader that sleeps loses the oldest bytes and is told how many; it slows nobody.
//
//   word 0  bytes written since the partition was defined, modulo 2^32, after the bytes are in place
//   word 1  bytes that are about to be written: what lies less than 64 KiB before it is whole

const WRITTEN = 0;
const CLAIMED = 1;
const INDEX_BYTES = 8;
export const CONSOLE_LOG_BYTES = 64 << 10;

export class ConsoleLog {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;

  /** A new log, or a view of one that another thread made. */
  constructor(buffer = new SharedArrayBuffer(INDEX_BYTES + CONSOLE_LOG_BYTES)) {
    this.buffer = buffer;
    this.words = new Uint32Array(buffer, 0, 2);
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

  /** Forgets everything. Nobody writes, and no reader goes on from a cursor that it has. */
  erase(): void {
    this.bytes.fill(0);
    Atomics.store(this.words, WRITTEN, 0);
    Atomics.store(this.words, CLAIMED, 0);
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
