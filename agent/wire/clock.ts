// What time a device believes. Three clocks, each for what it is good for:
//
// - Session time: the fleet has answered this start's nonce with the time, signed by a time key; from then on the monotonic clock counts. Nothing
//   that the phone's owner, a thief or an empty battery does to the real-time clock changes it. It is lost with the start.
// - The floor: persisted, raised by signed times, lowered by a root document alone. One document raises it by 30 days at most beyond what the
//   floor and the real-time clock say, so that one operator's wrong clock does not expire everything for ever.
// - The real-time clock: may be dead or wild. It raises the present in memory only, and by 30 days at most.

/** How far the real-time clock is believed above the floor, and how far one document raises the floor. */
export const RTC_AHEAD_MAX_SECONDS = 30 * 86_400;
/** How far a signer's clock may be ahead of ours. */
export const SKEW_SECONDS = 300;
/** An answer that comes later than this after its nonce was made says too little about the present. */
export const ANSWER_MAX_SECONDS = 300;
/** Bytes of a nonce. */
export const NONCE_BYTES = 16;

/** What the clocks say when a document is judged. */
export interface Times {
  /** Seconds since 1970, as the real-time clock says: they may be anything. */
  rtc: number;
  /** Session time in seconds since 1970; null: the fleet has not said what time it is. */
  session: number | null;
  /** The nonce that an answer may name; null: none was asked for. */
  nonce: Uint8Array | null;
  /** Whether the nonce has had its answer. */
  answered: boolean;
}

/** The present, in seconds since 1970, for want of session time. `rtc` may be anything. */
export function presentTime(floor: number, rtc: number): number {
  const reading = Number.isSafeInteger(Math.floor(rtc)) ? Math.floor(rtc) : floor;
  return Math.min(Math.max(floor, reading), floor + RTC_AHEAD_MAX_SECONDS);
}

/** The floor after a document has said that it is `signed`, in seconds since 1970. `rtc` may be anything. */
export function raisedFloor(floor: number, rtc: number, signed: number): number {
  const reading = Number.isSafeInteger(Math.floor(rtc)) ? Math.floor(rtc) : floor;
  return Math.max(floor, Math.min(signed, Math.max(floor, reading) + RTC_AHEAD_MAX_SECONDS));
}

/** Session time, on a monotonic clock. */
export class SessionClock {
  private readonly monotonic: () => number;
  private setAt: { milliseconds: number; seconds: number } | null = null;

  /** `monotonic` is in milliseconds. */
  constructor(monotonic: () => number) {
    this.monotonic = monotonic;
  }

  /** It is so many seconds since 1970 now; null: nobody knows. */
  set(seconds: number | null): void {
    this.setAt = seconds === null ? null : { milliseconds: this.monotonic(), seconds };
  }

  /** Whole seconds since 1970; null: nobody has said. */
  now(): number | null {
    if (this.setAt === null) return null;
    const passed = Math.max(0, this.monotonic() - this.setAt.milliseconds);
    return this.setAt.seconds + Math.floor(passed / 1000);
  }
}
