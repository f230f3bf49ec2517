// UDP (RFC 768): datagrams, and the guest's flows. A flow is a connected socket of the host's for one port of the guest's and one peer, because only
// such a socket reports that nobody listens there. Strangers cannot send through it (RFC 4787 §5: address- and port-dependent filtering).

import type { NetworkView } from "../view.ts";
import { addressText, type Address } from "./address.ts";
import { read16, write16 } from "./bytes.ts";
import { checksumAdd, checksumOf, pseudoSum } from "./checksum.ts";
import type { Clock, Counts, Sockets, UdpSocket } from "./contracts.ts";
import { flowKey, type IpOutput } from "./ip-output.ts";
import { PROTOCOL_UDP, type IpPacket } from "./ipv4.ts";
import type { Unreachable } from "./icmp.ts";
import type { Timers } from "./timers.ts";

export const UDP_BYTES = 8;
const FLOWS_MOST = 256;
/** RFC 4787 §4.3: at least two minutes; a question to a name server is over sooner. */
const [IDLE_MS, IDLE_DNS_MS] = [120_000, 30_000];

export interface Datagram {
  sourcePort: number;
  destinationPort: number;
  data: Uint8Array;
}

/** The datagram, or the word for why it is dropped. `checked`: the card has left the checksum to us, and there is none. */
export function parseUdp(packet: IpPacket, checked: boolean): Datagram | string {
  const { payload, source, destination } = packet;
  if (payload.length < UDP_BYTES) return "udp-length";
  const length = read16(payload, 4);
  if (length < UDP_BYTES || length > payload.length) return "udp-length";
  const sum = read16(payload, 6);
  // RFC 8200 §8.1: over IPv6 it is not optional.
  if (!checked && sum === 0 && source.length === 16) return "udp-checksum";
  const pseudo = pseudoSum(source, destination, PROTOCOL_UDP, length);
  if (!checked && sum !== 0 && checksumOf(checksumAdd(payload, 0, length, pseudo)) !== 0) return "udp-checksum";
  return {
    sourcePort: read16(payload, 0),
    destinationPort: read16(payload, 2),
    data: payload.subarray(UDP_BYTES, length),
  };
}

/** A datagram with its header, checksum zero. */
export function udpBytes(sourcePort: number, destinationPort: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(UDP_BYTES + data.length);
  write16(bytes, 0, sourcePort);
  write16(bytes, 2, destinationPort);
  write16(bytes, 4, bytes.length);
  bytes.set(data, UDP_BYTES);
  return bytes;
}

/** A flow, for who looks. */
export type FlowView = NetworkView["flows"][number];

interface UdpFlow {
  key: string;
  socket: UdpSocket;
  guest: Address;
  guestPort: number;
  peer: Address;
  peerPort: number;
  /** The first datagram, which an error quotes. */
  first: IpPacket;
}

export interface UdpOptions {
  output: IpOutput;
  sockets: Sockets;
  clock: Clock;
  timers: Timers;
  counts: Counts;
  unreachable: (packet: IpPacket, why: Unreachable) => void;
}

export class UdpFlows {
  private readonly options: UdpOptions;
  /** In the order in which they were used last. */
  private readonly flows = new Map<string, UdpFlow>();

  constructor(options: UdpOptions) {
    this.options = options;
  }

  get count(): number {
    return this.flows.size;
  }

  /** Whether there is a flow for this datagram: it was judged when it began. */
  has(packet: IpPacket, { sourcePort, destinationPort }: Datagram): boolean {
    return this.flows.has(flowKey(sourcePort, packet.destination, destinationPort));
  }

  /** Sends the guest's datagram to its peer at `address`, in a new flow if there is none. */
  send(packet: IpPacket, { sourcePort, destinationPort, data }: Datagram, address: string, port: number): void {
    const key = flowKey(sourcePort, packet.destination, destinationPort);
    const flow = this.flows.get(key) ?? this.begin(key, packet, sourcePort, destinationPort, address, port);
    this.touch(flow);
    flow.socket.send(data);
  }

  private begin(
    key: string,
    packet: IpPacket,
    guestPort: number,
    peerPort: number,
    address: string,
    port: number,
  ): UdpFlow {
    if (this.flows.size >= FLOWS_MOST) {
      this.options.counts.add("udp-flows");
      this.end(this.flows.values().next().value!);
    }
    const flow: UdpFlow = {
      ...{ key, guestPort, peerPort, guest: packet.source, peer: packet.destination },
      first: { ...packet, payload: packet.payload.slice(), whole: packet.whole.slice(0, 1280) },
      socket: this.options.sockets.udp(address, port, {
        message: (bytes) => this.heard(flow, bytes),
        failed: (code) => this.failed(flow, code),
      }),
    };
    this.flows.set(key, flow);
    return flow;
  }

  private touch(flow: UdpFlow): void {
    this.flows.delete(flow.key);
    this.flows.set(flow.key, flow);
    const { clock, timers } = this.options;
    timers.set(flow, clock.now() + (flow.peerPort === 53 ? IDLE_DNS_MS : IDLE_MS), () => this.end(flow));
  }

  private heard(flow: UdpFlow, bytes: Uint8Array): void {
    if (this.flows.get(flow.key) !== flow) return;
    this.touch(flow);
    const envelope = { source: flow.peer, destination: flow.guest, protocol: PROTOCOL_UDP };
    const sent = this.options.output.datagram(envelope, udpBytes(flow.peerPort, flow.guestPort, bytes), 6);
    if (!sent) this.options.counts.add("udp-room");
  }

  private failed(flow: UdpFlow, code: string): void {
    if (this.flows.get(flow.key) !== flow) return;
    this.end(flow);
    const why = code === "ECONNREFUSED" ? "port" : code === "ENETUNREACH" ? "network" : "host";
    this.options.unreachable(flow.first, why);
  }

  private end(flow: UdpFlow): void {
    this.options.timers.clear(flow);
    this.flows.delete(flow.key);
    flow.socket.close();
  }

  /** Ends the flows that `judge` does not let be. */
  review(judge: (peer: Address, port: number) => boolean): void {
    for (const flow of [...this.flows.values()]) if (!judge(flow.peer, flow.peerPort)) this.end(flow);
  }

  close(): void {
    this.review(() => false);
  }

  view(): FlowView[] {
    return [...this.flows.values()].map(({ guestPort, peer, peerPort }) => ({
      ...{ protocol: "udp" as const, guestPort, peer: addressText(peer), peerPort, state: "open" },
    }));
  }
}
