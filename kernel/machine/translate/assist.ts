// What translated code calls when its fast path does not apply. Semantics are the interpreter's own functions; here are only the
// ways to them.
//
// A *site* tells everything of an instruction before which a function may be left:
//
//   bits 0–12   offset of the instruction in its page (0x1000: the page's end)
//   bits 13–18  instructions of its block that were charged and not executed, the instruction being one of them
//   bits 19–26  ITSTATE of the instruction
//   bits 27–29  its page, among the region's
//   bit 30      Thumb state
//
// An access that missed the TLB and is not simply one to RAM is not for us: a fault, a device, a store into decoded code. The function is
// left before the instruction, and the interpreter does all of it. So whatever translated code executes, it completes.

import { CPU_STATE } from "../../abi/layout";
import { PAGE_DIRTY, pageRecord, ramOffset } from "../pages";
import { WORK_TIMER, workFull, workPaid } from "../devices/work";
import { accountNoteLeft } from "../arm/account";
import { cp15Write } from "../arm/cp15";
import { SCTLR, SCTLR_A } from "../arm/cp15-state";
import { shiftCarry } from "../arm/interpret";
import { mediaLong } from "../arm/media";
import { ACCESS_READ, ACCESS_WRITE, fault, linear, translate } from "../arm/memory/mmu";
import { privileged } from "../arm/psr";
import { EVENT_STAND, FLAG_C, THUMB, interwork, setEvent, setItState, setPc } from "../arm/state";
import { coprocessorKey, isTimerRead, systemRead } from "../arm/system";
import { TLB_CODE_ADDEND, tlbCodeEntry } from "../arm/memory/tlb";
import { vfpRegisterTransfer } from "../arm/float/vfp";

export const SITE_REFUND_SHIFT: u32 = 13;
export const SITE_IT_SHIFT: u32 = 19;
export const SITE_PAGE_SHIFT: u32 = 27;
export const SITE_THUMB_SHIFT: u32 = 30;

/** Where the pages of the function that is executing lie, FUNCTION_PAGE_COUNT × u64: the virtual address, all ones until it was looked up
 *  in this visit. Mappings do not change during one. Of the page that is executing it is always known. */
export const VERIFIED: usize = memory.data(64);
const VERIFIED_BYTES: u32 = 64;

/** The site that a function is being left at. */
export const LEFT_SITE: usize = memory.data(4);
/** A copy of what a load finds on two pages. */
const gathered: usize = memory.data(128);

/** What assistPlace() is asked: the length, and these. */
export const PLACE_WRITE: u32 = 0x100;
export const PLACE_UNPRIVILEGED: u32 = 0x200;
/** Must be word-aligned whatever SCTLR.A says: transfers of several registers (ARM DDI 0406C A3.2.1). */
export const PLACE_WORDS: u32 = 0x400;
/** Must be aligned to its length whatever SCTLR.A says: exclusive accesses. */
export const PLACE_ALIGNED: u32 = 0x800;
/** Stands for several accesses: a copy of two pages will not do. */
export const PLACE_GROUP: u32 = 0x1000;
/** May begin anywhere whatever SCTLR.A says: who asks has looked. */
export const PLACE_ANYWHERE: u32 = 0x2000;

/** Where [address, address + length) of an access that missed the TLB lies in linear memory. 0: it is not for us, and the function is
 *  to be left at `site`. */
export function assistPlace(address: u32, what: u32, site: u32): u32 {
  const at = placeOf(address, what);
  if (at == 0) store<u32>(LEFT_SITE, site);
  return at;
}

function placeOf(address: u32, what: u32): u32 {
  // Page walks are to be paid for now and then.
  if (workFull()) return 0;
  const length = what & 0xff;
  const isWrite = (what & PLACE_WRITE) != 0;
  if (what & PLACE_WORDS) {
    if (address & 3) return 0;
  } else if (
    !(what & (PLACE_GROUP | PLACE_ANYWHERE)) &&
    address & (length - 1) &&
    (what & PLACE_ALIGNED || load<u32>(SCTLR) & SCTLR_A)
  )
    return 0;
  const offset = address & 0xfff;
  const unprivileged = (what & PLACE_UNPRIVILEGED) != 0;
  const isPrivileged = unprivileged ? false : privileged();
  const fill = !unprivileged || !privileged();
  translate(address, isWrite ? ACCESS_WRITE : ACCESS_READ, isPrivileged, fill);
  if (fault || !linear) return 0;
  const at = linear;
  if (isWrite) return offset + length <= 0x1000 && mayStore(at, length) ? at : 0;
  if (offset + length <= 0x1000) return at;
  if (what & PLACE_GROUP) return 0;
  const first = 0x1000 - offset;
  memory.copy(gathered, at, first);
  translate(address + first, ACCESS_READ, isPrivileged, fill);
  if (fault || !linear) return 0;
  memory.copy(gathered + first, linear, length - first);
  return <u32>gathered;
}

/** Whether a store there changes no decoded code; if so, its page is noted as changed. */
function mayStore(at: u32, length: u32): bool {
  if (at < ramOffset) return false; // ROM
  const record = pageRecord(at);
  const from = (at & 0xfff) >>> 6;
  const to = ((at & 0xfff) + length - 1) >>> 6;
  if ((load<u64>(record) >>> from) & (((<u64>2) << (to - from)) - 1)) return false;
  store<u32>(record, load<u32>(record, 12) | PAGE_DIRTY, 12);
  return true;
}

/** A function ends before the instruction at LEFT_SITE: pc, instruction set and ITSTATE are set, what was not executed is given back, and the
 *  interpreter is to go on. Returns the fuel that is left. */
export function assistLeave(fuel: u32): u32 {
  const site = load<u32>(LEFT_SITE);
  setPc(load<u32>(VERIFIED + (((site >>> SITE_PAGE_SHIFT) & 7) << 3)) + (site & 0x1fff));
  store<u32>(THUMB, (site >>> SITE_THUMB_SHIFT) & 1);
  setItState((site >>> SITE_IT_SHIFT) & 0xff);
  setEvent(EVENT_STAND);
  return fuel + ((site >>> SITE_REFUND_SHIFT) & 0x3f);
}

/** A function ends with a branch to `target`, bit 0 telling the instruction set. Returns the fuel, for a function's tail call. */
export function assistJump(fuel: u32, target: u32): u32 {
  interwork(target);
  return fuel;
}

/** assistCoprocessorWrite() did it, and the page that executes lies where it lay. */
export const COPROCESSOR_DONE: u32 = 0;
/** It is Undefined, and not done. */
const COPROCESSOR_UNDEFINED: u32 = 1;
/** It is done, and where the page lies must be looked up: the function ends behind the instruction. */
export const COPROCESSOR_MOVED: u32 = 2;

/** MCR of a register that may decide on mappings: COPROCESSOR_*. Of what is known of the function's pages only the one that executes,
 *  number `which` at linear-memory offset `page`, is still so, and only when the TLB says it. */
export function assistCoprocessorWrite(word: u32, value: u32, which: u32, page: u32): u32 {
  if (!cp15Write(coprocessorKey(word), value)) return COPROCESSOR_UNDEFINED;
  const own = VERIFIED + (which << 3);
  const address = load<u32>(own);
  memory.fill(VERIFIED, 0xff, VERIFIED_BYTES);
  store<u64>(own, <u64>address);
  const code = tlbCodeEntry(address);
  const stays = load<u32>(code) == address && address + load<u32>(code, TLB_CODE_ADDEND) == page;
  return stays ? COPROCESSOR_DONE : COPROCESSOR_MOVED;
}

/** A transfer between core and VFP registers; the core's go through the CPU's state. True: it is Undefined, and not done. */
export function assistVfpMove(word: u32): u32 {
  return vfpRegisterTransfer(word, privileged()) ? 0 : 1;
}

/** MRS, MRC, MRRC to operands d and m, low and high byte of `registers`; the clock may be asked for, with `fuel` left behind the
 *  instruction. True: it is Undefined, and not done. */
export function assistSystemRead(word: u32, registers: u32, fuel: u32): u32 {
  accountNoteLeft(fuel);
  if (!systemRead(word, registers & 0xff, registers >>> 8)) return 1;
  // The function takes it from its fuel.
  if (isTimerRead(word)) workPaid(WORK_TIMER);
  return 0;
}

/** Shift by register with carry out (arm/state SHIFTER_CARRY); C goes in through the CPU's state. */
export function assistShiftCarry(type: u32, value: u32, amount: u32, carry: u32): u32 {
  store<u32>(FLAG_C, carry);
  return shiftCarry(type, value, amount);
}

/** To operands d and s, low and high byte of `registers`, which hold the accumulator. */
export function assistMediaLong(operation: u32, registers: u32, n: u32, m: u32): u32 {
  const d = registers & 0xff;
  const s = registers >>> 8;
  const accumulator = (<u64>load<u32>(d, CPU_STATE)) | ((<u64>load<u32>(s, CPU_STATE)) << 32);
  const sum = mediaLong(operation, accumulator, n, m);
  store<u32>(d, <u32>sum, CPU_STATE);
  store<u32>(s, <u32>(sum >> 32), CPU_STATE);
  return 0;
}
