// A guest by name, as what a partition loads: from the cache, fetched when it is not there.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { guestFolder, readCachedGuest, type CachedGuest } from "../guests/cache.ts";
import { readManifest } from "../guests/manifest.ts";
import type { ImageSource, KernelSource } from "../host/index.ts";
import { fetchCached } from "./guest.ts";

export interface GuestImage {
  /** Null: it is firmware. */
  kernel: KernelSource | null;
  firmware: ImageSource | null;
  initrd: ImageSource | null;
  commandLine: string;
}

/** The guest's image. Throws UsageError and GuestError. */
export async function guestImage(name: string): Promise<GuestImage> {
  const guest = await cachedGuest(name);
  const folder = guestFolder(name);
  const image = { path: join(folder, guest.kernel.name), sha256: guest.kernel.sha256 };
  if (guest.kernelFormat === "firmware") return { kernel: null, firmware: image, initrd: null, commandLine: "" };
  return {
    firmware: null,
    kernel: {
      ...image,
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
