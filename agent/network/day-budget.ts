// Bytes that a partition may move in a day. Never a byte more: what is about to be used is written down before it is used, a reservation at a time, and
// who is killed forfeits what is left of the reservation.
//
// A day is a day of UTC. The host's clock may be set, so a new day begins only when 20 hours of monotonic time have passed since the last
// one began: setting a clock back or forward gives nothing.

const DAY_MS = 86_400_000;
const DAY_LEAST_MS = 20 * 3_600_000;
const RESERVATION_MOST = 256 << 10;

/** What is written down. */
export interface DayState {
  /** Days since 1970. */
  day: number;
  /** Bytes of it that are used or reserved. */
  reserved: number;
  /** Monotonic milliseconds that had passed in it. */
  passedMs: number;
}

export interface DayStore {
  load(): DayState | null;
  /** Durable when it returns. Throws when it cannot be: then nothing passes. */
  save(state: DayState): void;
}

export class DayBudget {
  /** Bytes a day; Infinity: any number. */
  private limit: number;
  private readonly store: DayStore;
  private readonly clock: { now(): number; wall(): number };
  private day: number;
  private used: number;
  private reserved: number;
  private passedMs: number;
  private seenAt: number;

  constructor(limit: number, store: DayStore, clock: { now(): number; wall(): number }) {
    this.limit = limit;
    this.store = store;
    this.clock = clock;
    const kept = store.load();
    this.day = kept?.day ?? this.today();
    this.used = this.reserved = kept?.reserved ?? 0;
    this.passedMs = kept?.passedMs ?? 0;
    this.seenAt = clock.now();
  }

  private today(): number {
    return Math.floor(this.clock.wall() / DAY_MS);
  }

  /** Bytes that are left today. */
  get left(): number {
    this.turn();
    return Math.max(0, this.limit - this.used);
  }

  get usedToday(): number {
    this.turn();
    return this.used;
  }

  /** Another limit holds from now on; what was used stays used. */
  setLimit(limit: number): void {
    this.limit = limit;
  }

  /** Takes `bytes`, all or none. */
  take(bytes: number): boolean {
    this.turn();
    if (bytes > this.limit - this.used) return false;
    if (this.used + bytes > this.reserved && this.limit !== Infinity) {
      const ahead = Math.min(RESERVATION_MOST, Math.floor(this.limit / 100));
      const reserved = Math.min(this.limit, this.used + bytes + ahead);
      if (!this.save(reserved)) return false;
    }
    this.used += bytes;
    return true;
  }

  /** Takes back what was taken a moment ago and did not pass. */
  give(bytes: number): void {
    this.used = Math.max(0, this.used - bytes);
  }

  /** An end in order: what was reserved and not used is not lost. */
  close(): void {
    if (this.limit !== Infinity) this.save(this.used);
  }

  private turn(): void {
    const now = this.clock.now();
    this.passedMs += Math.max(0, now - this.seenAt);
    this.seenAt = now;
    const today = this.today();
    if (today <= this.day || this.passedMs < DAY_LEAST_MS) return;
    this.day = today;
    this.passedMs = 0;
    this.used = 0;
    this.reserved = 0;
  }

  private save(reserved: number): boolean {
    try {
      this.store.save({ day: this.day, reserved, passedMs: this.passedMs });
      this.reserved = reserved;
      return true;
    } catch {
      return false;
    }
  }
}
