// The host's side of event channels, as small as it can be: rings of messages, and bytes copied from one memory into another.

import * as abi from "../../kernel/abi/hypervisor.js";
import * as layout from "../../kernel/abi/layout.js";
import * as reasons from "../../kernel/abi/reasons.js";
import type { Hypervisor } from "./hypervisor.js";
import type { MachinePartition } from "./machine-partition.js";

const NOTIFICATION = 0xffff_ffff;

export class ChannelHost {
  private readonly rings = new Map<number, Uint8Array[]>();

  constructor(
    private readonly real: Hypervisor,
    /** By partition id. */
    private readonly machines: Map<number, MachinePartition>,
  ) {}

  /** Answers what partition `id` asks. */
  serve(id: number): void {
    const machine = this.machines.get(id)!;
    const word = (at: number): number => machine.view.getUint32(at, true);
    if (word(layout.CHANNEL_REQUEST_STATE) === 0) return;
    const port = word(layout.CHANNEL_REQUEST_PORT);
    const offset = word(layout.CHANNEL_REQUEST_OFFSET);
    const length = word(layout.CHANNEL_REQUEST_LENGTH);
    const bytes = new Uint8Array(machine.memory.buffer, offset, length);
    switch (word(layout.CHANNEL_REQUEST_FUNCTION)) {
      case layout.CALL_CHANNEL_SEND:
        machine.exports.channelAnswer(this.send(id, port, length, bytes), 0);
        break;
      case layout.CALL_CHANNEL_NOTIFY:
        machine.exports.channelAnswer(this.send(id, port, NOTIFICATION, bytes), 0);
        break;
      case layout.CALL_CHANNEL_RECEIVE:
        machine.exports.channelAnswer(this.receive(id, port, bytes), 0);
        break;
      default:
        machine.exports.channelAnswer(-1, 0);
    }
  }

  /** Revokes a channel, drops what is in its ring, and makes both sides look. */
  revoke(channel: number): void {
    this.real.exports.channelRevoke(channel);
    this.rings.delete(channel);
    this.raise(channel, abi.CHANNEL_FROM, abi.CHANNEL_FROM_PORT);
    this.raise(channel, abi.CHANNEL_TO, abi.CHANNEL_TO_PORT);
  }

  private send(id: number, port: number, length: number, bytes: Uint8Array): number {
    const channel = this.real.exports.channelSend(id, port, length);
    if (channel < 0) return channel;
    if (length !== NOTIFICATION) {
      const ring = this.rings.get(channel) ?? [];
      this.rings.set(channel, ring);
      ring.push(bytes.slice());
    }
    this.raise(channel, abi.CHANNEL_TO, abi.CHANNEL_TO_PORT);
    return 0;
  }

  private receive(id: number, port: number, bytes: Uint8Array): number {
    const channel = this.real.exports.channelReceive(id, port);
    if (channel < 0) return channel;
    const ring = this.rings.get(channel)!;
    if (ring[0]!.length > bytes.length) return -reasons.CHANNEL_TOO_LONG;
    const message = ring.shift()!;
    bytes.set(message);
    if (this.real.exports.channelTaken(channel, message.length)) {
      this.raise(channel, abi.CHANNEL_FROM, abi.CHANNEL_FROM_PORT);
    }
    return message.length;
  }

  private raise(channel: number, partitionField: number, portField: number): void {
    const at = abi.CHANNELS + channel * abi.CHANNEL_BYTES;
    const id = this.real.view.getUint16(at + partitionField, true);
    this.machines.get(id)?.exports.channelRaise(this.real.view.getUint16(at + portField, true));
    this.real.exports.wake(id);
  }
}
