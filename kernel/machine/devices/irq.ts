// Interrupt state: input lines, the pending, enabled and active sets, and which interrupt the CPU is to see.
// Arm IHI 0048B "Generic Interrupt Controller, architecture version 2.0", chapter 3. Registers are in gic.
//
// Devices call irqSet() and know nothing of the GIC's registers; gic changes the sets and calls irqUpdate(). An interrupt is
// pending while its level-sensitive line is high or its latch is set. A rising edge of an edge-triggered line sets the latch,
// and so does software; acknowledging clears it. Everything belongs to group 0, as there is no FIQ to tell groups apart.

import { GIC_STATE, IRQ_LINE } from "../../abi/layout";

/** 16 SGIs, 16 PPIs, 64 SPIs. */
export const INTERRUPT_COUNT: u32 = 96;
export const INTERRUPT_WORDS: u32 = 3;
/** IHI 0048B 3.2.5: nothing to acknowledge. */
export const SPURIOUS: u32 = 1023;
const IDLE_PRIORITY: u32 = 0x100;

// Bit sets, one bit an interrupt. Each is an array of INTERRUPT_WORDS words at this offset in the state.
export const SET_LEVEL: u32 = GIC_STATE + 0x00;
export const SET_LATCH: u32 = GIC_STATE + 0x10;
export const SET_ENABLED: u32 = GIC_STATE + 0x20;
export const SET_ACTIVE: u32 = GIC_STATE + 0x30;
export const SET_EDGE: u32 = GIC_STATE + 0x40;

/** GICC_APR0..3: bit n is set while an interrupt of group priority n is being handled. The lowest set bit is the running
 *  priority, so these words are the whole stack of preempted interrupts. */
export const ACTIVE_PRIORITIES: u32 = GIC_STATE + 0x70;
export const ACTIVE_PRIORITY_WORDS: u32 = 4;
/** One byte an interrupt, all eight bits of priority. */
export const PRIORITIES: u32 = GIC_STATE + 0x100;

/** State:
 *
 *   +0x000  five bit sets of 3 words, 16 bytes apart
 *   +0x050  distributorControl  u32  GICD_CTLR
 *   +0x054  cpuControl          u32  GICC_CTLR
 *   +0x058  priorityMask        u32  GICC_PMR
 *   +0x05c  binaryPoint         u32  GICC_BPR
 *   +0x060  aliasedBinaryPoint  u32  GICC_ABPR
 *   +0x070  GICC_APR0..3
 *   +0x100  priorities          u8 × 96
 */
@unmanaged
export class InterruptState {
  distributorControl: u32;
  cpuControl: u32;
  priorityMask: u32;
  binaryPoint: u32;
  aliasedBinaryPoint: u32;
}

// @ts-ignore: decorator
@inline
export function irqState(): InterruptState {
  return changetype<InterruptState>(GIC_STATE + 0x50);
}

/** Reset state: all disabled, level-sensitive, no line high. */
export function irqReset(): void {
  memory.fill(GIC_STATE, 0, 0x100 + INTERRUPT_COUNT);
  // IHI 0048B 4.3.5: SGIs may be permanently enabled; 4.3.13: they are edge-triggered.
  store<u32>(SET_ENABLED, 0xffff);
  store<u32>(SET_EDGE, 0xffff);
  irqUpdate();
}

// @ts-ignore: decorator
@inline
export function irqIn(set: u32, intid: u32): bool {
  return ((load<u32>(set + ((intid >>> 5) << 2)) >>> (intid & 31)) & 1) != 0;
}

export function irqPut(set: u32, intid: u32, member: bool): void {
  const word = set + ((intid >>> 5) << 2);
  const bit: u32 = 1 << (intid & 31);
  store<u32>(word, member ? load<u32>(word) | bit : load<u32>(word) & ~bit);
}

/** A device drives its interrupt line. Only changes matter. */
export function irqSet(intid: u32, level: bool): void {
  if (intid >= INTERRUPT_COUNT || irqIn(SET_LEVEL, intid) == level) return;
  irqPut(SET_LEVEL, intid, level);
  if (level && irqIn(SET_EDGE, intid)) irqPut(SET_LATCH, intid, true);
  irqUpdate();
}

/** The pending interrupts among the 32 of `word`. */
export function irqPendingWord(word: u32): u32 {
  const at = word << 2;
  return load<u32>(SET_LATCH + at) | (load<u32>(SET_LEVEL + at) & ~load<u32>(SET_EDGE + at));
}

/** How many interrupts are pending: what irqUpdate() looks at one by one. */
export function irqPendingCount(): u32 {
  return popcnt(irqPendingWord(0)) + popcnt(irqPendingWord(1)) + popcnt(irqPendingWord(2));
}

/** IHI 0048B 3.3: the enabled, pending, not active interrupt of the highest priority (lowest value, then lowest INTID),
 *  whatever the priority mask says, or SPURIOUS. */
export function irqHighestPending(): u32 {
  const state = irqState();
  if (!(state.distributorControl & state.cpuControl & 1)) return SPURIOUS;
  let best = SPURIOUS;
  let bestPriority = IDLE_PRIORITY;
  for (let word: u32 = 0; word < INTERRUPT_WORDS; word++) {
    const at = word << 2;
    let bits = irqPendingWord(word) & load<u32>(SET_ENABLED + at) & ~load<u32>(SET_ACTIVE + at);
    while (bits) {
      const intid = (word << 5) + ctz(bits);
      bits &= bits - 1;
      const priority = <u32>load<u8>(PRIORITIES + intid);
      if (priority < bestPriority) {
        best = intid;
        bestPriority = priority;
      }
    }
  }
  return best;
}

/** The part of a priority that decides about preemption (IHI 0048B 3.3.3). */
export function irqGroupPriority(intid: u32): u32 {
  return (<u32>load<u8>(PRIORITIES + intid)) & (0xfe << irqState().binaryPoint);
}

/** The group priority of the interrupt being handled, 0x100 when idle. */
export function irqRunningPriority(): u32 {
  for (let word: u32 = 0; word < ACTIVE_PRIORITY_WORDS; word++) {
    const bits = load<u32>(ACTIVE_PRIORITIES + (word << 2));
    if (bits) return ((word << 5) + ctz(bits)) << 1;
  }
  return IDLE_PRIORITY;
}

/** The interrupt that is signalled to the CPU now: it passes the mask and preempts what runs. SPURIOUS if none. */
export function irqSignalled(): u32 {
  const intid = irqHighestPending();
  if (intid == SPURIOUS) return SPURIOUS;
  if (<u32>load<u8>(PRIORITIES + intid) >= irqState().priorityMask) return SPURIOUS;
  return irqGroupPriority(intid) < irqRunningPriority() ? intid : SPURIOUS;
}

/** Brings IRQ_LINE up to date. Called after every change of the state. */
export function irqUpdate(): void {
  store<u32>(IRQ_LINE, irqSignalled() != SPURIOUS ? 1 : 0);
}
