// IPv6 (RFC 8200) between the guest and its gateway.

import { inPrefix, parsePrefix, type Address, type Prefix } from "./address.ts";
import { read16, write16, write32 } from "./bytes.ts";
import { PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP, type IpPacket } from "./ipv4.ts";

export const IPV6_BYTES = 40;
export const FRAGMENT_BYTES = 8;
const FRAGMENT = 44;
const LINK_LOCAL = parsePrefix("fe80::/10")!;

export interface Ipv6Packet extends IpPacket {
  hopLimit: number;
}

/** The packet, or the word for why it is dropped. Its source is in `prefix`, link-local, or, while the guest makes sure that its address is its own
 *  (RFC 4862 §5.4.2), unspecified. */
export function parseIpv6(bytes: Uint8Array, prefix: Prefix): Ipv6Packet | string {
  if (bytes.length < IPV6_BYTES || bytes[0]! >>> 4 !== 6) return "ipv6-header";
  const length = read16(bytes, 4);
  if (IPV6_BYTES + length > bytes.length) return "ipv6-length";
  const protocol = bytes[6]!;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP && protocol !== PROTOCOL_ICMP6) return "ipv6-extension";
  const source = bytes.slice(8, 24);
  const destination = bytes.slice(24, 40);
  const unspecified = protocol === PROTOCOL_ICMP6 && source.every((byte) => byte === 0);
  if (!inPrefix(source, prefix) && !inPrefix(source, LINK_LOCAL) && !unspecified) return "ipv6-source";
  if (bytes[7] === 0) return "ipv6-lifetime";
  return {
    ...{ source, destination, protocol, hopLimit: bytes[7]! },
    payload: bytes.subarray(IPV6_BYTES, IPV6_BYTES + length),
    whole: bytes.subarray(0, IPV6_BYTES + length),
  };
}

/** Writes a header at `at`, for a payload of `length` bytes. */
export function writeIpv6(
  frame: Uint8Array,
  at: number,
  { source, destination, protocol }: { source: Address; destination: Address; protocol: number },
  length: number,
  hopLimit = 64,
): void {
  write32(frame, at, 0x6000_0000);
  write16(frame, at + 4, length);
  frame[at + 6] = protocol;
  frame[at + 7] = hopLimit;
  frame.set(source, at + 8);
  frame.set(destination, at + 24);
}

/** §4.5: header and fragment header of one fragment, whose payload has `length` bytes and stands `offset` bytes into the packet's. */
export function writeIpv6Fragment(
  frame: Uint8Array,
  at: number,
  packet: { source: Address; destination: Address; protocol: number },
  length: number,
  { offset, more, identification }: { offset: number; more: boolean; identification: number },
): void {
  writeIpv6(frame, at, { ...packet, protocol: FRAGMENT }, FRAGMENT_BYTES + length);
  frame[at + IPV6_BYTES] = packet.protocol;
  frame[at + IPV6_BYTES + 1] = 0;
  write16(frame, at + IPV6_BYTES + 2, offset | (more ? 1 : 0));
  write32(frame, at + IPV6_BYTES + 4, identification);
}
