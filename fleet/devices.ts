// The devices that were enrolled: one file each, so that two enrolments at once are two files.

import { escapeText } from "../agent/escape.ts";
import { FleetError } from "./failure.ts";
import type { FleetStore } from "./store.ts";

export interface EnrolledDevice {
  /** 32 characters of hexadecimal, as in topics. */
  name: string;
  /** The raw Ed25519 public key, in hexadecimal. */
  key: string;
  /** What people call it: the handset's name at enrolment. */
  label: string;
  board: string;
  /** Seconds since 1970. */
  enrolledAt: number;
  /** When it was told to leave the fleet; null: it belongs to it. */
  retiredAt: number | null;
  /** Made by `fleet sim`: there is no phone behind it. */
  simulated?: boolean;
}

const NAME = /^[0-9a-f]{32}$/;
const PREFIX_CHARACTERS_LEAST = 4;

export function saveDevice(store: FleetStore, device: EnrolledDevice): void {
  store.writeJson(device, "devices", `${device.name}.json`);
}

/** The device with this name; null when it was never enrolled here. */
export function deviceNamed(store: FleetStore, name: string): EnrolledDevice | null {
  return NAME.test(name) ? store.readJson(isDevice, "devices", `${name}.json`) : null;
}

/** All of them, by name. */
export function enrolledDevices(store: FleetStore): EnrolledDevice[] {
  return store.list("devices").flatMap((file) => {
    const device = file.endsWith(".json") ? deviceNamed(store, file.slice(0, -5)) : null;
    return device === null ? [] : [device];
  });
}

/** The one that a person means: by label, by name, or by how the name begins. A label that a retired device had is its successor's. Throws
 *  FLEET_DEVICE. */
export function findDevice(store: FleetStore, said: string): EnrolledDevice {
  const all = enrolledDevices(store);
  const byPrefix = said.length >= PREFIX_CHARACTERS_LEAST ? all.filter(({ name }) => name.startsWith(said)) : [];
  const labelled = all.filter(({ label }) => label === said);
  const present = labelled.filter(({ retiredAt }) => retiredAt === null);
  const found = byPrefix.length > 0 ? byPrefix : present.length > 0 ? present : labelled;
  if (found.length === 1) return found[0]!;
  const word = escapeText(said, 64);
  const what = found.length === 0 ? `no device is called ${word}` : `${found.length} devices are called ${word}`;
  throw new FleetError("FLEET_DEVICE", what, "See: pocketvisor fleet ls");
}

function isDevice(value: unknown): value is EnrolledDevice {
  const device = value as Partial<Record<keyof EnrolledDevice, unknown>> | null;
  return (
    typeof device === "object" &&
    device !== null &&
    NAME.test(String(device.name)) &&
    /^[0-9a-f]{64}$/.test(String(device.key)) &&
    typeof device.label === "string" &&
    typeof device.board === "string" &&
    Number.isSafeInteger(device.enrolledAt) &&
    (device.retiredAt === null || Number.isSafeInteger(device.retiredAt)) &&
    (device.simulated === undefined || typeof device.simulated === "boolean")
  );
}
