// Rings of frames between the host and virtio-net (layout: "Network rings"). The guest cannot reach them: what lies here was
// checked once and stays as it was.

import {
  CONFIG_NETWORK_BYTES,
  CONFIG_NETWORK_OFFSET,
  NETWORK_ASKED,
  NETWORK_FRAME_LEAST,
  NETWORK_FRAME_MOST,
  NETWORK_HEADER_BYTES,
  NETWORK_RECEIVED_HEAD,
  NETWORK_RECEIVED_TAIL,
  NETWORK_SENT_HEAD,
  NETWORK_SENT_TAIL,
  NETWORK_SKIP,
} from "../../abi/layout";
import { RUN_IO } from "../../abi/reasons";
import { exitRequest } from "./exit";

/** Bytes of one ring. */
// @ts-ignore: decorator
@inline
function ringBytes(): u32 {
  return load<u32>(CONFIG_NETWORK_BYTES) >>> 1;
}

/** Bytes that a frame of `length` takes in a ring. */
function recordBytes(length: u32): u32 {
  return (NETWORK_HEADER_BYTES + length + 15) & ~15;
}

/** Where the record of the next frame from the guest goes, of `length` bytes, or 0 when the host must take some out first. */
export function netSentAt(length: u32): u32 {
  const bytes = ringBytes();
  const head = load<u32>(NETWORK_SENT_HEAD);
  const fill = head - load<u32>(NETWORK_SENT_TAIL);
  const position = head & (bytes - 1);
  const record = recordBytes(length);
  const rest = bytes - position;
  const skip: u32 = record > rest ? rest : 0;
  if (fill > bytes || skip + record > bytes - fill) return 0;
  const ring = load<u32>(CONFIG_NETWORK_OFFSET);
  if (!skip) return ring + position;
  store<u32>(ring + position, NETWORK_SKIP);
  store<u32>(NETWORK_SENT_HEAD, head + skip);
  return ring;
}

/** The record that netSentAt() found is filled. */
export function netSentDone(length: u32): void {
  store<u32>(NETWORK_SENT_HEAD, load<u32>(NETWORK_SENT_HEAD) + recordBytes(length));
}

/** Room has come since the ring was full: the host took something out. */
export function netSentMoved(tail: u32): bool {
  return load<u32>(NETWORK_SENT_TAIL) != tail;
}

/** Frames wait for the host: the CPU leaves run(). Once for each time that the host has taken some: a host that does not (a budget that
 *  is used up) is not called again and again. */
export function netAsk(): void {
  const tail = load<u32>(NETWORK_SENT_TAIL);
  if (load<u32>(NETWORK_SENT_HEAD) == tail || load<u32>(NETWORK_ASKED) == tail + 1) return;
  store<u32>(NETWORK_ASKED, tail + 1);
  exitRequest(RUN_IO);
}

/** The record of the next frame for the guest, or 0. One that no host of ours writes empties the ring. */
export function netReceivedAt(): u32 {
  const bytes = ringBytes();
  const ring = load<u32>(CONFIG_NETWORK_OFFSET) + bytes;
  const head = load<u32>(NETWORK_RECEIVED_HEAD);
  // Twice at most: a record, or a skip and a record.
  for (let step = 0; step < 2; step++) {
    const tail = load<u32>(NETWORK_RECEIVED_TAIL);
    if (head == tail) return 0;
    const position = tail & (bytes - 1);
    const fill = head - tail;
    const length = load<u32>(ring + position);
    if (length == NETWORK_SKIP) {
      store<u32>(NETWORK_RECEIVED_TAIL, tail + min<u32>(bytes - position, fill));
      continue;
    }
    const whole = length >= NETWORK_FRAME_LEAST && length <= NETWORK_FRAME_MOST && recordBytes(length) <= fill;
    if (whole && fill <= bytes && recordBytes(length) <= bytes - position) return ring + position;
    break;
  }
  netReceivedForget();
  return 0;
}

/** The record at netReceivedAt() is dealt with. */
export function netReceivedDone(length: u32): void {
  store<u32>(NETWORK_RECEIVED_TAIL, load<u32>(NETWORK_RECEIVED_TAIL) + recordBytes(length));
}

/** Bytes that the host has ever put in, modulo 2^32. */
export function netReceivedHead(): u32 {
  return load<u32>(NETWORK_RECEIVED_HEAD);
}

/** What waits for the guest goes. */
export function netReceivedForget(): void {
  store<u32>(NETWORK_RECEIVED_TAIL, load<u32>(NETWORK_RECEIVED_HEAD));
}
