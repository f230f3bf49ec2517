// The interpreter: executes micro-operation records until the fuel is spent or something else must be done.
//
// One loop around one dense switch. The switch's cases either go on with the next record (`continue`), or set up a transition
// (`break`): the next block through its link, or a look-up, or an event. Everything hot is in this one function because a call
// costs as much as three simple instructions; what is long or rare is called.
//
// Fuel is charged for a whole block when it is entered and given back for what was not executed when the block is left early,
// so counts are exact. When less fuel is left than the block needs, the rest is executed from an uncached block of just that
// length.

import {
  CLOCK_WORK,
  CPU_STATE,
  EXIT_REQUEST,
  IRQ_LINE,
  STATS_TRANSLATED_ENTRIES,
  STATS_TRANSLATED_EXECUTED,
  VFP_STATE,
} from "../../abi/layout";
import { workFull, workPending } from "../devices/work";
import { staleCount } from "../pages";
import { accessRead, accessReadUnprivileged, accessWrite, accessWriteUnprivileged } from "./memory/access";
import { accountNote, accountNoteLeft, accountRefund } from "./account";
import {
  BLOCK_COUNT,
  BLOCK_COUNT_MASK,
  BLOCK_ENTRY,
  BLOCK_HEADER_BYTES,
  BLOCK_HEAT,
  BLOCK_KEY,
  blockDropFunction,
  blockDropStale,
  blockFind,
  blockGeneration,
} from "./block-cache";
import {
  blockTransferLoad,
  blockTransferSpecial,
  blockTransferStore,
  dualLoad,
  dualStore,
  vfpBlockLoad,
  vfpBlockStore,
} from "./memory/block-transfer";
import { SCTLR, SCTLR_A } from "./cp15-state";
import { itAdvance } from "./decode/decode";
import {
  exceptionDataAbort,
  exceptionInterrupt,
  exceptionPrefetchAbort,
  exceptionReturn,
  exceptionSupervisorCall,
  exceptionUndefined,
} from "./exception";
import { FAULT_DEBUG } from "./memory/mmu";
import { exclusiveLoad, exclusiveStore, swap } from "./memory/exclusive";
import { fetchBlock } from "./memory/fetch";
import { float32Add, float32Divide, float32Multiply, float32Subtract } from "./float/float32";
import { float64Add, float64Divide, float64Multiply, float64Subtract } from "./float/float64";
import { media, mediaLong, reverseBits, saturate } from "./media";
import { LINK_FAR, LINK_HINT, LINK_UNRESOLVED, Op, RECORD_BYTES } from "./decode/micro-operation";
import { irqMasked, privileged, psrSetFlags } from "./psr";
import { psciCall } from "./psci";
import { questionClear, questionSettle } from "./question";
import {
  EVENT_DATA_ABORT,
  EVENT_JUMP,
  EVENT_LEAVE,
  EVENT_NONE,
  EVENT_STAND,
  EVENT_UNDEFINED,
  EVENT_WAIT,
  FLAG_C,
  FLAG_N,
  FLAG_V,
  FLAG_Z,
  LR,
  MONITOR,
  SHIFTER_CARRY,
  THUMB,
  event,
  interwork,
  pc,
  setEvent,
  setItState,
  setPc,
} from "./state";
import { stand } from "./stand";
import { system, systemRead, vfpRefuses } from "./system";
import {
  SAMPLE_SHIFT,
  entryFind,
  functionRecord,
  functionVisited,
  translatedAlignment,
  translationSample,
} from "./translation";
import { TLB_ADDEND, TLB_CODE_ADDEND, TLB_READ, TLB_WRITE, tlbCodeEntry, tlbEntry } from "./memory/tlb";
import { vfpDataProcessing, vfpRegisterTransfer } from "./float/vfp";
import { neonDataProcessing } from "./neon/neon";
import { structureTransfer, vectorTransfer } from "./memory/structure-transfer";
import { RUN_BREAK } from "../../abi/reasons";

const FPSCR = VFP_STATE + 256;

/** interpret() left because the guest waits for an interrupt; fuel may be left. */
export let interpretWaiting: bool = false;

// ---- operands of the record at ip -----------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function dOf(ip: u32): u32 {
  return load<u8>(ip, 2);
}
// @ts-ignore: decorator
@inline
function dValue(ip: u32): u32 {
  return load<u32>(<u32>load<u8>(ip, 2), CPU_STATE);
}

// @ts-ignore: decorator
@inline
function nOf(ip: u32): u32 {
  return load<u8>(ip, 3);
}
// @ts-ignore: decorator
@inline
function nValue(ip: u32): u32 {
  return load<u32>(<u32>load<u8>(ip, 3), CPU_STATE);
}

// @ts-ignore: decorator
@inline
function mOf(ip: u32): u32 {
  return load<u8>(ip, 4);
}
// @ts-ignore: decorator
@inline
function mValue(ip: u32): u32 {
  return load<u32>(<u32>load<u8>(ip, 4), CPU_STATE);
}

// @ts-ignore: decorator
@inline
function sOf(ip: u32): u32 {
  return load<u8>(ip, 5);
}
// @ts-ignore: decorator
@inline
function sValue(ip: u32): u32 {
  return load<u32>(<u32>load<u8>(ip, 5), CPU_STATE);
}

// @ts-ignore: decorator
@inline
function immediate(ip: u32): u32 {
  return load<u32>(ip, 8);
}
// @ts-ignore: decorator
@inline
function setD(ip: u32, value: u32): void {
  store<u32>(<u32>load<u8>(ip, 2), value, CPU_STATE);
}
// @ts-ignore: decorator
@inline
function setN(ip: u32, value: u32): void {
  store<u32>(<u32>load<u8>(ip, 3), value, CPU_STATE);
}

// ---- flags ------------------------------------------------------------------------------------------------------------------
// @ts-ignore: decorator
@inline
function setNZ(value: u32): void {
  store<u32>(FLAG_N, value);
  store<u32>(FLAG_Z, value);
}
// @ts-ignore: decorator
@inline
function logicalCarry(ip: u32): void {
  const how = sOf(ip);
  if (how) store<u32>(FLAG_C, how == 1 ? load<u32>(SHIFTER_CARRY) : how - 2);
}
/** Flags of a + b, and the sum. */
// @ts-ignore: decorator
@inline
function addFlags(a: u32, b: u32): u32 {
  const sum = a + b;
  setNZ(sum);
  store<u32>(FLAG_C, <u32>(sum < a));
  store<u32>(FLAG_V, ((a ^ sum) & (b ^ sum)) >>> 31);
  return sum;
}
/** Flags of a - b, and the difference. */
// @ts-ignore: decorator
@inline
function subFlags(a: u32, b: u32): u32 {
  const difference = a - b;
  setNZ(difference);
  store<u32>(FLAG_C, <u32>(a >= b));
  store<u32>(FLAG_V, ((a ^ b) & (a ^ difference)) >>> 31);
  return difference;
}
/** Flags of a + b + C, and the sum (AddWithCarry, A2.2.1). */
// @ts-ignore: decorator
@inline
function adcFlags(a: u32, b: u32): u32 {
  const wide = <u64>a + <u64>b + <u64>load<u32>(FLAG_C);
  const sum = <u32>wide;
  setNZ(sum);
  store<u32>(FLAG_C, <u32>(wide >> 32));
  store<u32>(FLAG_V, ((a ^ sum) & (b ^ sum)) >>> 31);
  return sum;
}

// ---- shifts by register: the amount is the low byte (A8.4.1) --------------------------------------------------------------
// @ts-ignore: decorator
@inline
function shiftLeft(value: u32, amount: u32): u32 {
  return amount < 32 ? value << amount : 0;
}
// @ts-ignore: decorator
@inline
function shiftRight(value: u32, amount: u32): u32 {
  return amount < 32 ? value >>> amount : 0;
}
// @ts-ignore: decorator
@inline
function shiftArithmetic(value: u32, amount: u32): u32 {
  return <u32>((<i32>value) >> (amount < 32 ? amount : 31));
}

/** Shift with carry out in the shifter carry; amount 0 leaves the value, and C as the carry. `type` as in the encoding. */
export function shiftCarry(type: u32, value: u32, amount: u32): u32 {
  if (amount == 0) {
    store<u32>(SHIFTER_CARRY, load<u32>(FLAG_C));
    return value;
  }
  let carry: u32;
  let result: u32;
  switch (type) {
    case 0:
      carry = amount <= 32 ? shiftRight(value, 32 - amount) & 1 : 0;
      if (amount == 32) carry = value & 1;
      result = shiftLeft(value, amount);
      break;
    case 1:
      carry = amount <= 32 ? (value >>> (amount - 1)) & 1 : 0;
      result = shiftRight(value, amount);
      break;
    case 2:
      carry = amount < 32 ? (value >>> (amount - 1)) & 1 : value >>> 31;
      result = shiftArithmetic(value, amount);
      break;
    default:
      result = rotr<u32>(value, amount & 31);
      carry = result >>> 31;
      break;
  }
  store<u32>(SHIFTER_CARRY, carry);
  return result;
}

// ---- conditions -------------------------------------------------------------------------------------------------------------

/** Completes the instruction whose memory access at `ip` wants the block left: write-backs and a jump may follow. Sets pc and ITSTATE
 *  to the next instruction. */
function finish(base: u32, ip: u32): void {
  const offset = load<u8>(ip, 7);
  for (ip += RECORD_BYTES; load<u8>(ip, 7) == offset; ip += RECORD_BYTES) {
    switch (<Op>load<u16>(ip)) {
      case Op.MOV:
        setD(ip, mValue(ip));
        break;
      case Op.ADDI:
        setD(ip, nValue(ip) + immediate(ip));
        break;
      case Op.JUMP:
        setItState(0);
        interwork(mValue(ip));
        return;
      case Op.TABLE_BRANCH:
        setItState(0);
        setPc(base + immediate(ip) + (mValue(ip) << 1));
        return;
      default:
        break;
    }
  }
  setPc(base + ((<u32>load<u8>(ip, 7)) << 1));
  setItState(load<u8>(ip, 6));
}

/** Executes until `fuel` is spent, starting at pc; instructions and device work take it. Returns what is left: 0, or more when the machine
 *  waits for an interrupt (interpretWaiting) or EXIT_REQUEST is set. */
export function interpret(fuel: u32): u32 {
  // The block at hand, the virtual address of its start, the record at hand.
  let block: u32 = 0;
  let base: u32 = 0;
  let ip: u32 = 0;
  // What a transition needs: the next block or LINK_*, its virtual address, and where to note its link.
  let next: u32 = 0;
  let target: u32 = 0;
  let linkAt: u32 = 0;
  let what: u32 = 0;
  // Translated code has given up at pc: the block there is for us.
  let stands = false;
  // The block at `base`, which is next, when it is known: nothing can have happened on the way there.
  let found: u32 = 0;
  interpretWaiting = false;

  while (true) {
    if (found == 0) {
      // ---- between blocks: whatever may have happened is looked at here
      if (workPending()) {
        fuel = stand(fuel);
        if (workPending()) return 0;
      }
      if (staleCount) blockDropStale();
      if (load<u32>(EXIT_REQUEST)) return fuel;
      if (load<u32>(IRQ_LINE) && !irqMasked()) {
        accountNoteLeft(fuel);
        exceptionInterrupt();
      }
      if (fuel == 0) return 0;
      block = fetchBlock(fuel);
      if (block == 0) {
        // A prefetch abort was taken; it costs an instruction, so that a vector that cannot be fetched does not hang the host.
        if (load<u32>(EXIT_REQUEST) != RUN_BREAK) fuel--;
        continue;
      }
      base = pc();
      setItState(0);
    } else {
      block = found;
      found = 0;
    }
    let entry = load<u32>(block, BLOCK_ENTRY);
    if (entry != 0 && !stands && (load<u32>(SCTLR) & SCTLR_A) == translatedAlignment) {
      setEvent(EVENT_NONE);
      questionClear();
      const before = fuel;
      const workBefore = load<u64>(CLOCK_WORK);
      let entries: u64 = 0;
      do {
        entries++;
        const index = entry >>> 16;
        const record = functionRecord(index);
        const fuelBefore = fuel;
        fuel = call_indirect<u32>(index, fuel, base & 0xffff_f000, entry & 0xffff);
        if (functionVisited(record, fuelBefore - fuel)) blockDropFunction(index, true);
        if (event() != EVENT_NONE || workPending()) break;
        base = pc();
        const code = tlbCodeEntry(base);
        if (load<u32>(code) != (base & 0xffff_f000)) break;
        const key = (base + load<u32>(code, TLB_CODE_ADDEND)) | load<u32>(THUMB);
        entry = entryFind(key);
        if (entry == 0) {
          const known = blockFind(key);
          if (known != 0 && (load<u32>(known, BLOCK_COUNT) & BLOCK_COUNT_MASK) <= fuel) found = known;
        }
      } while (entry != 0);
      questionSettle();
      store<u64>(STATS_TRANSLATED_ENTRIES, load<u64>(STATS_TRANSLATED_ENTRIES) + entries);
      store<u64>(
        STATS_TRANSLATED_EXECUTED,
        load<u64>(STATS_TRANSLATED_EXECUTED) + <u64>(before - fuel) + workBefore - load<u64>(CLOCK_WORK),
      );
      stands = event() == EVENT_STAND;
      continue;
    }
    stands = false;
    const length = load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK;
    if ((fuel ^ (fuel - length)) >>> SAMPLE_SHIFT) translationSample(block, block + BLOCK_HEAT);
    fuel -= length;
    ip = block + BLOCK_HEADER_BYTES;
    what = EVENT_NONE;

    while (true) {
      switch (<Op>load<u16>(ip)) {
        case Op.NOP: {
          ip += RECORD_BYTES;
          continue;
        }
        case Op.GUARD_EQ: {
          ip += load<u32>(FLAG_Z) == 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_NE: {
          ip += load<u32>(FLAG_Z) != 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_CS: {
          ip += load<u32>(FLAG_C) != 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_CC: {
          ip += load<u32>(FLAG_C) == 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_MI: {
          ip += <i32>load<u32>(FLAG_N) < 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_PL: {
          ip += <i32>load<u32>(FLAG_N) >= 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_VS: {
          ip += load<u32>(FLAG_V) != 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_VC: {
          ip += load<u32>(FLAG_V) == 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_HI: {
          ip += load<u32>(FLAG_C) != 0 && load<u32>(FLAG_Z) != 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_LS: {
          ip += load<u32>(FLAG_C) == 0 || load<u32>(FLAG_Z) == 0 ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_GE: {
          ip += load<u32>(FLAG_N) >>> 31 == load<u32>(FLAG_V) ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_LT: {
          ip += load<u32>(FLAG_N) >>> 31 != load<u32>(FLAG_V) ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_GT: {
          ip += load<u32>(FLAG_Z) != 0 && load<u32>(FLAG_N) >>> 31 == load<u32>(FLAG_V) ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.GUARD_LE: {
          ip += load<u32>(FLAG_Z) == 0 || load<u32>(FLAG_N) >>> 31 != load<u32>(FLAG_V) ? RECORD_BYTES : immediate(ip);
          continue;
        }
        case Op.MOVI: {
          setD(ip, immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADDI: {
          setD(ip, nValue(ip) + immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RSBI: {
          setD(ip, immediate(ip) - nValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADCI: {
          setD(ip, nValue(ip) + immediate(ip) + load<u32>(FLAG_C));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RSCI: {
          setD(ip, immediate(ip) - nValue(ip) - 1 + load<u32>(FLAG_C));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ANDI: {
          setD(ip, nValue(ip) & immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORRI: {
          setD(ip, nValue(ip) | immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EORI: {
          setD(ip, nValue(ip) ^ immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADDRESS: {
          setD(ip, base + immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MOV: {
          setD(ip, mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MVN: {
          setD(ip, ~mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADD: {
          setD(ip, nValue(ip) + mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SUB: {
          setD(ip, nValue(ip) - mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADC: {
          setD(ip, nValue(ip) + mValue(ip) + load<u32>(FLAG_C));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SBC: {
          setD(ip, nValue(ip) - mValue(ip) - 1 + load<u32>(FLAG_C));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.AND: {
          setD(ip, nValue(ip) & mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORR: {
          setD(ip, nValue(ip) | mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EOR: {
          setD(ip, nValue(ip) ^ mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.BIC: {
          setD(ip, nValue(ip) & ~mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORN: {
          setD(ip, nValue(ip) | ~mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADD_LSL: {
          setD(ip, nValue(ip) + (mValue(ip) << sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADD_LSR: {
          setD(ip, nValue(ip) + (mValue(ip) >>> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SUB_LSL: {
          setD(ip, nValue(ip) - (mValue(ip) << sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RSB_LSL: {
          setD(ip, (mValue(ip) << sOf(ip)) - nValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORR_LSL: {
          setD(ip, nValue(ip) | (mValue(ip) << sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORR_LSR: {
          setD(ip, nValue(ip) | (mValue(ip) >>> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EOR_LSL: {
          setD(ip, nValue(ip) ^ (mValue(ip) << sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EOR_LSR: {
          setD(ip, nValue(ip) ^ (mValue(ip) >>> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EOR_ROR: {
          setD(ip, nValue(ip) ^ rotr<u32>(mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.AND_LSR: {
          setD(ip, nValue(ip) & (mValue(ip) >>> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADDSI: {
          setD(ip, addFlags(nValue(ip), immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SUBSI: {
          setD(ip, subFlags(nValue(ip), immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RSBSI: {
          setD(ip, subFlags(immediate(ip), nValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADCSI: {
          setD(ip, adcFlags(nValue(ip), immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RSCSI: {
          setD(ip, adcFlags(~nValue(ip), immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.CMPI: {
          subFlags(nValue(ip), immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.CMNI: {
          addFlags(nValue(ip), immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ANDSI: {
          const value = nValue(ip) & immediate(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORRSI: {
          const value = nValue(ip) | immediate(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EORSI: {
          const value = nValue(ip) ^ immediate(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MOVSI: {
          const value = immediate(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.TSTI: {
          setNZ(nValue(ip) & immediate(ip));
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.TEQI: {
          setNZ(nValue(ip) ^ immediate(ip));
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADDS: {
          setD(ip, addFlags(nValue(ip), mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SUBS: {
          setD(ip, subFlags(nValue(ip), mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ADCS: {
          setD(ip, adcFlags(nValue(ip), mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SBCS: {
          setD(ip, adcFlags(nValue(ip), ~mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.CMP: {
          subFlags(nValue(ip), mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.CMN: {
          addFlags(nValue(ip), mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ANDS: {
          const value = nValue(ip) & mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORRS: {
          const value = nValue(ip) | mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.EORS: {
          const value = nValue(ip) ^ mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.BICS: {
          const value = nValue(ip) & ~mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ORNS: {
          const value = nValue(ip) | ~mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MOVS: {
          const value = mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MVNS: {
          const value = ~mValue(ip);
          setD(ip, value);
          setNZ(value);
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.TST: {
          setNZ(nValue(ip) & mValue(ip));
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.TEQ: {
          setNZ(nValue(ip) ^ mValue(ip));
          logicalCarry(ip);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSLI: {
          setD(ip, mValue(ip) << sOf(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSRI: {
          setD(ip, mValue(ip) >>> sOf(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ASRI: {
          setD(ip, <u32>((<i32>mValue(ip)) >> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RORI: {
          setD(ip, rotr<u32>(mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RRX: {
          setD(ip, (mValue(ip) >>> 1) | (load<u32>(FLAG_C) << 31));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSLR: {
          setD(ip, shiftLeft(mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSRR: {
          setD(ip, shiftRight(mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ASRR: {
          setD(ip, shiftArithmetic(mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RORR: {
          setD(ip, rotr<u32>(mValue(ip), sValue(ip) & 31));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSLIC: {
          setD(ip, shiftCarry(0, mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSRIC: {
          setD(ip, shiftCarry(1, mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ASRIC: {
          setD(ip, shiftCarry(2, mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RORIC: {
          setD(ip, shiftCarry(3, mValue(ip), sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RRXC: {
          const value = mValue(ip);
          store<u32>(SHIFTER_CARRY, value & 1);
          setD(ip, (value >>> 1) | (load<u32>(FLAG_C) << 31));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSLRC: {
          setD(ip, shiftCarry(0, mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSRRC: {
          setD(ip, shiftCarry(1, mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ASRRC: {
          setD(ip, shiftCarry(2, mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RORRC: {
          setD(ip, shiftCarry(3, mValue(ip), sValue(ip) & 0xff));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSLSI: {
          const value = mValue(ip);
          const amount = sOf(ip);
          const result = value << amount;
          setD(ip, result);
          setNZ(result);
          store<u32>(FLAG_C, (value >>> (32 - amount)) & 1);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LSRSI: {
          const value = mValue(ip);
          const amount = sOf(ip);
          const result = value >>> amount;
          setD(ip, result);
          setNZ(result);
          store<u32>(FLAG_C, (value >>> (amount - 1)) & 1);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.ASRSI: {
          const value = mValue(ip);
          const amount = sOf(ip);
          const result = <u32>((<i32>value) >> amount);
          setD(ip, result);
          setNZ(result);
          store<u32>(FLAG_C, (value >>> (amount - 1)) & 1);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MUL: {
          setD(ip, nValue(ip) * mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MLA: {
          setD(ip, nValue(ip) * mValue(ip) + sValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MLS: {
          setD(ip, sValue(ip) - nValue(ip) * mValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UMULL: {
          const product = <u64>nValue(ip) * <u64>mValue(ip);
          setD(ip, <u32>product);
          store<u32>(sOf(ip), <u32>(product >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SMULL: {
          const product = <u64>(<i64>(<i32>nValue(ip)) * <i64>(<i32>mValue(ip)));
          setD(ip, <u32>product);
          store<u32>(sOf(ip), <u32>(product >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UMLAL: {
          const product = <u64>nValue(ip) * <u64>mValue(ip) + ((<u64>dValue(ip)) | ((<u64>sValue(ip)) << 32));
          setD(ip, <u32>product);
          store<u32>(sOf(ip), <u32>(product >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SMLAL: {
          const product =
            <u64>(<i64>(<i32>nValue(ip)) * <i64>(<i32>mValue(ip))) + ((<u64>dValue(ip)) | ((<u64>sValue(ip)) << 32));
          setD(ip, <u32>product);
          store<u32>(sOf(ip), <u32>(product >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UMAAL: {
          const product = <u64>nValue(ip) * <u64>mValue(ip) + <u64>dValue(ip) + <u64>sValue(ip);
          setD(ip, <u32>product);
          store<u32>(sOf(ip), <u32>(product >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SDIV: {
          const divisor = <i32>mValue(ip);
          const dividend = <i32>nValue(ip);
          // Division by zero gives zero; the overflow case wraps (A8.8.165).
          setD(ip, divisor == 0 ? 0 : divisor == -1 ? <u32>-dividend : <u32>(dividend / divisor));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UDIV: {
          const divisor = mValue(ip);
          setD(ip, divisor == 0 ? 0 : nValue(ip) / divisor);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.FLAGS: {
          setNZ(dValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.FLAGS64: {
          store<u32>(FLAG_N, sValue(ip));
          store<u32>(FLAG_Z, dValue(ip) | sValue(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UXTB: {
          setD(ip, rotr<u32>(mValue(ip), sOf(ip)) & 0xff);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UXTH: {
          setD(ip, rotr<u32>(mValue(ip), sOf(ip)) & 0xffff);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SXTB: {
          setD(ip, <u32>(<i32>(<i8>rotr<u32>(mValue(ip), sOf(ip)))));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SXTH: {
          setD(ip, <u32>(<i32>(<i16>rotr<u32>(mValue(ip), sOf(ip)))));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.UBFX: {
          setD(ip, (nValue(ip) >>> sOf(ip)) & immediate(ip));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SBFX: {
          setD(ip, <u32>((<i32>(nValue(ip) << mOf(ip))) >> sOf(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.BFI: {
          const mask = immediate(ip);
          setD(ip, (dValue(ip) & ~mask) | ((nValue(ip) << sOf(ip)) & mask));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.CLZ: {
          setD(ip, clz<u32>(mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.REV: {
          setD(ip, bswap<u32>(mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.REV16: {
          setD(ip, rotr<u32>(bswap<u32>(mValue(ip)), 16));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.REVSH: {
          setD(ip, <u32>(<i32>(<i16>(bswap<u32>(mValue(ip)) >>> 16))));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.RBIT: {
          setD(ip, reverseBits(mValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MEDIA: {
          setD(ip, media(immediate(ip), nValue(ip), mValue(ip), sValue(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.MEDIA_LONG: {
          const sum = mediaLong(immediate(ip), (<u64>dValue(ip)) | ((<u64>sValue(ip)) << 32), nValue(ip), mValue(ip));
          setD(ip, <u32>sum);
          store<u32>(sOf(ip), <u32>(sum >> 32), CPU_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SATURATE: {
          setD(ip, saturate(sOf(ip), nValue(ip), immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.LDR: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            setD(ip, load<u32>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRB: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000)) {
            setD(ip, <u32>load<u8>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRH: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f001)) {
            setD(ip, <u32>load<u16>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRSB: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000)) {
            setD(ip, <u32>(<i32>load<i8>(address + load<u32>(entry, TLB_ADDEND))));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, <u32>(<i32>(<i8>value)));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRSH: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f001)) {
            setD(ip, <u32>(<i32>load<i16>(address + load<u32>(entry, TLB_ADDEND))));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, <u32>(<i32>(<i16>value)));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STR: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f003)) {
            store<u32>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STRB: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f000)) {
            store<u8>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STRH: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f001)) {
            store<u16>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDR_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            setD(ip, load<u32>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRB_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000)) {
            setD(ip, <u32>load<u8>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRH_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f001)) {
            setD(ip, <u32>load<u16>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRSB_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000)) {
            setD(ip, <u32>(<i32>load<i8>(address + load<u32>(entry, TLB_ADDEND))));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, <u32>(<i32>(<i8>value)));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRSH_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f001)) {
            setD(ip, <u32>(<i32>load<i16>(address + load<u32>(entry, TLB_ADDEND))));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, <u32>(<i32>(<i16>value)));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STR_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f003)) {
            store<u32>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STRB_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f000)) {
            store<u8>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STRH_R: {
          const address = nValue(ip) + (mValue(ip) << sOf(ip));
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f001)) {
            store<u16>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 2);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDR_LITERAL: {
          const address = base + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            setD(ip, load<u32>(address + load<u32>(entry, TLB_ADDEND)));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDR_PRE: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            const value = load<u32>(address + load<u32>(entry, TLB_ADDEND));
            setN(ip, address);
            setD(ip, value);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address);
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STR_PRE: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f003)) {
            store<u32>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            setN(ip, address);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDR_POST: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            const value = load<u32>(address + load<u32>(entry, TLB_ADDEND));
            setN(ip, address + immediate(ip));
            setD(ip, value);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address + immediate(ip));
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRB_POST: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f000)) {
            const value = <u32>load<u8>(address + load<u32>(entry, TLB_ADDEND));
            setN(ip, address + immediate(ip));
            setD(ip, value);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          const value = accessRead(address, 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address + immediate(ip));
            setD(ip, value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STR_POST: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f003)) {
            store<u32>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            setN(ip, address + immediate(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 4);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address + immediate(ip));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STRB_POST: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f000)) {
            store<u8>(address + load<u32>(entry, TLB_ADDEND), dValue(ip));
            setN(ip, address + immediate(ip));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          accessWrite(address, dValue(ip), 1);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setN(ip, address + immediate(ip));
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.LDRD: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f007)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            const second = load<u32>(at, 4);
            setD(ip, load<u32>(at));
            store<u32>(sOf(ip), second, CPU_STATE);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          dualLoad(address, dOf(ip), sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.STRD: {
          const address = nValue(ip);
          const entry = tlbEntry(address);
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f007)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            store<u32>(at, dValue(ip));
            store<u32>(at, sValue(ip), 4);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          dualStore(address, dValue(ip), sValue(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.LDM: {
          accountNote(block, ip, fuel);
          blockTransferLoad(nOf(ip), immediate(ip), sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.STM: {
          accountNote(block, ip, fuel);
          blockTransferStore(nOf(ip), immediate(ip), sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.BLOCK_SPECIAL: {
          accountNote(block, ip, fuel);
          blockTransferSpecial(nOf(ip), immediate(ip), sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.LDR_UNPRIVILEGED: {
          const size = sOf(ip);
          accountNote(block, ip, fuel);
          const value = accessReadUnprivileged(nValue(ip), size & 7);
          what = event();
          if (what != EVENT_DATA_ABORT) {
            setD(ip, size == 0x81 ? <u32>(<i32>(<i8>value)) : size == 0x82 ? <u32>(<i32>(<i16>value)) : value);
            if (what == EVENT_NONE) {
              ip += RECORD_BYTES;
              continue;
            }
          }
          break;
        }
        case Op.STR_UNPRIVILEGED: {
          accountNote(block, ip, fuel);
          accessWriteUnprivileged(nValue(ip), dValue(ip), sOf(ip) & 7);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.LDREX: {
          accountNote(block, ip, fuel);
          exclusiveLoad(nValue(ip), sOf(ip), dOf(ip), mOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.STREX: {
          accountNote(block, ip, fuel);
          exclusiveStore(nValue(ip), sOf(ip), dValue(ip), mValue(ip), immediate(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.CLREX: {
          store<u32>(MONITOR, 0);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.SWP: {
          accountNote(block, ip, fuel);
          swap(nValue(ip), mValue(ip), dOf(ip), sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VFP_CHECK: {
          if (!vfpRefuses(immediate(ip))) {
            ip += RECORD_BYTES;
            continue;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.VLDR32: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          const register = mOf(ip) << 2;
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f003)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            store<u32>(register, load<u32>(at), VFP_STATE);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          vfpBlockLoad(address, register, 1);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VLDR64: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          const register = mOf(ip) << 2;
          if (load<u32>(entry, TLB_READ) == (address & 0xffff_f007)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            store<u64>(register, load<u64>(at), VFP_STATE);
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          vfpBlockLoad(address, register, 2);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VSTR32: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          const register = mOf(ip) << 2;
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f003)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            store<u32>(at, load<u32>(register, VFP_STATE));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          vfpBlockStore(address, register, 1);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VSTR64: {
          const address = nValue(ip) + immediate(ip);
          const entry = tlbEntry(address);
          const register = mOf(ip) << 2;
          if (load<u32>(entry, TLB_WRITE) == (address & 0xffff_f007)) {
            const at = address + load<u32>(entry, TLB_ADDEND);
            store<u64>(at, load<u64>(register, VFP_STATE));
            ip += RECORD_BYTES;
            continue;
          }
          accountNote(block, ip, fuel);
          vfpBlockStore(address, register, 2);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VLDM: {
          accountNote(block, ip, fuel);
          vfpBlockLoad(nValue(ip), mOf(ip) << 2, sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VSTM: {
          accountNote(block, ip, fuel);
          vfpBlockStore(nValue(ip), mOf(ip) << 2, sOf(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.VFP_DATA: {
          if (vfpDataProcessing(immediate(ip))) {
            ip += RECORD_BYTES;
            continue;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.VFP_MOVE: {
          if (vfpRegisterTransfer(immediate(ip), privileged())) {
            ip += RECORD_BYTES;
            continue;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.VFP_FLAGS: {
          psrSetFlags(load<u32>(FPSCR));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMOV_CORE_TO_S: {
          store<u32>(mOf(ip) << 2, dValue(ip), VFP_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMOV_S_TO_CORE: {
          setD(ip, load<u32>(mOf(ip) << 2, VFP_STATE));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VADD32: {
          store<u32>(
            dOf(ip) << 2,
            float32Add(load<u32>(nOf(ip) << 2, VFP_STATE), load<u32>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VSUB32: {
          store<u32>(
            dOf(ip) << 2,
            float32Subtract(load<u32>(nOf(ip) << 2, VFP_STATE), load<u32>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMUL32: {
          store<u32>(
            dOf(ip) << 2,
            float32Multiply(load<u32>(nOf(ip) << 2, VFP_STATE), load<u32>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VDIV32: {
          store<u32>(
            dOf(ip) << 2,
            float32Divide(load<u32>(nOf(ip) << 2, VFP_STATE), load<u32>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VADD64: {
          store<u64>(
            dOf(ip) << 2,
            float64Add(load<u64>(nOf(ip) << 2, VFP_STATE), load<u64>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VSUB64: {
          store<u64>(
            dOf(ip) << 2,
            float64Subtract(load<u64>(nOf(ip) << 2, VFP_STATE), load<u64>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMUL64: {
          store<u64>(
            dOf(ip) << 2,
            float64Multiply(load<u64>(nOf(ip) << 2, VFP_STATE), load<u64>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VDIV64: {
          store<u64>(
            dOf(ip) << 2,
            float64Divide(load<u64>(nOf(ip) << 2, VFP_STATE), load<u64>(mOf(ip) << 2, VFP_STATE)),
            VFP_STATE,
          );
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMOV32: {
          store<u32>(dOf(ip) << 2, load<u32>(mOf(ip) << 2, VFP_STATE), VFP_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.VMOV64: {
          store<u64>(dOf(ip) << 2, load<u64>(mOf(ip) << 2, VFP_STATE), VFP_STATE);
          ip += RECORD_BYTES;
          continue;
        }
        case Op.NEON_DATA: {
          if (neonDataProcessing(immediate(ip))) {
            ip += RECORD_BYTES;
            continue;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.VLD1:
        case Op.VST1: {
          accountNote(block, ip, fuel);
          vectorTransfer(nValue(ip), mOf(ip) << 2, sOf(ip), immediate(ip), load<u16>(ip) == <u16>Op.VST1);
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.NEON_STRUCTURE: {
          accountNote(block, ip, fuel);
          structureTransfer(immediate(ip), nValue(ip));
          what = event();
          if (what == EVENT_NONE) {
            ip += RECORD_BYTES;
            continue;
          }
          break;
        }
        case Op.READ_STATE: {
          setD(ip, load<u32>(immediate(ip)));
          ip += RECORD_BYTES;
          continue;
        }
        case Op.READ_STATE_PL1: {
          if (privileged()) {
            setD(ip, load<u32>(immediate(ip)));
            ip += RECORD_BYTES;
            continue;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.SYSTEM_READ: {
          // Counters are read here: the clock wants the exact instruction.
          accountNote(block, ip, fuel);
          const understood = systemRead(immediate(ip), dOf(ip), mOf(ip));
          if (understood) {
            if (!workPending()) {
              ip += RECORD_BYTES;
              continue;
            }
            what = EVENT_LEAVE;
            break;
          }
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.B: {
          next = load<u32>(ip, 12);
          linkAt = ip;
          target = base + immediate(ip);
          break;
        }
        case Op.B_EQ: {
          if (load<u32>(FLAG_Z) == 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_NE: {
          if (load<u32>(FLAG_Z) != 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_CS: {
          if (load<u32>(FLAG_C) != 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_CC: {
          if (load<u32>(FLAG_C) == 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_MI: {
          if (<i32>load<u32>(FLAG_N) < 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_PL: {
          if (<i32>load<u32>(FLAG_N) >= 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_VS: {
          if (load<u32>(FLAG_V) != 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_VC: {
          if (load<u32>(FLAG_V) == 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_HI: {
          if (load<u32>(FLAG_C) != 0 && load<u32>(FLAG_Z) != 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_LS: {
          if (load<u32>(FLAG_C) == 0 || load<u32>(FLAG_Z) == 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_GE: {
          if (load<u32>(FLAG_N) >>> 31 == load<u32>(FLAG_V)) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_LT: {
          if (load<u32>(FLAG_N) >>> 31 != load<u32>(FLAG_V)) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_GT: {
          if (load<u32>(FLAG_Z) != 0 && load<u32>(FLAG_N) >>> 31 == load<u32>(FLAG_V)) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.B_LE: {
          if (load<u32>(FLAG_Z) == 0 || load<u32>(FLAG_N) >>> 31 != load<u32>(FLAG_V)) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CBZ: {
          if (dValue(ip) == 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CBNZ: {
          if (dValue(ip) != 0) linkAt = ip;
          else linkAt = ip + 16;
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.BL: {
          store<u32>(CPU_STATE + LR, (base + ((<u32>load<u8>(ip, 7)) << 1) + 4) | sOf(ip));
          next = load<u32>(ip, 12);
          linkAt = ip;
          target = base + immediate(ip);
          break;
        }
        case Op.BLX: {
          const wasThumb = sOf(ip);
          store<u32>(CPU_STATE + LR, (base + ((<u32>load<u8>(ip, 7)) << 1) + 4) | wasThumb);
          store<u32>(THUMB, wasThumb ^ 1);
          next = load<u32>(ip, 12);
          linkAt = ip;
          target = base + immediate(ip);
          break;
        }
        case Op.JUMP: {
          const to = mValue(ip);
          store<u32>(THUMB, to & 1);
          target = to & (to & 1 ? 0xffff_fffe : 0xffff_fffc);
          next = load<u32>(ip, 12);
          linkAt = ip;
          break;
        }
        case Op.JUMP_PLAIN: {
          target = mValue(ip) & (load<u32>(THUMB) ? 0xffff_fffe : 0xffff_fffc);
          next = load<u32>(ip, 12);
          linkAt = ip;
          break;
        }
        case Op.JUMP_LINK: {
          const to = mValue(ip);
          // Operand s: 1 in Thumb state, where BLX (register) is a halfword.
          store<u32>(
            CPU_STATE + LR,
            sOf(ip) ? (base + ((<u32>load<u8>(ip, 7)) << 1) + 2) | 1 : base + ((<u32>load<u8>(ip, 7)) << 1) + 4,
          );
          store<u32>(THUMB, to & 1);
          target = to & (to & 1 ? 0xffff_fffe : 0xffff_fffc);
          next = load<u32>(ip, 12);
          linkAt = ip;
          break;
        }
        case Op.TABLE_BRANCH: {
          target = base + immediate(ip) + (mValue(ip) << 1);
          next = load<u32>(ip, 12);
          linkAt = ip;
          break;
        }
        case Op.FALL: {
          next = load<u32>(ip, 12);
          linkAt = ip;
          target = base + immediate(ip);
          const it = <u32>load<u8>(ip, 6);
          if (it & 15) {
            // The block ended inside an IT block: what follows depends on more than its address.
            setItState(it);
            setPc(target);
            what = EVENT_JUMP;
          }
          break;
        }
        case Op.SVC: {
          setPc(base + ((<u32>load<u8>(ip, 7)) << 1));
          setItState(load<u8>(ip, 6));
          accountNoteLeft(fuel);
          exceptionSupervisorCall();
          what = EVENT_JUMP;
          break;
        }
        case Op.HVC: {
          if (!privileged()) {
            what = EVENT_UNDEFINED;
            break;
          }
          // HVC is 4 bytes in both instruction sets.
          setPc(base + ((<u32>load<u8>(ip, 7)) << 1) + 4);
          setItState(itAdvance(load<u8>(ip, 6)));
          what = psciCall() ? EVENT_WAIT : EVENT_JUMP;
          break;
        }
        case Op.BKPT: {
          // Without a debugger a breakpoint is a prefetch abort with debug fault status (C3.4, B3.13.4).
          setPc(base + ((<u32>load<u8>(ip, 7)) << 1));
          setItState(load<u8>(ip, 6));
          accountNoteLeft(fuel);
          exceptionPrefetchAbort(FAULT_DEBUG, base + ((<u32>load<u8>(ip, 7)) << 1));
          what = EVENT_JUMP;
          break;
        }
        case Op.UNDEFINED: {
          what = EVENT_UNDEFINED;
          break;
        }
        case Op.RETURN: {
          setPc(base + ((<u32>load<u8>(ip, 7)) << 1));
          accountNoteLeft(fuel);
          what = exceptionReturn(mValue(ip)) ? EVENT_JUMP : EVENT_UNDEFINED;
          break;
        }
        case Op.SYSTEM: {
          // pc and ITSTATE of the next instruction, which the operation may change: SYSTEM is 4 bytes but in T16, where s has bit 7 set.
          const own = base + ((<u32>load<u8>(ip, 7)) << 1);
          accountNote(block, ip, fuel);
          setPc(own + (sOf(ip) & 0x80 ? 2 : 4));
          setItState(itAdvance(load<u8>(ip, 6)));
          what = system(sOf(ip) & 0x7f, immediate(ip), dOf(ip), nOf(ip), mOf(ip));
          break;
        }
        case Op.CMPI_B_EQ: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a == b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_NE: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a != b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_CS: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a >= b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_CC: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a < b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_HI: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a > b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_LS: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (a <= b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_GE: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a >= <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_LT: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a < <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_GT: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a > <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMPI_B_LE: {
          const a = nValue(ip);
          const b = immediate(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a <= <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_EQ: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a == b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_NE: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a != b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_CS: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a >= b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_CC: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a < b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_HI: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a > b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_LS: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (a <= b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_GE: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a >= <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_LT: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a < <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_GT: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a > <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.CMP_B_LE: {
          const a = nValue(ip);
          const b = mValue(ip);
          subFlags(a, b);
          linkAt = ip + (<i32>a <= <i32>b ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.TSTI_B_EQ: {
          const value = nValue(ip) & immediate(ip);
          setNZ(value);
          linkAt = ip + (value == 0 ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        case Op.TSTI_B_NE: {
          const value = nValue(ip) & immediate(ip);
          setNZ(value);
          linkAt = ip + (value != 0 ? 16 : 32);
          next = load<u32>(linkAt, 12);
          target = base + immediate(linkAt);
          break;
        }
        default: {
          what = EVENT_UNDEFINED;
          break;
        }
      }

      // ---- transition
      if (what != EVENT_NONE) break;
      if (next <= LINK_FAR || next >= LINK_HINT) {
        // By address: translate through the TLB's execute tags, then look in the cache.
        const link = next;
        next = 0;
        const code = tlbCodeEntry(target);
        if (load<u32>(code) == (target & 0xffff_f000)) {
          next = blockFind((target + load<u32>(code, TLB_CODE_ADDEND)) | load<u32>(THUMB));
        }
        const generation = blockGeneration;
        if (next == 0) {
          setPc(target);
          if (fuel == 0) {
            what = EVENT_JUMP;
            break;
          }
          next = fetchBlock(fuel);
          if (next == 0) {
            if (load<u32>(EXIT_REQUEST) != RUN_BREAK) fuel--;
            what = EVENT_JUMP;
            break;
          }
          if (workFull()) {
            // Decoding is paid for now and then.
            what = EVENT_JUMP;
            break;
          }
        }
        if (generation == blockGeneration && load<u32>(next, BLOCK_KEY) != 0) {
          if (link == LINK_UNRESOLVED) store<u32>(linkAt, next, 12);
          else if (link != (next | LINK_HINT)) store<u32>(linkAt, next | LINK_HINT, 12);
        }
      }
      const count = load<u32>(next, BLOCK_COUNT);
      if (fuel < count) {
        // Too little is left; or the block is translated.
        setPc(target);
        base = target;
        if ((count & BLOCK_COUNT_MASK) <= fuel) found = next;
        what = EVENT_JUMP;
        break;
      }
      if ((fuel ^ (fuel - count)) >>> SAMPLE_SHIFT) translationSample(next, next + BLOCK_HEAT);
      fuel -= count;
      block = next;
      base = target;
      ip = next + BLOCK_HEADER_BYTES;
    }

    // ---- the block was left
    if (what == EVENT_JUMP) continue;
    if (what == EVENT_WAIT) {
      if (load<u32>(IRQ_LINE)) continue;
      interpretWaiting = true;
      return fuel;
    }
    fuel += accountRefund(block, ip);
    if (what == EVENT_LEAVE) {
      finish(base, ip);
      continue;
    }
    setPc(base + ((<u32>load<u8>(ip, 7)) << 1));
    setItState(load<u8>(ip, 6));
    accountNoteLeft(fuel);
    if (what == EVENT_DATA_ABORT) exceptionDataAbort();
    else exceptionUndefined();
  }
}
