// What memory the instruction at hand is about to access: for watchpoints. Encodings: ARM DDI 0406C, A5 (ARM) and A6 (Thumb), as far as
// kernel/machine/arm/decode/instructions.txt has them. Every instruction accesses one stretch of memory at most.

import { structureBytes } from "./structure-access.ts";

/** Registers as the instruction finds them. */
export interface AccessView {
  /** r0 – r14. */
  register(number: number): number;
  /** Address of the instruction. */
  pc: number;
  cpsr: number;
  /** sp of a mode (CPSR.M). */
  stackOf(mode: number): number;
}

export interface Access {
  address: number;
  bytes: number;
  read: boolean;
  write: boolean;
}

const THUMB = 1 << 5;
const ALWAYS = 14;

/** The access of an instruction: a halfword, or a word with the first halfword of two on top. Null: none. */
export function accessOf(instruction: number, view: AccessView): Access | null {
  if ((view.cpsr & THUMB) === 0) return armAccess(instruction, view);
  // ITSTATE (B1.3.3): outside a block its low half is 0.
  const it = ((view.cpsr >>> 8) & 0xfc) | ((view.cpsr >>> 25) & 3);
  if ((it & 15) !== 0 && !passes(it >>> 4, view.cpsr)) return null;
  return instruction >>> 16 === 0 ? thumbAccess(instruction, view) : thumbWideAccess(instruction, view);
}

/** Bytes of the Thumb instruction that begins with this halfword (A6.1). */
export function thumbBytes(halfword: number): number {
  return halfword >>> 11 >= 0b11101 ? 4 : 2;
}

/** A8.3. */
function passes(condition: number, cpsr: number): boolean {
  const [n, z, c, v] = [
    cpsr >>> 31 !== 0,
    (cpsr & 0x4000_0000) !== 0,
    (cpsr & 0x2000_0000) !== 0,
    (cpsr & 0x1000_0000) !== 0,
  ];
  const base = [z, c, n, v, c && !z, n === v, n === v && !z, true][condition >>> 1]!;
  return condition < ALWAYS && (condition & 1) === 1 ? !base : base;
}

const bit = (word: number, n: number): boolean => ((word >>> n) & 1) === 1;
const field = (word: number, low: number, width: number): number => (word >>> low) & ((1 << width) - 1);

function access(address: number, bytes: number, load: boolean): Access {
  return { address: address >>> 0, bytes, read: load, write: !load };
}

/** Bits set among the low 16. */
function countOf(list: number): number {
  let count = 0;
  for (let rest = list & 0xffff; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The base register; PC reads as what literals are relative to, which `ahead` says. */
function baseOf(number: number, view: AccessView, ahead: number): number {
  return number === 15 ? ((view.pc + ahead) & ~3) >>> 0 : view.register(number);
}

/** `base` with an offset where P says so (offset and pre-indexed), without (post-indexed). */
function indexed(base: number, offset: number, before: boolean, up: boolean): number {
  return before ? (up ? base + offset : base - offset) : base;
}

// ---- ARM -----------------------------------------------------------------------------------------------------------------------

const ARM_AHEAD = 8;

function armAccess(word: number, view: AccessView): Access | null {
  const condition = word >>> 28;
  if (condition === 15) {
    if (field(word, 24, 4) === 0b0100 && !bit(word, 20)) return structureTransfer(word, view);
    return field(word, 25, 3) === 0b100 ? stateTransfer(word, field(word, 16, 4), view) : null;
  }
  if (!passes(condition, view.cpsr)) return null;
  const [before, up, load] = [bit(word, 24), bit(word, 23), bit(word, 20)];
  const base = baseOf(field(word, 16, 4), view, ARM_AHEAD);
  switch (field(word, 25, 3)) {
    case 0b000:
      return armExtra(word, base, view);
    case 0b010:
      return access(indexed(base, field(word, 0, 12), before, up), bit(word, 22) ? 1 : 4, load);
    case 0b011:
      // With bit 4 it is a media instruction.
      if (bit(word, 4)) return null;
      return access(indexed(base, armShifted(word, view), before, up), bit(word, 22) ? 1 : 4, load);
    case 0b100:
      return multiple(base, countOf(word), before, up, load);
    case 0b110:
      return vfpTransfer(word, base);
    default:
      return null;
  }
}

/** A5.2.8 – A5.2.10: swaps, exclusives, halfwords, pairs. */
function armExtra(word: number, base: number, view: AccessView): Access | null {
  if (!bit(word, 7) || !bit(word, 4)) return null;
  const kind = field(word, 5, 2);
  const load = bit(word, 20);
  if (kind === 0) {
    if (!bit(word, 24)) return null; // multiplications
    if (!bit(word, 23)) return { ...access(base, bit(word, 22) ? 1 : 4, true), write: true };
    return access(base, [4, 8, 1, 2][field(word, 21, 2)]!, load);
  }
  const offset = bit(word, 22) ? (field(word, 8, 4) << 4) | field(word, 0, 4) : view.register(field(word, 0, 4));
  const at = indexed(base, offset, bit(word, 24), bit(word, 23));
  // Without L, the signed kinds are the pairs: LDRD and STRD.
  if (kind !== 1 && !load) return access(at, 8, kind === 2);
  return access(at, kind === 2 ? 1 : 2, load);
}

/** A register offset, shifted by an immediate (A8.4.3). */
function armShifted(word: number, view: AccessView): number {
  const value = view.register(field(word, 0, 4));
  const amount = field(word, 7, 5);
  switch (field(word, 5, 2)) {
    case 0:
      return value << amount;
    case 1:
      return amount === 0 ? 0 : value >>> amount;
    case 2:
      return value >> (amount === 0 ? 31 : amount);
    default:
      if (amount === 0) return (value >>> 1) | (bit(view.cpsr, 29) ? 0x8000_0000 : 0);
      return (value >>> amount) | (value << (32 - amount));
  }
}

/** LDM and STM, and their like (A8.8.58). */
function multiple(base: number, count: number, before: boolean, up: boolean, load: boolean): Access | null {
  if (count === 0) return null;
  const lowest = up ? base : base - 4 * count;
  // Increment after and decrement before begin there; the other two a word above.
  return access(lowest + (before === up ? 4 : 0), 4 * count, load);
}

/** RFE and SRS (B9.3.13, B9.3.16): two words. */
function stateTransfer(word: number, number: number, view: AccessView): Access | null {
  const load = bit(word, 20);
  const base = load ? view.register(number) : view.stackOf(field(word, 0, 5));
  return multiple(base, 2, bit(word, 24), bit(word, 23), load);
}

/** VLDR, VSTR, VLDM, VSTM (A7.6); the same in both instruction sets. */
function vfpTransfer(word: number, base: number): Access | null {
  if (field(word, 9, 3) !== 0b101) return null;
  const [before, up, back, load] = [bit(word, 24), bit(word, 23), bit(word, 21), bit(word, 20)];
  const double = bit(word, 8);
  const bytes = 4 * field(word, 0, 8);
  if (before && !back) return access(up ? base + bytes : base - bytes, double ? 8 : 4, load);
  // P, U and W clear: moves between registers.
  if (!before && !up) return null;
  // FLDMX's odd count transfers no word more (A8.8.50).
  const moved = double ? bytes & ~4 : bytes;
  return moved === 0 ? null : access(up ? base : base - bytes, moved, load);
}

/** VLDn, VSTn (A7.7); in Thumb all but the top byte is the same. */
function structureTransfer(word: number, view: AccessView): Access | null {
  const bytes = structureBytes(word);
  const number = field(word, 16, 4);
  return bytes === 0 || number === 15 ? null : access(view.register(number), bytes, bit(word, 21));
}

// ---- Thumb ----------------------------------------------------------------------------------------------------------------------

const THUMB_AHEAD = 4;
const SP = 13;

function thumbAccess(half: number, view: AccessView): Access | null {
  const base = view.register(field(half, 3, 3));
  const imm5 = field(half, 6, 5);
  const load = bit(half, 11);
  switch (half >>> 12) {
    case 0b0100:
      return half >>> 11 === 0b01001 ? access(baseOf(15, view, THUMB_AHEAD) + 4 * (half & 0xff), 4, true) : null;
    case 0b0101: {
      const kind = field(half, 9, 3);
      return access(base + view.register(field(half, 6, 3)), [4, 2, 1, 1, 4, 2, 1, 2][kind]!, kind >= 3);
    }
    case 0b0110:
      return access(base + 4 * imm5, 4, load);
    case 0b0111:
      return access(base + imm5, 1, load);
    case 0b1000:
      return access(base + 2 * imm5, 2, load);
    case 0b1001:
      return access(view.register(SP) + 4 * (half & 0xff), 4, load);
    case 0b1011: {
      const count = countOf(half & 0x1ff);
      if (half >>> 9 === 0b1011010) return multiple(view.register(SP), count, true, false, false);
      return half >>> 9 === 0b1011110 ? multiple(view.register(SP), count, false, true, true) : null;
    }
    case 0b1100:
      return multiple(view.register(field(half, 8, 3)), countOf(half & 0xff), false, true, load);
    default:
      return null;
  }
}

/** A6.3. */
function thumbWideAccess(word: number, view: AccessView): Access | null {
  const number = field(word, 16, 4);
  const base = baseOf(number, view, THUMB_AHEAD);
  if (word >>> 25 === 0b1110100) {
    if (bit(word, 22)) return thumbDual(word, base, view);
    const kind = field(word, 23, 2);
    // Both ways up or down: SRS and RFE, whose ARM encodings have P and U where they are told apart by the kind here.
    if (kind === 0 || kind === 3)
      return stateTransfer((word & ~(3 << 23)) | (kind === 3 ? 1 << 23 : 1 << 24), number, view);
    return multiple(base, countOf(word), kind === 2, kind === 1, bit(word, 20));
  }
  if (word >>> 25 === 0b1110110) return vfpTransfer(word, base);
  if (word >>> 24 === 0xf9 && !bit(word, 20)) return structureTransfer(word, view);
  return word >>> 25 === 0b1111100 ? thumbSingle(word, number, base, view) : null;
}

/** A6.3.6: pairs, exclusives, table branches. */
function thumbDual(word: number, base: number, view: AccessView): Access | null {
  const [before, up, back, load] = [bit(word, 24), bit(word, 23), bit(word, 21), bit(word, 20)];
  if (before || back) return access(indexed(base, 4 * field(word, 0, 8), before, up), 8, load);
  if (!up) return access(base + 4 * field(word, 0, 8), 4, load);
  const kind = field(word, 4, 4);
  if (load && kind < 2) {
    // TBB and TBH: their base may be PC itself, which is not aligned.
    const from = field(word, 16, 4) === 15 ? view.pc + THUMB_AHEAD : base;
    return access(from + (view.register(field(word, 0, 4)) << kind), 1 << kind, true);
  }
  const bytes = { 4: 1, 5: 2, 7: 8 }[kind];
  return bytes === undefined ? null : access(base, bytes, load);
}

/** A6.3.7 – A6.3.10. */
function thumbSingle(word: number, number: number, base: number, view: AccessView): Access | null {
  const size = field(word, 21, 2);
  const load = bit(word, 20);
  const target = field(word, 12, 4);
  if (size === 3) return null;
  // Preload hints.
  if (load && target === 15 && size < 2) return null;
  const bytes = 1 << size;
  const imm12 = field(word, 0, 12);
  if (number === 15) return load ? access(bit(word, 23) ? base + imm12 : base - imm12, bytes, true) : null;
  if (bit(word, 23)) return access(base + imm12, bytes, load);
  if (bit(word, 11)) return access(indexed(base, field(word, 0, 8), bit(word, 10), bit(word, 9)), bytes, load);
  return field(word, 6, 5) === 0
    ? access(base + (view.register(field(word, 0, 4)) << field(word, 4, 2)), bytes, load)
    : null;
}
