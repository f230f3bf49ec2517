// A ring of frames, as kernel/abi/layout describes it ("Network rings"): in a machine's memory, and between two threads in shared memory. A record moves
// from one to the other as it is.

import {
  NETWORK_FRAME_LEAST,
  NETWORK_FRAME_MOST,
  NETWORK_HEADER_BYTES,
  NETWORK_SKIP,
} from "../../../kernel/abi/layout.ts";

/** Where a ring's two counts are kept: bytes put in and taken out, modulo 2^32. */
export interface RingCounts {
  head: number;
  tail: number;
}

export class FrameRing {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly counts: RingCounts;

  /** `bytes` is the ring: a power of two. */
  constructor(bytes: Uint8Array, counts: RingCounts) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.counts = counts;
  }

  get isEmpty(): boolean {
    return this.counts.head === this.counts.tail;
  }

  /** The first record, header and frame, as a view; null: there is none. One that no writer of ours writes empties the ring. */
  first(): Uint8Array | null {
    const { counts, bytes, view } = this;
    const { head } = counts;
    for (let step = 0; step < 2; step++) {
      const { tail } = counts;
      const fill = (head - tail) >>> 0;
      if (fill === 0) return null;
      const position = tail & (bytes.length - 1);
      const length = view.getUint32(position, true);
      if (length === NETWORK_SKIP) {
        counts.tail = tail + Math.min(bytes.length - position, fill);
        continue;
      }
      const whole = length >= NETWORK_FRAME_LEAST && length <= NETWORK_FRAME_MOST && recordBytes(length) <= fill;
      if (!whole || recordBytes(length) > bytes.length - position) break;
      return bytes.subarray(position, position + NETWORK_HEADER_BYTES + length);
    }
    counts.tail = head;
    return null;
  }

  /** The first record is dealt with. */
  shift(record: Uint8Array): void {
    this.counts.tail += recordBytes(record.length - NETWORK_HEADER_BYTES);
  }

  /** Room for a record of a frame of `length` bytes, to be filled from its first byte to its last; null: there is none now. */
  room(length: number): Uint8Array | null {
    const { counts, bytes, view } = this;
    const { head } = counts;
    const position = head & (bytes.length - 1);
    const rest = bytes.length - position;
    const record = recordBytes(length);
    const skip = record > rest ? rest : 0;
    if (((head - counts.tail) >>> 0) + skip + record > bytes.length) return null;
    if (skip > 0) {
      view.setUint32(position, NETWORK_SKIP, true);
      counts.head = head + skip;
    }
    const at = skip > 0 ? 0 : position;
    return bytes.subarray(at, at + NETWORK_HEADER_BYTES + length);
  }

  /** The record that room() gave is filled. */
  push(record: Uint8Array): void {
    this.counts.head += recordBytes(record.length - NETWORK_HEADER_BYTES);
  }
}

function recordBytes(length: number): number {
  return (NETWORK_HEADER_BYTES + length + 15) & ~15;
}
