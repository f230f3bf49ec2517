// Coprocessor 15, c14: the generic timer, and who may use it. ARM DDI 0406C B8.1.

import {
  CNTFRQ,
  CNTKCTL,
  CNTPCT,
  CNTP_CTL,
  CNTP_CVAL,
  CNTP_TVAL,
  CNTVCT,
  CNTV_CTL,
  CNTV_CVAL,
  CNTV_TVAL,
  timerRead,
  timerRead64,
  timerWrite,
  timerWrite64,
} from "../devices/timer";
import { WORK_NOW, WORK_TIMER, work, workOfCaches } from "../devices/work";
import { privileged } from "./psr";

/** The values read by the last cp15TimerRead() and cp15TimerRead64() that answered true. */
export let timerValue: u32 = 0;
export let timerValue64: u64 = 0;

/** Reads the register `key`, as cp15 names it. False: Undefined at the present privilege; so below. */
export function cp15TimerRead(key: u32): bool {
  return worked(readTimer(key));
}

export function cp15TimerWrite(key: u32, value: u32): bool {
  return worked(writeTimer(key, value));
}

/** MRRC: `key` = opc1 << 4 | CRm. */
export function cp15TimerRead64(key: u32): bool {
  return worked(readTimer64(key));
}

export function cp15TimerWrite64(key: u32, value: u64): bool {
  return worked(writeTimer64(key, value));
}

/** The timer is a device, and an access to it is work. What is Undefined is none. */
function worked(allowed: bool): bool {
  if (allowed) {
    work(WORK_TIMER);
    workOfCaches(WORK_NOW);
  }
  return allowed;
}

/** What CNTKCTL grants user mode (B8.1.1): bit 0 PL0PCTEN, 1 PL0VCTEN, 8 PL0VTEN, 9 PL0PTEN. */
function userMay(bit: u32): bool {
  return privileged() || (timerRead(CNTKCTL) & ((1 as u32) << bit)) != 0;
}

function readTimer(key: u32): bool {
  switch (key) {
    case 0xe000:
      if (!userMay(0) && !userMay(1)) return false;
      timerValue = timerRead(CNTFRQ);
      return true;
    case 0xe010:
      if (!privileged()) return false;
      timerValue = timerRead(CNTKCTL);
      return true;
    case 0xe020:
      return readTimerIf(9, CNTP_TVAL);
    case 0xe021:
      return readTimerIf(9, CNTP_CTL);
    case 0xe030:
      return readTimerIf(8, CNTV_TVAL);
    case 0xe031:
      return readTimerIf(8, CNTV_CTL);
    default:
      return false;
  }
}

function readTimerIf(bit: u32, register: u32): bool {
  if (!userMay(bit)) return false;
  timerValue = timerRead(register);
  return true;
}

function writeTimer(key: u32, value: u32): bool {
  switch (key) {
    case 0xe000: // CNTFRQ: fixed by the device tree as well; writes are ignored
      return privileged();
    case 0xe010:
      if (!privileged()) return false;
      timerWrite(CNTKCTL, value);
      return true;
    case 0xe020:
      return writeTimerIf(9, CNTP_TVAL, value);
    case 0xe021:
      return writeTimerIf(9, CNTP_CTL, value);
    case 0xe030:
      return writeTimerIf(8, CNTV_TVAL, value);
    case 0xe031:
      return writeTimerIf(8, CNTV_CTL, value);
    default:
      return false;
  }
}

function writeTimerIf(bit: u32, register: u32, value: u32): bool {
  if (!userMay(bit)) return false;
  timerWrite(register, value);
  return true;
}

function readTimer64(key: u32): bool {
  switch (key) {
    case 0x0e: // CNTPCT
      if (!userMay(0)) return false;
      timerValue64 = timerRead64(CNTPCT);
      return true;
    case 0x1e: // CNTVCT
      if (!userMay(1)) return false;
      timerValue64 = timerRead64(CNTVCT);
      return true;
    case 0x2e: // CNTP_CVAL
      if (!userMay(9)) return false;
      timerValue64 = timerRead64(CNTP_CVAL);
      return true;
    case 0x3e: // CNTV_CVAL
      if (!userMay(8)) return false;
      timerValue64 = timerRead64(CNTV_CVAL);
      return true;
    default:
      return false;
  }
}

function writeTimer64(key: u32, value: u64): bool {
  switch (key) {
    case 0x2e:
      if (!userMay(9)) return false;
      timerWrite64(CNTP_CVAL, value);
      return true;
    case 0x3e:
      if (!userMay(8)) return false;
      timerWrite64(CNTV_CVAL, value);
      return true;
    default:
      return false;
  }
}
