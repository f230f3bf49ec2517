// TCP segments (RFC 9293 §3.1) and the options that we know: MSS, window scale (RFC 7323 §2), SACK (RFC 2018).

import { read16, read32, write16, write32 } from "./bytes.ts";
import { checksumAdd, checksumOf, pseudoSum } from "./checksum.ts";
import { PROTOCOL_TCP, type IpPacket } from "./ipv4.ts";

export const TCP_BYTES = 20;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
const [KIND_END, KIND_NOP, KIND_MSS, KIND_SCALE, KIND_SACK_OK, KIND_SACK] = [0, 1, 2, 3, 4, 5];
/** RFC 7323 §2.3 */
const SCALE_MOST = 14;
/** RFC 2018 §3: as many as fit. */
const SACKS_MOST = 4;

/** A range of sequence numbers, its end not in it. */
export interface Range {
  from: number;
  to: number;
}

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  /** Not scaled. */
  window: number;
  data: Uint8Array;
  /** Null: the option is not there. */
  mss: number | null;
  scale: number | null;
  sackPermitted: boolean;
  sacks: Range[];
}

/** a - b in sequence space (RFC 9293 §3.4): negative when a is before b. */
export function sequenceDelta(a: number, b: number): number {
  return (a - b) | 0;
}

export function sequenceAdd(a: number, count: number): number {
  return (a + count) >>> 0;
}

/** Sequence numbers that it takes up: its data, SYN and FIN. */
export function segmentLength(segment: Segment): number {
  return segment.data.length + (segment.flags & SYN ? 1 : 0) + (segment.flags & FIN ? 1 : 0);
}

/** The segment, or the word for why it is dropped. `checked`: the card has left the checksum to us, and there is none. */
export function parseTcp(packet: IpPacket, checked: boolean): Segment | string {
  const { payload, source, destination } = packet;
  if (payload.length < TCP_BYTES) return "tcp-length";
  const headerBytes = (payload[12]! >>> 4) * 4;
  if (headerBytes < TCP_BYTES || headerBytes > payload.length) return "tcp-length";
  const pseudo = pseudoSum(source, destination, PROTOCOL_TCP, payload.length);
  if (!checked && checksumOf(checksumAdd(payload, 0, payload.length, pseudo)) !== 0) return "tcp-checksum";
  const segment: Segment = {
    sourcePort: read16(payload, 0),
    destinationPort: read16(payload, 2),
    sequence: read32(payload, 4),
    acknowledgment: read32(payload, 8),
    // Urgent data is data; ECN's bits and the reserved ones say nothing here.
    flags: payload[13]! & (FIN | SYN | RST | PSH | ACK),
    window: read16(payload, 14),
    data: payload.subarray(headerBytes),
    ...{ mss: null, scale: null, sackPermitted: false, sacks: [] },
  };
  if (segment.sourcePort === 0 || segment.destinationPort === 0) return "tcp-port";
  return readOptions(payload, headerBytes, segment) ? segment : "tcp-options";
}

/** RFC 9293 §3.1: an option has its length, unless it is one of the two that have none. MSS and scale count in a SYN alone. */
function readOptions(bytes: Uint8Array, end: number, segment: Segment): boolean {
  const syn = (segment.flags & SYN) !== 0;
  for (let at = TCP_BYTES; at < end;) {
    const kind = bytes[at]!;
    if (kind === KIND_END) return true;
    if (kind === KIND_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) return false;
    if (kind === KIND_MSS && length === 4 && syn) segment.mss = read16(bytes, at + 2);
    else if (kind === KIND_SCALE && length === 3 && syn) segment.scale = Math.min(bytes[at + 2]!, SCALE_MOST);
    else if (kind === KIND_SACK_OK && length === 2 && syn) segment.sackPermitted = true;
    else if (kind === KIND_SACK && (length - 2) % 8 === 0) {
      for (let n = at + 2; n < at + length; n += 8)
        segment.sacks.push({ from: read32(bytes, n), to: read32(bytes, n + 4) });
    }
    at += length;
  }
  return true;
}

/** RFC 9293 §3.10.7.4: whether any of a segment is in the window from `expected` up to `edge`. An empty one may also stand at what was
 *  `acknowledged` last. */
export function isInWindow(segment: Segment, acknowledged: number, expected: number, edge: number): boolean {
  const inside = (sequence: number): boolean =>
    sequenceDelta(sequence, expected) >= 0 && sequenceDelta(sequence, edge) < 0;
  const length = segmentLength(segment);
  if (inside(segment.sequence)) return true;
  if (length === 0) return segment.sequence === expected || segment.sequence === acknowledged;
  return inside(sequenceAdd(segment.sequence, length - 1));
}

export interface Header {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  /** Options of a SYN; null: none. */
  syn: { mss: number; scale: number | null; sackPermitted: boolean } | null;
  sacks: readonly Range[];
}

/** The options of a header, padded to words. */
export function optionBytes({ syn, sacks }: Pick<Header, "syn" | "sacks">): number[] {
  const bytes: number[] = [];
  if (syn !== null) {
    bytes.push(KIND_MSS, 4, syn.mss >>> 8, syn.mss & 255);
    if (syn.sackPermitted) bytes.push(KIND_NOP, KIND_NOP, KIND_SACK_OK, 2);
    if (syn.scale !== null) bytes.push(KIND_NOP, KIND_SCALE, 3, syn.scale);
  }
  if (sacks.length > 0) {
    const told = sacks.slice(0, SACKS_MOST);
    bytes.push(KIND_NOP, KIND_NOP, KIND_SACK, 2 + told.length * 8);
    for (const edge of told.flatMap(({ from, to }) => [from, to]))
      bytes.push(edge >>> 24, (edge >>> 16) & 255, (edge >>> 8) & 255, edge & 255);
  }
  return bytes;
}

/** Writes a header with `options` at `at`, checksum zero. */
export function writeTcp(frame: Uint8Array, at: number, header: Header, options: readonly number[]): void {
  write16(frame, at, header.sourcePort);
  write16(frame, at + 2, header.destinationPort);
  write32(frame, at + 4, header.sequence);
  write32(frame, at + 8, header.acknowledgment);
  frame[at + 12] = ((TCP_BYTES + options.length) / 4) << 4;
  frame[at + 13] = header.flags;
  write16(frame, at + 14, header.window);
  write32(frame, at + 16, 0);
  frame.set(options, at + TCP_BYTES);
}
