// build/NOTICES.txt: the licences of everything that the bundles and modules contain. Whoever hands the package on hands these on too.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as bundle, type BuildOptions } from "esbuild";
import { root } from "./stale.mjs";

/** Compiled into the WebAssembly modules: AssemblyScript's runtime library. */
const COMPILED_IN = ["node_modules/assemblyscript"];
const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

interface Manifest {
  name: string;
  version: string;
  license?: unknown;
  author?: unknown;
}

/** Writes the notices of what `entries` bundle. Throws when a package says nothing about its licence. */
export async function writeNotices(entries: string[], options: BuildOptions, product: string): Promise<number> {
  const { metafile } = await bundle({
    ...options,
    entryPoints: entries.map((entry) => join(root, entry)),
    outdir: join(root, "build"),
    absWorkingDir: root,
    write: false,
    metafile: true,
  });
  const folders = new Set(COMPILED_IN);
  for (const input of Object.keys(metafile.inputs)) {
    const folder = packageFolder(input);
    if (folder !== null) folders.add(folder);
  }
  const notices = [...folders].map(noticeOf).sort((one, other) => (one.name < other.name ? -1 : 1));
  const rule = "-".repeat(80);
  const head =
    "Pocketvisor is under the Apache License 2.0 (LICENSE). Its build/ folder contains parts of these packages:";
  const list = notices.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`);
  const texts = notices.map(({ name, version, text }) => `${rule}\n${name} ${version}\n\n${text.trim()}\n`);
  writeFileSync(join(root, product), `${head}\n\n${list.join("\n")}\n\n${texts.join("\n")}`);
  return notices.length;
}

/** The folder of the package that a bundled file comes from; null: it is the project's own. */
function packageFolder(input: string): string | null {
  const match = /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  return match?.[1] ?? null;
}

function noticeOf(folder: string): { name: string; version: string; licence: string; text: string } {
  const path = join(root, folder);
  const { name, version, license, author } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;
  if (typeof license !== "string") throw new Error(`${name} says nothing about its licence`);
  const files = existsSync(path) ? readdirSync(path).filter((each) => LICENCE_FILE.test(each)) : [];
  const texts = files.map((file) => readFileSync(join(path, file), "utf8"));
  const by = typeof author === "string" ? author : ((author as { name?: string } | undefined)?.name ?? "its authors");
  if (texts.length === 0) texts.push(`Licence: ${license}. By ${by}. The package carries no licence text.`);
  return { name, version, licence: license, text: texts.join("\n\n") };
}
