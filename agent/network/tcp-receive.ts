// What a flow has received from the guest: in order, it goes to the host's socket at once; beyond a gap, it waits here. The guest's bytes are
// acknowledged when the operating system has taken them, so what waits for that is bounded by the window: a slow peer slows the guest.

import type { BufferBudget } from "./contracts.ts";
import { FIN, sequenceAdd, sequenceDelta, type Range, type Segment } from "./tcp-segment.ts";

/** What a guest may have under way. */
export const WINDOW_BYTES = 256 << 10;
/** Pieces that may wait beyond gaps. */
const PIECES_MOST = 64;

interface Piece {
  sequence: number;
  data: Uint8Array;
}

export class ReceiveQueue {
  /** The next byte in order. */
  next: number;
  /** Everything before has been taken by the operating system: what we acknowledge. */
  taken: number;
  private readonly budget: BufferBudget;
  private readonly deliver: (data: Uint8Array, done: () => void) => void;
  private pieces: Piece[] = [];
  private pending = 0;
  private freed = false;
  /** Where the piece that came last begins. */
  private latest = 0;
  /** Sequence number of the guest's FIN, once it was seen, in or out of order. */
  private finAt: number | null = null;
  private finReceived = false;

  constructor(next: number, budget: BufferBudget, deliver: (data: Uint8Array, done: () => void) => void) {
    this.next = next;
    this.taken = next;
    this.budget = budget;
    this.deliver = deliver;
  }

  /** RCV.NXT: the next byte, or what comes behind a FIN. */
  get expected(): number {
    return sequenceAdd(this.next, this.finReceived ? 1 : 0);
  }

  /** Whether something waits beyond a gap. */
  get hasGap(): boolean {
    return this.pieces.length > 0;
  }

  /** True once: the guest's FIN, of this segment or of one before it, is next. */
  takeFin(segment: Segment): boolean {
    if (segment.flags & FIN && this.finAt === null) this.finAt = sequenceAdd(segment.sequence, segment.data.length);
    if (this.finReceived || this.finAt !== this.next) return false;
    this.finReceived = true;
    return true;
  }

  /** The first sequence number beyond the window. It never goes back (RFC 9293 §3.8.6.2.2). */
  get edge(): number {
    return sequenceAdd(this.taken, WINDOW_BYTES);
  }

  /** Takes data at `sequence`, as far as it is new and in the window. `done` is called whenever more was taken. False when nothing of it could be
   *  kept: the guest will send it again. */
  accept(sequence: number, data: Uint8Array, done: () => void): boolean {
    this.latest = sequence;
    const skip = Math.max(0, sequenceDelta(this.next, sequence));
    const most = sequenceDelta(this.edge, sequence);
    if (skip >= Math.min(data.length, most)) return true;
    const part = data.subarray(skip, most);
    const at = sequenceAdd(sequence, skip);
    if (at === this.next) {
      if (!this.pass(part, done)) return false;
      this.drain(done);
      return true;
    }
    return this.keep(at, part);
  }

  private pass(data: Uint8Array, done: () => void): boolean {
    if (!this.budget.take(data.length)) return false;
    this.pending += data.length;
    this.next = sequenceAdd(this.next, data.length);
    this.deliver(data, () => {
      if (this.freed) return;
      this.budget.give(data.length);
      this.pending -= data.length;
      this.taken = sequenceAdd(this.taken, data.length);
      done();
    });
    return true;
  }

  private keep(sequence: number, data: Uint8Array): boolean {
    if (this.pieces.some((piece) => piece.sequence === sequence && piece.data.length >= data.length)) return true;
    if (this.pieces.length >= PIECES_MOST || !this.budget.take(data.length)) return false;
    this.pieces.push({ sequence, data });
    this.pieces.sort((a, b) => sequenceDelta(a.sequence, b.sequence));
    return true;
  }

  /** Passes on what has come into order. */
  private drain(done: () => void): void {
    for (let piece = this.pieces[0]; piece !== undefined; piece = this.pieces[0]) {
      const skip = sequenceDelta(this.next, piece.sequence);
      if (skip < 0) return;
      this.pieces.shift();
      this.budget.give(piece.data.length);
      if (skip < piece.data.length && !this.pass(piece.data.subarray(skip), done)) return;
    }
  }

  /** What waits beyond gaps, the range that grew last first (RFC 2018 §4). */
  sacks(): Range[] {
    const ranges: Range[] = [];
    for (const { sequence, data } of this.pieces) {
      const to = sequenceAdd(sequence, data.length);
      const last = ranges.at(-1);
      if (last === undefined || sequenceDelta(sequence, last.to) > 0) ranges.push({ from: sequence, to });
      else if (sequenceDelta(to, last.to) > 0) last.to = to;
    }
    const newest = ranges.findIndex(
      ({ from, to }) => sequenceDelta(this.latest, from) >= 0 && sequenceDelta(this.latest, to) < 0,
    );
    if (newest > 0) ranges.unshift(...ranges.splice(newest, 1));
    return ranges;
  }

  /** Gives everything back. */
  free(): void {
    this.freed = true;
    this.budget.give(this.pending + this.pieces.reduce((sum, { data }) => sum + data.length, 0));
    this.pieces = [];
    this.pending = 0;
  }
}
