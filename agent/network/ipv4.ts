// IPv4 (RFC 791) between the guest and its gateway.

import type { Address } from "./address.ts";
import { read16, sameBytes, write16 } from "./bytes.ts";
import { checksumAdd, checksumOf } from "./checksum.ts";

export const IPV4_BYTES = 20;
export const [PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP6] = [1, 6, 17, 58] as const;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const [END_OF_OPTIONS, NO_OPERATION, LOOSE_ROUTE, STRICT_ROUTE] = [0, 1, 131, 137];

export interface IpPacket {
  source: Address;
  destination: Address;
  protocol: number;
  payload: Uint8Array;
  /** The header and what follows it, as far as an ICMP error quotes it. */
  whole: Uint8Array;
}

/** The packet, or the word for why it is dropped. `guest` is what its source must be; a client that asks for an address has none yet. */
export function parseIpv4(bytes: Uint8Array, guest: Address): IpPacket | string {
  if (bytes.length < IPV4_BYTES || bytes[0]! >>> 4 !== 4) return "ipv4-header";
  const headerBytes = (bytes[0]! & 15) * 4;
  const total = read16(bytes, 2);
  if (headerBytes < IPV4_BYTES || headerBytes > total || total > bytes.length) return "ipv4-length";
  if (checksumOf(checksumAdd(bytes, 0, headerBytes)) !== 0) return "ipv4-checksum";
  if ((read16(bytes, 6) & (MORE_FRAGMENTS | 0x1fff)) !== 0) return "ipv4-fragment";
  const source = bytes.slice(12, 16);
  const destination = bytes.slice(16, 20);
  const options = optionsOf(bytes, headerBytes);
  if (options !== null) return options;
  const protocol = bytes[9]!;
  const unset = source.every((byte) => byte === 0) && protocol === PROTOCOL_UDP;
  if (!sameBytes(source, guest) && !unset) return "ipv4-source";
  if (bytes[8] === 0) return "ipv4-lifetime";
  return {
    ...{ source, destination, protocol },
    payload: bytes.subarray(headerBytes, total),
    whole: bytes.subarray(0, total),
  };
}

/** RFC 791 §3.1: the options are well formed, and none of them routes (RFC 7126 §4.3). */
function optionsOf(bytes: Uint8Array, end: number): string | null {
  for (let at = IPV4_BYTES; at < end;) {
    const kind = bytes[at]!;
    if (kind === END_OF_OPTIONS) return null;
    if (kind === LOOSE_ROUTE || kind === STRICT_ROUTE) return "ipv4-source-route";
    if (kind === NO_OPERATION) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) return "ipv4-options";
    at += length;
  }
  return null;
}

/** What a header to the guest says beside addresses and length. */
export interface Ipv4Extra {
  identification?: number;
  /** Bytes before this fragment, a multiple of 8, and whether more come; neither: it is not to be fragmented. */
  fragment?: { offset: number; more: boolean };
}

/** Writes a header at `at`, for a payload of `length` bytes. */
export function writeIpv4(
  frame: Uint8Array,
  at: number,
  { source, destination, protocol }: Pick<IpPacket, "source" | "destination" | "protocol">,
  length: number,
  { identification = 0, fragment }: Ipv4Extra = {},
): void {
  frame[at] = 0x45;
  frame[at + 1] = 0;
  write16(frame, at + 2, IPV4_BYTES + length);
  write16(frame, at + 4, identification);
  const flags = fragment === undefined ? DONT_FRAGMENT : (fragment.more ? MORE_FRAGMENTS : 0) | (fragment.offset >>> 3);
  write16(frame, at + 6, flags);
  frame[at + 8] = 64;
  frame[at + 9] = protocol;
  write16(frame, at + 10, 0);
  frame.set(source, at + 12);
  frame.set(destination, at + 16);
  write16(frame, at + 10, checksumOf(checksumAdd(frame, at, at + IPV4_BYTES)));
}
