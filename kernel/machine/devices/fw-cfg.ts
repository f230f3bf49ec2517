// fw_cfg: how firmware asks its machine for files. QEMU docs/specs/fw_cfg, MMIO interface with DMA.
//
// The host lays the files out in linear memory before the machine starts (agent/host/loader/fw-cfg): u32 count, then {key, offset, length} of u32
// for each file, offsets from the table's start, then their bytes. The host is trusted, the guest's DMA descriptors are not: addresses are
// checked as a whole before the first byte moves.
//
// A transfer may be as long as RAM. It is done in steps, and the guest stands meanwhile (work).

import {
  CONFIG_DEVICES,
  CONFIG_FW_CFG_BYTES,
  CONFIG_FW_CFG_OFFSET,
  DEVICE_FW_CFG,
  FW_CFG_STATE,
  WORK_VISITS,
} from "../../abi/layout";
import { pagesWritten, ramAt } from "../pages";
import { work, workFull, workVisits } from "./work";

// Registers
const DATA: u32 = 0;
const DATA_BYTES: u32 = 8;
const SELECTOR: u32 = 8; // 16 bits, big-endian
const DMA_HIGH: u32 = 16; // the descriptor's address, big-endian; the second half starts it
const DMA_LOW: u32 = 20;
/** Read there, "QEMU CFG": there is DMA. Little-endian words. */
const SIGNATURE_HIGH: u32 = 0x554d_4551;
const SIGNATURE_LOW: u32 = 0x4746_4320;

// A descriptor: control, length and a 64-bit address, all big-endian
const DESCRIPTOR_BYTES: u32 = 16;
const CONTROL_ERROR: u32 = 1;
const CONTROL_READ: u32 = 2;
const CONTROL_SKIP: u32 = 4;
const CONTROL_SELECT: u32 = 8;
const CONTROL_WRITE: u32 = 16;
/** Bit 14 of a key once asked for writing, and means nothing any more. */
const KEY_MASK: u32 = 0xbfff;

const VISIT: u32 = 1 << 31;
/** Bytes of one step of a transfer. */
const STEP_BYTES: u32 = 0x4000;

/** State:
 *
 *   +0   file     u32  linear-memory offset of the selected file, 0: no such key
 *   +4   length   u32  its bytes
 *   +8   offset   u32  where the next byte is read, at most u32.MAX_VALUE: beyond the end all is zero
 *   +12  dmaHigh  u32  upper half of the descriptor's address
 *   +16  control  u32  linear-memory offset of the descriptor of the transfer in hand, 0: none
 *   +20  target   u32  linear-memory offset of the bytes that it has yet to write
 *   +24  left     u32  how many these are
 */
@unmanaged
class FwCfg {
  file: u32;
  length: u32;
  offset: u32;
  dmaHigh: u32;
  control: u32;
  target: u32;
  left: u32;
}
const state = changetype<FwCfg>(FW_CFG_STATE);

export function fwCfgReset(): void {
  memory.fill(FW_CFG_STATE, 0, offsetof<FwCfg>());
  fwCfgSelect(0);
}

// @ts-ignore: decorator
@inline
export function fwCfgPresent(): bool {
  return (load<u32>(CONFIG_DEVICES) & DEVICE_FW_CFG) != 0;
}

export function fwCfgRead(offset: u32, size: u32): u32 {
  if (offset < DATA + DATA_BYTES) {
    // The file's bytes come in their order, however wide the access is.
    let value: u32 = 0;
    for (let n: u32 = 0; n < size; n++) value |= fwCfgByte() << (n << 3);
    return value;
  }
  const word = offset < DMA_LOW ? SIGNATURE_HIGH : SIGNATURE_LOW;
  if (offset < DMA_HIGH) return 0;
  const lanes = word >>> ((offset & 3) << 3);
  return size == 4 ? lanes : lanes & ((1 << (size << 3)) - 1);
}

export function fwCfgWrite(offset: u32, value: u32, size: u32): void {
  if (offset == SELECTOR && size == 2) fwCfgSelect(((value & 0xff) << 8) | (value >>> 8));
  else if (offset == DMA_HIGH && size == 4) state.dmaHigh = bswap(value);
  else if (offset == DMA_LOW && size == 4) fwCfgTransfer(bswap(value));
}

/** A step of the transfer in hand, if there is one. */
export function fwCfgContinue(): void {
  while (workVisits() & VISIT && !workFull()) {
    const bytes = min<u32>(state.left, STEP_BYTES);
    const here = min<u32>(bytes, fwCfgAvailable());
    // A copy of nothing traps too, when it would be from nowhere.
    if (here) memory.copy(state.target, state.file + state.offset, here);
    memory.fill(state.target + here, 0, bytes - here);
    pagesWritten(state.target, bytes);
    work(bytes >>> 6);
    fwCfgSkip(bytes);
    state.target += bytes;
    state.left -= bytes;
    if (state.left == 0) fwCfgEnd(0);
  }
}

/** Finds the file of a key. One that does not exist reads as zeroes. */
function fwCfgSelect(key: u32): void {
  const table = load<u32>(CONFIG_FW_CFG_OFFSET);
  state.file = 0;
  state.length = 0;
  state.offset = 0;
  if (!load<u32>(CONFIG_FW_CFG_BYTES)) return;
  const count = load<u32>(table);
  work(count);
  for (let n: u32 = 0; n < count; n++) {
    const entry = table + 4 + n * 12;
    if (load<u32>(entry) != (key & KEY_MASK)) continue;
    state.file = table + load<u32>(entry, 4);
    state.length = load<u32>(entry, 8);
    return;
  }
}

function fwCfgByte(): u32 {
  const value = fwCfgAvailable() ? <u32>load<u8>(state.file + state.offset) : 0;
  fwCfgSkip(1);
  return value;
}

function fwCfgAvailable(): u32 {
  return state.length > state.offset ? state.length - state.offset : 0;
}

function fwCfgSkip(bytes: u32): void {
  const end = state.offset + bytes;
  state.offset = end < bytes ? u32.MAX_VALUE : end;
}

/** The guest names a descriptor. One that is not wholly in RAM is nowhere to report an error: it is ignored, as QEMU does. */
function fwCfgTransfer(low: u32): void {
  const high = state.dmaHigh;
  state.dmaHigh = 0;
  const descriptor = high ? 0 : ramAt(low, DESCRIPTOR_BYTES);
  if (!descriptor) return;
  const control = bswap(load<u32>(descriptor));
  const length = bswap(load<u32>(descriptor, 4));
  const target = load<u32>(descriptor, 8) ? 0 : ramAt(bswap(load<u32>(descriptor, 12)), length);
  state.control = descriptor;
  if (control & CONTROL_SELECT) fwCfgSelect(control >>> 16);
  if (control & CONTROL_READ && length) {
    if (!target) return fwCfgEnd(CONTROL_ERROR);
    state.target = target;
    state.left = length;
    store<u32>(WORK_VISITS, workVisits() | VISIT);
    return;
  }
  // No file here is for writing.
  if (control & CONTROL_WRITE && length && !(control & CONTROL_READ)) return fwCfgEnd(CONTROL_ERROR);
  if (control & CONTROL_SKIP) fwCfgSkip(length);
  fwCfgEnd(0);
}

/** Tells the guest that the transfer is over. */
function fwCfgEnd(result: u32): void {
  store<u32>(WORK_VISITS, workVisits() & ~VISIT);
  store<u32>(state.control, bswap(result));
  pagesWritten(state.control, 4);
  state.control = 0;
}
