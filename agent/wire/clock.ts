// What time a device believes. The floor is persisted, never moves back, and is raised by signed times alone. A phone's clock may be dead or
// wild: it raises the present in memory only, and by 30 days at most, so that one wild reading cannot expire everything for ever.

/** How far the real-time clock is believed above the floor. */
export const RTC_AHEAD_MAX_SECONDS = 30 * 86_400;
/** How far a signer's clock may be ahead of ours. */
export const SKEW_SECONDS = 300;

/** The present, in seconds since 1970. `rtc` may be anything. */
export function presentTime(floor: number, rtc: number): number {
  const reading = Number.isSafeInteger(Math.floor(rtc)) ? Math.floor(rtc) : floor;
  return Math.min(Math.max(floor, reading), floor + RTC_AHEAD_MAX_SECONDS);
}
