// Simulated devices on the operator's computer: each has a key and a certificate of its own and is enrolled like a real one, in a folder of the run's.
// What a run makes is named by the run's word, and marked; nothing that is not marked is ever written over or removed.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { writeDurably } from "../../agent/durable-file.ts";
import { KeyFile } from "../../agent/identity/key-file.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import { authorityPem, devicePem } from "../certificates.ts";
import { deviceNamed, enrolledDevices, saveDevice } from "../devices.ts";
import { FleetError } from "../failure.ts";
import { FleetLink, type BrokerOptions } from "../link.ts";
import type { FleetStore } from "../store.ts";
import { base } from "../topics.ts";
import { SIMULATED } from "./handset.ts";
import type { SimulatedDevice } from "./messages.ts";

const FOLDER = "sim";
/** Keys are made side by side, and messages sent: each of them waits for something. */
const TOGETHER = 32;

export interface MadeDevice extends SimulatedDevice {
  name: string;
}

export interface DeviceTerms {
  brokers: string[];
  /** Whether the brokers ask for certificates. */
  certified: boolean;
  /** PEM of who vouches for the brokers, besides the fleet's own authority; may be empty. */
  authorities: string;
}

/** A word for a run that no other has. */
export const newRun = (): string => toHex(new Uint8Array(randomBytes(4)));

/** Makes and enrols devices. `made` is told how many there are. Throws SIM_REAL instead of touching a real device's record. */
export async function makeDevices(
  store: FleetStore,
  run: string,
  count: number,
  { brokers, certified, authorities }: DeviceTerms,
  now: number,
  made: (count: number) => boolean,
): Promise<MadeDevice[]> {
  const vouching = certified ? (await authorityPem(store, now)) + authorities : null;
  const make = async (number: number): Promise<MadeDevice> => {
    const label = `sim-${run}-${String(number).padStart(String(count).length, "0")}`;
    const folder = store.path(FOLDER, run, String(number));
    const key = await new KeyFile(join(folder, "device.key")).open();
    const certificate = certified ? await devicePem(store, key.name, key.publicKey, now) : null;
    const enrolment = { tenant: store.tenant, brokers, certificate, authorities: vouching };
    writeDurably(join(folder, "enrolment.json"), Buffer.from(`${JSON.stringify(enrolment)}\n`));
    enrol(store, key.name, key.publicKey, label, now);
    return { folder, label, name: key.name };
  };
  const devices: MadeDevice[] = [];
  while (devices.length < count) {
    const next = Math.min(TOGETHER, count - devices.length);
    devices.push(...(await Promise.all(Array.from({ length: next }, (_, at) => make(devices.length + at + 1)))));
    if (!made(devices.length)) break;
  }
  return devices;
}

/** Notes a simulated device. Throws SIM_REAL when a real one has this name. */
export function enrol(store: FleetStore, name: string, publicKey: Uint8Array, label: string, now: number): void {
  const before = deviceNamed(store, name);
  if (before !== null && before.simulated !== true) {
    const what = `${before.label} is a real device of the key that a simulated one was to have`;
    throw new FleetError("SIM_REAL", what, "Nothing was changed. Move the folder of the simulated device away.");
  }
  const rest = { board: SIMULATED, enrolledAt: now, retiredAt: null, simulated: true };
  saveDevice(store, { name, key: toHex(publicKey), label, ...rest });
}

/** Runs that have left something: a folder, or devices. */
export function leftRuns(store: FleetStore): string[] {
  const labels = enrolledDevices(store).flatMap(({ simulated, label }) => (simulated === true ? [label] : []));
  return [...new Set([...store.list(FOLDER), ...labels.map((label) => label.split("-")[1] ?? "")])].filter(isRun);
}

/** The names of a run's devices. */
export function devicesOf(store: FleetStore, run: string): string[] {
  return enrolledDevices(store)
    .filter(({ simulated, label }) => simulated === true && label.startsWith(`sim-${run}-`))
    .map(({ name }) => name);
}

/** Removes what a run has made on this computer: folders, keys, queues, records, documents. Returns the names of its devices. */
export function removeRun(store: FleetStore, run: string): string[] {
  if (!isRun(run)) throw new FleetError("SIM_RUN", `"${run}" is no run's word`);
  const names = devicesOf(store, run);
  for (const name of names) {
    store.remove("devices", `${name}.json`);
    store.remove("documents", name);
  }
  store.remove(FOLDER, run);
  return names;
}

/** The broker keeps the last state and report of every device; of these it shall not. */
export async function forgetStates(store: FleetStore, link: BrokerOptions, names: readonly string[]): Promise<void> {
  const session = await FleetLink.connect(link);
  try {
    const topics = names.flatMap((name) =>
      ["state", "rep", "rep/work"].map((what) => `${base(store.tenant)}/${name}/up/${what}`),
    );
    for (let at = 0; at < topics.length; at += TOGETHER) {
      const some = topics.slice(at, at + TOGETHER);
      await Promise.all(some.map((topic) => session.publish(topic, new Uint8Array(0), true)));
    }
  } finally {
    await session.close();
  }
}

const isRun = (word: string): boolean => /^[0-9a-f]{8}$/.test(word);
