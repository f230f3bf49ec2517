// Watchpoints. A store goes straight to memory, and the machine has no place to ask there. So while there are any, the guest is
// executed one instruction at a time, and before each its memory access is worked out (agent/debug/access.ts). The guest stops before the
// access, as ARM's own debug hardware does (C3.1.1): GDB steps over it and looks at the value itself.

import { CPU_CONTROL, CPU_PC, CPU_STATE, CPU_THUMB } from "../../../kernel/abi/layout.ts";
import { accessOf, thumbBytes, type Access, type AccessView } from "../../debug/access.ts";
import type { Watchpoint } from "../../debug/target.ts";
import type { Machine } from "../machine/machine.ts";

const PAGE_MASK = 0xfff;
const MODE_MASK = 0x1f;
/** sp of other modes: kernel/machine/arm/psr. usr (and system), fiq, irq, svc, abt, und, a word for lr between. */
const BANKED_STACKS = CPU_STATE + 128 + 20;
const BANKS: Record<number, number> = { 0x10: 0, 0x1f: 0, 0x11: 1, 0x12: 2, 0x13: 3, 0x17: 4, 0x1b: 5 };

export class DebugWatch {
  private points: readonly Watchpoint[] = [];
  /** A hit at this pc lets the instruction pass once. */
  private passing = -1;

  set(points: readonly Watchpoint[]): void {
    this.points = points;
  }

  get any(): boolean {
    return this.points.length > 0;
  }

  /** The next instruction may access what it likes if it is at `pc`. */
  pass(pc: number): void {
    this.passing = pc;
  }

  /** The watchpoint that the next instruction of the machine will access, with the first watched address that it does. */
  hit(machine: Machine): Watchpoint | null {
    const pc = machine.word(CPU_PC);
    const passes = pc === this.passing;
    this.passing = -1;
    if (passes || !this.any) return null;
    const access = nextAccess(machine, pc);
    if (access === null) return null;
    const end = access.address + access.bytes;
    for (const point of this.points) {
      if (end <= point.address || access.address >= point.address + point.bytes) continue;
      if (!(access.write && point.kind !== "read") && !(access.read && point.kind !== "write")) continue;
      const address = Math.max(access.address, point.address);
      // Where nothing is mapped it aborts, and comes again once its page is there.
      if (machine.debug.debugAddress(address) === 0) return null;
      return { ...point, address };
    }
    return null;
  }
}

function nextAccess(machine: Machine, pc: number): Access | null {
  const at = machine.debug.debugAddress(pc) >>> 0;
  if (at === 0) return null;
  const view: AccessView = {
    register: (number) => machine.word(CPU_STATE + 4 * number),
    pc,
    cpsr: machine.debug.debugStatus() >>> 0,
    stackOf: (mode) => debugStackOf(machine, mode),
  };
  if (machine.word(CPU_THUMB) === 0) return accessOf(machine.word(at), view);
  const first = machine.view.getUint16(at, true);
  if (thumbBytes(first) === 2) return accessOf(first, view);
  // Its second half may lie in another page.
  const next = (pc & PAGE_MASK) === PAGE_MASK - 1 ? machine.debug.debugAddress(pc + 2) >>> 0 : at + 2;
  return next === 0 ? null : accessOf(((first << 16) | machine.view.getUint16(next, true)) >>> 0, view);
}

/** sp of a mode, the present one or another. */
export function debugStackOf(machine: Machine, mode: number): number {
  const [bank, present] = [BANKS[mode] ?? 0, BANKS[machine.word(CPU_CONTROL) & MODE_MASK] ?? 0];
  return bank === present ? machine.word(CPU_STATE + 4 * 13) : machine.word(BANKED_STACKS + 8 * bank);
}
