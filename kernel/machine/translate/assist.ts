// What translated code calls when its fast path does not apply. Semantics are the interpreter's own functions; here are only the
// ways to them.
//
// A *site* tells everything of an instruction that may leave a function:
//
//   bits 0–12   offset of the instruction in its page (0x1000: the page's end)
//   bit 13      the instruction has 4 bytes, not 2
//   bits 14–20  instructions of its block that were charged and not executed, when it is the last that is executed
//   bits 21–28  ITSTATE of the instruction
//   bit 29      the instruction is a branch, and done: its target is known
//   bit 30      always set
//
// An assist that answers an event (EVENT_*) other than EVENT_NONE wants the function left: the function stores its registers and
// ends with `assistLeave`.

import { CPU_STATE } from "../../abi/layout";
import { accessRead, accessReadUnprivileged, accessWrite, accessWriteUnprivileged } from "../arm/access";
import { accountNoteLeft } from "../arm/account";
import {
  blockTransferLoad,
  blockTransferStore,
  dualLoad,
  dualStore,
  vfpBlockLoad,
  vfpBlockStore,
} from "../arm/block-transfer";
import { itAdvance } from "../arm/decode";
import { exclusiveLoad, exclusiveStore } from "../arm/exclusive";
import { shiftCarry } from "../arm/interpret";
import { mediaLong } from "../arm/media";
import { privileged } from "../arm/psr";
import {
  EVENT_LEAVE,
  EVENT_NONE,
  EVENT_STAND,
  EVENT_UNDEFINED,
  FLAG_C,
  event,
  interwork,
  setEvent,
  setItState,
  setPc,
} from "../arm/state";
import { systemRead } from "../arm/system";
import { vfpRegisterTransfer } from "../arm/vfp";

/** Kinds of the question that C and V are kept as (flags). */
export const CARRY_KNOWN: u32 = 0; // a is C, b is V
export const CARRY_SUBTRACT: u32 = 1;
export const CARRY_ADD: u32 = 2;

export const SITE_WIDE: u32 = 1 << 13;
export const SITE_REFUND_SHIFT: u32 = 14;
export const SITE_IT_SHIFT: u32 = 21;
export const SITE_BRANCH: u32 = 1 << 29;
export const SITE: u32 = 1 << 30;

// @ts-ignore: decorator
@inline
function refundOf(site: u32): u32 {
  return (site >>> SITE_REFUND_SHIFT) & 0x7f;
}

/** The clock may be asked for: at this site, with `fuel` left after its block was charged. */
// @ts-ignore: decorator
@inline
function note(site: u32, fuel: u32): void {
  accountNoteLeft(fuel + refundOf(site));
}

/** A function ends at a site. Sets pc and ITSTATE, gives back what was not executed, and returns the fuel that is left.
 *  EVENT_LEAVE: the instruction is done. EVENT_NONE, which becomes EVENT_STAND: it is not begun, and the interpreter goes on with it. */
export function assistLeave(fuel: u32, page: u32, site: u32, target: u32): u32 {
  const it = (site >>> SITE_IT_SHIFT) & 0xff;
  const at = page + (site & 0x1fff);
  fuel += refundOf(site);
  if (event() == EVENT_LEAVE) {
    if (site & SITE_BRANCH) {
      setItState(0);
      interwork(target);
    } else {
      setPc(at + (site & SITE_WIDE ? 4 : 2));
      setItState(itAdvance(it));
    }
    return fuel;
  }
  setPc(at);
  setItState(it);
  if (event() == EVENT_NONE) setEvent(EVENT_STAND);
  return fuel;
}

/** A function ends with a branch to `target`, bit 0 telling the instruction set. Returns the fuel, for a function's tail call. */
export function assistJump(fuel: u32, target: u32): u32 {
  interwork(target);
  return fuel;
}

/** C | V << 1. */
export function assistCarry(kind: u32, a: u32, b: u32): u32 {
  if (kind == CARRY_KNOWN) return a | (b << 1);
  if (kind == CARRY_SUBTRACT) return (<u32>(a >= b)) | ((((a ^ b) & (a ^ (a - b))) >>> 31) << 1);
  const sum = a + b;
  return (<u32>(sum < a)) | ((((a ^ sum) & (b ^ sum)) >>> 31) << 1);
}

/** A load that missed the TLB; zero-extended. The event is in the CPU's state. */
export function assistRead(address: u32, size: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  return accessRead(address, size);
}

/** A store that missed the TLB. Returns the event, as all that follow. */
export function assistWrite(address: u32, value: u32, size: u32, site: u32, fuel: u32, _: u32): u32 {
  note(site, fuel);
  accessWrite(address, value, size);
  return event();
}

export function assistReadUnprivileged(address: u32, size: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  return accessReadUnprivileged(address, size);
}

export function assistWriteUnprivileged(address: u32, value: u32, size: u32, site: u32, fuel: u32, _: u32): u32 {
  note(site, fuel);
  accessWriteUnprivileged(address, value, size);
  return event();
}

/** LDM: base and list go through the CPU's state. */
export function assistBlockLoad(n: u32, list: u32, mode: u32, site: u32, fuel: u32, _: u32): u32 {
  note(site, fuel);
  blockTransferLoad(n, list, mode);
  return event();
}

export function assistBlockStore(n: u32, list: u32, mode: u32, site: u32, fuel: u32, _: u32): u32 {
  note(site, fuel);
  blockTransferStore(n, list, mode);
  return event();
}

/** LDRD to operands d and s, low and high byte of `registers`. */
export function assistDualLoad(address: u32, registers: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  dualLoad(address, registers & 0xff, registers >>> 8);
  return event();
}

export function assistDualStore(address: u32, first: u32, second: u32, site: u32, fuel: u32, _: u32): u32 {
  note(site, fuel);
  dualStore(address, first, second);
  return event();
}

/** `what`: size, then operands d and d2, a byte each. */
export function assistExclusiveLoad(address: u32, what: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  exclusiveLoad(address, what & 0xff, (what >>> 8) & 0xff, what >>> 16);
  return event();
}

/** `what`: size, then the status operand. */
export function assistExclusiveStore(address: u32, what: u32, first: u32, second: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  exclusiveStore(address, what & 0xff, first, second, what >>> 8);
  return event();
}

/** `what`: offset of the first register in VFP_STATE, then (16 bits up) the count of words. */
export function assistVfpLoad(address: u32, what: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  vfpBlockLoad(address, what & 0xffff, what >>> 16);
  return event();
}

export function assistVfpStore(address: u32, what: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  vfpBlockStore(address, what & 0xffff, what >>> 16);
  return event();
}

/** A transfer between core and VFP registers; the core's go through the CPU's state. EVENT_UNDEFINED, or EVENT_NONE. */
export function assistVfpMove(word: u32): u32 {
  return undefinedUnless(vfpRegisterTransfer(word, privileged()));
}

/** MRS, MRC, MRRC to operands d and m, low and high byte of `registers`. */
export function assistSystemRead(word: u32, registers: u32, site: u32, fuel: u32): u32 {
  note(site, fuel);
  return undefinedUnless(systemRead(word, registers & 0xff, registers >>> 8));
}

// @ts-ignore: decorator
@inline
function undefinedUnless(understood: bool): u32 {
  const what = understood ? EVENT_NONE : EVENT_UNDEFINED;
  setEvent(what);
  return what;
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
