// Time that passes when a test says so.

import type { Clock } from "../../agent/link/clock.js";

export class ManualClock implements Clock {
  private time = 0;
  private readonly start: number;
  private timers: { at: number; then: () => void }[] = [];

  /** `start` is the real-time clock at the beginning, in seconds since 1970. */
  constructor(start: number) {
    this.start = start;
  }

  now = (): number => this.time;
  wall = (): number => this.start + Math.floor(this.time / 1000);

  after = (milliseconds: number, then: () => void): (() => void) => {
    const timer = { at: this.time + milliseconds, then };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  };

  /** Lets so many milliseconds pass; what is due happens in its order. */
  pass(milliseconds: number): void {
    const until = this.time + milliseconds;
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.time = Math.max(this.time, due.at);
      due.then();
    }
    this.time = until;
  }

  /** The same, in steps between which promises come to their ends. */
  async passSlowly(milliseconds: number, step: number): Promise<void> {
    for (let done = 0; done < milliseconds; done += step) {
      this.pass(Math.min(step, milliseconds - done));
      await new Promise((next) => setImmediate(next));
    }
  }
}
