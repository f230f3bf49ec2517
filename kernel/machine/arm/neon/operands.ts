// Register fields of Advanced SIMD instructions: always doublewords D0 … D31; a quadword is named by its first (ARM DDI 0406C A7.3).

/** D:Vd. */
// @ts-ignore: decorator
@inline
export function numberD(word: u32): u32 {
  return ((word >>> 12) & 0xf) | ((word >>> 18) & 0x10);
}

/** N:Vn. */
// @ts-ignore: decorator
@inline
export function numberN(word: u32): u32 {
  return ((word >>> 16) & 0xf) | ((word >>> 3) & 0x10);
}

/** M:Vm. */
// @ts-ignore: decorator
@inline
export function numberM(word: u32): u32 {
  return (word & 0xf) | ((word >>> 1) & 0x10);
}

/** Whether Vd, or Vn or Vm as far as they are quadwords, has an odd number: such an instruction is Undefined. */
// @ts-ignore: decorator
@inline
export function isOddPair(word: u32, hasN: bool, hasM: bool): bool {
  return ((word & (1 << 12)) | (hasN ? word & (1 << 16) : 0) | (hasM ? word & 1 : 0)) != 0;
}
