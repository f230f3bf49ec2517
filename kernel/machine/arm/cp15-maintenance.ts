// Coprocessor 15, c7 and c8: caches, address translation, and the TLB. ARM DDI 0406C B4.2.

import { NMRR, PAR, PAR_HIGH, PRRR, SCTLR, SCTLR_M, TTBCR, TTBCR_EAE } from "./cp15-state";
import { longAttributeIndex, longOutput, longShareability } from "./memory/long-walk";
import { ACCESS_READ, ACCESS_WRITE, fault, faultStatus, isBeyond, physical, translate } from "./memory/mmu";
import { tlbFlush, tlbFlushAsid, tlbFlushPage } from "./memory/tlb";

/** c7: caches are not modelled, so their maintenance does nothing; code is tracked by stores (pages). Address translation does work. */
export function maintain(key: u32, value: u32): bool {
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
export function maintainTlb(key: u32, value: u32): bool {
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
