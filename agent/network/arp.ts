// ARP (RFC 826): we answer for the gateway and the name server, and for nobody else.

import { sameBytes, read16, write16 } from "./bytes.ts";
import { ETHERNET_BYTES, TYPE_ARP, TYPE_IPV4, writeEthernet, type Link } from "./ethernet.ts";
import type { Address } from "./address.ts";

const ARP_BYTES = 28;
const [REQUEST, REPLY] = [1, 2];

/** The frame that answers, null for none, or the word for why it is dropped. */
export function answerArp(
  payload: Uint8Array,
  link: Link,
  ours: readonly Address[],
  guest: Address,
): Uint8Array | null | string {
  if (payload.length < ARP_BYTES) return "arp-length";
  const known = read16(payload, 0) === 1 && read16(payload, 2) === TYPE_IPV4 && payload[4] === 6 && payload[5] === 4;
  if (!known) return "arp-kind";
  if (!sameBytes(payload.subarray(8, 14), link.guest)) return "arp-source";
  if (read16(payload, 6) !== REQUEST) return null;
  const sender = payload.subarray(14, 18);
  const target = payload.subarray(24, 28);
  // A probe (RFC 5227 §2.1.1) comes from no address yet.
  if (!sameBytes(sender, guest) && sender.some((byte) => byte !== 0)) return "arp-source";
  if (!ours.some((address) => sameBytes(address, target))) return null;
  const frame = new Uint8Array(ETHERNET_BYTES + ARP_BYTES);
  writeEthernet(frame, link, TYPE_ARP);
  frame.set(payload.subarray(0, 6), 14);
  write16(frame, 20, REPLY);
  frame.set(link.gateway, 22);
  frame.set(target, 28);
  frame.set(link.guest, 32);
  frame.set(sender, 38);
  return frame;
}
