// What was signed for an audience and a partition before: a file for each version, with who signed it. The newest is what `documents/` keeps; these
// are for people who want to know, or to go back.

import { userInfo } from "node:os";
import { openEnvelope } from "../agent/wire/cose.ts";
import { decodeDocument } from "../agent/wire/open.ts";
import type { Policy } from "../agent/wire/policy.ts";
import { audienceName, type Issued } from "./documents.ts";
import type { FleetStore } from "./store.ts";

/** Versions of one audience and partition that are kept. */
const KEPT_MAX = 64;
const AUTHOR_CHARACTERS_MAX = 64;

export interface PastPolicy {
  version: number;
  /** Who signed it: a user of this computer, as they were called then. */
  author: string;
  document: Policy;
}

/** Who signs here. */
export function authorOf(environment: NodeJS.ProcessEnv): string {
  const said = environment["POCKETVISOR_AUTHOR"];
  if (said !== undefined && said !== "") return said.slice(0, AUTHOR_CHARACTERS_MAX);
  try {
    return userInfo().username.slice(0, AUTHOR_CHARACTERS_MAX);
  } catch {
    // A user that this computer's list does not have.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Keeps what was signed just now. */
export function keepPolicy(store: FleetStore, issued: Issued<"pol">, author: string): void {
  const { version } = issued.document;
  const folder = folderOf(audienceName(issued.audience), issued.partition);
  store.writeBytes(issued.envelope, ...folder, `${version}.cbor`);
  store.writeJson({ author }, ...folder, `${version}.json`);
  for (const old of versionsIn(store, folder).slice(0, -KEPT_MAX)) {
    for (const end of ["cbor", "json"]) store.remove(folder[0]!, ...folder.slice(1), `${old}.${end}`);
  }
}

/** What was signed for an audience and a partition, oldest first. */
export function pastPolicies(store: FleetStore, audience: string, partition: string): PastPolicy[] {
  const folder = folderOf(audience, partition);
  return versionsIn(store, folder).flatMap((version): PastPolicy[] => {
    const envelope = store.readBytes(...folder, `${version}.cbor`);
    if (envelope === null) return [];
    const author = store.readJson(isNote, ...folder, `${version}.json`)?.author ?? "unknown";
    return [{ version, author, document: decodeDocument("pol", openEnvelope(envelope).payload) }];
  });
}

const folderOf = (audience: string, partition: string): string[] => ["history", `${audience}+${partition}`];

function versionsIn(store: FleetStore, folder: string[]): number[] {
  return store
    .list(...folder)
    .flatMap((name) => (/^[1-9]\d{0,15}\.cbor$/.test(name) ? [Number(name.slice(0, -5))] : []))
    .sort((a, b) => a - b);
}

function isNote(value: unknown): value is { author: string } {
  return typeof (value as { author?: unknown } | null)?.author === "string";
}
