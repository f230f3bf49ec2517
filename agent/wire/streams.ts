// Messages that carry no claims: the answer to an enrolment, audit records, log and console bytes, the fleet's own state.

import { encode } from "./cbor.ts";
import { secs, sha256, u53 } from "./common.ts";
import { bool, bytes, list, optional, record, required, rule, text, uint, type TypeOf } from "./schema.ts";

export const enrolGrant = rule(
  "enrol-grant",
  record({
    /** PEM. */
    certificate: required(1, text()),
    rootDocument: required(2, bytes()),
    brokers: required(3, list(text(), 1)),
    consentQuestions: required(4, list(text())),
  }),
);
export type EnrolGrant = TypeOf<typeof enrolGrant>;

export const auditBatch = rule(
  "audit-batch",
  record({
    first: required(1, u53),
    /** The chain's value before the first record. */
    chain: required(2, sha256),
    records: required(3, list(bytes(16, 128))),
    lostCount: required(4, uint),
    /** The device's, over the other four. */
    signature: required(5, bytes(64)),
  }),
);
export type AuditBatch = TypeOf<typeof auditBatch>;

/** What the signature of a batch covers. The first text keeps it apart from every other signature of the device's (RFC 9052 §4.4 has
 *  "Signature1" and "Signature" there). */
export function auditSigned({ first, chain, records, lostCount }: Omit<AuditBatch, "signature">): Uint8Array {
  return encode(["AuditBatch", first, chain, records, lostCount]);
}

export const fleetState = rule("fleet-state", record({ alive: required(1, bool), time: required(2, secs) }));
export type FleetState = TypeOf<typeof fleetState>;

export const logChunk = rule(
  "log-chunk",
  record({
    sequence: required(1, u53),
    time: required(2, secs),
    bytes: required(3, bytes(0, 16_384)),
    lostCount: optional(4, uint),
  }),
);
export type LogChunk = TypeOf<typeof logChunk>;

export const consoleChunk = rule("console-chunk", logChunk);
