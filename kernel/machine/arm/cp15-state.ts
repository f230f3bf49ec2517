// Where the system control coprocessor's registers lie. One word each, at CP15_STATE. Read by mmu and exception on their own paths.

import { CP15_STATE } from "./state";

export const SCTLR: u32 = CP15_STATE + 0;
export const ACTLR: u32 = CP15_STATE + 4;
export const CPACR: u32 = CP15_STATE + 8;
export const TTBR0: u32 = CP15_STATE + 12;
export const TTBR1: u32 = CP15_STATE + 16;
export const TTBCR: u32 = CP15_STATE + 20;
export const DACR: u32 = CP15_STATE + 24;
export const DFSR: u32 = CP15_STATE + 28;
export const IFSR: u32 = CP15_STATE + 32;
export const ADFSR: u32 = CP15_STATE + 36;
export const AIFSR: u32 = CP15_STATE + 40;
export const DFAR: u32 = CP15_STATE + 44;
export const IFAR: u32 = CP15_STATE + 48;
export const PAR: u32 = CP15_STATE + 52;
/** With long descriptors they are MAIR0 and MAIR1. */
export const PRRR: u32 = CP15_STATE + 56;
export const NMRR: u32 = CP15_STATE + 60;
export const VBAR: u32 = CP15_STATE + 64;
export const CONTEXTIDR: u32 = CP15_STATE + 68;
export const TPIDRURW: u32 = CP15_STATE + 72;
export const TPIDRURO: u32 = CP15_STATE + 76;
export const TPIDRPRW: u32 = CP15_STATE + 80;
export const CSSELR: u32 = CP15_STATE + 84;
export const AMAIR0: u32 = CP15_STATE + 88;
export const AMAIR1: u32 = CP15_STATE + 92;
/** Bits 63:32, which the long-descriptor format has (B4.1.154, B4.1.112). */
export const TTBR0_HIGH: u32 = CP15_STATE + 96;
export const TTBR1_HIGH: u32 = CP15_STATE + 100;
export const PAR_HIGH: u32 = CP15_STATE + 104;
export const CP15_STATE_BYTES: u32 = 108;

/** TTBCR: long descriptors (B4.1.153). */
export const TTBCR_EAE: u32 = 0x8000_0000;

// CPACR bits, B4.1.40: Advanced SIMD, and D16 … D31, are disabled.
export const CPACR_ASEDIS: u32 = 0x8000_0000;
export const CPACR_D32DIS: u32 = 0x4000_0000;

// SCTLR bits, ARM DDI 0406C B4.1.130
export const SCTLR_M: u32 = 1 << 0;
export const SCTLR_A: u32 = 1 << 1;
export const SCTLR_C: u32 = 1 << 2;
export const SCTLR_SW: u32 = 1 << 10;
export const SCTLR_Z: u32 = 1 << 11;
export const SCTLR_I: u32 = 1 << 12;
export const SCTLR_V: u32 = 1 << 13;
export const SCTLR_WXN: u32 = 1 << 19;
export const SCTLR_UWXN: u32 = 1 << 20;
export const SCTLR_TRE: u32 = 1 << 28;
export const SCTLR_AFE: u32 = 1 << 29;
export const SCTLR_TE: u32 = 1 << 30;
