// The audit ring: SHA-256 chains each record to the one before it; losses are counted and told.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { Hypervisor, auditChain, type AuditRecord } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

/** The last hash of the chain that goes on from `previous`, or undefined when it is broken. */
function chain(
  records: AuditRecord[],
  previous: Uint8Array = new Uint8Array(32),
  sequence = 0n,
): Uint8Array | undefined {
  for (const record of records) {
    const hash = record.bytes.slice(abi.AUDIT_CHAIN);
    if (record.sequence !== sequence++) return undefined;
    if (Buffer.from(hash).toString("hex") !== auditChain(previous, record)) return undefined;
    previous = hash;
  }
  return previous;
}

const audit = suite("audit");

audit("each record carries SHA-256 of the hash before it and its own first half (FIPS 180-4)", () => {
  const random = new Random(2);
  const real = new Hypervisor();
  let records: AuditRecord[] = [];
  let last: Uint8Array = new Uint8Array(32);
  let next = 0n;
  for (let n = 0; n < 2000; n++) {
    real.exports.auditNote(random.u32() & 0xffff, random.u32(), random.u32(), random.u32());
    if (random.oneIn(100)) {
      records = real.audit();
      last = chain(records, last, next)!;
      assert.ok(last, `the chain up to ${n}`);
      next += BigInt(records.length);
    }
  }
  assert.ok(next > 1000n);
  records = real.audit();
  last = chain(records, last, next)!;
  assert.is(real.auditHash(), Buffer.from(last).toString("hex"));
});

audit("a record that is changed, left out or moved breaks the chain", () => {
  const real = new Hypervisor();
  for (let n = 0; n < 10; n++) real.exports.auditNote(1, n, n, 0);
  const records = real.audit();
  assert.ok(chain(records));
  const flipped = records.map((record, n) =>
    n === 5 ? { ...record, bytes: record.bytes.map((b, at) => b ^ +(at === 24)) } : record,
  );
  assert.not.ok(chain(flipped));
  assert.not.ok(chain(records.filter((_, n) => n !== 5).map((record, n) => ({ ...record, sequence: BigInt(n) }))));
  const swapped = [...records];
  [swapped[4], swapped[5]] = [swapped[5]!, swapped[4]!];
  assert.not.ok(chain(swapped));
});

audit("a full ring loses new records, counts them, and says so before the next one that fits", () => {
  const real = new Hypervisor();
  for (let n = 0; n < abi.AUDIT_COUNT + 99; n++) real.exports.auditNote(1, n, 0, 0);
  assert.is(real.view.getUint32(abi.AUDIT_LOST, true), 100, "the record of the start is in the ring too");
  const first = real.audit();
  assert.is(first.length, abi.AUDIT_COUNT);
  real.exports.auditNote(1, 4711, 0, 0);
  const second = real.audit();
  assert.equal(
    second.map(({ kind, value, reason }) => [kind, value, reason]),
    [
      [abi.AUDIT_GAP, 100n, 0],
      [abi.AUDIT_HOST, 0n, 4711],
    ],
  );
  assert.ok(chain([...first, ...second]));
});

audit("with room for one, a gap is not told alone and what follows is not lost silently", () => {
  const real = new Hypervisor();
  for (let n = 0; n < abi.AUDIT_COUNT + 5; n++) real.exports.auditNote(1, n, 0, 0);
  real.view.setUint32(abi.AUDIT_TAIL, 1, true);
  real.exports.auditNote(1, 1, 0, 0);
  assert.is(real.view.getUint32(abi.AUDIT_LOST, true), 7);
  real.view.setUint32(abi.AUDIT_TAIL, 2, true);
  real.exports.auditNote(1, 2, 0, 0);
  const records = real.audit();
  assert.equal(
    records.slice(-2).map(({ kind, value }) => [kind, value]),
    [
      [abi.AUDIT_GAP, 7n],
      [abi.AUDIT_HOST, 0n],
    ],
  );
});

audit("refusals, changes of budget and the start are recorded with their numbers", () => {
  const real = new Hypervisor({ ram: 100n });
  const id = real.define({ memory: 101n });
  real.exports.partitionAdmit(id);
  real.budget(id, { memory: 5n, budget: 200, period: 3_000 });
  assert.equal(
    real.audit().map(({ kind, partition, reason, value }) => [kind, partition, reason, value]),
    [
      [abi.AUDIT_INIT, abi.NO_PARTITION, 0, BigInt(abi.CLOCK_VIRTUAL)],
      [abi.AUDIT_STATE, id, 0, BigInt(reasons.STATE_DEFINED)],
      [abi.AUDIT_REFUSED, id, reasons.ADMIT_MEMORY, 101n],
      [abi.AUDIT_BUDGET, id, abi.CLASS_GUARANTEED, 200n | (3_000n << 32n)],
    ],
  );
});

audit.run();
