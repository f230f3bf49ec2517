// Who runs, and for how long: weights, ceilings, preemption, sleeping, wants, traps, determinism.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { FakeGuest, burner, periodic, scripted } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const MS = 1e6;
const schedule = suite("schedule");

schedule("best effort: at every moment, CPU time over weight differs by no more than a turn and a quantum", () => {
  const real = new Hypervisor();
  const weights = [1, 7, 100, 100, 333, 1024, 10_000];
  const ids = weights.map((weight) => real.start(burner(), { weight }));
  for (let n = 1; n <= 200; n++) {
    real.runTo(n * 7 * MS);
    for (const a of ids) {
      for (const b of ids) {
        const lag = real.cpu(a) / weights[a]! - real.cpu(b) / weights[b]!;
        const bound = (abi.TURN + abi.QUANTUM) * Math.max(1 / weights[a]!, 1 / weights[b]!);
        assert.ok(Math.abs(lag) <= bound * 1.01, `${n}: ${a} against ${b}: ${lag} of ${bound}`);
      }
    }
  }
  assert.is(Number(real.word64(abi.HYPERVISOR_IDLE)), 0);
});

schedule("who sleeps saves up no share: after it, both run alike", () => {
  const real = new Hypervisor();
  const sleeper = real.start(scripted({ sleep: 24_000 * 1000 }, { burn: 1e9 }));
  const other = real.start(burner());
  real.runTo(1000 * MS);
  const before = real.cpu(other);
  real.runTo(1100 * MS);
  assert.ok(Math.abs(real.cpu(other) - before - 50 * MS) <= 2 * abi.QUANTUM);
  assert.ok(Math.abs(real.cpu(sleeper) - 50 * MS) <= 2 * abi.QUANTUM);
});

schedule("a ceiling holds for either class, alone on the board too; 0 does not run", () => {
  const real = new Hypervisor();
  const capped = real.start(burner(), { ceiling: 3_000, period: 10_000 });
  const never = real.start(burner(), { ceiling: 0 });
  real.runTo(10_000 * MS);
  assert.is(real.cpu(capped), 3_000 * MS);
  assert.is(real.cpu(never), 0);
  const both = real.start(burner(), { budget: 2_000, ceiling: 4_000, weight: 100 });
  real.runTo(20_000 * MS);
  assert.is(real.cpu(both), 4_000 * MS, "its budget, and of the rest as much as the ceiling allows");
});

schedule("a ceiling can be lifted and lowered while the partition runs", () => {
  const real = new Hypervisor();
  const id = real.start(burner(), { ceiling: 0 });
  real.runFor(100);
  assert.is(real.cpu(id), 0);
  assert.is(real.budget(id, { ceiling: 5_000 }), reasons.DONE);
  real.runFor(1000);
  assert.ok(Math.abs(real.cpu(id) - 500 * MS) <= 5 * MS);
  assert.is(real.budget(id, {}), reasons.DONE);
  const before = real.cpu(id);
  real.runFor(1000);
  assert.is(real.cpu(id) - before, 1000 * MS);
});

schedule("under contention a ceiling is reached and not passed", () => {
  const real = new Hypervisor();
  const capped = real.start(burner(), { ceiling: 30_000, period: 100_000 });
  real.start(burner());
  real.runTo(10_000 * MS);
  assert.ok(real.cpu(capped) <= 3_030 * MS);
  assert.ok(real.cpu(capped) >= 2_970 * MS, `${real.cpu(capped)}`);
});

schedule("a guaranteed partition that wakes preempts best effort within the shortest slice", () => {
  const real = new Hypervisor();
  const id = real.start(periodic(1_000, 50_000), { budget: 1_000, period: 5_000 });
  real.start(burner());
  real.runTo(1_000 * MS);
  assert.ok(real.u64(id, abi.PARTITION_LATENCY_MAX) <= BigInt(abi.SLICE_MIN));
  assert.ok(real.u64(id, abi.PARTITION_SLICES) > 400n);
});

schedule("a best-effort partition that wakes waits for the end of a slice at most, among idlers", () => {
  const real = new Hypervisor();
  const id = real.start(periodic(1_000, 50_000));
  real.start(burner());
  real.runTo(1_000 * MS);
  assert.ok(real.u64(id, abi.PARTITION_LATENCY_MAX) <= BigInt(abi.QUANTUM));
});

schedule("all asleep: time jumps to the next timer, and nobody is run before it", () => {
  const real = new Hypervisor();
  const guest = periodic(100, 24_000_000);
  const id = real.start(guest);
  const due = real.runTo(0.5e9);
  assert.is(real.now, 0.5e9);
  assert.ok(due > 1e9 && due < 1e9 + 2000, `${due}`);
  real.runTo(10.5e9);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 1100n);
  assert.ok(guest.runs <= 23, `${guest.runs} runs`);
  assert.is(real.word64(abi.HYPERVISOR_IDLE) + real.word64(abi.HYPERVISOR_BUSY), BigInt(real.now));
});

schedule("asleep without a timer: step() says -1, and an input wakes at once", () => {
  const real = new Hypervisor();
  const guest = scripted({ sleep: Infinity }, { burn: 500 });
  const id = real.start(guest);
  assert.is(real.runFor(10), -1);
  guest.input = true;
  real.exports.wake(id);
  real.runFor(1);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 500n);
});

schedule("a want stops step() at once and its partition until it is served; others run on", () => {
  const real = new Hypervisor();
  const asks = real.start(scripted({ burn: 100 }, { want: reasons.RUN_IO }, { burn: 100 }));
  const other = real.start(burner());
  let due = real.exports.step(1e9);
  assert.ok(due <= real.now);
  assert.is(real.exports.wants(), asks | (reasons.RUN_IO << 16));
  assert.is(real.exports.wants(), -1);
  due = real.exports.step(real.now + 1e9);
  assert.ok(real.cpu(other) >= 1e9);
  assert.is(real.u64(asks, abi.PARTITION_INSTRUCTIONS), 100n);
  real.exports.serviced(asks);
  real.exports.step(real.now + abi.TURN + abi.QUANTUM);
  assert.is(real.u64(asks, abi.PARTITION_INSTRUCTIONS), 200n);
});

schedule("each RUN_* that needs the host comes out as a want, in the order in which they came", () => {
  const wants = [
    reasons.RUN_OUTPUT,
    reasons.RUN_IO,
    reasons.RUN_ENTROPY,
    reasons.RUN_RESET,
    reasons.RUN_CHANNEL,
    reasons.RUN_POWER_OFF,
  ];
  const real = new Hypervisor();
  real.start(scripted(...wants.flatMap((want) => [{ burn: 10 }, { want }])));
  real.runFor(1);
  assert.equal(
    real.wants.map(({ want }) => want),
    wants,
  );
});

schedule("a reset sets the guest's counter back, and its timers work on", () => {
  const real = new Hypervisor();
  let resets = 0;
  const make = (): FakeGuest => scripted({ burn: 2500 }, { sleep: 24_000 }, { want: reasons.RUN_RESET });
  let guest = make();
  const id = real.start({
    run: (fuel) => guest.run(fuel),
    runExecuted: () => guest.runExecuted(),
    machineDeadline: () => guest.machineDeadline(),
    machineAdvance: (ticks) => guest.machineAdvance(ticks),
  });
  real.onWant = () => {
    // What a machine does: the counter keeps what its instructions take, and forgets what it slept.
    const fresh = make();
    fresh["instructions"] = guest["instructions"];
    guest = fresh;
    resets++;
  };
  real.runTo(100 * MS);
  assert.ok(resets >= 95 && resets <= 98, `${resets} resets`);
  assert.is(real.state(id), reasons.STATE_RUNNING);
});

schedule("a trap unwinds through step(), is booked as a whole slice, and harms nobody else", () => {
  const real = new Hypervisor();
  let other: FakeGuest | undefined;
  const bad = real.start(scripted({ burn: 12_345 }, { trap: true }), { restartMax: 0, budget: 5_000 });
  const good = real.start((other = burner()), { budget: 4_000 });
  let caught = 0;
  while (real.now < 100 * MS) {
    try {
      real.exports.step(100 * MS);
    } catch (error) {
      assert.instance(error, WebAssembly.RuntimeError);
      caught++;
      assert.is(real.exports.current(), bad);
      assert.is(real.exports.faulted(reasons.FAIL_TRAP), bad);
    }
  }
  assert.is(caught, 1);
  assert.is(real.exports.current(), abi.NO_PARTITION);
  assert.is(real.state(bad), reasons.STATE_FAILED);
  assert.is(real.u32(bad, abi.PARTITION_REASON), reasons.FAIL_TRAP);
  assert.is(real.u64(bad, abi.PARTITION_INSTRUCTIONS), 20_000n);
  assert.is(real.cpu(good), 40 * MS);
  assert.ok(other.runs > 0);
  assert.is(real.exports.faulted(reasons.FAIL_TRAP), -1, "nobody was inside");
});

schedule("a trap in any of a machine's functions, or an empty slot of the table, is its partition's failure", () => {
  const trap = (): never => {
    throw new WebAssembly.RuntimeError("a trap on purpose");
  };
  const sleeper = {
    run: () => reasons.RUN_WAIT,
    runExecuted: () => 0,
    runWork: () => 0,
    machineDeadline: () => 5,
    machineAdvance: () => {},
  };
  for (const name of ["run", "runExecuted", "runWork", "machineDeadline", "machineAdvance"] as const) {
    const real = new Hypervisor();
    const id = real.start({ ...sleeper, [name]: trap }, { restartMax: 0 });
    const good = real.start(burner());
    real.runTo(10 * MS);
    assert.is(real.u32(id, abi.PARTITION_REASON), reasons.FAIL_TRAP, name);
    assert.ok(real.cpu(good) >= 9.8 * MS, name);
  }
  for (let slot = 0; slot < abi.TABLE_STRIDE; slot++) {
    const real = new Hypervisor();
    const id = real.start(sleeper, { restartMax: 0 });
    real.table.set(abi.TABLE_FIRST + id * abi.TABLE_STRIDE + slot, null);
    real.runTo(10 * MS);
    assert.is(real.u32(id, abi.PARTITION_REASON), reasons.FAIL_TRAP, `slot ${slot}`);
  }
});

schedule("a machine that traps each time it runs does not stop the hypervisor", () => {
  const real = new Hypervisor();
  const id = real.start(new FakeGuest(() => ({ trap: true })), { restartMax: 5, backoffFirst: 1, backoffMax: 4 });
  const good = real.start(burner());
  real.onWant = (id) => real.must(real.exports.partitionStart(id), "partitionStart");
  real.runTo(100 * MS);
  assert.is(real.u32(id, abi.PARTITION_RESTARTS), 5);
  assert.is(real.state(id), reasons.STATE_FAILED);
  assert.ok(real.cpu(good) >= 99 * MS);
});

schedule("a machine that comes back at once, again and again, does not stop time", () => {
  const real = new Hypervisor();
  const still = (reason: number, deadline: number): Parameters<Hypervisor["start"]>[0] => ({
    run: () => reason,
    runExecuted: () => 0,
    machineDeadline: () => deadline,
    machineAdvance: () => {},
  });
  real.start(still(reasons.RUN_FUEL, -1));
  real.start(still(reasons.RUN_WAIT, 0), { budget: 1_000 });
  const good = real.start(burner());
  real.runTo(100 * MS);
  assert.ok(real.cpu(good) > 40 * MS);
});

schedule("a machine that claims more than its fuel is not believed", () => {
  const real = new Hypervisor({ costs: { [abi.CHARGE_INSTRUCTION]: 10 } });
  const id = real.start(
    { run: () => 0, runExecuted: () => 0xffff_ffff, machineDeadline: () => -1, machineAdvance: () => {} },
    { energy: { capacity: 1_000_000n, rate: 0 } },
  );
  real.topUp(id, 1_000_000n);
  real.runTo(10 * MS);
  assert.ok(real.u64(id, abi.PARTITION_INSTRUCTIONS) <= 100_000n);
  assert.is(real.energyImbalance(), 0n);
});

schedule("the host hears which partitions have run", () => {
  const real = new Hypervisor();
  for (let n = 0; n < 40; n++) real.start(n % 3 ? scripted() : scripted({ burn: 10 }));
  real.runFor(1);
  new Uint8Array(real.memory.buffer, abi.RAN, abi.RAN_BYTES).fill(0);
  const guest = scripted({ burn: 10 });
  const id = real.start(guest);
  real.runFor(1);
  const ran = [...new Uint8Array(real.memory.buffer, abi.RAN, abi.RAN_BYTES)].map((byte, n) => [n, byte]);
  assert.equal(
    ran.filter(([, byte]) => byte !== 0),
    [[id >> 3, 1 << (id & 7)]],
  );
});

schedule("realtime: a slice ends where the guest's own timer is due", () => {
  let now = 1e9;
  let executed = 0;
  const fuels: number[] = [];
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => now });
  real.start({
    run: (fuel) => {
      fuels.push(fuel);
      executed = fuel;
      now += fuel * 10;
      return reasons.RUN_FUEL;
    },
    runExecuted: () => executed,
    machineDeadline: () => 24 * 40, // 40 µs
    machineAdvance: () => {},
  });
  real.exports.step(now + 1 * MS);
  assert.ok(
    fuels.every((fuel) => fuel >= 4_000 && fuel <= 4_010),
    `${fuels.join()}`,
  );
});

schedule("realtime: what the host does for a partition is charged to it", () => {
  let now = 1e9;
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => now });
  const machine = (reason: number): Parameters<Hypervisor["start"]>[0] => {
    let executed = 0;
    return {
      run: (fuel) => {
        executed = reason ? 100 : fuel;
        now += executed * 10;
        return reason;
      },
      runExecuted: () => executed,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    };
  };
  const flood = real.start(machine(reasons.RUN_OUTPUT));
  const good = real.start(machine(reasons.RUN_FUEL));
  real.onWant = () => (now += 50_000);
  real.runTo(now + 1000 * MS);
  const service = Number(real.u64(flood, abi.PARTITION_SERVICE_TIME));
  assert.ok(Math.abs(real.cpu(good) - (real.cpu(flood) + service)) < 2 * MS, `${real.cpu(good)} ${service}`);
});

schedule("the same handset and inputs give the same schedule, audit hash and energy, bit for bit", () => {
  const image = (): Buffer => {
    const random = new Random(99);
    const real = new Hypervisor({ costs: { [abi.CHARGE_INSTRUCTION]: 250 }, energyRate: 100_000_000 });
    real.onWant = (id, want) => {
      if (want === reasons.WANT_RESTART) real.must(real.exports.partitionStart(id), "partitionStart");
    };
    for (let n = 0; n < 12; n++) {
      const contract: Contract = n % 3 ? { weight: 1 + random.below(500) } : { budget: 500 + random.below(1_000) };
      if (n % 2) contract.energy = { capacity: 40_000_000n, rate: 3_000_000 };
      real.start(
        new FakeGuest(() => {
          const what = random.below(40);
          if (what === 0) return { trap: true };
          if (what === 1) return { want: reasons.RUN_IO };
          return what < 20 ? { burn: 1 + random.below(100_000) } : { sleep: 1 + random.below(100_000) };
        }),
        contract,
      );
    }
    for (let n = 0; n < 50; n++) {
      real.runFor(20);
      real.exports.charge(n % 12, abi.CHARGE_NETWORK_BYTE, 1 + random.below(1000));
      real.audit();
      real.events();
    }
    return Buffer.from(real.memory.buffer.slice(0));
  };
  assert.is(image().compare(image()), 0);
});

schedule("a thousand partitions: all run, in proportion, and step() looks at no one in vain", () => {
  const real = new Hypervisor();
  for (let n = 0; n < 1000; n++) {
    if (n % 100 === 0) real.start(burner(), { budget: 800, period: 10_000 });
    else if (n % 2) real.start(periodic(1_000, 240_000), { weight: 1 + (n % 7) });
    else real.start(burner(), { weight: 10 });
  }
  real.runTo(6_000 * MS);
  for (let n = 0; n < 1000; n++) assert.ok(real.cpu(n) > 0, `${n} has run`);
  for (let n = 0; n < 1000; n += 100) assert.ok(Math.abs(real.cpu(n) - 480 * MS) <= 2 * MS);
  assert.is(Number(real.word64(abi.HYPERVISOR_IDLE)), 0);
});

schedule.run();
