// What a flow has to send to the guest and the guest has not acknowledged: a ring of bytes that grows as it is used, and the account of sequence
// numbers over it (RFC 9293 §3.3.1). There is no congestion between us and the guest, so the guest's window alone says how much may be under way.

import type { BufferBudget } from "./contracts.ts";
import { sequenceAdd, sequenceDelta, type Range } from "./tcp-segment.ts";

/** Bytes that a flow holds at least, and at most. */
export const RING_BYTES_LEAST = 4096;
export const RING_BYTES_MOST = 256 << 10;

export class SendQueue {
  /** Sequence number of the first byte in the ring. */
  base: number;
  /** Received beyond a gap, as the guest told us, in order (RFC 2018 §4). */
  sacked: Range[] = [];
  private readonly budget: BufferBudget;
  private ring: Uint8Array;
  private start = 0;
  private held = 0;

  /** Takes its least from the budget, which must have it. */
  constructor(base: number, budget: BufferBudget) {
    this.base = base;
    this.budget = budget;
    this.ring = new Uint8Array(RING_BYTES_LEAST);
  }

  get length(): number {
    return this.held;
  }

  get end(): number {
    return sequenceAdd(this.base, this.held);
  }

  /** How many bytes may be appended now: a full ring grows, as long as the budget lasts. */
  get room(): number {
    const { budget, ring } = this;
    if (this.held * 2 > ring.length && ring.length < RING_BYTES_MOST && budget.take(ring.length)) this.grow();
    return this.ring.length - this.held;
  }

  private grow(): void {
    const larger = new Uint8Array(this.ring.length * 2);
    this.copy(0, this.held, larger, 0);
    this.ring = larger;
    this.start = 0;
  }

  /** Adds bytes, at most `room` of them. */
  append(bytes: Uint8Array): void {
    const at = (this.start + this.held) % this.ring.length;
    const first = Math.min(bytes.length, this.ring.length - at);
    this.ring.set(bytes.subarray(0, first), at);
    this.ring.set(bytes.subarray(first), 0);
    this.held += bytes.length;
  }

  /** Copies `count` bytes from `offset` after the first. */
  copy(offset: number, count: number, target: Uint8Array, at: number): void {
    const from = (this.start + offset) % this.ring.length;
    const first = Math.min(count, this.ring.length - from);
    target.set(this.ring.subarray(from, from + first), at);
    target.set(this.ring.subarray(0, count - first), at + first);
  }

  /** Everything before `sequence` has arrived. */
  acknowledge(sequence: number): void {
    const count = Math.max(0, Math.min(sequenceDelta(sequence, this.base), this.held));
    this.start = (this.start + count) % this.ring.length;
    this.held -= count;
    this.base = sequenceAdd(this.base, count);
    this.sacked = this.sacked.filter(({ to }) => sequenceDelta(to, sequence) > 0);
  }

  /** Takes note of what arrived beyond a gap, as far as it can be true. */
  addSacks(sacks: readonly Range[], most: number): void {
    for (const { from, to } of sacks) {
      const inside = sequenceDelta(from, this.base) > 0 && sequenceDelta(to, from) > 0 && sequenceDelta(to, most) <= 0;
      if (inside) this.sacked.push({ from, to });
    }
    this.sacked.sort((a, b) => sequenceDelta(a.from, b.from));
    const merged: Range[] = [];
    for (const range of this.sacked) {
      const last = merged.at(-1);
      if (last === undefined || sequenceDelta(range.from, last.to) > 0) merged.push({ ...range });
      else if (sequenceDelta(range.to, last.to) > 0) last.to = range.to;
    }
    // More gaps than this and the last ones are sent again for nothing, no more.
    this.sacked = merged.slice(0, 32);
  }

  /** The first range from `from` on that has not arrived, as far as something beyond it has; without SACK, all up to `most`. */
  hole(from: number, most: number): Range | null {
    let start = from;
    for (const range of this.sacked) {
      if (sequenceDelta(range.from, start) > 0) return { from: start, to: range.from };
      if (sequenceDelta(range.to, start) > 0) start = range.to;
    }
    if (this.sacked.length > 0) return null;
    return sequenceDelta(most, start) > 0 ? { from: start, to: most } : null;
  }

  /** Gives everything back. */
  free(): void {
    this.budget.give(this.ring.length);
    this.ring = new Uint8Array(0);
    this.held = 0;
  }
}
