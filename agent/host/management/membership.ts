// Whether a handset belongs to a fleet. The governance file says so; but a file that is gone says nothing, and what lies beside it does: a
// device key, an enrolment, a note of what the fleet has been told, codes, marks of wipes. Absent where these are there is damage, and damage must not
// set the work side free. (Encrypted disks say nothing: a handset file may ask for them without a fleet.)

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { HostError } from "../../failure.ts";
import { readGovernance, type Governance } from "../../shell/governance.ts";
import { AUDIT_NOTE } from "../audit/note.ts";

/** What governs the handset; null when it belongs to no fleet. Throws HostError GOVERNANCE_DAMAGED, and GOVERNANCE_MISSING when the file is gone
 *  and other files say that there was one. */
export function governanceOf(monitorFolder: string, agentFolder: string): Governance | null {
  const path = join(monitorFolder, "governance");
  const governance = readGovernance(path);
  if (governance !== null) return governance;
  const traces = tracesOf(monitorFolder, agentFolder);
  if (traces.length === 0) return null;
  throw new HostError(
    "GOVERNANCE_MISSING",
    `${path} is gone, but this handset belonged to a fleet: ${traces.join(", ")} ${traces.length === 1 ? "is" : "are"} there. ` +
      "Nobody knows any more which policies and locks are in force, so nothing starts",
    "Put the file back from a copy. Or enrol the handset again: pocketvisor enrol URI",
  );
}

/** Files that only a handset in a fleet has, by their paths. */
function tracesOf(monitorFolder: string, agentFolder: string): string[] {
  const disks = join(monitorFolder, "disks");
  const codes = join(monitorFolder, "codes");
  return [
    ...["enrolment.json", "device.key"].map((name) => join(agentFolder, name)),
    join(monitorFolder, AUDIT_NOTE),
    ...namesIn(disks).map((partition) => join(disks, partition, "wiped")),
    ...namesIn(codes).map((name) => join(codes, name)),
  ].filter((path) => existsSync(path));
}

/** The names in a folder; none when it is not there. */
function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
