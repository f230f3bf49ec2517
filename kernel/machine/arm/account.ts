// Exact counts while a block is half done.
//
// Fuel is charged for whole blocks. A slow path notes the block, the record and the fuel before it may reach a device, so that
// a device which asks for the time in deterministic mode gets it to the instruction.

import { CLOCK_WORK } from "../../abi/layout";
import { CLOCK_INSTRUCTIONS, clockUnits } from "../devices/clock";
import { BLOCK_COUNT, BLOCK_COUNT_MASK, BLOCK_HEADER_BYTES } from "./block-cache";
import { RECORD_BYTES } from "./decode/micro-operation";
import { ACCOUNT } from "./state";

/** At ACCOUNT: +0 block, +4 record, +8 fuel left after charging the block, +16 units (instructions and work) at which the fuel ends (u64). */
// @ts-ignore: decorator
@inline
export function accountNote(block: u32, ip: u32, fuel: u32): void {
  store<u32>(ACCOUNT, block);
  store<u32>(ACCOUNT, ip, 4);
  store<u32>(ACCOUNT, fuel, 8);
}

/** The same for who knows what is given back, translated code and exceptions: `left` is the fuel after the instruction at hand. */
// @ts-ignore: decorator
@inline
export function accountNoteLeft(left: u32): void {
  store<u32>(ACCOUNT, 0);
  store<u32>(ACCOUNT, left, 8);
}

/** A slice of `fuel` units begins. */
export function accountBegin(fuel: u32): void {
  store<u64>(ACCOUNT, clockUnits() + <u64>fuel, 16);
  accountNoteLeft(fuel);
}

/** The slice ended with `fuel` left. Of the units that are gone, what was paid for work is counted already. */
export function accountEnd(fuel: u32): void {
  store<u64>(CLOCK_INSTRUCTIONS, load<u64>(ACCOUNT, 16) - <u64>fuel - load<u64>(CLOCK_WORK));
}

/** Brings the clock's instruction count up to the instruction noted last, itself included. */
export function accountSync(): void {
  const block = load<u32>(ACCOUNT);
  const left = load<u32>(ACCOUNT, 8) + (block ? accountRefund(block, load<u32>(ACCOUNT, 4)) : 0);
  accountEnd(left);
}

/** Instructions of `block` after the one that `ip` belongs to: what to give back when the block is left there. Instructions are told
 *  apart by their offsets. */
export function accountRefund(block: u32, ip: u32): u32 {
  let done: u32 = 0;
  let offset: u32 = 0x100;
  for (let record = block + BLOCK_HEADER_BYTES; record <= ip; record += RECORD_BYTES) {
    const own = <u32>load<u8>(record, 7);
    if (own != offset) {
      done++;
      offset = own;
    }
  }
  return (load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK) - done;
}
