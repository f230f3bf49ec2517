// How often the shell checks an envelope for the agent. A check holds the shell for as long as QuickJS takes, so they draw on a token
// bucket: an agent that floods it starves its own envelopes, and nobody else's commands.

export const ENVELOPE_BURST = 8;
export const ENVELOPES_PER_SECOND = 1;

export class EnvelopeBucket {
  private readonly now: () => number;
  private tokens = ENVELOPE_BURST;
  private filledAt: number;

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.now = now;
    this.filledAt = now();
  }

  /** Takes a token for one envelope; false, and nothing taken, when there is none. */
  take(): boolean {
    const now = this.now();
    // A clock that goes back fills nothing, and takes nothing away.
    const earned = (Math.max(0, now - this.filledAt) / 1000) * ENVELOPES_PER_SECOND;
    this.tokens = Math.min(ENVELOPE_BURST, this.tokens + earned);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Milliseconds until the next token is there. */
  waitMs(): number {
    const missing = Math.max(0, 1 - this.tokens) / ENVELOPES_PER_SECOND;
    return Math.max(0, Math.ceil(missing * 1000 - (this.now() - this.filledAt)));
  }
}
