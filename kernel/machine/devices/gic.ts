// GICv2 registers: distributor and CPU interface, one processor, no Security Extensions.
// Arm IHI 0048B "Generic Interrupt Controller, architecture version 2.0", chapter 4. The state is in irq.
//
// Every interrupt is in group 0 and targets the one processor, so GICD_IGROUPR and GICD_ITARGETSR (4.3.12) are RAZ/WI and the group 1
// aliases find nothing.

import {
  ACTIVE_PRIORITIES,
  ACTIVE_PRIORITY_WORDS,
  INTERRUPT_COUNT,
  INTERRUPT_WORDS,
  PRIORITIES,
  SET_ACTIVE,
  SET_EDGE,
  SET_ENABLED,
  SET_LATCH,
  SPURIOUS,
  irqGroupPriority,
  irqHighestPending,
  irqIn,
  irqPendingCount,
  irqPendingWord,
  irqPut,
  irqReset,
  irqRunningPriority,
  irqSignalled,
  irqState,
  irqUpdate,
} from "./irq";
import { WORK_INTERRUPTS, work } from "./work";

// Distributor registers (IHI 0048B table 4-1)
const GICD_CTLR: u32 = 0x000;
const GICD_TYPER: u32 = 0x004;
const GICD_IIDR: u32 = 0x008;
const GICD_ISENABLER: u32 = 0x100;
const GICD_ICENABLER: u32 = 0x180;
const GICD_ISPENDR: u32 = 0x200;
const GICD_ICPENDR: u32 = 0x280;
const GICD_ISACTIVER: u32 = 0x300;
const GICD_ICACTIVER: u32 = 0x380;
const GICD_IPRIORITYR: u32 = 0x400;
const GICD_ICFGR: u32 = 0xc00;
const GICD_SGIR: u32 = 0xf00;
const GICD_CPENDSGIR: u32 = 0xf10;
const GICD_SPENDSGIR: u32 = 0xf20;
const GICD_ID_FIRST: u32 = 0xfd0;

// CPU interface registers (IHI 0048B table 4-2)
const GICC_CTLR: u32 = 0x000;
const GICC_PMR: u32 = 0x004;
const GICC_BPR: u32 = 0x008;
const GICC_IAR: u32 = 0x00c;
const GICC_EOIR: u32 = 0x010;
const GICC_RPR: u32 = 0x014;
const GICC_HPPIR: u32 = 0x018;
const GICC_ABPR: u32 = 0x01c;
const GICC_AIAR: u32 = 0x020;
const GICC_AHPPIR: u32 = 0x028;
const GICC_APR: u32 = 0x0d0;
const GICC_IIDR: u32 = 0x0fc;
const GICC_DIR: u32 = 0x1000;

const CTLR_ENABLE: u32 = 1;
/** EnableGrp1, the two bypass bits and EOImode as a processor without Security Extensions sees them (table 4-31). */
const CTLR_EOI_MODE: u32 = 1 << 9;
const CTLR_BITS: u32 = CTLR_ENABLE | (3 << 5) | CTLR_EOI_MODE;

const IMPLEMENTER_ARM: u32 = 0x43b;
const ARCHITECTURE_2: u32 = 2 << 16;
const SGI_BITS: u32 = 0xffff;

export function gicReset(): void {
  irqReset();
}

/** Distributor read. Priority registers may be read by bytes, others too: their lanes are cut from the word. */
export function gicDistributorRead(offset: u32, size: u32): u32 {
  const word = gicDistributorWord(offset & ~3) >>> ((offset & 3) << 3);
  return size == 4 ? word : word & ((1 << (size << 3)) - 1);
}

/** Distributor write. Narrow writes touch their own lanes only; GICD_SGIR is a word. */
export function gicDistributorWrite(offset: u32, value: u32, size: u32): void {
  work(WORK_INTERRUPTS + (irqPendingCount() >>> 1));
  const shift = (offset & 3) << 3;
  const lanes: u32 = size == 4 ? ~0 : ((1 << (size << 3)) - 1) << shift;
  gicDistributorPut(offset & ~3, (value << shift) & lanes, lanes);
  irqUpdate();
}

function gicDistributorWord(offset: u32): u32 {
  switch (offset >>> 7) {
    case 0: // identification and GICD_IGROUPR
      if (offset == GICD_CTLR) return irqState().distributorControl;
      if (offset == GICD_TYPER) return INTERRUPT_WORDS - 1; // ITLinesNumber; one CPU
      return offset == GICD_IIDR ? IMPLEMENTER_ARM : 0;
    case GICD_ISENABLER >>> 7:
    case GICD_ICENABLER >>> 7:
      return gicSetWord(SET_ENABLED, offset);
    case GICD_ISPENDR >>> 7:
    case GICD_ICPENDR >>> 7:
      return (offset & 0x7f) >>> 2 < INTERRUPT_WORDS ? irqPendingWord((offset & 0x7f) >>> 2) : 0;
    case GICD_ISACTIVER >>> 7:
    case GICD_ICACTIVER >>> 7:
      return gicSetWord(SET_ACTIVE, offset);
    default:
      break;
  }
  if (offset - GICD_IPRIORITYR < INTERRUPT_COUNT) return load<u32>(PRIORITIES + offset - GICD_IPRIORITYR);
  if (offset - GICD_ICFGR < INTERRUPT_COUNT / 4) return gicConfiguration((offset - GICD_ICFGR) << 2);
  if (offset - GICD_CPENDSGIR < 16) return gicSgiPending(offset - GICD_CPENDSGIR);
  if (offset - GICD_SPENDSGIR < 16) return gicSgiPending(offset - GICD_SPENDSGIR);
  if (offset - GICD_ID_FIRST < 0x30) return gicId((offset - GICD_ID_FIRST) >>> 2);
  return 0;
}

/** Only the bits of `value` inside `lanes` are written. */
function gicDistributorPut(offset: u32, value: u32, lanes: u32): void {
  const index = (offset & 0x7f) >>> 2;
  switch (offset >>> 7) {
    case 0:
      if (offset == GICD_CTLR && lanes & 1) irqState().distributorControl = value & CTLR_ENABLE;
      return;
    case GICD_ISENABLER >>> 7:
      return gicSetChange(SET_ENABLED, index, value, true);
    case GICD_ICENABLER >>> 7:
      return gicSetChange(SET_ENABLED, index, index == 0 ? value & ~SGI_BITS : value, false);
    case GICD_ISPENDR >>> 7: // SGIs are made pending by GICD_SGIR and GICD_SPENDSGIR alone (4.3.7)
      return gicSetChange(SET_LATCH, index, index == 0 ? value & ~SGI_BITS : value, true);
    case GICD_ICPENDR >>> 7:
      return gicSetChange(SET_LATCH, index, index == 0 ? value & ~SGI_BITS : value, false);
    case GICD_ISACTIVER >>> 7:
      return gicSetChange(SET_ACTIVE, index, value, true);
    case GICD_ICACTIVER >>> 7:
      return gicSetChange(SET_ACTIVE, index, value, false);
    default:
      break;
  }
  if (offset - GICD_IPRIORITYR < INTERRUPT_COUNT) {
    const at = PRIORITIES + offset - GICD_IPRIORITYR;
    store<u32>(at, (load<u32>(at) & ~lanes) | value);
  } else if (offset - GICD_ICFGR < INTERRUPT_COUNT / 4) {
    gicConfigure((offset - GICD_ICFGR) << 2, value, lanes);
  } else if (offset == GICD_SGIR) {
    if (lanes == <u32>~0) gicGenerate(value);
  } else if (offset - GICD_CPENDSGIR < 16) {
    gicSgiChange(offset - GICD_CPENDSGIR, value, false);
  } else if (offset - GICD_SPENDSGIR < 16) {
    gicSgiChange(offset - GICD_SPENDSGIR, value, true);
  }
}

/** CPU interface read: words. Reading GICC_IAR acknowledges. */
export function gicCpuRead(offset: u32, size: u32): u32 {
  const state = irqState();
  switch (offset) {
    case GICC_CTLR:
      return state.cpuControl;
    case GICC_PMR:
      return state.priorityMask;
    case GICC_BPR:
      return state.binaryPoint;
    case GICC_IAR:
      return size == 4 ? gicAcknowledge() : SPURIOUS;
    case GICC_RPR:
      return min<u32>(irqRunningPriority(), 0xff);
    case GICC_HPPIR:
      return irqHighestPending();
    case GICC_ABPR:
      return state.aliasedBinaryPoint;
    case GICC_AIAR:
    case GICC_AHPPIR:
      return SPURIOUS;
    case GICC_IIDR:
      return ARCHITECTURE_2 | IMPLEMENTER_ARM;
    default:
      break;
  }
  const word = (offset - GICC_APR) >>> 2;
  return word < ACTIVE_PRIORITY_WORDS && !(offset & 3) ? load<u32>(ACTIVE_PRIORITIES + (word << 2)) : 0;
}

/** CPU interface write: narrow ones count as words with zeroes above. */
export function gicCpuWrite(offset: u32, value: u32): void {
  work(WORK_INTERRUPTS + (irqPendingCount() >>> 1));
  const state = irqState();
  switch (offset) {
    case GICC_CTLR:
      state.cpuControl = value & CTLR_BITS;
      break;
    case GICC_PMR:
      state.priorityMask = value & 0xff;
      break;
    case GICC_BPR:
      state.binaryPoint = value & 7;
      break;
    case GICC_EOIR:
      gicEnd(value);
      break;
    case GICC_ABPR:
      state.aliasedBinaryPoint = value & 7;
      break;
    case GICC_DIR:
      // 4.4.15: UNPREDICTABLE while EOImode is 0; here without effect.
      if (state.cpuControl & CTLR_EOI_MODE) gicDeactivate(value);
      break;
    default: {
      const word = (offset - GICC_APR) >>> 2;
      if (word < ACTIVE_PRIORITY_WORDS && !(offset & 3)) store<u32>(ACTIVE_PRIORITIES + (word << 2), value);
    }
  }
  irqUpdate();
}

/** 4.4.4 GICC_IAR: the signalled interrupt becomes active and its group priority the running one. */
function gicAcknowledge(): u32 {
  work(WORK_INTERRUPTS + (irqPendingCount() >>> 1));
  const intid = irqSignalled();
  if (intid == SPURIOUS) return SPURIOUS;
  irqPut(SET_LATCH, intid, false);
  irqPut(SET_ACTIVE, intid, true);
  const level = irqGroupPriority(intid) >>> 1;
  const word = ACTIVE_PRIORITIES + ((level >>> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (level & 31)));
  irqUpdate();
  return intid; // the source of an SGI, bits 12:10, is processor 0
}

/** 4.4.5 GICC_EOIR: priority drop, and deactivation unless EOImode splits the two. An INTID that does not exist is ignored. */
function gicEnd(value: u32): void {
  if ((value & 0x3ff) >= INTERRUPT_COUNT) return;
  for (let word: u32 = 0; word < ACTIVE_PRIORITY_WORDS; word++) {
    const at = ACTIVE_PRIORITIES + (word << 2);
    const bits = load<u32>(at);
    if (!bits) continue;
    store<u32>(at, bits & (bits - 1));
    if (!(irqState().cpuControl & CTLR_EOI_MODE)) gicDeactivate(value);
    return;
  }
}

function gicDeactivate(value: u32): void {
  const intid = value & 0x3ff;
  if (intid < INTERRUPT_COUNT) irqPut(SET_ACTIVE, intid, false);
}

/** 4.3.15 GICD_SGIR: this processor is in the target list, or is named by filter 2 ("only the requester"). */
function gicGenerate(value: u32): void {
  const filter = (value >>> 24) & 3;
  if (filter == 2 || (filter == 0 && (value >>> 16) & 1)) irqPut(SET_LATCH, value & 15, true);
}

function gicSetWord(set: u32, offset: u32): u32 {
  const index = (offset & 0x7f) >>> 2;
  return index < INTERRUPT_WORDS ? load<u32>(set + (index << 2)) : 0;
}

function gicSetChange(set: u32, index: u32, bits: u32, member: bool): void {
  if (index >= INTERRUPT_WORDS) return;
  const at = set + (index << 2);
  store<u32>(at, member ? load<u32>(at) | bits : load<u32>(at) & ~bits);
}

/** GICD_ICFGR: two bits an interrupt, the upper one says edge-triggered. */
function gicConfiguration(first: u32): u32 {
  let value: u32 = 0;
  for (let n: u32 = 0; n < 16; n++) if (irqIn(SET_EDGE, first + n)) value |= 2 << (n << 1);
  return value;
}

function gicConfigure(first: u32, value: u32, lanes: u32): void {
  if (first < 16) return; // SGIs are edge-triggered for good
  for (let n: u32 = 0; n < 16; n++) {
    const bit: u32 = 2 << (n << 1);
    if (lanes & bit) irqPut(SET_EDGE, first + n, (value & bit) != 0);
  }
}

/** GICD_CPENDSGIR, GICD_SPENDSGIR: one byte an SGI, one bit a source processor. */
function gicSgiPending(first: u32): u32 {
  let value: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) if (irqIn(SET_LATCH, first + n)) value |= 1 << (n << 3);
  return value;
}

function gicSgiChange(first: u32, value: u32, pending: bool): void {
  for (let n: u32 = 0; n < 4; n++) if ((value >>> (n << 3)) & 1) irqPut(SET_LATCH, first + n, pending);
}

/** Identification bytes: an Arm GIC, ICPIDR2.ArchRev 2 (4.3.18), component class 0xf0. */
function gicId(index: u32): u32 {
  switch (index) {
    case 0:
      return 0x04; // PIDR4
    case 4:
      return 0x90; // PIDR0
    case 5:
      return 0xb4;
    case 6:
      return 0x2b; // ICPIDR2
    case 8:
      return 0x0d; // CIDR0
    case 9:
      return 0xf0;
    case 10:
      return 0x05;
    case 11:
      return 0xb1;
    default:
      return 0;
  }
}
