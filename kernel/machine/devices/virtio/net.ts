// virtio-net: a network card. VIRTIO 1.2 §5.1.
//
// Frames cross by two rings (net-ring), whole, each with the header that says what is still to be done to it: a checksum, or to be cut
// into segments. The guest sends up to 64 KiB in a frame and computes nothing, and gets the same. A frame whose header asks for what was
// not negotiated is dropped and counted, in both directions: a driver may have been reset while frames were under way.
//
// A frame for the guest fills as many buffers as it needs (§5.1.6.4). They are taken in one visit or not at all, so no half of a frame is
// ever seen. A driver that has too few is not asked again before it says that there are more.

import {
  CONFIG_NETWORK_LINK,
  CONFIG_NETWORK_MAC,
  CONFIG_NETWORK_MTU,
  NETWORK_DATA_VALID,
  NETWORK_FEATURES,
  NETWORK_FRAME_LEAST,
  NETWORK_FRAME_MOST,
  NETWORK_F_CSUM,
  NETWORK_F_GUEST_CSUM,
  NETWORK_F_GUEST_TSO4,
  NETWORK_F_GUEST_TSO6,
  NETWORK_F_HOST_TSO4,
  NETWORK_F_HOST_TSO6,
  NETWORK_GSO_TCP4,
  NETWORK_GSO_TCP6,
  NETWORK_HEADER_BYTES,
  NETWORK_NEEDS_CSUM,
  NETWORK_RECEIVED_DROPS,
  NETWORK_SENT_DROPS,
  NETWORK_SENT_TAIL,
  VIRTIO_BUFFER,
} from "../../../abi/layout";
import { VIRTIO_SLOT_NETWORK } from "../../memory-map";
import {
  netAsk,
  netReceivedAt,
  netReceivedDone,
  netReceivedForget,
  netReceivedHead,
  netSentAt,
  netSentDone,
  netSentMoved,
} from "../net-ring";
import { WORK_REQUEST, work, workFull } from "../work";
import {
  chainHead,
  chainRead,
  chainReadBytes,
  chainWrite,
  chainWriteAt,
  chainWriteBytes,
  queueAllOffered,
  queueBack,
  queueMark,
  queueNext,
  queueOpen,
  queuePush,
  queueSignal,
  queueTake,
} from "./queue";
import {
  FEATURE_VERSION_1_HIGH,
  slotAt,
  slotBreak,
  slotConfigChanged,
  slotHasFeature,
  slotLive,
  slotOwn,
  slotVisit,
} from "./slot";

export const NET_DEVICE_ID: u32 = 1;
export const NET_QUEUE_COUNT: u32 = 2;
export const NET_QUEUE_SIZE: u32 = 128;
const QUEUE_RECEIVE: u32 = 0; // §5.1.2
const QUEUE_TRANSMIT: u32 = 1;

// Feature bits (§5.1.3) that are the device's affair; the others are in abi/layout.
const F_MTU: u32 = 1 << 3;
const F_MAC: u32 = 1 << 5;
const F_MRG_RXBUF: u32 = 1 << 15;
const F_STATUS: u32 = 1 << 16;

// struct virtio_net_hdr (§5.1.6): flags u8, gso_type u8, hdr_len u16, gso_size u16, csum_start u16, csum_offset u16, num_buffers u16
const HEADER_BYTES: u32 = 12;
const HEADER_BYTES_LEGACY: u32 = 10; // without num_buffers (§5.1.6.1)
const NUM_BUFFERS: u32 = 10;
const LINK_UP: u32 = 1; // §5.1.4

/** What came of a frame for the guest. */
const DELIVERED: u32 = 0;
const DROPPED: u32 = 1;
const STARVED: u32 = 2;
const BROKEN: u32 = 3;

/** State:
 *
 *   +0  link     u32  as the guest reads it
 *   +4  starved  u32  1: a frame waits for buffers
 *   +8  seen     u32  how much the host had brought at the last look
 *   +12 stalled  u32  1: a frame of the guest's waits for room
 *   +16 tail     u32  where the host stood then
 */
@unmanaged
class Net {
  link: u32;
  starved: u32;
  seen: u32;
  stalled: u32;
  tail: u32;
}
const state = changetype<Net>(slotOwn(VIRTIO_SLOT_NETWORK));

export function netFeatures(): u32 {
  const offload =
    NETWORK_F_CSUM |
    NETWORK_F_GUEST_CSUM |
    NETWORK_F_GUEST_TSO4 |
    NETWORK_F_GUEST_TSO6 |
    NETWORK_F_HOST_TSO4 |
    NETWORK_F_HOST_TSO6;
  return offload | F_MTU | F_MAC | F_MRG_RXBUF | F_STATUS;
}

/** §5.1.3.1: who lets segments be cut lets checksums be computed. */
export function netFeaturesFit(taken: u32): bool {
  if (taken & (NETWORK_F_HOST_TSO4 | NETWORK_F_HOST_TSO6) && !(taken & NETWORK_F_CSUM)) return false;
  return !(taken & (NETWORK_F_GUEST_TSO4 | NETWORK_F_GUEST_TSO6)) || (taken & NETWORK_F_GUEST_CSUM) != 0;
}

/** §5.1.4: mac u8[6], status u16, max_virtqueue_pairs u16, mtu u16. */
export function netConfig(offset: u32): u32 {
  switch (offset) {
    case 0:
      return load<u32>(CONFIG_NETWORK_MAC);
    case 4:
      return (<u32>load<u16>(CONFIG_NETWORK_MAC, 4)) | (state.link << 16);
    case 8:
      return 1 | (load<u32>(CONFIG_NETWORK_MTU) << 16);
    default:
      return 0;
  }
}

/** Frames that waited for a driver of before are not the next one's. */
export function netReset(): void {
  netReceivedForget();
  store<u32>(NETWORK_FEATURES, 0);
  state.link = load<u32>(CONFIG_NETWORK_LINK) & LINK_UP;
}

export function netKick(index: u32): void {
  if (slotLive(VIRTIO_SLOT_NETWORK)) store<u32>(NETWORK_FEATURES, slotAt(VIRTIO_SLOT_NETWORK).driverFeaturesLow);
  if (index == QUEUE_RECEIVE) netReceive();
  else netTransmit();
}

/** The host may have brought frames, taken some, or changed the link. */
export function netTick(): void {
  const link = load<u32>(CONFIG_NETWORK_LINK) & LINK_UP;
  if (link != state.link) {
    state.link = link;
    slotConfigChanged(VIRTIO_SLOT_NETWORK);
  }
  const head = netReceivedHead();
  if (head != state.seen) {
    state.seen = head;
    // A frame that found no buffers waits for a kick, and those behind it with it.
    if (!state.starved) slotVisit(VIRTIO_SLOT_NETWORK, QUEUE_RECEIVE);
  }
  if (state.stalled && netSentMoved(state.tail)) slotVisit(VIRTIO_SLOT_NETWORK, QUEUE_TRANSMIT);
}

/** A step of what the guest sends. */
function netTransmit(): void {
  if (!queueOpen(VIRTIO_SLOT_NETWORK, QUEUE_TRANSMIT)) return;
  state.stalled = 0;
  const header = netHeaderBytes();
  while (!workFull() && queueNext()) {
    if (chainReadBytes < header) {
      slotBreak(VIRTIO_SLOT_NETWORK);
      break;
    }
    if (!netSend(header, chainReadBytes - header)) {
      state.stalled = 1;
      state.tail = load<u32>(NETWORK_SENT_TAIL);
      break;
    }
    queueTake();
    queuePush(chainHead, 0);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_NETWORK, QUEUE_TRANSMIT);
  netAsk();
  queueSignal();
}

/** Puts the chain in hand into the ring, or drops what no host could use. False: there is no room. */
function netSend(header: u32, length: u32): bool {
  work(WORK_REQUEST);
  memory.fill(VIRTIO_BUFFER, 0, HEADER_BYTES);
  chainRead(0, VIRTIO_BUFFER, min<u32>(header, NUM_BUFFERS));
  const size = length >= NETWORK_FRAME_LEAST && length <= NETWORK_FRAME_MOST;
  if (!size || !netCovered(VIRTIO_BUFFER, NETWORK_F_CSUM, NETWORK_F_HOST_TSO4, NETWORK_F_HOST_TSO6)) {
    count(NETWORK_SENT_DROPS);
    return true;
  }
  const at = netSentAt(length);
  if (!at) return false;
  store<u32>(at, length);
  memory.copy(at + 4, VIRTIO_BUFFER, HEADER_BYTES);
  chainRead(header, at + NETWORK_HEADER_BYTES, length);
  netSentDone(length);
  return true;
}

/** A step of what the guest receives. */
function netReceive(): void {
  state.starved = 0;
  if (!queueOpen(VIRTIO_SLOT_NETWORK, QUEUE_RECEIVE)) return;
  let at = netReceivedAt();
  while (at && !workFull()) {
    const length = load<u32>(at);
    work(WORK_REQUEST);
    const result = netDeliver(at + 4, length);
    if (result == STARVED) {
      state.starved = 1;
      break;
    }
    if (result == BROKEN) break;
    if (result == DROPPED) count(NETWORK_RECEIVED_DROPS);
    netReceivedDone(length);
    at = netReceivedAt();
  }
  if (at && workFull() && !state.starved) slotVisit(VIRTIO_SLOT_NETWORK, QUEUE_RECEIVE);
  queueSignal();
}

/** Gives the frame behind the header at `from` to the guest. */
function netDeliver(from: u32, length: u32): u32 {
  if (!netCovered(from, NETWORK_F_GUEST_CSUM, NETWORK_F_GUEST_TSO4, NETWORK_F_GUEST_TSO6)) return DROPPED;
  const header = netHeaderBytes();
  const merge = slotHasFeature(VIRTIO_SLOT_NETWORK, F_MRG_RXBUF);
  const start = queueMark();
  let numBuffersLow: u32 = 0;
  let numBuffersHigh: u32 = 0;
  let done: u32 = 0;
  let buffers: u32 = 0;
  while (done < length) {
    if (!queueNext()) return netGiveUp(start);
    const skip: u32 = buffers == 0 ? header : 0;
    if (chainWriteBytes <= skip) {
      slotBreak(VIRTIO_SLOT_NETWORK);
      return BROKEN;
    }
    // §5.1.6.3.1: without merging, the driver is to offer enough; a frame is never cut.
    if (!merge && chainWriteBytes - skip < length) return DROPPED;
    if (buffers == 0) {
      chainWrite(0, from, header);
      // §5.1.6.4: without merging, too, num_buffers is 1.
      numBuffersLow = header == HEADER_BYTES ? chainWriteAt(NUM_BUFFERS) : 0;
      numBuffersHigh = header == HEADER_BYTES ? chainWriteAt(NUM_BUFFERS + 1) : 0;
    }
    const part = chainWrite(skip, from + HEADER_BYTES + done, length - done);
    done += part;
    buffers++;
    queueTake();
    queuePush(chainHead, skip + part);
  }
  if (numBuffersLow) store<u8>(numBuffersLow, <u8>buffers);
  if (numBuffersHigh) store<u8>(numBuffersHigh, <u8>(buffers >>> 8));
  return DELIVERED;
}

/** Too few buffers for a frame: it waits for more, unless the driver offers all that its queue can hold. */
function netGiveUp(start: u32): u32 {
  if (!slotLive(VIRTIO_SLOT_NETWORK)) return BROKEN;
  queueBack(start);
  return queueAllOffered() ? DROPPED : STARVED;
}

/** Whether the header at `at` asks for nothing beyond what was negotiated (§5.1.6.2.1, §5.1.6.4.1). */
function netCovered(at: u32, csum: u32, tso4: u32, tso6: u32): bool {
  const flags = <u32>load<u8>(at);
  const type = <u32>load<u8>(at, 1);
  if (flags & (NETWORK_NEEDS_CSUM | NETWORK_DATA_VALID) && !slotHasFeature(VIRTIO_SLOT_NETWORK, csum)) return false;
  if (type == 0) return true;
  if (!(flags & NETWORK_NEEDS_CSUM) || load<u16>(at, 4) == 0) return false;
  if (type == NETWORK_GSO_TCP4) return slotHasFeature(VIRTIO_SLOT_NETWORK, tso4);
  return type == NETWORK_GSO_TCP6 && slotHasFeature(VIRTIO_SLOT_NETWORK, tso6);
}

/** §5.1.6.1: a driver of before version 1 that merges no buffers has a shorter header. */
function netHeaderBytes(): u32 {
  const modern = slotAt(VIRTIO_SLOT_NETWORK).driverFeaturesHigh & FEATURE_VERSION_1_HIGH;
  return modern || slotHasFeature(VIRTIO_SLOT_NETWORK, F_MRG_RXBUF) ? HEADER_BYTES : HEADER_BYTES_LEGACY;
}

function count(at: u32): void {
  store<u32>(at, load<u32>(at) + 1);
}
