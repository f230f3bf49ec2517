// The handset worker's side of a partition's network: frames between the machine's rings and the network worker's, as fast as the partition can pay, and
// the link as the guest sees it. Nothing is held here: what may not pass now stays in its ring.

import {
  CONFIG_NETWORK_BYTES,
  CONFIG_NETWORK_LINK,
  CONFIG_NETWORK_OFFSET,
  NETWORK_FEATURES,
  NETWORK_HEADER_BYTES,
  NETWORK_RECEIVED_HEAD,
  NETWORK_RECEIVED_TAIL,
  NETWORK_SENT_HEAD,
  NETWORK_SENT_TAIL,
} from "../../../kernel/abi/layout.ts";
import type { Machine } from "../machine/machine.ts";
import { FrameRing, type RingCounts } from "./frame-ring.ts";
import type { NetworkQueue } from "./queue.ts";

export interface CardHooks {
  /** Whether so many IP bytes may pass from the guest or to it: now, when the hypervisor or the radio says so, or never. */
  charge: (bytes: number, direction: "up" | "down") => "now" | "later" | "never";
  /** The network worker has worked so long for the partition. */
  spent: (nanoseconds: number) => void;
  /** Whether the partition has paid for what was done for it. */
  paid: () => boolean;
}

const ETHERNET_BYTES = 14;

export class NetworkCard {
  private readonly machine: Machine;
  private readonly queue: NetworkQueue;
  private readonly hooks: CardHooks;
  private readonly sent: FrameRing;
  private readonly received: FrameRing;
  private waitsForPay = false;
  private charged = false;

  constructor(machine: Machine, queue: NetworkQueue, hooks: CardHooks) {
    this.machine = machine;
    this.queue = queue;
    this.hooks = hooks;
    const size = machine.word(CONFIG_NETWORK_BYTES) / 2;
    const at = machine.word(CONFIG_NETWORK_OFFSET);
    const ring = (start: number, head: number, tail: number): FrameRing =>
      new FrameRing(machine.bytes.subarray(start, start + size), new MachineCounts(machine, head, tail));
    this.sent = ring(at, NETWORK_SENT_HEAD, NETWORK_SENT_TAIL);
    this.received = ring(at + size, NETWORK_RECEIVED_HEAD, NETWORK_RECEIVED_TAIL);
    queue.begin();
    machine.setWord(CONFIG_NETWORK_LINK, queue.isLinkUp ? 1 : 0);
  }

  /** The guest has reset itself: flows of before are over. */
  restart(): void {
    this.queue.begin();
  }

  /** The machine ends. */
  end(): void {
    this.queue.end();
  }

  /** Frames wait until the partition has paid for what was done. */
  get owing(): boolean {
    return this.waitsForPay;
  }

  /** Moves what may be moved. True when the machine is to look. */
  pump(): boolean {
    const { queue, machine } = this;
    const nanoseconds = queue.takeSpent();
    if (nanoseconds > 0) this.hooks.spent(nanoseconds);
    queue.features = machine.word(NETWORK_FEATURES);
    const link = queue.isLinkUp ? 1 : 0;
    const linked = machine.word(CONFIG_NETWORK_LINK) !== link;
    if (linked) machine.setWord(CONFIG_NETWORK_LINK, link);
    this.waitsForPay = false;
    const out = this.moveOut();
    const into = this.moveIn();
    return out || into || linked;
  }

  private moveOut(): boolean {
    const { queue, sent, hooks } = this;
    if (sent.isEmpty) return false;
    if (!hooks.paid()) {
      this.waitsForPay = true;
      return false;
    }
    let moved = false;
    for (let record = sent.first(); record !== null; record = sent.first()) {
      const target = this.roomFor(queue.sent, "sent", record);
      if (target === null) break;
      const may = this.charge(record);
      if (may === "later") break;
      if (may === "now") {
        target.set(record);
        queue.sent.push(target);
      }
      sent.shift(record);
      this.charged = false;
      moved = true;
    }
    if (moved) queue.ring();
    return moved;
  }

  private roomFor(ring: FrameRing, which: "sent", record: Uint8Array): Uint8Array | null {
    const length = record.length - NETWORK_HEADER_BYTES;
    const target = ring.room(length);
    if (target !== null) return target;
    // It may have taken something out between the two looks.
    this.queue.wait(which);
    return ring.room(length);
  }

  /** Each frame is charged once. */
  private charge(record: Uint8Array): "now" | "later" | "never" {
    if (this.charged) return "now";
    const may = this.hooks.charge(record.length - NETWORK_HEADER_BYTES - ETHERNET_BYTES, "up");
    this.charged = may === "now";
    return may;
  }

  private moveIn(): boolean {
    const { queue, received, hooks } = this;
    let moved = false;
    for (let record = queue.received.first(); record !== null; record = queue.received.first()) {
      const target = received.room(record.length - NETWORK_HEADER_BYTES);
      if (target === null) break;
      const may = hooks.charge(record.length - NETWORK_HEADER_BYTES - ETHERNET_BYTES, "down");
      if (may === "later") break;
      if (may === "now") {
        target.set(record);
        received.push(target);
      }
      queue.received.shift(record);
      moved = true;
    }
    if (moved && queue.takeWait("received")) queue.ring();
    return moved;
  }
}

class MachineCounts implements RingCounts {
  private readonly machine: Machine;
  private readonly headAt: number;
  private readonly tailAt: number;

  constructor(machine: Machine, headAt: number, tailAt: number) {
    this.machine = machine;
    this.headAt = headAt;
    this.tailAt = tailAt;
  }

  get head(): number {
    return this.machine.word(this.headAt);
  }
  set head(value: number) {
    this.machine.setWord(this.headAt, value);
  }
  get tail(): number {
    return this.machine.word(this.tailAt);
  }
  set tail(value: number) {
    this.machine.setWord(this.tailAt, value);
  }
}
