// npm run lint: types, lint rules and formatting, for both languages. Changes nothing.

import { checkStatic } from "./static-checks.ts";

if (process.argv.includes("--help")) {
  console.log(
    "usage: npm run lint\nChecks types (tsc), rules (eslint) and formatting (prettier). `npm run format` mends the last.",
  );
  process.exit(0);
}
process.exitCode = checkStatic().some((check) => !check.passed) ? 1 : 0;
