// Time as the link has it: handed in, so that tests play years in no time.

export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number;
  /** Seconds since 1970, whole, as the real-time clock has them: they may be anything. */
  wall(): number;
  /** Calls `then` once after so many milliseconds; the function that comes back undoes it. */
  after(milliseconds: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Math.floor(Date.now() / 1000),
  after: (milliseconds, then) => {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
};
