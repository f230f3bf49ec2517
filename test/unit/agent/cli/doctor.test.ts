// `doctor` knows every product of the build, and what the engine does not know.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unknownFlags } from "../../../../agent/cli/doctor.js";
import { NEEDED } from "../../../../scripts/stale.mjs";
import { pocketvisor } from "../../../support/pocketvisor.js";

const doctor = suite("doctor");

doctor("every product of the build has its row", async () => {
  const { status, stdout } = await pocketvisor(["doctor"]);
  assert.is(status, 0, stdout);
  for (const product of NEEDED) assert.ok(stdout.includes(`ok      ${product}\n`), `${product} in:\n${stdout}`);
});

doctor("a flag that the engine has lost is named; one with a value, or negated, is found", () => {
  const help = "  --wasm-lazy (lazily)\n        type: bool\n  --budget (bytes)\n        type: int  default: --gone=1\n";
  assert.equal(unknownFlags(["--no-wasm-lazy", "--budget=800", "--gone"], help), ["--gone"]);
});

doctor.run();
