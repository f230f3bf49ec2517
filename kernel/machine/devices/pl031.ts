// PL031 real-time clock: a seconds counter and one alarm.
// Arm DDI 0224C "PrimeCell Real Time Clock (PL031)", chapter 3.
//
// The counter is never incremented here. It is `offset + host seconds`, so a guest that sleeps for an hour costs nothing,
// and a partition restored on another phone reads the right time at once: only `offset` is state.

import { PL031_STATE } from "../../abi/layout";
import { PL031_IRQ } from "../memory-map";
import { COUNTER_HZ, clockSeconds, clockSecondsAt } from "./clock";
import { exitReplan } from "./exit";
import { irqSet } from "./irq";
import { PRIMECELL_ID, primecellId } from "./primecell";
import { WORK_NOW, workOfCaches } from "./work";

// Registers (DDI 0224C table 3-1)
const RTCDR: u32 = 0x00; // data, read-only
const RTCMR: u32 = 0x04; // match
const RTCLR: u32 = 0x08; // load
const RTCCR: u32 = 0x0c; // control: bit 0 enables, and reads as one ever after
const RTCIMSC: u32 = 0x10; // interrupt mask
const RTCRIS: u32 = 0x14; // raw status
const RTCMIS: u32 = 0x18; // masked status
const RTCICR: u32 = 0x1c; // clear, write-only
const PART: u32 = 0x031;
const REVISION: u32 = 1; // as QEMU's PeriphID2 says, which drivers compare

/** State:
 *
 *   +0  match    u32  alarm, in seconds
 *   +4  offset   u32  guest seconds minus host seconds
 *   +8  raw      u32  RTCRIS
 *   +12 mask     u32  RTCIMSC
 *   +16 checked  u32  guest seconds up to which the alarm was looked for
 */
@unmanaged
class Pl031 {
  match: u32;
  offset: u32;
  raw: u32;
  mask: u32;
  checked: u32;
}
const rtc = changetype<Pl031>(PL031_STATE);

/** Reset state. `offset` survives on purpose: a reboot does not set the clock back. */
export function pl031Reset(): void {
  rtc.match = 0;
  rtc.raw = 0;
  rtc.mask = 0;
  rtc.checked = clockSeconds() + rtc.offset;
  pl031Level();
}

export function pl031Read(offset: u32): u32 {
  if (offset >= PRIMECELL_ID) return primecellId(offset, PART, REVISION);
  switch (offset) {
    case RTCDR:
      workOfCaches(WORK_NOW);
      return clockSeconds() + rtc.offset;
    case RTCMR:
      return rtc.match;
    case RTCLR:
      return clockSeconds() + rtc.offset;
    case RTCCR:
      return 1;
    case RTCIMSC:
      return rtc.mask;
    case RTCRIS:
      pl031Look(clockSeconds());
      return rtc.raw;
    case RTCMIS:
      pl031Look(clockSeconds());
      return rtc.raw & rtc.mask;
    default:
      return 0;
  }
}

export function pl031Write(offset: u32, value: u32): void {
  exitReplan();
  workOfCaches(WORK_NOW);
  const hostSeconds = clockSeconds();
  pl031Look(hostSeconds);
  switch (offset) {
    case RTCMR: // a match with the second that runs now counts: the comparison is of values, not of edges
      rtc.match = value;
      rtc.checked = hostSeconds + rtc.offset - 1;
      break;
    case RTCLR:
      rtc.offset = value - hostSeconds;
      rtc.checked = value - 1;
      break;
    case RTCIMSC:
      rtc.mask = value & 1;
      pl031Level();
      return;
    case RTCICR:
      rtc.raw &= ~value;
      pl031Level();
      return;
    default:
      return;
  }
  pl031Look(hostSeconds);
}

/** Raises the alarm when its second has come. */
export function pl031Tick(now: u64): void {
  pl031Look(clockSecondsAt(now));
}

/** Ticks from `now` until the alarm can interrupt, u64.MAX_VALUE when it cannot, 0 when it is due and not looked at yet. */
export function pl031Deadline(now: u64): u64 {
  const seconds = clockSecondsAt(now) + rtc.offset;
  if (!rtc.mask || rtc.raw) return u64.MAX_VALUE;
  if (pl031Due(seconds)) return 0;
  const untilAlarm = rtc.match - seconds;
  return <i32>untilAlarm > 0 ? <u64>untilAlarm * COUNTER_HZ - (now % COUNTER_HZ) : u64.MAX_VALUE;
}

/** Raises the alarm if it is due: a partition that was paused across its second still gets it, once. */
function pl031Look(hostSeconds: u32): void {
  const seconds = hostSeconds + rtc.offset;
  if (pl031Due(seconds)) rtc.raw = 1;
  rtc.checked = seconds;
  pl031Level();
}

/** Whether the alarm's second lies in (checked, seconds]. A wall clock that was set back says nothing about it. */
function pl031Due(seconds: u32): bool {
  // One unsigned comparison serves a wrapped counter too.
  return <i32>(seconds - rtc.checked) > 0 && rtc.match - rtc.checked - 1 < seconds - rtc.checked;
}

function pl031Level(): void {
  irqSet(PL031_IRQ, (rtc.raw & rtc.mask) != 0);
}
