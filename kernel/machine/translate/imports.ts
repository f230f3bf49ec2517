// What translated code calls: the functions of `assist` and of the interpreter, in the order of the module's import section.

/** Function types of the module, by index. Letters as in `TYPES` of module.ts. */
export const TYPE_FUNCTION: u32 = 0; // (fuel, page, state) → fuel; every other function of three words too
export const TYPE_2: u32 = 1;
export const TYPE_4: u32 = 2;
export const TYPE_WIDE: u32 = 3; // (i64, i64) → i64
export const TYPE_1: u32 = 4;
export const TYPE_0: u32 = 5;

export const IMPORT_PLACE: u32 = 0;
export const IMPORT_LEAVE: u32 = 1;
export const IMPORT_JUMP: u32 = 2;
export const IMPORT_OVERFLOW: u32 = 3;
export const IMPORT_COPROCESSOR_WRITE: u32 = 4;
export const IMPORT_VFP_REFUSED: u32 = 5;
export const IMPORT_VFP_DATA: u32 = 6;
export const IMPORT_VFP_MOVE: u32 = 7;
export const IMPORT_SYSTEM_READ: u32 = 8;
export const IMPORT_SHIFT_CARRY: u32 = 9;
export const IMPORT_REVERSE_BITS: u32 = 10;
export const IMPORT_MEDIA: u32 = 11;
export const IMPORT_MEDIA_LONG: u32 = 12;
export const IMPORT_SATURATE: u32 = 13;
/** Add, subtract, multiply, divide. */
export const IMPORT_FLOAT64: u32 = 14;
export const IMPORT_FLOAT32: u32 = 18;
export const IMPORT_NEON_DATA: u32 = 22;
export const IMPORT_NEON_STRUCTURE: u32 = 23;
export const IMPORT_COUNT: u32 = 24;

const types: usize = memory.data<u8>([
  <u8>TYPE_FUNCTION,
  <u8>TYPE_1,
  <u8>TYPE_2,
  <u8>TYPE_FUNCTION,
  <u8>TYPE_4,
  <u8>TYPE_0,
  <u8>TYPE_1,
  <u8>TYPE_1,
  <u8>TYPE_FUNCTION,
  <u8>TYPE_4,
  <u8>TYPE_1,
  <u8>TYPE_4,
  <u8>TYPE_4,
  <u8>TYPE_FUNCTION,
  <u8>TYPE_WIDE,
  <u8>TYPE_WIDE,
  <u8>TYPE_WIDE,
  <u8>TYPE_WIDE,
  <u8>TYPE_2,
  <u8>TYPE_2,
  <u8>TYPE_2,
  <u8>TYPE_2,
  <u8>TYPE_1,
  <u8>TYPE_2,
]);

/** Type of an import. */
export function importType(index: u32): u32 {
  return load<u8>(types + index);
}
