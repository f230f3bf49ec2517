#!/usr/bin/env node
// The `pocketvisor` command: runs the bundled command line, and builds it first when it is missing or older than its sources.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { isStale, root } from "./stale.mjs";

const products = [
  "build/machine.wasm",
  "build/hypervisor.wasm",
  "build/pocketvisor.mjs",
  "build/handset-worker.mjs",
  "build/io-worker.mjs",
  "build/shell-worker.mjs",
  "build/script-worker.mjs",
  "build/verify-program.js",
  "build/agent.mjs",
  "build/fleet.mjs",
  "build/sim-worker.mjs",
];
if (products.some(isStale)) {
  // Standard output belongs to the guest's console, so the build talks on standard error.
  const built = spawnSync(process.execPath, [join(root, "scripts/bootstrap.mjs"), "build", "--quiet"], {
    stdio: ["ignore", 2, 2],
  });
  if (built.status !== 0) process.exit(1);
}
await import("../build/pocketvisor.mjs");
