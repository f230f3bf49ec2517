// The project's files and what they import, for the structure tests.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const SKIPPED = new Set(["node_modules", "build", ".git"]);

/** Paths of all files below `folder`, relative to the root. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (SKIPPED.has(entry.name)) return [];
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** TypeScript and AssemblyScript sources below a folder; none when it is not there. */
export function sourcesBelow(folder: string): string[] {
  return existsSync(join(root, folder)) ? filesBelow(folder).filter((path) => path.endsWith(".ts")) : [];
}

/** Files of the project that `path` imports, relative to the root. Packages and node: modules are left out. `types` tells
 *  whether imports of types alone count: they are gone when the program runs. */
export function importsOf(path: string, types = true): string[] {
  const text = readFileSync(join(root, path), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const pattern = /^\s*(?:import|export)\s(?:(?<type>type)\s)?(?:[^"';]*?\sfrom\s)?\s*"(?<target>[^"]+)"/gm;
  return [...text.matchAll(pattern)]
    .filter((match) => types || match.groups!["type"] === undefined)
    .map((match) => match.groups!["target"]!)
    .filter((target) => target.startsWith("."))
    .map((target) => {
      const base = normalize(join(dirname(path), target));
      const candidates = [base, `${base}.ts`, base.replace(/\.js$/, ".ts")];
      const found = candidates.find((candidate) => existsSync(join(root, candidate)) && /\.\w+$/.test(candidate));
      if (found === undefined) throw new Error(`${path} imports ${target}, which is not there`);
      return relative(".", found);
    });
}
