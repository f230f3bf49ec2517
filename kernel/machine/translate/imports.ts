// What translated code calls: the functions of `assist` and of the interpreter, in the order of the module's import section.

/** Function types of the module, by index. Letters as in `TYPES` of module.ts. */
export const TYPE_FUNCTION: u32 = 0; // (fuel, page, state) → fuel; every other function of three words too
export const TYPE_2: u32 = 1;
export const TYPE_4: u32 = 2;
export const TYPE_6: u32 = 3;
export const TYPE_WIDE: u32 = 4; // (i64, i64) → i64
export const TYPE_1: u32 = 5;
export const TYPE_0: u32 = 6;

export const IMPORT_READ: u32 = 0;
export const IMPORT_WRITE: u32 = 1;
export const IMPORT_LEAVE: u32 = 2;
export const IMPORT_CARRY: u32 = 3;
export const IMPORT_VFP_USABLE: u32 = 4;
export const IMPORT_BLOCK_LOAD: u32 = 5;
export const IMPORT_BLOCK_STORE: u32 = 6;
export const IMPORT_DUAL_LOAD: u32 = 7;
export const IMPORT_DUAL_STORE: u32 = 8;
export const IMPORT_EXCLUSIVE_LOAD: u32 = 9;
export const IMPORT_EXCLUSIVE_STORE: u32 = 10;
export const IMPORT_VFP_LOAD: u32 = 11;
export const IMPORT_VFP_STORE: u32 = 12;
export const IMPORT_READ_UNPRIVILEGED: u32 = 13;
export const IMPORT_WRITE_UNPRIVILEGED: u32 = 14;
export const IMPORT_VFP_DATA: u32 = 15;
export const IMPORT_VFP_MOVE: u32 = 16;
export const IMPORT_SYSTEM_READ: u32 = 17;
export const IMPORT_SHIFT_CARRY: u32 = 18;
export const IMPORT_REVERSE_BITS: u32 = 19;
export const IMPORT_MEDIA: u32 = 20;
export const IMPORT_MEDIA_LONG: u32 = 21;
export const IMPORT_SATURATE: u32 = 22;
/** Add, subtract, multiply, divide. */
export const IMPORT_FLOAT64: u32 = 23;
export const IMPORT_FLOAT32: u32 = 27;
export const IMPORT_JUMP: u32 = 31;
export const IMPORT_COUNT: u32 = 32;
