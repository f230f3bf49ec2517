// The messages of a channel that wait: one ring of bytes, each message behind its length. It takes what the hypervisor's books say and not a byte
// more (CHANNEL_HEADER for each message), however small messages are, so the memory that admission was told of is all there is.

import { CHANNEL_HEADER } from "../../../kernel/abi/hypervisor.ts";

export class MessageRing {
  private readonly bytes: Uint8Array;
  private head = 0;
  private tail = 0;

  /** Room for `capacity` bytes, headers included. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Bytes that wait, headers included. */
  get fill(): number {
    return this.head - this.tail;
  }

  /** Adds a message; false when it does not fit, which the books should have known. */
  push(message: Uint8Array): boolean {
    const taken = CHANNEL_HEADER + message.length;
    if (taken > this.bytes.length - this.fill) return false;
    const header = Uint8Array.of(message.length, message.length >>> 8, message.length >>> 16, message.length >>> 24);
    this.write(this.head, header);
    this.write(this.head + CHANNEL_HEADER, message);
    this.head += taken;
    return true;
  }

  /** Length of the first message; -1 when there is none. */
  get firstLength(): number {
    if (this.fill === 0) return -1;
    const byte = (n: number): number => this.bytes[(this.tail + n) % this.bytes.length]!;
    return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
  }

  /** Takes the first message into `target`, which holds it; returns its length, or -1. */
  shift(target: Uint8Array): number {
    const length = this.firstLength;
    if (length < 0) return -1;
    const at = (this.tail + CHANNEL_HEADER) % this.bytes.length;
    const first = Math.min(length, this.bytes.length - at);
    target.set(this.bytes.subarray(at, at + first));
    target.set(this.bytes.subarray(0, length - first), first);
    this.drop();
    return length;
  }

  /** Forgets the first message; returns its length, or -1. */
  drop(): number {
    const length = this.firstLength;
    if (length >= 0) this.tail += CHANNEL_HEADER + length;
    // Positions stay small: they only ever mean their difference and their place in the ring.
    if (this.tail >= this.bytes.length) {
      this.tail -= this.bytes.length;
      this.head -= this.bytes.length;
    }
    return length;
  }

  private write(position: number, source: Uint8Array): void {
    const at = position % this.bytes.length;
    const first = Math.min(source.length, this.bytes.length - at);
    this.bytes.set(source.subarray(0, first), at);
    this.bytes.set(source.subarray(first), 0);
  }
}
