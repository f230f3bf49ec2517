// Ethernet II frames between the guest's card and us.

import { read16, sameBytes, write16 } from "./bytes.ts";

export const ETHERNET_BYTES = 14;
export const FRAME_BYTES_MOST = 65_550;
export const [TYPE_IPV4, TYPE_ARP, TYPE_IPV6] = [0x0800, 0x0806, 0x86dd] as const;

export interface Link {
  /** The card's address. */
  guest: Uint8Array;
  /** Ours. */
  gateway: Uint8Array;
}

export interface Frame {
  type: number;
  payload: Uint8Array;
}

const BROADCAST = new Uint8Array(6).fill(0xff);

/** The frame's type and payload, or the word for why it is dropped. It comes from the card's own address, and goes to us or to everybody. */
export function parseFrame(bytes: Uint8Array, link: Link): Frame | string {
  if (bytes.length < ETHERNET_BYTES || bytes.length > FRAME_BYTES_MOST) return "ethernet-length";
  if (!sameBytes(bytes.subarray(6, 12), link.guest)) return "ethernet-source";
  const to = bytes.subarray(0, 6);
  if ((to[0]! & 1) === 0 && !sameBytes(to, link.gateway)) return "ethernet-destination";
  const type = read16(bytes, 12);
  if (type !== TYPE_IPV4 && type !== TYPE_ARP && type !== TYPE_IPV6) return "ethernet-type";
  return { type, payload: bytes.subarray(ETHERNET_BYTES) };
}

/** Writes the header of a frame to the guest: to it alone, or to everybody. */
export function writeEthernet(frame: Uint8Array, link: Link, type: number, everybody = false): void {
  frame.set(everybody ? BROADCAST : link.guest, 0);
  frame.set(link.gateway, 6);
  write16(frame, 12, type);
}
