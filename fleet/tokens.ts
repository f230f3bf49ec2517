// Enrolment tokens: 256 random bits, good for a day and for one handset. Only their hashes are kept, a file each; using one is renaming its file,
// which succeeds once, whoever tries at the same time.

import { createHash, randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { syncFolder } from "../agent/durable-file.ts";
import type { FleetStore } from "./store.ts";

const TOKEN_BYTES = 32;
export const TOKEN_SECONDS = 86_400;

/** Makes a token; it is known to the store when this returns. */
export function makeToken(store: FleetStore, now: number): Uint8Array {
  const token = new Uint8Array(randomBytes(TOKEN_BYTES));
  store.writeJson({ expires: now + TOKEN_SECONDS }, "tokens", `${hashOf(token)}.json`);
  return token;
}

/** Uses a token up: that it is used is on the disk when this returns true. False for one that is unknown, used or too old. */
export function useToken(store: FleetStore, token: Uint8Array, now: number): boolean {
  const name = hashOf(token);
  const kept = store.readJson(isKept, "tokens", `${name}.json`);
  if (kept === null || kept.expires <= now) return false;
  try {
    renameSync(store.path("tokens", `${name}.json`), store.path("tokens", `${name}.used`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  syncFolder(store.path("tokens"));
  return true;
}

const hashOf = (token: Uint8Array): string => createHash("sha256").update(token).digest("hex");

function isKept(value: unknown): value is { expires: number } {
  return Number.isSafeInteger((value as { expires?: unknown } | null)?.expires);
}
