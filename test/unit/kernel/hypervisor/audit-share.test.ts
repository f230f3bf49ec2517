// A partition's share of the audit: one that fails without end neither fills the chain nor hides what others do.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, scripted, type FakeGuest } from "../../../support/fake-guest.js";
import { Hypervisor, auditChain, type AuditRecord, type Contract } from "../../../support/hypervisor.js";

const BURST = abi.AUDIT_SHARE_BURST;
const PERIOD_MS = abi.AUDIT_SHARE_SECONDS * 1000;
const BACKOFF_MS = 500;

const always = (action: number): [number[], number[]] => {
  const row = Array<number>(reasons.FAIL_COUNT).fill(action);
  return [row, row];
};
const RESTARTED: Contract = {
  actions: always(reasons.ACTION_RESTART),
  backoffFirst: BACKOFF_MS,
  backoffMax: BACKOFF_MS,
};
const dog = (): FakeGuest => scripted({ burn: 10 }, { want: reasons.RUN_WATCHDOG });

/** Runs for so many milliseconds as a host that restarts what is due and fetches records often; returns them. */
function records(real: Hypervisor, milliseconds: number): AuditRecord[] {
  real.onWant = (id, want) => {
    if (want !== reasons.WANT_RESTART) return;
    real.install(id, dog());
    real.must(real.exports.partitionStart(id), "partitionStart");
  };
  const found = real.audit();
  for (let done = 0; done < milliseconds; done += 10 * BACKOFF_MS) {
    real.runFor(10 * BACKOFF_MS);
    found.push(...real.audit());
  }
  return found;
}

const holds = (found: AuditRecord[]): boolean => {
  let last: Uint8Array = new Uint8Array(32);
  return found.every((record, n) => {
    const right = auditChain(last, record);
    last = record.bytes.slice(abi.AUDIT_CHAIN);
    return record.sequence === BigInt(n) && Buffer.from(last).toString("hex") === right;
  });
};
const ofKind = (found: AuditRecord[], id: number, kind: number): AuditRecord[] =>
  found.filter((record) => record.partition === id && record.kind === kind);
const leftOut = (found: AuditRecord[], id: number): number[] =>
  ofKind(found, id, abi.AUDIT_LEFT_OUT).map(({ value }) => Number(value));

const share = suite("audit share");

share("beyond its share a partition's failures are counted, one in a period is written, and the chain holds", () => {
  const real = new Hypervisor();
  const id = real.start(dog(), RESTARTED);
  const periods = 5;
  const found = records(real, periods * PERIOD_MS);
  const restarts = real.u32(id, abi.PARTITION_RESTARTS);
  assert.ok(restarts > periods * 500, `${restarts} restarts`);
  assert.ok(holds(found));
  const faults = ofKind(found, id, abi.AUDIT_FAULT);
  assert.ok(faults.length >= BURST + periods - 1 && faults.length <= BURST + periods + 1, `${faults.length} faults`);
  assert.ok(found.length < 4 * (BURST + 2 * periods), `${found.length} records`);
  assert.is(real.view.getUint32(abi.AUDIT_LOST, true), 0);
});

share("what was left out is told to the last record: a failure has three", () => {
  const real = new Hypervisor();
  const id = real.start(dog(), RESTARTED);
  const found = records(real, 2.5 * PERIOD_MS);
  real.must(real.exports.partitionStop(id, reasons.STOP_COMMAND), "partitionStop");
  found.push(...real.audit());
  const restarts = real.u32(id, abi.PARTITION_RESTARTS);
  const written = ofKind(found, id, abi.AUDIT_FAULT).length;
  const counted = leftOut(found, id).reduce((sum, count) => sum + count, 0);
  // It may have been stopped before the last failure's third one.
  assert.is(Math.ceil(counted / 3), restarts - written);
  const [end, count] = [found.at(-1)!, found.at(-2)!];
  assert.equal(
    [end.kind, end.value, end.reason],
    [abi.AUDIT_STATE, BigInt(reasons.STATE_STOPPED), reasons.STOP_COMMAND],
  );
  assert.is(count.kind, abi.AUDIT_LEFT_OUT);
  assert.is(leftOut(found, id)[0], 0, "where it begins is said before anything is left out");
  assert.ok(holds(found));
});

share("what others do to it, and what happens to others, is written all the same", () => {
  const real = new Hypervisor();
  const noisy = real.start(dog(), RESTARTED);
  const quiet = real.start(burner(), RESTARTED);
  records(real, BURST * 2 * BACKOFF_MS);
  assert.equal(ofKind(records(real, 10 * BACKOFF_MS), noisy, abi.AUDIT_FAULT), [], "it is beyond its share");
  real.exports.auditNote(noisy, reasons.ACCESS_CONSOLE, 0, 0);
  real.must(real.budget(noisy, { ...RESTARTED, budget: 200, period: 3_000 }), "partitionBudget");
  real.exports.partitionFail(quiet, reasons.FAIL_PANIC);
  real.must(real.exports.partitionLock(noisy, reasons.STOP_POLICY), "partitionLock");
  real.must(real.exports.partitionUnlock(noisy), "partitionUnlock");
  real.must(real.exports.partitionAdmit(noisy), "partitionAdmit");
  real.install(noisy, burner());
  real.must(real.exports.partitionStart(noisy), "partitionStart");
  const told = real.audit().map(({ kind, partition, value }) => [partition, kind, Number(value)]);
  assert.ok(told[4]![2]! > 0);
  assert.equal(told, [
    [noisy, abi.AUDIT_HOST, 0],
    [noisy, abi.AUDIT_BUDGET, 200 + 3_000 * 2 ** 32],
    [quiet, abi.AUDIT_FAULT, reasons.ACTION_RESTART],
    [quiet, abi.AUDIT_STATE, reasons.STATE_FAILED],
    [noisy, abi.AUDIT_LEFT_OUT, told[4]![2]],
    [noisy, abi.AUDIT_STATE, reasons.STATE_LOCKED],
    [noisy, abi.AUDIT_STATE, reasons.STATE_STOPPED],
    [noisy, abi.AUDIT_STATE, reasons.STATE_ADMITTED],
    [noisy, abi.AUDIT_STATE, reasons.STATE_RUNNING],
  ]);
});

share("somebody's start before a restart is due is written", () => {
  const real = new Hypervisor();
  const id = real.start(burner(), RESTARTED);
  for (let n = 0; n <= BURST; n++) {
    real.audit();
    real.exports.partitionFail(id, reasons.FAIL_PANIC);
    real.must(real.exports.partitionStart(id), "partitionStart");
  }
  assert.equal(
    real.audit().map(({ kind, value }) => [kind, Number(value)]),
    [
      [abi.AUDIT_LEFT_OUT, 0],
      [abi.AUDIT_LEFT_OUT, 2],
      [abi.AUDIT_STATE, reasons.STATE_RUNNING],
    ],
  );
});

share("the failure that ends a life is written, however many came before it", () => {
  const real = new Hypervisor();
  const [onFailure] = always(reasons.ACTION_RESTART);
  const [atLast] = always(reasons.ACTION_STOP);
  const id = real.start(dog(), { ...RESTARTED, actions: [onFailure, atLast], restartMax: BURST + 10 });
  const found = records(real, 2 * BURST * BACKOFF_MS);
  assert.equal(
    found.slice(-4).map(({ kind, partition, value }) => [kind, partition, Number(value)]),
    [
      [abi.AUDIT_LEFT_OUT, id, 0],
      [abi.AUDIT_LEFT_OUT, id, 10 * 3],
      [abi.AUDIT_FAULT, id, reasons.ACTION_STOP],
      [abi.AUDIT_STATE, id, reasons.STATE_FAILED],
    ],
  );
});

share("failures that are only noted have the same share, and ignored ones write nothing", () => {
  const noted = new Hypervisor();
  const id = noted.start(burner(), { actions: always(reasons.ACTION_LOG) });
  noted.audit();
  for (let n = 0; n < 100; n++) noted.exports.partitionFail(id, reasons.FAIL_NO_PROGRESS);
  const found = noted.audit();
  assert.is(ofKind(found, id, abi.AUDIT_FAULT).length, BURST);
  assert.equal(leftOut(found, id), [0]);
  noted.must(noted.exports.partitionPause(id, reasons.STOP_COMMAND), "partitionPause");
  assert.equal(leftOut(noted.audit(), id), [100 - BURST]);

  const ignored = new Hypervisor();
  const other = ignored.start(burner(), { actions: always(reasons.ACTION_IGNORE) });
  ignored.audit();
  for (let n = 0; n < 100; n++) ignored.exports.partitionFail(other, reasons.FAIL_NO_PROGRESS);
  assert.equal(ignored.audit(), []);
});

share.run();
