// Frames between the handset worker and the network worker: two rings in shared memory for each partition, and a few words beside them.

import { doorbellRing } from "../between/doorbell.ts";
import { FrameRing, type RingCounts } from "./frame-ring.ts";

/** Words: the counts of both rings; what the guest's driver takes; a number that is odd while a machine lives and changes with each; nanoseconds that
 *  the network worker has worked; whether one of the two waits for room in a ring; whether the link is up; bytes moved, low and high words. */
const [SENT, RECEIVED, FEATURES, LIFE, SPENT, SENDER_WAITS, RECEIVER_WAITS, LINK, LOST] = [0, 2, 4, 5, 6, 7, 8, 9, 10];
const WORDS = 16;
/** Of each ring. */
export const QUEUE_RING_BYTES = 1 << 18;
export const QUEUE_BYTES = WORDS * 4 + 2 * QUEUE_RING_BYTES;

export class NetworkQueue {
  readonly buffer: SharedArrayBuffer;
  /** From the guest, to the guest. */
  readonly sent: FrameRing;
  readonly received: FrameRing;
  private readonly words: Int32Array;
  private readonly bell: Int32Array;

  /** `bell` is the network worker's: word 0. A new queue, or a view of one. */
  constructor(bell: SharedArrayBuffer, buffer = new SharedArrayBuffer(QUEUE_BYTES)) {
    this.buffer = buffer;
    this.bell = new Int32Array(bell);
    this.words = new Int32Array(buffer, 0, WORDS);
    const ring = (n: number): Uint8Array => new Uint8Array(buffer, WORDS * 4 + n * QUEUE_RING_BYTES, QUEUE_RING_BYTES);
    this.sent = new FrameRing(ring(0), new SharedCounts(this.words, SENT));
    this.received = new FrameRing(ring(1), new SharedCounts(this.words, RECEIVED));
  }

  /** Rings the network worker's bell. */
  ring(): void {
    doorbellRing(this.bell);
  }

  /** Handset worker: a machine begins, or has ended. */
  begin(): void {
    if ((this.life & 1) === 1) this.end();
    Atomics.add(this.words, LIFE, 1);
    this.ring();
  }

  end(): void {
    if ((this.life & 1) === 0) return;
    Atomics.add(this.words, LIFE, 1);
    this.ring();
  }

  /** Odd while a machine lives. */
  get life(): number {
    return Atomics.load(this.words, LIFE);
  }

  get features(): number {
    return Atomics.load(this.words, FEATURES) >>> 0;
  }

  set features(value: number) {
    Atomics.store(this.words, FEATURES, value | 0);
  }

  /** Network worker: it has worked so long. */
  spend(nanoseconds: number): void {
    Atomics.add(this.words, SPENT, Math.round(nanoseconds));
  }

  /** Handset worker: nanoseconds since the last call. */
  takeSpent(): number {
    return Atomics.exchange(this.words, SPENT, 0) >>> 0;
  }

  /** One side waits for room in the ring that it fills; the other takes note of it, and rings when there is some. */
  wait(ring: "sent" | "received"): void {
    Atomics.store(this.words, ring === "sent" ? SENDER_WAITS : RECEIVER_WAITS, 1);
  }

  takeWait(ring: "sent" | "received"): boolean {
    return Atomics.exchange(this.words, ring === "sent" ? SENDER_WAITS : RECEIVER_WAITS, 0) === 1;
  }

  get isLinkUp(): boolean {
    return Atomics.load(this.words, LINK) === 1 && Atomics.load(this.words, LOST) === 0;
  }

  set isLinkUp(up: boolean) {
    Atomics.store(this.words, LINK, up ? 1 : 0);
  }

  /** Main thread: there is no network worker any more, or there is one again. */
  set isLost(lost: boolean) {
    Atomics.store(this.words, LOST, lost ? 1 : 0);
  }
}

class SharedCounts implements RingCounts {
  private readonly words: Int32Array;
  private readonly at: number;

  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get head(): number {
    return Atomics.load(this.words, this.at) >>> 0;
  }
  set head(value: number) {
    Atomics.store(this.words, this.at, value | 0);
  }
  get tail(): number {
    return Atomics.load(this.words, this.at + 1) >>> 0;
  }
  set tail(value: number) {
    Atomics.store(this.words, this.at + 1, value | 0);
  }
}
