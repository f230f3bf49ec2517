// The channels of a handset file that are granted now. A policy may leave one out, grant it later at another rate, or take it away.

import type { HandsetChannel } from "../../handset/file.ts";
import type { Handset } from "./handset.ts";
import type { Members } from "./members.ts";

export interface Granted {
  id: number;
  bytesPerSecond: number | null;
}

export class GrantedChannels {
  private readonly granted = new Map<HandsetChannel, Granted>();
  private readonly channels: readonly HandsetChannel[];
  private readonly handset: Handset;
  private readonly members: Members;

  constructor(channels: readonly HandsetChannel[], handset: Handset, members: Members) {
    this.channels = channels;
    this.handset = handset;
    this.members = members;
  }

  /** Those whose ends are both there. */
  get possible(): HandsetChannel[] {
    return this.channels.filter(({ from, to }) => this.members.has(from) && this.members.has(to));
  }

  of(channel: HandsetChannel): Granted | null {
    return this.granted.get(channel) ?? null;
  }

  /** Throws RefusalError. */
  async grant(channel: HandsetChannel, bytesPerSecond: number | null): Promise<number> {
    const { from, fromPort, to, toPort, contract } = channel;
    const end = (name: string, port: number): { partition: number; port: number } => ({
      partition: this.members.named(name).id,
      port,
    });
    const bytes = bytesPerSecond === null ? null : { rate: bytesPerSecond, burst: bytesPerSecond };
    const id = await this.handset.orders.channel(end(from, fromPort), end(to, toPort), { ...contract, bytes });
    this.granted.set(channel, { id, bytesPerSecond });
    return id;
  }

  /** Throws RefusalError. */
  async revoke(id: number): Promise<void> {
    await this.handset.orders.revoke(id);
    for (const [channel, granted] of this.granted) if (granted.id === id) this.granted.delete(channel);
  }
}
