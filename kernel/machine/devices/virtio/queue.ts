// Split virtqueues, seen from the device. VIRTIO 1.2 §2.7.
//
// Everything in the rings is the guest's and hostile. A chain is walked once, into a list of segments in scratch memory; only what
// ramAt() allows gets there, and devices work on that list alone. A walk takes at most as many steps as the queue has entries,
// in the descriptor table and again in one indirect table, and a chain of more segments than that is refused (§2.7.5.3.1).
// The descriptors of the table that one visit may use up are bounded by the queue size too: a correct driver cannot have more.
// A driver that breaks a rule gets DEVICE_NEEDS_RESET.
//
// Use: queueOpen, then, until workFull(), queueNext and queueTake + queuePush for each chain, then queueSignal. Guest code does not run in
// between, nor between the visits that one kick takes.

import { VIRTIO_CHAIN, VIRTIO_CHAIN_SEGMENTS } from "../../../abi/layout";
import { pagesWritten, ramAt } from "../../pages";
import { WORK_CHAIN, work } from "../work";
import {
  FEATURE_EVENT_IDX,
  FEATURE_INDIRECT_DESC,
  INTERRUPT_USED,
  slotBreak,
  slotHasFeature,
  slotInterrupt,
  slotLive,
  slotQueues,
} from "./slot";

/** QueueNumMax of the legacy transport, as QEMU's: firmware asks for 256 and more of any device. */
export const QUEUE_SIZE_MAX: u32 = VIRTIO_CHAIN_SEGMENTS;
/** Queues that a slot has room for. */
export const QUEUE_COUNT_MAX: u32 = 10;

const DESCRIPTOR_BYTES: u32 = 16;
const DESC_F_NEXT: u32 = 1;
const DESC_F_WRITE: u32 = 2;
const DESC_F_INDIRECT: u32 = 4;
const AVAIL_F_NO_INTERRUPT: u32 = 1;
/** QueueAlign of a driver that does not say, as QEMU has it. */
const ALIGNMENT_DEFAULT: u32 = 4096;

/** State of a queue, QUEUE_BYTES from the next:
 *
 *   +0x00  size           u32  entries, as the driver wrote it
 *   +0x04  ready          u32
 *   +0x08  descriptorLow  u32   +0x0c  descriptorHigh  u32
 *   +0x10  driverLow      u32   +0x14  driverHigh      u32  available ring
 *   +0x18  deviceLow      u32   +0x1c  deviceHigh      u32  used ring
 *   +0x20  available      u32  available entries taken, 16 bits count
 *   +0x24  used           u32  used entries given, 16 bits count
 *   +0x28  signalled      u32  value of `used` when the driver's wish for an interrupt was last looked at
 *   +0x2c  progress       u32  bytes of the next chain that are dealt with already
 *   +0x30  pageNumber     u32  legacy: QueuePFN
 *   +0x34  alignment      u32  legacy: QueueAlign, 0 before the driver writes it
 */
@unmanaged
export class Queue {
  size: u32;
  ready: u32;
  descriptorLow: u32;
  descriptorHigh: u32;
  driverLow: u32;
  driverHigh: u32;
  deviceLow: u32;
  deviceHigh: u32;
  available: u32;
  used: u32;
  signalled: u32;
  progress: u32;
  pageNumber: u32;
  alignment: u32;
}
const QUEUE_BYTES: u32 = 0x38;

// The open queue, and the chain that queueNext found. Valid between queueOpen and queueSignal: no state.
let slot: u32 = 0;
let queue: Queue = changetype<Queue>(0);
let size: u32 = 0;
let table: u32 = 0;
let driverRing: u32 = 0;
let deviceRing: u32 = 0;
let allowance: u32 = 0; // descriptors of the table that this visit may still use
export let chainHead: u32 = 0;
/** Segments that the device reads come first in the list, then those that it writes. */
export let chainReadCount: u32 = 0;
export let chainWriteCount: u32 = 0;
export let chainReadBytes: u32 = 0;
export let chainWriteBytes: u32 = 0;

export function queueAt(slotIndex: u32, index: u32): Queue {
  return changetype<Queue>(slotQueues(slotIndex) + index * QUEUE_BYTES);
}

/** QueueReady = 1: takes the queue into use, or finds it impossible. `sizeMax` is the device's QueueNumMax. */
export function queueEnable(slotIndex: u32, index: u32, sizeMax: u32): void {
  const it = queueAt(slotIndex, index);
  if (it.ready) return;
  const power = it.size != 0 && (it.size & (it.size - 1)) == 0; // §2.7
  if (!power || it.size > sizeMax || !queueRings(it)) return slotBreak(slotIndex);
  it.available = 0;
  it.used = 0;
  it.signalled = 0;
  it.progress = 0;
  it.ready = 1;
}

/** QueuePFN of the legacy interface (§4.2.4, §2.7.2): the three parts lie end to end from that page, the used ring at the next multiple of
 *  QueueAlign. Takes the queue into use, or finds it impossible. Zero takes it out of use: see slotQueueStop(). */
export function queueEnableLegacy(slotIndex: u32, index: u32, pageSize: u32): void {
  const it = queueAt(slotIndex, index);
  const alignment = it.alignment ? it.alignment : ALIGNMENT_DEFAULT;
  const power = (alignment & (alignment - 1)) == 0;
  const start = <u64>it.pageNumber * <u64>pageSize;
  const driver = start + <u64>(it.size * DESCRIPTOR_BYTES);
  // The available ring has used_event behind it, whether that is negotiated or not.
  const device = (driver + <u64>(6 + it.size * 2) + <u64>(alignment - 1)) & ~(<u64>(alignment - 1));
  if (!power || it.size > QUEUE_SIZE_MAX || device > <u64>u32.MAX_VALUE) return slotBreak(slotIndex);
  it.descriptorLow = <u32>start;
  it.driverLow = <u32>driver;
  it.deviceLow = <u32>device;
  queueEnable(slotIndex, index, QUEUE_SIZE_MAX);
}

/** QueueReady = 0. */
export function queueDisable(slotIndex: u32, index: u32): void {
  queueAt(slotIndex, index).ready = 0;
}

/** §2.7 alignment 16, 2, 4; every byte of the three parts in RAM. Sets the open queue's addresses. */
function queueRings(it: Queue): bool {
  if (it.descriptorHigh | it.driverHigh | it.deviceHigh) return false;
  if (it.descriptorLow & 15 || it.driverLow & 1 || it.deviceLow & 3) return false;
  table = ramAt(it.descriptorLow, it.size * DESCRIPTOR_BYTES);
  driverRing = ramAt(it.driverLow, 6 + it.size * 2);
  deviceRing = ramAt(it.deviceLow, 6 + it.size * 8);
  return table != 0 && driverRing != 0 && deviceRing != 0;
}

/** Opens a queue for one visit. False when the driver is not ready, or the queue is not. */
export function queueOpen(slotIndex: u32, index: u32): bool {
  if (!slotLive(slotIndex)) return false;
  const it = queueAt(slotIndex, index);
  if (!it.ready || !queueRings(it)) return false;
  slot = slotIndex;
  queue = it;
  size = it.size;
  allowance = size;
  return true;
}

/** Finds the next available chain and leaves it in the list. It stays next until queueTake(). */
export function queueNext(): bool {
  const waiting = (<u32>load<u16>(driverRing, 2) - queue.available) & 0xffff;
  if (waiting == 0) return false;
  // §2.7.13.3: at most `size` chains can be on offer.
  if (waiting > size) return queueBroken();
  chainHead = <u32>load<u16>(driverRing + ((queue.available & (size - 1)) << 1), 4);
  chainReadCount = 0;
  chainWriteCount = 0;
  chainReadBytes = 0;
  chainWriteBytes = 0;
  work(WORK_CHAIN);
  return queueWalk(table, size, chainHead, false) || queueBroken();
}

/** The chain is dealt with, or a copy of it is: the next one comes next. */
export function queueTake(): void {
  queue.available = (queue.available + 1) & 0xffff;
  queue.progress = 0;
}

/** Where the queue stands: for queueBack(). */
export function queueMark(): u32 {
  return (queue.used << 16) | queue.available;
}

/** Takes back what was taken and given since the mark, in the same visit: the driver has not seen it. */
export function queueBack(mark: u32): void {
  queue.available = mark & 0xffff;
  queue.used = mark >>> 16;
  queue.progress = 0;
  store<u16>(deviceRing, <u16>queue.used, 2);
}

/** Whether every entry of the queue is on offer: the driver has no more. */
export function queueAllOffered(): bool {
  return ((<u32>load<u16>(driverRing, 2) - queue.available) & 0xffff) == size;
}

/** Bytes of the next chain that an earlier visit has dealt with. */
export function queueProgress(): u32 {
  return queue.progress;
}

export function queueKeepProgress(bytes: u32): void {
  queue.progress = bytes;
}

/** Gives a chain back with `written` bytes in it (§2.7.8). */
export function queuePush(head: u32, written: u32): void {
  const element = deviceRing + 4 + ((queue.used & (size - 1)) << 3);
  store<u32>(element, head);
  store<u32>(element, written, 4);
  queue.used = (queue.used + 1) & 0xffff;
  store<u16>(deviceRing, <u16>queue.used, 2);
  pagesWritten(element, 8);
  pagesWritten(deviceRing, 4);
}

/** Ends a visit: interrupts the driver if chains were given back and it wants to know, and asks for the next kick (§2.7.7). */
export function queueSignal(): void {
  const given = (queue.used - queue.signalled) & 0xffff;
  queue.signalled = queue.used;
  if (!slotLive(slot)) return;
  if (!slotHasFeature(slot, FEATURE_EVENT_IDX)) {
    if (given && !((<u32>load<u16>(driverRing)) & AVAIL_F_NO_INTERRUPT)) slotInterrupt(slot, INTERRUPT_USED);
    return;
  }
  const availEvent = deviceRing + 4 + (size << 3);
  store<u16>(availEvent, load<u16>(driverRing, 2));
  pagesWritten(availEvent, 2);
  const usedEvent = <u32>load<u16>(driverRing + 4 + (size << 1));
  if (((queue.used - usedEvent - 1) & 0xffff) < given) slotInterrupt(slot, INTERRUPT_USED);
}

/** A 32-bit field at `offset` of the chain's readable bytes, which may lie across segments (§2.7.4); bytes past the end are 0. */
export function chainRead32(offset: u32): u32 {
  let value: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    const at = chainAt(0, chainReadCount, offset + n);
    if (at) value |= (<u32>load<u8>(at)) << (n << 3);
  }
  return value;
}

/** Copies `length` of the chain's readable bytes from `offset` to linear memory; returns how many there were. */
export function chainRead(offset: u32, to: u32, length: u32): u32 {
  return chainCopy(0, chainReadCount, offset, to, length, false);
}

/** Copies `length` bytes of linear memory to `offset` of the chain's writable bytes; returns how many there was room for. */
export function chainWrite(offset: u32, from: u32, length: u32): u32 {
  return chainCopy(chainReadCount, chainWriteCount, offset, from, length, true);
}

function chainCopy(first: u32, count: u32, offset: u32, other: u32, length: u32, toGuest: bool): u32 {
  let done: u32 = 0;
  for (let n = first; n < first + count && done < length; n++) {
    const bytes = chainSegmentLength(n);
    if (offset >= bytes) {
      offset -= bytes;
      work(1);
      continue;
    }
    const part = min<u32>(bytes - offset, length - done);
    work(1 + (part >>> 6));
    const at = chainSegmentOffset(n) + offset;
    if (toGuest) {
      memory.copy(at, other + done, part);
      pagesWritten(at, part);
    } else {
      memory.copy(other + done, at, part);
    }
    done += part;
    offset = 0;
  }
  return done;
}

/** Linear-memory offset of byte `offset` of the chain's writable bytes, or 0 past their end. */
export function chainWriteAt(offset: u32): u32 {
  return chainAt(chainReadCount, chainWriteCount, offset);
}

/** Segment `n` of the list: where it lies in linear memory, and its length. */
export function chainSegmentOffset(n: u32): u32 {
  return load<u32>(VIRTIO_CHAIN + (n << 3));
}

export function chainSegmentLength(n: u32): u32 {
  return load<u32>(VIRTIO_CHAIN + (n << 3), 4);
}

/** Linear-memory offset of byte `offset` in `count` segments from `first`, or 0. */
function chainAt(first: u32, count: u32, offset: u32): u32 {
  for (let n = first; n < first + count; n++) {
    const length = chainSegmentLength(n);
    if (offset < length) return chainSegmentOffset(n) + offset;
    offset -= length;
  }
  return 0;
}

/** Follows a chain of `count` descriptors at most. False: a rule is broken. */
function queueWalk(descriptors: u32, count: u32, index: u32, indirect: bool): bool {
  for (let step: u32 = 0; step < count; step++) {
    if (index >= count) return false;
    if (!indirect && allowance-- == 0) {
      allowance = 0;
      return false;
    }
    work(1);
    const descriptor = descriptors + index * DESCRIPTOR_BYTES;
    const addressHigh = load<u32>(descriptor, 4);
    const length = load<u32>(descriptor, 8);
    const flags = <u32>load<u16>(descriptor, 12);
    const at = addressHigh ? 0 : ramAt(load<u32>(descriptor), length);
    if (flags & DESC_F_INDIRECT) {
      // §2.7.5.3.1: negotiated, never nested, never with NEXT, whole descriptors, no more than the queue has.
      if (indirect || flags & DESC_F_NEXT || !slotHasFeature(slot, FEATURE_INDIRECT_DESC)) return false;
      if (!at || length == 0 || length & (DESCRIPTOR_BYTES - 1) || length / DESCRIPTOR_BYTES > size) return false;
      return queueWalk(at, length / DESCRIPTOR_BYTES, 0, true);
    }
    // An empty buffer is no buffer, wherever it points.
    if (length && !queueSegment(at, length, (flags & DESC_F_WRITE) != 0)) return false;
    if (!(flags & DESC_F_NEXT)) return true;
    index = <u32>load<u16>(descriptor, 14);
  }
  return false; // a loop
}

function queueSegment(at: u32, length: u32, writable: bool): bool {
  const n = chainReadCount + chainWriteCount;
  if (!at || n >= size) return false;
  if (writable) {
    if (length > u32.MAX_VALUE - chainWriteBytes) return false;
    chainWriteCount++;
    chainWriteBytes += length;
  } else {
    // §2.7.4.2: readable buffers come first.
    if (chainWriteCount || length > u32.MAX_VALUE - chainReadBytes) return false;
    chainReadCount++;
    chainReadBytes += length;
  }
  store<u32>(VIRTIO_CHAIN + (n << 3), at);
  store<u32>(VIRTIO_CHAIN + (n << 3), length, 4);
  return true;
}

function queueBroken(): bool {
  slotBreak(slot);
  return false;
}
