// The audit for people: records in words, and whether the chain holds.

import {
  AUDIT_BUDGET,
  AUDIT_FAULT,
  AUDIT_GAP,
  AUDIT_GRANT,
  AUDIT_HOST,
  AUDIT_INIT,
  AUDIT_LEFT_OUT,
  AUDIT_REFUSED,
  AUDIT_REVOKE,
  AUDIT_STATE,
  CHAIN_BOUND,
  CHAIN_BROKEN,
  NO_PARTITION,
} from "../../../kernel/abi/hypervisor.ts";
import { auditOrigin, type AuditRecord } from "./chain.ts";
import type { AuditReading } from "./log.ts";
import { actionText, askedText, reasonText, stateName } from "../between/reason-text.ts";
import type { AuditEntry, AuditView } from "../../view.ts";

const KINDS: Record<number, string> = {
  [AUDIT_INIT]: "start",
  [AUDIT_STATE]: "state",
  [AUDIT_FAULT]: "fault",
  [AUDIT_REFUSED]: "refused",
  [AUDIT_BUDGET]: "budget",
  [AUDIT_GRANT]: "grant",
  [AUDIT_REVOKE]: "revoke",
  [AUDIT_GAP]: "gap",
  [AUDIT_HOST]: "host",
  [AUDIT_LEFT_OUT]: "left-out",
};

/** What `audit` answers. `nameOf` knows the partitions of the last start, and what was before it has their numbers alone. */
export function auditView(
  { report, records, originMs }: AuditReading,
  nameOf: (partition: number) => string | undefined,
): AuditView {
  const started = records.findLastIndex(({ kind }) => kind === AUDIT_INIT);
  let origin = originMs;
  const entries = records.map((record, n): AuditEntry => {
    const { partition, kind } = record;
    if (kind === AUDIT_INIT) origin = auditOrigin(record);
    const named = (id: number): string => (n > started ? nameOf(id) : undefined) ?? `partition ${id}`;
    return {
      sequence: Number(record.sequence),
      at: origin === null ? null : moment(origin + record.time / 1_000_000n),
      timeNs: Number(record.time),
      partition: partition === NO_PARTITION ? null : named(partition),
      kind: KINDS[kind] ?? `kind ${kind}`,
      text: textOf(record, named),
    };
  });
  const { holds, problems, recordCount, lostCount, hash } = report;
  return {
    holds,
    problems,
    recordCount,
    lostCount,
    hash: Buffer.from(hash).toString("hex"),
    records: entries,
  };
}

/** ISO 8601; null for what no calendar holds. */
function moment(milliseconds: bigint): string | null {
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function textOf({ kind, partition, reason, value }: AuditRecord, named: (partition: number) => string): string {
  const because = reason === 0 ? "" : `: ${reasonText(reason)}`;
  const low = Number(value & 0xffff_ffffn);
  const high = Number(value >> 32n);
  switch (kind) {
    case AUDIT_INIT: {
      const time = (value & 1n) === 1n ? "virtual time" : "real time";
      if (reason === CHAIN_BOUND) return `the handset started in ${time}; the chain goes on from the start before`;
      if (reason === CHAIN_BROKEN) return `the handset started in ${time}; what was before does not hold together`;
      return `the handset started in ${time}; nothing was before`;
    }
    case AUDIT_STATE:
      return `${stateName(low)}${because}`;
    case AUDIT_FAULT:
      return `${reasonText(reason)}: ${actionText(low)}`;
    case AUDIT_REFUSED:
      return askedText(reason, value);
    case AUDIT_BUDGET:
      return low === 0 ? "no processor time is guaranteed" : `${low / 1000} ms in ${high / 1000} ms`;
    case AUDIT_GRANT: {
      const half = (n: number): number => Number((value >> BigInt(16 * n)) & 0xffffn);
      const from = `${named(partition)} port ${half(1)}`;
      return `channel ${half(0)} from ${from} to ${named(half(2))} port ${half(3)}`;
    }
    case AUDIT_REVOKE:
      return `channel ${value}`;
    case AUDIT_GAP:
      return `${value} records found the ring full and were lost here`;
    case AUDIT_LEFT_OUT:
      return value === 0n
        ? "it fails more often than its share of the audit holds: what follows of that is counted, not written"
        : `${value} records of its failures and restarts were left out here`;
    default:
      return `${reasonText(reason)}${value > 1n ? ` (${value})` : ""}`;
  }
}
