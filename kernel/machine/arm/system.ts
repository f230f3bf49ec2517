// System instructions: status registers, coprocessor 15, VFP system registers, WFI, RFE and SRS. They are rare, and what they do
// decides what comes next, so each write ends its block.

import { WORK_SYSTEM, workOfCaches } from "../devices/work";
import { IRQ_LINE } from "../../abi/layout";
import { exitReplan } from "../devices/exit";
import { accessMisaligned, accessProbe, accessReadAligned, accessWriteAligned } from "./memory/access";
import { accountSync } from "./account";
import { CPACR, CPACR_ASEDIS, CPACR_D32DIS } from "./cp15-state";
import { cp15Read, cp15Read64, cp15Value, cp15Value64, cp15Write, cp15Write64 } from "./cp15";
import { exceptionReturnWith } from "./exception";
import {
  SYSTEM_COPROCESSOR_WRITE,
  SYSTEM_COPROCESSOR_WRITE_2,
  SYSTEM_CPS,
  SYSTEM_MSR,
  SYSTEM_RFE,
  SYSTEM_SRS,
  SYSTEM_VMSR,
  SYSTEM_WFI,
} from "./decode/micro-operation";
import {
  MODE_SYSTEM,
  MODE_USER,
  PSR_A,
  PSR_F,
  PSR_I,
  PSR_MODE,
  bankedStackPointer,
  mode,
  privileged,
  psrRead,
  psrSetMode,
  psrWriteFields,
  spsrExists,
  spsrRead,
  spsrWrite,
} from "./psr";
import { CONTROL, EVENT_DATA_ABORT, EVENT_JUMP, EVENT_UNDEFINED, EVENT_WAIT, event, register } from "./state";
import { CPU_STATE } from "../../abi/layout";
import { FPEXC_EN, FPSCR_VECTOR, fpexc, fpscr } from "./float/vfp-state";
import { vfpNeedsEnable, vfpRegisterTransfer } from "./float/vfp";

/** CPACR gives CP10 and CP11 to the present privilege (B1.11.3). Both fields must agree; CP10's is read. */
function vfpGranted(): bool {
  const access = (load<u32>(CPACR) >>> 20) & 3;
  return access == 3 || (access == 1 && privileged());
}

/** VFP instructions may execute: CPACR and FPEXC.EN. */
export function vfpUsable(): bool {
  return (fpexc() & FPEXC_EN) != 0 && vfpGranted();
}

/** For translated code: what VFP and Advanced SIMD instructions must not want of CPACR (VFP_CHECK's immediate, bits 31:30); all ones when
 *  none may execute. */
export function vfpRefused(): u32 {
  return vfpUsable() ? load<u32>(CPACR) & (CPACR_ASEDIS | CPACR_D32DIS) : u32.MAX_VALUE;
}

/** Whether an instruction is Undefined that wants what VFP_CHECK's immediate says. */
export function vfpRefuses(wanted: u32): bool {
  if (!vfpUsable()) return true;
  return ((load<u32>(CPACR) & (CPACR_ASEDIS | CPACR_D32DIS)) | (fpscr() & FPSCR_VECTOR)) & wanted ? true : false;
}

/** How cp15 names the register of MRC, MCR or CDP `word`. */
// @ts-ignore: decorator
@inline
export function coprocessorKey(word: u32): u32 {
  return ((word >>> 4) & 0xf000) | ((word >>> 13) & 0x700) | ((word << 4) & 0xf0) | ((word >>> 5) & 7);
}

/** Whether `word` is MRS, and not MRC or MRRC. */
export function isStatusRead(word: u32): bool {
  return (word & 0x0fb0_0ff0) == 0x0100_0000 || (word & 0x0fbf_0fff) == 0x010f_0000;
}

/** Whether `word`, a record of systemRead(), asks the generic timer (CP15 c14) or the performance monitors (c9, opc1 = 0): such a read costs
 *  WORK_TIMER. */
export function isTimerRead(word: u32): bool {
  if (isStatusRead(word) || (word & 0x0f00_0e00) == 0x0e00_0a00) return false;
  if ((word & 0x0f00_0000) == 0x0c00_0000) return (word & 15) == 14;
  return ((word >>> 16) & 15) == 14 || (word & 0x00ef_0000) == 0x0009_0000;
}

/** The CPSR's bits that CPS `word` sets or clears: A, I and F. */
export function maskedBits(word: u32): u32 {
  return (((word >>> 6) & 7) << 6) & (PSR_A | PSR_I | PSR_F);
}

/** MRS, MRC, MRRC, VMRS: `word` as in A32, results to operands d (and m). False: Undefined. */
export function systemRead(word: u32, d: u32, m: u32): bool {
  if (isStatusRead(word)) {
    // In user mode the bits beside the flags, GE and Q are UNKNOWN (B9.3.8); silicon and the oracle show them.
    if (word & (1 << 22)) {
      if (!spsrExists()) return false;
      store<u32>(d, spsrRead(), CPU_STATE);
    } else {
      store<u32>(d, psrRead(0) & 0xf8ff_03df, CPU_STATE);
    }
    return true;
  }
  if ((word & 0x0f00_0e00) == 0x0e00_0a00) {
    if (vfpNeedsEnable(word) ? !vfpUsable() : !vfpGranted()) return false;
    return vfpRegisterTransfer(word, privileged());
  }
  accountSync();
  if ((word & 0x0f00_0000) == 0x0c00_0000) {
    if (!cp15Read64(word & 0xff)) return false;
    store<u32>(d, <u32>cp15Value64, CPU_STATE);
    store<u32>(m, <u32>(cp15Value64 >> 32), CPU_STATE);
    return true;
  }
  if (!cp15Read(coprocessorKey(word))) return false;
  // MRC to r15 writes the flags; only debug registers are meant to be read so (A8.8.108). Operand d is the scratch PC then.
  store<u32>(d, cp15Value, CPU_STATE);
  return true;
}

/** One of SYSTEM_*; pc and it are those of the next instruction. Returns the event. */
export function system(kind: u32, word: u32, d: u32, n: u32, m: u32): u32 {
  workOfCaches(WORK_SYSTEM);
  switch (kind) {
    case SYSTEM_MSR: {
      const value = load<u32>(m, CPU_STATE);
      const fields = (word >>> 16) & 15;
      if (word & (1 << 22)) {
        if (!spsrExists()) return EVENT_UNDEFINED;
        const mask: u32 =
          (fields & 1 ? 0xff : 0) |
          (fields & 2 ? 0xff00 : 0) |
          (fields & 4 ? 0xff_0000 : 0) |
          (fields & 8 ? 0xff00_0000 : 0);
        spsrWrite((spsrRead() & ~mask) | (value & mask));
      } else psrWriteFields(value, fields);
      return EVENT_JUMP;
    }
    case SYSTEM_CPS: {
      // A no-op in user mode (B9.3.2).
      if (!privileged()) return EVENT_JUMP;
      const bits = maskedBits(word);
      const imod = (word >>> 18) & 3;
      if (imod == 2) store<u32>(CONTROL, load<u32>(CONTROL) & ~bits);
      else if (imod == 3) store<u32>(CONTROL, load<u32>(CONTROL) | bits);
      if (word & (1 << 17)) psrSetMode(word & PSR_MODE);
      return EVENT_JUMP;
    }
    case SYSTEM_COPROCESSOR_WRITE:
      accountSync();
      if (((word >>> 16) & 15) == 14) exitReplan();
      return cp15Write(coprocessorKey(word), load<u32>(d, CPU_STATE)) ? EVENT_JUMP : EVENT_UNDEFINED;
    case SYSTEM_COPROCESSOR_WRITE_2:
      accountSync();
      if ((word & 15) == 14) exitReplan();
      return cp15Write64(word & 0xff, (<u64>load<u32>(d, CPU_STATE)) | ((<u64>load<u32>(m, CPU_STATE)) << 32))
        ? EVENT_JUMP
        : EVENT_UNDEFINED;
    case SYSTEM_WFI:
      // User mode may wait too: SCTLR.nTWI is not there without the Virtualization Extensions' traps.
      return load<u32>(IRQ_LINE) ? EVENT_JUMP : EVENT_WAIT;
    case SYSTEM_RFE:
      return returnFromException(word, n);
    case SYSTEM_SRS:
      return storeReturnState(word);
    case SYSTEM_VMSR:
      if (vfpNeedsEnable(word) ? !vfpUsable() : !vfpGranted()) return EVENT_UNDEFINED;
      return vfpRegisterTransfer(word, privileged()) ? EVENT_JUMP : EVENT_UNDEFINED;
    default:
      return EVENT_UNDEFINED;
  }
}

/** RFE (B9.3.13): PC and CPSR from two words at the base. P at bit 24, U at 23, W at 21. */
function returnFromException(word: u32, n: u32): u32 {
  if (!privileged()) return EVENT_UNDEFINED;
  const base = load<u32>(n, CPU_STATE);
  const up = (word & (1 << 23)) != 0;
  const before = (word & (1 << 24)) != 0;
  const address = up ? (before ? base + 4 : base) : before ? base - 8 : base - 4;
  if (!pairProbe(address, false)) return EVENT_DATA_ABORT;
  const target = accessReadAligned(address, 4);
  if (event() == EVENT_DATA_ABORT) return EVENT_DATA_ABORT;
  const psr = accessReadAligned(address + 4, 4);
  if (event() == EVENT_DATA_ABORT) return EVENT_DATA_ABORT;
  if (word & (1 << 21)) store<u32>(n, up ? base + 8 : base - 8, CPU_STATE);
  exceptionReturnWith(target, psr);
  return EVENT_JUMP;
}

/** SRS (B9.3.14): LR and SPSR of the present mode to the stack of the mode named. */
function storeReturnState(word: u32): u32 {
  if (!privileged() || mode() == MODE_SYSTEM || mode() == MODE_USER) return EVENT_UNDEFINED;
  const at = bankedStackPointer(word & PSR_MODE);
  if (!at) return EVENT_UNDEFINED;
  const base = load<u32>(at);
  const up = (word & (1 << 23)) != 0;
  const before = (word & (1 << 24)) != 0;
  const address = up ? (before ? base + 4 : base) : before ? base - 8 : base - 4;
  if (!pairProbe(address, true)) return EVENT_DATA_ABORT;
  accessWriteAligned(address, register(14), 4);
  if (event() == EVENT_DATA_ABORT) return EVENT_DATA_ABORT;
  accessWriteAligned(address + 4, spsrRead(), 4);
  if (event() == EVENT_DATA_ABORT) return EVENT_DATA_ABORT;
  if (word & (1 << 21)) store<u32>(at, up ? base + 8 : base - 8);
  return EVENT_JUMP;
}

function pairProbe(address: u32, isWrite: bool): bool {
  if (address & 3) {
    accessMisaligned(address, isWrite);
    return false;
  }
  return accessProbe(address, 8, isWrite);
}
