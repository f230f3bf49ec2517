// A token bucket: so many at once, so many a second.

export class Bucket {
  private readonly burst: number;
  private readonly perSecond: number;
  private readonly now: () => number;
  private tokens: number;
  private filledAt: number;

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(burst: number, perSecond: number, now: () => number) {
    this.burst = burst;
    this.perSecond = perSecond;
    this.now = now;
    this.tokens = burst;
    this.filledAt = now();
  }

  /** Takes so many tokens; false, and nothing taken, when there are fewer. */
  take(count = 1): boolean {
    this.fill();
    if (this.tokens < count) return false;
    this.tokens -= count;
    return true;
  }

  /** Milliseconds until so many tokens are there. */
  waitMs(count = 1): number {
    this.fill();
    return this.tokens >= count ? 0 : Math.ceil(((count - this.tokens) * 1000) / this.perSecond);
  }

  private fill(): void {
    const now = this.now();
    // A clock that goes back fills nothing, and takes nothing away.
    const passed = Math.max(0, now - this.filledAt);
    this.tokens = Math.min(this.burst, this.tokens + (passed * this.perSecond) / 1000);
    this.filledAt = now;
  }
}
