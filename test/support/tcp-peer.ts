// A model of the guest's TCP, written from RFC 9293 without a look at ours: one connection that sends a stream, receives a stream, and sends again what
// was lost. The test decides what of it arrives, in which order, and how often.

import { read16, read32, write16, write32 } from "../../agent/network/bytes.js";
import { GUEST, ip, seen } from "./network-world.js";

export const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16];

export interface SegmentFields {
  sequence: number;
  acknowledgment?: number;
  flags: number;
  window?: number;
  data?: Uint8Array;
  options?: number[];
}

/** A segment of the guest's as a frame. */
export function tcp(to: string, sourcePort: number, port: number, fields: SegmentFields, from = GUEST): Uint8Array {
  const { sequence, acknowledgment = 0, flags, window = 0xffff, data = new Uint8Array(0), options = [] } = fields;
  const body = new Uint8Array(20 + options.length + data.length);
  write16(body, 0, sourcePort);
  write16(body, 2, port);
  write32(body, 4, sequence >>> 0);
  write32(body, 8, acknowledgment >>> 0);
  body[12] = ((20 + options.length) / 4) << 4;
  body[13] = flags;
  write16(body, 14, window);
  body.set(options, 20);
  body.set(data, 20 + options.length);
  return ip(to, 6, body, 16, from);
}

export interface SeenSegment {
  sourcePort: number;
  port: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  options: number[];
  data: Uint8Array;
}

export function segment(frame: Uint8Array, checked = true): SeenSegment {
  const { payload, protocol } = seen(frame, checked);
  if (protocol !== 6) throw new Error(`protocol ${protocol} is not TCP`);
  const header = (payload[12]! >>> 4) * 4;
  return {
    ...{ sourcePort: read16(payload, 0), port: read16(payload, 2), sequence: read32(payload, 4) },
    ...{ acknowledgment: read32(payload, 8), flags: payload[13]!, window: read16(payload, 14) },
    ...{ options: [...payload.slice(20, header)], data: payload.slice(header) },
  };
}

/** A connection of the guest's to `to`:`port`. `transmit` carries its frames away; received frames come in by input(). */
export class TcpPeer {
  received = Buffer.alloc(0);
  isEstablished = false;
  peerFinished = false;
  isReset = false;
  readonly mss: number;
  private readonly iss = 0xffff_f000; // wraps round early
  private una = this.iss;
  private next = (this.iss + 1) >>> 0;
  private expected = 0;
  private window = 0;
  private scale = 0;
  private toSend = Buffer.alloc(0); // from iss + 1 on, never cut
  private closing = false;
  private waitMs = 0;
  private readonly beyond = new Map<number, Uint8Array>();
  private finAt: number | null = null;

  constructor(
    readonly to: string,
    readonly port: number,
    readonly sourcePort: number,
    private readonly transmit: (frame: Uint8Array) => void,
    mss = 1460,
  ) {
    this.mss = mss;
  }

  private put(fields: SegmentFields): void {
    this.transmit(tcp(this.to, this.sourcePort, this.port, fields));
  }
  open(): void {
    this.put({
      sequence: this.iss,
      flags: SYN,
      options: [2, 4, this.mss >>> 8, this.mss & 255, 1, 3, 3, 2, 4, 2, 1, 1],
    });
  }
  send(bytes: Uint8Array): void {
    this.toSend = Buffer.concat([this.toSend, bytes]);
    this.push();
  }
  close(): void {
    this.closing = true;
    this.push();
  }
  private get finSequence(): number {
    return (this.iss + 1 + this.toSend.length) >>> 0;
  }
  /** Everything that we sent has arrived, the FIN too. */
  get isDone(): boolean {
    return this.closing && ((this.una - this.finSequence) | 0) > 0;
  }

  private push(): void {
    if (!this.isEstablished) return;
    for (;;) {
      const offset = (this.next - this.iss - 1) >>> 0;
      const left = this.window - ((this.next - this.una) >>> 0);
      const part = this.toSend.subarray(offset, offset + Math.min(this.mss, Math.max(0, left)));
      const fin = this.closing && offset + part.length === this.toSend.length;
      if (part.length === 0 && !(fin && this.next === this.finSequence)) return;
      this.put({ sequence: this.next, acknowledgment: this.expected, flags: ACK | PSH | (fin ? FIN : 0), data: part });
      this.next = (this.next + part.length + (fin ? 1 : 0)) >>> 0;
      if (fin) return;
    }
  }

  /** Time passes: what is not acknowledged for a third of a second is sent again. */
  pass(milliseconds: number): void {
    this.waitMs += milliseconds;
    if (this.waitMs < 300 || this.isReset) return;
    this.waitMs = 0;
    if (!this.isEstablished) return this.open();
    if (this.una === this.next) return;
    this.next = this.una;
    this.push();
  }

  input(frame: Uint8Array, checked = true): void {
    const got = segment(frame, checked);
    if (got.flags & RST) {
      this.isReset = true;
      return;
    }
    if (!this.isEstablished) {
      if ((got.flags & (SYN | ACK)) !== (SYN | ACK) || got.acknowledgment !== (this.iss + 1) >>> 0) return;
      this.isEstablished = true;
      const at = got.options.indexOf(3);
      this.scale = at >= 0 ? got.options[at + 2]! : 0;
      this.expected = (got.sequence + 1) >>> 0;
      this.una = this.next = (this.iss + 1) >>> 0;
      this.window = got.window;
      this.acknowledge();
      this.push();
      return;
    }
    if (got.flags & SYN) return this.acknowledge();
    const advance = (got.acknowledgment - this.una) | 0;
    if (advance > 0) {
      this.una = got.acknowledgment;
      this.waitMs = 0;
      if (((this.una - this.next) | 0) > 0) this.next = this.una;
    }
    if (advance >= 0) this.window = got.window << this.scale;
    if (got.flags & FIN) this.finAt = (got.sequence + got.data.length) >>> 0;
    if (got.data.length > 0) this.beyond.set(got.sequence, got.data);
    this.collect();
    if (this.finAt === this.expected && !this.peerFinished) {
      this.peerFinished = true;
      this.expected = (this.expected + 1) >>> 0;
    }
    if (got.data.length > 0 || got.flags & FIN) this.acknowledge();
    this.push();
  }

  private collect(): void {
    for (let found = true; found;) {
      found = false;
      for (const [sequence, data] of this.beyond) {
        const skip = (this.expected - sequence) | 0;
        if (skip < 0) continue;
        this.beyond.delete(sequence);
        if (skip >= data.length) continue;
        this.received = Buffer.concat([this.received, data.subarray(skip)]);
        this.expected = (this.expected + data.length - skip) >>> 0;
        found = true;
      }
    }
  }

  private acknowledge(): void {
    this.put({ sequence: this.next, acknowledgment: this.expected, flags: ACK, window: 0x8000 });
  }
}
