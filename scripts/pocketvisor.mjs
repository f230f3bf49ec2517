#!/usr/bin/env node
// The `pocketvisor` command. In a checkout it builds first when a product is missing or older than its sources; an installed package holds
// products alone, and is run as it is.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`pocketvisor: Node.js 20 or newer is needed; this is ${process.versions.node}.`);
  process.exit(1);
}
const builder = fileURLToPath(new URL("bootstrap.mjs", import.meta.url));
if (existsSync(builder)) {
  const { isStale, NEEDED } = await import("./stale.mjs");
  // Standard output belongs to the guest's console, so the build talks on standard error.
  if (NEEDED.some(isStale)) {
    const built = spawnSync(process.execPath, [builder, "build", "--quiet"], { stdio: ["ignore", 2, 2] });
    if (built.status !== 0) process.exit(1);
  }
}
await import("../build/pocketvisor.mjs");
