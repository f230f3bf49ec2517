// Which broker the fleet's verbs speak to when nobody says it: its address and the files of who one is, once for a tenant instead of with every verb.

import { isAbsolute } from "node:path";
import type { FleetStore } from "./store.ts";

/** As the four options of a verb; null: not said. */
export interface LinkProfile {
  url: string | null;
  authorities: string | null;
  certificate: string | null;
  key: string | null;
}

const FILE = "profile.json";
const FILES = ["authorities", "certificate", "key"] as const;

/** The tenant's profile; null: this computer's own broker is meant. */
export function linkProfile(store: FleetStore): LinkProfile | null {
  return store.readJson(isProfile, FILE);
}

export const saveProfile = (store: FleetStore, profile: LinkProfile): void => store.writeJson(profile, FILE);
export const removeProfile = (store: FleetStore): void => store.remove(FILE);

/** What a verb was told, with what it was not told from the profile. A broker that it was told is another than the profile's: then nothing of the
 *  profile counts. */
export function withProfile(store: FleetStore, said: LinkProfile): LinkProfile {
  const profile = said.url === null ? linkProfile(store) : null;
  if (profile === null) return said;
  const { url, authorities, certificate, key } = profile;
  return {
    url,
    authorities: said.authorities ?? authorities,
    certificate: said.certificate ?? certificate,
    key: said.key ?? key,
  };
}

function isProfile(value: unknown): value is LinkProfile {
  const profile = (value ?? {}) as Partial<Record<keyof LinkProfile, unknown>>;
  const isText = (each: unknown): boolean => typeof each === "string" && each.length <= 4096;
  return (
    isText(profile.url) &&
    FILES.every((name) => profile[name] === null || (isText(profile[name]) && isAbsolute(profile[name] as string)))
  );
}
