// What is due when. One place that is looked at in each turn: nothing in the stack has a timer of its own, so tests turn the clock, and a
// stack that has nothing to do wakes nobody.

export class Timers {
  private readonly due = new Map<object, { at: number; run: () => void }>();
  private earliest = Infinity;

  /** Runs `run` at `at`, in monotonic milliseconds, instead of what was set for `owner` before. */
  set(owner: object, at: number, run: () => void): void {
    this.due.set(owner, { at, run });
    this.earliest = Math.min(this.earliest, at);
  }

  clear(owner: object): void {
    this.due.delete(owner);
  }

  /** When the first is due; Infinity: nothing is. It may be a little early: who comes then finds nothing and asks again. */
  get next(): number {
    return this.due.size === 0 ? Infinity : this.earliest;
  }

  /** Runs what is due. */
  run(now: number): void {
    if (now < this.earliest) return;
    for (const [owner, timer] of [...this.due]) {
      if (timer.at > now || this.due.get(owner) !== timer) continue;
      this.due.delete(owner);
      timer.run();
    }
    this.earliest = Infinity;
    for (const { at } of this.due.values()) this.earliest = Math.min(this.earliest, at);
  }
}
