// The schema table: every rule of the wire, in the order in which it is printed. `wire.cddl` beside this file says the same.

import { ack, ackStatus, command, verb } from "./commands.ts";
import {
  anyArgs,
  cmdId,
  devid,
  epoch,
  label,
  name,
  partId,
  partInfo,
  pubkey,
  secs,
  sha256,
  target,
  tri,
  u53,
} from "./common.ts";
import { multi, prot, signature, signed } from "./cose.ts";
import { consent, desired, enrolRequest, groupsDoc, image, lockDoc, nowDoc, role, root, timeDoc } from "./documents.ts";
import { docType } from "./kinds.ts";
import { policy } from "./policy.ts";
import {
  appRule,
  deviceAccess,
  devKind,
  enforcement,
  imageRule,
  location,
  netRule,
  network,
  sharing,
  unlock,
} from "./policy-access.ts";
import { budget, offline, power, telemetryRule, updates } from "./policy-budgets.ts";
import {
  battery,
  compliance,
  diskProtection,
  eventMsg,
  gap,
  info,
  partSample,
  pstate,
  reported,
  sample,
  stateMsg,
  telemetryMsg,
} from "./reports.ts";
import { printRules, type Rule } from "./schema.ts";
import { auditBatch, consoleChunk, enrolGrant, fleetState, logChunk } from "./streams.ts";

export const TABLE: readonly Rule<unknown>[] = [
  ...[u53, secs, devid, partId, name, label, sha256, cmdId, target, epoch, pubkey, tri, anyArgs],
  ...[signed, multi, signature, prot, docType],
  ...[role, root, timeDoc, nowDoc, lockDoc, desired, groupsDoc],
  ...[policy, budget, imageRule, appRule, devKind, deviceAccess, netRule, network, sharing, unlock, location, power],
  ...[telemetryRule, offline, updates, enforcement],
  ...[verb, command, ackStatus, ack],
  ...[
    stateMsg,
    info,
    partInfo,
    telemetryMsg,
    sample,
    battery,
    partSample,
    pstate,
    gap,
    eventMsg,
    reported,
    compliance,
    diskProtection,
  ],
  ...[consent, enrolRequest, enrolGrant, image, auditBatch, fleetState, logChunk, consoleChunk],
];

/** The table as CDDL (RFC 8610). */
export function printTable(): string {
  return printRules(TABLE);
}
