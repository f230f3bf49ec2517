// Taking exceptions and returning from them. ARM DDI 0406C B1.8, B1.9.
//
// All functions start from pc (the address of the instruction concerned, or of the next one where noted), thumb and it.

import {
  STATS_DATA_ABORTS,
  STATS_INTERRUPTS,
  STATS_PREFETCH_ABORTS,
  STATS_SUPERVISOR_CALLS,
  STATS_UNDEFINED,
} from "../../abi/layout";
import { SCTLR, SCTLR_TE, SCTLR_V, VBAR } from "./cp15-state";
import { WORK_EXCEPTION, workOfCaches } from "../devices/work";
import { prefetchFault } from "./memory/mmu";
import {
  MODE_ABORT,
  MODE_IRQ,
  MODE_SUPERVISOR,
  MODE_UNDEFINED,
  PSR_A,
  PSR_I,
  psrRead,
  psrSetMode,
  psrWrite,
  spsrExists,
  spsrRead,
  spsrWrite,
} from "./psr";
import { CONTROL, MONITOR, THUMB, itState, pc, setItState, setPc, setRegister, thumb } from "./state";
import { itAdvance } from "./decode/decode";

// Vector offsets (table B1-3)
const VECTOR_UNDEFINED: u32 = 0x04;
const VECTOR_SUPERVISOR_CALL: u32 = 0x08;
const VECTOR_PREFETCH_ABORT: u32 = 0x0c;
const VECTOR_DATA_ABORT: u32 = 0x10;
const VECTOR_IRQ: u32 = 0x18;

/** Enters `mode` at `vector`, with `link` in its LR and the present CPSR in its SPSR. */
function enter(mode: u32, vector: u32, link: u32, mask: u32): void {
  workOfCaches(WORK_EXCEPTION);
  const saved = psrRead(itState());
  psrSetMode(mode);
  spsrWrite(saved);
  setRegister(14, link);
  store<u32>(CONTROL, load<u32>(CONTROL) | mask);
  const sctlr = load<u32>(SCTLR);
  store<u32>(THUMB, sctlr & SCTLR_TE ? 1 : 0);
  setItState(0);
  setPc((sctlr & SCTLR_V ? 0xffff_0000 : load<u32>(VBAR)) + vector);
}

// @ts-ignore: decorator
@inline
function count(counter: u32): void {
  store<u64>(counter, load<u64>(counter) + 1);
}

/** Undefined Instruction at pc (B1.9.3). */
export function exceptionUndefined(): void {
  count(STATS_UNDEFINED);
  enter(MODE_UNDEFINED, VECTOR_UNDEFINED, pc() + (thumb() ? 2 : 4), PSR_I);
}

/** SVC at pc (B1.9.4). */
export function exceptionSupervisorCall(): void {
  count(STATS_SUPERVISOR_CALLS);
  setItState(itAdvance(itState()));
  enter(MODE_SUPERVISOR, VECTOR_SUPERVISOR_CALL, pc() + (thumb() ? 2 : 4), PSR_I);
}

/** Prefetch Abort of the instruction at pc; `address` goes to IFAR (B1.9.7). */
export function exceptionPrefetchAbort(status: u32, address: u32): void {
  count(STATS_PREFETCH_ABORTS);
  prefetchFault(address, status);
  enter(MODE_ABORT, VECTOR_PREFETCH_ABORT, pc() + 4, PSR_I | PSR_A);
}

/** Data Abort of the instruction at pc; the fault is in DFSR and DFAR already (B1.9.8). */
export function exceptionDataAbort(): void {
  count(STATS_DATA_ABORTS);
  enter(MODE_ABORT, VECTOR_DATA_ABORT, pc() + 8, PSR_I | PSR_A);
}

/** IRQ; pc is the instruction that would come next (B1.9.10). */
export function exceptionInterrupt(): void {
  count(STATS_INTERRUPTS);
  enter(MODE_IRQ, VECTOR_IRQ, pc() + 4, PSR_I | PSR_A);
}

/** Exception return to `target` with CPSR from SPSR (B1.3.3). False where there is no SPSR: UNPREDICTABLE, Undefined here. */
export function exceptionReturn(target: u32): bool {
  if (!spsrExists()) return false;
  exceptionReturnWith(target, spsrRead());
  return true;
}

/** RFE: the CPSR comes from memory. Clears the exclusive monitor (A3.4.4). */
export function exceptionReturnWith(target: u32, psr: u32): void {
  workOfCaches(WORK_EXCEPTION);
  psrWrite(psr);
  store<u32>(MONITOR, 0);
  setPc(target & (thumb() ? 0xffff_fffe : 0xffff_fffc));
}
