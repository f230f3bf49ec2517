// Performance Monitors, PMUv2 as a Cortex-A7 has them: four event counters and a cycle counter. The CPU reaches them through CP15 c9.
// ARM DDI 0406C chapter C12, and B4.1.113 – B4.1.130; Cortex-A7 MPCore TRM (DDI 0464F) chapter 11.
//
// Nothing counts here either: a counter is what it held when it was last looked at, and what its event has come by since. Events are what the
// machine counts exactly anyway: instructions, exceptions. A cycle is an instruction. Whoever changes what is counted, or who is running when
// somebody asks for one privilege alone, looks first (pmuSync).

import {
  PMU_FILTERED,
  PMU_STATE,
  STATS_DATA_ABORTS,
  STATS_INTERRUPTS,
  STATS_PREFETCH_ABORTS,
  STATS_SUPERVISOR_CALLS,
  STATS_UNDEFINED,
} from "../../abi/layout";
import { PMU_IRQ } from "../memory-map";
import { CLOCK_INSTRUCTIONS } from "./clock";
import { irqSet } from "./irq";

// Registers, for pmuRead and pmuWrite: CRm << 4 | opc2 of CP15 c9.
const PMCR: u32 = 0xc0;
const PMCNTENSET: u32 = 0xc1;
const PMCNTENCLR: u32 = 0xc2;
const PMOVSR: u32 = 0xc3;
const PMSWINC: u32 = 0xc4;
const PMSELR: u32 = 0xc5;
const PMCEID0: u32 = 0xc6;
const PMCEID1: u32 = 0xc7;
const PMCCNTR: u32 = 0xd0;
const PMXEVTYPER: u32 = 0xd1;
const PMXEVCNTR: u32 = 0xd2;
const PMUSERENR: u32 = 0xe0;
const PMINTENSET: u32 = 0xe1;
const PMINTENCLR: u32 = 0xe2;
const PMOVSSET: u32 = 0xe3;
/** CRm and opc2 of ARMv8's PMCCFILTR, which lies in c14: the cycle counter's PMXEVTYPER. */
const PMCCFILTR: u32 = 0xf7;

const COUNTER_COUNT: u32 = 4;
/** The cycle counter's place among the counters here; its bit in the registers, and its number in PMSELR, is 31. */
const CYCLES: u32 = COUNTER_COUNT;
const CYCLES_BIT: u32 = 0x8000_0000;
const CYCLES_NUMBER: u32 = 31;
const COUNTER_BITS: u32 = CYCLES_BIT | ((1 << COUNTER_COUNT) - 1);

// PMCR: IMP, IDCODE and N; enable, reset of the event counters and of the cycle counter, every 64th cycle; and what is kept.
const PMCR_IDENTITY: u32 = 0x4107_0000 | (COUNTER_COUNT << 11);
const PMCR_E: u32 = 1 << 0;
const PMCR_P: u32 = 1 << 1;
const PMCR_C: u32 = 1 << 2;
const PMCR_D: u32 = 1 << 3;
const PMCR_KEPT: u32 = 0x39;

// PMXEVTYPER: not at PL1, not at PL0, and the event.
const NOT_PRIVILEGED: u32 = 0x8000_0000;
const NOT_USER: u32 = 0x4000_0000;
const TYPE_BITS: u32 = NOT_PRIVILEGED | NOT_USER | 0xff;

// Events (C12.8.2)
const SW_INCR: u32 = 0x00;
const INST_RETIRED: u32 = 0x08;
const EXC_TAKEN: u32 = 0x09;
const CPU_CYCLES: u32 = 0x11;
const EVENTS: u32 = (1 << SW_INCR) | (1 << INST_RETIRED) | (1 << EXC_TAKEN) | (1 << CPU_CYCLES);

/** State. Behind it, at PMU_FILTERED, whether some counter leaves a privilege out.
 *
 *   +0  instructions  u64  when the counters were last looked at
 *   +8  exceptions    u64  the same
 *   +16 control       u32  PMCR without its identity
 *   +20 enabled       u32  PMCNTENSET
 *   +24 overflowed    u32  PMOVSR
 *   +28 interrupts    u32  PMINTENSET
 *   +32 selected      u32  PMSELR
 *   +36 userEnable    u32  PMUSERENR
 *   +40 isUser        u32  who has run since
 *   +44 remainder     u32  cycles below the next 64th
 *   +48 types         u32 × 5
 *   +68 values        u32 × 5
 */
@unmanaged
class Monitors {
  instructions: u64;
  exceptions: u64;
  control: u32;
  enabled: u32;
  overflowed: u32;
  interrupts: u32;
  selected: u32;
  userEnable: u32;
  isUser: u32;
  remainder: u32;
}
const pmu = changetype<Monitors>(PMU_STATE);
const TYPES: u32 = PMU_STATE + 48;
const VALUES: u32 = PMU_STATE + 68;

export function pmuReset(): void {
  memory.fill(PMU_STATE, 0, 0x80);
  irqSet(PMU_IRQ, false);
}

// @ts-ignore: decorator
@inline
function bitOf(counter: u32): u32 {
  return counter == CYCLES ? CYCLES_BIT : 1 << counter;
}

function exceptionCount(): u64 {
  return (
    load<u64>(STATS_DATA_ABORTS) +
    load<u64>(STATS_PREFETCH_ABORTS) +
    load<u64>(STATS_INTERRUPTS) +
    load<u64>(STATS_UNDEFINED) +
    load<u64>(STATS_SUPERVISOR_CALLS)
  );
}

/** Brings the counters up to the clock's instruction count. */
export function pmuSync(): void {
  const instructions = load<u64>(CLOCK_INSTRUCTIONS) - pmu.instructions;
  const exceptions = exceptionCount() - pmu.exceptions;
  pmu.instructions += instructions;
  pmu.exceptions += exceptions;
  if (!(pmu.control & PMCR_E) || !pmu.enabled) return;
  const left = pmu.isUser ? NOT_USER : NOT_PRIVILEGED;
  for (let counter: u32 = 0; counter <= CYCLES; counter++) {
    const type = load<u32>(TYPES + (counter << 2));
    if (!(pmu.enabled & bitOf(counter)) || type & left) continue;
    if (counter == CYCLES) addCycles(instructions);
    else add(counter, eventsOf(type & 0xff, instructions, exceptions));
  }
  updateLine();
}

function eventsOf(event: u32, instructions: u64, exceptions: u64): u64 {
  if (event == INST_RETIRED || event == CPU_CYCLES) return instructions;
  return event == EXC_TAKEN ? exceptions : 0;
}

function addCycles(cycles: u64): void {
  if (pmu.control & PMCR_D) {
    cycles += <u64>pmu.remainder;
    pmu.remainder = <u32>(cycles & 63);
    cycles >>>= 6;
  }
  add(CYCLES, cycles);
}

function add(counter: u32, events: u64): void {
  const sum = <u64>load<u32>(VALUES + (counter << 2)) + events;
  store<u32>(VALUES + (counter << 2), <u32>sum);
  if (sum >>> 32) pmu.overflowed |= bitOf(counter);
}

function updateLine(): void {
  irqSet(PMU_IRQ, (pmu.control & PMCR_E) != 0 && (pmu.overflowed & pmu.interrupts) != 0);
}

/** The CPU is about to change between user mode and the others, when PMU_FILTERED says that it matters. The clock is up to date. */
export function pmuPrivilege(toUser: bool): void {
  pmuSync();
  pmu.isUser = toUser ? 1 : 0;
}

/** A look between slices. Counters are brought up to date only where one may have overflowed that is to interrupt, and that is at an
 *  instruction of the guest's choice: so the state does not depend on how slices are cut. */
export function pmuTick(): void {
  if (pmuDistance() == 0) pmuSync();
}

/** Units of fuel that the CPU may use before a counter can overflow that is to interrupt; u64.MAX_VALUE: none is. */
export function pmuDistance(): u64 {
  const watched = pmu.enabled & pmu.interrupts & ~pmu.overflowed;
  if (!(pmu.control & PMCR_E) || !watched) return u64.MAX_VALUE;
  let least = u64.MAX_VALUE;
  for (let counter: u32 = 0; counter <= CYCLES; counter++) {
    if (!(watched & bitOf(counter))) continue;
    let distance = 0x1_0000_0000 - <u64>load<u32>(VALUES + (counter << 2));
    if (counter == CYCLES && pmu.control & PMCR_D) distance = (distance << 6) - <u64>pmu.remainder;
    least = min<u64>(least, distance);
  }
  const since = load<u64>(CLOCK_INSTRUCTIONS) - pmu.instructions;
  return least > since ? least - since : 0;
}

/** Whether user mode may access them: PMUSERENR.EN. */
export function pmuUserMay(): bool {
  return pmu.userEnable != 0;
}

/** Whether `register` is user mode's when PMUSERENR.EN is set. */
export function pmuIsUsers(register: u32): bool {
  return register <= PMXEVCNTR || register == PMCCFILTR;
}

/** The value that pmuRead() has read. */
export let pmuValue: u32 = 0;

/** Reads a register; the clock is up to date. False: there is none, or it cannot be read. */
export function pmuRead(register: u32): bool {
  pmuSync();
  switch (register) {
    case PMCR:
      pmuValue = PMCR_IDENTITY | pmu.control;
      return true;
    case PMCNTENSET:
    case PMCNTENCLR:
      pmuValue = pmu.enabled;
      return true;
    case PMOVSR:
    case PMOVSSET:
      pmuValue = pmu.overflowed;
      return true;
    case PMSELR:
      pmuValue = pmu.selected;
      return true;
    case PMCEID0:
      pmuValue = EVENTS;
      return true;
    case PMCEID1:
      pmuValue = 0;
      return true;
    case PMCCNTR:
      pmuValue = load<u32>(VALUES + (CYCLES << 2));
      return true;
    case PMXEVTYPER:
      pmuValue = selectedCounter() <= CYCLES ? load<u32>(TYPES + (selectedCounter() << 2)) : 0;
      return true;
    case PMXEVCNTR:
      pmuValue = selectedCounter() < CYCLES ? load<u32>(VALUES + (selectedCounter() << 2)) : 0;
      return true;
    case PMCCFILTR:
      pmuValue = load<u32>(TYPES + (CYCLES << 2));
      return true;
    case PMUSERENR:
      pmuValue = pmu.userEnable;
      return true;
    case PMINTENSET:
    case PMINTENCLR:
      pmuValue = pmu.interrupts;
      return true;
    default:
      return false;
  }
}

/** The counter that PMSELR selects; beyond CYCLES: none, and its registers are RAZ/WI. */
function selectedCounter(): u32 {
  if (pmu.selected == CYCLES_NUMBER) return CYCLES;
  return pmu.selected < COUNTER_COUNT ? pmu.selected : CYCLES + 1;
}

/** Writes a register; the clock is up to date. False: there is none, or it cannot be written. */
export function pmuWrite(register: u32, value: u32): bool {
  pmuSync();
  switch (register) {
    case PMCR:
      control(value);
      break;
    case PMCNTENSET:
      pmu.enabled |= value & COUNTER_BITS;
      break;
    case PMCNTENCLR:
      pmu.enabled &= ~value;
      break;
    case PMOVSR:
      pmu.overflowed &= ~value;
      break;
    case PMOVSSET:
      pmu.overflowed |= value & COUNTER_BITS;
      break;
    case PMSWINC:
      softwareIncrement(value);
      break;
    case PMSELR:
      pmu.selected = value & 31;
      break;
    case PMCCNTR:
      store<u32>(VALUES + (CYCLES << 2), value);
      break;
    case PMXEVTYPER:
      setType(selectedCounter(), value);
      break;
    case PMCCFILTR:
      setType(CYCLES, value);
      break;
    case PMXEVCNTR:
      if (selectedCounter() < CYCLES) store<u32>(VALUES + (selectedCounter() << 2), value);
      break;
    case PMUSERENR:
      pmu.userEnable = value & 1;
      break;
    case PMINTENSET:
      pmu.interrupts |= value & COUNTER_BITS;
      break;
    case PMINTENCLR:
      pmu.interrupts &= ~value;
      break;
    default:
      return false;
  }
  updateLine();
  return true;
}

/** PMCR: P resets the event counters, C the cycle counter with what it has below a 64th. Overflow flags stay. */
function control(value: u32): void {
  if (value & PMCR_P) memory.fill(VALUES, 0, COUNTER_COUNT << 2);
  if (value & PMCR_C) {
    store<u32>(VALUES + (CYCLES << 2), 0);
    pmu.remainder = 0;
  }
  pmu.control = value & PMCR_KEPT;
}

/** PMXEVTYPER; for the cycle counter only whom it leaves out. */
function setType(counter: u32, value: u32): void {
  if (counter > CYCLES) return;
  store<u32>(TYPES + (counter << 2), value & (counter == CYCLES ? NOT_PRIVILEGED | NOT_USER : TYPE_BITS));
  let filters: u32 = 0;
  for (let each: u32 = 0; each <= CYCLES; each++) filters |= load<u32>(TYPES + (each << 2));
  // User mode writes too, when it may.
  store<u32>(PMU_FILTERED, filters & (NOT_PRIVILEGED | NOT_USER) ? 1 : 0);
}

/** PMSWINC: one event for each counter named that counts SW_INCR. */
function softwareIncrement(counters: u32): void {
  const left = pmu.isUser ? NOT_USER : NOT_PRIVILEGED;
  for (let counter: u32 = 0; counter < COUNTER_COUNT; counter++) {
    const type = load<u32>(TYPES + (counter << 2));
    const counts = (pmu.enabled & counters & (1 << counter)) != 0 && (pmu.control & PMCR_E) != 0;
    if (counts && (type & 0xff) == SW_INCR && !(type & left)) add(counter, 1);
  }
}
