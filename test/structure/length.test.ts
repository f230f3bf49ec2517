// Classes that one person can hold in their head: at most 300 lines, and no function above 80. Folders that keep to it are listed here,
// and a folder that is listed stays so.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root, sourcesBelow } from "./sources.js";

const FOLDERS = [
  "agent/host/audit",
  "agent/host/between",
  "agent/host/block-log",
  "agent/host/console",
  "agent/host/debug",
  "agent/host/disk",
  "agent/host/hypervisor",
  "agent/host/machine",
  "agent/host/management",
  "agent/host/monitor",
  "agent/host/network",
  "agent/host/worker",
  "agent/network",
  "agent/daemon",
  "agent/link",
  "agent/telemetry",
  "agent/policy",
  "fleet",
];
const CLASS_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 80;

const CLASS = /^(?:export )?(?:abstract )?class /;
const FUNCTION =
  /^(?:(?:export )?(?:async )?function|(?: {2})(?!return |if |for |while |switch |try |const )\S[^;]*\).*\{$)/;

/** What begins with a line that `opens` and has more lines than `most`, up to the brace below its first column. */
function longer(text: string, opens: RegExp, most: number): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    if (!opens.test(line)) return [];
    const close = `${/^ */.exec(line)![0]}}`;
    const count = lines.findIndex((text, index) => index >= at && text.replace(/[,;)]+$/, "") === close) - at + 1;
    return count > most ? [`${line.trim()} ${count} lines`] : [];
  });
}

const inAll = (opens: RegExp, most: number): string[] =>
  FOLDERS.flatMap(sourcesBelow).flatMap((path) =>
    longer(readFileSync(join(root, path), "utf8"), opens, most).map((found) => `${path}: ${found}`),
  );

const length = suite("structure: length");

length("the measure sees what it is to see", () => {
  const body = "    this.step();\n".repeat(81);
  const source = `export class Long {\n  private async walk(steps: number): Promise<void> {\n${body}  }\n}\n`;
  assert.equal(longer(source, FUNCTION, 80), ["private async walk(steps: number): Promise<void> { 83 lines"]);
  assert.equal(longer(source, CLASS, 84), ["export class Long { 85 lines"]);
  assert.equal(longer(source, CLASS, 85), []);
});

length("no class has more than 300 lines", () => {
  assert.equal(inAll(CLASS, CLASS_LINES_MAX), []);
});

length("no function has more than 80 lines", () => {
  assert.equal(inAll(FUNCTION, FUNCTION_LINES_MAX), []);
});

length.run();
