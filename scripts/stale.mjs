// Which build products are older than what they are made from. Shared by the build and by the command's quick start.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Products of the build and their sources, relative to the root. A folder stands for every file below it. */
export const PRODUCTS = {
  "build/machine.wasm": ["kernel/machine", "kernel/abi", "asconfig.json", "package-lock.json"],
  "build/machine.debug.wasm": ["kernel/machine", "kernel/abi", "asconfig.json", "package-lock.json"],
  "build/hypervisor.wasm": ["kernel/hypervisor", "kernel/abi", "asconfig.hypervisor.json", "package-lock.json"],
  "build/hypervisor.debug.wasm": ["kernel/hypervisor", "kernel/abi", "asconfig.hypervisor.json", "package-lock.json"],
  "build/pocketvisor.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "boards",
    "package.json",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/handset-worker.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/io-worker.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/network-worker.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/shell-worker.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/agent.mjs": ["agent", "kernel/abi", "package-lock.json", "scripts/build.ts"],
  "build/fleet.mjs": [
    "agent",
    "fleet",
    "kernel/abi",
    "boards",
    "package.json",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/sim-worker.mjs": ["agent", "fleet/sim", "kernel/abi", "package-lock.json", "scripts/build.ts"],
  "build/device.mjs": ["agent", "kernel/abi", "package-lock.json", "scripts/build.ts"],
  "build/gate-program.js": [
    "agent/shell",
    "agent/policy",
    "agent/wire",
    "agent/failure.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/verify-program.js": [
    "agent/wire",
    "agent/failure.ts",
    "agent/shell/verify-program.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/script-worker.mjs": [
    "agent",
    "kernel/abi",
    "kernel/machine/memory-map.ts",
    "package-lock.json",
    "scripts/build.ts",
  ],
  "build/pocketvisor.1": ["agent", "fleet", "kernel/abi", "package.json", "scripts/man-page.ts"],
  "build/NOTICES.txt": ["agent", "fleet", "package-lock.json", "scripts/build.ts", "scripts/notices.ts"],
};

/** What the program needs to run: everything but the modules for debugging. */
export const NEEDED = Object.keys(PRODUCTS).filter((product) => !product.includes(".debug."));

/** Whether `product` is missing or older than one of its sources. */
export function isStale(product) {
  const made = modified(join(root, product));
  return made === 0 || PRODUCTS[product].some((source) => newest(join(root, source)) > made);
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Of each source that was looked at: most products have the same. */
const seen = new Map();

/** The folders' own times count too: they change when a file is removed. */
function newest(path) {
  if (seen.has(path)) return seen.get(path);
  const stat = statSync(path, { throwIfNoEntry: false });
  let latest = stat?.mtimeMs ?? 0;
  if (stat?.isDirectory()) for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  seen.set(path, latest);
  return latest;
}
