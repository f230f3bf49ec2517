// Test vectors of the VFP: every data-processing instruction, on operands drawn from where floating point goes wrong.
//
// A vector is FPSCR and D0..D5 before one instruction; its result is D0..D5 and FPSCR after it, and whether it was
// undefined. Everything follows from a seed.

import { Random } from "./random.js";

export const VECTOR_REGISTERS = 6;
/** Bytes of a vector: FPSCR, D0..D5. */
export const VECTOR_BYTES = 4 + 8 * VECTOR_REGISTERS;
/** Bytes of a result: D0..D5, FPSCR, 1 when undefined. */
export const RESULT_BYTES = 8 * VECTOR_REGISTERS + 8;

export interface VfpForm {
  name: string;
  /** The word without register fields; bit 8 is the precision. */
  pattern: number;
  /** Precision of Vd, Vn and Vm, in this order; "-" when there is none or the field is part of the pattern. */
  registers: [Kind, Kind, Kind];
}
type Kind = "s" | "d" | "-";

/** Every VFP data-processing form, both precisions, including every size of fixed point. */
export const VFP_FORMS: readonly VfpForm[] = forms();

function forms(): VfpForm[] {
  const list: VfpForm[] = [];
  const both = (name: string, pattern: number, use: string) => {
    for (const kind of ["s", "d"] as const) {
      const registers = [..."dnm"].map((field) => (use.includes(field) ? kind : "-")) as VfpForm["registers"];
      list.push({
        name: `${name}.f${kind === "s" ? 32 : 64}`,
        pattern: pattern | (kind === "d" ? 0x100 : 0),
        registers,
      });
    }
  };
  const three: [string, number][] = [
    ["vmla", 0x0e000a00],
    ["vmls", 0x0e000a40],
    ["vnmls", 0x0e100a00],
    ["vnmla", 0x0e100a40],
    ["vmul", 0x0e200a00],
    ["vnmul", 0x0e200a40],
    ["vadd", 0x0e300a00],
    ["vsub", 0x0e300a40],
    ["vdiv", 0x0e800a00],
    ["vfnms", 0x0e900a00],
    ["vfnma", 0x0e900a40],
    ["vfma", 0x0ea00a00],
    ["vfms", 0x0ea00a40],
  ];
  for (const [name, pattern] of three) both(name, pattern, "dnm");
  for (let immediate = 0; immediate < 256; immediate += 17) {
    both(`vmov #${immediate}`, 0x0eb00a00 | ((immediate & 0xf0) << 12) | (immediate & 15), "d");
  }
  const two: [string, number][] = [
    ["vmov", 0x0eb00a40],
    ["vabs", 0x0eb00ac0],
    ["vneg", 0x0eb10a40],
    ["vsqrt", 0x0eb10ac0],
    ["vcmp", 0x0eb40a40],
    ["vcmpe", 0x0eb40ac0],
  ];
  for (const [name, pattern] of two) both(name, pattern, "dm");
  both("vcmp #0", 0x0eb50a40, "d");
  both("vcmpe #0", 0x0eb50ac0, "d");
  for (const [name, pattern] of [
    ["vcvtb.f32.f16", 0x0eb20a40],
    ["vcvtt.f32.f16", 0x0eb20ac0],
    ["vcvtb.f16.f32", 0x0eb30a40],
    ["vcvtt.f16.f32", 0x0eb30ac0],
  ] as const)
    list.push({ name, pattern, registers: ["s", "-", "s"] });
  list.push({ name: "vcvt.f64.f32", pattern: 0x0eb70ac0, registers: ["d", "-", "s"] });
  list.push({ name: "vcvt.f32.f64", pattern: 0x0eb70bc0, registers: ["s", "-", "d"] });
  for (const [type, bit] of [
    ["u32", 0],
    ["s32", 0x80],
  ] as const) {
    list.push({ name: `vcvt.f32.${type}`, pattern: 0x0eb80a40 | bit, registers: ["s", "-", "s"] });
    list.push({ name: `vcvt.f64.${type}`, pattern: 0x0eb80b40 | bit, registers: ["d", "-", "s"] });
  }
  for (const [name, bit] of [
    ["vcvtr", 0],
    ["vcvt", 0x80],
  ] as const) {
    for (const [type, signed] of [
      ["u32", 0],
      ["s32", 1 << 16],
    ] as const) {
      list.push({ name: `${name}.${type}.f32`, pattern: 0x0ebc0a40 | bit | signed, registers: ["s", "-", "s"] });
      list.push({ name: `${name}.${type}.f64`, pattern: 0x0ebc0b40 | bit | signed, registers: ["s", "-", "d"] });
    }
  }
  for (const [direction, base] of [
    ["from", 0x0eba0a40],
    ["to", 0x0ebe0a40],
  ] as const) {
    for (const size of [16, 32]) {
      for (const fraction of [0, 1, 7, 15, 16, 31, 32]) {
        if (fraction > size || size - fraction > 31) continue;
        const field = size - fraction;
        const bits = (size === 32 ? 0x80 : 0) | ((field & 1) << 5) | (field >> 1);
        both(`vcvt.${direction}.s${size} #${fraction}`, base | bits, "d");
        both(`vcvt.${direction}.u${size} #${fraction}`, base | bits | (1 << 16), "d");
      }
    }
  }
  return list;
}

/** The word of `form` with condition AL and random registers among D0..D5 and S0..S11. */
export function vfpWord(form: VfpForm, random: Random): number {
  let word = 0xe0000000 | form.pattern;
  const [d, n, m] = form.registers;
  const place = (kind: Kind, field: number, extra: number) => {
    if (kind === "-") return;
    const register = random.below(kind === "d" ? VECTOR_REGISTERS : 2 * VECTOR_REGISTERS);
    if (kind === "d") word |= ((register & 15) << field) | ((register >> 4) << extra);
    else word |= ((register >> 1) << field) | ((register & 1) << extra);
  };
  place(d, 12, 22);
  place(n, 16, 7);
  place(m, 0, 5);
  return word >>> 0;
}

// ---- Operands ---------------------------------------------------------------------------------------------------------

interface Format {
  fractionBits: bigint;
  exponentBits: bigint;
}
const SINGLE: Format = { fractionBits: 23n, exponentBits: 8n };
const DOUBLE: Format = { fractionBits: 52n, exponentBits: 11n };

/** Significand patterns: random, all ones, a few ones, and ties at the places where narrower formats end. */
function fraction(format: Format, random: Random): bigint {
  const bits = format.fractionBits;
  const all = (1n << bits) - 1n;
  const noise = ((BigInt(random.word()) << 32n) | BigInt(random.word())) & all;
  const cut = BigInt(random.below(Number(bits)));
  switch (random.below(8)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2: // a tie at bit `cut`, or a hair beside it
      return (((noise >> cut) << cut) & all) | ((1n << cut) >> 1n) | (random.oneIn(3) ? 1n : 0n);
    case 3:
      return (1n << cut) & all;
    case 4:
      return (all << cut) & all;
    case 5:
      return all >> cut;
    default:
      return noise;
  }
}

/** Exponents: anywhere, around one, and around every edge: denormal, overflow, integers, single and half precision. */
function exponent(format: Format, random: Random): bigint {
  const largest = (1 << Number(format.exponentBits)) - 1;
  const bias = largest >> 1;
  const near = (centre: number, spread: number) => centre + random.below(2 * spread + 1) - spread;
  let biased: number;
  switch (random.below(10)) {
    case 0:
      biased = 0;
      break;
    case 1:
      biased = near(1, Number(format.fractionBits) + 2);
      break;
    case 2:
      biased = near(largest - 1, 3);
      break;
    case 3:
      biased = near(bias / 2, Number(format.fractionBits) + 2); // squares underflow
      break;
    case 4:
      biased = near(bias + bias / 2, 3); // squares overflow
      break;
    case 5:
      biased = bias + near(random.pick([15, 16, 31, 32]), 2);
      break;
    case 6:
      biased = bias + near(random.pick([-14, -24, -126, -149, 127]), 3);
      break;
    case 7:
      biased = random.below(largest + 1);
      break;
    default:
      biased = bias + near(0, 30);
  }
  return BigInt(Math.min(largest, Math.max(0, Math.trunc(biased))));
}

/** One operand, often related to the one before it: equal, negated, a few units apart, nearly cancelling, or such that product
 *  or quotient of the two come to an edge. */
function operand(format: Format, random: Random, previous: bigint): bigint {
  const top = format.fractionBits + format.exponentBits;
  const all = (1n << (top + 1n)) - 1n;
  const relation = random.below(12);
  if (relation === 0) return previous ^ (random.oneIn(2) ? 1n << top : 0n);
  if (relation === 1) return (previous + BigInt(random.below(9) - 4)) & all;
  if (relation === 2)
    return (previous - (BigInt(random.below(Number(format.fractionBits) + 3)) << format.fractionBits)) & all;
  const sign = BigInt(random.below(2)) << top;
  if (relation === 3) {
    const payload = fraction(format, random) >> BigInt(random.below(2));
    return sign | (((1n << format.exponentBits) - 1n) << format.fractionBits) | payload; // NaNs, sometimes an infinity
  }
  if (relation === 4) return (toEdge(format, random, previous) + BigInt(random.below(3) - 1)) & all;
  if (relation === 5) return sign | justBelow(format, random);
  return sign | (exponent(format, random) << format.fractionBits) | fraction(format, random);
}

const converter = new DataView(new ArrayBuffer(8));

/** A value that brings product or quotient with `previous` to where results underflow or overflow, or to one. */
function toEdge(format: Format, random: Random, previous: bigint): bigint {
  const single = format === SINGLE;
  if (single) converter.setUint32(0, Number(previous));
  else converter.setBigUint64(0, previous);
  const value = single ? converter.getFloat32(0) : converter.getFloat64(0);
  const [smallest, largest, least] = single ? [-126, 127, -149] : [-1022, 1023, -1074];
  const edge = 2 ** random.pick([smallest, smallest, largest, least, 0]);
  const other = random.oneIn(2) ? edge / value : value / edge;
  if (single) {
    converter.setFloat32(0, other);
    return BigInt(converter.getUint32(0));
  }
  converter.setFloat64(0, other);
  return converter.getBigUint64(0);
}

/** All ones down to some bit, below the smallest normal number of a format that this one may be narrowed to, or below an
 *  integer's limit: what rounding takes over the edge. */
function justBelow(format: Format, random: Random): bigint {
  const bits = format.fractionBits;
  const bias = (1n << (format.exponentBits - 1n)) - 1n;
  const edges = format === SINGLE ? [-14, 15, 30, 31] : [-126, 127, 30, 31];
  const power = BigInt(random.pick(edges) - random.below(2));
  return ((bias + power) << bits) | (((1n << bits) - 1n) ^ ((1n << BigInt(random.below(Number(bits)))) - 1n));
}

const FPSCR_STICKY = [0, 0x10, 0x10, 0x9f, 0x1f, 0x00];

/** Fills `view` at `at` with one vector. `wide` says whether doubles or pairs of singles are wanted. */
export function vfpVector(view: DataView, at: number, wide: boolean, random: Random): void {
  let status = random.word() & 0xf0000000; // N, Z, C, V
  status |= random.below(4) << 22;
  if (random.oneIn(3)) status |= 1 << 24;
  if (random.oneIn(3)) status |= 1 << 25;
  if (random.oneIn(3)) status |= 1 << 26;
  if (random.oneIn(3)) status &= ~0x01c00000; // more often the plain mode, where the host's arithmetic may be used
  if (random.oneIn(64)) status |= 1 << random.pick([16, 17, 18, 20, 21]);
  status |= random.pick(FPSCR_STICKY);
  view.setUint32(at, status, true);
  let previous = 0n;
  for (let i = 0; i < VECTOR_REGISTERS; i++) {
    const place = at + 4 + 8 * i;
    if (wide !== random.oneIn(8)) {
      previous = operand(DOUBLE, random, previous);
      view.setBigUint64(place, previous, true);
    } else {
      for (const half of [0, 4]) {
        previous = operand(SINGLE, random, previous & 0xffffffffn);
        view.setUint32(place + half, Number(previous), true);
      }
    }
  }
}

export interface VfpBatch {
  form: VfpForm;
  word: number;
  /** `count` vectors of VECTOR_BYTES. */
  vectors: Uint8Array;
  count: number;
}

/** One batch for every form, from a seed. */
export function vfpBatches(seed: number, count: number): VfpBatch[] {
  return VFP_FORMS.map((form, index) => {
    const random = new Random((seed ^ (index * 0x01000193)) | 0);
    const word = vfpWord(form, random);
    const vectors = new Uint8Array(count * VECTOR_BYTES);
    const view = new DataView(vectors.buffer);
    const wide = form.registers.includes("d");
    for (let i = 0; i < count; i++) vfpVector(view, i * VECTOR_BYTES, wide, random);
    return { form, word, vectors, count };
  });
}
