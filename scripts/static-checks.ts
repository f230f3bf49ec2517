// The checks that read the sources and run nothing.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./stale.mjs";

export interface StaticCheck {
  name: string;
  passed: boolean;
}

/** What the formatter looks at. */
export const FORMATTED = ["**/*.{ts,mjs,js,json}"];

const CHECKS: [name: string, script: string, args: string[]][] = [
  ["types (tsc)", "typescript/bin/tsc", ["--noEmit"]],
  ["rules (eslint)", "eslint/bin/eslint.js", ["--max-warnings", "0", "."]],
  ["formatting (prettier)", "prettier/bin/prettier.cjs", ["--check", "--log-level", "warn", ...FORMATTED]],
];

/** Runs every check, with its complaints on standard error. */
export function checkStatic(): StaticCheck[] {
  return CHECKS.map(([name, script, args]) => {
    const result = spawnSync(process.execPath, [join(root, "node_modules", script), ...args], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    const passed = result.status === 0;
    console.error(`${passed ? "ok  " : "FAIL"} ${name}`);
    return { name, passed };
  });
}
