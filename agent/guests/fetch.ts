// Fetches a guest: Debian's kernel and busybox through apt, an initramfs of our own around them, all into the cache.

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { GuestError } from "../failure.ts";
import { cacheFolder } from "../paths.ts";
import { firmwareImage, zimageParse } from "../host/index.ts";
import { aptDownload, aptOpen, aptShow, aptUnpack, aptUpdate, type Apt, type PackageRecord } from "./apt.ts";
import { writeCachedGuest, type CachedGuest } from "./cache.ts";
import { initramfsBuild, recipeOf } from "./initramfs.ts";
import { moduleClosure, type KernelModule } from "./module.ts";
import type { FirmwareManifest, GuestManifest } from "./manifest.ts";
import { unpackZimage } from "./unpack.ts";

export interface FetchOptions {
  /** Another kernel package than the manifest's. */
  kernelPackage: string | null;
  /** Name in the cache. */
  name: string;
  /** Ask the mirror again even when the package lists are fresh. */
  refresh: boolean;
  /** Modules keep their appended signatures: the guest then checks each, at about 14 million instructions. */
  keepSignatures: boolean;
  /** A sources.list to use instead of this computer's. */
  sources: string | null;
  progress: (line: string) => void;
}

export interface FetchPlan {
  /** The kernel's package, or the firmware's. */
  kernel: PackageRecord;
  /** Null: firmware needs no programs. */
  user: PackageRecord | null;
}

const SCRATCH = "unpack-";
const SCRATCH_AGE_MS = 3600 * 1000;
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]{1,100}$/;

/** Finds out which package versions a fetch would take. Downloads package lists and nothing else. */
export async function fetchPlan(
  manifest: GuestManifest,
  options: FetchOptions,
): Promise<{ apt: Apt; plan: FetchPlan }> {
  const named = "firmware" in manifest ? manifest.firmware.package : manifest.kernelPackage;
  const wanted = options.kernelPackage ?? named;
  if (!PACKAGE_NAME.test(wanted)) throw new GuestError("GUEST_PACKAGE", `"${wanted.slice(0, 100)}" is no package name`);
  const apt = aptOpen(join(cacheFolder(), "apt"), manifest.architecture, options.sources);
  const incomplete = await aptUpdate(apt, options.refresh, options.progress);
  const findPackage = async (name: string): Promise<PackageRecord> => {
    const record = await aptShow(apt, name);
    if (record !== null) return record;
    // The list that was not fetched may be the one that has it.
    if (incomplete !== null) throw incomplete;
    throw new GuestError(
      "GUEST_PACKAGE",
      `apt knows no package ${name} for ${apt.architecture}`,
      "This computer's apt sources may not be Debian's: name some with --sources FILE, or start your own image with --kernel FILE.",
    );
  };
  let kernel = await findPackage(wanted);
  if ("firmware" in manifest) return { apt, plan: { kernel, user: null } };
  // A meta-package depends on the newest kernel, which has the version in its name.
  const versioned = /(?:^|[ ,])(linux-image-\d[a-z0-9+.-]*)/.exec(kernel.depends)?.[1];
  if (versioned !== undefined) kernel = await findPackage(versioned);
  return { apt, plan: { kernel, user: await findPackage(manifest.userPackage) } };
}

/** Fetches, unpacks, builds and stores the guest. Throws GuestError or ImageError. */
export async function fetchGuest(manifest: GuestManifest, options: FetchOptions): Promise<CachedGuest> {
  const { apt, plan } = await fetchPlan(manifest, options);
  const { kernel: code, user } = plan;
  const scratch = mkdtempSync(join(mkdirCache(), SCRATCH));
  try {
    for (const [record, name] of [
      [code, "kernel"],
      [user, "user"],
    ] as const) {
      if (record === null) continue;
      options.progress(`fetching ${record.name} ${record.version}`);
      const file = await aptDownload(apt, record);
      const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
      if (record.sha256 !== hash) {
        rmSync(file);
        throw new GuestError(
          "GUEST_DOWNLOAD",
          `${record.name} does not have the hash that Debian's lists give`,
          "Fetch again.",
        );
      }
      options.progress(`unpacking ${record.name}`);
      await aptUnpack(file, join(scratch, name));
    }
    const common = {
      ...{ name: options.name, description: manifest.description, fetchedAt: new Date().toISOString() },
      recipe: recipeOf(manifest),
      packages: Object.fromEntries(
        [code, user].flatMap((record) =>
          record === null ? [] : [[record.name, { version: record.version, sha256: record.sha256 }]],
        ),
      ),
    };
    if ("firmware" in manifest) return storeFirmware(join(scratch, "kernel"), manifest, common);
    const { kernel, format, textOffset, bssBytes } = await kernelImage(join(scratch, "kernel"), options.progress);
    const modulesAt = join(scratch, "kernel", "lib/modules");
    const version = readdirSync(modulesAt)[0] ?? "";
    const closure = (wanted: string[]): KernelModule[] =>
      moduleClosure(join(modulesAt, version), wanted, !options.keepSignatures);
    const always = closure(manifest.modules);
    const loaded = new Set(always.map(({ name }) => name));
    const byNode = new Map(
      Object.entries(manifest.modulesIf).map(([node, wanted]) => [
        node,
        closure(wanted).filter(({ name }) => !loaded.has(name)),
      ]),
    );
    const initramfs = initramfsBuild(readFileSync(join(scratch, "user", "bin/busybox")), { always, byNode });
    return writeCachedGuest(
      {
        ...common,
        kernelFormat: format,
        textOffset,
        bssBytes,
        modules: [always, ...byNode.values()].flat().map((module) => module.name),
        signaturesStripped: !options.keepSignatures,
        commandLine: manifest.commandLine,
      },
      kernel,
      initramfs,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Keeps an image of flash as far as it says something. */
function storeFirmware(
  folder: string,
  { firmware: { package: name, file } }: FirmwareManifest,
  common: Pick<CachedGuest, "name" | "description" | "fetchedAt" | "packages"> & { recipe: string },
): CachedGuest {
  const path = join(folder, file);
  if (!existsSync(path)) throw new GuestError("GUEST_PACKAGE", `the package ${name} has no ${file}`);
  const none = { textOffset: 0, bssBytes: 0, modules: [], signaturesStripped: false, commandLine: "" };
  return writeCachedGuest({ ...common, ...none, kernelFormat: "firmware" }, firmwareImage(path), null);
}

async function kernelImage(
  folder: string,
  progress: (line: string) => void,
): Promise<{ kernel: Buffer; format: "image" | "zimage"; textOffset: number; bssBytes: number }> {
  const name = readdirSync(join(folder, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (name === undefined) throw new GuestError("GUEST_PACKAGE", "the kernel package has no /boot/vmlinuz");
  const zimage = readFileSync(join(folder, "boot", name));
  const { payload } = zimageParse(zimage);
  const image = payload === null ? null : await unpackZimage(zimage, payload);
  if (payload === null || image === null) {
    progress(
      "the kernel stays compressed (no xz program, or another format): the guest unpacks it itself at every start",
    );
    return { kernel: zimage, format: "zimage", textOffset: 0, bssBytes: 0 };
  }
  return { kernel: image, format: "image", textOffset: payload.textOffset, bssBytes: payload.bssBytes };
}

function mkdirCache(): string {
  const folder = cacheFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A fetch that was killed leaves its unpacked packages behind.
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith(SCRATCH))) {
    const path = join(folder, name);
    if (Date.now() - statSync(path).mtimeMs > SCRATCH_AGE_MS) rmSync(path, { recursive: true, force: true });
  }
  return folder;
}
