// Runs one uvu test file in a process of its own, so that a crash or an endless loop costs one file and no more.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { pathToFileURL } from "node:url";
import { root } from "./stale.mjs";

export interface FileResult {
  passed: number;
  failed: number;
  skipped: number;
  /** What test/support/skip printed: one line for each skipped test. */
  skipReasons: string[];
  milliseconds: number;
  output: string;
}

/** Of a test file, unless its caller knows better. */
export const FILE_TIMEOUT_MS = 10 * 60_000;
const OUTPUT_MAX = 1 << 20;

/** Runs `file` and reads uvu's summary. A file that ends without one, or with a bad status, counts as one failure. */
export function runTestFile(file: string, timeoutMs = FILE_TIMEOUT_MS): Promise<FileResult> {
  const started = performance.now();
  const loader = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
  const child = spawn(process.execPath, ["--import", loader, file], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (chunk: string): void => {
    if (output.length < OUTPUT_MAX) output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  const timer = setTimeout(() => {
    keep(`\ntest: ended after ${timeoutMs / 1000} s\n`);
    child.kill("SIGKILL");
  }, timeoutMs);
  return new Promise((resolve) => {
    child.on("close", (status) => {
      clearTimeout(timer);
      const text = stripVTControlCharacters(output);
      const count = (label: string): number =>
        Number(new RegExp(`^ {2}${label}: +(\\d+)$`, "m").exec(text)?.[1] ?? NaN);
      const [total, passed, skipped] = [count("Total"), count("Passed"), count("Skipped")];
      const finished = Number.isInteger(total) && Number.isInteger(passed) && Number.isInteger(skipped);
      let failed = finished ? total - passed : 1;
      if (status !== 0 && failed === 0) failed = 1;
      resolve({
        passed: finished ? passed : 0,
        failed,
        skipped: finished ? skipped : 0,
        skipReasons: [...text.matchAll(/^skip: (.*)$/gm)].map((match) => match[1]!),
        milliseconds: performance.now() - started,
        output: text,
      });
    });
  });
}
