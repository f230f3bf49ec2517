// What is known of the devices, from what they publish. Everything here is hostile until it has passed the guard and its schema: what has not is
// dropped and counted, by device. Only devices that were enrolled are in the book, and for each of them it keeps a bounded piece.

import { nodeCrypto } from "../agent/identity/crypto.ts";
import { fromHex, toHex } from "../agent/wire/bytes.ts";
import { ack, type Ack } from "../agent/wire/commands.ts";
import { MESSAGE } from "../agent/wire/limits.ts";
import { openSigned } from "../agent/wire/open.ts";
import {
  eventMsg,
  reported,
  stateMsg,
  type EventMessage,
  type Info,
  type Reported,
  type Sample,
} from "../agent/wire/reports.ts";
import { decodeMessage } from "../agent/wire/schema.ts";
import { auditBatch, consoleChunk, logChunk, type AuditBatch, type LogChunk } from "../agent/wire/streams.ts";
import { decodeTelemetry } from "../agent/wire/telemetry.ts";
import { Bucket } from "../agent/bucket.ts";
import { deviceNamed, enrolledDevices, type EnrolledDevice } from "./devices.ts";
import type { FleetStore } from "./store.ts";
import { upTopic } from "./topics.ts";

const EVENTS_KEPT = 32;
const PARTITIONS_MAX = 64;
/** The outer tag of COSE_Sign1. */
const TAG_SIGN1 = 0xd2;

export interface DeviceEntry {
  enrolled: EnrolledDevice;
  /** The last birth or death; null: none was seen. */
  link: { up: boolean; connection: number } | null;
  facts: Info | null;
  bootCount: number | null;
  /** Seconds since 1970 by this computer, of the last thing that was not kept by the broker; null: nothing yet. */
  heardAt: number | null;
  sample: Sample | null;
  /** By partition; a device that does not say which has one at "". */
  reports: Map<string, { report: Reported; signed: boolean }>;
  /** Newest last. */
  events: EventMessage[];
  droppedCount: number;
}

/** What a message meant. */
export type News =
  | { kind: "link"; up: boolean }
  | { kind: "sample"; sample: Sample }
  | { kind: "event"; event: EventMessage }
  | { kind: "report"; partition: string; report: Reported }
  | { kind: "ack"; ack: Ack }
  | { kind: "log"; stream: string; chunk: LogChunk }
  | { kind: "audit"; batch: AuditBatch }
  | { kind: "console"; partition: string; chunk: LogChunk };

export class FleetBook {
  readonly entries = new Map<string, DeviceEntry>();
  /** Messages on topics that no device of this fleet has. */
  strangeCount = 0;
  private readonly tenant: string;

  private readonly store: FleetStore;
  /** Looks into the folder for devices that were enrolled since; strangers must not make it a habit. */
  private readonly looks = new Bucket(32, 1, () => performance.now());

  constructor(store: FleetStore, heard: Map<string, number> = new Map()) {
    this.store = store;
    this.tenant = store.tenant;
    for (const enrolled of enrolledDevices(store)) this.add(enrolled, heard.get(enrolled.name) ?? null);
  }

  private add(enrolled: EnrolledDevice, heardAt: number | null): DeviceEntry {
    const nothing = { link: null, facts: null, bootCount: null, sample: null };
    const entry: DeviceEntry = { enrolled, ...nothing, heardAt, reports: new Map(), events: [], droppedCount: 0 };
    this.entries.set(enrolled.name, entry);
    return entry;
  }

  private enrolledSince(name: string): DeviceEntry | undefined {
    const enrolled = this.looks.take() ? deviceNamed(this.store, name) : null;
    return enrolled === null ? undefined : this.add(enrolled, null);
  }

  /** Takes a message in. Null: it was dropped, or says nothing new. */
  receive(
    topic: string,
    payload: Uint8Array,
    retained: boolean,
    now: number,
  ): { entry: DeviceEntry; news: News } | null {
    const up = upTopic(this.tenant, topic);
    const entry = up === null ? undefined : (this.entries.get(up.device) ?? this.enrolledSince(up.device));
    if (up === null || entry === undefined) {
      this.strangeCount++;
      return null;
    }
    try {
      const news = read(entry, up.what, payload);
      if (!retained) entry.heardAt = now;
      return news === null ? null : { entry, news };
    } catch {
      entry.droppedCount++;
      return null;
    }
  }
}

/** Decodes by topic, and notes what it says. Throws a WireError or Refusal for what cannot be believed. */
function read(entry: DeviceEntry, what: string, payload: Uint8Array): News | null {
  const [kind, name = ""] = what.split("/");
  switch (kind) {
    case "state": {
      const state = decodeMessage(stateMsg, payload, MESSAGE);
      // A will that comes late must not end a newer connection.
      if (entry.link !== null && state.connection < entry.link.connection) return null;
      entry.link = { up: state.online, connection: state.connection };
      entry.facts = state.facts ?? entry.facts;
      entry.bootCount = state.bootCount ?? entry.bootCount;
      return { kind: "link", up: state.online };
    }
    case "tm": {
      const sample = decodeTelemetry(payload).at(-1)!;
      if (entry.sample !== null && sample.sequence <= entry.sample.sequence) return null;
      entry.sample = sample;
      return { kind: "sample", sample };
    }
    case "ev": {
      const event = decodeMessage(eventMsg, payload, MESSAGE);
      entry.events = [...entry.events, event].slice(-EVENTS_KEPT);
      return { kind: "event", event };
    }
    case "rep": {
      const signed = payload[0] === TAG_SIGN1;
      const key = fromHex(entry.enrolled.key)!;
      const report = signed
        ? openSigned("report", payload, () => key, nodeCrypto)
        : decodeMessage(reported, payload, MESSAGE);
      if (!entry.reports.has(name) && entry.reports.size >= PARTITIONS_MAX) throw new RangeError("too many partitions");
      entry.reports.set(name, { report, signed });
      return { kind: "report", partition: name, report };
    }
    case "ack":
      return { kind: "ack", ack: decodeMessage(ack, payload, MESSAGE) };
    case "log":
      if (name === "audit") return { kind: "audit", batch: decodeMessage(auditBatch, payload, MESSAGE) };
      return { kind: "log", stream: name, chunk: decodeMessage(logChunk, payload, MESSAGE) };
    case "con":
      return { kind: "console", partition: name, chunk: decodeMessage(consoleChunk, payload, MESSAGE) };
    default:
      return null;
  }
}

/** Whether an ack answers this command. */
export const answers = ({ id }: Ack, command: Uint8Array): boolean => toHex(id) === toHex(command);
