// Tests that need something this computer may lack. A skipped test always says what is missing.

import type { Callback, Test } from "uvu";

/** Adds a test to `suite`, or, when `missing` names something that is not here, counts it as skipped and prints why. */
export function testUnless<T>(suite: Test<T>, missing: string | null, name: string, body: Callback<T>): void {
  if (missing === null) {
    suite(name, body);
    return;
  }
  suite.skip(name, body);
  process.stdout.write(`\nskip: ${name}: ${missing}\n`);
}
