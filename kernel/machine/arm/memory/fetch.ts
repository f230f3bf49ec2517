// From pc to a block: instruction translation, then the cache, then the decoder.

import { accountNoteLeft } from "../account";
import { BLOCK_COUNT, BLOCK_COUNT_MASK, blockFind } from "../block-cache";
import { decodeBlock } from "../decode/decode";
import { exceptionPrefetchAbort } from "../exception";
import { ACCESS_EXECUTE, FAULT_EXTERNAL, fault, linear, translate } from "./mmu";
import { privileged } from "../psr";
import { itState, pc, thumb } from "../state";
import { TLB_CODE_ADDEND, tlbCodeEntry } from "./tlb";
import { breakpointNear, breakpointStops } from "../breakpoint";

/** The block at pc, with at most `limit` instructions. Returns 0 after taking a prefetch abort, and at a breakpoint, where an exit is
 *  requested and nothing else has happened. */
export function fetchBlock(limit: u32): u32 {
  const address = pc();
  if (breakpointStops(address)) return 0;
  const isThumb = thumb() != 0;
  let at = fetchAddress(address, limit);
  if (!at) return 0;
  if (breakpointNear(at)) return fetchLoose(address, at, limit);
  const it = itState();
  if ((it & 15) == 0) {
    const known = blockFind(at | (isThumb ? 1 : 0));
    if (known && (load<u32>(known, BLOCK_COUNT) & BLOCK_COUNT_MASK) <= limit) return known;
    if (!known && !(isThumb && crosses(at))) {
      const block = decodeBlock(at, isThumb, 0, 0xffff_ffff, true, 0);
      if ((load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK) <= limit) return block;
    }
  }
  return fetchLoose(address, at, limit);
}

/** A block that is not kept, decoded at linear-memory offset `at`. Returns 0 after taking a prefetch abort. */
function fetchLoose(address: u32, at: u32, limit: u32): u32 {
  const isThumb = thumb() != 0;
  let nextHalf: u32 = 0;
  if (isThumb && crosses(at)) {
    // The abort is the second half's, but the instruction to return to is the whole one.
    nextHalf = fetchAddress(address + 2, limit);
    if (!nextHalf) return 0;
  }
  return decodeBlock(at, isThumb, itState(), limit, false, nextHalf);
}

/** A 32-bit instruction begins in the last halfword of its page. */
function crosses(at: u32): bool {
  return (at & 0xfff) == 0xffe && load<u16>(at) >>> 11 > 0x1c;
}

/** Linear-memory offset of the code at `address`, or 0 after taking a prefetch abort, with `fuel` left before it. */
function fetchAddress(address: u32, fuel: u32): u32 {
  const entry = tlbCodeEntry(address);
  if (load<u32>(entry) == (address & 0xffff_f000)) return address + load<u32>(entry, TLB_CODE_ADDEND);
  translate(address, ACCESS_EXECUTE, privileged(), true);
  if (!fault && linear) return linear;
  accountNoteLeft(fuel);
  exceptionPrefetchAbort(fault ? fault : FAULT_EXTERNAL, address);
  return 0;
}
