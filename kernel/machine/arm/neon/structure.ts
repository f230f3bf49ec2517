// Element and structure loads and stores, taken apart: ARM DDI 0406C A7.7, tables A7-20 and A7-21.
//
// A structure has one to four elements. Element k of each goes to a register of its own, `structureIncrement` apart. Multiple structures
// fill registers lane by lane; a single one has one lane; "to all lanes" fills registers with one structure.

import { numberD } from "./operands";

/** Elements of a structure, and how many registers follow the first of each for more structures. */
export let structureElements: u32 = 0;
export let structureRegisters: u32 = 0;
export let structureIncrement: u32 = 0;
/** log2 of an element's bytes. */
export let structureSize: u32 = 0;
/** The address must be a multiple of it. */
export let structureAlignment: u32 = 0;
/** Lane of a single structure; STRUCTURE_MULTIPLE, STRUCTURE_ALL. */
export let structureLane: u32 = 0;
export const STRUCTURE_MULTIPLE: u32 = 8;
export const STRUCTURE_ALL: u32 = 9;

/** Multiple structures by type, bits 11:8, one hexadecimal digit each: elements, registers of each, increment, 0, and which values of the
 *  align field are defined (bit mask). */
const types: usize = memory.data<u32>([
  0x4110f, 0x4120f, 0x1400f, 0x2220f, 0x31103, 0x31203, 0x13003, 0x11003, 0x21107, 0x21207, 0x12007,
]);

/** Takes `word` (A32's 1111 0100) apart. False: it is Undefined, or it would go beyond D31, which is UNPREDICTABLE and Undefined here. */
export function structureDecode(word: u32): bool {
  const type = (word >>> 8) & 15;
  let defined: bool;
  if (!(word & (1 << 23))) defined = type < 11 && multiple(word, load<u32>(types + (type << 2)));
  else {
    structureElements = (type & 3) + 1;
    structureRegisters = 1;
    defined = type >= 12 ? allLanes(word) : single(word, type >>> 2);
  }
  const last = numberD(word) + (structureElements - 1) * structureIncrement + structureRegisters - 1;
  return defined && last < 32;
}

/** Bytes that the instruction last taken apart moves. */
export function structureBytes(): u32 {
  const lanes = structureLane == STRUCTURE_MULTIPLE ? (structureRegisters << 3) >>> structureSize : 1;
  return (structureElements * lanes) << structureSize;
}

function multiple(word: u32, type: u32): bool {
  const align = (word >>> 4) & 3;
  structureElements = (type >>> 16) & 7;
  structureRegisters = (type >>> 12) & 7;
  structureIncrement = (type >>> 8) & 7;
  structureSize = (word >>> 6) & 3;
  structureAlignment = align ? 4 << align : 1;
  structureLane = STRUCTURE_MULTIPLE;
  if (structureSize == 3 && structureElements != 1) return false;
  return ((type >>> align) & 1) != 0;
}

/** A structure of one lane: bits 7:4 are the lane's index, the increment, and the alignment, by size. */
function single(word: u32, size: u32): bool {
  const bits = (word >>> 4) & 15;
  const low = bits & ((1 << size) - 1);
  const elements = structureElements;
  structureSize = size;
  structureLane = bits >>> (size + 1);
  // Bit 0 of the field asks for alignment of bytes and halfwords, bits 1:0 of words; the bit below the index for every second register.
  const aligned = size == 0 ? bits & 1 : size == 1 ? bits & 1 : bits & 3;
  structureIncrement = size == 0 || elements == 1 ? 1 : 1 + ((bits >>> size) & 1);
  structureAlignment = aligned ? elements << size : 1;
  switch (elements) {
    case 1:
      // No spacing: the bit for it must be zero. A word is aligned or not, nothing between.
      if (size == 0) return (bits & 1) == 0;
      if (size == 1) return (bits & 2) == 0;
      return (bits & 4) == 0 && (low == 0 || low == 3);
    case 2:
      return size != 2 || (bits & 2) == 0;
    case 3:
      structureAlignment = 1;
      return aligned == 0;
    default:
      if (size == 2) {
        if (low == 3) return false;
        structureAlignment = low ? 4 << low : 1;
      }
      return true;
  }
}

/** One structure to all lanes: loads only. */
function allLanes(word: u32): bool {
  const aligned = (word & (1 << 4)) != 0;
  const two: u32 = (word >>> 5) & 1;
  const elements = structureElements;
  structureSize = (word >>> 6) & 3;
  structureLane = STRUCTURE_ALL;
  structureIncrement = 1 + two;
  structureAlignment = aligned ? elements << structureSize : 1;
  if (!(word & (1 << 21))) return false;
  switch (elements) {
    case 1:
      structureRegisters = 1 + two;
      structureIncrement = 0;
      return structureSize != 3 && !(structureSize == 0 && aligned);
    case 2:
      return structureSize != 3;
    case 3:
      return structureSize != 3 && !aligned;
    default:
      if (structureSize == 3) {
        structureSize = 2;
        structureAlignment = 16;
        return aligned;
      }
      if (structureSize == 2 && aligned) structureAlignment = 8;
      return true;
  }
}
