// Whether a device's audit holds: each batch is signed by the device's key, its records are a chain of hashes, and each batch goes on from the one
// before. What was seen last is kept in the tenant's folder, so that a device cannot tell another story after the operator has looked away.
//
// A device whose owner has its key can write any story from the beginning. What it cannot do is change one that the fleet has seen.

import { createHash } from "node:crypto";
import {
  AUDIT_BYTES,
  AUDIT_CHAIN,
  AUDIT_INIT,
  AUDIT_KIND,
  AUDIT_REASON,
  AUDIT_SEQUENCE,
  CHAIN_BROKEN,
} from "../kernel/abi/hypervisor.ts";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { equalBytes, fromHex, toHex } from "../agent/wire/bytes.ts";
import { strictly } from "../agent/wire/ed25519.ts";
import { auditSigned, type AuditBatch } from "../agent/wire/streams.ts";
import type { EnrolledDevice } from "./devices.ts";
import type { FleetStore } from "./store.ts";

/** The last record that was seen of a device. */
interface Seen {
  sequence: number;
  /** Hexadecimal. */
  chain: string;
}

export interface AuditFinding {
  holds: boolean;
  text: string;
}

/** Checks a batch, and notes its end if it holds. A batch that does not goes unnoted: what follows it does not hold either, until it is looked into. */
export function checkAudit(store: FleetStore, device: EnrolledDevice, batch: AuditBatch): AuditFinding {
  const { first, records, lostCount } = batch;
  const broken = (why: string): AuditFinding => ({ holds: false, text: `AUDIT BROKEN at record ${first}: ${why}` });
  if (!strictly(nodeCrypto.verify)(fromHex(device.key)!, auditSigned(batch), batch.signature)) {
    return broken("the batch is not signed with the device's key");
  }
  const inside = checkRecords(batch);
  if (inside !== null) return broken(inside);
  const place = ["audit", `${device.name}.json`];
  const seen = store.readJson(isSeen, ...place);
  const last = records.at(-1);
  const [next, end] = [seen === null ? first : seen.sequence + 1, first + records.length - 1];
  if (last === undefined) return { holds: true, text: `audit: ${lostCount} records lost before record ${first}` };
  if (seen !== null && end <= seen.sequence) {
    // A message that came twice; of an older one only its own chain can be told.
    const same = end < seen.sequence || toHex(chainOf(last)) === seen.chain;
    return same
      ? { holds: true, text: `audit: records ${first} to ${end} once more` }
      : broken("it was another before");
  }
  // Some of it comes twice, after a kill on the device: then what was seen last is in it, as it was.
  const again = seen === null || first >= next ? null : records[seen.sequence - first]!;
  if (again !== null && toHex(chainOf(again)) !== seen!.chain)
    return broken(`${next} was to come, and it was another before`);
  if (seen !== null && first === next && toHex(batch.chain) !== seen.chain) {
    // The device says itself that its record of what was before did not hold, or it was reset.
    const said = saysBroken(records[0]!) ? ": the device says that its own copy did not hold" : "";
    return broken(`it does not go on from what was seen before${said}`);
  }
  store.writeJson({ sequence: end, chain: toHex(chainOf(last)) } satisfies Seen, ...place);
  return {
    holds: true,
    text: `audit: ${records.length} records, the chain holds${gapText(first - next, lostCount, seen)}`,
  };
}

/** What lies between the last that was seen and this one. */
function gapText(missing: number, lostCount: number, seen: Seen | null): string {
  if (seen === null) return ", from here on";
  if (missing === 0) return "";
  const unsaid = missing - lostCount;
  const lost = lostCount === 0 ? "" : `; ${lostCount} before it were lost on the device`;
  return unsaid <= 0 ? lost : `${lost}; ${unsaid} before it were not seen here`;
}

/** What is wrong with a batch by itself; null: nothing. */
function checkRecords({ first, chain, records }: AuditBatch): string | null {
  let before = chain;
  for (const [at, record] of records.entries()) {
    if (record.length !== AUDIT_BYTES) return "a record is none";
    if (viewOf(record).getBigUint64(AUDIT_SEQUENCE, true) !== BigInt(first + at))
      return "its numbers do not follow one another";
    const hash = createHash("sha256").update(before).update(record.subarray(0, AUDIT_CHAIN)).digest();
    if (!equalBytes(hash, chainOf(record)))
      return `the hash of record ${first + at} is not that of its contents and of what was before`;
    before = chainOf(record);
  }
  return null;
}

const chainOf = (record: Uint8Array): Uint8Array => record.subarray(AUDIT_CHAIN, AUDIT_BYTES);
const viewOf = (record: Uint8Array): DataView => new DataView(record.buffer, record.byteOffset, record.length);

function saysBroken(record: Uint8Array): boolean {
  const view = viewOf(record);
  return view.getUint16(AUDIT_KIND, true) === AUDIT_INIT && view.getUint32(AUDIT_REASON, true) === CHAIN_BROKEN;
}

function isSeen(value: unknown): value is Seen {
  const { sequence, chain } = (value ?? {}) as Partial<Seen>;
  return Number.isSafeInteger(sequence) && sequence! >= 0 && /^[0-9a-f]{64}$/.test(String(chain));
}
