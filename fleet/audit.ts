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
  /** The beginnings of the hashes of the last records, without a gap, in hexadecimal: what comes once more is held against them. */
  tail?: string[];
  /** It told another story once: nothing is believed any more that does not go on from what was seen. */
  forked?: true;
}

export interface AuditFinding {
  holds: boolean;
  text: string;
  /** It is another story than was told before, signed with the device's own key. */
  isForked?: true;
}

const TAIL_MAX = 1024;
const TAIL_CHARACTERS = 16;

/** Checks a batch, and notes its end if it holds. A batch that does not goes unnoted; and when it told another story, nothing after it holds that does
 *  not go on from what was seen, until a person has looked into it (fleet clear). */
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
  if (last === undefined) return { holds: true, text: `audit: ${lostCount} records lost before record ${first}` };
  const forked = (why: string): AuditFinding => {
    if (seen !== null && seen.forked !== true) store.writeJson({ ...seen, forked: true } satisfies Seen, ...place);
    return { ...broken(why), isForked: true };
  };
  const end = first + records.length - 1;
  const tail = records.map((record) => startOf(chainOf(record)));
  if (seen === null) {
    const note: Seen = { sequence: end, chain: toHex(chainOf(last)), tail: tail.slice(-TAIL_MAX) };
    store.writeJson(note, ...place);
    return { holds: true, text: `audit: ${records.length} records, the chain holds, from here on` };
  }
  const next = seen.sequence + 1;
  const other = firstOther(seen, first, tail);
  if (other !== null) return forked(`${next} was to come, and record ${other} was another before`);
  // A message that came twice, or late.
  if (end < next) {
    const known = first > seen.sequence - (seen.tail?.length ?? 0);
    return {
      holds: true,
      text: `audit: records ${first} to ${end} once more${known ? "" : ", older than what is kept here"}`,
    };
  }
  if (first === next && toHex(batch.chain) !== seen.chain) {
    // The device says itself that its record of what was before did not hold, or it was reset.
    if (saysBroken(records[0]!)) {
      return broken("it does not go on from what was seen before: the device says that its own copy did not hold");
    }
    return forked("it does not go on from what was seen before");
  }
  if (first > next && seen.forked === true) {
    return broken("it told another story before, and nothing shows that this goes on from what was seen");
  }
  // Behind a gap nothing is known of what was between.
  const kept = first > next ? [] : (seen.tail ?? []).slice(0, (seen.tail?.length ?? 0) - (next - first));
  const note: Seen = {
    sequence: end,
    chain: toHex(chainOf(last)),
    tail: [...kept, ...tail].slice(-TAIL_MAX),
    ...(seen.forked === true ? { forked: true } : {}),
  };
  store.writeJson(note, ...place);
  return {
    holds: true,
    text: `audit: ${records.length} records, the chain holds${gapText(first - next, lostCount)}`,
  };
}

/** The number of the first record that is another than it was; null: all that can be compared are the same. */
function firstOther(
  { sequence, chain, tail = [startOf(fromHex(chain)!)] }: Seen,
  first: number,
  told: string[],
): number | null {
  const tailFirst = sequence - tail.length + 1;
  for (const [at, start] of told.entries()) {
    const before = tail[first + at - tailFirst];
    if (first + at >= tailFirst && before !== undefined && before !== start) return first + at;
  }
  return null;
}

const startOf = (chain: Uint8Array): string => toHex(chain).slice(0, TAIL_CHARACTERS);

/** What lies between the last that was seen and this one. */
function gapText(missing: number, lostCount: number): string {
  if (missing <= 0) return "";
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
  const { sequence, chain, tail = [], forked = true } = (value ?? {}) as Partial<Seen>;
  return (
    Number.isSafeInteger(sequence) &&
    sequence! >= 0 &&
    /^[0-9a-f]{64}$/.test(String(chain)) &&
    Array.isArray(tail) &&
    tail.length <= TAIL_MAX &&
    tail.every((each) => /^[0-9a-f]{16}$/.test(each)) &&
    forked === true
  );
}
