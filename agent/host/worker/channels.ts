// Event channels, the host's side: bounded rings of messages, and bytes copied from one machine's memory into another's. Who may talk to
// whom, how fast, and how much a ring may hold is the hypervisor's to say; this file only moves what it has allowed.

import {
  CALL_CHANNEL_INFO,
  CALL_CHANNEL_NOTIFY,
  CALL_CHANNEL_RECEIVE,
  CALL_CHANNEL_SEND,
  CHANNEL_REQUEST_FUNCTION,
  CHANNEL_REQUEST_LENGTH,
  CHANNEL_REQUEST_OFFSET,
  CHANNEL_REQUEST_PORT,
  CHANNEL_REQUEST_STATE,
} from "../../../kernel/abi/layout.ts";
import { CHANNEL_TOO_LONG } from "../../../kernel/abi/reasons.ts";
import type { ChannelEnd, Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Machine } from "../machine/machine.ts";
import { MessageRing } from "./message-ring.ts";

/** The length by which the hypervisor knows a notification: no message, only the pending bit. */
const NOTIFICATION = 0xffff_ffff;

export class ChannelHost {
  private readonly hypervisor: Hypervisor;
  private readonly machineOf: (partition: number) => Machine | null;
  /** Messages that wait, by channel. The hypervisor bounds them. */
  private readonly rings = new Map<number, MessageRing>();
  /** Bytes of each channel's ring. */
  private readonly capacities = new Map<number, number>();

  constructor(hypervisor: Hypervisor, machineOf: (partition: number) => Machine | null) {
    this.hypervisor = hypervisor;
    this.machineOf = machineOf;
  }

  /** A channel was granted. Its ring is made when the first message comes. */
  granted(channel: number, capacity: number): void {
    this.capacities.set(channel, capacity);
  }

  /** Answers what partition `id` asks, if it asks anything. */
  serve(id: number): void {
    const machine = this.machineOf(id);
    if (machine === null || machine.word(CHANNEL_REQUEST_STATE) === 0) return;
    const port = machine.word(CHANNEL_REQUEST_PORT);
    const bytes = (): Uint8Array => {
      const offset = machine.word(CHANNEL_REQUEST_OFFSET);
      // The machine has checked that this is guest RAM; a view beyond the memory would be empty.
      return machine.bytes.subarray(offset, offset + machine.word(CHANNEL_REQUEST_LENGTH));
    };
    switch (machine.word(CHANNEL_REQUEST_FUNCTION)) {
      case CALL_CHANNEL_SEND:
        return machine.channelAnswer(this.send(id, port, bytes()), 0);
      case CALL_CHANNEL_NOTIFY:
        return machine.channelAnswer(this.send(id, port, null), 0);
      case CALL_CHANNEL_RECEIVE:
        return machine.channelAnswer(this.receive(id, port, bytes()), 0);
      case CALL_CHANNEL_INFO: {
        const { status, value } = this.hypervisor.channelInfo(id, port);
        return machine.channelAnswer(status, value);
      }
      default:
        return machine.channelAnswer(-1, 0);
    }
  }

  /** Drops the messages of a channel that is revoked or whose partition has ended, and makes both sides look. */
  drop(channel: number): void {
    const ring = this.rings.get(channel);
    for (let length = ring?.drop() ?? -1; length >= 0; length = ring!.drop()) {
      this.hypervisor.channelTaken(channel, length);
    }
    this.rings.delete(channel);
    const { from, to } = this.hypervisor.channelEnds(channel);
    this.raise(from);
    this.raise(to);
  }

  private send(id: number, port: number, bytes: Uint8Array | null): number {
    const channel = this.hypervisor.channelSend(id, port, bytes?.length ?? NOTIFICATION);
    if (channel < 0) return channel;
    if (bytes !== null) {
      const ring = this.rings.get(channel) ?? new MessageRing(this.capacities.get(channel) ?? 0);
      this.rings.set(channel, ring);
      ring.push(bytes);
    }
    this.raise(this.hypervisor.channelEnds(channel).to);
    return 0;
  }

  private receive(id: number, port: number, bytes: Uint8Array): number {
    const channel = this.hypervisor.channelReceive(id, port);
    if (channel < 0) return channel;
    const ring = this.rings.get(channel)!;
    if (ring.firstLength > bytes.length) return -CHANNEL_TOO_LONG;
    const length = ring.shift(bytes);
    if (this.hypervisor.channelTaken(channel, length)) this.raise(this.hypervisor.channelEnds(channel).from);
    return length;
  }

  private raise({ partition, port }: ChannelEnd): void {
    const machine = this.machineOf(partition);
    if (machine === null) return;
    machine.channelRaise(port);
    this.hypervisor.wake(partition);
  }
}
