// What memory Advanced SIMD's element and structure loads and stores access: ARM DDI 0406C A7.7, tables A7-20 and A7-21.

/** Registers that multiple structures fill, by type (bits 11:8). */
const REGISTERS = [4, 4, 4, 4, 3, 3, 3, 1, 2, 2, 2];

/** Bytes that `word` moves, as A32 has it (1111 0100 … 0). 0: it is Undefined. */
export function structureBytes(word: number): number {
  const type = (word >>> 8) & 15;
  if (((word >>> 23) & 1) === 0) return 8 * (REGISTERS[type] ?? 0);
  const elements = (type & 3) + 1;
  if (type < 12) return elements << (type >>> 2);
  const size = (word >>> 6) & 3;
  // To all lanes. Only VLD4 has a fourth size: words that are aligned.
  if (size === 3) return elements === 4 ? 16 : 0;
  return elements << size;
}
