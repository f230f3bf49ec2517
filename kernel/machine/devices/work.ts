// Device work is fuel.
//
// The idea. What a device does for an access takes time: it walks descriptors, looks at page numbers, copies bytes. All of it is counted
// where it happens, in units of one instruction's time (10 ns in virtual time), and the guest pays: units are owed until they are
// taken from the slice's fuel, as instructions are. So counter, budgets and energy advance by instructions + work, and a slice ends
// when its fuel does, whatever the guest makes its devices do.
//
// The access that causes work does not retire before the work is done: the CPU stands behind it (arm/stand), pays what is owed, and lets
// the devices go on, one bounded step after the other. Steps do not depend on fuel, and each begins when the one before is paid for.
// So nothing that a guest sees depends on where slices end. What is left to do is in the machine's memory (slot, queue), and a
// snapshot has it.
//
// Outside run() devices only note that there is something to do. A host that brings input does the guest's work for nobody.
//
// Caches are another matter. Page walks, decoding, flushes cost the host time as well, but how many there are depends on what the TLB and
// the block cache hold, which no guest may see. They count in real time alone, where the guest's clock is the host's: there a
// count only says how soon a slice ends.

import { CLOCK_WORK, CONFIG_MODE, MODE_REALTIME, WORK_OWED, WORK_VISITS } from "../../abi/layout";

/** A step ends at the first descriptor chain after which so many units are owed: a step and one chain are the most that run() can be late. */
export const WORK_STEP: u32 = 256;

// What things cost, in units, so that a unit of any device takes the host between half and twice what an instruction of a guest takes that only
// branches, interpreted (README).
/** An access of the bus: translation, the device's own code, leaving the block. */
export const WORK_ACCESS: u32 = 10;
/** A GIC register that changes what is pending or enabled: all interrupts are looked at. */
export const WORK_INTERRUPTS: u32 = 4;
/** A deadline may have moved (exit): in virtual time the slice is planned again. */
export const WORK_REPLAN: u32 = 12;
/** A timer register through CP15. */
export const WORK_TIMER: u32 = 8;
/** No device answers: an external abort. */
export const WORK_ABORT: u32 = 10;
/** The guest waits for an interrupt. */
export const WORK_WAIT: u32 = 24;
/** A hypercall of the channels, and what goes to the host beyond that. */
export const WORK_CALL: u32 = 5;
export const WORK_ASK: u32 = 20;
/** A visit of a virtqueue. */
export const WORK_VISIT: u32 = 8;
/** A chain that is found, taken and given back. */
export const WORK_CHAIN: u32 = 8;
/** A virtio device that is reset. */
export const WORK_RESET: u32 = 8;
/** A request of a disk that is checked and put into the table, or comes back. */
export const WORK_REQUEST: u32 = 12;

// What caches cost (workOfCaches).
/** The guest makes a device ask the host for the time. */
export const WORK_NOW: u32 = 10;
/** A table walk, or what stands for one while the MMU is off. */
export const WORK_WALK: u32 = 3;
/** An exception is entered, or left. */
export const WORK_EXCEPTION: u32 = 5;
/** A system instruction that the interpreter executes. */
export const WORK_SYSTEM: u32 = 5;
/** A block is decoded, and for each of its instructions WORK_DECODE_EACH. */
export const WORK_DECODE: u32 = 16;
export const WORK_DECODE_EACH: u32 = 4;
/** A page's blocks are dropped, and for each block one unit. */
export const WORK_DROP: u32 = 8;
/** All functions are looked through for those of one page. */
export const WORK_DROP_FUNCTIONS: u32 = 4096;

/** Units owed of late do not grow beyond this: 10 seconds. */
const OWED_MAX: u32 = 1_000_000_000;

/** The guest owes `units` more. */
// @ts-ignore: decorator
@inline
export function work(units: u32): void {
  store<u32>(WORK_OWED, min<u32>(load<u32>(WORK_OWED) + min<u32>(units, OWED_MAX), OWED_MAX));
}

/** As work(), for what depends on the state of caches: in real time alone. */
export function workOfCaches(units: u32): void {
  if (load<u32>(CONFIG_MODE) == MODE_REALTIME) work(units);
}

/** `bytes` were copied. */
// @ts-ignore: decorator
@inline
export function workBytes(bytes: u32): void {
  work(bytes >>> 6);
}

/** The pages of `bytes` that the host wrote were marked. */
export function workPages(bytes: u32): void {
  work(bytes >>> 14);
}

/** `bytes` of a cache were cleared. */
export function workClear(bytes: u32): void {
  workOfCaches(bytes >>> 8);
}

/** Whether the step in hand must end. */
export function workFull(): bool {
  return load<u32>(WORK_OWED) >= WORK_STEP;
}

/** Something is owed, or left to do: the CPU stands. One load. */
// @ts-ignore: decorator
@inline
export function workPending(): bool {
  return load<u64>(WORK_OWED) != 0;
}

// @ts-ignore: decorator
@inline
export function workOwed(): u32 {
  return load<u32>(WORK_OWED);
}

/** Slots whose virtqueues are to be visited: bit n. */
// @ts-ignore: decorator
@inline
export function workVisits(): u32 {
  return load<u32>(WORK_VISITS);
}

/** Pays from `fuel` what is owed, as far as it goes; returns what is left of it. */
export function workPay(fuel: u32): u32 {
  const paid = min<u32>(fuel, load<u32>(WORK_OWED));
  workPaid(paid);
  return fuel - paid;
}

/** `units` of what is owed were taken from fuel elsewhere. */
export function workPaid(units: u32): void {
  store<u32>(WORK_OWED, load<u32>(WORK_OWED) - units);
  store<u64>(CLOCK_WORK, load<u64>(CLOCK_WORK) + <u64>units);
}

/** Nobody pays what is owed: the access was a debugger's. */
export function workForgive(): void {
  workRestore(0);
}

/** As much is owed as before something that nobody pays for. */
export function workRestore(owed: u32): void {
  store<u32>(WORK_OWED, owed);
}

export function workReset(): void {
  store<u64>(WORK_OWED, 0);
}
