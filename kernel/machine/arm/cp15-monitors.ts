// Coprocessor 15, c9: the performance monitors, and who may use them. ARM DDI 0406C C12.4, B4.1.124 (PMUSERENR).

import { exitReplan } from "../devices/exit";
import { pmuDistance, pmuPrivilege, pmuIsUsers, pmuRead, pmuUserMay, pmuWrite } from "../devices/pmu";
import { WORK_NOW, WORK_TIMER, work, workOfCaches } from "../devices/work";
import { privileged } from "./psr";

const PMUSERENR: u32 = 0xe0;
/** PMCCFILTR, which ARMv8 has given a place of its own; programs for both use it, and QEMU's Cortex-A7 has it. */
const PMCCFILTR: u32 = 0xe0f7;

/** Whether `key`, as cp15 names registers, is one of the monitors'. */
// @ts-ignore: decorator
@inline
export function isMonitor(key: u32): bool {
  return key >>> 8 == 0x90 || key == PMCCFILTR;
}

/** The register of the monitors for `key`, when the present privilege may access it; 0: Undefined. The counters are told who runs. */
function allowed(key: u32, isRead: bool): u32 {
  const register = key == PMCCFILTR ? 0xf7 : key & 0xff;
  const user = (register == PMUSERENR && isRead) || (pmuUserMay() && pmuIsUsers(register));
  if (!privileged() && !user) return 0;
  pmuPrivilege(!privileged());
  return register;
}

/** As an access to the timer: there are as many things to look at. What is Undefined is free. */
function charge(): void {
  work(WORK_TIMER);
  workOfCaches(WORK_NOW);
}

/** Reads to pmuValue. False: Undefined. The clock is up to date. */
export function monitorRead(key: u32): bool {
  const register = allowed(key, true);
  if (register == 0 || !pmuRead(register)) return false;
  charge();
  return true;
}

export function monitorWrite(key: u32, value: u32): bool {
  const register = allowed(key, false);
  if (register == 0 || !pmuWrite(register, value)) return false;
  charge();
  // The slice was planned for another moment.
  if (pmuDistance() != u64.MAX_VALUE) exitReplan();
  return true;
}
