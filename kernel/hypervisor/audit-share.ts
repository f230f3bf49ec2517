// Each partition's share of the audit. What a partition does of itself, failing and coming back, it can do many times a second; the host keeps a
// bounded number of records, and those of all others lie among them. So a partition's failures have a share: AUDIT_SHARE_BURST at once, and
// one more every AUDIT_SHARE_SECONDS. A failure beyond it is left out of the chain together with the restart that follows it. A
// record says where that begins, and another one says how many were left out, before the next that the partition is given.
//
// What somebody does to a partition is no part of this: a command, a policy, the end of its life. Such records are always written.

import {
  AUDIT_LEFT_OUT,
  AUDIT_SHARES,
  AUDIT_SHARE_BURST,
  AUDIT_SHARE_BYTES,
  AUDIT_SHARE_SECONDS,
} from "../abi/hypervisor";
import { auditPut } from "./audit";
import { state } from "./state";

const PERIOD: u64 = <u64>AUDIT_SHARE_SECONDS * 1_000_000_000;


@unmanaged
class Share {
  /** When the whole burst will be there again, ns: the generic cell rate algorithm's theoretical arrival time (ITU-T I.371). */
  fullAt: u64;
  leftOutCount: u32;
  /** 1 while its records are left out. */
  quiet: u32;
}

// @ts-ignore: decorator
@inline
function shareOf(id: u32): Share {
  return changetype<Share>(AUDIT_SHARES + id * AUDIT_SHARE_BYTES);
}

/** Partition `id` failed: decides whether the records of that, up to its restart, are written. */
export function auditFailure(id: u32): void {
  const share = shareOf(id);
  const from = max<u64>(share.fullAt, state.now);
  if (from - state.now <= <u64>(AUDIT_SHARE_BURST - 1) * PERIOD) {
    share.fullAt = from + PERIOD;
    auditTell(id);
  } else if (!share.quiet) {
    share.quiet = 1;
    auditPut(AUDIT_LEFT_OUT, id, 0, 0);
  }
}

/** A record of what partition `id` does of itself. */
export function auditOwn(kind: u32, id: u32, reason: u32, value: u64): void {
  const share = shareOf(id);
  if (share.quiet) share.leftOutCount++;
  else auditPut(kind, id, reason, value);
}

/** What follows of partition `id` is written; what was left out before it is told. */
export function auditTell(id: u32): void {
  const share = shareOf(id);
  if (!share.quiet) return;
  share.quiet = 0;
  const count = share.leftOutCount;
  share.leftOutCount = 0;
  if (count) auditPut(AUDIT_LEFT_OUT, id, 0, <u64>count);
}
