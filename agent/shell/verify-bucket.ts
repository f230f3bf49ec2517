// How often the shell checks an envelope for the agent. A check holds the shell for as long as QuickJS takes, so they draw on a token
// bucket: an agent that floods it starves its own envelopes, and nobody else's commands.

export const ENVELOPE_BURST = 8;
/** What one envelope costs: one a second. */
const PRICE_MS = 1000;

export class EnvelopeBucket {
  private readonly now: () => number;
  /** Whole milliseconds, so that no fraction is lost or won. */
  private creditMs = ENVELOPE_BURST * PRICE_MS;
  private filledAt: number;

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.now = () => Math.floor(now());
    this.filledAt = this.now();
  }

  /** Takes a token for one envelope; false, and nothing taken, when there is none. */
  take(): boolean {
    this.fill();
    if (this.creditMs < PRICE_MS) return false;
    this.creditMs -= PRICE_MS;
    return true;
  }

  /** Milliseconds until the next token is there. */
  waitMs(): number {
    this.fill();
    return Math.max(0, PRICE_MS - this.creditMs);
  }

  private fill(): void {
    const now = this.now();
    // A clock that goes back fills nothing, and takes nothing away.
    this.creditMs = Math.min(ENVELOPE_BURST * PRICE_MS, this.creditMs + Math.max(0, now - this.filledAt));
    this.filledAt = now;
  }
}
