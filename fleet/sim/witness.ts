// Who sees whether anything is lost: a subscriber of the operator's, with a session that outlives the broker's restart, which notes the sequence of every
// record that arrives. The queue of a device gives each record the next number, so a number below its last that never arrived is a record lost.
//
// Acks carry no number of their own, and take one: so many of a device's numbers are missing without a loss.

import { randomBytes } from "node:crypto";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { toHex } from "../../agent/wire/bytes.ts";
import { ack } from "../../agent/wire/commands.ts";
import { MESSAGE } from "../../agent/wire/limits.ts";
import { eventMsg } from "../../agent/wire/reports.ts";
import { decodeMessage } from "../../agent/wire/schema.ts";
import { decodeTelemetry } from "../../agent/wire/telemetry.ts";
import { FleetError } from "../failure.ts";
import type { BrokerOptions } from "../link.ts";
import { base, upTopic } from "../topics.ts";
import { Bits } from "./bits.ts";
import type { DeviceFacts } from "./messages.ts";

const RETRY_MS = 100;
const EXPIRY_SECONDS = 3_600;
const CONNECT_MS = 20_000;
const QUIET_ROUNDS = 2;
const MARKER_MS = 20_000;

/** What arrived of one device. */
interface Seen {
  records: Bits;
  /** Records that came with QoS 1. */
  acknowledged: Bits;
  acks: Set<string>;
}

export interface Losses {
  /** Records that the queues took, that wait no more, and that never arrived. */
  lost: number;
  /** Of these, what the broker had acknowledged: none, or the broker or the agent is at fault. */
  lostAcknowledged: number;
}

export class Witness {
  private readonly tenant: string;
  private readonly seen = new Map<string, Seen>();
  private client: MqttClient | null = null;
  private marked: () => void = () => {};
  receivedCount = 0;
  duplicateCount = 0;
  /** Messages of these devices that could not be read. */
  brokenCount = 0;

  constructor(tenant: string, devices: readonly string[]) {
    this.tenant = tenant;
    for (const name of devices) {
      this.seen.set(name, { records: new Bits(), acknowledged: new Bits(), acks: new Set() });
    }
  }

  /** Connects and subscribes, now and whenever the link is lost. Throws FLEET_REFUSED or FLEET_BROKER. */
  async connect(options: BrokerOptions, protocolVersion: 4 | 5): Promise<void> {
    const { url, username, password, authorities, certificate, key } = options;
    const settings: IClientOptions = {
      protocolVersion,
      clientId: `fleet-sim-${randomBytes(8).toString("hex")}`,
      clean: false,
      reconnectPeriod: RETRY_MS,
      connectTimeout: CONNECT_MS,
      resubscribe: false,
      ...(protocolVersion === 5
        ? { properties: { sessionExpiryInterval: EXPIRY_SECONDS, receiveMaximum: 65_535 } }
        : {}),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(authorities === undefined ? {} : { ca: authorities }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    };
    const filters = ["+/up/tm", "+/up/ev", "+/up/ack", "fleet/marker"].map((each) => `${base(this.tenant)}/${each}`);
    const client = (this.client = connect(url, settings));
    client.on("message", (topic, payload, { qos }) => this.receive(topic, payload, qos));
    await new Promise<void>((resolve, reject) => {
      // The first try may fail for good; from then on the library tries again.
      const refuse = (error: Error): void => reject(new FleetError("FLEET_BROKER", `the broker: ${error.message}`));
      client.once("error", refuse);
      client.on("connect", ({ sessionPresent }) => {
        client.off("error", refuse).on("error", () => {});
        if (sessionPresent) return resolve();
        client.subscribe(filters, { qos: 1 }, (error, granted) => {
          const refused = granted?.find(({ qos }) => qos > 2);
          if (!error && refused === undefined) return resolve();
          const what = `the broker does not let the fleet read ${refused?.topic ?? error?.message ?? ""}`;
          reject(new FleetError("FLEET_REFUSED", what));
        });
      });
    });
  }

  /** Takes a message in. */
  receive(topic: string, payload: Uint8Array, qos: number): void {
    if (topic === `${base(this.tenant)}/fleet/marker`) return this.marked();
    const up = upTopic(this.tenant, topic);
    const seen = up === null ? undefined : this.seen.get(up.device);
    if (up === null || seen === undefined) return;
    try {
      const bytes = new Uint8Array(payload);
      if (up.what === "ack") {
        const { id, status } = decodeMessage(ack, bytes, MESSAGE);
        seen.acks.add(`${toHex(id)}${status}`);
      } else if (up.what === "ev") this.note(seen, decodeMessage(eventMsg, bytes, MESSAGE).sequence, qos);
      else if (up.what === "tm") for (const { sequence } of decodeTelemetry(bytes)) this.note(seen, sequence, qos);
    } catch {
      this.brokenCount++;
    }
  }

  /** Waits until everything that the broker had for the witness is there: no packet says so, but two markers in a row with nothing between them do. */
  async quiet(): Promise<void> {
    for (let quietCount = 0; quietCount < QUIET_ROUNDS;) {
      const before = this.receivedCount + this.duplicateCount;
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(
          () => reject(new FleetError("FLEET_BROKER", "the broker does not bring back what the fleet says to itself")),
          MARKER_MS,
        );
        this.marked = () => {
          clearTimeout(late);
          resolve();
        };
        this.client!.publish(`${base(this.tenant)}/fleet/marker`, Buffer.alloc(1), { qos: 1 });
      });
      quietCount = this.receivedCount + this.duplicateCount === before ? quietCount + 1 : 0;
    }
  }

  /** What is missing of all devices, of what their queues say. */
  losses(facts: readonly DeviceFacts[]): Losses {
    const all: Losses = { lost: 0, lostAcknowledged: 0 };
    for (const { name, records, acknowledged, waiting } of facts) {
      const seen = this.seen.get(name)!;
      all.lost += Math.max(0, records - seen.records.count - seen.acks.size - waiting);
      all.lostAcknowledged += Math.max(0, acknowledged - seen.acknowledged.count - seen.acks.size);
    }
    return all;
  }

  async close(): Promise<void> {
    const last = this.client?.options.protocolVersion === 5 ? { properties: { sessionExpiryInterval: 0 } } : {};
    await this.client?.endAsync(false, last as never);
  }

  private note({ records, acknowledged }: Seen, sequence: number, qos: number): void {
    if (qos > 0) acknowledged.add(sequence);
    if (records.add(sequence)) this.receivedCount++;
    else this.duplicateCount++;
  }
}
