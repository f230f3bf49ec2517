// The Internet checksum (RFC 1071), and the pseudo-headers that TCP, UDP and ICMPv6 sum with it (RFC 9293 §3.1, RFC 8200 §8.1).

import type { Address } from "./address.ts";
import { read16 } from "./bytes.ts";

/** The one's complement sum of `bytes` from `from` to `to`, added to `sum`; not yet folded or inverted. An odd byte at the end counts as the
 *  high one. */
export function checksumAdd(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  let at = from;
  for (; at + 1 < to; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < to) sum += bytes[at]! << 8;
  return sum;
}

/** A sum as 16 bits, not inverted: what stands in a packet whose checksum is left to a card. */
export function checksumFold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** A sum as it goes into a header. */
export function checksumOf(sum: number): number {
  return ~checksumFold(sum) & 0xffff;
}

/** The sum of a pseudo-header. */
export function pseudoSum(source: Address, destination: Address, protocol: number, length: number): number {
  let sum = protocol + (length >>> 16) + (length & 0xffff);
  for (let at = 0; at < source.length; at += 2) sum += read16(source, at) + read16(destination, at);
  return sum;
}
