// ICMP (RFC 792) and ICMPv6 (RFC 4443): echo from the gateway itself, and errors for what was refused. Neighbours and routers are in nd.ts.

import type { Address } from "./address.ts";
import { write16, write32 } from "./bytes.ts";
import { checksumAdd, checksumOf } from "./checksum.ts";
import type { IpOutput } from "./ip-output.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMP6, type IpPacket } from "./ipv4.ts";

const HEADER_BYTES = 8;
/** RFC 1812 §4.3.2.3: as much of the packet as the error's own does not grow beyond 576 bytes. RFC 4443 §2.4 (c): 1280. */
const [ERROR_BYTES_4, ERROR_BYTES_6] = [576 - 20, 1280 - 40];

/** Why a packet does not get to where it should, as type and code of either version (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1). */
export const UNREACHABLE = {
  network: { v4: [3, 0], v6: [1, 0] },
  host: { v4: [3, 1], v6: [1, 3] },
  port: { v4: [3, 3], v6: [1, 4] },
  prohibited: { v4: [3, 13], v6: [1, 1] },
} as const;
export type Unreachable = keyof typeof UNREACHABLE;

/** Tells the guest that `packet` of its own does not get there. `from` is the gateway's address. */
export function sendUnreachable(output: IpOutput, from: Address, packet: IpPacket, why: Unreachable): void {
  const v6 = packet.source.length === 16;
  const [type, code] = UNREACHABLE[why][v6 ? "v6" : "v4"];
  const quoted = packet.whole.subarray(0, (v6 ? ERROR_BYTES_6 : ERROR_BYTES_4) - HEADER_BYTES);
  const message = new Uint8Array(HEADER_BYTES + quoted.length);
  message[0] = type;
  message[1] = code;
  message.set(quoted, HEADER_BYTES);
  sendIcmp(output, from, packet.source, message);
}

/** RFC 4443 §3.2: a packet that is longer than what we take. */
export function sendTooBig(output: IpOutput, from: Address, packet: IpPacket): void {
  const quoted = packet.whole.subarray(0, ERROR_BYTES_6 - HEADER_BYTES);
  const message = new Uint8Array(HEADER_BYTES + quoted.length);
  message[0] = 2;
  write32(message, 4, output.mtu);
  message.set(quoted, HEADER_BYTES);
  sendIcmp(output, from, packet.source, message);
}

/** Sends a message whose checksum is zero. ICMP's has no pseudo-header, ICMPv6's has. */
export function sendIcmp(
  output: IpOutput,
  source: Address,
  destination: Address,
  message: Uint8Array,
  hopLimit = 64,
): void {
  const v6 = source.length === 16;
  const envelope = { source, destination, protocol: v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP };
  const draft = output.draft(envelope, message.length, { hopLimit, everybody: destination[0] === 0xff });
  if (v6) {
    draft.frame.set(message, draft.at);
    output.finish(draft, envelope, 2);
    return;
  }
  write16(message, 2, checksumOf(checksumAdd(message, 0, message.length)));
  draft.frame.set(message, draft.at);
  output.send(draft.frame);
}

/** The answer to an echo request (RFC 792: type 8 → 0; RFC 4443 §4.1: 128 → 129), checksum zero; null: it is none. */
export function echoReply(payload: Uint8Array, v6: boolean): Uint8Array | null {
  if (payload.length < HEADER_BYTES || payload[0] !== (v6 ? 128 : 8) || payload[1] !== 0) return null;
  const message = payload.slice();
  message[0] = v6 ? 129 : 0;
  write16(message, 2, 0);
  return message;
}
