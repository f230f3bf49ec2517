// Telemetry is most of what a device says, and passes cbor-x: fast, and its encoding of these messages is that of the strict codec. What it
// reads of a stranger's bytes has passed the guard first.

import { Encoder } from "cbor-x/index-no-eval";
import type { Item } from "./cbor.ts";
import { WireError } from "./error.ts";
import { guard } from "./guard.ts";
import { TELEMETRY } from "./limits.ts";
import { telemetryMsg, type TelemetryMessage } from "./reports.ts";
import { checkedItem } from "./schema.ts";

/** Maps with integer keys, in their shortest form. The build without eval() is the one without native code too. */
const codec = new Encoder({ useRecords: false, variableMapSize: true, mapsAsObjects: false, tagUint8Array: false });

/** Encodes samples, oldest first. Throws WIRE_SCHEMA for a message that the schema would not read. */
export function encodeTelemetry(message: TelemetryMessage): Uint8Array {
  return codec.encode(wide(checkedItem(telemetryMsg, message)));
}

/** Decodes samples. Throws WIRE_SHAPE, WIRE_CBOR or WIRE_SCHEMA. */
export function decodeTelemetry(bytes: Uint8Array): TelemetryMessage {
  guard(bytes, TELEMETRY);
  return telemetryMsg.read(narrow(codec.decode(bytes)), "telemetry-msg");
}

/** cbor-x makes a float of every number beyond 32 bits; a BigInt stays an integer. */
function wide(item: Item): unknown {
  if (typeof item === "number") return item > 0xffff_ffff || item < -0x1_0000_0000 ? BigInt(item) : item;
  if (Array.isArray(item)) return item.map(wide);
  return item instanceof Map ? new Map([...item].map(([key, value]) => [key, wide(value)])) : item;
}

/** What the strict codec would have read, of what cbor-x did. */
function narrow(value: unknown): Item {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (typeof value === "bigint" && BigInt.asIntN(54, value) === value) return Number(value);
  if (Array.isArray(value)) return value.map(narrow);
  if (value instanceof Map) {
    return new Map([...value].map(([key, each]) => [key as number, narrow(each)]));
  }
  if (typeof value === "string" || typeof value === "boolean" || value instanceof Uint8Array) return value;
  throw new WireError("WIRE_CBOR", "an item that telemetry does not have");
}
