// Every encoding of Advanced SIMD, once, by the manual's own diagrams: ARM DDI 0406C A7.4 (data processing) and A7.7 (element and structure
// loads and stores), as A32 has them. What no line allows is Undefined (the pseudocode of A8.8). T32 has U elsewhere, and 1111 1001 for
// 1111 0100 (neonT32).
//
// In a diagram, capital and small letters of one name are one field, the capital one its top bit: D dddd, N nnnn, M mmmm. Other letters are
// fields by themselves: Q, U, s (size), i and so on.

import type { Random } from "./random.js";

export interface NeonForm {
  name: string;
  mask: number;
  value: number;
  /** Bits of each field, most significant first. */
  fields: Record<string, number[]>;
  /** Whether these values are an instruction, and not Undefined. */
  isDefined(f: Record<string, number>): boolean;
  /** Whether the result is UNKNOWN or the instruction UNPREDICTABLE. */
  isUnpredictable(f: Record<string, number>): boolean;
}

type Test = (f: Record<string, number>) => boolean;
const forms: NeonForm[] = [];

function field(f: Record<string, number>, name: string): number {
  return f[name] ?? 0;
}

/** `even` names registers that must have even numbers; after "Q" only where Q is set. */
function form(
  name: string,
  diagram: string,
  even: string,
  isDefined: Test = () => true,
  isUnpredictable: Test = () => false,
) {
  const bits = diagram.replace(/\s/g, "");
  if (bits.length !== 32) throw new Error(`${name}: ${bits.length} bits`);
  let mask = 0;
  let value = 0;
  const fields: Record<string, number[]> = {};
  [...bits].forEach((letter, index) => {
    const bit = 31 - index;
    if (letter === "0" || letter === "1") {
      mask += 2 ** bit;
      if (letter === "1") value += 2 ** bit;
      return;
    }
    const isRegister = "DNM".includes(letter);
    const key = isRegister ? letter.toLowerCase() : letter;
    if (isRegister) (fields[key] ??= []).unshift(bit);
    else (fields[key] ??= []).push(bit);
  });
  const onlyQuad = even.startsWith("Q");
  const registers = [...even.replace("Q", "")];
  forms.push({
    name,
    mask,
    value,
    fields,
    isDefined: (f) =>
      isDefined(f) && ((onlyQuad && f["Q"] === 0) || registers.every((register) => field(f, register) % 2 === 0)),
    isUnpredictable,
  });
}

const notSize =
  (...sizes: number[]): Test =>
  (f) =>
    !sizes.includes(field(f, "s"));
const onlySize =
  (...sizes: number[]): Test =>
  (f) =>
    sizes.includes(field(f, "s"));

// ---- Three registers of the same length (A7.4.1)
const same = (name: string, u: string, size: string, a: string, q: string, b: string, defined?: Test) =>
  form(name, `1111001${u} 0D${size} nnnn dddd ${a} N${q}M${b} mmmm`, q === "Q" ? "Qdnm" : "", defined);
same("VHADD", "U", "ss", "0000", "Q", "0", notSize(3));
same("VQADD", "U", "ss", "0000", "Q", "1");
same("VRHADD", "U", "ss", "0001", "Q", "0", notSize(3));
["VAND", "VBIC", "VORR", "VORN"].forEach((name, i) =>
  same(name, "0", i.toString(2).padStart(2, "0"), "0001", "Q", "1"),
);
["VEOR", "VBSL", "VBIT", "VBIF"].forEach((name, i) =>
  same(name, "1", i.toString(2).padStart(2, "0"), "0001", "Q", "1"),
);
same("VHSUB", "U", "ss", "0010", "Q", "0", notSize(3));
same("VQSUB", "U", "ss", "0010", "Q", "1");
same("VCGT", "U", "ss", "0011", "Q", "0", notSize(3));
same("VCGE", "U", "ss", "0011", "Q", "1", notSize(3));
same("VSHL (register)", "U", "ss", "0100", "Q", "0");
same("VQSHL (register)", "U", "ss", "0100", "Q", "1");
same("VRSHL", "U", "ss", "0101", "Q", "0");
same("VQRSHL", "U", "ss", "0101", "Q", "1");
same("VMAX", "U", "ss", "0110", "Q", "0", notSize(3));
same("VMIN", "U", "ss", "0110", "Q", "1", notSize(3));
same("VABD", "U", "ss", "0111", "Q", "0", notSize(3));
same("VABA", "U", "ss", "0111", "Q", "1", notSize(3));
same("VADD", "0", "ss", "1000", "Q", "0");
same("VSUB", "1", "ss", "1000", "Q", "0");
same("VTST", "0", "ss", "1000", "Q", "1", notSize(3));
same("VCEQ", "1", "ss", "1000", "Q", "1", notSize(3));
same("VMLA, VMLS", "U", "ss", "1001", "Q", "0", notSize(3));
same("VMUL", "0", "ss", "1001", "Q", "1", notSize(3));
same("VMUL (polynomial)", "1", "00", "1001", "Q", "1");
same("VPMAX", "U", "ss", "1010", "0", "0", notSize(3));
same("VPMIN", "U", "ss", "1010", "0", "1", notSize(3));
same("VQDMULH, VQRDMULH", "U", "ss", "1011", "Q", "0", onlySize(1, 2));
same("VPADD", "0", "ss", "1011", "0", "1", notSize(3));
same("VFMA", "0", "00", "1100", "Q", "1");
same("VFMS", "0", "10", "1100", "Q", "1");
same("VADD (float)", "0", "00", "1101", "Q", "0");
same("VSUB (float)", "0", "10", "1101", "Q", "0");
same("VPADD (float)", "1", "00", "1101", "0", "0");
same("VABD (float)", "1", "10", "1101", "Q", "0");
same("VMLA (float)", "0", "00", "1101", "Q", "1");
same("VMLS (float)", "0", "10", "1101", "Q", "1");
same("VMUL (float)", "1", "00", "1101", "Q", "1");
same("VCEQ (float)", "0", "00", "1110", "Q", "0");
same("VCGE (float)", "1", "00", "1110", "Q", "0");
same("VCGT (float)", "1", "10", "1110", "Q", "0");
same("VACGE", "1", "00", "1110", "Q", "1");
same("VACGT", "1", "10", "1110", "Q", "1");
same("VMAX (float)", "0", "00", "1111", "Q", "0");
same("VMIN (float)", "0", "10", "1111", "Q", "0");
same("VPMAX (float)", "1", "00", "1111", "0", "0");
same("VPMIN (float)", "1", "10", "1111", "0", "0");
same("VRECPS", "0", "00", "1111", "Q", "1");
same("VRSQRTS", "0", "10", "1111", "Q", "1");

// ---- Three registers of different lengths (A7.4.2)
const long = (name: string, u: string, a: string, even: string, defined?: Test) =>
  form(name, `1111001${u} 1Dss nnnn dddd ${a} N0M0 mmmm`, even, (f) => field(f, "s") !== 3 && (defined?.(f) ?? true));
long("VADDL", "U", "0000", "d");
long("VADDW", "U", "0001", "dn");
long("VSUBL", "U", "0010", "d");
long("VSUBW", "U", "0011", "dn");
long("VADDHN", "0", "0100", "nm");
long("VRADDHN", "1", "0100", "nm");
long("VABAL", "U", "0101", "d");
long("VSUBHN", "0", "0110", "nm");
long("VRSUBHN", "1", "0110", "nm");
long("VABDL", "U", "0111", "d");
long("VMLAL", "U", "1000", "d");
long("VQDMLAL", "0", "1001", "d", notSize(0));
long("VMLSL", "U", "1010", "d");
long("VQDMLSL", "0", "1011", "d", notSize(0));
long("VMULL", "U", "1100", "d");
long("VQDMULL", "0", "1101", "d", notSize(0));
long("VMULL (polynomial)", "0", "1110", "d", onlySize(0));

// ---- Two registers and a scalar (A7.4.3)
const scalar = (name: string, u: string, a: string, even: string, ...sizes: number[]) =>
  form(name, `1111001${u} 1Dss nnnn dddd ${a} N1M0 mmmm`, even, onlySize(...sizes));
scalar("VMLA (scalar)", "Q", "0000", "Qdn", 1, 2);
scalar("VMLA (float, scalar)", "Q", "0001", "Qdn", 2);
scalar("VMLAL (scalar)", "U", "0010", "d", 1, 2);
scalar("VQDMLAL (scalar)", "0", "0011", "d", 1, 2);
scalar("VMLS (scalar)", "Q", "0100", "Qdn", 1, 2);
scalar("VMLS (float, scalar)", "Q", "0101", "Qdn", 2);
scalar("VMLSL (scalar)", "U", "0110", "d", 1, 2);
scalar("VQDMLSL (scalar)", "0", "0111", "d", 1, 2);
scalar("VMUL (scalar)", "Q", "1000", "Qdn", 1, 2);
scalar("VMUL (float, scalar)", "Q", "1001", "Qdn", 2);
scalar("VMULL (scalar)", "U", "1010", "d", 1, 2);
scalar("VQDMULL (scalar)", "0", "1011", "d", 1, 2);
scalar("VQDMULH (scalar)", "Q", "1100", "Qdn", 1, 2);
scalar("VQRDMULH (scalar)", "Q", "1101", "Qdn", 1, 2);

// ---- Two registers and a shift amount (A7.4.4): L:imm6 of zero in its upper four bits is the modified immediate
const amount: Test = (f) => field(f, "L") === 1 || field(f, "i") >= 8;
const shift = (name: string, u: string, a: string) =>
  form(name, `1111001${u} 1Diiiiii dddd ${a} LQM1 mmmm`, "Qdm", amount);
shift("VSHR", "U", "0000");
shift("VSRA", "U", "0001");
shift("VRSHR", "U", "0010");
shift("VRSRA", "U", "0011");
shift("VSRI", "1", "0100");
shift("VSHL (immediate)", "0", "0101");
shift("VSLI", "1", "0101");
shift("VQSHLU", "1", "0110");
shift("VQSHL (immediate)", "U", "0111");
const narrow = (name: string, u: string, a: string, b: string) =>
  form(name, `1111001${u} 1Diiiiii dddd ${a} 0${b}M1 mmmm`, "m", amount);
narrow("VSHRN", "0", "1000", "0");
narrow("VRSHRN", "0", "1000", "1");
narrow("VQSHRUN", "1", "1000", "0");
narrow("VQRSHRUN", "1", "1000", "1");
narrow("VQSHRN", "U", "1001", "0");
narrow("VQRSHRN", "U", "1001", "1");
form("VSHLL, VMOVL", "1111001U 1Diiiiii dddd 1010 00M1 mmmm", "d", amount);
form("VCVT (fixed point)", "1111001U 1D1iiiii dddd 111o 0QM1 mmmm", "Qdm");

// ---- One register and a modified immediate (A7.4.6)
form(
  "modified immediate",
  "1111001i 1D000iii dddd cccc 0Qo1 iiii",
  "Qd",
  (f) => !(field(f, "o") === 1 && field(f, "c") === 15),
);

// ---- VEXT, VTBL, VDUP (A7.4)
form("VEXT", "11110010 1D11nnnn dddd iiii NQM0 mmmm", "Qdnm", (f) => field(f, "Q") === 1 || field(f, "i") < 8);
form("VTBL, VTBX", "11110011 1D11nnnn dddd 10ll NxM0 mmmm", "", undefined, (f) => field(f, "n") + field(f, "l") > 31);
form("VDUP (scalar)", "11110011 1D11iiii dddd 1100 0QM0 mmmm", "Qd", (f) => field(f, "i") % 8 !== 0);

// ---- Two registers, miscellaneous (A7.4.5)
const two = (name: string, a: string, b: string, even: string, defined?: Test, unpredictable?: Test) =>
  form(name, `11110011 1D11 ss${a} dddd 0${b}M0 mmmm`, even, defined, unpredictable);
const overlap: Test = (f) => field(f, "d") === field(f, "m");
two("VREV64", "00", "0000Q", "Qdm", notSize(3));
two("VREV32", "00", "0001Q", "Qdm", notSize(2, 3));
two("VREV16", "00", "0010Q", "Qdm", onlySize(0));
two("VPADDL", "00", "010UQ", "Qdm", notSize(3));
two("VCLS", "00", "1000Q", "Qdm", notSize(3));
two("VCLZ", "00", "1001Q", "Qdm", notSize(3));
two("VCNT", "00", "1010Q", "Qdm", onlySize(0));
two("VMVN (register)", "00", "1011Q", "Qdm", onlySize(0));
two("VPADAL", "00", "110UQ", "Qdm", notSize(3));
two("VQABS", "00", "1110Q", "Qdm", notSize(3));
two("VQNEG", "00", "1111Q", "Qdm", notSize(3));
["VCGT #0", "VCGE #0", "VCEQ #0", "VCLE #0", "VCLT #0", "", "VABS", "VNEG"].forEach((name, i) => {
  if (name === "") return;
  const b = i.toString(2).padStart(3, "0");
  two(name, "01", `0${b}Q`, "Qdm", notSize(3));
  two(`${name} (float)`, "01", `1${b}Q`, "Qdm", onlySize(2));
});
two("VSWP", "10", "0000Q", "Qdm", onlySize(0), overlap);
two("VTRN", "10", "0001Q", "Qdm", notSize(3), overlap);
const zips: Test = (f) => field(f, "s") !== 3 && (field(f, "Q") === 1 || field(f, "s") !== 2);
two("VUZP", "10", "0010Q", "Qdm", zips, overlap);
two("VZIP", "10", "0011Q", "Qdm", zips, overlap);
two("VMOVN", "10", "01000", "m", notSize(3));
two("VQMOVUN", "10", "01001", "m", notSize(3));
two("VQMOVN", "10", "0101U", "m", notSize(3));
two("VSHLL (maximum)", "10", "01100", "d", notSize(3));
two("VCVT (half from single)", "10", "11000", "m", onlySize(1));
two("VCVT (single from half)", "10", "11100", "d", onlySize(1));
two("VRECPE", "11", "10F0Q", "Qdm", onlySize(2));
two("VRSQRTE", "11", "10F1Q", "Qdm", onlySize(2));
two("VCVT (integer)", "11", "11ooQ", "Qdm", onlySize(2));

/** Data processing: 1111 001x. */
export const NEON_DATA: readonly NeonForm[] = forms.splice(0);

// ---- Multiple structures (A7.7): the base is R, the index X
const base: Test = (f) => field(f, "R") === 15;
/** Past D31, or the PC as base. */
const beyond =
  (registers: number, increment: number): Test =>
  (f) =>
    base(f) || field(f, "d") + (registers - 1) * increment > 31;
const multiple = (n: number, type: string, registers: number, aligns: number[], sizes: number[], step = 1) =>
  form(
    `VLD${n}, VST${n} (multiple, type ${type})`,
    `11110100 0DL0 RRRR dddd ${type} ssaa XXXX`,
    "",
    (f) => aligns.includes(field(f, "a")) && sizes.includes(field(f, "s")),
    beyond(registers, step),
  );
multiple(1, "0111", 1, [0, 1], [0, 1, 2, 3]);
multiple(1, "1010", 2, [0, 1, 2], [0, 1, 2, 3]);
multiple(1, "0110", 3, [0, 1], [0, 1, 2, 3]);
multiple(1, "0010", 4, [0, 1, 2, 3], [0, 1, 2, 3]);
multiple(2, "1000", 2, [0, 1, 2], [0, 1, 2]);
multiple(2, "1001", 2, [0, 1, 2], [0, 1, 2], 2);
multiple(2, "0011", 4, [0, 1, 2, 3], [0, 1, 2]);
multiple(3, "0100", 3, [0, 1], [0, 1, 2]);
multiple(3, "0101", 3, [0, 1], [0, 1, 2], 2);
multiple(4, "0000", 4, [0, 1, 2, 3], [0, 1, 2]);
multiple(4, "0001", 4, [0, 1, 2, 3], [0, 1, 2], 2);

// ---- Single structures: size in bits 11:10, index and alignment in 7:4
const single = (n: number, size: string, defined: (a: number) => boolean, second: (a: number) => boolean) =>
  form(
    `VLD${n}, VST${n} (single, size ${size})`,
    `11110100 1DL0 RRRR dddd ${size}${(n - 1).toString(2).padStart(2, "0")} aaaa XXXX`,
    "",
    (f) => defined(field(f, "a")),
    (f) => beyond(n, second(field(f, "a")) ? 2 : 1)(f),
  );
const never = () => false;
const bit = (n: number) => (a: number) => ((a >> n) & 1) === 1;
single(1, "00", (a) => (a & 1) === 0, never);
single(1, "01", (a) => (a & 2) === 0, never);
single(1, "10", (a) => (a & 4) === 0 && ((a & 3) === 0 || (a & 3) === 3), never);
single(2, "00", () => true, never);
single(2, "01", () => true, bit(1));
single(2, "10", (a) => (a & 2) === 0, bit(2));
single(3, "00", (a) => (a & 1) === 0, never);
single(3, "01", (a) => (a & 1) === 0, bit(1));
single(3, "10", (a) => (a & 3) === 0, bit(2));
single(4, "00", () => true, never);
single(4, "01", () => true, bit(1));
single(4, "10", (a) => (a & 3) !== 3, bit(2));

// ---- Single structure to all lanes
const all = (n: number, defined: Test) =>
  form(
    `VLD${n} (all lanes)`,
    `11110100 1D10 RRRR dddd 11${(n - 1).toString(2).padStart(2, "0")} ssTa XXXX`,
    "",
    defined,
    (f) =>
      base(f) || (n === 1 ? field(f, "d") + field(f, "T") > 31 : field(f, "d") + (n - 1) * (1 + field(f, "T")) > 31),
  );
all(1, (f) => field(f, "s") !== 3 && !(field(f, "s") === 0 && field(f, "a") === 1));
all(2, notSize(3));
all(3, (f) => field(f, "s") !== 3 && field(f, "a") === 0);
all(4, (f) => !(field(f, "s") === 3 && field(f, "a") === 0));

/** Element and structure loads and stores: 1111 0100. */
export const NEON_TRANSFERS: readonly NeonForm[] = forms.splice(0);

/** The values that `word` gives to a form's fields. */
export function neonFields(form: NeonForm, word: number): Record<string, number> {
  const f: Record<string, number> = {};
  for (const [name, bits] of Object.entries(form.fields))
    f[name] = bits.reduce((value, bit) => value * 2 + ((word >>> bit) & 1), 0);
  return f;
}

/** A random word of the form: defined, and not UNPREDICTABLE. */
export function neonWord(form: NeonForm, random: Random): number {
  for (;;) {
    const word = ((random.word() & ~form.mask) | form.value) >>> 0;
    const f = neonFields(form, word);
    if (form.isDefined(f) && !form.isUnpredictable(f)) return word;
  }
}

/** What the manual says of a word of either space. */
export function neonMeaning(word: number): "defined" | "undefined" | "unpredictable" {
  const list = word >>> 25 === 0b1111001 ? NEON_DATA : NEON_TRANSFERS;
  for (const form of list) {
    if ((word & form.mask) >>> 0 !== form.value >>> 0) continue;
    const f = neonFields(form, word);
    if (form.isDefined(f)) return form.isUnpredictable(f) ? "unpredictable" : "defined";
  }
  return "undefined";
}

/** The same instruction in T32, first halfword on top. */
export function neonT32(word: number): number {
  if (word >>> 25 !== 0b1111001) return (0xf9000000 | (word & 0x00ffffff)) >>> 0;
  return (0xef000000 | ((word & 0x01000000) << 4) | (word & 0x00ffffff)) >>> 0;
}
