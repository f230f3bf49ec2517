// One TCP connection of the guest's, joined to a socket of the host's (RFC 9293 §3.10). Either side may begin. The guest's SYN is answered when the
// host has connected, so a guest never believes in a connection that there is not; its bytes are acknowledged when the operating system has
// taken them.

import type { BufferBudget, Clock, TcpHandlers, TcpSocket } from "./contracts.ts";
import type { Unreachable } from "./icmp.ts";
import type { IpOutput } from "./ip-output.ts";
import type { IpPacket } from "./ipv4.ts";
import { ChallengeLimit } from "./tcp-challenge.ts";
import { DelayedAck } from "./tcp-delayed-ack.ts";
import { HostReads } from "./tcp-host-reads.ts";
import { ReceiveQueue } from "./tcp-receive.ts";
import { ACK, FIN, isInWindow, RST, sequenceAdd, sequenceDelta, SYN, type Segment } from "./tcp-segment.ts";
import { TcpSender, type FlowEnds } from "./tcp-sender.ts";
import type { Timers } from "./timers.ts";

export type TcpState =
  | "connecting"
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait"
  | "closed";

const CONNECT_MS = 30_000;
const TIME_WAIT_MS = 60_000;
/** RFC 5382 §5: two hours and four minutes. */
const IDLE_MS = 7_440_000;

export interface FlowOptions {
  key: string;
  ends: FlowEnds;
  output: IpOutput;
  clock: Clock;
  timers: Timers;
  /** It has RING_BYTES_LEAST taken for this flow. */
  budget: BufferBudget;
  iss: number;
  unreachable: (packet: IpPacket, why: Unreachable) => void;
  /** An acknowledgement is due at the end of the turn. */
  owesAck: (flow: TcpFlow) => void;
  /** The flow is over. */
  over: (flow: TcpFlow) => void;
}

/** What the guest is told when the host cannot reach a peer. */
const UNREACHABLE: ReadonlyMap<string, Unreachable> = new Map([
  ["ENETUNREACH", "network"],
  ["EHOSTUNREACH", "host"],
  ["ETIMEDOUT", "host"],
]);

/** A copy that outlives the ring, as long as an error may quote. */
function quotable(packet: IpPacket): IpPacket {
  return { ...packet, whole: packet.whole.slice(0, 1280), payload: packet.payload.slice() };
}

export class TcpFlow implements TcpHandlers {
  state: TcpState = "connecting";
  readonly options: FlowOptions;
  private readonly sender: TcpSender;
  private receive: ReceiveQueue | null = null;
  private socket: TcpSocket | null = null;
  /** The guest's first packet, which an error quotes; null: the host began. */
  private readonly first: IpPacket | null;
  private irs = 0;
  private finTaken = false;
  private hostEnded = false;
  private readonly reads = new HostReads();
  private readonly challenges = new ChallengeLimit();
  private readonly delayed: DelayedAck;

  /** `first` is the packet of the guest's SYN; null: the host has a connection for the guest. */
  constructor(options: FlowOptions, first: IpPacket | null) {
    this.options = options;
    this.first = first === null ? null : quotable(first);
    const { ends, output, clock, timers, budget, iss } = options;
    const receipt = {
      next: () => ({ acknowledgment: this.acknowledgment, sacks: this.receive?.sacks() ?? [] }),
      sent: (acknowledgment: number) => this.delayed.says(acknowledgment),
    };
    this.delayed = new DelayedAck(clock, timers, () => this.sender.control(ACK));
    this.sender = new TcpSender({ ends, output, clock, timers, budget, receipt, gone: () => this.abort() }, iss);
    timers.set(this, clock.now() + CONNECT_MS, () => this.connectTimeout());
  }

  /** The guest's SYN: `socket` is about to connect. */
  accept(segment: Segment, socket: TcpSocket): void {
    this.socket = socket;
    this.hear(segment);
  }

  /** The host's connection: the guest is asked. */
  connect(socket: TcpSocket): void {
    this.socket = socket;
    this.state = "syn-sent";
    this.sender.sendSyn(SYN);
  }

  private hear(syn: Segment): void {
    this.irs = syn.sequence;
    this.sender.agree(syn);
    const next = sequenceAdd(syn.sequence, 1);
    this.receive = new ReceiveQueue(next, this.options.budget, (data, done) => this.socket?.write(data, done));
  }

  /** SEG.ACK of what we send. */
  private get acknowledgment(): number {
    return this.receive === null ? 0 : sequenceAdd(this.receive.taken, this.finTaken ? 1 : 0);
  }

  get isHalfOpen(): boolean {
    return this.state === "connecting" || this.state === "syn-sent" || this.state === "syn-received";
  }

  /** SND.NXT: what a connection after this one must begin behind. */
  get sent(): number {
    return this.sender.most;
  }

  /** Whether a SYN begins a new connection where this one waits for the last of it (RFC 9293 §3.10.7.4, RFC 1122 §4.2.2.13). */
  yieldsTo(segment: Segment): boolean {
    const syn = (segment.flags & (SYN | ACK | RST)) === SYN;
    return syn && this.state === "time-wait" && sequenceDelta(segment.sequence, this.receive!.expected) > 0;
  }

  // ---- What the host says -------------------------------------------------------------------------------------------------

  connected(): void {
    if (this.state !== "connecting") return;
    this.state = "syn-received";
    this.touch();
    this.sender.sendSyn(SYN | ACK);
  }

  data(bytes: Uint8Array): number {
    if (this.state === "closed") return 0;
    this.sender.queue.append(bytes);
    this.sender.send();
    return this.reads.grant(this.sender.queue.room);
  }

  ended(): void {
    if (this.hostEnded || this.state === "closed") return;
    this.hostEnded = true;
    if (!this.isHalfOpen) this.finish();
  }

  failed(code: string): void {
    if (this.state === "closed") return;
    this.socket = null;
    if (this.state === "connecting" && this.first !== null) {
      const why = UNREACHABLE.get(code);
      // RFC 9293 §3.10.7.1: nobody listens there.
      if (why === undefined) this.sender.control(RST | ACK, 0);
      else this.options.unreachable(this.first, why);
    } else if (this.state !== "time-wait") this.sender.control(RST | ACK);
    this.destroy();
  }

  /** The host's side is at its end: so is ours, behind what waits. */
  private finish(): void {
    this.sender.finQueued = true;
    if (this.state === "established") this.state = "fin-wait-1";
    else if (this.state === "close-wait") this.state = "last-ack";
    this.sender.send();
  }

  // ---- What the guest says ------------------------------------------------------------------------------------------------

  input(segment: Segment): void {
    if (this.state === "connecting") return this.inputConnecting(segment);
    if (this.state === "syn-sent") return this.inputSynSent(segment);
    const { flags } = segment;
    if (this.state === "syn-received" && flags & SYN && segment.sequence === this.irs) {
      // Our answer was lost, or an answer to ours: both sides began (§3.5).
      if (!(flags & ACK)) return void this.sender.sendSyn(SYN | ACK);
    }
    if (!isInWindow(segment, this.acknowledgment, this.receive!.expected, this.receive!.edge)) {
      if (flags & RST) return;
      if (this.state === "time-wait" && flags & FIN) this.wait();
      return void this.sender.control(ACK);
    }
    if (flags & RST) return this.inputReset(segment);
    // RFC 5961 §4.2: who has really begun anew answers a challenge with a reset.
    if (flags & SYN) return this.challenge();
    if (!(flags & ACK) || !this.inputAck(segment)) return;
    this.touch();
    this.inputData(segment);
    this.inputFin(segment);
    if (this.reads.resumes(this.sender.queue.room)) this.socket?.resume();
  }

  /** The host has not connected yet: a repeated SYN joins the one that is pending, a reset ends it. */
  private inputConnecting(segment: Segment): void {
    const own = segment.sequence === this.irs || segment.sequence === sequenceAdd(this.irs, 1);
    if (segment.flags & RST && own) this.reset();
  }

  /** §3.10.7.3 */
  private inputSynSent(segment: Segment): void {
    const { flags, acknowledgment } = segment;
    const acked = (flags & ACK) !== 0;
    if (acked && acknowledgment !== this.sender.next) {
      if (!(flags & RST)) this.sender.control(RST, acknowledgment);
      return;
    }
    if (flags & RST) {
      if (acked) this.reset();
      return;
    }
    if (!(flags & SYN)) return;
    this.hear(segment);
    if (!acked) {
      this.state = "syn-received";
      return this.sender.sendSyn(SYN | ACK);
    }
    this.sender.acknowledge(segment);
    this.establish();
    this.sender.control(ACK);
  }

  private establish(): void {
    this.state = "established";
    this.sender.open = true;
    this.touch();
    if (this.hostEnded) this.finish();
    else this.sender.send();
  }

  /** RFC 5961 §3.2: what is exactly next ends the connection; what is only in the window is asked about. What is next to the guest is what we
   *  acknowledged last, or what we have received, whichever it has heard of. */
  private inputReset(segment: Segment): void {
    const exact = segment.sequence === this.receive!.expected || segment.sequence === this.acknowledgment;
    if (exact) this.reset();
    else this.challenge();
  }

  /** False: the segment says nothing more. */
  private inputAck(segment: Segment): boolean {
    const { sender } = this;
    const { acknowledgment: ack } = segment;
    if (this.state === "syn-received") {
      if (sequenceDelta(ack, sender.una) <= 0 || sequenceDelta(ack, sender.most) > 0) {
        sender.control(RST, ack);
        return false;
      }
      sender.acknowledge(segment);
      this.establish();
      return true;
    }
    // RFC 5961 §5.2
    if (sequenceDelta(ack, sender.most) > 0 || sequenceDelta(ack, sender.una) < -sender.windowMost) {
      this.challenge();
      return false;
    }
    if (sequenceDelta(ack, sender.una) >= 0) sender.acknowledge(segment);
    if (!sender.finAcknowledged) return true;
    if (this.state === "fin-wait-1") this.state = "fin-wait-2";
    else if (this.state === "closing") this.wait();
    else if (this.state === "last-ack") this.end();
    return this.state !== "closed";
  }

  private inputData(segment: Segment): void {
    const takes = this.state === "established" || this.state === "fin-wait-1" || this.state === "fin-wait-2";
    if (!takes || segment.data.length === 0) return;
    const receive = this.receive!;
    const before = receive.next;
    if (receive.hasGap) this.delayed.hurry();
    receive.accept(segment.sequence, segment.data, () => this.options.owesAck(this));
    // A gap is told at once (RFC 5681 §4.2), and what we have already, too.
    if (receive.next === before) this.sender.control(ACK);
  }

  private inputFin(segment: Segment): void {
    if (this.state === "closed" || !this.receive!.takeFin(segment)) return;
    this.socket?.end(() => {
      this.finTaken = true;
      this.delayed.hurry();
      this.options.owesAck(this);
    });
    if (this.state === "established") this.state = "close-wait";
    else if (this.state === "fin-wait-1") this.state = this.sender.finAcknowledged ? this.wait() : "closing";
    else if (this.state === "fin-wait-2") this.wait();
  }

  private wait(): TcpState {
    const { timers, clock } = this.options;
    this.state = "time-wait";
    timers.set(this, clock.now() + TIME_WAIT_MS, () => this.end());
    return this.state;
  }

  /** Says where we stand: an acknowledgement, not too many of them. */
  private challenge(): void {
    if (this.challenges.allows(this.options.clock)) this.sender.control(ACK);
  }

  private touch(): void {
    if (this.state === "time-wait" || this.isHalfOpen) return;
    this.options.timers.set(this, this.options.clock.now() + IDLE_MS, () => this.abort());
  }

  // ---- Turns and ends ----------------------------------------------------------------------------------------------------

  /** The operating system has taken more of the guest's bytes. */
  acknowledge(): void {
    if (this.state === "closed" || this.receive === null) return;
    this.delayed.owes(this.acknowledgment, this.sender.ownMss);
  }

  /** There is room for frames again. */
  goOn(): void {
    if (this.state !== "closed") this.sender.send();
  }

  private connectTimeout(): void {
    if (this.state === "connecting" && this.first !== null) this.options.unreachable(this.first, "host");
    this.reset();
  }

  /** Ends it on both sides. */
  abort(): void {
    if (this.state === "closed") return;
    if (this.state === "time-wait") return this.end();
    this.sender.control(RST | ACK, this.state === "connecting" ? 0 : undefined);
    this.reset();
  }

  /** The guest has ended it. */
  private reset(): void {
    this.socket?.reset();
    this.destroy();
  }

  /** Both sides have ended it. */
  private end(): void {
    this.socket?.close();
    this.destroy();
  }

  private destroy(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.options.timers.clear(this);
    this.delayed.clear();
    this.sender.free();
    this.receive?.free();
    this.socket = null;
    this.options.over(this);
  }
}
