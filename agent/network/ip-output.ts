// Packets to the guest, of either version: headers, checksums left to the card where it takes them, and fragments of what is longer than the MTU.

import { addressText, type Address } from "./address.ts";
import { write16 } from "./bytes.ts";
import { checksumAdd, checksumFold, checksumOf, pseudoSum } from "./checksum.ts";
import type { Offload, Port } from "./contracts.ts";
import { ETHERNET_BYTES, TYPE_IPV4, TYPE_IPV6, writeEthernet, type Link } from "./ethernet.ts";
import { IPV4_BYTES, PROTOCOL_UDP, writeIpv4 } from "./ipv4.ts";
import { FRAGMENT_BYTES, IPV6_BYTES, writeIpv6, writeIpv6Fragment } from "./ipv6.ts";

export interface Envelope {
  source: Address;
  destination: Address;
  protocol: number;
}

/** A frame that is being made: its payload goes to `at`. */
export interface Draft {
  frame: Uint8Array;
  at: number;
}

export class IpOutput {
  readonly mtu: number;
  private readonly link: Link;
  private readonly port: Port;
  private identification = 0;

  constructor(link: Link, mtu: number, port: Port) {
    this.link = link;
    this.mtu = mtu;
    this.port = port;
  }

  get offers(): Port["offers"] {
    return this.port.offers;
  }

  /** A frame with all headers, for `length` bytes of payload. A packet to everybody goes to the broadcast address of Ethernet. */
  draft(envelope: Envelope, length: number, { everybody = false, hopLimit = 64 } = {}): Draft {
    const v6 = envelope.source.length === 16;
    const at = ETHERNET_BYTES + (v6 ? IPV6_BYTES : IPV4_BYTES);
    const frame = new Uint8Array(at + length);
    writeEthernet(frame, this.link, v6 ? TYPE_IPV6 : TYPE_IPV4, everybody);
    if (v6) writeIpv6(frame, ETHERNET_BYTES, envelope, length, hopLimit);
    else writeIpv4(frame, ETHERNET_BYTES, envelope, length);
    return { frame, at };
  }

  /** Sends a frame as it is. False: there is no room now. */
  send(frame: Uint8Array): boolean {
    return this.port.send(frame, null);
  }

  /** Sends a draft whose payload is in place, with the checksum at `checksumOffset` of the payload; with `segmentBytes` the guest gets it as one,
   *  and cuts it up no more. False: there is no room now. */
  finish(
    draft: Draft,
    envelope: Envelope,
    checksumOffset: number,
    segment?: { bytes: number; header: number },
  ): boolean {
    const { frame, at } = draft;
    const where = at + checksumOffset;
    const length = frame.length - at;
    const pseudo = pseudoSum(envelope.source, envelope.destination, envelope.protocol, length);
    if (!this.port.offers.checksum) {
      write16(frame, where, 0);
      this.complete(frame, at, where, pseudo, envelope.protocol);
      return this.port.send(frame, null);
    }
    write16(frame, where, checksumFold(pseudo));
    const offload: Offload = {
      needsChecksum: true,
      checksumStart: at,
      checksumOffset,
      segmentBytes: segment !== undefined && length > segment.header + segment.bytes ? segment.bytes : 0,
      headerBytes: at + (segment?.header ?? 0),
      ipv6: envelope.source.length === 16,
    };
    return this.port.send(frame, offload);
  }

  /** Sends a datagram, in fragments if it is longer than the MTU (RFC 791 §3.2, RFC 8200 §4.5). `payload` holds its header, with a checksum of
   *  zero at `checksumOffset`. */
  datagram(envelope: Envelope, payload: Uint8Array, checksumOffset: number): boolean {
    const headerBytes = envelope.source.length === 16 ? IPV6_BYTES : IPV4_BYTES;
    if (headerBytes + payload.length <= this.mtu) {
      const draft = this.draft(envelope, payload.length);
      draft.frame.set(payload, draft.at);
      return this.finish(draft, envelope, checksumOffset);
    }
    const pseudo = pseudoSum(envelope.source, envelope.destination, envelope.protocol, payload.length);
    this.complete(payload, 0, checksumOffset, pseudo, envelope.protocol);
    this.identification = (this.identification + 1) & 0xffff;
    const overhead = envelope.source.length === 16 ? IPV6_BYTES + FRAGMENT_BYTES : IPV4_BYTES;
    const step = (this.mtu - overhead) & ~7;
    for (let offset = 0; offset < payload.length; offset += step) {
      const part = payload.subarray(offset, offset + step);
      if (!this.port.send(this.fragment(envelope, part, offset, offset + step < payload.length), null)) return false;
    }
    return true;
  }

  private fragment(envelope: Envelope, part: Uint8Array, offset: number, more: boolean): Uint8Array {
    const { identification } = this;
    const v6 = envelope.source.length === 16;
    const at = ETHERNET_BYTES + (v6 ? IPV6_BYTES + FRAGMENT_BYTES : IPV4_BYTES);
    const frame = new Uint8Array(at + part.length);
    writeEthernet(frame, this.link, v6 ? TYPE_IPV6 : TYPE_IPV4);
    if (v6) writeIpv6Fragment(frame, ETHERNET_BYTES, envelope, part.length, { offset, more, identification });
    else writeIpv4(frame, ETHERNET_BYTES, envelope, part.length, { identification, fragment: { offset, more } });
    frame.set(part, at);
    return frame;
  }

  /** Writes a whole checksum over what stands from `from` on. RFC 768: a UDP sum of zero is sent as all ones. */
  private complete(bytes: Uint8Array, from: number, where: number, pseudo: number, protocol: number): void {
    const sum = checksumOf(checksumAdd(bytes, from, bytes.length, pseudo));
    write16(bytes, where, sum === 0 && protocol === PROTOCOL_UDP ? 0xffff : sum);
  }
}

/** Both ends of a flow as one word. */
export function flowKey(guestPort: number, peer: Address, peerPort: number): string {
  return `${guestPort} ${addressText(peer)} ${peerPort}`;
}
