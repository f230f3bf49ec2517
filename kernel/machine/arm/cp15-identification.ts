// Coprocessor 15, c0: who this CPU is. Cortex-A7 MPCore (DDI 0464F), with everything hidden that this machine does not have. ARM DDI 0406C B4.1.

import { CSSELR } from "./cp15-state";

/** The value read by the last readIdentification() that answered true. */
export let identification: u32 = 0;

/** Reads the identification register `key` (as cp15 names it) to `identification`. False: there is none. */
export function readIdentification(key: u32): bool {
  switch (key) {
    case 0x0000: // MIDR: Cortex-A7 r0p5
      identification = 0x410f_c075;
      return true;
    case 0x0001: // CTR
      identification = 0x8444_8003;
      return true;
    case 0x0005: // MPIDR: multiprocessing format, CPU 0
      identification = 0x8000_0000;
      return true;
    case 0x0006: // REVIDR
    case 0x0002: // TCMTR
    case 0x0003: // TLBTR
      identification = 0;
      return true;
    case 0x0004: // aliases of MIDR
    case 0x0007:
      identification = 0x410f_c075;
      return true;
    case 0x0010: // ID_PFR0: ARM, Thumb-2, trivial Jazelle; no ThumbEE
      identification = 0x0000_0131;
      return true;
    case 0x0011: // ID_PFR1: generic timer
      identification = 0x0001_0001;
      return true;
    case 0x0012: // ID_DFR0: no debug; performance monitors, PMUv2
      identification = 0x0200_0000;
      return true;
    case 0x0013: // ID_AFR0
      identification = 0;
      return true;
    case 0x0014: // ID_MMFR0: VMSAv7 with PXN and LPAE
      identification = 0x1010_1105;
      return true;
    case 0x0015:
      identification = 0x4000_0000;
      return true;
    case 0x0016:
      identification = 0x0124_0000;
      return true;
    case 0x0017:
      identification = 0x0210_2211;
      return true;
    case 0x0020: // ID_ISAR0: SDIV and UDIV in both instruction sets
      identification = 0x0210_1110;
      return true;
    case 0x0021: // ID_ISAR1: no SETEND
      identification = 0x1311_2110;
      return true;
    case 0x0022:
      identification = 0x2123_2041;
      return true;
    case 0x0023: // ID_ISAR3: no ThumbEE
      identification = 0x0111_2131;
      return true;
    case 0x0024: // ID_ISAR4: no SMC
      identification = 0x1001_0142;
      return true;
    case 0x0025: // ID_ISAR5 and reserved ones read as zero
    case 0x0026:
    case 0x0027:
      identification = 0;
      return true;
    case 0x0100: // CCSIDR of the cache that CSSELR selects: 32 KiB data 4-way, 32 KiB instruction 2-way
      identification = load<u32>(CSSELR) & 1 ? 0x203f_e009 : 0x700f_e01a;
      return true;
    case 0x0101: // CLIDR: separate level 1 caches, nothing beyond
      identification = 0x0920_0003;
      return true;
    case 0x0107: // AIDR
      identification = 0;
      return true;
    case 0x0200:
      identification = load<u32>(CSSELR);
      return true;
    default:
      return false;
  }
}
