// The one list of reasons: numbers that mean one thing each, and a test for every reason. The words of the wire that are the kernel's too.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASONS } from "../../../../agent/wire/reasons.js";
import { pstate } from "../../../../agent/wire/reports.js";
import * as kernel from "../../../../kernel/abi/reasons.js";
import { filesBelow } from "../../../structure/sources.js";

const reasons = suite("reasons");

reasons("numbers are used once, without gaps, above every number of the kernel", () => {
  const numbers = Object.values(REASONS);
  assert.equal(
    numbers,
    numbers.map((_, index) => 256 + index),
  );
  assert.ok(Object.values(kernel).every((number) => number < 256));
});

reasons("every reason is what some test expects", () => {
  const tests = ["test/security", "test/unit/agent"]
    .flatMap(filesBelow)
    .filter((path) => path.endsWith(".test.ts") && !path.endsWith("wire/reasons.test.ts"));
  const text = tests.map((path) => readFileSync(path, "utf8")).join("");
  assert.equal(
    Object.keys(REASONS).filter((reason) => !text.includes(`"${reason}"`)),
    [],
  );
});

reasons("states of a partition have the kernel's numbers", () => {
  const states = ["DEFINED", "ADMITTED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "LOCKED"] as const;
  for (const state of states) {
    assert.is(pstate.read(kernel[`STATE_${state}`], ""), state.toLowerCase());
  }
});

reasons.run();
