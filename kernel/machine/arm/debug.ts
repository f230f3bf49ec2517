// What a debugger sees of the CPU between two slices. Nothing here disturbs the guest: no fault is recorded, no TLB entry made.

import { DACR } from "./cp15-state";
import { ACCESS_READ, fault, linear, translate } from "./memory/mmu";
import { psrRead, psrWrite } from "./psr";
import { itState } from "./state";

/** Linear-memory offset of a virtual address as the CPU's translation stands now, or 0: unmapped, or a device. Permissions bind
 *  the guest and not its debugger: the walk is that of a manager of all domains (B3.7.3). */
export function debugAddress(address: u32): u32 {
  const dacr = load<u32>(DACR);
  store<u32>(DACR, 0xffff_ffff);
  translate(address, ACCESS_READ, true, false);
  store<u32>(DACR, dacr);
  return fault ? 0 : linear;
}

/** CPSR. */
export function debugStatus(): u32 {
  return psrRead(itState());
}

/** Writes all of CPSR; a mode that does not exist leaves the mode as it is. */
export function debugSetStatus(value: u32): void {
  psrWrite(value);
}
