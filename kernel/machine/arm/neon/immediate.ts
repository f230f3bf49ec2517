// One register and a modified immediate: VMOV, VMVN, VORR, VBIC. ARM DDI 0406C A7.4.6, table A7-15 (AdvSIMDExpandImm).

import { doubleRead, doubleWrite } from "../float/vfp-state";
import { replicate } from "./lanes";
import { isOddPair, numberD } from "./operands";

/** The doubleword that `cmode` and `op` make of eight bits. */
function expand(cmode: u32, op: u32, imm8: u64): u64 {
  if (cmode < 8) return replicate(imm8 << ((cmode & 6) << 2), 32);
  if (cmode < 12) return replicate(imm8 << ((cmode & 2) << 2), 16);
  if (cmode == 12) return replicate((imm8 << 8) | 0xff, 32);
  if (cmode == 13) return replicate((imm8 << 16) | 0xffff, 32);
  if (cmode == 14) {
    if (!op) return replicate(imm8, 8);
    let bytes: u64 = 0;
    for (let bit: u64 = 0; bit < 8; bit++) if ((imm8 >>> bit) & 1) bytes |= (<u64>0xff) << (bit << 3);
    return bytes;
  }
  // A single: sign, NOT(bit 6), bit 6 five times, bits 5:0, zeros.
  const exponent: u64 = imm8 & 0x40 ? 0x1f << 25 : 1 << 30;
  return replicate(((imm8 & 0x80) << 24) | exponent | ((imm8 & 0x3f) << 19), 32);
}

/** The doubleword that `word` stands for, inverted for VBIC and VMVN. */
export function immediateValue(word: u32): u64 {
  const cmode = (word >>> 8) & 15;
  const op = (word >>> 5) & 1;
  const imm8 = ((word >>> 17) & 0x80) | ((word >>> 12) & 0x70) | (word & 15);
  const value = expand(cmode, op, imm8);
  return op && cmode != 14 ? ~value : value;
}

/** Whether `word` is VORR or VBIC, which take what the register holds. */
export function immediateCombines(word: u32): bool {
  return (word & 0x100) != 0 && (word & 0xc00) != 0xc00;
}

/** Whether `word` is defined. */
export function immediateDefined(word: u32): bool {
  return (word & 0xf20) != 0xf20 && !(word & (1 << 6) && isOddPair(word, false, false));
}

/** Executes `word`. False: it is Undefined. */
export function modifiedImmediate(word: u32): bool {
  if (!immediateDefined(word)) return false;
  const value = immediateValue(word);
  const combines = immediateCombines(word);
  const op = word & (1 << 5);
  const quad = (word >>> 6) & 1;
  for (let half: u32 = 0; half <= quad; half++) {
    const d = numberD(word) + half;
    const old = doubleRead(d);
    doubleWrite(d, combines ? (op ? old & value : old | value) : value);
  }
  return true;
}
