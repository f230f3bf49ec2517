// Health: failure × level → action; restarts wait longer each time, and end after so many in a row.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { FakeGuest, burner, scripted } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";

const MS = 1e6;
const all = (action: number): number[] => Array<number>(reasons.FAIL_COUNT).fill(action);
const always = (action: number): Contract => ({ actions: [all(action), all(action)] });

/** A host that restarts whatever is due, with this guest. */
function restarting(real: Hypervisor, make: () => FakeGuest): void {
  real.onWant = (id, want) => {
    if (want !== reasons.WANT_RESTART) return;
    real.install(id, make());
    real.must(real.exports.partitionStart(id), "partitionStart");
  };
}

const health = suite("health");

health("every action of the table is done, for every failure", () => {
  const states: [number, number][] = [
    [reasons.ACTION_IGNORE, reasons.STATE_RUNNING],
    [reasons.ACTION_LOG, reasons.STATE_RUNNING],
    [reasons.ACTION_RESTART, reasons.STATE_FAILED],
    [reasons.ACTION_PAUSE, reasons.STATE_PAUSED],
    [reasons.ACTION_STOP, reasons.STATE_FAILED],
  ];
  for (const [action, state] of states) {
    for (let row = 0; row < reasons.FAIL_COUNT; row++) {
      const real = new Hypervisor();
      const other = reasons.ACTION_IGNORE === action ? reasons.ACTION_STOP : reasons.ACTION_IGNORE;
      const actions = all(other);
      actions[row] = action;
      const id = real.start(burner(), { actions: [actions, all(other)] });
      assert.is(real.exports.partitionFail(id, reasons.FAIL_FIRST + row), action);
      assert.is(real.state(id), state, `${action}, ${row}`);
      assert.is(real.u32(id, abi.PARTITION_HELD), action === reasons.ACTION_STOP ? 0 : 1);
      const faults = real.audit().filter(({ kind }) => kind === abi.AUDIT_FAULT);
      assert.is(faults.length, action === reasons.ACTION_IGNORE ? 0 : 1);
      const told = real.events().filter(({ kind }) => kind === abi.EVENT_FAULT);
      assert.equal(
        told.map(({ reason, value }) => [reason, Number(value)]),
        [[reasons.FAIL_FIRST + row, action]],
      );
    }
  }
});

health("a failure that nobody knows counts as the host's", () => {
  const real = new Hypervisor();
  const actions = all(reasons.ACTION_IGNORE);
  actions[reasons.FAIL_HOST - reasons.FAIL_FIRST] = reasons.ACTION_PAUSE;
  const id = real.start(burner(), { actions: [actions, actions] });
  assert.is(real.exports.partitionFail(id, 12345), reasons.ACTION_PAUSE);
});

health("the watchdog's second bite fails the partition", () => {
  const real = new Hypervisor();
  const id = real.start(scripted({ burn: 10 }, { want: reasons.RUN_WATCHDOG }), always(reasons.ACTION_STOP));
  real.runFor(1);
  assert.is(real.state(id), reasons.STATE_FAILED);
  assert.is(real.u32(id, abi.PARTITION_REASON), reasons.FAIL_WATCHDOG);
});

health("restarts wait twice as long each time, up to the longest, and neighbours do not notice", () => {
  const real = new Hypervisor();
  const make = (): FakeGuest => scripted({ burn: 100 }, { trap: true });
  const id = real.start(make(), { restartMax: 6, backoffFirst: 10, backoffMax: 100, budget: 1_000 });
  const good = real.start(burner(), { budget: 5_000, period: 10_000 });
  restarting(real, make);
  real.runTo(1_000 * MS);
  const waits = real.events().filter(({ kind }) => kind === abi.EVENT_RESTART);
  assert.equal(
    waits.map(({ value }) => Number(value) / MS),
    [10, 20, 40, 80, 100, 100],
  );
  assert.is(real.state(id), reasons.STATE_FAILED);
  assert.is(real.u32(id, abi.PARTITION_HELD), 0, "the seventh failure is the handset's: it stops");
  assert.is(real.u32(id, abi.PARTITION_RESTARTS), 6);
  const restarts = real.wants.filter(({ want }) => want === reasons.WANT_RESTART);
  waits.forEach(({ time, value }, n) => {
    assert.ok(restarts[n]!.time - Number(time + value) <= abi.QUANTUM, "the restart comes when it is due");
  });
  assert.is(real.cpu(good), 500 * MS);
});

health("having run for the longest wait ends the row", () => {
  const real = new Hypervisor();
  const make = (): FakeGuest => scripted({ burn: 6_000_000 }, { trap: true }); // 60 ms
  const id = real.start(make(), { restartMax: 2, backoffFirst: 10, backoffMax: 50 });
  restarting(real, make);
  real.runTo(1_000 * MS);
  assert.is(real.state(id) === reasons.STATE_RUNNING || real.moment(id, abi.PARTITION_RESTART_AT)! > 0, true);
  assert.ok(real.u32(id, abi.PARTITION_RESTARTS) >= 13);
});

health("a restart cannot be used to get a budget twice", () => {
  const real = new Hypervisor();
  const make = (): FakeGuest => scripted({ burn: 490_000 }, { trap: true });
  const id = real.start(make(), {
    restartMax: 1_000_000,
    backoffFirst: 0,
    backoffMax: 0,
    budget: 5_000,
    period: 100_000,
  });
  restarting(real, make);
  real.runTo(10_000 * MS);
  assert.ok(real.cpu(id) <= 505 * MS, `${real.cpu(id)}`);
  assert.ok(real.u32(id, abi.PARTITION_RESTARTS) > 50);
});

health("a failed partition that is stopped, or locked, is not restarted", () => {
  for (const end of ["partitionStop", "partitionLock"] as const) {
    const real = new Hypervisor();
    const id = real.start(scripted({ trap: true }), { backoffFirst: 10 });
    real.runFor(1);
    assert.is(real.state(id), reasons.STATE_FAILED);
    real.exports[end](id, reasons.STOP_COMMAND);
    real.runFor(1000);
    assert.equal(real.wants, []);
    assert.is(real.word64(abi.HYPERVISOR_MEMORY_HELD), 0n);
  }
});

health("a machine that cannot be made again fails once more, and waits longer", () => {
  const real = new Hypervisor();
  const id = real.start(scripted({ trap: true }), { restartMax: 3, backoffFirst: 10 });
  real.onWant = (id) => void real.exports.partitionFail(id, reasons.FAIL_START);
  real.runFor(1000);
  assert.is(real.wants.length, 3);
  assert.is(real.u32(id, abi.PARTITION_REASON), reasons.FAIL_START);
  assert.is(real.u32(id, abi.PARTITION_HELD), 0);
});

health("a machine that cannot be made is not paused and not run on, whatever the table says", () => {
  for (const action of [reasons.ACTION_IGNORE, reasons.ACTION_LOG, reasons.ACTION_PAUSE]) {
    const actions = all(action);
    actions[0] = reasons.ACTION_RESTART;
    const real = new Hypervisor();
    const id = real.start(scripted({ trap: true }), { actions: [actions, actions] });
    real.onWant = (id) => assert.is(real.exports.partitionFail(id, reasons.FAIL_START), reasons.ACTION_STOP);
    real.runFor(1000);
    assert.is(real.wants.length, 1);
    assert.is(real.state(id), reasons.STATE_FAILED);
    assert.is(real.u32(id, abi.PARTITION_HELD), 0);
  }
});

health("no progress: so much CPU time without a sleep, an exit or output", () => {
  const real = new Hypervisor();
  const spin = real.start(burner(), { noProgress: 50, ...always(reasons.ACTION_STOP) });
  const works = real.start(burner(), { noProgress: 50, ...always(reasons.ACTION_STOP) });
  let asleep = false;
  const naps = real.start(new FakeGuest(() => ((asleep = !asleep) ? { burn: 4_900_000 } : { sleep: 1 })), {
    noProgress: 50,
    ...always(reasons.ACTION_STOP),
  });
  for (let n = 0; n < 50; n++) {
    real.runFor(20);
    real.exports.progress(works);
  }
  assert.is(real.u32(spin, abi.PARTITION_REASON), reasons.FAIL_NO_PROGRESS);
  assert.ok(real.cpu(spin) > 50 * MS && real.cpu(spin) <= 50 * MS + abi.QUANTUM);
  assert.is(real.state(works), reasons.STATE_RUNNING);
  assert.is(real.state(naps), reasons.STATE_RUNNING);
});

health.run();
