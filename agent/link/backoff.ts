// When to try again. A broker that restarts loses all its devices in the same second; what spreads their return is chance over a window
// that doubles with every failure ("full jitter"), and that shrinks again only after a link has held for a while: a broker
// that takes a connection and drops it is no good broker.

/** Milliseconds: the first window, the largest, and how long a link holds to count as good. */
const FIRST_MS = 30_000;
const LAST_MS = 300_000;
const GOOD_MS = 300_000;

export class Backoff {
  private readonly random: () => number;
  /** Windows used since a good link; null before the very first connection, which is at once. */
  private triesCount: number | null = null;

  /** `random` is uniform in [0, 1). */
  constructor(random: () => number) {
    this.random = random;
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    if (this.triesCount === null) {
      this.triesCount = 0;
      return 0;
    }
    const window = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(this.triesCount++, 16));
    return this.random() * window;
  }

  /** A link was lost that had been up for so many milliseconds. */
  lost(upMs: number): void {
    if (upMs >= GOOD_MS) this.triesCount = 0;
  }
}
