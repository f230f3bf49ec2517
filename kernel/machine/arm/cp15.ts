// The system control coprocessor. ARM DDI 0406C B3.17, B4.1. Identity: Cortex-A7 MPCore (DDI 0464F), with everything hidden that
// this machine does not have: Security and Virtualization Extensions, ThumbEE, Jazelle, debug.
//
// A register is named by key = CRn << 12 | opc1 << 8 | CRm << 4 | opc2.

import { CONFIG_CPU, CPU_WITHOUT_NEON, IRQ_LINE } from "../../abi/layout";
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
import { privileged } from "./psr";
import { CP15_STATE } from "./state";
import { identification, readIdentification } from "./cp15-identification";
import { maintain, maintainTlb } from "./cp15-maintenance";
import { isMonitor, monitorRead, monitorWrite } from "./cp15-monitors";
import { pmuValue } from "../devices/pmu";
import {
  cp15TimerRead,
  cp15TimerRead64,
  cp15TimerWrite,
  cp15TimerWrite64,
  timerValue,
  timerValue64,
} from "./cp15-timer";
import { tlbFlush, tlbSelect } from "./memory/tlb";

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
  if (key >>> 12 == 0) {
    if (!privileged() || !readIdentification(key)) return false;
    cp15Value = identification;
    return true;
  }
  if (isMonitor(key)) {
    if (!monitorRead(key)) return false;
    cp15Value = pmuValue;
    return true;
  }
  if (key >>> 12 == 14) {
    if (!cp15TimerRead(key)) return false;
    cp15Value = timerValue;
    return true;
  }
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
  if (isMonitor(key)) return monitorWrite(key, value);
  if (key >>> 12 == 14) return cp15TimerWrite(key, value);
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

/** The value read by the last cp15Read64() that answered true. */
export let cp15Value64: u64 = 0;

/** MRRC: `key` = opc1 << 4 | CRm. */
export function cp15Read64(key: u32): bool {
  if ((key & 15) == 14) {
    if (!cp15TimerRead64(key)) return false;
    cp15Value64 = timerValue64;
    return true;
  }
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

/** MCRR. */
export function cp15Write64(key: u32, value: u64): bool {
  if ((key & 15) == 14) return cp15TimerWrite64(key, value);
  const low = wideStorage(key);
  if (!low) return false;
  store<u32>(low, <u32>value);
  store<u32>(wideHigh(low), <u32>(value >>> 32));
  // The ASID is part of it.
  tlbSelect();
  return true;
}
