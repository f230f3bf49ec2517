// A world for the guests' network: sockets that tests hold in their hands, a clock that they turn, and the guest's side of the card. Nothing here
// waits for anything.

import { addressText, parseAddress } from "../../agent/network/address.js";
import { read16, write16 } from "../../agent/network/bytes.js";
import { checksumAdd, checksumOf, pseudoSum } from "../../agent/network/checksum.js";
import type {
  Listener,
  Offers,
  Offload,
  Sockets,
  TcpHandlers,
  TcpSocket,
  UdpHandlers,
  UdpSocket,
} from "../../agent/network/contracts.js";
import { DayBudget, type DayState } from "../../agent/network/day-budget.js";
import { writeIpv4, IPV4_BYTES } from "../../agent/network/ipv4.js";
import { IPV6_BYTES, writeIpv6 } from "../../agent/network/ipv6.js";
import type { NetworkRule, RuleLayer } from "../../agent/network/rules.js";
import { NetworkStack, type StackOptions } from "../../agent/network/stack.js";
import { Random } from "./random.js";

export const CARD = Uint8Array.of(0x52, 0x54, 0, 1, 2, 3);
export const GATEWAY_CARD = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);
export const GUEST = "10.0.2.15";

/** The host's end of a TCP connection. */
export class FakeTcp implements TcpSocket {
  written = Buffer.alloc(0);
  state: "open" | "ended" | "reset" | "closed" = "open";
  /** Writes wait until the test calls taken(). */
  slow = false;
  granted = 2048;
  waiting: (() => void)[] = [];
  private toSend: Buffer = Buffer.alloc(0);
  private endAfter = false;

  constructor(
    readonly address: string,
    readonly port: number,
    public handlers: TcpHandlers,
  ) {}

  write(bytes: Uint8Array, done: () => void): void {
    this.written = Buffer.concat([this.written, bytes]);
    if (this.slow) this.waiting.push(done);
    else done();
  }
  end(done: () => void): void {
    this.state = "ended";
    if (this.slow) this.waiting.push(done);
    else done();
  }
  taken(): void {
    for (const done of this.waiting.splice(0)) done();
  }
  reset(): void {
    this.state = "reset";
  }
  close(): void {
    this.state = "closed";
  }
  resume(): void {
    this.pump();
  }
  /** The peer sends bytes, as fast as it may. */
  send(bytes: Uint8Array): void {
    this.toSend = Buffer.concat([this.toSend, bytes]);
    if (this.granted > 0) this.pump();
  }
  /** The peer ends, behind what it has sent. */
  finish(): void {
    this.endAfter = true;
    this.pump();
  }
  get unsent(): number {
    return this.toSend.length;
  }
  private pump(): void {
    while (this.toSend.length > 0) {
      const part = this.toSend.subarray(0, Math.max(1, this.granted));
      this.toSend = this.toSend.subarray(part.length);
      const next = this.handlers.data(part);
      if (next === 0) return;
      this.granted = next;
    }
    if (this.endAfter) this.handlers.ended();
  }
}

export class FakeUdp implements UdpSocket {
  sent: Uint8Array[] = [];
  closed = false;
  constructor(
    readonly address: string,
    readonly port: number,
    readonly handlers: UdpHandlers,
  ) {}
  send(bytes: Uint8Array): void {
    this.sent.push(bytes.slice());
  }
  close(): void {
    this.closed = true;
  }
}

export class FakeSockets implements Sockets {
  tcps: FakeTcp[] = [];
  udps: FakeUdp[] = [];
  accepts: { port: number; accept: (socket: TcpSocket) => TcpHandlers | null; closed: boolean }[] = [];
  resolverList = [{ address: "192.0.2.53", port: 53 }];
  own = ["127.0.0.1", "198.51.100.7", "fe80::aa%eth0"];
  ipv6 = false;

  tcp(address: string, port: number, handlers: TcpHandlers): FakeTcp {
    const socket = new FakeTcp(address, port, handlers);
    this.tcps.push(socket);
    return socket;
  }
  udp(address: string, port: number, handlers: UdpHandlers): FakeUdp {
    const socket = new FakeUdp(address, port, handlers);
    this.udps.push(socket);
    return socket;
  }
  listen(_address: string, port: number, accept: (socket: TcpSocket) => TcpHandlers | null): Listener {
    const entry = { port, accept, closed: false };
    this.accepts.push(entry);
    return { close: () => void (entry.closed = true) };
  }
  resolvers(): { address: string; port: number }[] {
    return this.resolverList;
  }
  ownAddresses(): string[] {
    return this.own;
  }
  hasIpv6(): boolean {
    return this.ipv6;
  }
}

export interface Received {
  frame: Uint8Array;
  offload: Offload | null;
}

export function layer(rules: NetworkRule[] = [], more: Partial<RuleLayer> = {}): RuleLayer {
  const none = { default: null, kill: false, deniedLinks: [], tunnelMissing: false };
  return { source: "policy 1.4", rules, ...none, ...more };
}

export function rule(allow: boolean, destination: string, more: Partial<NetworkRule> = {}): NetworkRule {
  return { allow, destination, portFirst: 0, portLast: 65_535, protocol: "any", ...more };
}

/** A stack with everything in the test's hands. */
export class NetworkWorld {
  readonly sockets = new FakeSockets();
  readonly received: Received[] = [];
  readonly offers: Offers = { checksum: false, segments4: false, segments6: false };
  readonly saved: DayState[] = [];
  readonly random: Random;
  nowMs = 1000;
  wallMs = Date.UTC(2026, 10, 30, 12);
  /** Whether frames for the guest find room. */
  roomy = true;
  readonly stack: NetworkStack;

  constructor(options: Partial<StackOptions> & { bytesPerDay?: number; seed?: number } = {}) {
    this.random = new Random(options.seed ?? 1);
    const clock = { now: () => this.nowMs, wall: () => this.wallMs };
    const store = { load: () => null, save: (state: DayState) => void this.saved.push(state) };
    this.stack = new NetworkStack({
      name: "work",
      card: CARD,
      prefixSeed: "a handset",
      port: {
        offers: this.offers,
        send: (frame, offload) => {
          if (this.roomy) this.received.push({ frame, offload });
          return this.roomy;
        },
      },
      sockets: this.sockets,
      clock,
      budget: new DayBudget(options.bytesPerDay ?? Infinity, store, clock),
      bufferBytes: 4 << 20,
      random: () => this.random.u32(),
      rules: { layers: [], link: "ethernet", privateDenied: false },
      hostPorts: [],
      nameServers: [],
      forwards: [],
      ...options,
    });
  }

  /** The guest sends a frame. */
  send(frame: Uint8Array, marks = { unchecked: false, segments: false }): void {
    this.stack.receive(frame.slice(), marks);
    this.stack.poll();
    this.stack.flush();
  }

  /** What the guest received since the last call. */
  take(): Uint8Array[] {
    return this.received.splice(0).map(({ frame }) => frame);
  }

  pass(milliseconds: number): void {
    this.nowMs += milliseconds;
    this.wallMs += milliseconds;
    this.stack.poll();
    this.stack.flush();
  }
}

// ---- Frames of a guest -----------------------------------------------------------------------------------------------------

export function ethernet(type: number, payload: Uint8Array, source = CARD, destination = GATEWAY_CARD): Uint8Array {
  const frame = new Uint8Array(14 + payload.length);
  frame.set(destination, 0);
  frame.set(source, 6);
  write16(frame, 12, type);
  frame.set(payload, 14);
  return frame;
}

/** A packet from the guest. The payload's checksum at `checksumAt` is filled in. */
export function ip(
  to: string,
  protocol: number,
  payload: Uint8Array,
  checksumAt: number | null,
  from = GUEST,
): Uint8Array {
  const [source, destination] = [parseAddress(from)!, parseAddress(to)!];
  const body = payload.slice();
  if (checksumAt !== null) {
    write16(body, checksumAt, 0);
    const pseudo = protocol === 1 ? 0 : pseudoSum(source, destination, protocol, body.length);
    write16(body, checksumAt, checksumOf(checksumAdd(body, 0, body.length, pseudo)));
  }
  const v6 = source.length === 16;
  const headerBytes = v6 ? IPV6_BYTES : IPV4_BYTES;
  const packet = new Uint8Array(headerBytes + body.length);
  if (v6) writeIpv6(packet, 0, { source, destination, protocol }, body.length, protocol === 58 ? 255 : 64);
  else writeIpv4(packet, 0, { source, destination, protocol }, body.length);
  packet.set(body, headerBytes);
  return ethernet(v6 ? 0x86dd : 0x0800, packet);
}

export function udp(to: string, sourcePort: number, port: number, data: Uint8Array, from = GUEST): Uint8Array {
  const body = new Uint8Array(8 + data.length);
  write16(body, 0, sourcePort);
  write16(body, 2, port);
  write16(body, 4, body.length);
  body.set(data, 8);
  return ip(to, 17, body, 6, from);
}

/** A packet that the guest received, taken apart; every checksum in it is looked at. */
export interface Seen {
  source: string;
  destination: string;
  protocol: number;
  payload: Uint8Array;
  hopLimit: number;
}

export function seen(frame: Uint8Array, checked = true): Seen {
  const v6 = read16(frame, 12) === 0x86dd;
  const packet = frame.subarray(14);
  const headerBytes = v6 ? IPV6_BYTES : (packet[0]! & 15) * 4;
  if (!v6 && checksumOf(checksumAdd(packet, 0, headerBytes)) !== 0) throw new Error("bad IPv4 checksum");
  const source = v6 ? packet.slice(8, 24) : packet.slice(12, 16);
  const destination = v6 ? packet.slice(24, 40) : packet.slice(16, 20);
  const protocol = v6 ? packet[6]! : packet[9]!;
  const payload = packet.slice(headerBytes);
  const fragment = !v6 && (read16(packet, 6) & 0x3fff) !== 0;
  if (checked && !fragment && protocol !== 44) {
    const pseudo = protocol === 1 ? 0 : pseudoSum(source, destination, protocol, payload.length);
    if (checksumOf(checksumAdd(payload, 0, payload.length, pseudo)) !== 0) throw new Error("bad checksum");
  }
  const hopLimit = v6 ? packet[7]! : packet[8]!;
  return { source: addressText(source), destination: addressText(destination), protocol, payload, hopLimit };
}

/** The data of a received UDP packet, and its ports. */
export function datagram(frame: Uint8Array): { from: string; sourcePort: number; port: number; data: Uint8Array } {
  const { source, payload } = seen(frame);
  return { from: source, sourcePort: read16(payload, 0), port: read16(payload, 2), data: payload.slice(8) };
}
