// A guest by name, as what a partition loads: from the cache, fetched when it is not there.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeText } from "../escape.ts";
import { GuestError, UsageError } from "../failure.ts";
import { guestFolder, readCachedGuest, type CachedGuest } from "../guests/cache.ts";
import { readManifest } from "../guests/manifest.ts";
import type { KernelSource } from "../host/index.ts";
import { fetchCached } from "./guest.ts";

export interface GuestImage {
  /** Null: it is firmware. */
  kernel: KernelSource | null;
  firmware: string | null;
  initrd: { path: string; sha256: string } | null;
  commandLine: string;
}

/** The guest's image. Throws UsageError and GuestError. */
export async function guestImage(name: string): Promise<GuestImage> {
  const guest = await cachedGuest(name);
  const folder = guestFolder(name);
  if (guest.kernelFormat === "firmware") {
    const firmware = join(folder, guest.kernel.name);
    if (createHash("sha256").update(readFileSync(firmware)).digest("hex") !== guest.kernel.sha256) {
      throw new GuestError(
        "GUEST_DAMAGED",
        `the cached guest "${name}" is damaged: ${guest.kernel.name} does not have its hash`,
        `Run: pocketvisor guest fetch ${name} --force`,
      );
    }
    return { kernel: null, firmware, initrd: null, commandLine: "" };
  }
  return {
    firmware: null,
    kernel: {
      path: join(folder, guest.kernel.name),
      sha256: guest.kernel.sha256,
      offset: guest.kernelFormat === "image" ? guest.textOffset : null,
      bssBytes: guest.bssBytes,
    },
    initrd: guest.initramfs && { path: join(folder, guest.initramfs.name), sha256: guest.initramfs.sha256 },
    commandLine: guest.commandLine,
  };
}

async function cachedGuest(name: string): Promise<CachedGuest> {
  const cached = readCachedGuest(name);
  if (cached !== null) return cached;
  if (existsSync(name)) {
    throw new UsageError(
      "USAGE",
      `"${escapeText(name)}" is a file, not a guest`,
      `Did you mean --kernel ${escapeText(name)}?`,
    );
  }
  return fetchCached(readManifest(name));
}
