// The CPU as the machine sees it: reset, and slices of execution cut at the points where time matters.

import {
  CLOCK_WORK,
  CONFIG_ENTRY,
  CONFIG_ENTRY_R0,
  CONFIG_ENTRY_R1,
  CONFIG_ENTRY_R2,
  CONFIG_MODE,
  CPU_STATE,
  EXIT_REQUEST,
  IRQ_LINE,
  MODE_DETERMINISTIC,
} from "../../abi/layout";
import { RUN_FUEL, RUN_REPLAN, RUN_WAIT } from "../../abi/reasons";
import { busDeadline, busTick } from "../devices/bus";
import { clockFollowsHost, clockUnitsUntil, clockSkipTo, clockTicks } from "../devices/clock";
import { pmuDistance } from "../devices/pmu";
import { WORK_WAIT, work, workPending } from "../devices/work";
import { accountBegin, accountEnd, accountNoteLeft } from "./account";
import { blockCacheFlush, blockCacheInit } from "./block-cache";
import { translationDropAll, translationInit } from "./translation";
import { cp15Reset } from "./cp15";
import { interpret, interpretWaiting } from "./interpret";
import { psrReset } from "./psr";
import { MONITOR, interwork, setRegister } from "./state";
import { tlbFlush, tlbInit } from "./memory/tlb";
import { vfpReset } from "./float/vfp";

/** Tells the CPU's caches where they lie. */
export function cpuInit(tlb: u32, hash: u32, blocks: u32, translation: u32): void {
  memory.fill(CPU_STATE, 0, 0x200);
  tlbInit(tlb);
  translationInit(translation);
  blockCacheInit(hash, blocks);
}

/** Power-on reset: supervisor mode at the configured entry, MMU off, interrupts masked. */
export function cpuReset(): void {
  memory.fill(CPU_STATE, 0, 64);
  store<u32>(MONITOR, 0);
  cp15Reset();
  psrReset();
  vfpReset();
  tlbFlush();
  // What lies in memory afterwards is the host's to say.
  translationDropAll();
  blockCacheFlush();
  setRegister(0, load<u32>(CONFIG_ENTRY_R0));
  setRegister(1, load<u32>(CONFIG_ENTRY_R1));
  setRegister(2, load<u32>(CONFIG_ENTRY_R2));
  interwork(load<u32>(CONFIG_ENTRY));
}

/** Something from outside reached the guest: another agent's store, as far as exclusives are concerned. */
export function cpuInput(): void {
  store<u32>(MONITOR, 0);
}

/** The sign bit of fuel tells translated code, and a block's mark the interpreter, that it does not suffice. */
const FUEL_MAX: u32 = 0x7fff_ffff;

/** Units of fuel that the last cpuRun() used: instructions and device work. */
export let cpuExecuted: u32 = 0;
/** The part of them that was device work. */
export let cpuWork: u32 = 0;

/** Executes until `fuel` is used up, an instruction or a unit of device work each; RUN_* reason.
 *
 *  In deterministic mode the slice is cut into pieces that end exactly where a timer comes due, so that an interrupt arrives at the
 *  same instruction however the host cuts its slices; and WFI moves the clock instead of waiting (in scheduled mode the hypervisor moves it). */
export function cpuRun(fuel: u32): u32 {
  cpuExecuted = 0;
  const workBefore = <u32>load<u64>(CLOCK_WORK);
  cpuWork = 0;
  do {
    busTick();
    let piece = min<u32>(fuel, FUEL_MAX);
    if (!clockFollowsHost()) {
      const ticks = busDeadline();
      if (ticks != u64.MAX_VALUE) {
        const distance = clockUnitsUntil(clockTicks() + ticks);
        if (distance != 0 && distance < <u64>piece) piece = <u32>distance;
      }
    }
    piece = <u32>min<u64>(<u64>piece, pmuDistance());
    accountBegin(piece);
    const left = interpret(piece);
    accountEnd(left);
    accountNoteLeft(left);
    fuel -= piece - left;
    cpuExecuted += piece - left;
    cpuWork = <u32>load<u64>(CLOCK_WORK) - workBefore;
    // Standing, the guest leaves no sooner than its instruction retires.
    if (workPending() && !interpretWaiting) continue;
    const exit = load<u32>(EXIT_REQUEST);
    if (exit) {
      store<u32>(EXIT_REQUEST, 0);
      if (exit != RUN_REPLAN) return exit;
      continue;
    }
    if (interpretWaiting) {
      work(WORK_WAIT);
      busTick();
      if (load<u32>(IRQ_LINE)) continue;
      if (load<u32>(CONFIG_MODE) != MODE_DETERMINISTIC) return RUN_WAIT;
      const ticks = busDeadline();
      if (ticks == u64.MAX_VALUE) return RUN_WAIT;
      clockSkipTo(clockTicks() + ticks);
    }
  } while (fuel != 0);
  return RUN_FUEL;
}
