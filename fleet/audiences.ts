// Whom a document can be for: everybody, a group that a device is in, or one device. A name that is none of them reaches nobody, and is an error.

import { escapeText } from "../agent/escape.ts";
import type { Claims } from "../agent/wire/claims.ts";
import { enrolledDevices } from "./devices.ts";
import { audienceOf, issuedFor } from "./documents.ts";
import { FleetError } from "./failure.ts";
import type { FleetStore } from "./store.ts";

const LISTED_MAX = 20;
const DEVICE = /^[0-9a-f]{32}$/;

/** The groups that a device's own document names. */
export function groupsOf(store: FleetStore, device: string): string[] {
  const issued = issuedFor(store, audienceOf(device)).find(({ kind }) => kind === "groups");
  return issued !== undefined && "groups" in issued.document ? issued.document.groups : [];
}

/** Every group that a device is in, with the names of its devices, in the order of their names. */
export function allGroups(store: FleetStore): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { name, retiredAt } of enrolledDevices(store)) {
    if (retiredAt !== null) continue;
    for (const group of groupsOf(store, name)) groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The audience that a person names: "all", a group, or a device by its 32 characters. Throws FLEET_AUDIENCE for one that nobody has, and for a device's
 *  label where it could be taken for a group. What is only signed may be for a device that another computer has enrolled. */
export function knownAudience(store: FleetStore, said: string, enrolledElsewhere = false): Claims["audience"] {
  if (said === "all" || (enrolledElsewhere && DEVICE.test(said))) return audienceOf(said);
  const groups = allGroups(store);
  const devices = enrolledDevices(store).filter(({ retiredAt }) => retiredAt === null);
  if (groups.has(said) || devices.some(({ name }) => name === said)) return audienceOf(said);
  const word = escapeText(said, 64);
  const labelled = devices.filter(({ label, name }) => label === said || (said.length >= 4 && name.startsWith(said)));
  const there = thereIs([...groups.keys()], devices);
  if (labelled.length === 0) {
    throw new FleetError(
      "FLEET_AUDIENCE",
      `nobody is called ${word}: there is no such group and no such device`,
      there,
    );
  }
  const [first] = labelled;
  const what = `${word} is a device, and no group`;
  const hint = labelled.length === 1 ? `For this device alone write --to ${first!.name}. ${there}` : there;
  throw new FleetError("FLEET_AUDIENCE", what, hint);
}

function thereIs(groups: string[], devices: { name: string; label: string }[]): string {
  const some = (names: string[]): string =>
    `${names.slice(0, LISTED_MAX).join(", ")}${names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : ""}`;
  const named = devices.map(({ name, label }) => `${name} (${escapeText(label, 32)})`);
  return [
    groups.length === 0 ? "No device is in a group (pocketvisor fleet groups DEVICE GROUP)" : `Groups: ${some(groups)}`,
    named.length === 0 ? "no device is enrolled" : `devices: ${some(named)}`,
    "or all.",
  ].join("; ");
}
