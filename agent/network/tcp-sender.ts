// The sending half of a flow (RFC 9293 §3.8): what goes to the guest, again when it must (RFC 6298), within the guest's window. The path is a ring
// of memory, so what is lost was dropped for want of room, and the fixed first timeout is long. Loss in the middle is mended by the holes that
// the guest reports (RFC 2018), or by three duplicate acknowledgements (RFC 5681 §3.2, RFC 6582).

import type { Address } from "./address.ts";
import type { BufferBudget, Clock } from "./contracts.ts";
import type { IpOutput } from "./ip-output.ts";
import { PROTOCOL_TCP } from "./ipv4.ts";
import { SendQueue } from "./tcp-send.ts";
import {
  ACK,
  FIN,
  optionBytes,
  PSH,
  sequenceAdd,
  sequenceDelta,
  SYN,
  TCP_BYTES,
  writeTcp,
  type Range,
  type Segment,
} from "./tcp-segment.ts";
import type { Timers } from "./timers.ts";

const [TIMEOUT_FIRST_MS, TIMEOUT_MOST_MS] = [200, 60_000];
/** RFC 9293 §3.8.3: R2 is at least 100 seconds, for a SYN 180. With these it is about seven minutes. */
const TRIES_MOST = 14;
const DUPLICATES = 3;
/** Bytes of data in a frame that the guest takes as one. */
const SUPER_SEGMENT = 60_000;
const SCALE = 3;

export interface FlowEnds {
  guest: Address;
  guestPort: number;
  peer: Address;
  peerPort: number;
}

/** What a segment says of the other direction. */
export interface Receipt {
  acknowledgment: number;
  sacks: readonly Range[];
}

export interface SenderOptions {
  ends: FlowEnds;
  output: IpOutput;
  clock: Clock;
  timers: Timers;
  budget: BufferBudget;
  receipt: {
    /** For the segment that is written now. */
    next: () => Receipt;
    /** It has gone out. */
    sent: (acknowledgment: number) => void;
  };
  /** The guest has not answered for as long as one waits. */
  gone: () => void;
}

export class TcpSender {
  /** SND.UNA, SND.NXT, and the most that was ever sent. */
  una: number;
  next: number;
  most: number;
  readonly queue: SendQueue;
  /** Whether data may go out: both sides have agreed. */
  open = false;
  /** The host sends no more: a FIN goes behind what there is. */
  finQueued = false;
  /** Offered by the guest: our window is scaled, SACK may be used; null: not. */
  scale: number | null = null;
  sackPermitted = false;
  mss = 536;
  private readonly options: SenderOptions;
  private readonly iss: number;
  private synFlags = 0;
  private window = 0;
  /** The largest window that the guest has offered (RFC 5961 §5.2). */
  windowMost = 0;
  private updateSequence = 0;
  private updateAck = 0;
  private timeoutMs = TIMEOUT_FIRST_MS;
  private tries = 0;
  private duplicates = 0;
  /** While something is being mended: everything up to there was sent before. */
  private recovery: number | null = null;
  private resent = 0;
  private armed = false;

  constructor(options: SenderOptions, iss: number) {
    this.options = options;
    this.iss = iss;
    this.una = this.next = this.most = iss;
    this.queue = new SendQueue(sequenceAdd(iss, 1), options.budget);
  }

  /** Our MSS: what fits the MTU without options (RFC 6691). */
  get ownMss(): number {
    return this.options.output.mtu - (this.options.ends.guest.length === 16 ? 40 : 20) - TCP_BYTES;
  }

  /** The peer's SYN has been seen. */
  agree(segment: Segment): void {
    const usual = this.options.ends.guest.length === 16 ? 1220 : 536;
    this.mss = Math.max(Math.min(segment.mss ?? usual, this.ownMss), 64);
    this.scale = segment.scale;
    this.sackPermitted = segment.sackPermitted;
    // The window of a SYN is not scaled (RFC 7323 §2.2).
    this.window = this.windowMost = segment.window;
    this.updateSequence = segment.sequence;
    this.updateAck = this.iss;
  }

  /** Sends SYN, or SYN and ACK, and again until it is acknowledged. */
  sendSyn(flags: number): void {
    this.synFlags = flags;
    this.next = this.most = sequenceAdd(this.iss, 1);
    this.resendSyn();
    this.arm();
  }

  private resendSyn(): void {
    const passive = (this.synFlags & ACK) !== 0;
    const syn = {
      mss: this.ownMss,
      scale: passive && this.scale === null ? null : SCALE,
      sackPermitted: !passive || this.sackPermitted,
    };
    this.control(this.synFlags, this.iss, syn);
  }

  /** Sends a segment without data. False: there is no room for it. */
  control(
    flags: number,
    sequence = this.next,
    syn: { mss: number; scale: number | null; sackPermitted: boolean } | null = null,
  ): boolean {
    return this.put(sequence, 0, flags, syn);
  }

  private put(
    sequence: number,
    count: number,
    flags: number,
    syn: { mss: number; scale: number | null; sackPermitted: boolean } | null = null,
  ): boolean {
    const { ends, output, receipt } = this.options;
    const { acknowledgment, sacks } = receipt.next();
    const options = optionBytes({ syn, sacks: this.sackPermitted && syn === null ? sacks : [] });
    const envelope = { source: ends.peer, destination: ends.guest, protocol: PROTOCOL_TCP };
    const headerBytes = TCP_BYTES + options.length;
    const draft = output.draft(envelope, headerBytes + count);
    const window = syn !== null || this.scale === null ? 0xffff : (256 << 10) >>> SCALE;
    const header = { ...{ sourcePort: ends.peerPort, destinationPort: ends.guestPort }, sequence, acknowledgment };
    writeTcp(draft.frame, draft.at, { ...header, flags, window, syn, sacks }, options);
    if (count > 0) {
      this.queue.copy(sequenceDelta(sequence, this.queue.base), count, draft.frame, draft.at + headerBytes);
    }
    const sent = output.finish(draft, envelope, 16, { bytes: this.mss - options.length, header: headerBytes });
    if (sent) receipt.sent(acknowledgment);
    return sent;
  }

  /** Sends what may be sent now. */
  send(): void {
    if (!this.open) return;
    for (;;) {
      const flying = sequenceDelta(this.next, this.una);
      const waiting = this.queue.length - sequenceDelta(this.next, this.queue.base);
      const left = this.window - flying;
      const fin = this.finQueued && waiting >= 0;
      const { piece } = this;
      const count = Math.max(0, Math.min(waiting, left, this.segmentMost(piece)));
      const last = fin && count === waiting && left > count;
      if (count === 0 && !last) break;
      // RFC 9293 §3.8.6.2.1: no small piece of a small window while there is something to be acknowledged.
      if (count < piece && count < waiting && flying > 0) break;
      const flags = ACK | (count === waiting ? PSH : 0) | (last ? FIN : 0);
      if (!this.put(this.next, count, flags)) break;
      this.next = sequenceAdd(this.next, count + (last ? 1 : 0));
      if (sequenceDelta(this.next, this.most) > 0) this.most = this.next;
    }
    this.arm();
  }

  /** Data of one segment: what the options leave of the MSS (RFC 6691). */
  private get piece(): number {
    if (!this.sackPermitted) return this.mss;
    return this.mss - optionBytes({ syn: null, sacks: this.options.receipt.next().sacks }).length;
  }

  /** Data of one frame: many segments at once where the guest takes them. */
  private segmentMost(piece: number): number {
    const { offers } = this.options.output;
    const most = this.options.ends.guest.length === 16 ? offers.segments6 : offers.segments4;
    return most ? Math.max(1, Math.floor(SUPER_SEGMENT / piece)) * piece : piece;
  }

  /** Whether our FIN has been acknowledged. */
  get finAcknowledged(): boolean {
    return this.finQueued && sequenceDelta(this.una, this.queue.end) > 0;
  }

  /** Takes an acceptable acknowledgement, and the window that comes with it. */
  acknowledge(segment: Segment): void {
    const { acknowledgment: ack } = segment;
    const window = segment.window << (this.scale ?? 0);
    const advance = sequenceDelta(ack, this.una);
    this.tries = 0;
    if (this.sackPermitted) this.queue.addSacks(segment.sacks, this.most);
    if (advance > 0) this.advance(ack);
    else if (
      advance === 0 &&
      segment.data.length === 0 &&
      window === this.window &&
      sequenceDelta(this.most, this.una) > 0
    ) {
      this.duplicate();
    }
    const newer = sequenceDelta(segment.sequence, this.updateSequence);
    if (advance >= 0 && (newer > 0 || (newer === 0 && sequenceDelta(ack, this.updateAck) >= 0))) {
      this.window = window;
      this.windowMost = Math.max(this.windowMost, window);
      this.updateSequence = segment.sequence;
      this.updateAck = ack;
    }
    this.send();
  }

  private advance(ack: number): void {
    this.una = ack;
    if (sequenceDelta(this.next, ack) < 0) this.next = ack;
    this.queue.acknowledge(ack);
    this.timeoutMs = TIMEOUT_FIRST_MS;
    this.duplicates = 0;
    this.disarm();
    if (this.recovery === null) return;
    // RFC 6582 §3.2: a partial acknowledgement names the next hole.
    if (sequenceDelta(ack, this.recovery) >= 0) this.recovery = null;
    else this.mend();
  }

  private duplicate(): void {
    this.duplicates++;
    if (this.duplicates === DUPLICATES && this.recovery === null) {
      this.recovery = this.most;
      this.resent = this.una;
      this.mend();
    } else if (this.duplicates > DUPLICATES && this.recovery !== null && this.queue.sacked.length > 0) this.mend();
  }

  /** Sends one segment of the first hole that was not sent again yet. */
  private mend(): void {
    const from = sequenceDelta(this.resent, this.una) > 0 ? this.resent : this.una;
    const hole = this.queue.hole(from, this.recovery!);
    if (hole === null) return;
    const count = Math.min(sequenceDelta(hole.to, hole.from), this.piece, sequenceDelta(this.queue.end, hole.from));
    const fin = this.finQueued && sequenceAdd(hole.from, Math.max(0, count)) === this.queue.end;
    if (!this.put(hole.from, Math.max(0, count), ACK | (fin ? FIN | PSH : 0))) return;
    this.resent = sequenceAdd(hole.from, Math.max(1, count));
  }

  private disarm(): void {
    this.armed = false;
    this.options.timers.clear(this);
  }

  /** Something is under way, or the guest's window is closed: the guest is asked again when it is silent. */
  private arm(): void {
    const flying = sequenceDelta(this.most, this.una) > 0;
    const waiting = this.open && (this.queue.length > 0 || (this.finQueued && !this.finAcknowledged));
    if (!flying && !waiting) return this.disarm();
    if (this.armed) return;
    this.armed = true;
    this.options.timers.set(this, this.options.clock.now() + this.timeoutMs, () => this.timeout());
  }

  private timeout(): void {
    this.armed = false;
    if (++this.tries > TRIES_MOST) return this.options.gone();
    this.timeoutMs = Math.min(this.timeoutMs * 2, TIMEOUT_MOST_MS);
    this.duplicates = 0;
    this.recovery = null;
    // RFC 2018 §8: what was reported beyond a gap may be gone again.
    this.queue.sacked = [];
    if (this.una === this.iss) this.resendSyn();
    else {
      this.next = this.una;
      if (this.window === 0) this.probe();
      else this.send();
    }
    this.arm();
  }

  /** RFC 9293 §3.8.6.1: one byte into a closed window, so that its opening is heard of. */
  private probe(): void {
    const count = Math.min(1, this.queue.length);
    const fin = count === 0 && this.finQueued;
    if (count === 0 && !fin) return;
    if (!this.put(this.una, count, ACK | (fin ? FIN : 0))) return;
    this.next = sequenceAdd(this.una, 1);
    if (sequenceDelta(this.next, this.most) > 0) this.most = this.next;
  }

  /** There is no more to be done. */
  free(): void {
    this.disarm();
    this.queue.free();
  }

  /** For tests and views: SYN is on its way. */
  get isOpening(): boolean {
    return (this.synFlags & SYN) !== 0 && this.una === this.iss;
  }
}
