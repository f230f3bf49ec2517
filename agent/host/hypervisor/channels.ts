// Channels between partitions, as the hypervisor keeps their books. The messages lie in worker/channels.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import type { ChannelContract } from "../../handset/contracts.ts";
import type { Refusal } from "../../shell/orders.ts";
import { outcomeOf, refusalOf } from "./answer.ts";
import { writeChannel } from "./contracts.ts";
import type { HypervisorExports } from "./exports.ts";
import type { HypervisorMemory } from "./memory.ts";

/** One end of a channel. */
export interface ChannelEnd {
  partition: number;
  port: number;
}

export class HypervisorChannels {
  private readonly memory: HypervisorMemory;
  private readonly exports: HypervisorExports;

  constructor(memory: HypervisorMemory, exports: HypervisorExports) {
    this.memory = memory;
    this.exports = exports;
  }

  /** Lets `from` send to `to`: the channel, or why not. */
  grant(from: ChannelEnd, to: ChannelEnd, contract: ChannelContract): { channel: number } | { refusal: Refusal } {
    writeChannel(this.memory, contract);
    const channel = this.exports.channelGrant(from.partition, from.port, to.partition, to.port);
    return channel < 0 ? { refusal: refusalOf(this.memory, -channel) } : { channel };
  }

  /** Takes a channel away: null, or why not. */
  revoke(channel: number): Refusal | null {
    return outcomeOf(this.memory, this.exports.channelRevoke(channel));
  }

  /** Books a message of `length` bytes (all ones: a notification): the channel, or a negative reason. */
  send(id: number, port: number, length: number): number {
    return this.exports.channelSend(id, port, length);
  }

  /** The channel whose ring holds the next message for this port, or a negative reason. */
  receive(id: number, port: number): number {
    return this.exports.channelReceive(id, port);
  }

  /** A message has left the ring; true when the sender waits for room. */
  taken(channel: number, length: number): boolean {
    return this.exports.channelTaken(channel, length) === 1;
  }

  /** Who sends in a channel, and who receives. */
  ends(channel: number): { from: ChannelEnd; to: ChannelEnd } {
    const at = abi.CHANNELS + channel * abi.CHANNEL_BYTES;
    const half = (offset: number): number => this.memory.half(at + offset);
    return {
      from: { partition: half(abi.CHANNEL_FROM), port: half(abi.CHANNEL_FROM_PORT) },
      to: { partition: half(abi.CHANNEL_TO), port: half(abi.CHANNEL_TO_PORT) },
    };
  }

  /** The answer to CHANNEL_INFO: as status bit 0 when the port may send and bit 1 when it may receive, as value the longest message. */
  info(id: number, port: number): { status: number; value: number } {
    const at = abi.PORTS + (id * abi.PORT_COUNT + port) * 4;
    const out = this.memory.half(at);
    const into = this.memory.half(at + 2);
    const status = (out === 0 ? 0 : 1) | (into === 0 ? 0 : 2);
    if (out === 0) return { status, value: 0 };
    const capacity = this.memory.word(abi.CHANNELS + (out - 1) * abi.CHANNEL_BYTES + abi.CHANNEL_CAPACITY);
    return { status, value: Math.max(0, capacity - abi.CHANNEL_HEADER) };
  }

  /** Channels in which a partition takes part. */
  of(id: number): number[] {
    const found: number[] = [];
    for (let port = 0; port < abi.PORT_COUNT; port++) {
      const at = abi.PORTS + (id * abi.PORT_COUNT + port) * 4;
      for (const offset of [0, 2]) {
        const entry = this.memory.half(at + offset);
        if (entry !== 0) found.push(entry - 1);
      }
    }
    return found;
  }
}
