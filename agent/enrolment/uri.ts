// The one-time address that an operator gives to a phone: `pv://enrol?…`. It holds everything that the phone has to believe before it knows anybody: where
// the fleet answers, with which certificate, which root keys it has, what time it is, and the token that lets this phone in. Whoever can change
// it can take the phone over, so it goes by hand or by camera and is worth nothing after its first use.

import { UsageError } from "../failure.ts";

export interface EnrolmentUri {
  tenant: string;
  host: string;
  port: number;
  /** SHA-256 of the endpoint's certificate, DER. */
  certificateHash: Uint8Array;
  /** SHA-256 of the first root role (agent/wire/signers rootPin). */
  pin: Uint8Array;
  token: Uint8Array;
  /** When it was made, in seconds since 1970: what a phone without a clock takes for the least. */
  time: number;
}

const TENANT = /^[a-z0-9-]{1,32}$/;
const HOST = /^([a-zA-Z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])$/;
const LENGTH_MAX = 1024;
const KEYS = ["tenant", "at", "certificate", "root", "token", "time"] as const;

export function formatEnrolmentUri(uri: EnrolmentUri): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const values: Record<(typeof KEYS)[number], string> = {
    tenant: uri.tenant,
    at: `${uri.host}:${uri.port}`,
    certificate: text(uri.certificateHash),
    root: text(uri.pin),
    token: text(uri.token),
    time: String(uri.time),
  };
  return `pv://enrol?${KEYS.map((key) => `${key}=${values[key]}`).join("&")}`;
}

/** Throws UsageError ENROL_URI for anything else than formatEnrolmentUri() makes. */
export function parseEnrolmentUri(text: string): EnrolmentUri {
  const wrong = (what: string): never => {
    throw new UsageError(
      "ENROL_URI",
      `the address is ${what}`,
      "Copy all of it, in quotes: it begins with pv://enrol?",
    );
  };
  if (text.length > LENGTH_MAX || !text.startsWith("pv://enrol?")) wrong("not an enrolment's");
  const parts = text.slice("pv://enrol?".length).split("&");
  const values = new Map(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
  if (parts.length !== KEYS.length || KEYS.some((key) => !values.has(key))) wrong("incomplete");
  const bytes = (key: "certificate" | "root" | "token", least: number, most: number): Uint8Array => {
    const value = values.get(key)!;
    const read = /^[\w-]+$/.test(value) ? Buffer.from(value, "base64url") : Buffer.alloc(0);
    if (read.length < least || read.length > most || read.toString("base64url") !== value) wrong(`damaged: ${key}`);
    return new Uint8Array(read);
  };
  const [tenant, at, time] = [values.get("tenant")!, values.get("at")!, values.get("time")!];
  const colon = at.lastIndexOf(":");
  const [host, port] = [at.slice(0, colon), at.slice(colon + 1)];
  if (!TENANT.test(tenant)) wrong("damaged: tenant");
  if (!HOST.test(host) || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) wrong("damaged: at");
  if (!/^[1-9]\d{0,11}$/.test(time)) wrong("damaged: time");
  return {
    tenant,
    host,
    port: Number(port),
    certificateHash: bytes("certificate", 32, 32),
    pin: bytes("root", 32, 32),
    token: bytes("token", 16, 64),
    time: Number(time),
  };
}
