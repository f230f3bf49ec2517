// One partition's network: what its card sends goes in, what it is to receive comes out, and between them are the layers. The stack has no timer
// and no thread: whoever drives it calls receive() for frames, poll() for time, and flush() at the end of a turn.

import { createHash } from "node:crypto";
import { addressText, type Address, type Prefix } from "./address.ts";
import { sameBytes } from "./bytes.ts";
import { BufferBudget, Counts, type Clock, type Listener, type Port, type Sockets } from "./contracts.ts";
import type { DayBudget } from "./day-budget.ts";
import { DnsServer } from "./dns.ts";
import { DnsStream } from "./dns-stream.ts";
import type { NetworkView } from "../view.ts";
import { ETHERNET_BYTES, parseFrame, TYPE_ARP, TYPE_IPV4, type Link } from "./ethernet.ts";
import { sendTooBig, sendUnreachable, type Unreachable } from "./icmp.ts";
import { IpOutput } from "./ip-output.ts";
import { parseIpv4, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP, type IpPacket } from "./ipv4.ts";
import { parseIpv6, type Ipv6Packet } from "./ipv6.ts";
import { Names } from "./names.ts";
import * as nd from "./nd.ts";
import { answerNtp } from "./ntp.ts";
import { GATEWAY, GATEWAY_CARD, GUEST, MTU, NAME_SERVER, NOBODY, SUBNET_BROADCAST } from "./plan.ts";
import { Router } from "./router.ts";
import { Rules, type Protocol, type RuleContext } from "./rules.ts";
import { TcpFlows, type Destination } from "./tcp.ts";
import { parseTcp } from "./tcp-segment.ts";
import { Timers } from "./timers.ts";
import { parseUdp, UdpFlows, udpBytes, type Datagram } from "./udp.ts";

const REFUSALS_MOST = 32;

export interface Forward {
  /** Of the host. */
  address: string;
  port: number;
  guestPort: number;
}

export interface StackOptions {
  /** The partition's name: its host name. */
  name: string;
  /** The card's address. */
  card: Uint8Array;
  /** What the prefix of IPv6 is made from: one for each handset and partition. */
  prefixSeed: string;
  port: Port;
  sockets: Sockets;
  clock: Clock;
  budget: DayBudget;
  bufferBytes: number;
  random: () => number;
  rules: Omit<RuleContext, "ownAddresses">;
  /** Ports of the host's loopback that the guest reaches at the gateway. */
  hostPorts: readonly number[];
  /** Resolvers that a policy names; empty: the host's. */
  nameServers: readonly string[];
  forwards: readonly Forward[];
}

/** What the card's header says of a frame. */
export interface FrameMarks {
  /** The checksum is left to us. */
  unchecked: boolean;
  /** It is many segments in one. */
  segments: boolean;
}

export class NetworkStack {
  readonly counts = new Counts();
  private readonly options: StackOptions;
  private readonly timers = new Timers();
  private readonly output: IpOutput;
  private readonly link: Link;
  private readonly prefix: Prefix;
  private readonly gateway6: Address;
  private readonly router: Router;
  private readonly ours6: Address[];
  private readonly names: Names;
  private readonly dns: DnsServer;
  private readonly udp: UdpFlows;
  private readonly tcp: TcpFlows;
  private readonly listeners: { forward: Forward; listener: Listener | null; failed: string | null }[];
  private readonly refusals = new Map<string, { why: string; count: number }>();
  private rules: Rules;
  private context: StackOptions["rules"];
  private nameServers: readonly string[];
  private sentBytes = 0;
  private receivedBytes = 0;
  private hadRoute6: boolean;

  constructor(options: StackOptions) {
    this.options = options;
    this.context = options.rules;
    this.nameServers = options.nameServers;
    this.link = { guest: options.card, gateway: GATEWAY_CARD };
    this.output = new IpOutput(this.link, MTU, this.countingPort());
    // RFC 4193 §3.2.2: fd and forty bits that nobody else has.
    const address = new Uint8Array(16);
    address.set([0xfd, ...createHash("sha256").update(options.prefixSeed).digest().subarray(0, 5)]);
    this.prefix = { address, bits: 64 };
    const own = (last: number): Address => Uint8Array.from([...address.subarray(0, 15), last]);
    this.gateway6 = own(2);
    this.ours6 = [nd.GATEWAY6, this.gateway6, own(3)];
    this.hadRoute6 = options.sockets.hasIpv6();
    this.router = new Router({
      ...{ name: options.name, link: this.link, output: this.output, prefix: this.prefix, ours6: this.ours6 },
      ...{ nameServer6: own(3), routes6: () => this.hadRoute6, isOurs: (each) => this.isOurs(each) },
    });
    const { sockets, clock, random } = options;
    const { timers, counts, output } = this;
    this.names = new Names(() => clock.now());
    this.rules = this.makeRules();
    const common = { sockets, clock, timers, counts };
    const unreachable = (packet: IpPacket, why: Unreachable): void => this.unreachable(packet, why);
    this.dns = new DnsServer({
      ...common,
      ...{ names: this.names, random, rules: () => this.rules, online: () => this.context.link !== "none" },
      servers: () => this.nameServers,
    });
    this.dns.refused = (name, why) => this.refuse(name, why);
    this.udp = new UdpFlows({ ...common, output, unreachable });
    const destination = (peer: Address, port: number): Destination => this.destination(peer, port);
    const budget = new BufferBudget(options.bufferBytes);
    this.tcp = new TcpFlows({ ...common, output, random, unreachable, destination, budget });
    this.listeners = options.forwards.map((forward) => this.listen(forward));
  }

  private makeRules(): Rules {
    return new Rules({ ...this.context, ownAddresses: () => this.options.sockets.ownAddresses() });
  }

  /** Everything to the guest passes here: its bytes are counted before they go. */
  private countingPort(): Port {
    const { port, budget } = this.options;
    return {
      get offers() {
        return port.offers;
      },
      send: (frame, offload) => {
        const bytes = frame.length - ETHERNET_BYTES;
        if (!budget.take(bytes)) {
          this.counts.add("day-budget");
          return false;
        }
        if (!port.send(frame, offload)) {
          budget.give(bytes);
          return false;
        }
        this.receivedBytes += bytes;
        return true;
      },
    };
  }

  private listen(forward: Forward): NetworkStack["listeners"][number] {
    const entry: NetworkStack["listeners"][number] = { forward, listener: null, failed: null };
    entry.listener = this.options.sockets.listen(
      forward.address,
      forward.port,
      (socket) => (this.rules.closed() === null ? this.tcp.connect(socket, GUEST, forward.guestPort, GATEWAY) : null),
      (code) => (entry.failed = code),
    );
    return entry;
  }

  // ---- Whoever drives it --------------------------------------------------------------------------------------------------

  /** Takes a frame from the guest. The bytes must be the stack's own: a socket may keep them until they are written. */
  receive(bytes: Uint8Array, { unchecked, segments }: FrameMarks): void {
    const why = this.take(bytes, unchecked, segments);
    if (why !== null) this.counts.add(why);
  }

  /** Does what is due; returns when to come again, in monotonic milliseconds, or Infinity. */
  poll(): number {
    this.timers.run(this.options.clock.now());
    const routes = this.options.sockets.hasIpv6();
    if (routes !== this.hadRoute6) {
      this.hadRoute6 = routes;
      this.router.advertise(nd.ALL_NODES);
    }
    return this.timers.next;
  }

  /** The end of a turn. */
  flush(): void {
    this.tcp.flush();
  }

  /** There is room for frames again. */
  goOn(): void {
    this.tcp.goOn();
  }

  /** Other rules, another link, other resolvers: flows that are forbidden now end. */
  setRules(context: StackOptions["rules"], nameServers: readonly string[]): void {
    this.context = context;
    this.nameServers = nameServers;
    this.rules = this.makeRules();
    this.dns.forget();
    const judge = (protocol: Protocol) => (peer: Address, port: number) => {
      if (this.rules.closed() !== null) return false;
      if (this.isOurs(peer)) return true;
      const why = this.rules.address(peer, port, protocol, this.names.of(addressText(peer), true));
      if (why !== null) this.refuse(`${addressText(peer)}:${port}`, why);
      return why === null;
    };
    this.tcp.review(judge("tcp"));
    this.udp.review(judge("udp"));
  }

  /** The partition does not run any more: nothing of it is left in the host. */
  close(): void {
    for (const { listener } of this.listeners) listener?.close();
    this.tcp.close();
    this.udp.close();
    this.dns.close();
    this.options.budget.close();
  }

  view(): NetworkView {
    const left = this.options.budget.left;
    return {
      flows: [...this.tcp.view(), ...this.udp.view()],
      names: this.names.all(),
      ...{ sentBytes: this.sentBytes, receivedBytes: this.receivedBytes, drops: this.counts.all() },
      refused: [...this.refusals].map(([what, { why, count }]) => ({ what, why, count })),
      listening: this.listeners.map(({ forward, failed }) => ({ ...forward, failed })),
      bytesLeft: left === Infinity ? null : left,
    };
  }

  // ---- Frames -------------------------------------------------------------------------------------------------------------

  /** Null, or the word for why it is dropped. */
  private take(bytes: Uint8Array, unchecked: boolean, segments: boolean): string | null {
    const frame = parseFrame(bytes, this.link);
    if (typeof frame === "string") return frame;
    if (frame.type === TYPE_ARP) return this.router.arp(frame.payload);
    const v4 = frame.type === TYPE_IPV4;
    const packet = v4 ? parseIpv4(frame.payload, GUEST) : parseIpv6(frame.payload, this.prefix);
    if (typeof packet === "string") return packet;
    const { length } = packet.whole;
    if (!this.options.budget.take(length)) return "day-budget";
    this.sentBytes += length;
    if (length > MTU && !segments) {
      if (v4) return "ipv4-mtu";
      sendTooBig(this.output, nd.GATEWAY6, packet);
      return "ipv6-mtu";
    }
    switch (packet.protocol) {
      case PROTOCOL_TCP:
        return this.takeTcp(packet, unchecked);
      case PROTOCOL_UDP:
        return this.takeUdp(packet, unchecked);
      case PROTOCOL_ICMP:
        return v4 ? this.router.icmp(packet) : "ipv6-extension";
      case PROTOCOL_ICMP6:
        return v4 ? "ipv4-protocol" : this.router.icmp6(packet as Ipv6Packet, unchecked);
      default:
        return "ipv4-protocol";
    }
  }

  private takeTcp(packet: IpPacket, unchecked: boolean): string | null {
    const segment = parseTcp(packet, unchecked);
    if (typeof segment === "string") return segment;
    if (!isUnicast(packet)) return "tcp-group";
    this.tcp.input(packet, segment);
    return null;
  }

  private takeUdp(packet: IpPacket, unchecked: boolean): string | null {
    const datagram = parseUdp(packet, unchecked);
    if (typeof datagram === "string") return datagram;
    const { source, destination } = packet;
    const { destinationPort: port, data } = datagram;
    if (port === 67 && destination.length === 4) return this.router.dhcp(data);
    if (!isUnicast(packet) || sameBytes(source, NOBODY)) return "udp-group";
    if (this.isOurs(destination)) return this.serve(packet, datagram);
    if (datagram.sourcePort === 0 || port === 0) return "udp-port";
    if (!this.udp.has(packet, datagram)) {
      const refusal = this.judge(destination, port, "udp");
      if (refusal !== null) {
        this.unreachable(packet, refusal);
        return null;
      }
    }
    this.udp.send(packet, datagram, addressText(destination), port);
    return null;
  }

  /** What the gateway and the name server answer themselves. */
  private serve(packet: IpPacket, { sourcePort, destinationPort: port, data }: Datagram): string | null {
    const answer = (bytes: Uint8Array): void => {
      const envelope = { source: packet.destination, destination: packet.source, protocol: PROTOCOL_UDP };
      this.output.datagram(envelope, udpBytes(port, sourcePort, bytes), 6);
    };
    if (port === 53) this.dns.ask(data.slice(), "udp", answer);
    else if (port === 123) {
      const time = answerNtp(data, this.options.clock.wall());
      if (time === null) return "ntp-request";
      answer(time);
    } else this.unreachable(packet, "port");
    return null;
  }

  // ---- Rules --------------------------------------------------------------------------------------------------------------

  private isOurs(address: Address): boolean {
    return [GATEWAY, NAME_SERVER, ...this.ours6].some((own) => sameBytes(own, address));
  }

  /** Where a connection that the guest wants really goes. */
  private destination(peer: Address, port: number): Destination {
    if (!this.isOurs(peer)) {
      const refused = this.judge(peer, port, "tcp");
      return refused === null ? { address: addressText(peer), port } : { refused };
    }
    if (port === 53) {
      return {
        serve: (handlers) => {
          const stream = new DnsStream(this.dns, handlers);
          // Not before the flow has its socket.
          this.timers.set(stream, this.options.clock.now(), () => handlers.connected());
          return stream;
        },
      };
    }
    const closed = this.rules.closed();
    if (closed !== null) {
      this.refuse(`gateway:${port}`, closed);
      return { refused: "prohibited" };
    }
    return this.options.hostPorts.includes(port) ? { address: "127.0.0.1", port } : { refused: "reset" };
  }

  /** Null: it may go there. */
  private judge(peer: Address, port: number, protocol: Protocol): Unreachable | null {
    if (this.context.link === "none") return "network";
    const text = addressText(peer);
    const why = this.rules.address(peer, port, protocol, this.names.of(text));
    if (why !== null) {
      this.refuse(`${peer.length === 4 ? text : `[${text}]`}:${port}`, why);
      return "prohibited";
    }
    return peer.length === 16 && !this.options.sockets.hasIpv6() ? "network" : null;
  }

  /** Remembers what was refused, so that somebody can ask why. */
  private refuse(what: string, why: string): void {
    const known = this.refusals.get(what);
    this.refusals.delete(what);
    this.refusals.set(what, { why, count: (known?.count ?? 0) + 1 });
    if (this.refusals.size > REFUSALS_MOST) this.refusals.delete(this.refusals.keys().next().value!);
    this.counts.add("refused");
  }

  private unreachable(packet: IpPacket, why: Unreachable): void {
    sendUnreachable(this.output, packet.source.length === 16 ? this.gateway6 : GATEWAY, packet, why);
  }
}

/** Whether an answer could come from there (RFC 1122 §3.2.2). */
function isUnicast({ destination }: IpPacket): boolean {
  if (destination.length === 16) return destination[0] !== 0xff && destination.some((byte) => byte !== 0);
  return destination[0]! < 224 && destination[0] !== 0 && !sameBytes(destination, SUBNET_BROADCAST);
}
