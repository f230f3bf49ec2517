// Event channels: who may talk to whom, which way, and how fast.
//
// A channel leads from a port of one partition to a port of another. The hypervisor keeps the books: whether the channel is granted,
// how full its ring is, what its rates allow. The host keeps the bytes: it asks here, copies out of the sender's memory into the
// ring and later out of the ring into the receiver's, and raises the port's pending bit there. Memories are never shared. A channel
// that is revoked passes nothing from that moment on.

import {
  AUDIT_GRANT,
  AUDIT_REVOKE,
  BUCKET_BYTES,
  CHANNELS,
  CHANNEL_BYTES,
  CHANNEL_HEADER,
  CHANNEL_MAX,
  CHARGE_CHANNEL_BYTE,
  DEFINITION_CHANNEL_BYTES,
  DEFINITION_CHANNEL_CAPACITY,
  EVENT_CHANNEL,
  PORTS,
  PORT_COUNT,
} from "../abi/hypervisor";
import {
  CHANNEL_BAD_PORT,
  CHANNEL_EMPTY,
  CHANNEL_FULL,
  CHANNEL_NONE,
  CHANNEL_PEER_DOWN,
  CHANNEL_PORT_TAKEN,
  CHANNEL_TOO_LONG,
  CHANNEL_TOO_MANY,
  DONE,
  LIMIT_ENERGY,
  LIMIT_RATE,
  REFUSE_UNKNOWN,
  STATE_PAUSED,
  STATE_RUNNING,
} from "../abi/reasons";
import { auditPut } from "./audit";
import { bucketReset, bucketTake, bucketWait } from "./bucket";
import { energyCost, energyFill, energyHas, energySpend } from "./energy";
import { eventPut } from "./event";
import { partitionAt, partitionExists } from "./record";
import { state } from "./state";

/** State (kernel/abi/hypervisor CHANNEL_*):
 *
 *   +0  from, fromPort, to, toPort  u16 × 4
 *   +8  granted   u32
 *   +12 capacity  u32  bytes, 0 = notifications alone
 *   +16 fill      u32  bytes in the host's ring, with CHANNEL_HEADER for each message
 *   +20 refused   u32
 *   +24 starved   u32  1: the sender was refused for want of room, and has not been told of any since
 *   +32 bytes     bucket
 *   +64 messages  bucket
 *   +96 {rate, burst} of bytes, then of messages  u32 × 4
 */
@unmanaged
class Channel {
  from: u16;
  fromPort: u16;
  to: u16;
  toPort: u16;
  granted: u32;
  capacity: u32;
  fill: u32;
  refused: u32;
  starved: u32;
}
const BYTES_BUCKET: u32 = 32;
const MESSAGES_BUCKET: u32 = 32 + BUCKET_BYTES;
const LIMITS: u32 = 96;
const PORT_OUT: u32 = 0;
const PORT_IN: u32 = 2;

// @ts-ignore: decorator
@inline
function channelAt(channel: u32): Channel {
  return changetype<Channel>(CHANNELS + channel * CHANNEL_BYTES);
}

function portAt(id: u32, port: u32): u32 {
  return PORTS + ((id * PORT_COUNT + port) << 2);
}

/** Lets `port` of partition `from` send to port `toPort` of `to`, as the definition block says: the channel, or -(reason). */
export function channelGrant(from: u32, port: u32, to: u32, toPort: u32): i32 {
  if (!partitionExists(from) || !partitionExists(to)) return -(<i32>REFUSE_UNKNOWN);
  if (port >= PORT_COUNT || toPort >= PORT_COUNT || from == to) return -(<i32>CHANNEL_BAD_PORT);
  const out = portAt(from, port) + PORT_OUT;
  const into = portAt(to, toPort) + PORT_IN;
  if (load<u16>(out) || load<u16>(into)) return -(<i32>CHANNEL_PORT_TAKEN);
  for (let index: u32 = 0; index < CHANNEL_MAX; index++) {
    const channel = channelAt(index);
    if (channel.granted) continue;
    const at = changetype<usize>(channel);
    memory.fill(at, 0, CHANNEL_BYTES);
    channel.from = <u16>from;
    channel.fromPort = <u16>port;
    channel.to = <u16>to;
    channel.toPort = <u16>toPort;
    channel.granted = 1;
    channel.capacity = load<u32>(DEFINITION_CHANNEL_CAPACITY);
    for (let limit: u32 = 0; limit < 2; limit++) {
      const rate = load<u32>(DEFINITION_CHANNEL_BYTES + (limit << 3));
      const burst = load<u32>(DEFINITION_CHANNEL_BYTES + (limit << 3), 4);
      const own = at + LIMITS + (limit << 3);
      store<u32>(own, rate);
      store<u32>(own, burst ? burst : rate, 4);
      bucketReset(at + BYTES_BUCKET + limit * BUCKET_BYTES, own, state.now);
    }
    store<u16>(out, <u16>(index + 1));
    store<u16>(into, <u16>(index + 1));
    auditPut(AUDIT_GRANT, from, DONE, (<u64>index) | ((<u64>port) << 16) | ((<u64>to) << 32) | ((<u64>toPort) << 48));
    eventPut(EVENT_CHANNEL, from, 1, <u64>index);
    return index;
  }
  return -(<i32>CHANNEL_TOO_MANY);
}

/** Takes a channel away. What lies in its ring is the host's to drop. */
export function channelRevoke(index: u32): u32 {
  if (index >= CHANNEL_MAX) return CHANNEL_NONE;
  const channel = channelAt(index);
  if (!channel.granted) return CHANNEL_NONE;
  channel.granted = 0;
  store<u16>(portAt(channel.from, channel.fromPort) + PORT_OUT, 0);
  store<u16>(portAt(channel.to, channel.toPort) + PORT_IN, 0);
  auditPut(AUDIT_REVOKE, channel.from, DONE, <u64>index);
  eventPut(EVENT_CHANNEL, channel.from, 0, <u64>index);
  return DONE;
}

/** Takes away every channel of a partition. */
export function channelRevokeAll(id: u32): void {
  for (let index: u32 = 0; index < CHANNEL_MAX; index++) {
    const channel = channelAt(index);
    if (channel.granted && (channel.from == id || channel.to == id)) channelRevoke(index);
  }
}

/** The channel that leads out of (`out`), or into, a port, or -(CHANNEL_NONE). */
function channelOf(id: u32, port: u32, side: u32): i32 {
  if (id >= <u32>0xffff || !partitionExists(id) || port >= PORT_COUNT) return -(<i32>CHANNEL_NONE);
  const entry = <i32>load<u16>(portAt(id, port) + side);
  return entry ? entry - 1 : -(<i32>CHANNEL_NONE);
}

/** Partition `id` sends `length` bytes out of `port`, or, with length ~0, a notification without a message. The channel, when it may: the
 *  bytes are in the ring now as far as the books go. Else -(reason). */
export function channelSend(id: u32, port: u32, length: u32): i32 {
  const index = channelOf(id, port, PORT_OUT);
  if (index < 0) return index;
  const channel = channelAt(index);
  const reason = send(channel, id, length);
  if (reason == DONE) return index;
  channel.refused++;
  return -(<i32>reason);
}

function send(channel: Channel, id: u32, length: u32): u32 {
  const at = changetype<usize>(channel);
  const peer = partitionAt(channel.to);
  if (peer.state != STATE_RUNNING && peer.state != STATE_PAUSED) return CHANNEL_PEER_DOWN;
  const notification = length == ~0;
  const bytes: u32 = notification ? 0 : length;
  const taken: u32 = notification ? 0 : length + CHANNEL_HEADER;
  if (!notification && (channel.capacity < CHANNEL_HEADER || length > channel.capacity - CHANNEL_HEADER)) {
    return CHANNEL_TOO_LONG;
  }
  if (taken > channel.capacity - channel.fill) {
    channel.starved = 1;
    return CHANNEL_FULL;
  }
  const sender = partitionAt(id);
  energyFill(sender);
  const cost = <u64>bytes * energyCost(CHARGE_CHANNEL_BYTE);
  if (!energyHas(sender, cost)) return LIMIT_ENERGY;
  const waitBytes = bucketWait(at + BYTES_BUCKET, at + LIMITS, bytes, state.now);
  const waitMessages = bucketWait(at + MESSAGES_BUCKET, at + LIMITS + 8, 1, state.now);
  if (waitBytes || waitMessages) return LIMIT_RATE;
  bucketTake(at + BYTES_BUCKET, at + LIMITS, bytes);
  bucketTake(at + MESSAGES_BUCKET, at + LIMITS + 8, 1);
  energySpend(sender, cost);
  channel.fill += taken;
  return DONE;
}

/** Partition `id` receives from `port`: the channel whose ring the host has to look into, or -(reason). */
export function channelReceive(id: u32, port: u32): i32 {
  const index = channelOf(id, port, PORT_IN);
  if (index < 0) return index;
  return channelAt(index).fill ? index : -(<i32>CHANNEL_EMPTY);
}

/** The host has taken a message of `length` bytes out of a ring, or dropped it. 1 when the sender waits for room: its port is to be
 *  raised. */
export function channelTaken(index: u32, length: u32): u32 {
  if (index >= CHANNEL_MAX) return 0;
  const channel = channelAt(index);
  const taken = min<u64>(<u64>length + <u64>CHANNEL_HEADER, <u64>channel.fill);
  channel.fill -= <u32>taken;
  const starved = channel.starved;
  channel.starved = 0;
  return channel.granted ? starved : 0;
}
