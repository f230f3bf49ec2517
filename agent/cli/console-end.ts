// When an attached console has nothing more to give: its partition is stopped, or nobody can type any more and the guest says nothing.

/** A stopped partition is seen so for this long: a restart passes through the state. */
export const STOPPED_MS = 1000;
/** After the end of the input, an answer may take so long. */
export const QUIET_MS = 3000;

export class ConsoleEnd {
  private readonly partition: string;
  /** Times are monotonic milliseconds; null: not so. */
  private stoppedAt: number | null = null;
  private quietAt: number;
  private inputEnded = false;

  /** `now`: when it was attached. */
  constructor(partition: string, now: number) {
    this.partition = partition;
    this.quietAt = now;
  }

  /** The guest has said something. */
  output(now: number): void {
    this.quietAt = now;
  }

  /** No more input will come. What the guest answers to the last of it counts from here. */
  inputEnd(now: number): void {
    this.inputEnded = true;
    this.quietAt = now;
  }

  /** The partition's state has been looked at; null: there is no such partition any more. Returns why the console ends, or null. */
  look(state: string | null, now: number): string | null {
    const { partition } = this;
    if (state === null) return `${partition} is gone`;
    if (state !== "stopped") this.stoppedAt = null;
    else this.stoppedAt ??= now;
    const quiet = now - this.quietAt;
    if (this.stoppedAt !== null && Math.min(now - this.stoppedAt, quiet) >= STOPPED_MS)
      return `${partition} is stopped: nothing more will come. Start it with: pocketvisor start ${partition}`;
    if (!this.inputEnded || quiet < QUIET_MS) return null;
    return `the input has ended, and ${partition} has said nothing for ${QUIET_MS / 1000} s: left. It is still ${state}`;
  }
}
