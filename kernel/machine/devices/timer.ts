// Generic Timer: the physical and the virtual timer of PL1. The CPU reaches them through CP15 c14.
// ARM DDI 0406C chapter B8 and the CNT* registers of B4.1.
//
// Nothing counts here: the counter is clock's, a timer's condition is the comparison `counter >= compare value`, and a look
// at either is made when a register is read. Without Virtualization Extensions CNTVOFF is zero, so both counters are one.

import { TIMER_STATE } from "../../abi/layout";
import { TIMER_PHYSICAL_IRQ, TIMER_VIRTUAL_IRQ } from "../memory-map";
import { COUNTER_HZ, clockTicks } from "./clock";
import { SET_LEVEL, irqIn, irqSet } from "./irq";

// Registers, for timerRead and timerWrite. CNT*_CVAL and the counters are 64 bits wide: timerRead64, timerWrite64.
export const CNTFRQ: u32 = 0;
export const CNTKCTL: u32 = 1;
export const CNTP_TVAL: u32 = 2;
export const CNTP_CTL: u32 = 3;
export const CNTP_CVAL: u32 = 4;
export const CNTV_TVAL: u32 = 5;
export const CNTV_CTL: u32 = 6;
export const CNTV_CVAL: u32 = 7;
export const CNTPCT: u32 = 8;
export const CNTVCT: u32 = 9;

const CTL_ENABLE: u32 = 1;
const CTL_IMASK: u32 = 2;
const CTL_ISTATUS: u32 = 4;
/** CNTKCTL: PL0 access bits 0, 1, 8, 9 and the event stream, bits 2 to 7. */
const CNTKCTL_BITS: u32 = 0x3ff;

/** State:
 *
 *   +0  physicalCompare  u64  CNTP_CVAL
 *   +8  virtualCompare   u64  CNTV_CVAL
 *   +16 physicalControl  u32  CNTP_CTL without ISTATUS
 *   +20 virtualControl   u32  CNTV_CTL without ISTATUS
 *   +24 kernelControl    u32  CNTKCTL
 */
@unmanaged
class Timer {
  physicalCompare: u64;
  virtualCompare: u64;
  physicalControl: u32;
  virtualControl: u32;
  kernelControl: u32;
}
const timer = changetype<Timer>(TIMER_STATE);

export function timerReset(): void {
  timer.physicalCompare = 0;
  timer.virtualCompare = 0;
  timer.physicalControl = 0;
  timer.virtualControl = 0;
  timer.kernelControl = 0;
  timerTick(0);
}

/** A 32-bit register; CVAL and the counters give their low halves. */
export function timerRead(register: u32): u32 {
  switch (register) {
    case CNTFRQ:
      return COUNTER_HZ;
    case CNTKCTL:
      return timer.kernelControl;
    case CNTP_TVAL:
      return <u32>(timer.physicalCompare - clockTicks());
    case CNTP_CTL:
      return timerControl(timer.physicalControl, timer.physicalCompare);
    case CNTV_TVAL:
      return <u32>(timer.virtualCompare - clockTicks());
    case CNTV_CTL:
      return timerControl(timer.virtualControl, timer.virtualCompare);
    default:
      return <u32>timerRead64(register);
  }
}

/** Writes a 32-bit register; the interrupt lines follow at once. Counters and CNTFRQ are read-only. */
export function timerWrite(register: u32, value: u32): void {
  switch (register) {
    case CNTKCTL:
      timer.kernelControl = value & CNTKCTL_BITS;
      return;
    case CNTP_TVAL: // B8.1: a signed distance from now
      timer.physicalCompare = clockTicks() + <u64>(<i64>(<i32>value));
      break;
    case CNTP_CTL:
      timer.physicalControl = value & (CTL_ENABLE | CTL_IMASK);
      break;
    case CNTV_TVAL:
      timer.virtualCompare = clockTicks() + <u64>(<i64>(<i32>value));
      break;
    case CNTV_CTL:
      timer.virtualControl = value & (CTL_ENABLE | CTL_IMASK);
      break;
    default:
      return;
  }
  timerTick(clockTicks());
}

export function timerRead64(register: u32): u64 {
  switch (register) {
    case CNTP_CVAL:
      return timer.physicalCompare;
    case CNTV_CVAL:
      return timer.virtualCompare;
    case CNTPCT:
    case CNTVCT:
      return clockTicks();
    default:
      return 0;
  }
}

export function timerWrite64(register: u32, value: u64): void {
  if (register == CNTP_CVAL) timer.physicalCompare = value;
  else if (register == CNTV_CVAL) timer.virtualCompare = value;
  else return;
  timerTick(clockTicks());
}

/** Sets both lines as they are at counter value `now`. */
export function timerTick(now: u64): void {
  irqSet(TIMER_PHYSICAL_IRQ, timerFires(timer.physicalControl, timer.physicalCompare, now));
  irqSet(TIMER_VIRTUAL_IRQ, timerFires(timer.virtualControl, timer.virtualCompare, now));
}

/** Ticks from `now` until a timer can raise its line, u64.MAX_VALUE when none can. 0: one is due and timerTick() has not looked yet. */
export function timerDeadline(now: u64): u64 {
  return min<u64>(
    timerDistance(timer.physicalControl, timer.physicalCompare, now, TIMER_PHYSICAL_IRQ),
    timerDistance(timer.virtualControl, timer.virtualCompare, now, TIMER_VIRTUAL_IRQ),
  );
}

function timerControl(control: u32, compare: u64): u32 {
  // CNTP_CTL: ISTATUS ignores IMASK, and is UNKNOWN (here zero) while the timer is disabled.
  return control & CTL_ENABLE && clockTicks() >= compare ? control | CTL_ISTATUS : control;
}

function timerFires(control: u32, compare: u64, now: u64): bool {
  return (control & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE && now >= compare;
}

function timerDistance(control: u32, compare: u64, now: u64, intid: u32): u64 {
  if ((control & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE) return u64.MAX_VALUE;
  if (now < compare) return compare - now;
  // Time goes on between a look and this question: an expiry in between must not be slept through.
  return irqIn(SET_LEVEL, intid) ? u64.MAX_VALUE : 0;
}
