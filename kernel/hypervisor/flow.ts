// What a steady rate brings in a time, in whole units, without ever losing a fraction: taps and token buckets.

const SECOND: u64 = 1_000_000_000;

/** Units that `rate` units per `span` nanoseconds bring in `elapsed` nanoseconds. What is left of a unit stays in the u32 at `remainder`
 *  (in units × nanoseconds, below `span`). `span` divides a second. The answer is capped at 2^62 or so, not wrapped. */
export function flow(rate: u32, elapsed: u64, span: u32, remainder: usize): u64 {
  const seconds = elapsed / SECOND;
  const fraction = <u64>rate * (elapsed % SECOND) + <u64>load<u32>(remainder);
  const whole = fraction / <u64>span;
  store<u32>(remainder, <u32>(fraction - whole * <u64>span));
  if (!seconds) return whole;
  const perSecond = <u64>rate * (SECOND / <u64>span);
  return seconds > (1 << 62) / (perSecond + 1) ? 1 << 62 : whole + seconds * perSecond;
}

/** Nanoseconds until `rate` units per `span` nanoseconds have brought `units`, rounded up; u64.MAX_VALUE for none. */
export function flowTime(rate: u32, units: u64, span: u32, remainder: usize): u64 {
  if (!rate || units > (1 << 62) / <u64>span) return u64.MAX_VALUE;
  return (units * <u64>span - <u64>load<u32>(remainder) + <u64>rate - 1) / <u64>rate;
}
