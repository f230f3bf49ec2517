// Loads and stores for random sequences. The instruction's fields are drawn first; then its base register (and its index) get
// the values that lead it into the scratch memory, by MOVW and MOVT in front of it.

import { AL, a32Constant, halfwords, t16Move, t32Constant, wordHalves } from "./assembler.js";
import { encode, isDecodedAs, randomFields, satisfied, type Fields, type Instruction } from "./instruction-table.js";
import type { Random } from "./random.js";
import type { State } from "./unit.js";

/** Scratch memory: accesses start in its middle, so that block transfers stay inside, upwards and downwards. */
export const SCRATCH_BYTES = 512;
const FIRST_TARGET = 160;
const LAST_TARGET = 320;

export interface MemoryAccess {
  /** Halfwords that prepare the registers. */
  before: number[];
  /** The instruction itself. */
  word: number;
}

/** What a line needs: register values to prepare, or undefined when these fields are UNPREDICTABLE or not wanted. */
interface Plan {
  base: number;
  /** Where the access starts, relative to the value of the base register. */
  offset: number;
  align: number;
  index?: { register: number; value: number };
}

const WORD = 4;

/** A load or store of `line` with all its registers ready, or undefined when the draw found none. */
export function memoryAccess(
  table: readonly Instruction[],
  line: Instruction,
  state: State,
  scratch: number,
  random: Random,
): MemoryAccess | undefined {
  for (let attempt = 0; attempt < 200; attempt++) {
    const fields = randomFields(line, random);
    if ("cond" in fields) fields["cond"] = state === "T32" ? AL : random.oneIn(3) ? random.below(15) : AL;
    if (!satisfied(line, fields)) continue;
    const plan = planFor(line, fields, random);
    if (!plan) continue;
    const word = encode(line, fields);
    if (!isDecodedAs(table, line, word)) continue;
    const target = scratch + FIRST_TARGET + (random.below(LAST_TARGET - FIRST_TARGET) & -plan.align);
    const before =
      plan.base === 15 ? [] : setRegister(state, plan.base, (target - plan.offset) >>> 0, plan.index, random);
    if (plan.index) before.push(...setRegister(state, plan.index.register, plan.index.value, undefined, random));
    return { before, word };
  }
  return undefined;
}

/** Instructions that put `value` into any register. T32 reaches SP through a low register, but not the index register. */
export function setRegister(
  state: State,
  register: number,
  value: number,
  index: { register: number } | undefined,
  random: Random,
): number[] {
  if (state === "A32") return a32Constant(register, value).flatMap(wordHalves);
  if (register !== 13) return t32Constant(register, value).flatMap(halfwords);
  const via = index?.register === 0 ? 1 : random.oneIn(2) ? 12 : 1;
  return [...t32Constant(via, value).flatMap(halfwords), t16Move(13, via)];
}

function planFor(line: Instruction, fields: Fields, random: Random): Plan | undefined {
  const f = (name: string) => fields[name] ?? 0;
  const operation = line.argument;
  const isLoad = operation.startsWith("LD");
  const size = /B/.test(operation) ? 1 : /H/.test(operation) ? 2 : WORD;
  // Single words and halfwords may be unaligned (SCTLR.A = 0); everything else must not.
  const align = random.oneIn(4) ? 1 : size;
  const sign = f("U") ? 1 : -1;
  const writeBack = f("P") === 0 || f("W") === 1;
  const indexValue = () => random.below(64) * (random.oneIn(2) ? 1 : 3);

  switch (line.decoding) {
    case "a32LoadImmediate": {
      if (f("Rt") === 15) return undefined;
      if (f("Rn") === 15) return isLoad && !writeBack ? { base: 15, offset: 0, align: 1 } : undefined;
      if (writeBack && f("Rn") === f("Rt")) return undefined;
      return { base: f("Rn"), offset: f("P") ? sign * f("imm12") : 0, align };
    }
    case "a32LoadRegister": {
      if (f("Rt") === 15 || f("Rm") === 15 || f("Rn") === 15 || f("Rm") === f("Rn")) return undefined;
      if (writeBack && f("Rn") === f("Rt")) return undefined;
      const value = random.oneIn(4) ? random.word() : indexValue();
      const shifted = shiftedIndex(value, f("type"), f("imm5"));
      if (shifted === undefined) return undefined;
      return { base: f("Rn"), offset: f("P") ? sign * shifted : 0, align, index: { register: f("Rm"), value } };
    }
    case "a32ExtraImmediate":
    case "a32ExtraRegister": {
      const dual = operation.endsWith("RD");
      const register = line.decoding === "a32ExtraRegister";
      const offset = register ? indexValue() : f("imm4H") * 16 + f("imm4L");
      if (f("Rt") === 15 || (writeBack && (f("Rn") === f("Rt") || f("Rn") === 15))) return undefined;
      if (f("P") === 0 && f("W") === 1 && (dual || (register && f("Rm") === f("Rt")))) return undefined;
      if (dual && (f("Rt") & 1 || f("Rt") === 14 || (writeBack && f("Rn") === f("Rt") + 1))) return undefined;
      if (register) {
        if (f("Rm") === 15 || f("Rn") === 15 || f("Rm") === f("Rn")) return undefined;
        if (dual && (f("Rm") === f("Rt") || f("Rm") === f("Rt") + 1)) return undefined;
      }
      if (f("Rn") === 15) return isLoad && !(dual && offset & 3) ? { base: 15, offset: 0, align: 1 } : undefined;
      const plan = { base: f("Rn"), offset: f("P") ? sign * offset : 0, align: dual ? WORD : align };
      return register ? { ...plan, index: { register: f("Rm"), value: offset } } : plan;
    }
    case "a32BlockTransfer": {
      if (f("S") || f("Rn") === 15 || f("list") === 0 || f("list") & 0x8000) return undefined;
      if (f("W") && f("list") & (1 << f("Rn"))) return undefined;
      return { base: f("Rn"), offset: 0, align: WORD };
    }
    case "a32VfpTransfer":
      return planVfp(fields, operation === "1");
    case "t16LoadRegister":
      if (f("Rm") === f("Rn")) return undefined;
      return withIndex(f("Rn"), f("Rm"), indexValue(), 1, align);
    case "t16LoadImmediate":
      return { base: f("Rn"), offset: f("imm5") * size, align };
    case "t16LoadSp":
      return { base: 13, offset: f("imm8") * 4, align };
    case "t16LoadLiteral":
      return { base: 15, offset: 0, align: 1 };
    case "t16Push":
      return f("list") + f("M") ? { base: 13, offset: 0, align: WORD } : undefined;
    case "t16Pop":
      return f("list") && !f("P") ? { base: 13, offset: 0, align: WORD } : undefined;
    case "t16BlockTransfer": {
      const inList = f("list") & (1 << f("Rn"));
      const lower = f("list") & ((1 << f("Rn")) - 1);
      if (f("list") === 0 || (operation === "0" && inList && lower)) return undefined;
      return { base: f("Rn"), offset: 0, align: WORD };
    }
    case "t32BlockTransfer": {
      const list = f("list") | (f("M") << 14);
      if (f("P") || f("Rn") === 15 || (list & (list - 1)) === 0) return undefined;
      if (f("W") && list & (1 << f("Rn"))) return undefined;
      return { base: f("Rn"), offset: 0, align: WORD };
    }
    case "t32Dual": {
      const bad = (register: number) => register === 13 || register === 15;
      const written = !line.name.includes("offset");
      const indexed = !line.name.includes("post");
      if (bad(f("Rt")) || bad(f("Rt2")) || f("Rn") === 15) return undefined;
      if (line.name.startsWith("LDRD") && f("Rt") === f("Rt2")) return undefined;
      if (written && (f("Rn") === f("Rt") || f("Rn") === f("Rt2"))) return undefined;
      return { base: f("Rn"), offset: indexed ? sign * f("imm8") * 4 : 0, align: WORD };
    }
    case "t32LoadWide":
      if (!t32Target(fields, size) || f("Rn") === 15) return undefined;
      return { base: f("Rn"), offset: f("imm12"), align };
    case "t32LoadImmediate": {
      if (!t32Target(fields, size) || f("Rn") === 15 || (f("P") === 0 && f("W") === 0)) return undefined;
      if (f("W") && f("Rn") === f("Rt")) return undefined;
      const unprivileged = f("P") && f("U") && !f("W");
      if (unprivileged && f("Rt") === 13) return undefined;
      return { base: f("Rn"), offset: f("P") ? sign * f("imm8") : 0, align };
    }
    case "t32LoadRegister":
      if (!t32Target(fields, size) || f("Rn") === 15 || f("Rm") === f("Rn")) return undefined;
      if (f("Rm") === 13 || f("Rm") === 15) return undefined;
      return withIndex(f("Rn"), f("Rm"), indexValue(), 1 << f("imm2"), align);
    case "t32LoadLiteral":
      return t32Target(fields, size) ? { base: 15, offset: 0, align: 1 } : undefined;
    default:
      return undefined;
  }
}

/** Rt of a T32 load or store: never PC (a branch or a hint), and SP only for words. */
function t32Target(fields: Fields, size: number): boolean {
  return fields["Rt"] !== 15 && (fields["Rt"] !== 13 || size === WORD);
}

function withIndex(base: number, register: number, value: number, scale: number, align: number): Plan {
  return { base, offset: value * scale, align, index: { register, value } };
}

/** The index after its shift (A8.4.3), undefined for RRX, which would need the carry. */
function shiftedIndex(value: number, type: number, amount: number): number | undefined {
  switch (type) {
    case 0:
      return (value << amount) >>> 0;
    case 1:
      return amount === 0 ? 0 : value >>> amount;
    case 2:
      return (value >> (amount === 0 ? 31 : amount)) >>> 0;
    default:
      return amount === 0 ? undefined : ((value >>> amount) | (value << (32 - amount))) >>> 0;
  }
}

/** VLDR, VSTR, VLDM and VSTM, of which one table line each covers all (A7.6). */
function planVfp(fields: Fields, isLoad: boolean): Plan | undefined {
  const { P, U, W, D, Vd, sz, Rn } = fields as Record<"P" | "U" | "W" | "D" | "Vd" | "sz" | "Rn", number>;
  const single = P === 1 && W === 0;
  if (single) {
    const offset = (U ? 1 : -1) * fields["imm8"]! * 4;
    if (Rn === 15) return isLoad ? { base: 15, offset: 0, align: WORD } : undefined;
    return { base: Rn, offset, align: WORD };
  }
  if (P === U || Rn === 15) return undefined; // other instructions, or undefined
  const first = sz ? D * 16 + Vd : Vd * 2 + D;
  const count = 1 + (fields["imm8"]! % (sz ? 16 : 32));
  if (first + count > 32) return undefined;
  fields["imm8"] = sz ? 2 * count : count;
  return { base: Rn, offset: 0, align: WORD };
}
