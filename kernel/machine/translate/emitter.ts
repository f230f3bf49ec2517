// Writing WebAssembly into linear memory. The binary format of the WebAssembly core specification 2.0, chapter 5, and its tail
// calls.
//
// Globals here live only while one module is written.

/** Opcodes (5.4). */
export const enum W {
  UNREACHABLE = 0x00,
  BLOCK = 0x02,
  LOOP = 0x03,
  IF = 0x04,
  ELSE = 0x05,
  END = 0x0b,
  BR = 0x0c,
  BR_IF = 0x0d,
  BR_TABLE = 0x0e,
  RETURN = 0x0f,
  CALL = 0x10,
  RETURN_CALL = 0x12,
  RETURN_CALL_INDIRECT = 0x13,
  DROP = 0x1a,
  SELECT = 0x1b,
  LOCAL_GET = 0x20,
  LOCAL_SET = 0x21,
  LOCAL_TEE = 0x22,
  I32_LOAD = 0x28,
  I64_LOAD = 0x29,
  F32_LOAD = 0x2a,
  F64_LOAD = 0x2b,
  I32_LOAD8_S = 0x2c,
  I32_LOAD8_U = 0x2d,
  I32_LOAD16_S = 0x2e,
  I32_LOAD16_U = 0x2f,
  I32_STORE = 0x36,
  I64_STORE = 0x37,
  F32_STORE = 0x38,
  F64_STORE = 0x39,
  I32_STORE8 = 0x3a,
  I32_STORE16 = 0x3b,
  I32_CONST = 0x41,
  I64_CONST = 0x42,
  I32_EQZ = 0x45,
  I32_EQ = 0x46,
  I32_NE = 0x47,
  I32_LT_S = 0x48,
  I32_LT_U = 0x49,
  I32_GT_S = 0x4a,
  I32_GT_U = 0x4b,
  I32_LE_S = 0x4c,
  I32_LE_U = 0x4d,
  I32_GE_S = 0x4e,
  I32_GE_U = 0x4f,
  I64_EQZ = 0x50,
  I64_EQ = 0x51,
  I64_NE = 0x52,
  F32_EQ = 0x5b,
  F32_LT = 0x5d,
  F32_GT = 0x5e,
  F32_LE = 0x5f,
  F32_GE = 0x60,
  F64_EQ = 0x61,
  F64_LT = 0x63,
  F64_GT = 0x64,
  F64_LE = 0x65,
  F64_GE = 0x66,
  I32_CLZ = 0x67,
  I32_ADD = 0x6a,
  I32_SUB = 0x6b,
  I32_MUL = 0x6c,
  I32_DIV_S = 0x6d,
  I32_DIV_U = 0x6e,
  I32_AND = 0x71,
  I32_OR = 0x72,
  I32_XOR = 0x73,
  I32_SHL = 0x74,
  I32_SHR_S = 0x75,
  I32_SHR_U = 0x76,
  I32_ROTL = 0x77,
  I32_ROTR = 0x78,
  I64_ADD = 0x7c,
  I64_MUL = 0x7e,
  I64_OR = 0x84,
  I64_SHL = 0x86,
  I64_SHR_U = 0x88,
  F32_ABS = 0x8b,
  F32_NEG = 0x8c,
  F32_SQRT = 0x91,
  F32_ADD = 0x92,
  F32_SUB = 0x93,
  F32_MUL = 0x94,
  F32_DIV = 0x95,
  F64_ABS = 0x99,
  F64_NEG = 0x9a,
  F64_SQRT = 0x9f,
  F64_ADD = 0xa0,
  F64_SUB = 0xa1,
  F64_MUL = 0xa2,
  F64_DIV = 0xa3,
  I32_WRAP_I64 = 0xa7,
  I32_TRUNC_F32_S = 0xa8,
  I32_TRUNC_F32_U = 0xa9,
  I32_TRUNC_F64_S = 0xaa,
  I32_TRUNC_F64_U = 0xab,
  I64_EXTEND_I32_S = 0xac,
  I64_EXTEND_I32_U = 0xad,
  F32_CONVERT_I32_S = 0xb2,
  F32_CONVERT_I32_U = 0xb3,
  F32_DEMOTE = 0xb6,
  F64_CONVERT_I32_S = 0xb7,
  F64_CONVERT_I32_U = 0xb8,
  F64_PROMOTE = 0xbb,
  I32_REINTERPRET_F32 = 0xbc,
  F32_REINTERPRET_I32 = 0xbe,
  I32_EXTEND8_S = 0xc0,
  I32_EXTEND16_S = 0xc1,
}

export const TYPE_I32: u32 = 0x7f;
export const TYPE_I64: u32 = 0x7e;
export const TYPE_F32: u32 = 0x7d;
export const TYPE_F64: u32 = 0x7c;
export const TYPE_V128: u32 = 0x7b;
export const TYPE_VOID: u32 = 0x40;

/** Where the next byte goes, and the end of the room. */
let out: u32 = 0;
let end: u32 = 0;

/** Starts writing at `at`; up to `limit` there is room. */
export function emitStart(at: u32, limit: u32): void {
  out = at;
  end = limit;
}

export function emitPosition(): u32 {
  return out;
}

/** Whether `bytes` more fit. Nothing else checks: whoever writes asks first, for as much as a piece can need. */
export function emitRoom(bytes: u32): bool {
  return end - out >= bytes;
}

// @ts-ignore: decorator
@inline
export function byte(value: u32): void {
  store<u8>(out++, value);
}

/** One opcode without immediates. */
// @ts-ignore: decorator
@inline
export function op(code: W): void {
  store<u8>(out++, <u32>code);
}

/** Unsigned LEB128 (5.2.2). */
export function leb(value: u32): void {
  while (value >= 0x80) {
    store<u8>(out++, (value & 0x7f) | 0x80);
    value >>>= 7;
  }
  store<u8>(out++, value);
}

/** Unsigned LEB128 in five bytes, for a size that is known later. */
export function lebWideAt(at: u32, value: u32): void {
  for (let i: u32 = 0; i < 4; i++) {
    store<u8>(at + i, (value & 0x7f) | 0x80);
    value >>>= 7;
  }
  store<u8>(at + 4, value);
}

/** Signed LEB128. */
function lebSigned(value: i32): void {
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0)) {
      store<u8>(out++, low);
      return;
    }
    store<u8>(out++, low | 0x80);
  }
}

export function constant(value: u32): void {
  store<u8>(out++, <u32>W.I32_CONST);
  lebSigned(<i32>value);
}

export function get(local: u32): void {
  store<u8>(out++, <u32>W.LOCAL_GET);
  leb(local);
}

export function set(local: u32): void {
  store<u8>(out++, <u32>W.LOCAL_SET);
  leb(local);
}

export function tee(local: u32): void {
  store<u8>(out++, <u32>W.LOCAL_TEE);
  leb(local);
}

/** A load or store whose address is on the stack, at a constant offset from it. The alignment is a hint; 0 is always true. */
export function access(code: W, offset: u32): void {
  store<u8>(out++, <u32>code);
  store<u8>(out++, 0);
  leb(offset);
}

export function call(index: u32): void {
  store<u8>(out++, <u32>W.CALL);
  leb(index);
}

// ---- labels: br counts them outwards from where it stands ----------------------------------------------------------------

/** Open blocks, loops and ifs. */
export let depth: u32 = 0;

export function depthReset(): void {
  depth = 0;
}

/** Opens a block, loop or if; returns the label that branchTo() wants. */
export function open(code: W, type: u32): u32 {
  store<u8>(out++, <u32>code);
  store<u8>(out++, type);
  return depth++;
}

export function close(): void {
  store<u8>(out++, <u32>W.END);
  depth--;
}

/** A branch to `label`: W.BR or W.BR_IF. */
export function branchTo(code: W, label: u32): void {
  store<u8>(out++, <u32>code);
  leb(depth - 1 - label);
}

/** As a br_table wants its labels. */
export function labelIndex(label: u32): void {
  leb(depth - 1 - label);
}
