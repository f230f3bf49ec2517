// A bounded queue of bytes between two threads: one producer, one consumer, no locks. `head` counts bytes produced and `tail`
// bytes consumed, both modulo 2^32, as in the machine's own console rings.

const HEAD = 0;
const TAIL = 1;
const INDEX_BYTES = 8;

export class ByteRing {
  readonly buffer: SharedArrayBuffer;
  private readonly index: Uint32Array;
  private readonly bytes: Uint8Array;

  /** A view of an existing ring, or a new one of `capacity` bytes, a power of two. */
  constructor(from: SharedArrayBuffer | number) {
    if (typeof from === "number" && (from < 1 || (from & (from - 1)) !== 0)) {
      throw new RangeError(`a ring's capacity must be a power of two, not ${from}`);
    }
    this.buffer = typeof from === "number" ? new SharedArrayBuffer(INDEX_BYTES + from) : from;
    this.index = new Uint32Array(this.buffer, 0, 2);
    this.bytes = new Uint8Array(this.buffer, INDEX_BYTES);
  }

  /** Bytes waiting for the consumer. */
  get count(): number {
    return (Atomics.load(this.index, HEAD) - Atomics.load(this.index, TAIL)) >>> 0;
  }

  /** Bytes that the producer may still write. */
  get room(): number {
    return this.bytes.length - this.count;
  }

  /** Producer: appends as much of `source` as fits, and returns how much that was. */
  write(source: Uint8Array): number {
    const head = Atomics.load(this.index, HEAD);
    const length = Math.min(source.length, this.room);
    const at = head % this.bytes.length;
    const first = Math.min(length, this.bytes.length - at);
    this.bytes.set(source.subarray(0, first), at);
    this.bytes.set(source.subarray(first, length), 0);
    Atomics.store(this.index, HEAD, head + length);
    return length;
  }

  /** Consumer: moves up to target.length bytes into `target`, and returns how many. */
  read(target: Uint8Array): number {
    const tail = Atomics.load(this.index, TAIL);
    const length = Math.min(target.length, this.count);
    const at = tail % this.bytes.length;
    const first = Math.min(length, this.bytes.length - at);
    target.set(this.bytes.subarray(at, at + first), 0);
    target.set(this.bytes.subarray(0, length - first), first);
    Atomics.store(this.index, TAIL, tail + length);
    return length;
  }
}
