// CFI flash: two banks of 64 MiB, each two 16-bit chips side by side on a 32-bit bus, with the Intel/Sharp extended command set.
// JEDEC JESD68.01 "Common Flash Interface", JEP137 (command set 0001), and the commands of Intel's StrataFlash J3 and P30 data sheets.
//
// While both chips of a bank read their array, the bank is memory: the CPU reads it at full speed, and runs code there. A command takes the
// bank out of memory (FLASH_STATE) until both chips read arrays again; in between every access comes here.
//
// Behind a bank lies as much memory as the partition was given for it, from offset 0. Beyond, the flash is erased for good: it reads as ones,
// erasing it succeeds, and programming it fails with SR.4. An operation is done at once, so that a chip is always ready (SR.7).

import {
  CONFIG_BANK1_BYTES,
  CONFIG_BANK1_OFFSET,
  CONFIG_DEVICES,
  CONFIG_ROM_BYTES,
  CONFIG_ROM_OFFSET,
  DEVICE_FLASH,
  FLASH_STATE,
  FLASH_WRITTEN,
} from "../../abi/layout";
import { RUN_IO } from "../../abi/reasons";
import { BANK_BYTES } from "../memory-map";
import { pagesMove, pagesWritten } from "../pages";
import { exitRequest } from "./exit";
import { work } from "./work";

// Commands (J3 table 4)
const READ_ARRAY: u32 = 0xff;
const READ_ARRAY_TOO: u32 = 0x00; // what QEMU and drivers take for it
const PROGRAM: u32 = 0x40;
const PROGRAM_TOO: u32 = 0x10;
const ERASE: u32 = 0x20;
const CLEAR_STATUS: u32 = 0x50;
const LOCK_SETUP: u32 = 0x60;
const READ_STATUS: u32 = 0x70;
const READ_IDENTIFIER: u32 = 0x90;
const READ_QUERY: u32 = 0x98;
const SUSPEND: u32 = 0xb0;
const CONFIRM: u32 = 0xd0; // and unlock, and resume
const BUFFER: u32 = 0xe8;
const LOCK: u32 = 0x01;
const LOCK_DOWN: u32 = 0x2f;

// What a chip answers to reads
const MODE_ARRAY: u32 = 0;
const MODE_STATUS: u32 = 1;
const MODE_IDENTIFIER: u32 = 2;
const MODE_QUERY: u32 = 3;
// What the next write is
const NEXT_COMMAND: u32 = 0;
const NEXT_PROGRAM: u32 = 1;
const NEXT_ERASE: u32 = 2;
const NEXT_LOCK: u32 = 3;
const NEXT_COUNT: u32 = 4;
const NEXT_DATA: u32 = 5;
const NEXT_CONFIRM: u32 = 6;

// Status register (J3 table 16)
const SR_READY: u32 = 1 << 7;
const SR_ERASE_ERROR: u32 = 1 << 5;
const SR_PROGRAM_ERROR: u32 = 1 << 4;
const SR_LOCKED: u32 = 1 << 1;
const SR_SEQUENCE: u32 = SR_ERASE_ERROR | SR_PROGRAM_ERROR;

const MANUFACTURER: u32 = 0x89;
const DEVICE: u32 = 0x18;
/** A block of the bank, both chips together, as QEMU's. */
const BLOCK_BYTES: u32 = 0x4_0000;
/** Words of a chip's write buffer. */
const BUFFER_WORDS: u32 = 128;
/** Reading CFI begins at the word 0x10. */
const QUERY_FIRST: u32 = 0x10;
// prettier-ignore
const QUERY: StaticArray<u8> = [
  0x51, 0x52, 0x59, // "QRY"
  0x01, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00, 0x00, // command set 0001, its table at 0x31, no alternative
  0x45, 0x55, 0x00, 0x00, // VCC 4.5 to 5.5 V, no VPP
  0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00, // typical times of word, buffer, block, chip; and how many times that at most
  25, // 2^25 bytes a chip
  0x02, 0x00, // x8 and x16
  0x08, 0x00, // 2^8 bytes of write buffer
  0x01, 0xff, 0x00, 0x00, 0x02, // one region: 256 blocks of 512 × 256 bytes
  0x50, 0x52, 0x49, 0x31, 0x30, // "PRI", version 1.0
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // no optional features
];

/** State:
 *
 *   +0x000  commanded  u32     bit b: bank b is not memory now (read by pages)
 *   +0x010  written    2 × {first, end} of u32: FLASH_WRITTEN
 *   +0x020  chips      4 × 32 bytes, bank 0's low and high half, then bank 1's
 *   +0x0a0  locks      4 × 32 bytes: bit n of a chip's says that its block n is locked
 *   +0x200  buffers    4 × 2 × BUFFER_WORDS bytes
 */
@unmanaged
class Chip {
  mode: u32;
  next: u32;
  status: u32;
  /** Words of the buffer that are yet to come, then those that there are. */
  wanted: u32;
  count: u32;
  /** Word at which the buffer begins, and the block (bank offset) that the command named. */
  first: u32;
  block: u32;
}
const CHIPS: u32 = FLASH_STATE + 0x20;
const LOCKS: u32 = FLASH_STATE + 0xa0;
const BUFFERS: u32 = FLASH_STATE + 0x200;
const FLASH_STATE_BYTES: u32 = 0x600;

/** Power-on state: memory, nothing locked. What is programmed stays. */
export function flashReset(): void {
  const written0 = load<u64>(FLASH_WRITTEN);
  const written1 = load<u64>(FLASH_WRITTEN, 8);
  memory.fill(FLASH_STATE, 0, FLASH_STATE_BYTES);
  store<u64>(FLASH_WRITTEN, written0);
  store<u64>(FLASH_WRITTEN, written1, 8);
  for (let n: u32 = 0; n < 4; n++) chipAt(n).status = SR_READY;
}

/** Whether the partition has flash: else what lies in the first bank is ROM, and the second is not there. */
// @ts-ignore: decorator
@inline
export function flashPresent(): bool {
  return (load<u32>(CONFIG_DEVICES) & DEVICE_FLASH) != 0;
}

/** Reads 1, 2 or 4 bytes at a physical address of the banks. */
export function flashRead(address: u32, size: u32): u32 {
  const bank = address / BANK_BYTES;
  const offset = address & (BANK_BYTES - 4);
  const array = bankWord(bank, offset);
  const word = chipRead(bank << 1, offset, array & 0xffff) | (chipRead((bank << 1) + 1, offset, array >>> 16) << 16);
  const lanes = word >>> ((address & 3) << 3);
  return size == 4 ? lanes : lanes & ((1 << (size << 3)) - 1);
}

/** Writes 1, 2 or 4 bytes: a word to both chips, less to the chip whose half it is. */
export function flashWrite(address: u32, value: u32, size: u32): void {
  const bank = address / BANK_BYTES;
  const offset = address & (BANK_BYTES - 4);
  const low = bank << 1;
  if (size == 4) {
    // Both chips erase the same block at one time: that is one fill, not two of every other halfword.
    if (chipErases(low, offset, value & 0xffff) && chipErases(low + 1, offset, value >>> 16)) {
      bankErase(bank, offset, 0xffff_ffff);
      chipErased(low);
      chipErased(low + 1);
    } else {
      chipWrite(low, offset, value & 0xffff);
      chipWrite(low + 1, offset, value >>> 16);
    }
  } else {
    const upper = (address >>> 1) & 1;
    // A byte drives its half of a chip's data lines, commands have no other.
    const filled = size == 1 && address & 1 ? (value << 8) | 0xff : size == 1 ? value | 0xff00 : value;
    chipWrite(low + upper, offset, filled);
  }
  bankSettle(bank);
}

/** Which of reads and memory a bank is now. */
function bankSettle(bank: u32): void {
  const low = chipAt(bank << 1);
  const high = chipAt((bank << 1) + 1);
  const idle = (low.mode | high.mode | low.next | high.next) == 0;
  const before = load<u32>(FLASH_STATE);
  const after = idle ? before & ~(1 << bank) : before | (1 << bank);
  if (after == before) return;
  store<u32>(FLASH_STATE, after);
  pagesMove();
  // The host keeps what was written, when the guest is through with it.
  if (idle && load<u64>(FLASH_WRITTEN + (bank << 3))) exitRequest(RUN_IO);
}

function chipRead(chip: u32, offset: u32, array: u32): u32 {
  const it = chipAt(chip);
  switch (it.mode) {
    case MODE_ARRAY:
      return array;
    case MODE_STATUS:
      return it.status;
    case MODE_QUERY: {
      const index = ((offset >>> 2) & 0xff) - QUERY_FIRST;
      return index < <u32>QUERY.length ? <u32>load<u8>(changetype<usize>(QUERY) + index) : 0;
    }
    default: {
      // A block's identifiers are at its first words.
      const word = (offset & (BLOCK_BYTES - 1)) >>> 2;
      if (word == 2) return chipLocked(chip, offset) ? 1 : 0;
      return word == 0 ? MANUFACTURER : word == 1 ? DEVICE : 0;
    }
  }
}

/** A write of 16 bits to a chip, at an offset of the bank. */
function chipWrite(chip: u32, offset: u32, value: u32): void {
  const it = chipAt(chip);
  switch (it.next) {
    case NEXT_PROGRAM:
      it.next = NEXT_COMMAND;
      return chipProgram(chip, offset, value);
    case NEXT_ERASE:
      it.next = NEXT_COMMAND;
      if ((value & 0xff) != CONFIRM) it.status |= SR_SEQUENCE;
      else if (chipLocked(chip, offset)) it.status |= SR_ERASE_ERROR | SR_LOCKED;
      else bankErase(chip >>> 1, offset, chip & 1 ? 0xffff_0000 : 0xffff);
      return;
    case NEXT_LOCK:
      it.next = NEXT_COMMAND;
      return chipLock(chip, offset, value & 0xff);
    case NEXT_COUNT:
      // The count is one less than the words that follow.
      it.wanted = value + 1;
      it.count = 0;
      it.next = NEXT_DATA;
      if (it.wanted > BUFFER_WORDS) chipAbandon(it);
      return;
    case NEXT_DATA:
      return chipFill(chip, offset, value);
    case NEXT_CONFIRM:
      // At any address, as QEMU has it: EDK2 confirms at the bank's first.
      if ((value & 0xff) != CONFIRM) return chipAbandon(it);
      it.next = NEXT_COMMAND;
      return chipFlush(chip);
    default:
      chipCommand(chip, offset, value & 0xff);
  }
}

function chipCommand(chip: u32, offset: u32, command: u32): void {
  const it = chipAt(chip);
  let mode = MODE_STATUS;
  switch (command) {
    case PROGRAM:
    case PROGRAM_TOO:
      it.next = NEXT_PROGRAM;
      break;
    case ERASE:
      it.next = NEXT_ERASE;
      break;
    case LOCK_SETUP:
      it.next = NEXT_LOCK;
      break;
    case BUFFER:
      it.next = NEXT_COUNT;
      it.block = offset / BLOCK_BYTES;
      break;
    case CLEAR_STATUS:
      it.status = SR_READY;
      mode = it.mode;
      break;
    case READ_IDENTIFIER:
      mode = MODE_IDENTIFIER;
      break;
    case READ_QUERY:
      mode = MODE_QUERY;
      break;
    case READ_STATUS:
    case SUSPEND: // nothing takes long enough to be suspended
    case CONFIRM: // or resumed
      break;
    case READ_ARRAY:
    case READ_ARRAY_TOO:
    default:
      mode = MODE_ARRAY;
  }
  it.mode = mode;
}

/** A buffered write went wrong: J3 reports a sequence error, and the buffer is lost. */
function chipAbandon(it: Chip): void {
  it.next = NEXT_COMMAND;
  it.status |= SR_SEQUENCE;
}

/** One word for the write buffer. */
function chipFill(chip: u32, offset: u32, value: u32): void {
  const it = chipAt(chip);
  if (it.count == 0) it.first = offset >>> 2;
  const index = (offset >>> 2) - it.first;
  if (offset / BLOCK_BYTES != it.block || index >= it.wanted) return chipAbandon(it);
  const buffer = chipBuffer(chip);
  // Words that are never written program nothing.
  if (it.count == 0) memory.fill(buffer, 0xff, BUFFER_WORDS << 1);
  store<u16>(buffer + (index << 1), <u16>value);
  if (++it.count == it.wanted) it.next = NEXT_CONFIRM;
}

function chipFlush(chip: u32): void {
  const it = chipAt(chip);
  const buffer = chipBuffer(chip);
  for (let n: u32 = 0; n < it.wanted; n++) chipProgram(chip, (it.first + n) << 2, <u32>load<u16>(buffer + (n << 1)));
  work(it.wanted);
}

/** Programming clears bits, and sets none. */
function chipProgram(chip: u32, offset: u32, value: u32): void {
  const it = chipAt(chip);
  if (chipLocked(chip, offset)) {
    it.status |= SR_PROGRAM_ERROR | SR_LOCKED;
    return;
  }
  const at = bankAt(chip >>> 1, offset);
  if (!at) {
    if (value != 0xffff) it.status |= SR_PROGRAM_ERROR;
    return;
  }
  const half = at + ((chip & 1) << 1);
  store<u16>(half, load<u16>(half) & (<u16>value));
  bankWritten(chip >>> 1, offset, 4);
}

function chipLock(chip: u32, offset: u32, command: u32): void {
  const it = chipAt(chip);
  const block = offset / BLOCK_BYTES;
  const byte = LOCKS + (chip << 5) + (block >>> 3);
  const bit: u32 = 1 << (block & 7);
  if (command == LOCK || command == LOCK_DOWN) store<u8>(byte, <u8>((<u32>load<u8>(byte)) | bit));
  else if (command == CONFIRM) store<u8>(byte, <u8>((<u32>load<u8>(byte)) & ~bit));
  else it.status |= SR_SEQUENCE;
}

function chipLocked(chip: u32, offset: u32): bool {
  const block = offset / BLOCK_BYTES;
  return (((<u32>load<u8>(LOCKS + (chip << 5) + (block >>> 3))) >>> (block & 7)) & 1) != 0;
}

/** Whether this write is the second of an erasure that will be done. */
function chipErases(chip: u32, offset: u32, value: u32): bool {
  return chipAt(chip).next == NEXT_ERASE && (value & 0xff) == CONFIRM && !chipLocked(chip, offset);
}

function chipErased(chip: u32): void {
  chipAt(chip).next = NEXT_COMMAND;
}

/** Sets the bits of `lanes` in every word of the block, as far as there is memory behind it. */
function bankErase(bank: u32, offset: u32, lanes: u32): void {
  const first = offset & ~(BLOCK_BYTES - 1);
  const bytes = bankBytes(bank);
  if (first >= bytes) return;
  const length = min<u32>(BLOCK_BYTES, bytes - first);
  const at = bankAt(bank, first);
  if (lanes == 0xffff_ffff) memory.fill(at, 0xff, length);
  else for (let n: u32 = 0; n < length; n += 4) store<u32>(at + n, load<u32>(at + n) | lanes);
  work(lanes == 0xffff_ffff ? length >>> 6 : length >>> 3);
  bankWritten(bank, first, length);
}

/** Marks bytes as written, for the CPU's caches and for the host. */
function bankWritten(bank: u32, offset: u32, length: u32): void {
  pagesWritten(bankAt(bank, offset), length);
  const range = FLASH_WRITTEN + (bank << 3);
  const end = load<u32>(range, 4);
  store<u32>(range, end ? min<u32>(load<u32>(range), offset) : offset);
  store<u32>(range, max<u32>(end, offset + length), 4);
}

/** The word at a bank's offset, whatever its chips are doing. */
function bankWord(bank: u32, offset: u32): u32 {
  const at = bankAt(bank, offset);
  return at ? load<u32>(at) : 0xffff_ffff;
}

/** Linear-memory offset, or 0 where there is no memory behind the flash. */
function bankAt(bank: u32, offset: u32): u32 {
  if (offset >= bankBytes(bank)) return 0;
  return load<u32>(bank ? CONFIG_BANK1_OFFSET : CONFIG_ROM_OFFSET) + offset;
}

function bankBytes(bank: u32): u32 {
  return load<u32>(bank ? CONFIG_BANK1_BYTES : CONFIG_ROM_BYTES);
}

function chipAt(chip: u32): Chip {
  return changetype<Chip>(CHIPS + (chip << 5));
}

function chipBuffer(chip: u32): u32 {
  return BUFFERS + chip * (BUFFER_WORDS << 1);
}
