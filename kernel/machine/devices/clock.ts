// The machine's clock: the 24 MHz system counter and the wall clock, in both of the machine's times.
//
// realtime       the counter follows the host's monotonic clock and is read live.
// deterministic  100 units are 1 µs, an instruction or a unit of device work each, so the counter is `units * 24 / 100` plus what
//                WFI has skipped. It is a function of state alone: the same inputs give the same run, bit for bit.

import { CLOCK_STATE, CONFIG_MODE, MODE_REALTIME } from "../../abi/layout";

/** Host monotonic time in nanoseconds. The only import on the path of run(). */
// @ts-ignore: decorator
@external("host", "now")
declare function now(): f64;

/** u64: guest instructions executed. The CPU brings it up to date before it calls a device. */
export const CLOCK_INSTRUCTIONS: u32 = CLOCK_STATE + 0;

export const COUNTER_HZ: u32 = 24_000_000;

/** State:
 *
 *   +0  instructions  u64  guest instructions executed; the CPU brings it up to date before it calls a device
 *   +8  skipped       u64  deterministic: ticks that WFI jumped over
 *   +16 origin        f64  realtime: host nanoseconds at counter 0
 *   +24 wallOrigin    u32  seconds since 1970 at counter 0, written by the host
 *   +32 last          u64  realtime: last counter value given out; the counter never runs backwards
 *   +40 work          u64  units of device work that were paid for
 */
@unmanaged
class Clock {
  instructions: u64;
  skipped: u64;
  origin: f64;
  wallOrigin: u32;
  reserved: u32;
  last: u64;
  work: u64;
}
const clock = changetype<Clock>(CLOCK_STATE);

/** Counter 0 is now; the instruction count stays. The wall clock goes on across a reset: `wallOrigin` takes up the time that
 *  the counter forgets. (A new memory has no time to forget: there the host has written `wallOrigin`, and no origin is set.) */
export function clockReset(): void {
  if (!clockFollowsHost()) clock.wallOrigin += <u32>(clock.skipped / COUNTER_HZ);
  else if (clock.origin != 0) clock.wallOrigin += <u32>(clockTicks() / COUNTER_HZ);
  clock.skipped = 0;
  clock.last = 0;
  clock.origin = clockFollowsHost() ? now() : 0;
}

// @ts-ignore: decorator
@inline
export function clockFollowsHost(): bool {
  return load<u32>(CONFIG_MODE) == MODE_REALTIME;
}

/** The system counter, in ticks of 1/24 µs. */
export function clockTicks(): u64 {
  if (!clockFollowsHost()) return clock.skipped + (clockUnits() * 6) / 25;
  const elapsed = now() - clock.origin;
  const ticks = elapsed > 0 ? <u64>(elapsed * 0.024) : 0;
  if (ticks > clock.last) clock.last = ticks;
  return clock.last;
}

/** Instructions and device work together: what fuel is counted in. */
// @ts-ignore: decorator
@inline
export function clockUnits(): u64 {
  return clock.instructions + clock.work;
}

/** Wall-clock seconds since 1970. */
export function clockSeconds(): u32 {
  return clockSecondsAt(clockTicks());
}

/** Wall-clock seconds since 1970 when the counter reads `ticks`. */
export function clockSecondsAt(ticks: u64): u32 {
  return clock.wallOrigin + <u32>(ticks / COUNTER_HZ);
}

/** Not in realtime mode: units of fuel until the counter reads at least `ticks`; 0 when it does already. */
export function clockUnitsUntil(ticks: u64): u64 {
  const at = clockTicks();
  if (ticks <= at) return 0;
  const goal = (ticks - clock.skipped) * 25;
  return (goal + 5) / 6 - clockUnits();
}

/** Not in realtime mode: jumps to `ticks`, for WFI or for time that passed elsewhere. */
export function clockSkipTo(ticks: u64): void {
  const at = clockTicks();
  if (ticks > at) clock.skipped += ticks - at;
}
