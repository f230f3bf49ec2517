// What time it is, for devices that ask. A birth carries a nonce until the device has been told; whatever process of the fleet sees it signs the
// answer with the time key. It is for this start of this device and never kept: at QoS 0, so that no broker delivers it to a later one.

import { randomBytes } from "node:crypto";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { Bucket } from "../agent/bucket.ts";
import { fromHex } from "../agent/wire/bytes.ts";
import { ANSWER_MAX_SECONDS } from "../agent/wire/clock.ts";
import { MESSAGE } from "../agent/wire/limits.ts";
import { stateMsg } from "../agent/wire/reports.ts";
import { decodeMessage } from "../agent/wire/schema.ts";
import { sign1, type Signer } from "../agent/wire/sign.ts";
import { deviceNamed } from "./devices.ts";
import { claimsOf } from "./documents.ts";
import { signersFor } from "./keys.ts";
import type { FleetStore } from "./store.ts";
import { documentTopic, upTopic } from "./topics.ts";

/** Answers that one device gets: so many at once, so many a second. */
const BURST = 6;
const PER_SECOND = 0.2;
const BUCKETS_MAX = 4096;

export interface TimePorts {
  /** Publishes at QoS 0, not retained. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Seconds since 1970. */
  now(): number;
  /** Called once when the time key is not on this computer. */
  trouble(why: string): void;
}

export class TimeAnswers {
  private readonly store: FleetStore;
  private readonly ports: TimePorts;
  private readonly buckets = new Map<string, Bucket>();
  private signer: Promise<Signer | null> | null = null;

  constructor(store: FleetStore, ports: TimePorts) {
    this.store = store;
    this.ports = ports;
  }

  /** Looks at a message of a device's; done when its question, if it has one, is answered. Throws nothing for what the message says. */
  async receive(topic: string, payload: Uint8Array): Promise<void> {
    const up = upTopic(this.store.tenant, topic);
    if (up?.what !== "state") return;
    const nonce = nonceOf(payload);
    const device = nonce === null ? null : deviceNamed(this.store, up.device);
    if (nonce === null || device === null || device.retiredAt !== null || !this.bucketOf(device.name).take()) return;
    const signer = await (this.signer ??= this.openSigner());
    if (signer === null) return;
    const now = this.ports.now();
    const audience = fromHex(device.name)!;
    // It has no version: the nonce says which question it answers.
    const claims = claimsOf(this.store, audience, 0, now, ANSWER_MAX_SECONDS);
    const envelope = await sign1(
      "now",
      { ...claims, id: new Uint8Array(randomBytes(16)), now, nonce },
      signer,
      nodeCrypto,
    );
    await this.ports.publish(documentTopic(this.store.tenant, audience, "now"), envelope);
  }

  private async openSigner(): Promise<Signer | null> {
    try {
      return (await signersFor(this.store, "time"))[0]!;
    } catch (error) {
      this.ports.trouble(`devices that ask what time it is get no answer from here: ${(error as Error).message}`);
      return null;
    }
  }

  private bucketOf(device: string): Bucket {
    const found = this.buckets.get(device) ?? new Bucket(BURST, PER_SECOND, () => performance.now());
    if (this.buckets.size >= BUCKETS_MAX) this.buckets.clear();
    this.buckets.set(device, found);
    return found;
  }
}

/** The question in a birth; null: it asks none, or is none. */
function nonceOf(payload: Uint8Array): Uint8Array | null {
  try {
    return decodeMessage(stateMsg, payload, MESSAGE).nonce ?? null;
  } catch {
    return null;
  }
}
