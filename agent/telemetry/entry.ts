// What lies in the queue: one message for the fleet, with a first byte that says which. Samples and events get their sequence, which is the
// queue's own, when they are sent: it rises over restarts, and a hole in it is a loss.

import { ack, type Ack } from "../wire/commands.ts";
import { MESSAGE } from "../wire/limits.ts";
import { eventMsg, type EventMessage, type Sample } from "../wire/reports.ts";
import { decodeMessage, encodeMessage } from "../wire/schema.ts";
import { decodeTelemetry, encodeTelemetry } from "../wire/telemetry.ts";
import { auditBatch, type AuditBatch } from "../wire/streams.ts";

const SAMPLE = 1;
const EVENT = 2;
const ACK = 3;
const AUDIT = 4;

/** A message as it is sent. */
export type Entry = { kind: "event" | "ack" | "audit"; payload: Uint8Array };

export function sampleEntry(sample: Omit<Sample, "sequence" | "gap">): Uint8Array {
  return tagged(SAMPLE, encodeTelemetry([{ ...sample, sequence: 0 }]));
}

export function eventEntry(event: Omit<EventMessage, "sequence">): Uint8Array {
  return tagged(EVENT, encodeMessage(eventMsg, { ...event, sequence: 0 }));
}

export function ackEntry(message: Ack): Uint8Array {
  return tagged(ACK, encodeMessage(ack, message));
}

export function auditEntry(batch: AuditBatch): Uint8Array {
  return tagged(AUDIT, encodeMessage(auditBatch, batch));
}

/** The sample of an entry; null for another, or for one that this version cannot read. */
export function readSample(entry: Uint8Array, sequence: number): Sample | null {
  if (entry[0] !== SAMPLE) return null;
  try {
    return { ...decodeTelemetry(entry.subarray(1))[0]!, sequence };
  } catch {
    return null;
  }
}

/** The message of an entry that is no sample; null for one that this version cannot read. */
export function readEntry(entry: Uint8Array, sequence: number): Entry | null {
  const payload = entry.subarray(1);
  try {
    switch (entry[0]) {
      case EVENT: {
        const event = decodeMessage(eventMsg, payload, MESSAGE);
        return { kind: "event", payload: encodeMessage(eventMsg, { ...event, sequence }) };
      }
      case ACK:
        return { kind: "ack", payload };
      case AUDIT:
        return { kind: "audit", payload };
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function tagged(tag: number, message: Uint8Array): Uint8Array {
  const entry = new Uint8Array(1 + message.length);
  entry[0] = tag;
  entry.set(message, 1);
  return entry;
}
