// A governance file that is gone is damage wherever something else says that there was one.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HostError } from "../../../../../agent/failure.js";
import { governanceOf } from "../../../../../agent/host/management/membership.js";
import { firstGovernance, writeGovernance } from "../../../../../agent/shell/governance.js";
import { DEVICE, fleetTrust } from "../../../../support/signed.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const test = suite("agent/host/management/membership");

/** A handset's folders with these files in them. */
function foldersWith(...files: string[]): [monitor: string, agent: string] {
  const folder = temporaryFolder();
  for (const folderName of ["monitor", "agent"]) mkdirSync(join(folder, folderName));
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "x");
  }
  return [join(folder, "monitor"), join(folder, "agent")];
}

const TRACES = [
  "agent/enrolment.json",
  "agent/device.key",
  "monitor/audit.told",
  "monitor/disks/mail/wiped",
  "monitor/codes/mail",
];
for (const trace of TRACES) {
  test(`no governance file beside ${trace}: nothing starts, and it says why and what to do`, () => {
    try {
      governanceOf(...foldersWith(trace));
    } catch (error) {
      assert.instance(error, HostError);
      const { code, message, hint } = error as HostError;
      assert.is(code, "GOVERNANCE_MISSING");
      assert.match(message, trace.split("/").slice(1).join("/"));
      assert.match(hint ?? "", /pocketvisor enrol/);
      return;
    }
    throw new Error("it starts as if it belonged to no fleet");
  });
}

test("a handset that never joined is nobody's: neither its audit, its keys nor a refused enrolment's key says otherwise", () => {
  const own = [
    "monitor/audit.log",
    "monitor/owner.key",
    "agent/joining.key",
    "monitor/disks/mail/key",
    "monitor/disks/mail/layer",
  ];
  assert.is(governanceOf(...foldersWith(...own)), null);
});

test("a folder of a vault that was emptied when the handset left its fleet is no trace", () => {
  const [monitor, agent] = foldersWith();
  mkdirSync(join(monitor, "disks", "mail"), { recursive: true });
  mkdirSync(join(monitor, "codes"));
  assert.is(governanceOf(monitor, agent), null);
});

test("with the file, the traces are what they should be", () => {
  const [monitor, agent] = foldersWith(...TRACES);
  writeGovernance(join(monitor, "governance"), firstGovernance(DEVICE.id, fleetTrust()));
  assert.equal(governanceOf(monitor, agent)?.device, DEVICE.id);
});

test.run();
