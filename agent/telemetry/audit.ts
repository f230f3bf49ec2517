// Audit records on their way: the chain tells whether one is missing, the device's signature whose they are.

import { AUDIT_BYTES, AUDIT_CHAIN } from "../../kernel/abi/hypervisor.ts";
import type { AuditRecords } from "../agent-messages.ts";
import type { DeviceKey } from "../identity/device-key.ts";
import { auditSigned, type AuditBatch } from "../wire/streams.ts";

/** Records of one batch: 128 bytes each at most, so that a batch stays far below what a broker takes. */
const RECORDS_MAX = 128;

/** Signs records, in as many batches as they take. */
export async function signAudit(
  { first, chain, records, lostCount }: AuditRecords,
  key: DeviceKey,
): Promise<AuditBatch[]> {
  const batches: AuditBatch[] = [];
  for (let at = 0; at < records.length || (at === 0 && lostCount > 0); at += RECORDS_MAX) {
    const part = records.slice(at, at + RECORDS_MAX);
    const before = at === 0 ? chain : records[at - 1]!.slice(AUDIT_CHAIN, AUDIT_BYTES);
    const batch = { first: first + at, chain: before, records: part, lostCount: at === 0 ? lostCount : 0 };
    batches.push({ ...batch, signature: await key.sign(auditSigned(batch)) });
  }
  return batches;
}
