// Keeps a broker filled: after a start it publishes everything that devices should have, and from then on whatever is new in the tenant's folder;
// freshness documents are signed again in time.

import { encodeMessage } from "../agent/wire/schema.ts";
import { fleetState } from "../agent/wire/streams.ts";
import type { Publish } from "./broker.ts";
import { allIssued, rootChain, rootPublication } from "./documents.ts";
import { RENEW_SECONDS, FRESH_SECONDS, signAllFreshness } from "./freshness.ts";
import type { FleetStore } from "./store.ts";
import { fleetStateTopic } from "./topics.ts";

export class Keeper {
  private readonly store: FleetStore;
  private readonly publish: Publish;
  /** What was published last, by topic. */
  private readonly published = new Map<string, Uint8Array>();

  constructor(store: FleetStore, publish: Publish) {
    this.store = store;
    this.publish = publish;
  }

  /** One round: signs what is due, publishes what is new. Returns how many documents went out. */
  async round(now: number): Promise<number> {
    await signAllFreshness(this.store, now, FRESH_SECONDS - RENEW_SECONDS);
    let count = 0;
    for (const { topic, envelope } of [
      ...rootChain(this.store),
      rootPublication(this.store),
      ...allIssued(this.store),
    ]) {
      const before = this.published.get(topic);
      if (before !== undefined && Buffer.compare(before, envelope) === 0) continue;
      await this.publish(topic, envelope);
      this.published.set(topic, envelope);
      count++;
    }
    return count;
  }

  /** Whether the fleet is there, for devices and people. */
  async alive(alive: boolean, now: number): Promise<void> {
    await this.publish(fleetStateTopic(this.store.tenant), encodeMessage(fleetState, { alive, time: now }));
  }
}
