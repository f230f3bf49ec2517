// Certificates end: devices' own are made anew in time and left with the broker, each below its device's `dn/`; those of brokers and of the fleet's tools
// lie in other people's folders, so that they end is said, in time and each time.

import { X509Certificate } from "node:crypto";
import { fromHex } from "../agent/wire/bytes.ts";
import { devicePem } from "./certificates.ts";
import { enrolledDevices } from "./devices.ts";
import type { FleetStore } from "./store.ts";
import { documentTopic } from "./topics.ts";
import { dateText } from "./text.ts";

const DAY_SECONDS = 86_400;
/** A device may be away for long: it is renewed half a year before the end. */
const RENEW_SECONDS = 180 * DAY_SECONDS;
/** For what a person has to renew. */
const WARN_SECONDS = 60 * DAY_SECONDS;
const FOLDER = "certificates";

/** Keeps a copy of a certificate that was made here. `name` is a device's, or "server-HOST", "client-USER". */
export function keepCertificate(store: FleetStore, name: string, pem: string): void {
  store.writeBytes(Buffer.from(pem), FOLDER, `${name}.pem`);
}

/** What the broker should keep for devices whose certificate ends soon: a new one is made where there is none yet. Throws FLEET_KEYS. */
export async function renewals(store: FleetStore, now: number): Promise<{ topic: string; envelope: Uint8Array }[]> {
  const found: { topic: string; envelope: Uint8Array }[] = [];
  for (const { name, key, retiredAt, simulated } of enrolledDevices(store)) {
    if (retiredAt !== null || simulated === true) continue;
    // Without a copy of it here it is of a time when none was kept: then a new one is made, and the device takes it if it has one.
    const before = endOf(store, name);
    if (before === null || before - now < RENEW_SECONDS) {
      keepCertificate(store, name, await devicePem(store, name, fromHex(key)!, now));
      store.writeBytes(Buffer.from("renewed"), FOLDER, `${name}.renewed`);
    }
    if (store.readBytes(FOLDER, `${name}.renewed`) === null) continue;
    const envelope = store.readBytes(FOLDER, `${name}.pem`)!;
    found.push({ topic: documentTopic(store.tenant, fromHex(name)!, "cert"), envelope });
  }
  return found;
}

/** A line for each certificate that a person has to renew, and that ends soon or has ended. */
export function endingCertificates(store: FleetStore, now: number): string[] {
  return store.list(FOLDER).flatMap((file) => {
    const match = /^(server|client)-(.{1,253})\.pem$/.exec(file);
    const end = match === null ? null : endOf(store, file.slice(0, -4));
    if (match === null || end === null || end - now >= WARN_SECONDS) return [];
    const [, kind, name] = match;
    const made =
      kind === "server" ? `fleet certificate ${name!} --out FILE` : `fleet certificate --client ${name!} --out FILE`;
    const what = end <= now ? "has ended" : `ends on ${dateText(end)}`;
    return [
      `the certificate of ${name!} ${what}: make a new one (pocketvisor ${made}) and put it where the old one is`,
    ];
  });
}

/** Seconds since 1970; null: there is no such certificate here. */
function endOf(store: FleetStore, name: string): number | null {
  const pem = store.readBytes(FOLDER, `${name}.pem`);
  return pem === null ? null : Math.floor(Date.parse(new X509Certificate(pem).validTo) / 1000);
}
