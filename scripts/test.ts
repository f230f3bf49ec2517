// npm test: builds, checks the sources, then runs every test file under test/. npm run test:long runs, of the same tree, the files that take
// over a minute (*.long.ts), and no others. The last line is the verdict.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { root } from "./stale.mjs";
import { checkStatic } from "./static-checks.ts";
import { FILE_TIMEOUT_MS, runTestFile, type FileResult } from "./test-file.ts";

const HELP = `usage: npm test -- [FILTER…] [--jobs N]
Runs the tests whose path under test/ contains one of the filters; without a filter, every test and the static checks.
  npm test -- unit/agent        the agent's unit tests
  npm test -- structure         the dependency rules
  npm run test:long             what takes over a minute, up to 90 minutes in all; filters as above`;
/** A long file has most of the 90 minutes that all may take. */
const LONG_TIMEOUT_MS = 60 * 60_000;

const { filters, jobs, long } = parseArguments(process.argv.slice(2));
const totals = { passed: 0, failed: 0, skipped: 0 };

const built = spawnSync(process.execPath, [join(root, "scripts/bootstrap.mjs"), "build"], { stdio: ["ignore", 2, 2] });
if (built.status !== 0) {
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}
if (filters.length === 0 && !long) {
  for (const check of checkStatic()) totals[check.passed ? "passed" : "failed"]++;
}

const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(long ? ".long.ts" : ".test.ts"))
  .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
  .sort();
if (files.length === 0) {
  console.error(`test: no test file matches ${filters.join(", ")}`);
  process.exit(1);
}

// Tests that boot Linux say themselves why they are skipped when this fails: no apt here, or no mirror to be reached.
if (files.some((file) => file.startsWith("guest"))) {
  const command = join(root, "scripts/pocketvisor.mjs");
  for (const guest of ["linux", "linux-rt", "linux-lpae", "u-boot", "edk2"]) {
    spawnSync(process.execPath, [command, "guest", "fetch", guest], { stdio: ["ignore", 2, 2] });
  }
}

const queue = [...files];
await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, worker));
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;

async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    report(file, await runTestFile(join(root, "test", file), long ? LONG_TIMEOUT_MS : FILE_TIMEOUT_MS));
  }
}

function report(file: string, result: FileResult): void {
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skipped += result.skipped;
  const verdict = result.failed > 0 ? "FAIL" : "ok  ";
  const seconds = (result.milliseconds / 1000).toFixed(1);
  const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
  console.error(
    `${verdict} ${relative(root, join(root, "test", file))}: ${result.passed} passed${skipped} (${seconds} s)`,
  );
  for (const reason of result.skipReasons) console.error(`     skipped: ${reason}`);
  if (result.failed > 0) console.error(result.output.replace(/^/gm, "     "));
}

function parseArguments(args: string[]): { filters: string[]; jobs: number; long: boolean } {
  const filters: string[] = [];
  let long = false;
  let jobs = Math.max(1, Math.min(4, availableParallelism()));
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--help") {
      console.log(HELP);
      process.exit(0);
    } else if (arg === "--jobs") {
      jobs = Number(args[++at]);
      if (!Number.isInteger(jobs) || jobs < 1) usage(`--jobs needs a positive number`);
    } else if (arg === "--long") {
      long = true;
    } else if (arg.startsWith("-")) usage(`unknown option "${arg}"`);
    else filters.push(arg.replace(/^(\.\/)?test\//, ""));
  }
  return { filters, jobs, long };
}

function usage(message: string): never {
  console.error(`test: ${message}\n${HELP}`);
  process.exit(2);
}
