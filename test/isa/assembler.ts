// The few instructions that tests and their harness write themselves. Words are A32, or T32 with the first halfword on top.

export const AL = 14;

/** MOVW and MOVT: any 32-bit constant in two instructions. T32 does not allow register 13 or 15. */
export function a32Constant(register: number, value: number): number[] {
  const half = (opcode: number, imm: number) =>
    (opcode | ((imm >>> 12) << 16) | (register << 12) | (imm & 0xfff)) >>> 0;
  return [half(0xe3000000, value & 0xffff), half(0xe3400000, value >>> 16)];
}

export function t32Constant(register: number, value: number): number[] {
  const half = (opcode: number, imm: number) =>
    (opcode |
      (((imm >>> 11) & 1) << 26) |
      ((imm >>> 12) << 16) |
      (((imm >>> 8) & 7) << 12) |
      (register << 8) |
      (imm & 0xff)) >>>
    0;
  return [half(0xf2400000, value & 0xffff), half(0xf2c00000, value >>> 16)];
}

/** T16 MOV between any registers (encoding T1). */
export function t16Move(d: number, m: number): number {
  return 0x4600 | ((d >> 3) << 7) | (m << 3) | (d & 7);
}

/** A 32-bit T32 instruction as its two halfwords. */
export function halfwords(word: number): number[] {
  return [word >>> 16, word & 0xffff];
}

/** The bytes of an A32 word as two halfwords, low half first. */
export function wordHalves(word: number): number[] {
  return [word & 0xffff, word >>> 16];
}

/** A32 B or BL with everything but the offset in `opcode`. */
export function a32Branch(opcode: number, from: number, to: number): number {
  return (opcode | (((to - from - 8) >> 2) & 0xffffff)) >>> 0;
}

/** T32 B.W (encoding T4), BL or BLX, with everything but the offset in `opcode`. */
export function t32Branch(opcode: number, offset: number): number {
  const s = offset < 0 ? 1 : 0;
  const j1 = (((offset >> 23) & 1) ^ 1 ^ s) & 1;
  const j2 = (((offset >> 22) & 1) ^ 1 ^ s) & 1;
  const high = (s << 10) | ((offset >> 12) & 0x3ff);
  return (opcode | (high << 16) | (j1 << 13) | (j2 << 11) | ((offset >> 1) & 0x7ff)) >>> 0;
}

/** T32 B<cond>.W (encoding T3). */
export function t32BranchConditional(condition: number, offset: number): number {
  const s = offset < 0 ? 1 : 0;
  const j = ((offset >> 18) & 1) << 13;
  const k = ((offset >> 19) & 1) << 11;
  return (
    (0xf0008000 | (s << 26) | (condition << 22) | (((offset >> 12) & 0x3f) << 16) | j | k | ((offset >> 1) & 0x7ff)) >>>
    0
  );
}
