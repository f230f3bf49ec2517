// Records that the interpreter does, with the function left before them: they change what a function takes for granted (mode, alignment,
// who may use the VFP, when a timer is due), or are rare.

import { Op, SYSTEM_COPROCESSOR_WRITE, SYSTEM_CPS, SYSTEM_MSR, SYSTEM_SHORT } from "../arm/decode/micro-operation";
import { coprocessorKey } from "../arm/system";

/** Whether the interpreter does the record at `ip`. */
export function isForeign(ip: u32): bool {
  switch (<Op>load<u16>(ip)) {
    case Op.SVC:
    case Op.HVC:
    case Op.BKPT:
    case Op.UNDEFINED:
    case Op.RETURN:
    case Op.BLOCK_SPECIAL:
    case Op.SWP:
      return true;
    case Op.SYSTEM:
      return !isPlainSystem(ip);
    default:
      return false;
  }
}

/** The system writes that a kernel makes all the time: interrupts masked and unmasked, and CP15 registers that are no more than
 *  registers, or decide on mappings. */
function isPlainSystem(ip: u32): bool {
  const word = load<u32>(ip, 8);
  // Inside an IT block the instruction behind it is entered with ITSTATE.
  if (load<u8>(ip, 6) & 15) return false;
  switch (systemKind(ip)) {
    case SYSTEM_MSR:
      return (word & (1 << 22)) == 0 && ((word >>> 16) & 15) == 1; // CPSR_c
    case SYSTEM_CPS:
      return (word & (1 << 17)) == 0 && ((word >>> 18) & 3) >= 2;
    case SYSTEM_COPROCESSOR_WRITE:
      return isPlainRegister(coprocessorKey(word));
    default:
      return false;
  }
}

/** SYSTEM_* of the record at `ip`. */
export function systemKind(ip: u32): u32 {
  return load<u8>(ip, 5) & ~SYSTEM_SHORT;
}

/** Bytes of the instruction of the SYSTEM record at `ip`. */
export function systemBytes(ip: u32): u32 {
  return load<u8>(ip, 5) & SYSTEM_SHORT ? 2 : 4;
}

function isPlainRegister(key: u32): bool {
  switch (key >>> 12) {
    case 2: // TTBR0, TTBR1; not TTBCR
      return key != 0x2002;
    case 3: // DACR
    case 5: // DFSR, IFSR
    case 6: // DFAR, IFAR
    case 7: // caches, barriers
    case 8: // TLB
    case 13: // CONTEXTIDR, TPIDR*
      return true;
    default:
      return false;
  }
}
