// What time it is, as the fleet has said in this start: the nonce that a birth asks with, and the clock that its answer sets. It lives with the
// monitor, because the agent may be anybody's and the shell may be started anew.

import { randomBytes } from "node:crypto";
import { ANSWER_MAX_SECONDS, NONCE_BYTES, presentTime, SessionClock } from "../../wire/clock.ts";
import type { NowDocument } from "../../wire/documents.ts";
import type { AskedTime } from "../../shell/orders.ts";

export class TimeQuestion {
  private readonly monotonic: () => number;
  private readonly rtc: () => number;
  private readonly clock: SessionClock;
  private question: { nonce: Uint8Array; askedMs: number; answered: boolean } | null = null;

  /** `monotonic` is in milliseconds, `rtc` in seconds since 1970. */
  constructor(monotonic = (): number => performance.now(), rtc = (): number => Date.now() / 1000) {
    this.monotonic = monotonic;
    this.rtc = rtc;
    this.clock = new SessionClock(monotonic);
  }

  /** A new question; an answer to an older one counts no more. */
  ask(): Uint8Array {
    const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
    this.question = { nonce, askedMs: this.monotonic(), answered: false };
    return nonce;
  }

  /** The fleet's answer, which was found good. */
  answered({ now }: NowDocument): void {
    this.clock.set(now);
    if (this.question !== null) this.question.answered = true;
  }

  /** Session time in seconds since 1970; null: nobody has said. */
  get session(): number | null {
    return this.clock.now();
  }

  /** What a document is judged by. */
  get asked(): AskedTime {
    const { question, session } = this;
    const isLate = question === null || this.monotonic() - question.askedMs > ANSWER_MAX_SECONDS * 1000;
    return { session, nonce: isLate ? null : question.nonce, answered: question?.answered ?? false };
  }

  /** The present, in seconds since 1970: session time, or what the floor and the real-time clock say. */
  present(floor: number): number {
    return this.session ?? presentTime(floor, this.rtc());
  }
}
