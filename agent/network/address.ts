// IP addresses: 4 or 16 bytes in packets, text everywhere else. Text of IPv6 is as RFC 5952 wants it, so that equal addresses are equal strings.

import { isIPv4, isIPv6 } from "node:net";
import { read16 } from "./bytes.ts";

export type Address = Uint8Array;

/** The address as text. */
export function addressText(address: Address): string {
  return address.length === 4 ? address.join(".") : text6(address);
}

/** RFC 5952 §4: lower case, no leading zeroes, the longest run of two zero groups and more as "::", the first of equals. */
function text6(address: Address): string {
  const groups = Array.from({ length: 8 }, (_, n) => read16(address, n * 2));
  let [start, length] = [-1, 1];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
    from = Math.max(from, to - 1);
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** The bytes of an address; null: it is none. A zone ("%eth0") belongs to no address that a guest can name. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return null;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const inner = dotted === null ? null : parseAddress(dotted[2]!);
  const plain =
    dotted === null || inner === null
      ? text
      : `${dotted[1]!}${read16(inner, 0).toString(16)}:${read16(inner, 2).toString(16)}`;
  const [head = "", tail] = plain.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeroes = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const groups = tail === undefined ? before : [...before, ...zeroes, ...after];
  const address = new Uint8Array(16);
  groups.forEach((group, n) => {
    const value = parseInt(group, 16);
    address[n * 2] = value >>> 8;
    address[n * 2 + 1] = value;
  });
  return address;
}

/** A range of addresses. */
export interface Prefix {
  address: Address;
  bits: number;
}

/** "10.0.0.0/8", or one address; null: it is neither. Bits beyond the prefix must be zero: whoever writes 10.1.0.0/8 means something else. */
export function parsePrefix(text: string): Prefix | null {
  const [head = "", length, ...rest] = text.split("/");
  const address = parseAddress(head);
  if (address === null || rest.length > 0) return null;
  if (length === undefined) return { address, bits: address.length * 8 };
  if (!/^\d{1,3}$/.test(length)) return null;
  const bits = Number(length);
  if (bits > address.length * 8) return null;
  const clean = address.every((byte, n) => (byte & (0xff >>> Math.max(0, Math.min(8, bits - n * 8)))) === 0);
  return clean ? { address, bits } : null;
}

export function inPrefix(address: Address, prefix: Prefix): boolean {
  if (address.length !== prefix.address.length) return false;
  const whole = prefix.bits >>> 3;
  for (let n = 0; n < whole; n++) if (address[n] !== prefix.address[n]) return false;
  const rest = prefix.bits & 7;
  return rest === 0 || ((address[whole]! ^ prefix.address[whole]!) & (0xff00 >>> rest) & 0xff) === 0;
}

const prefixes = (...texts: string[]): Prefix[] => texts.map((text) => parsePrefix(text)!);

/** Where the IPv4 address lies in IPv6 addresses that carry one: mapped and compatible (RFC 4291 §2.5.5), NAT64 (RFC 6052), 6to4 (RFC 3056). */
const CARRIERS: [Prefix, number][] = [
  [parsePrefix("::ffff:0:0/96")!, 12],
  [parsePrefix("::/96")!, 12],
  [parsePrefix("64:ff9b::/96")!, 12],
  [parsePrefix("2002::/16")!, 2],
];

/** The IPv4 address inside an IPv6 address, or null. */
export function embeddedAddress(address: Address): Address | null {
  if (address.length !== 16) return null;
  for (const [prefix, at] of CARRIERS) if (inPrefix(address, prefix)) return address.slice(at, at + 4);
  return null;
}

/** "This network", loopback, the unspecified address: the host itself, on many systems. */
const HOST_ITSELF = prefixes("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128");
/** What is not the Internet: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 link-local and site-local. */
const PRIVATE = prefixes(
  ...["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
  ...["fc00::/7", "fe80::/10", "fec0::/10"],
);
/** Multicast, reserved, broadcast. */
const GROUPS = prefixes("224.0.0.0/4", "240.0.0.0/4", "ff00::/8");

const within = (address: Address, list: Prefix[]): boolean => {
  const inner = embeddedAddress(address);
  return list.some((prefix) => inPrefix(address, prefix) || (inner !== null && inPrefix(inner, prefix)));
};

/** Whether it names the host that a connection to it leaves from. */
export function isHostItself(address: Address): boolean {
  return within(address, HOST_ITSELF);
}

export function isPrivate(address: Address): boolean {
  return within(address, PRIVATE);
}

/** Whether it is the address of more than one, or of nobody. */
export function isGroup(address: Address): boolean {
  return within(address, GROUPS);
}
