// When the guest's bytes are acknowledged (RFC 1122 §4.2.3.2, RFC 5681 §4.2). Each acknowledgement costs the guest an interrupt and a walk through
// its stack, and one for every small write keeps it from ever filling a segment. So a few segments are acknowledged at once, the rest after a
// moment. RFC 5681 says every second segment; receivers that merge segments, as every modern card does, stretch it further, and so do we.

import type { Clock } from "./contracts.ts";
import { sequenceDelta } from "./tcp-segment.ts";
import type { Timers } from "./timers.ts";

/** Full segments that are acknowledged together. */
const SEGMENTS = 4;
/** How long fewer may wait: far below the least timeout of any sender (RFC 6298 §2.4), and not felt on a keyboard. */
const DELAY_MS = 2;

export class DelayedAck {
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly send: () => void;
  /** The acknowledgement that the guest heard last; null: none yet. */
  private told: number | null = null;
  private waits = false;
  private hurries = false;

  constructor(clock: Clock, timers: Timers, send: () => void) {
    this.clock = clock;
    this.timers = timers;
    this.send = send;
  }

  /** A segment goes out that acknowledges up to `acknowledgment`. */
  says(acknowledgment: number): void {
    this.told = acknowledgment;
    this.hurries = false;
    if (this.waits) this.clear();
  }

  /** The next one may not wait: it tells of a gap that is filled (RFC 5681 §4.2), or of an end. */
  hurry(): void {
    this.hurries = true;
  }

  /** Bytes up to `acknowledgment` are to be acknowledged to a guest that may send segments of `segmentBytes`. */
  owes(acknowledgment: number, segmentBytes: number): void {
    const bytes = this.told === null ? Infinity : sequenceDelta(acknowledgment, this.told);
    if (this.hurries || bytes >= SEGMENTS * segmentBytes) return this.send();
    if (this.waits || bytes === 0) return;
    this.waits = true;
    this.timers.set(this, this.clock.now() + DELAY_MS, () => {
      this.waits = false;
      this.send();
    });
  }

  clear(): void {
    this.waits = false;
    this.timers.clear(this);
  }
}
