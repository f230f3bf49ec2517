// npm run format: rewrites the sources in the project's style.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./stale.mjs";
import { FORMATTED } from "./static-checks.ts";

if (process.argv.includes("--help")) {
  console.log("usage: npm run format -- [FILE…]\nFormats the named files, or every source file, with prettier.");
  process.exit(0);
}
const files = process.argv.slice(2);
const result = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/prettier/bin/prettier.cjs"),
    "--write",
    "--log-level",
    "warn",
    ...(files.length ? files : FORMATTED),
  ],
  { cwd: files.length ? process.cwd() : root, stdio: "inherit" },
);
process.exitCode = result.status ?? 1;
