// DHCPv4 (RFC 2131, options RFC 2132): one client, one address, for an hour, so that what a policy changes arrives.

import type { Address } from "./address.ts";
import { read32, sameBytes, write16, write32 } from "./bytes.ts";

const FIXED_BYTES = 240;
const MAGIC = 0x6382_5363;
const [BOOT_REQUEST, BOOT_REPLY] = [1, 2];
const [DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM] = [1, 2, 3, 4, 5, 6, 7, 8];
const OPTION = { mask: 1, router: 3, dns: 6, host: 12, mtu: 26, broadcast: 28, ntp: 42 } as const;
const [REQUESTED, LEASE, TYPE, SERVER, RENEWAL, REBINDING, PAD, END] = [50, 51, 53, 54, 58, 59, 0, 255];
const LEASE_SECONDS = 3600;

export interface Lease {
  guest: Address;
  gateway: Address;
  dns: Address;
  mtu: number;
  /** RFC 2132 §3.14: letters, digits and hyphens. */
  hostName: string;
}

/** A datagram to the client. */
export interface DhcpAnswer {
  message: Uint8Array;
  /** Where it goes: the client's address, or everybody (RFC 2131 §4.1). */
  everybody: boolean;
}

/** The answer to a client's message, null for none, or the word for why it is dropped. */
export function answerDhcp(message: Uint8Array, card: Uint8Array, lease: Lease): DhcpAnswer | null | string {
  if (message.length < FIXED_BYTES || message[0] !== BOOT_REQUEST) return "dhcp-header";
  if (message[1] !== 1 || message[2] !== 6 || read32(message, 236) !== MAGIC) return "dhcp-header";
  if (!sameBytes(message.subarray(28, 34), card)) return "dhcp-client";
  const options = optionsOf(message);
  if (options === null) return "dhcp-options";
  const type = options.get(TYPE);
  if (type?.length !== 1) return "dhcp-options";
  switch (type[0]) {
    case DISCOVER:
      return reply(message, OFFER, lease);
    case REQUEST:
      return request(message, options, lease);
    case INFORM:
      return reply(message, ACK, lease, false);
    case DECLINE:
    case RELEASE:
      // The address is the guest's whether it wants it or not.
      return null;
    default:
      return "dhcp-type";
  }
}

/** §4.3.2: a client that asks for another server's offer is not ours; one that asks for another address begins anew. */
function request(message: Uint8Array, options: Map<number, Uint8Array>, lease: Lease): DhcpAnswer | null {
  const server = options.get(SERVER);
  if (server !== undefined && !sameBytes(server, lease.gateway)) return null;
  const wanted = options.get(REQUESTED) ?? message.subarray(12, 16);
  if (sameBytes(wanted, lease.guest)) return reply(message, ACK, lease);
  const nak = head(message, lease);
  nak.fill(0, 16, 20);
  return { message: withOptions(nak, [[TYPE, [NAK]], [SERVER, lease.gateway]]), everybody: true }; // prettier-ignore
}

function reply(request: Uint8Array, type: number, lease: Lease, leased = true): DhcpAnswer {
  const message = head(request, lease);
  if (!leased) message.fill(0, 16, 20);
  const options: [number, ArrayLike<number>][] = [
    [TYPE, [type]],
    [SERVER, lease.gateway],
  ];
  if (leased) {
    options.push(
      [LEASE, word(LEASE_SECONDS)],
      [RENEWAL, word(LEASE_SECONDS / 2)],
      [REBINDING, word(LEASE_SECONDS * 0.875)],
    );
  }
  const mtu = new Uint8Array(2);
  write16(mtu, 0, lease.mtu);
  options.push(
    [OPTION.mask, [255, 255, 255, 0]],
    [OPTION.router, lease.gateway],
    [OPTION.dns, lease.dns],
    [OPTION.mtu, mtu],
    [OPTION.ntp, lease.gateway],
    [OPTION.broadcast, [...lease.guest.subarray(0, 3), 255]],
    [OPTION.host, Buffer.from(lease.hostName, "latin1")],
  );
  // §4.1: a client with an address is answered there; one without, that asks for it, by everybody's.
  const everybody = request.subarray(12, 16).every((byte) => byte === 0) && (request[10]! & 0x80) !== 0;
  return { message: withOptions(message, options), everybody };
}

/** §4.3.1 table 3: what an answer has of its question. */
function head(request: Uint8Array, lease: Lease): Uint8Array {
  const message = new Uint8Array(FIXED_BYTES);
  message.set([BOOT_REPLY, 1, 6, 0], 0);
  message.set(request.subarray(4, 8), 4); // xid
  message.set(request.subarray(10, 12), 10); // flags
  message.set(request.subarray(12, 16), 12); // ciaddr
  message.set(lease.guest, 16);
  message.set(lease.gateway, 20);
  message.set(request.subarray(28, 44), 28);
  write32(message, 236, MAGIC);
  return message;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  write32(bytes, 0, value);
  return bytes;
}

/** At least 300 bytes, as BOOTP had them (RFC 1542 §2.1). */
function withOptions(fixed: Uint8Array, options: [number, ArrayLike<number>][]): Uint8Array {
  const list = options.flatMap(([code, value]) => [code, value.length, ...Array.from(value)]);
  const message = new Uint8Array(Math.max(300, fixed.length + list.length + 1));
  message.set(fixed);
  message.set(list, fixed.length);
  message[fixed.length + list.length] = END;
  return message;
}

/** The options by code; null: they run over the end, or there is one twice (RFC 3396 splits none that we read). */
function optionsOf(message: Uint8Array): Map<number, Uint8Array> | null {
  const options = new Map<number, Uint8Array>();
  for (let at = FIXED_BYTES; at < message.length;) {
    const code = message[at]!;
    if (code === END) return options;
    if (code === PAD) {
      at++;
      continue;
    }
    const length = message[at + 1];
    if (length === undefined || at + 2 + length > message.length || options.has(code)) return null;
    const value = message.subarray(at + 2, at + 2 + length);
    if ((code === REQUESTED || code === SERVER) && length !== 4) return null;
    options.set(code, value);
    at += 2 + length;
  }
  return options;
}
