// Millions of random instructions against the live oracles, instead of the recorded sample of `npm test`. Seeds are fixed, so that a run repeats;
// `npm run oracle -- --seed N` makes others.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { programPath } from "../../agent/paths.js";
import { QEMU } from "../support/qemu-virt.js";
import { testUnless } from "../support/skip.js";

const BOOTSTRAP = fileURLToPath(new URL("../../scripts/bootstrap.mjs", import.meta.url));
/** About a quarter of an hour in all, on two cores that do nothing else. */
const CORE_COUNT = 5_000_000;
const NEON_COUNT = 10_000_000;
const TRANSLATED_COUNT = 2_000_000;

const missing = ["qemu-arm", QEMU].filter((program) => programPath(program) === null);
const absent = missing.length > 0 ? `no ${missing.join(" and no ")} here` : null;

/** Runs `npm run oracle` with `args`; its output. */
function oracle(...args: string[]): string {
  const result = spawnSync(process.execPath, [BOOTSTRAP, "oracle", ...args], { encoding: "utf8" });
  if (result.error) throw result.error;
  assert.is(result.status, 0, `${result.stdout.slice(-4000)}${result.stderr.slice(-1000)}`);
  return result.stdout;
}

const long = suite("isa/oracle, long");

testUnless(long, absent, `${CORE_COUNT} instructions without Advanced SIMD, and as many privileged ones`, () => {
  const text = oracle("--only", "core", "--seed", "20261201", "--count", `${CORE_COUNT}`);
  assert.match(text, /core sequences: \d+ of [5-9]\d{6} instructions executed, all equal/);
  assert.match(text, /privileged sequences: \d+, all equal/);
  assert.match(text, / 0 forms differ/);
});

testUnless(long, absent, `${NEON_COUNT} instructions of Advanced SIMD, and the words that are none`, () => {
  const text = oracle("--only", "neon", "--seed", "20261202", "--count", `${NEON_COUNT}`);
  assert.match(text, /neon sequences: \d+ of 1\d{7} instructions executed, all equal/);
  assert.match(text, / 0 are Undefined on one side only/);
});

long(`${TRANSLATED_COUNT} instructions interpreted and as translated code end alike`, () => {
  const text = oracle("--translate", `${TRANSLATED_COUNT}`, "--seed", "20261203");
  for (const kind of ["core", "neon"])
    assert.match(text, new RegExp(`translated: \\d+ ${kind} sequences of \\d{7} instructions, all as interpreted`));
});

long.run();
