// pocketvisor guest: what can run, fetched into the user's cache.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { escapeText } from "../escape.ts";
import { GuestError, UsageError } from "../failure.ts";
import {
  cachedGuestNames,
  guestFolder,
  readCachedGuest,
  removeCachedGuest,
  type CachedGuest,
} from "../guests/cache.ts";
import { fetchGuest, fetchPlan, type FetchOptions } from "../guests/fetch.ts";
import { recipeOf } from "../guests/initramfs.ts";
import { manifestNames, readManifest, type GuestManifest } from "../guests/manifest.ts";
import { parseOptions, type OptionTable } from "./arguments.ts";
import { EXIT_OK } from "./exit-codes.ts";

export const GUEST_HELP = `usage: pocketvisor guest fetch NAME [--package P] [--as NAME] [--force] [--keep-signatures] [--sources FILE]
                                    [--dry-run] [--json]
       pocketvisor guest ls [--json]
       pocketvisor guest rm NAME

fetch  takes a kernel and busybox from Debian's packages, through apt but without root and without touching this
       computer's own apt state, builds an initramfs, and caches both with their hashes. Does nothing when cached.
  --package P        another kernel package, such as linux-image-rt-armmp
  --as NAME          the name in the cache (default: NAME)
  --force            fetches again what is cached, and asks the mirror for newer packages
  --keep-signatures  leaves the signatures on kernel modules: each costs the guest 14 million instructions
  --sources FILE     a sources.list of apt's instead of this computer's
  --dry-run          tells what would be fetched
  --json             the result as JSON
ls     lists known and cached guests
rm     removes a guest from the cache`;

export const GUEST_OPTIONS: OptionTable = {
  package: { type: "string" },
  as: { type: "string" },
  force: { type: "boolean" },
  "keep-signatures": { type: "boolean" },
  sources: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
};

/** Runs the command; returns the exit status. */
export async function guestCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, GUEST_OPTIONS, 2);
  const [verb, name] = parsed.positionals;
  if (parsed.flag("help")) {
    console.log(GUEST_HELP);
    return EXIT_OK;
  }
  const json = parsed.flag("json");
  if (verb === "ls") {
    if (name !== undefined) throw new UsageError("USAGE", "guest ls takes no name");
    listGuests(json);
    return EXIT_OK;
  }
  if (name === undefined || (verb !== "fetch" && verb !== "rm")) {
    throw new UsageError("USAGE", "guest needs fetch NAME, ls or rm NAME", "See: pocketvisor guest --help");
  }
  if (verb === "rm") {
    if (!removeCachedGuest(name)) {
      const cached = cachedGuestNames().join(", ") || "none";
      throw new GuestError("GUEST_UNKNOWN", `${escapeText(name)} is not cached`, `Cached guests: ${cached}.`);
    }
    console.error(`pocketvisor: removed ${name}`);
    return EXIT_OK;
  }
  const manifest = readManifest(name);
  const sources = parsed.text("sources");
  if (sources !== null && !existsSync(sources)) throw new UsageError("USAGE", "--sources names no file");
  const options: FetchOptions = {
    kernelPackage: parsed.text("package"),
    name: parsed.text("as") ?? name,
    refresh: parsed.flag("force"),
    keepSignatures: parsed.flag("keep-signatures"),
    sources: sources === null ? null : resolve(sources),
    progress,
  };
  if (parsed.flag("dry-run")) {
    const { plan } = await fetchPlan(manifest, options);
    const records = [plan.kernel, plan.user].filter((record) => record !== null);
    const packages = records.map(({ name, version, sha256 }) => ({ name, version, sha256 }));
    if (json) console.log(JSON.stringify({ name: options.name, packages }));
    else for (const record of packages) console.log(`would fetch ${record.name} ${record.version}`);
    return EXIT_OK;
  }
  const found = options.refresh ? null : readCachedGuest(options.name);
  const cached = found?.recipe === recipeOf(manifest) ? found : null;
  if (found !== null && cached === null) progress(`${options.name} was made by another version, and is made again`);
  const guest = cached ?? (await fetchGuest(manifest, options));
  if (json) console.log(JSON.stringify(guest));
  else
    console.error(
      `pocketvisor: ${cached === null ? "cached" : "already cached"}: ${describe(guest)} in ${guestFolder(guest.name)}`,
    );
  return EXIT_OK;
}

/** Fetches a guest with the manifest's own settings. */
export function fetchCached(manifest: GuestManifest): Promise<CachedGuest> {
  return fetchGuest(manifest, {
    kernelPackage: null,
    name: manifest.name,
    refresh: false,
    keepSignatures: false,
    sources: null,
    progress,
  });
}

function listGuests(json: boolean): void {
  const names = [...new Set([...manifestNames(), ...cachedGuestNames()])].sort();
  const guests = names.map((name) => {
    const guest = readCachedGuest(name);
    const description = guest?.description ?? readManifest(name).description;
    return { name, description, cached: guest !== null, packages: guest?.packages ?? null };
  });
  if (json) {
    console.log(JSON.stringify(guests));
    return;
  }
  for (const guest of guests) {
    const versions = Object.entries(guest.packages ?? {}).map(([name, { version }]) => `${name} ${version}`);
    console.log(
      `${guest.name.padEnd(12)} ${guest.description} (${guest.cached ? versions.join(", ") : "not fetched"})`,
    );
  }
}

function describe(guest: CachedGuest): string {
  const packages = Object.entries(guest.packages).map(([name, { version }]) => `${name} ${version}`);
  const size = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const what = guest.kernelFormat === "firmware" ? "firmware" : "kernel";
  const initramfs = guest.initramfs === null ? "" : `, initramfs ${size(guest.initramfs.bytes)}`;
  return `${guest.name} (${packages.join(", ")}; ${what} ${size(guest.kernel.bytes)}${initramfs})`;
}

function progress(line: string): void {
  console.error(`pocketvisor: ${line} …`);
}
