// virtio-block: the partition's disk. VIRTIO 1.2 §5.2.
//
// A request becomes an entry of the BLOCK_REQUESTS table, with its buffers as offsets in linear memory, and the guest runs on. The
// host serves it when it likes and calls blockComplete(). A request that cannot succeed never reaches the host.
//
// A reset of the device frees what the host has not taken and marks what it has as BLOCK_CANCELLED: such an entry is out of use until
// the host hands it back, its buffers belong to the guest again, and nothing is written to the guest for it.

import {
  BLOCK_CANCELLED,
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_FREE,
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_REQUESTS,
  BLOCK_REQUEST_BYTES,
  BLOCK_REQUEST_COUNT,
  BLOCK_SEGMENT_MAX,
  BLOCK_TAKEN,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
  CONFIG_DISK_FLAGS,
  CONFIG_DISK_SECTORS_HIGH,
  CONFIG_DISK_SECTORS_LOW,
  CONFIG_DISK_SERIAL,
  DISK_PRESENT,
  DISK_READ_ONLY,
} from "../../../abi/layout";
import { RUN_IO } from "../../../abi/reasons";
import { VIRTIO_SLOT_BLOCK } from "../../memory-map";
import { pagesWritten } from "../../pages";
import { exitRequest } from "../exit";
import { WORK_REQUEST, work, workFull, workPages } from "../work";
import {
  chainHead,
  chainRead32,
  chainReadBytes,
  chainReadCount,
  chainSegmentLength,
  chainSegmentOffset,
  chainWrite,
  chainWriteBytes,
  chainWriteCount,
  queueNext,
  queueOpen,
  queuePush,
  queueSignal,
  queueTake,
} from "./queue";
import { slotBreak, slotHasFeature, slotVisit } from "./slot";

export const BLOCK_DEVICE_ID: u32 = 2;

// Feature bits (§5.2.3)
const F_SEG_MAX: u32 = 1 << 2;
const F_RO: u32 = 1 << 5;
const F_BLK_SIZE: u32 = 1 << 6;
const F_FLUSH: u32 = 1 << 9;
const F_DISCARD: u32 = 1 << 13;
const F_WRITE_ZEROES: u32 = 1 << 14;

// Configuration space (§5.2.4)
const CAPACITY_LOW: u32 = 0;
const CAPACITY_HIGH: u32 = 4;
const SEG_MAX: u32 = 12;
const BLK_SIZE: u32 = 20;
const MAX_DISCARD_SECTORS: u32 = 36;
const MAX_DISCARD_SEG: u32 = 40;
const DISCARD_SECTOR_ALIGNMENT: u32 = 44;
const MAX_WRITE_ZEROES_SECTORS: u32 = 48;
const MAX_WRITE_ZEROES_SEG: u32 = 52;
const WRITE_ZEROES_MAY_UNMAP: u32 = 56;

// Request types and status (§5.2.6). The types that reach the host are BLOCK_READ … in abi/layout.
const T_GET_ID: u32 = 8;
const S_OK: u32 = 0;
const S_IOERR: u32 = 1;
const S_UNSUPP: u32 = 2;
const HEADER_BYTES: u32 = 16;
const RANGE_BYTES: u32 = 16; // one segment of a discard or write-zeroes
const RANGE_F_UNMAP: u32 = 1;
const ID_BYTES: u32 = 20;
const SECTOR_BYTES: u32 = 512;
/** Work that one discard or write-zeroes can give the host: 32 MiB. */
const RANGE_SECTORS_MAX: u32 = 0x10000;

/** An entry of the table, as in abi/layout:
 *
 *   +0  state  +4 operation  +8 sectorLow  +12 sectorHigh  +16 sectorCount  +20 segmentCount
 *   +24 statusAt  u32  where the status byte lies in linear memory
 *   +28 head      u32  the chain to give back
 *   +32 segments
 */
@unmanaged
class Request {
  state: u32;
  operation: u32;
  sectorLow: u32;
  sectorHigh: u32;
  sectorCount: u32;
  segmentCount: u32;
  statusAt: u32;
  head: u32;
}
const SEGMENTS: u32 = offsetof<Request>();

export function blockFeatures(): u32 {
  const common = F_SEG_MAX | F_BLK_SIZE | F_FLUSH;
  return blockReadOnly() ? common | F_RO : common | F_DISCARD | F_WRITE_ZEROES;
}

export function blockConfig(offset: u32): u32 {
  switch (offset) {
    case CAPACITY_LOW:
      return <u32>blockSectors();
    case CAPACITY_HIGH:
      return <u32>(blockSectors() >>> 32);
    case SEG_MAX:
      return BLOCK_SEGMENT_MAX;
    case BLK_SIZE:
      return SECTOR_BYTES;
    case MAX_DISCARD_SECTORS:
    case MAX_WRITE_ZEROES_SECTORS:
      return RANGE_SECTORS_MAX;
    case MAX_DISCARD_SEG:
    case MAX_WRITE_ZEROES_SEG:
    case DISCARD_SECTOR_ALIGNMENT:
    case WRITE_ZEROES_MAY_UNMAP:
      return 1;
    default:
      return 0;
  }
}

/** The device is reset: no request of before may reach the guest any more. */
export function blockReset(): void {
  for (let n: u32 = 0; n < BLOCK_REQUEST_COUNT; n++) {
    const request = blockRequest(n);
    if (request.state == BLOCK_PENDING) request.state = BLOCK_FREE;
    else if (request.state == BLOCK_TAKEN) request.state = BLOCK_CANCELLED;
  }
}

/** Takes a step of chains while there are free entries. */
export function blockKick(): void {
  if (!queueOpen(VIRTIO_SLOT_BLOCK, 0)) return;
  for (let free = blockFree(); free && !workFull() && queueNext(); free = blockFree()) {
    // §5.2.6: a header to read, and a status byte to write at the very end.
    if (chainReadBytes < HEADER_BYTES || chainWriteBytes == 0) {
      slotBreak(VIRTIO_SLOT_BLOCK);
      break;
    }
    queueTake();
    blockStart(changetype<Request>(free));
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_BLOCK, 0);
  queueSignal();
}

/** The host has served entry `index`: 0 is success, 1 an I/O error, 2 unsupported. An entry that is free is left alone; one that
 *  was cancelled becomes free and nothing else happens. */
export function blockComplete(index: u32, status: u32): void {
  if (index >= BLOCK_REQUEST_COUNT) return;
  const request = blockRequest(index);
  const state = request.state;
  if (state == BLOCK_FREE) return;
  request.state = BLOCK_FREE;
  work(WORK_REQUEST);
  if (state != BLOCK_CANCELLED && queueOpen(VIRTIO_SLOT_BLOCK, 0)) {
    let written: u32 = 0;
    if (request.operation == BLOCK_READ && status == S_OK) {
      const segments = changetype<u32>(request) + SEGMENTS;
      for (let n: u32 = 0; n < request.segmentCount; n++) {
        const length = load<u32>(segments + (n << 3), 4);
        pagesWritten(load<u32>(segments + (n << 3)), length);
        workPages(length);
        written += length;
      }
    }
    blockFinish(request.statusAt, request.head, min<u32>(status, S_UNSUPP), written);
    queueSignal();
  }
  // An entry is free again: the next chain may have waited for it.
  slotVisit(VIRTIO_SLOT_BLOCK, 0);
}

/** Turns the chain in hand into an entry, or answers it at once. */
function blockStart(request: Request): void {
  work(WORK_REQUEST);
  const last = chainReadCount + chainWriteCount - 1;
  const statusAt = chainSegmentOffset(last) + chainSegmentLength(last) - 1;
  const operation = chainRead32(0);
  request.operation = operation;
  request.sectorLow = chainRead32(8);
  request.sectorHigh = chainRead32(12);
  request.sectorCount = 0;
  request.segmentCount = 0;
  request.statusAt = statusAt;
  request.head = chainHead;

  let refusal = S_OK;
  let sectors: u64 = 0;
  switch (operation) {
    case BLOCK_READ:
      sectors = blockData(request, chainReadCount, chainWriteCount, 0, chainWriteBytes - 1);
      if (sectors == 0) refusal = S_IOERR;
      break;
    case BLOCK_WRITE:
      sectors = blockData(request, 0, chainReadCount, HEADER_BYTES, chainReadBytes - HEADER_BYTES);
      if (sectors == 0 || blockReadOnly()) refusal = S_IOERR;
      break;
    case BLOCK_FLUSH:
      request.sectorLow = 0; // §5.2.6.1: zero, whatever the driver says
      request.sectorHigh = 0;
      break;
    case T_GET_ID:
      return blockIdentify(statusAt);
    case BLOCK_DISCARD:
    case BLOCK_WRITE_ZEROES:
      refusal = blockRange(request);
      sectors = <u64>request.sectorCount;
      break;
    default:
      refusal = S_UNSUPP;
  }
  if (refusal == S_OK && !blockInside(((<u64>request.sectorHigh) << 32) | request.sectorLow, sectors))
    refusal = S_IOERR;
  if (refusal != S_OK || !(load<u32>(CONFIG_DISK_FLAGS) & DISK_PRESENT)) {
    return blockFinish(statusAt, chainHead, refusal == S_OK ? S_IOERR : refusal, 0);
  }
  request.state = BLOCK_PENDING;
  exitRequest(RUN_IO);
}

/** Puts `bytes` of data, `skip` bytes into `count` segments from `first`, into the entry. Returns sectors, or 0 for a length that is
 *  no whole number of sectors, is empty, or comes in too many pieces. */
function blockData(request: Request, first: u32, count: u32, skip: u32, bytes: u32): u64 {
  if (bytes == 0 || bytes & (SECTOR_BYTES - 1)) return 0;
  const segments = changetype<u32>(request) + SEGMENTS;
  let left = bytes;
  let filled: u32 = 0;
  for (let n = first; n < first + count && left; n++) {
    const length = chainSegmentLength(n);
    if (skip >= length) {
      skip -= length;
      continue;
    }
    if (filled == BLOCK_SEGMENT_MAX) return 0;
    const part = min<u32>(length - skip, left);
    store<u32>(segments + (filled << 3), chainSegmentOffset(n) + skip);
    store<u32>(segments + (filled << 3), part, 4);
    filled++;
    left -= part;
    skip = 0;
  }
  request.segmentCount = filled;
  return <u64>(bytes / SECTOR_BYTES);
}

/** §5.2.6: the one range of a discard or write-zeroes, put into the entry. Returns a status. */
function blockRange(request: Request): u32 {
  const discard = request.operation == BLOCK_DISCARD;
  if (!slotHasFeature(VIRTIO_SLOT_BLOCK, discard ? F_DISCARD : F_WRITE_ZEROES)) return S_UNSUPP;
  if (blockReadOnly() || chainReadBytes != HEADER_BYTES + RANGE_BYTES) return S_IOERR;
  const flags = chainRead32(HEADER_BYTES + 12);
  // §5.2.6.2: unknown flags, and unmap for a discard, are unsupported.
  if (flags & (discard ? ~0 : ~RANGE_F_UNMAP)) return S_UNSUPP;
  request.sectorLow = chainRead32(HEADER_BYTES);
  request.sectorHigh = chainRead32(HEADER_BYTES + 4);
  request.sectorCount = chainRead32(HEADER_BYTES + 8);
  return request.sectorCount == 0 || request.sectorCount > RANGE_SECTORS_MAX ? S_IOERR : S_OK;
}

/** VIRTIO_BLK_T_GET_ID: the serial number, as much of it as fits. */
function blockIdentify(statusAt: u32): void {
  const bytes = min<u32>(ID_BYTES, chainWriteBytes - 1);
  chainWrite(0, CONFIG_DISK_SERIAL, bytes);
  blockFinish(statusAt, chainHead, S_OK, bytes);
}

function blockFinish(statusAt: u32, head: u32, status: u32, dataBytes: u32): void {
  store<u8>(statusAt, <u8>status);
  pagesWritten(statusAt, 1);
  queuePush(head, dataBytes + 1);
}

function blockInside(sector: u64, count: u64): bool {
  const capacity = blockSectors();
  return count <= capacity && sector <= capacity - count;
}

function blockSectors(): u64 {
  return ((<u64>load<u32>(CONFIG_DISK_SECTORS_HIGH)) << 32) | (<u64>load<u32>(CONFIG_DISK_SECTORS_LOW));
}

function blockReadOnly(): bool {
  return (load<u32>(CONFIG_DISK_FLAGS) & DISK_READ_ONLY) != 0;
}

/** A free entry, or 0. */
function blockFree(): u32 {
  for (let n: u32 = 0; n < BLOCK_REQUEST_COUNT; n++) {
    if (blockRequest(n).state == BLOCK_FREE) return changetype<u32>(blockRequest(n));
  }
  return 0;
}

function blockRequest(index: u32): Request {
  return changetype<Request>(BLOCK_REQUESTS + index * BLOCK_REQUEST_BYTES);
}
