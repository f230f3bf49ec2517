// Micro-operations: what blocks are made of and the interpreter executes.
//
// One instruction becomes one or more of them. Few, simple ones make a small interpreter; the common instructions have one
// of their own, so that they cost one dispatch.
//
// Record (16 bytes):
//   +0  operation  u16
//   +2  d, n, m, s u8 × 4   operands; a register is 4 × its number, which is its offset in CPU_STATE
//   +6  it         u8       ITSTATE of the instruction
//   +7  offset     u8       of the instruction from the block's start, in halfwords
//   +8  immediate  u32
//   +12 link       u32      terminals: LINK_*, the block that follows, or LINK_HINT and the block that once followed
//
// Records of one instruction have one offset; what follows a memory access within an instruction is at most a write-back
// (MOV, ADDI) or a jump (JUMP), because the block may have to be left there (interpret, `finish`).

export const RECORD_BYTES: u32 = 16;
/** The successor lies in the same page and has not been looked for. */
export const LINK_UNRESOLVED: u32 = 0;
/** The successor is known by its address only when the branch is taken. */
export const LINK_INDIRECT: u32 = 1;
/** The successor lies in another page: look it up each time, its mapping may change. */
export const LINK_FAR: u32 = 2;
/** Added to the block that followed last, in place of the two above: the interpreter looks it up all the same, the translator takes the hint. */
export const LINK_HINT: u32 = 0x8000_0000;

/** How a flag-setting logical operation leaves C: operand `s`. */
export const CARRY_KEEP: u32 = 0;
export const CARRY_SHIFTER: u32 = 1;
export const CARRY_CLEAR: u32 = 2;
export const CARRY_SET: u32 = 3;

export const enum Op {
  NOP,
  // ---- guards: skip `immediate` bytes of records unless the condition holds (order of the condition field)
  GUARD_EQ,
  GUARD_NE,
  GUARD_CS,
  GUARD_CC,
  GUARD_MI,
  GUARD_PL,
  GUARD_VS,
  GUARD_VC,
  GUARD_HI,
  GUARD_LS,
  GUARD_GE,
  GUARD_LT,
  GUARD_GT,
  GUARD_LE,
  // ---- d = f(n, immediate)
  MOVI,
  ADDI,
  RSBI,
  ADCI,
  RSCI,
  ANDI,
  ORRI,
  EORI,
  /** d = block's address + immediate */
  ADDRESS,
  // ---- d = f(n, m)
  MOV,
  MVN,
  ADD,
  SUB,
  ADC,
  SBC,
  AND,
  ORR,
  EOR,
  BIC,
  ORN,
  /** d = n + (m << s), and so on */
  ADD_LSL,
  ADD_LSR,
  SUB_LSL,
  RSB_LSL,
  ORR_LSL,
  ORR_LSR,
  EOR_LSL,
  EOR_LSR,
  EOR_ROR,
  AND_LSR,
  // ---- the same, setting flags; logical ones take C from operand s
  ADDSI,
  SUBSI,
  RSBSI,
  ADCSI,
  RSCSI,
  CMPI,
  CMNI,
  ANDSI,
  ORRSI,
  EORSI,
  MOVSI,
  TSTI,
  TEQI,
  ADDS,
  SUBS,
  ADCS,
  SBCS,
  CMP,
  CMN,
  ANDS,
  ORRS,
  EORS,
  BICS,
  ORNS,
  MOVS,
  MVNS,
  TST,
  TEQ,
  // ---- shifts: d = m shifted by immediate `s` (1 … 31), or by register s
  LSLI,
  LSRI,
  ASRI,
  RORI,
  RRX,
  LSLR,
  LSRR,
  ASRR,
  RORR,
  // with carry out to the shifter carry; immediate amounts 1 … 32
  LSLIC,
  LSRIC,
  ASRIC,
  RORIC,
  RRXC,
  LSLRC,
  LSRRC,
  ASRRC,
  RORRC,
  // with N, Z and C
  LSLSI,
  LSRSI,
  ASRSI,
  // ---- multiply and divide; 64-bit results go to d (low) and s (high)
  MUL,
  MLA,
  MLS,
  UMULL,
  SMULL,
  UMLAL,
  SMLAL,
  UMAAL,
  SDIV,
  UDIV,
  /** N and Z of register d */
  FLAGS,
  /** N and Z of the pair d (low), s (high) */
  FLAGS64,
  // ---- bytes, halfwords, fields: d = f(m rotated right by s)
  UXTB,
  UXTH,
  SXTB,
  SXTH,
  /** d = (n >> s) & immediate */
  UBFX,
  /** d = n shifted left by m, then arithmetically right by s */
  SBFX,
  /** d = d & ~immediate | (n << s) & immediate */
  BFI,
  CLZ,
  REV,
  REV16,
  REVSH,
  RBIT,
  /** d = media(immediate, n, m, s) */
  MEDIA,
  /** d:s = mediaLong(immediate, d, s, n, m) */
  MEDIA_LONG,
  /** d = saturate(n, immediate); s: 0 signed, 1 unsigned, 2 signed 16 × 2, 3 unsigned 16 × 2 */
  SATURATE,
  // ---- loads and stores: register d, base n, offset immediate or m << s
  LDR,
  LDRB,
  LDRH,
  LDRSB,
  LDRSH,
  STR,
  STRB,
  STRH,
  LDR_R,
  LDRB_R,
  LDRH_R,
  LDRSB_R,
  LDRSH_R,
  STR_R,
  STRB_R,
  STRH_R,
  /** base = block's address rounded down to a word */
  LDR_LITERAL,
  /** base n is written back: pre-indexed adds the immediate before, post-indexed after the access */
  LDR_PRE,
  STR_PRE,
  LDR_POST,
  LDRB_POST,
  STR_POST,
  STRB_POST,
  /** registers d and s, address n */
  LDRD,
  STRD,
  /** list = low half of immediate; base n; s = block mode (BLOCK_*) */
  LDM,
  STM,
  /** user registers, or exception return */
  BLOCK_SPECIAL,
  /** register d at address n; s = size, bit 7 signed */
  LDR_UNPRIVILEGED,
  STR_UNPRIVILEGED,
  /** exclusive accesses: s = size; register d (and m), address n; status to register immediate */
  LDREX,
  STREX,
  CLREX,
  SWP,
  // ---- VFP
  /** Undefined unless the VFP may be used, and neither CPACR (bits 31:30: Advanced SIMD, D16 … D31) nor FPSCR has a bit of the immediate */
  VFP_CHECK,
  /** double or single register at VFP_STATE offset m × 4; base n + immediate */
  VLDR32,
  VLDR64,
  VSTR32,
  VSTR64,
  /** s words from VFP_STATE offset m × 4; base n + immediate */
  VLDM,
  VSTM,
  /** the instruction word is the immediate */
  VFP_DATA,
  VFP_MOVE,
  /** d = FPSCR flags to N, Z, C, V */
  VFP_FLAGS,
  /** singles or doubles at VFP_STATE offsets d, n, m × 4 */
  VMOV_CORE_TO_S,
  VMOV_S_TO_CORE,
  VADD32,
  VSUB32,
  VMUL32,
  VDIV32,
  VADD64,
  VSUB64,
  VMUL64,
  VDIV64,
  VMOV32,
  VMOV64,
  // ---- Advanced SIMD
  /** the instruction word, as A32 has it, is the immediate */
  NEON_DATA,
  /** s bytes between address n and VFP_STATE offset m × 4; immediate: alignment, and log2 of an element's bytes in bits 15:8 */
  VLD1,
  VST1,
  /** the instruction word is the immediate; address n */
  NEON_STRUCTURE,
  // ---- system
  /** d = state word at immediate */
  READ_STATE,
  /** the same for PL1 only */
  READ_STATE_PL1,
  /** the instruction word is the immediate; d, s registers */
  SYSTEM_READ,
  // ---- terminals: nothing follows. Targets are block's address + immediate
  B,
  B_EQ,
  B_NE,
  B_CS,
  B_CC,
  B_MI,
  B_PL,
  B_VS,
  B_VC,
  B_HI,
  B_LS,
  B_GE,
  B_LT,
  B_GT,
  B_LE,
  /** d: register */
  CBZ,
  CBNZ,
  /** s: Thumb bit of the return address */
  BL,
  /** to the other instruction set; target rounded down to a word when it is ARM */
  BLX,
  /** to register m, with interworking */
  JUMP,
  /** to the instruction set at hand: block's address + immediate + 2 × m */
  TABLE_BRANCH,
  /** to register m, without */
  JUMP_PLAIN,
  /** lr = return address, then JUMP */
  JUMP_LINK,
  /** the block ended for its length or its page */
  FALL,
  SVC,
  HVC,
  BKPT,
  UNDEFINED,
  /** exception return to register m: CPSR = SPSR */
  RETURN,
  /** immediate = the instruction word, s = SYSTEM_* kind, d and m registers */
  SYSTEM,
  // ---- compare and branch as one: the flags are set as CMP would, then the branch is decided
  CMPI_B_EQ,
  CMPI_B_NE,
  CMPI_B_CS,
  CMPI_B_CC,
  CMPI_B_HI,
  CMPI_B_LS,
  CMPI_B_GE,
  CMPI_B_LT,
  CMPI_B_GT,
  CMPI_B_LE,
  CMP_B_EQ,
  CMP_B_NE,
  CMP_B_CS,
  CMP_B_CC,
  CMP_B_HI,
  CMP_B_LS,
  CMP_B_GE,
  CMP_B_LT,
  CMP_B_GT,
  CMP_B_LE,
  TSTI_B_EQ,
  TSTI_B_NE,
}

// Kinds of SYSTEM, operand s.
export const SYSTEM_MSR: u32 = 0;
export const SYSTEM_CPS: u32 = 1;
export const SYSTEM_COPROCESSOR_WRITE: u32 = 2;
export const SYSTEM_COPROCESSOR_WRITE_2: u32 = 3;
export const SYSTEM_WFI: u32 = 4;
export const SYSTEM_RFE: u32 = 5;
export const SYSTEM_SRS: u32 = 6;
export const SYSTEM_VMSR: u32 = 7;
/** Added for 16-bit encodings. */
export const SYSTEM_SHORT: u32 = 0x80;

// Block transfer modes, operand s of LDM and STM: bit 0 increment, bit 1 before, bit 2 write back.
export const BLOCK_INCREMENT: u32 = 1;
export const BLOCK_BEFORE: u32 = 2;
export const BLOCK_WRITE_BACK: u32 = 4;
/** BLOCK_SPECIAL: load, and user registers rather than exception return. */
export const BLOCK_LOAD: u32 = 8;
export const BLOCK_USER: u32 = 16;
