// The system control coprocessor. ARM DDI 0406C B3.17, B4.1. Identity: Cortex-A7 MPCore (DDI 0464F), with everything hidden that
// this machine does not have: Security and Virtualization Extensions, ThumbEE, Jazelle, debug, performance monitors.
//
// A register is named by key = CRn << 12 | opc1 << 8 | CRm << 4 | opc2.

import { CONFIG_CPU, CPU_WITHOUT_NEON, IRQ_LINE } from "../../abi/layout";
import {
  CNTFRQ,
  CNTKCTL,
  CNTPCT,
  CNTP_CTL,
  CNTP_CVAL,
  CNTP_TVAL,
  CNTVCT,
  CNTV_CTL,
  CNTV_CVAL,
  CNTV_TVAL,
  timerRead,
  timerRead64,
  timerWrite,
  timerWrite64,
} from "../devices/timer";
import {
  ACTLR,
  ADFSR,
  AIFSR,
  AMAIR0,
  AMAIR1,
  CONTEXTIDR,
  CP15_STATE_BYTES,
  CPACR,
  CPACR_ASEDIS,
  CPACR_D32DIS,
  CSSELR,
  DACR,
  DFAR,
  DFSR,
  IFAR,
  IFSR,
  NMRR,
  PAR,
  PAR_HIGH,
  PRRR,
  SCTLR,
  SCTLR_A,
  SCTLR_AFE,
  SCTLR_C,
  SCTLR_I,
  SCTLR_M,
  SCTLR_SW,
  SCTLR_TE,
  SCTLR_TRE,
  SCTLR_UWXN,
  SCTLR_V,
  SCTLR_WXN,
  SCTLR_Z,
  TPIDRPRW,
  TPIDRURO,
  TPIDRURW,
  TTBCR,
  TTBCR_EAE,
  TTBR0,
  TTBR0_HIGH,
  TTBR1,
  TTBR1_HIGH,
  VBAR,
} from "./cp15-state";
import { longAttributeIndex, longOutput, longShareability } from "./memory/long-walk";
import { ACCESS_READ, ACCESS_WRITE, fault, faultStatus, isBeyond, physical, translate } from "./memory/mmu";
import { WORK_NOW, WORK_TIMER, work, workOfCaches } from "../devices/work";
import { privileged } from "./psr";
import { CP15_STATE } from "./state";
import { tlbFlush, tlbFlushAsid, tlbFlushPage, tlbSelect } from "./memory/tlb";

/** SCTLR: bits that read as one (B4.1.130: 22, 18, 16, 6:3 of ARMv7) and those that can be written. */
const SCTLR_ONES: u32 = (1 << 23) | (1 << 22) | (1 << 18) | (1 << 16) | 0x78;
const SCTLR_WRITABLE: u32 =
  SCTLR_M |
  SCTLR_A |
  SCTLR_C |
  SCTLR_SW |
  SCTLR_Z |
  SCTLR_I |
  SCTLR_V |
  SCTLR_WXN |
  SCTLR_UWXN |
  SCTLR_TRE |
  SCTLR_AFE |
  SCTLR_TE;
/** Changing one of these changes what translations answer. */
const SCTLR_TRANSLATES: u32 = SCTLR_M | SCTLR_AFE | SCTLR_TRE | SCTLR_WXN | SCTLR_UWXN;
/** TTBCR's bits without EAE and with it: UNK/SBZP are zero (B4.1.153). */
const TTBCR_SHORT: u32 = 0x37;
const TTBCR_LONG: u32 = 0xffc7_3f87;

/** CPACR's bits that can be written: coprocessors 10 and 11 alone exist. Without Advanced SIMD, ASEDIS is RAO/WI (B4.1.40). */
const CPACR_WRITABLE: u32 = 0x00f0_0000 | CPACR_ASEDIS | CPACR_D32DIS;

function cpacrWrite(value: u32): void {
  const hidden = load<u32>(CONFIG_CPU) & CPU_WITHOUT_NEON ? CPACR_ASEDIS : 0;
  store<u32>(CPACR, (value & CPACR_WRITABLE) | hidden);
}

/** The value read by the last cp15Read() that answered true. */
export let cp15Value: u32 = 0;

export function cp15Reset(): void {
  memory.fill(CP15_STATE, 0, CP15_STATE_BYTES);
  store<u32>(SCTLR, SCTLR_ONES);
  cpacrWrite(0);
}

/** Reads a register. False: Undefined at the present privilege. */
export function cp15Read(key: u32): bool {
  if (key >>> 12 == 0) return privileged() && readIdentification(key);
  if (key >>> 12 == 14) return worked(readTimer(key));
  switch (key) {
    // Any privilege
    case 0xd002:
      cp15Value = load<u32>(TPIDRURW);
      return true;
    case 0xd003:
      cp15Value = load<u32>(TPIDRURO);
      return true;
  }
  if (!privileged()) return false;
  const at = storage(key);
  if (at) {
    cp15Value = load<u32>(at);
    return true;
  }
  switch (key) {
    case 0xc010: // ISR (B4.1.93)
      cp15Value = load<u32>(IRQ_LINE) << 7;
      return true;
    case 0xd000: // FCSEIDR: RAZ/WI
      cp15Value = 0;
      return true;
    case 0xf400: // Cortex-A7 CBAR (configuration base address): QEMU's virt has none either
      cp15Value = 0;
      return true;
    case 0x9102: // L2CTLR: one CPU, no L2
      cp15Value = 0;
      return true;
    default:
      return false;
  }
}

/** Plain registers: their place, or 0. PL1 only. */
function storage(key: u32): u32 {
  switch (key) {
    case 0x1000:
      return SCTLR;
    case 0x1001:
      return ACTLR;
    case 0x1002:
      return CPACR;
    case 0x2000:
      return TTBR0;
    case 0x2001:
      return TTBR1;
    case 0x2002:
      return TTBCR;
    case 0x3000:
      return DACR;
    case 0x5000:
      return DFSR;
    case 0x5001:
      return IFSR;
    case 0x5010:
      return ADFSR;
    case 0x5011:
      return AIFSR;
    case 0x6000:
      return DFAR;
    case 0x6002:
      return IFAR;
    case 0x7040:
      return PAR;
    case 0xa020:
      return PRRR;
    case 0xa021:
      return NMRR;
    case 0xa030:
      return AMAIR0;
    case 0xa031:
      return AMAIR1;
    case 0xc000:
      return VBAR;
    case 0xd001:
      return CONTEXTIDR;
    case 0xd003:
      return TPIDRURO;
    case 0xd004:
      return TPIDRPRW;
    default:
      return 0;
  }
}

/** Writes a register. False: Undefined at the present privilege. */
export function cp15Write(key: u32, value: u32): bool {
  if (key >>> 12 == 14) return worked(writeTimer(key, value));
  switch (key) {
    case 0xd002:
      store<u32>(TPIDRURW, value);
      return true;
    // CP15ISB, CP15DSB, CP15DMB: user mode may
    case 0x7054:
    case 0x70a4:
    case 0x70a5:
      return true;
  }
  if (!privileged()) return false;
  switch (key) {
    case 0x1000: {
      const before = load<u32>(SCTLR);
      const after = SCTLR_ONES | (value & SCTLR_WRITABLE);
      store<u32>(SCTLR, after);
      if ((before ^ after) & SCTLR_TRANSLATES) tlbFlush();
      return true;
    }
    case 0x1002:
      cpacrWrite(value);
      return true;
    case 0x2002:
      store<u32>(TTBCR, value & (value & TTBCR_EAE ? TTBCR_LONG : TTBCR_SHORT));
      tlbFlush();
      return true;
    case 0x3000:
      store<u32>(DACR, value);
      tlbSelect();
      return true;
    case 0xd001:
      store<u32>(CONTEXTIDR, value);
      tlbSelect();
      return true;
    case 0xc000:
      store<u32>(VBAR, value & ~31);
      return true;
    case 0x0200:
      store<u32>(CSSELR, value & 15);
      return true;
    case 0xd000:
    case 0xf400:
    case 0x9102:
      return true;
  }
  const at = storage(key);
  if (at) {
    store<u32>(at, value);
    return true;
  }
  if (key >>> 12 == 7) return maintain(key, value);
  if (key >>> 12 == 8) return maintainTlb(key, value);
  return false;
}

/** c7: caches are not modelled, so their maintenance does nothing; code is tracked by stores (pages). Address translation does work. */
function maintain(key: u32, value: u32): bool {
  switch (key & 0xfff) {
    case 0x04: // WFI of ARMv6 encodings: NOP in ARMv7
    case 0x10: // ICIALLUIS
    case 0x16: // BPIALLIS
    case 0x50: // ICIALLU
    case 0x51: // ICIMVAU
    case 0x56: // BPIALL
    case 0x57: // BPIMVA
    case 0x61: // DCIMVAC
    case 0x62: // DCISW
    case 0xa1: // DCCMVAC
    case 0xa2: // DCCSW
    case 0xb1: // DCCMVAU
    case 0xe1: // DCCIMVAC
    case 0xe2: // DCCISW
      return true;
    case 0x80: // ATS1CPR
    case 0x81: // ATS1CPW
    case 0x82: // ATS1CUR
    case 0x83: // ATS1CUW
      translate(value, key & 1 ? ACCESS_WRITE : ACCESS_READ, (key & 2) == 0, false);
      if (load<u32>(TTBCR) & TTBCR_EAE) longAddress();
      else {
        // PAR, B4.1.112: fault status in bits 6:1 with F, or the page.
        store<u32>(PAR, fault ? ((fault & 31) << 1) | 1 : physical & 0xffff_f000);
        store<u32>(PAR_HIGH, 0);
      }
      return true;
    default:
      return false;
  }
}

/** PAR with long descriptors: LPAE in bit 11; then F and the status, or the address, NS (one, where there is no secure state), shareability
 *  and the memory's attributes. */
function longAddress(): void {
  if (fault && !isBeyond) {
    store<u32>(PAR, (1 << 11) | ((faultStatus(fault) & 0x3f) << 1) | 1);
    store<u32>(PAR_HIGH, 0);
    return;
  }
  const isOn = (load<u32>(SCTLR) & SCTLR_M) != 0;
  const index = longAttributeIndex();
  const attributes = (load<u32>(index < 4 ? PRRR : NMRR) >>> ((index & 3) << 3)) & 0xff;
  const low = (physical & 0xffff_f000) | (1 << 11) | (1 << 9);
  // Without the MMU all is strongly-ordered, and outer shareable.
  store<u32>(PAR, low | ((isOn ? longShareability() : 2) << 7));
  store<u32>(PAR_HIGH, isOn ? (<u32>((longOutput >>> 32) & 0xff)) | (attributes << 24) : 0);
}

/** c8: TLB maintenance. Instruction, data and unified forms are one; inner-shareable forms too. */
function maintainTlb(key: u32, value: u32): bool {
  const set = (key >>> 4) & 15;
  if (set != 3 && set != 5 && set != 6 && set != 7) return false;
  switch (key & 0xf0f) {
    case 0:
      tlbFlush();
      return true;
    case 1:
    case 3:
      tlbFlushPage(value);
      return true;
    case 2:
      tlbFlushAsid(value & 0xff);
      return true;
    default:
      return false;
  }
}

/** c0: identification. */
function readIdentification(key: u32): bool {
  switch (key) {
    case 0x0000: // MIDR: Cortex-A7 r0p5
      cp15Value = 0x410f_c075;
      return true;
    case 0x0001: // CTR
      cp15Value = 0x8444_8003;
      return true;
    case 0x0005: // MPIDR: multiprocessing format, CPU 0
      cp15Value = 0x8000_0000;
      return true;
    case 0x0006: // REVIDR
    case 0x0002: // TCMTR
    case 0x0003: // TLBTR
      cp15Value = 0;
      return true;
    case 0x0004: // aliases of MIDR
    case 0x0007:
      cp15Value = 0x410f_c075;
      return true;
    case 0x0010: // ID_PFR0: ARM, Thumb-2, trivial Jazelle; no ThumbEE
      cp15Value = 0x0000_0131;
      return true;
    case 0x0011: // ID_PFR1: generic timer
      cp15Value = 0x0001_0001;
      return true;
    case 0x0012: // ID_DFR0: no debug, no performance monitors
    case 0x0013: // ID_AFR0
      cp15Value = 0;
      return true;
    case 0x0014: // ID_MMFR0: VMSAv7 with PXN and LPAE
      cp15Value = 0x1010_1105;
      return true;
    case 0x0015:
      cp15Value = 0x4000_0000;
      return true;
    case 0x0016:
      cp15Value = 0x0124_0000;
      return true;
    case 0x0017:
      cp15Value = 0x0210_2211;
      return true;
    case 0x0020: // ID_ISAR0: SDIV and UDIV in both instruction sets
      cp15Value = 0x0210_1110;
      return true;
    case 0x0021: // ID_ISAR1: no SETEND
      cp15Value = 0x1311_2110;
      return true;
    case 0x0022:
      cp15Value = 0x2123_2041;
      return true;
    case 0x0023: // ID_ISAR3: no ThumbEE
      cp15Value = 0x0111_2131;
      return true;
    case 0x0024: // ID_ISAR4: no SMC
      cp15Value = 0x1001_0142;
      return true;
    case 0x0025: // ID_ISAR5 and reserved ones read as zero
    case 0x0026:
    case 0x0027:
      cp15Value = 0;
      return true;
    case 0x0100: // CCSIDR of the cache that CSSELR selects: 32 KiB data 4-way, 32 KiB instruction 2-way
      cp15Value = load<u32>(CSSELR) & 1 ? 0x203f_e009 : 0x700f_e01a;
      return true;
    case 0x0101: // CLIDR: separate level 1 caches, nothing beyond
      cp15Value = 0x0920_0003;
      return true;
    case 0x0107: // AIDR
      cp15Value = 0;
      return true;
    case 0x0200:
      cp15Value = load<u32>(CSSELR);
      return true;
    default:
      return false;
  }
}

// ---- c14: generic timer (B8.1) ----------------------------------------------------------------------------------------------

/** The timer is a device, and an access to it is work. What is Undefined is none. */
function worked(allowed: bool): bool {
  if (allowed) {
    work(WORK_TIMER);
    workOfCaches(WORK_NOW);
  }
  return allowed;
}

/** What CNTKCTL grants user mode (B8.1.1): bit 0 PL0PCTEN, 1 PL0VCTEN, 8 PL0VTEN, 9 PL0PTEN. */
function userMay(bit: u32): bool {
  return privileged() || (timerRead(CNTKCTL) & ((1 as u32) << bit)) != 0;
}

function readTimer(key: u32): bool {
  switch (key) {
    case 0xe000:
      if (!userMay(0) && !userMay(1)) return false;
      cp15Value = timerRead(CNTFRQ);
      return true;
    case 0xe010:
      if (!privileged()) return false;
      cp15Value = timerRead(CNTKCTL);
      return true;
    case 0xe020:
      return readTimerIf(9, CNTP_TVAL);
    case 0xe021:
      return readTimerIf(9, CNTP_CTL);
    case 0xe030:
      return readTimerIf(8, CNTV_TVAL);
    case 0xe031:
      return readTimerIf(8, CNTV_CTL);
    default:
      return false;
  }
}

function readTimerIf(bit: u32, register: u32): bool {
  if (!userMay(bit)) return false;
  cp15Value = timerRead(register);
  return true;
}

function writeTimer(key: u32, value: u32): bool {
  switch (key) {
    case 0xe000: // CNTFRQ: fixed by the device tree as well; writes are ignored
      return privileged();
    case 0xe010:
      if (!privileged()) return false;
      timerWrite(CNTKCTL, value);
      return true;
    case 0xe020:
      return writeTimerIf(9, CNTP_TVAL, value);
    case 0xe021:
      return writeTimerIf(9, CNTP_CTL, value);
    case 0xe030:
      return writeTimerIf(8, CNTV_TVAL, value);
    case 0xe031:
      return writeTimerIf(8, CNTV_CTL, value);
    default:
      return false;
  }
}

function writeTimerIf(bit: u32, register: u32, value: u32): bool {
  if (!userMay(bit)) return false;
  timerWrite(register, value);
  return true;
}

/** The value read by the last cp15Read64() that answered true. */
export let cp15Value64: u64 = 0;

/** MRRC: `key` = opc1 << 4 | CRm. */
export function cp15Read64(key: u32): bool {
  if ((key & 15) == 14) return worked(readTimer64(key));
  const low = wideStorage(key);
  if (!low) return false;
  cp15Value64 = (<u64>load<u32>(low)) | ((<u64>load<u32>(wideHigh(low))) << 32);
  return true;
}

/** Where bits 31:0 of TTBR0, TTBR1 and PAR lie (B4.1.154, B4.1.155, B4.1.112); 0: no such register, or not at this privilege. */
function wideStorage(key: u32): u32 {
  if (!privileged()) return 0;
  return key == 0x02 ? TTBR0 : key == 0x12 ? TTBR1 : key == 0x07 ? PAR : 0;
}

function wideHigh(low: u32): u32 {
  return low == TTBR0 ? TTBR0_HIGH : low == TTBR1 ? TTBR1_HIGH : PAR_HIGH;
}

function readTimer64(key: u32): bool {
  switch (key) {
    case 0x0e: // CNTPCT
      if (!userMay(0)) return false;
      cp15Value64 = timerRead64(CNTPCT);
      return true;
    case 0x1e: // CNTVCT
      if (!userMay(1)) return false;
      cp15Value64 = timerRead64(CNTVCT);
      return true;
    case 0x2e: // CNTP_CVAL
      if (!userMay(9)) return false;
      cp15Value64 = timerRead64(CNTP_CVAL);
      return true;
    case 0x3e: // CNTV_CVAL
      if (!userMay(8)) return false;
      cp15Value64 = timerRead64(CNTV_CVAL);
      return true;
    default:
      return false;
  }
}

/** MCRR. */
export function cp15Write64(key: u32, value: u64): bool {
  if ((key & 15) == 14) return worked(writeTimer64(key, value));
  const low = wideStorage(key);
  if (!low) return false;
  store<u32>(low, <u32>value);
  store<u32>(wideHigh(low), <u32>(value >>> 32));
  // The ASID is part of it.
  tlbSelect();
  return true;
}

function writeTimer64(key: u32, value: u64): bool {
  switch (key) {
    case 0x2e:
      if (!userMay(9)) return false;
      timerWrite64(CNTP_CVAL, value);
      return true;
    case 0x3e:
      if (!userMay(8)) return false;
      timerWrite64(CNTV_CVAL, value);
      return true;
    default:
      return false;
  }
}
