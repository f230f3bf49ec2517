// What an image is, in five hashes: whoever has the same sources and lock gets the same ones.

import { createHash, type Hash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** SHA-256 in hex, each over names and contents. */
export interface Measurement {
  /** The machine and the hypervisor. */
  core: string;
  /** Everything else of the product that runs. */
  agent: string;
  board: string;
  guests: string;
  handset: string;
}

/** Measures a root's tree. */
export function measure(tree: string): Measurement {
  const product = join(tree, "opt/pocketvisor");
  return {
    core: hashOf(join(product, "build"), (name) => name.endsWith(".wasm")),
    agent: hashOf(join(product, "build"), (name) => !name.endsWith(".wasm")),
    board: hashOf(join(product, "boards"), () => true),
    guests: hashOf(join(tree, "usr/share"), () => true),
    handset: hashOf(join(tree, "etc/pocketvisor"), () => true),
  };
}

function hashOf(folder: string, which: (name: string) => boolean): string {
  const hash = createHash("sha256");
  visit(hash, folder, "", which);
  return hash.digest("hex");
}

function visit(hash: Hash, folder: string, prefix: string, which: (name: string) => boolean): void {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) visit(hash, path, `${name}/`, which);
    else if (which(entry.name)) {
      const bytes = entry.isSymbolicLink() ? Buffer.from(readlinkSync(path)) : readFileSync(path);
      hash.update(`${name}\0${bytes.length}\0`).update(bytes);
    }
  }
}
