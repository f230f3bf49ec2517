// The guest's TCP flows: which segment belongs to which, what begins one, and how many there may be.

import { addressText, type Address } from "./address.ts";
import type { BufferBudget, Clock, Counts, Sockets, TcpHandlers, TcpSocket } from "./contracts.ts";
import type { Unreachable } from "./icmp.ts";
import { flowKey, type IpOutput } from "./ip-output.ts";
import { PROTOCOL_TCP, type IpPacket } from "./ipv4.ts";
import { RING_BYTES_LEAST } from "./tcp-send.ts";
import { TcpFlow } from "./tcp-flow.ts";
import { ACK, RST, segmentLength, sequenceAdd, SYN, TCP_BYTES, writeTcp, type Segment } from "./tcp-segment.ts";
import type { Timers } from "./timers.ts";
import type { FlowView } from "./udp.ts";

const [FLOWS_MOST, HALF_OPEN_MOST] = [256, 64];
/** RFC 6335 §6: ports of nobody, for connections that the host begins. */
const [PORT_FIRST, PORT_COUNT] = [49_152, 16_384];

/** What becomes of a connection that the guest wants: where it really goes, a service of our own, or why not. */
export type Destination =
  | { address: string; port: number }
  | { serve: (handlers: TcpHandlers) => TcpSocket }
  | { refused: Unreachable | "reset" };

export interface TcpOptions {
  output: IpOutput;
  sockets: Sockets;
  clock: Clock;
  timers: Timers;
  counts: Counts;
  budget: BufferBudget;
  random: () => number;
  unreachable: (packet: IpPacket, why: Unreachable) => void;
  destination: (peer: Address, port: number) => Destination;
}

export class TcpFlows {
  private readonly options: TcpOptions;
  private readonly flows = new Map<string, TcpFlow>();
  private readonly owing = new Set<TcpFlow>();
  private halfOpenCount = 0;
  private nextPort = 0;

  constructor(options: TcpOptions) {
    this.options = options;
  }

  get count(): number {
    return this.flows.size;
  }

  input(packet: IpPacket, segment: Segment): void {
    const key = flowKey(segment.sourcePort, packet.destination, segment.destinationPort);
    const flow = this.flows.get(key);
    if (flow !== undefined && !flow.yieldsTo(segment)) {
      flow.input(segment);
      return;
    }
    const after = flow?.sent;
    flow?.abort();
    if ((segment.flags & (SYN | ACK | RST)) === SYN) this.begin(key, packet, segment, after);
    else this.reset(packet, segment);
  }

  private begin(key: string, packet: IpPacket, segment: Segment, after: number | undefined): void {
    const { counts, random, sockets, unreachable, destination } = this.options;
    const where = destination(packet.destination, segment.destinationPort);
    if ("refused" in where) {
      if (where.refused === "reset") this.reset(packet, segment);
      else unreachable(packet, where.refused);
      return;
    }
    // A SYN that nobody answers is sent again: then there may be room.
    if (this.countHalfOpen() >= HALF_OPEN_MOST) return counts.add("tcp-half-open");
    if (!this.makeRoom()) {
      counts.add("tcp-flows");
      return this.reset(packet, segment);
    }
    const ends = {
      ...{ guest: packet.source, guestPort: segment.sourcePort },
      ...{ peer: packet.destination, peerPort: segment.destinationPort },
    };
    // RFC 6191: a connection where there was one begins behind it.
    const iss = after === undefined ? random() >>> 0 : sequenceAdd(after, 64_000 + (random() & 0xffff));
    const flow = this.add(key, ends, iss, packet);
    flow.accept(segment, "serve" in where ? where.serve(flow) : sockets.tcp(where.address, where.port, flow));
  }

  /** A connection that came to a forward: the guest is asked, at `guestPort`. Null: there is no room for it. */
  connect(socket: TcpSocket, guest: Address, guestPort: number, gateway: Address): TcpHandlers | null {
    if (this.countHalfOpen() >= HALF_OPEN_MOST || !this.makeRoom()) return null;
    for (let tries = 0; tries < PORT_COUNT; tries++) {
      const peerPort = PORT_FIRST + (this.nextPort++ % PORT_COUNT);
      const key = flowKey(guestPort, gateway, peerPort);
      if (this.flows.has(key)) continue;
      const flow = this.add(key, { guest, guestPort, peer: gateway, peerPort }, this.options.random() >>> 0, null);
      flow.connect(socket);
      return flow;
    }
    return null;
  }

  private add(key: string, ends: TcpFlow["options"]["ends"], iss: number, first: IpPacket | null): TcpFlow {
    const { output, clock, timers, budget, unreachable } = this.options;
    const flow = new TcpFlow(
      {
        ...{ key, ends, output, clock, timers, budget, iss, unreachable },
        owesAck: (owing) => this.owing.add(owing),
        over: (ended) => {
          this.owing.delete(ended);
          if (this.flows.get(key) === ended) this.flows.delete(key);
        },
      },
      first,
    );
    this.flows.set(key, flow);
    return flow;
  }

  private countHalfOpen(): number {
    this.halfOpenCount = 0;
    for (const flow of this.flows.values()) if (flow.isHalfOpen) this.halfOpenCount++;
    return this.halfOpenCount;
  }

  /** Room in the table and in the budget for one flow more: who waits for the last of a connection goes first. */
  private makeRoom(): boolean {
    const { budget } = this.options;
    for (;;) {
      if (this.flows.size < FLOWS_MOST && budget.take(RING_BYTES_LEAST)) return true;
      const oldest = [...this.flows.values()].find(({ state }) => state === "time-wait");
      if (oldest === undefined) return false;
      oldest.abort();
    }
  }

  /** RFC 9293 §3.10.7.1: the answer to a segment that belongs to nothing. */
  private reset(packet: IpPacket, segment: Segment): void {
    const { flags, sequence, acknowledgment, sourcePort, destinationPort } = segment;
    if (flags & RST) return;
    const acked = (flags & ACK) !== 0;
    const envelope = { source: packet.destination, destination: packet.source, protocol: PROTOCOL_TCP };
    const draft = this.options.output.draft(envelope, TCP_BYTES);
    const header = {
      ...{ sourcePort: destinationPort, destinationPort: sourcePort, window: 0, syn: null, sacks: [] },
      sequence: acked ? acknowledgment : 0,
      acknowledgment: acked ? 0 : sequenceAdd(sequence, segmentLength(segment)),
      flags: acked ? RST : RST | ACK,
    };
    writeTcp(draft.frame, draft.at, header, []);
    this.options.output.finish(draft, envelope, 16);
  }

  /** The end of a turn: acknowledges what was taken in it. */
  flush(): void {
    for (const flow of this.owing) flow.acknowledge();
    this.owing.clear();
  }

  /** There is room for frames again. */
  goOn(): void {
    for (const flow of [...this.flows.values()]) flow.goOn();
  }

  /** Ends the flows that `judge` does not let be; those that the host began are its forwards. */
  review(judge: (peer: Address, port: number) => boolean): void {
    for (const flow of [...this.flows.values()]) {
      const { peer, peerPort } = flow.options.ends;
      if (!judge(peer, peerPort)) flow.abort();
    }
  }

  close(): void {
    this.review(() => false);
  }

  view(): FlowView[] {
    return [...this.flows.values()].map(({ state, options: { ends } }) => ({
      ...{ protocol: "tcp" as const, guestPort: ends.guestPort, peer: addressText(ends.peer) },
      ...{ peerPort: ends.peerPort, state },
    }));
  }
}
