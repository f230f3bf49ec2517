// Bytes and lanes that change places: VEXT, VTBL, VTBX, VSWP, VTRN, VUZP, VZIP, VREV, VDUP. ARM DDI 0406C A7.4, A8.8.316, A8.8.419 onwards.
//
// Registers lie in memory as they are numbered, little-endian, so a lane is a few bytes there. Where source and destination may overlap,
// the sources are copied first.

import { VFP_STATE } from "../../../abi/layout";
import { doubleRead, doubleWrite } from "../float/vfp-state";
import { replicate } from "./lanes";
import { isOddPair, numberD, numberM, numberN } from "./operands";

/** Copies of two quadwords. */
const copied: usize = memory.data(32);

function copyRegisters(to: usize, number: u32, bytes: u32): void {
  memory.copy(to, VFP_STATE + (number << 3), bytes);
}

/** VEXT: bytes from the pair Vm:Vn. */
export function extract(word: u32): bool {
  const quad = (word & (1 << 6)) != 0;
  const from = (word >>> 8) & 15;
  if (quad ? isOddPair(word, true, true) : from > 7) return false;
  const bytes: u32 = quad ? 16 : 8;
  copyRegisters(copied, numberN(word), bytes);
  copyRegisters(copied + bytes, numberM(word), bytes);
  memory.copy(VFP_STATE + (numberD(word) << 3), copied + from, bytes);
  return true;
}

/** VTBL, VTBX: up to four doublewords are a table; beyond it, zero or what was there. A table past D31 is UNPREDICTABLE, and Undefined
 *  here. */
export function tableLookup(word: u32): bool {
  const count = ((word >>> 8) & 3) + 1;
  const n = numberN(word);
  if (n + count > 32) return false;
  const indices = doubleRead(numberM(word));
  let result = word & (1 << 6) ? doubleRead(numberD(word)) : 0;
  for (let at: u32 = 0; at < 64; at += 8) {
    const index = (<u32>(indices >>> at)) & 0xff;
    if (index >= count << 3) continue;
    result = (result & ~((<u64>0xff) << at)) | ((<u64>load<u8>(VFP_STATE + (n << 3) + index)) << at);
  }
  doubleWrite(numberD(word), result);
  return true;
}

/** VDUP of a scalar: the lowest bit of bits 19:16 that is set tells the lane's width. */
export function duplicateScalar(word: u32): bool {
  const which = (word >>> 16) & 15;
  const quad = (word >>> 6) & 1;
  if ((which & 7) == 0 || (quad && isOddPair(word, false, false))) return false;
  const size = ctz<u32>(which);
  const bits: u32 = 8 << size;
  const value = replicate(doubleRead(numberM(word)) >>> ((which >>> (size + 1)) * bits), bits);
  for (let half: u32 = 0; half <= quad; half++) doubleWrite(numberD(word) + half, value);
  return true;
}

/** VREV64, VREV32, VREV16: lanes of `bits` bits change their order within groups of `group` bits. */
export function reverse(source: u64, bits: u32, group: u32): u64 {
  // Halves change places, from the group's down to the lane's.
  for (let width = group >>> 1; width >= bits; width >>= 1) {
    const low = width == 32 ? 0xffff_ffff : width == 16 ? 0x0000_ffff_0000_ffff : <u64>0x00ff_00ff_00ff_00ff;
    source = ((source & low) << width) | ((source >>> width) & low);
  }
  return source;
}

/** The lane of `size` (log2 of its bytes) at `from` goes to `to`. */
function moveLane(to: usize, from: usize, size: u32): void {
  if (size == 0) store<u8>(to, load<u8>(from));
  else if (size == 1) store<u16>(to, load<u16>(from));
  else store<u32>(to, load<u32>(from));
}

// What exchange() does
export const TRANSPOSE: u32 = 1;
export const UNZIP: u32 = 2;

/** VTRN, VUZP and VZIP: lanes of Vd and Vm, which both change. With Vd = Vm the result is UNKNOWN. */
export function exchange(kind: u32, d: u32, m: u32, size: u32, quad: bool): void {
  const bytes: u32 = quad ? 16 : 8;
  copyRegisters(copied, d, bytes);
  copyRegisters(copied + bytes, m, bytes);
  const count = bytes >>> size;
  for (let i: u32 = 0; i < count << 1; i++) {
    // Where lane i of the two registers, one behind the other, comes from.
    let from: u32;
    if (kind == TRANSPOSE) {
      const odd = i & 1;
      const second: u32 = i >= count ? 1 : 0;
      from = odd * count + (i & (count - 1) & ~1) + second;
    } else if (kind == UNZIP) {
      from = i < count ? i << 1 : ((i - count) << 1) | 1;
    } else {
      from = (i >>> 1) + (i & 1) * count;
    }
    const number = i < count ? d : m;
    const within = i & (count - 1);
    moveLane(VFP_STATE + (number << 3) + (within << size), copied + (from << size), size);
  }
}
