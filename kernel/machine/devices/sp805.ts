// SP805 watchdog: a guest that does not come back to it is interrupted once, then reset.
// Arm DDI 0270B "Watchdog Module (SP805)", chapter 3.
//
// WDOGCLK is the 24 MHz system counter. The value is never decremented: it is `load - (counter - start)`, and only the start of
// the running period is state. One look finds at most one expiry, so a partition that was paused, or starved, for several
// periods gets its interrupt and a whole period to answer before the reset.

import { SP805_STATE } from "../../abi/layout";
import { RUN_WATCHDOG } from "../../abi/reasons";
import { SP805_IRQ } from "../memory-map";
import { clockTicks } from "./clock";
import { exitReplan, exitRequest } from "./exit";
import { irqSet } from "./irq";
import { PRIMECELL_ID, primecellId } from "./primecell";
import { WORK_NOW, workOfCaches } from "./work";

// Registers (DDI 0270B table 3-1)
const WDOGLOAD: u32 = 0x000;
const WDOGVALUE: u32 = 0x004; // read-only
const WDOGCONTROL: u32 = 0x008;
const WDOGINTCLR: u32 = 0x00c; // write-only: any value clears and reloads
const WDOGRIS: u32 = 0x010; // raw status
const WDOGMIS: u32 = 0x014; // masked status
const WDOGLOCK: u32 = 0xc00;
const PART: u32 = 0x805;
const REVISION: u32 = 1; // as PeriphID2 says

const CONTROL_INTEN: u32 = 1; // the counter runs, and may interrupt
const CONTROL_RESEN: u32 = 2;
const UNLOCK: u32 = 0x1acce551;

/** State:
 *
 *   +0  start    u64  counter value at which the running period began
 *   +8  load     u32  WDOGLOAD
 *   +12 stopped  u32  WDOGVALUE while the counter does not run
 *   +16 control  u32  WDOGCONTROL
 *   +20 raw      u32  WDOGRIS
 *   +24 locked   u32  1: every register but WDOGLOCK is read-only
 */
@unmanaged
class Sp805 {
  start: u64;
  load: u32;
  stopped: u32;
  control: u32;
  raw: u32;
  locked: u32;
}
const watchdog = changetype<Sp805>(SP805_STATE);

export function sp805Reset(): void {
  watchdog.start = 0;
  watchdog.load = ~0;
  watchdog.stopped = ~0;
  watchdog.control = 0;
  watchdog.raw = 0;
  watchdog.locked = 0;
  sp805Level();
}

export function sp805Read(offset: u32): u32 {
  workOfCaches(WORK_NOW);
  if (offset >= PRIMECELL_ID) return primecellId(offset, PART, REVISION);
  switch (offset) {
    case WDOGLOAD:
      return watchdog.load;
    case WDOGVALUE:
      sp805Tick(clockTicks());
      return sp805Value(clockTicks());
    case WDOGCONTROL:
      return watchdog.control;
    case WDOGRIS:
      sp805Tick(clockTicks());
      return watchdog.raw;
    case WDOGMIS:
      sp805Tick(clockTicks());
      return watchdog.raw & watchdog.control;
    case WDOGLOCK:
      return watchdog.locked;
    default: // the integration test registers too: there is nothing to integrate
      return 0;
  }
}

export function sp805Write(offset: u32, value: u32): void {
  exitReplan();
  workOfCaches(WORK_NOW);
  const now = clockTicks();
  sp805Tick(now);
  if (offset == WDOGLOCK) {
    watchdog.locked = value == UNLOCK ? 0 : 1;
    return;
  }
  if (watchdog.locked) return;
  switch (offset) {
    case WDOGLOAD: // 3.3.1: counting restarts from the new value at once
      watchdog.load = value;
      sp805Restart(now);
      break;
    case WDOGCONTROL: {
      // 3.3.3: INTEN set again reloads the counter; cleared, it stops where it is.
      const control = value & (CONTROL_INTEN | CONTROL_RESEN);
      if (!(control & CONTROL_INTEN)) watchdog.stopped = sp805Value(now);
      else if (!(watchdog.control & CONTROL_INTEN)) sp805Restart(now);
      watchdog.control = control;
      break;
    }
    case WDOGINTCLR:
      watchdog.raw = 0;
      sp805Restart(now);
      break;
    default:
      return;
  }
  sp805Level();
}

/** Looks whether the running period has ended: the first time interrupts, the second resets the partition. */
export function sp805Tick(now: u64): void {
  if (!(watchdog.control & CONTROL_INTEN)) return;
  const end = watchdog.start + <u64>watchdog.load;
  if (now < end) return;
  if (watchdog.raw && watchdog.control & CONTROL_RESEN) exitRequest(RUN_WATCHDOG);
  watchdog.raw = 1;
  // The next period begins one tick after this one's end, unless it has passed unseen too.
  watchdog.start = now - end <= <u64>watchdog.load ? end + 1 : now;
  sp805Level();
}

/** Ticks from `now` until the end of the running period, u64.MAX_VALUE while the watchdog is off. */
export function sp805Deadline(now: u64): u64 {
  if (!(watchdog.control & CONTROL_INTEN)) return u64.MAX_VALUE;
  const end = watchdog.start + <u64>watchdog.load;
  return end > now ? end - now : 0;
}

function sp805Restart(now: u64): void {
  watchdog.start = now;
  watchdog.stopped = watchdog.load;
}

function sp805Value(now: u64): u32 {
  if (!(watchdog.control & CONTROL_INTEN)) return watchdog.stopped;
  // Between zero and the reload, `start` is one tick ahead.
  if (now < watchdog.start) return 0;
  const elapsed = now - watchdog.start;
  return elapsed < <u64>watchdog.load ? watchdog.load - <u32>elapsed : 0;
}

function sp805Level(): void {
  irqSet(SP805_IRQ, (watchdog.raw & watchdog.control & CONTROL_INTEN) != 0);
}
