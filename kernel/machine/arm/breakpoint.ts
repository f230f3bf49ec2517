// Breakpoints of a debugger: virtual addresses in a table beside the guest's memory, which they never change.
//
// Blocks are kept by where code lies, breakpoints are virtual, and a page may have many mappings. So while there are any, a block
// ends before every place whose offset in its page is that of a breakpoint, and the block that begins at such a place is neither
// kept nor linked: whoever comes there comes through fetchBlock(), which knows the virtual address and asks here.

import { BREAKPOINTS, BREAKPOINT_COUNT, BREAKPOINT_MAX, EXIT_REQUEST } from "../../abi/layout";
import { RUN_BREAK } from "../../abi/reasons";
import { blockCacheFlush } from "./block-cache";

let count: u32 = 0;
/** A breakpoint there lets the next instruction pass; bit 0 set: none does. */
let passing: u32 = 1;

/** The host has changed the table. */
export function breakpointsChanged(): void {
  count = min<u32>(load<u32>(BREAKPOINT_COUNT), BREAKPOINT_MAX);
  passing = 1;
  blockCacheFlush();
}

/** The next block that is fetched may begin at `address` though a breakpoint is there: single steps leave it so. */
export function breakpointPass(address: u32): void {
  passing = address;
}

/** Whether some mapping of the code at linear-memory offset `at` may have a breakpoint there. */
// @ts-ignore: decorator
@inline
export function breakpointNear(at: u32): bool {
  return count != 0 && search(at, 0xfff);
}

/** Whether the guest must stop before the instruction at virtual `address`; then an exit with RUN_BREAK is requested. */
// @ts-ignore: decorator
@inline
export function breakpointStops(address: u32): bool {
  return count != 0 && stops(address);
}

function stops(address: u32): bool {
  const pass = passing == address;
  passing = 1;
  if (pass || !search(address, 0xffff_ffff)) return false;
  store<u32>(EXIT_REQUEST, RUN_BREAK);
  return true;
}

function search(address: u32, mask: u32): bool {
  for (let n: u32 = 0; n < count; n++) {
    if (((load<u32>(BREAKPOINTS + (n << 2)) ^ address) & mask) == 0) return true;
  }
  return false;
}
