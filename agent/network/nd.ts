// Neighbour discovery (RFC 4861): we are the guest's router and only neighbour. Addresses by SLAAC (RFC 4862), name server and MTU in the
// advertisement (RFC 8106 §5.1). A host without a way into IPv6 is a router that is none: lifetime 0.

import { addressText, inPrefix, parseAddress, type Address, type Prefix } from "./address.ts";
import { sameBytes, write16, write32 } from "./bytes.ts";
import type { Link } from "./ethernet.ts";
import type { Ipv6Packet } from "./ipv6.ts";

export const [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] = [
  133, 134, 135, 136,
] as const;
export const GATEWAY6 = parseAddress("fe80::1")!;
export const ALL_NODES = parseAddress("ff02::1")!;
/** RFC 4861 §6.2.1: AdvDefaultLifetime; prefixes live as long, so that one of before does not stay for a month. */
const LIFETIME_SECONDS = 1800;

export interface Router {
  prefix: Prefix;
  dns: Address;
  mtu: number;
  /** Whether there is a way out. */
  routes: boolean;
}

/** A router advertisement (§4.2), checksum zero. */
export function advertisement(link: Link, { prefix, dns, mtu, routes }: Router): Uint8Array {
  const message = new Uint8Array(16 + 8 + 8 + 32 + 24);
  message[0] = ROUTER_ADVERTISEMENT;
  message[4] = 64;
  write16(message, 6, routes ? LIFETIME_SECONDS : 0);
  // Source link-layer address (§4.6.1), MTU (§4.6.4), prefix (§4.6.2): on link, and to be used for addresses.
  message.set([1, 1, ...link.gateway], 16);
  message.set([5, 1], 24);
  write32(message, 28, mtu);
  message.set([3, 4, prefix.bits, 0xc0], 32);
  write32(message, 36, LIFETIME_SECONDS);
  write32(message, 40, LIFETIME_SECONDS);
  message.set(prefix.address, 48);
  // RFC 8106 §5.1
  message.set([25, 3], 64);
  write32(message, 68, LIFETIME_SECONDS);
  message.set(dns, 72);
  return message;
}

/** Whether a solicitation or an advertisement is valid (§6.1.1, §7.1.1): it came over no router, and its options have lengths. */
export function isValid(packet: Ipv6Packet): boolean {
  const { payload } = packet;
  const least = payload[0] === ROUTER_SOLICITATION ? 8 : 24;
  if (packet.hopLimit !== 255 || payload[1] !== 0 || payload.length < least) return false;
  for (let at = least; at < payload.length;) {
    const bytes = (payload[at + 1] ?? 0) * 8;
    if (bytes === 0 || at + bytes > payload.length) return false;
    at += bytes;
  }
  return true;
}

/** The advertisement that answers a neighbour solicitation (§4.4), checksum zero, and where it goes; null: for none of us. */
export function neighbourAnswer(
  packet: Ipv6Packet,
  link: Link,
  ours: readonly Address[],
): { from: Address; to: Address; message: Uint8Array } | null {
  const target = packet.payload.slice(8, 24);
  if (!ours.some((address) => sameBytes(address, target))) return null;
  const asked = packet.source.some((byte) => byte !== 0);
  const message = new Uint8Array(32);
  message[0] = NEIGHBOUR_ADVERTISEMENT;
  // Router, solicited (not when it checks for duplicates, §7.2.4), override.
  message[4] = 0x80 | (asked ? 0x40 : 0) | 0x20;
  message.set(target, 8);
  message.set([2, 1, ...link.gateway], 24);
  return { from: target, to: asked ? packet.source : ALL_NODES, message };
}

/** Whether the guest may be asked for by this address: it is in the prefix, and none of ours. */
export function isGuestAddress(address: Address, prefix: Prefix, ours: readonly Address[]): boolean {
  return inPrefix(address, prefix) && !ours.some((own) => addressText(own) === addressText(address));
}
