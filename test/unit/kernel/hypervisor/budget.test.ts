// Sporadic servers: what a partition may have in any window, what it is promised, and what an overrun costs.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { FakeGuest, burner, periodic } from "../../../support/fake-guest.js";
import { Hypervisor } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const MS = 1e6;

interface Ran {
  start: number;
  end: number;
}

/** Notes when a guest ran. */
function timed(real: Hypervisor, guest: FakeGuest): { guest: FakeGuest; ran: Ran[] } {
  const ran: Ran[] = [];
  const run = guest.run.bind(guest);
  guest.run = (fuel: number): number => {
    const start = Number(real.word64(abi.HYPERVISOR_NOW));
    const reason = run(fuel);
    ran.push({ start, end: start + guest.runExecuted() * 10 });
    return reason;
  };
  return { guest, ran };
}

/** The most CPU time in any window of this length. A maximum is reached by a window that begins with a slice. */
function mostIn(ran: Ran[], length: number): number {
  let most = 0;
  let last = 0;
  let sum = 0;
  ran.forEach(({ start }, first) => {
    while (last < ran.length && ran[last]!.end <= start + length) sum += ran[last]!.end - ran[last++]!.start;
    const part = last < ran.length ? Math.max(0, start + length - ran[last]!.start) : 0;
    most = Math.max(most, sum + part);
    sum -= ran[first]!.end - start;
  });
  return most;
}

const budget = suite("budget");

budget("60 s of burning at 50 %: 50 % to the quantum, and no drift", () => {
  const real = new Hypervisor();
  const id = real.start(burner(), { budget: 5_000, period: 10_000 });
  real.runTo(60_000 * MS);
  assert.is(real.cpu(id), 30_000 * MS);
});

budget("in any window of a period, alone or beside best effort: the budget and no more", () => {
  const random = new Random(7);
  for (let n = 0; n < 20; n++) {
    const real = new Hypervisor();
    const period = 1_000 + random.below(50_000);
    const amount = Math.max(100, Math.floor((period * (5 + random.below(85))) / 100));
    const restless = new FakeGuest(() =>
      random.oneIn(2) ? { burn: 1 + random.below(200_000) } : { sleep: 1 + random.below(48 * period) },
    );
    const { guest, ran } = timed(real, n % 4 === 0 ? burner() : restless);
    real.start(guest, { budget: amount, period });
    if (n % 2) real.start(burner());
    real.runTo(period * 1000 * 60);
    const most = mostIn(ran, period * 1000);
    assert.ok(most <= amount * 1000 + abi.SLICE_MIN, `${n}: ${most} ns of ${amount} µs in ${period} µs`);
    if (n % 4 === 0) assert.ok(most >= amount * 1000, `${n}: a burner has it all`);
  }
});

budget("kept waiting by others, it still has no more than that and what it was kept from", () => {
  const real = new Hypervisor();
  const first = timed(real, burner());
  const second = timed(real, periodic(700_000, 24_000));
  real.start(first.guest, { budget: 4_000, period: 10_000 });
  const id = real.start(second.guest, { budget: 6_000, period: 17_000 });
  real.start(burner());
  real.runTo(5_000 * MS);
  // It waits at most for one budget of the other.
  assert.ok(mostIn(second.ran, 17 * MS) <= 6 * MS + 4 * MS + abi.SLICE_MIN);
  assert.ok(real.cpu(id) <= (5_000 / 17) * 6 * MS + 12 * MS, "and in the long run its share");
});

budget("every admitted guaranteed partition gets its whole budget by its deadline, at 90 % load", () => {
  const random = new Random(3);
  for (let n = 0; n < 10; n++) {
    const real = new Hypervisor();
    const partitions: { id: number; amount: number; period: number }[] = [];
    for (let left = 900; left > 20;) {
      const share = Math.min(left, 20 + random.below(300));
      const period = 1_000 * (1 + random.below(40));
      const amount = Math.floor((period * share) / 1000);
      left -= share;
      if (amount < abi.BUDGET_MIN) continue;
      const guest = burner();
      const run = guest.run.bind(guest);
      const id = partitions.length;
      guest.run = (fuel: number): number => {
        const now = Number(real.word64(abi.HYPERVISOR_NOW));
        const deadline = real.moment(id, abi.PARTITION_DEADLINE)!;
        assert.ok(now + fuel * 10 <= deadline + 10 * abi.SLICE_MIN, `${n}: ${id} misses its deadline`);
        return run(fuel);
      };
      partitions.push({ id: real.start(guest, { budget: amount, period }), amount, period });
    }
    real.start(burner());
    real.runTo(4_000 * MS);
    for (const { id, amount, period } of partitions) {
      const periods = Math.floor(4_000_000 / period);
      assert.ok(real.cpu(id) >= (periods - 1) * amount * 1000, `${n}: ${id} has ${real.cpu(id)} ns`);
      assert.ok(real.cpu(id) <= (periods + 1) * amount * 1000 + abi.SLICE_MIN);
    }
  }
});

budget("who sleeps does not save up: after a long sleep there is one budget, not two", () => {
  const real = new Hypervisor();
  let phase = 0;
  const { guest, ran } = timed(
    real,
    new FakeGuest(() => (phase++ === 0 ? { sleep: 24_000 * 995 } : { burn: 1_000_000_000 })),
  );
  real.start(guest, { budget: 5_000, period: 100_000 });
  real.runTo(1_500 * MS);
  assert.ok(mostIn(ran, 100 * MS) <= 5 * MS);
  assert.ok(ran[0]!.start < MS && ran[1]!.start > 995 * MS);
});

budget("a partition that wakes a thousand times a second is not stalled by its own crumbs", () => {
  const real = new Hypervisor();
  // 20 µs in each millisecond of a budget of 10 %.
  const { guest, ran } = timed(real, periodic(2_000, 24_000 - 480));
  const id = real.start(guest, { budget: 10_000, period: 100_000 });
  real.runTo(10_000 * MS);
  const gaps = ran.slice(1).map(({ start }, n) => start - ran[n]!.end);
  assert.ok(Math.max(...gaps) < 2 * MS, "it is never kept waiting");
  assert.is(real.u64(id, abi.PARTITION_THROTTLED_COUNT), 0n);
});

budget("an overrun is shorter than the shortest slice in virtual time, and is paid back", () => {
  const real = new Hypervisor();
  const id = real.start(burner(), { budget: 333, period: 1_000 });
  const other = real.start(burner(), { budget: 217, period: 1_003 });
  real.start(burner());
  real.runTo(10_000 * MS);
  for (const p of [id, other]) {
    assert.ok(real.u64(p, abi.PARTITION_OVERRUN_MAX) < BigInt(abi.SLICE_MIN));
  }
  assert.ok(Math.abs(real.cpu(id) - 3_330 * MS) <= 333_000 + abi.SLICE_MIN);
  assert.ok(Math.abs(real.cpu(other) - (10_000 / 1.003) * 0.217 * MS) <= 217_000 + abi.SLICE_MIN);
});

budget("realtime: a slice that takes longer than planned is a debt, and the share holds over time", () => {
  let now = 1e9;
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => now });
  let speed = 0.1; // instructions in a nanosecond
  let executed = 0;
  // The host's clock moves by what the guest does, at a speed that the hypervisor has to find out.
  const id = real.start(
    {
      run: (fuel) => {
        executed = fuel;
        now += fuel / speed;
        return reasons.RUN_FUEL;
      },
      runExecuted: () => executed,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    },
    { budget: 5_000, period: 10_000 },
  );
  const random = new Random(11);
  const start = now;
  let ran = 0;
  while (now < start + 20e9) {
    if (random.oneIn(50)) speed = 0.02 + random.below(100) / 500;
    const due = real.exports.step(now + 1 * MS);
    if (due > now) now = due + random.below(20_000); // the host's timer is late
    ran++;
  }
  assert.ok(ran > 1000);
  const share = real.cpu(id) / (now - start);
  assert.ok(Math.abs(share - 0.5) < 0.005, `the share is ${share}`);
  assert.ok(real.u64(id, abi.PARTITION_OVERRUN_MAX) <= 10n * BigInt(abi.QUANTUM));
});

budget("realtime: time that the host steals is not charged, and not made up for", () => {
  let now = 1e9;
  let stolen = 0;
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => now, cpu: () => now - stolen });
  let executed = 0;
  let stall = 0;
  const id = real.start(
    {
      run: (fuel) => {
        executed = fuel;
        now += fuel * 10 + stall;
        stolen += stall;
        stall = 0;
        return reasons.RUN_FUEL;
      },
      runExecuted: () => executed,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    },
    { budget: 5_000, period: 10_000 },
  );
  real.exports.mark();
  real.exports.step(now + 3 * MS);
  stall = 1000 * MS;
  real.exports.step(now + 1 * MS);
  assert.is(real.u64(id, abi.PARTITION_STOLEN), 1_000_000_000n);
  const before = real.cpu(id);
  const from = now;
  while (now < from + 100 * MS) {
    const due = real.exports.step(now + 1 * MS);
    if (due > now) now = due;
  }
  // At most one budget more than the share of that time.
  assert.ok(real.cpu(id) - before <= 50 * MS + 5 * MS + abi.QUANTUM);
});

budget("realtime: what a slice really took is charged, however long it was", () => {
  let now = 1e9;
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => now });
  let long = true;
  const id = real.start(
    {
      run: () => {
        now += long ? 100 * MS : MS / 10;
        long = false;
        return reasons.RUN_FUEL;
      },
      runExecuted: () => 1,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    },
    { budget: 5_000, period: 10_000 },
  );
  real.exports.mark();
  real.exports.step(now + 1);
  assert.is(real.cpu(id), 100 * MS);
  assert.is(real.u64(id, abi.PARTITION_STOLEN), 0n);
  // 95 ms beyond its budget: nineteen periods of nothing.
  assert.ok(real.exports.paidAt(id) >= now + 90 * MS, `${(real.exports.paidAt(id) - now) / MS} ms`);
});

budget("a live change takes effect at once, gives nothing twice, and is refused as a whole", () => {
  const real = new Hypervisor();
  const { guest, ran } = timed(real, burner());
  const id = real.start(guest, { budget: 5_000, period: 10_000 });
  real.runTo(1_005 * MS);
  const spent = real.cpu(id);
  assert.is(real.budget(id, { budget: 2_000, period: 10_000 }), reasons.DONE);
  real.runTo(2_005 * MS);
  assert.ok(Math.abs(real.cpu(id) - spent - 200 * MS) <= 2 * MS);
  assert.is(real.budget(id, { budget: 9_100, period: 10_000 }), reasons.ADMIT_CPU);
  assert.is(real.budget(id, { budget: 2_000, period: 10_000, memory: 1n }), reasons.ADMIT_MEMORY_LIVE);
  assert.is(real.u32(id, abi.PARTITION_BUDGET), 2_000);
  // Changing it again and again brings nothing.
  for (let n = 0; n < 100; n++) {
    real.budget(id, { budget: 2_000 + (n % 2), period: 10_000 });
    real.runFor(1);
  }
  assert.ok(mostIn(ran.slice(-100), 10 * MS) <= 2_001_000 + abi.SLICE_MIN);
});

budget.run();
