// What the host does for a partition unasked (compiling its code): only with the partition's budget, charged to it, and never while
// another partition with a guaranteed budget is ready. The clock is the test's: it moves by what guests and host do.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, periodic } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";
import type { GuestMachine } from "../../../support/table-module.js";

const MS = 1e6;
const PIECE_NS = 3 * MS;

/** A realtime handset whose host works for a partition, a piece at a time, whenever it may. */
class Host {
  now = 1e9;
  /** Of that, nanoseconds in which the thread did not have the processor. */
  stolen = 0;
  readonly real = new Hypervisor({
    mode: abi.CLOCK_REALTIME,
    now: () => this.now,
    cpu: () => this.now - this.stolen,
    costs: { [abi.CHARGE_INSTRUCTION]: 7 },
  });
  readonly start = this.now;
  pieces = 0;

  /** Never sleeps: 10 ns an instruction. */
  burner(): GuestMachine {
    let executed = 0;
    return {
      run: (fuel) => {
        executed = fuel;
        this.now += fuel * 10;
        return reasons.RUN_FUEL;
      },
      runExecuted: () => executed,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    };
  }

  /** Runs 50 µs and sleeps until an input. */
  sleeper(): GuestMachine {
    return {
      run: () => {
        this.now += 50_000;
        return reasons.RUN_WAIT;
      },
      runExecuted: () => 5_000,
      machineDeadline: () => -1,
      machineAdvance: () => {},
    };
  }

  work(id: number, pieceNs = PIECE_NS): boolean {
    if (this.real.exports.workBegin(id) === 0) return false;
    this.now += pieceNs;
    this.real.exports.workEnd(id);
    this.pieces++;
    return true;
  }

  /** As the handset's loop does; `round` is called after each step. */
  runFor(milliseconds: number, round: () => void): void {
    for (const end = this.now + milliseconds * MS; this.now < end;) {
      const due = this.real.exports.step(Math.min(end, this.now + 2 * MS));
      round();
      if (due > this.now) this.now = Math.min(due, end);
      else if (due < 0) this.now += MS;
    }
  }

  /** What the partition has had, with what was done for it, as a share of all time. */
  share(id: number): number {
    return (this.real.cpu(id) + this.service(id)) / (this.now - this.start);
  }

  service(id: number): number {
    return Number(this.real.u64(id, abi.PARTITION_SERVICE_TIME));
  }
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

const work = suite("work");

work("takes its own partition's budget, and nothing of its neighbour's", () => {
  const host = new Host();
  const busy = host.real.start(host.burner(), { budget: 30_000, period: 100_000 });
  const other = host.real.start(host.burner(), { budget: 10_000, period: 20_000 });
  host.runFor(10_000, () => host.work(busy));
  assert.ok(host.pieces > 500, `${host.pieces}`);
  near(host.share(busy), 0.3, 0.005);
  near(host.real.cpu(other) / (host.now - host.start), 0.5, 0.005);
});

work("counts for best effort's turns, and leaves a guarantee what it is", () => {
  const host = new Host();
  const busy = host.real.start(host.burner(), { weight: 100 });
  const fair = host.real.start(host.burner(), { weight: 100 });
  const sure = host.real.start(host.burner(), { budget: 5_000, period: 10_000 });
  host.runFor(5_000, () => host.work(busy));
  assert.ok(host.pieces > 50, `${host.pieces}`);
  near(host.real.cpu(sure) / (host.now - host.start), 0.5, 0.005);
  near(host.share(busy), 0.25, 0.005);
  near(host.share(fair), 0.25, 0.005);
});

work("is not done without budget, reserve or permission to run", () => {
  const host = new Host();
  const { real } = host;
  const spent = real.start(host.burner(), { budget: 10_000, period: 100_000 });
  const capped = real.start(host.burner(), { ceiling: 10_000, period: 100_000 });
  real.exports.step(host.now + 30 * MS);
  assert.not(host.work(spent), "its budget is spent");
  assert.not(host.work(capped), "its ceiling is reached");
  const never = real.start(host.burner(), { ceiling: 0 });
  assert.not(host.work(never), "it must not run at all");
  const empty = real.start(host.burner(), { energy: { capacity: 1_000_000n } });
  real.setCost(abi.CHARGE_INSTRUCTION, 100);
  assert.not(host.work(empty), "its reserve is empty");
  assert.not(host.work(500), "there is none of this number");
  host.now += 100 * MS;
  real.exports.step(host.now);
  assert.ok(host.work(spent));
  real.exports.partitionPause(spent, reasons.STOP_COMMAND);
  assert.not(host.work(spent), "it is paused");
});

work("waits for nobody who was promised the processor", () => {
  const host = new Host();
  const { real } = host;
  const busy = real.start(host.burner(), { weight: 100 });
  const sure = real.start(host.sleeper(), { budget: 5_000, period: 10_000 });
  real.exports.step(host.now + MS);
  assert.ok(host.work(busy), "the other sleeps");
  real.exports.wake(sure);
  assert.not(host.work(busy), "the other is ready");
  real.exports.step(host.now + MS);
  assert.ok(host.work(busy));
});

work("for one that sleeps, spends the budget as of now: in no period more than it and one piece", () => {
  const host = new Host();
  const random = new Random(5);
  const [budgetMs, periodMs] = [10, 50];
  const id = host.real.start(host.sleeper(), { budget: budgetMs * 1000, period: periodMs * 1000 });
  const spells: { at: number; length: number }[] = [];
  host.runFor(20_000, () => {
    const at = host.now;
    if (random.oneIn(3) && host.work(id)) spells.push({ at, length: PIECE_NS });
    if (random.oneIn(5)) host.real.exports.wake(id);
  });
  assert.ok(spells.length > 500, `${spells.length}`);
  for (const [first, { at }] of spells.entries()) {
    let sum = 0;
    for (let n = first; n < spells.length && spells[n]!.at < at + periodMs * MS; n++) sum += spells[n]!.length;
    assert.ok(sum <= budgetMs * MS + PIECE_NS, `${sum / MS} ms from ${at}`);
  }
});

work("costs what the thread had the processor for, however long it was", () => {
  const host = new Host();
  const id = host.real.start(host.burner(), { weight: 100 });
  host.real.exports.mark();
  host.stolen = 750 * MS;
  host.work(id, 1000 * MS);
  assert.is(host.service(id), 250 * MS);
  assert.is(host.real.exports.workEnd(id), 0, "it ends once");
  assert.is(host.service(id), 250 * MS);
});

work("that the host tells of afterwards is charged whole, as debt, to budget, ceiling and weight", () => {
  for (const [contract, share] of [
    [{ budget: 10_000, period: 100_000 }, 0.1],
    [{ ceiling: 10_000, period: 100_000, weight: 100 }, 0.1],
    [{ weight: 100 }, 0.5],
  ] as const) {
    const host = new Host();
    const id = host.real.start(host.burner(), contract);
    const other = host.real.start(host.burner(), { weight: 100 });
    // Each round of the loop takes the partition's host as long as its guest takes.
    let before = 0;
    host.runFor(2_000, () => {
      const ran = host.real.cpu(id) - before;
      before = host.real.cpu(id);
      host.now += ran;
      host.real.exports.bill(id, ran);
    });
    near(host.share(id), share, 0.01);
    assert.is(host.service(id), host.real.cpu(id), "half of it was the host's work");
    near((host.real.cpu(other) + host.real.cpu(id) + host.service(id)) / (host.now - host.start), 1, 0.001);
  }
});

work("is charged beyond a quarter of a second too, when it is the thread's own processor time", () => {
  const host = new Host();
  const id = host.real.start(host.burner(), { budget: 10_000, period: 100_000 });
  host.real.exports.bill(id, 1_000 * MS);
  assert.is(host.service(id), 1_000 * MS);
  const idle = host.now;
  // Ten periods of debt and more: a second of work is what 10 ms in each 100 ms bring in ten seconds.
  host.runFor(9_000, () => {});
  assert.is(host.real.cpu(id), 0, `${host.now - idle} ns`);
  host.runFor(2_000, () => {});
  assert.ok(host.real.cpu(id) > 50 * MS);
});

work("costs energy as if the partition had run, and what its reserve does not hold is owed", () => {
  const host = new Host();
  const { real } = host;
  const reserve = { capacity: 1_000_000n, rate: 1_000 }; // µW: 1,000 pJ in a microsecond
  const id = real.start(host.burner(), { weight: 100, energy: reserve });
  const free = real.start(host.burner(), { weight: 100 });
  real.topUp(id, 1_000_000n);
  const speed = real.u32(id, abi.PARTITION_SPEED);
  const cost = BigInt((4 * MS * speed) / MS) * 7n;
  assert.ok(cost > 1_000_000n);
  real.exports.bill(id, 4 * MS);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_LEVEL), 0n);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 1_000_000n);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_DEBT), cost - 1_000_000n);
  assert.is(real.energyImbalance(), 0n);
  // The tap pays the debt before anything else: the guest does not run meanwhile.
  const debtNs = Number((cost - 1_000_000n) / 1_000n) * 1_000;
  host.runFor(debtNs / MS - 0.2, () => {});
  assert.is(real.cpu(id), 0);
  assert.is(real.energyImbalance(), 0n);
  host.runFor(20, () => {});
  assert.ok(real.cpu(id) > 0);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_DEBT), 0n);
  // Without a contract the battery pays.
  const spent = real.u64(free, abi.PARTITION_ENERGY_SPENT);
  real.exports.bill(free, 1 * MS);
  assert.ok(real.u64(free, abi.PARTITION_ENERGY_SPENT) > spent);
  assert.is(real.energyImbalance(), 0n);
});

work("for nobody is the handset's own: its time and energy have an account, and no partition pays", () => {
  const host = new Host();
  const id = host.real.start(host.burner(), { budget: 10_000, period: 100_000 });
  host.real.exports.bill(abi.NO_PARTITION, 5 * MS);
  assert.is(host.real.word64(abi.HYPERVISOR_HANDSET_TIME), BigInt(5 * MS));
  assert.is(host.real.word64(abi.HYPERVISOR_HANDSET_ENERGY), 500_000n * 7n);
  assert.is(host.real.word64(abi.HYPERVISOR_ENERGY_SPENT), 500_000n * 7n);
  assert.is(host.real.energyImbalance(), 0n);
  assert.is(host.service(id), 0);
  host.real.exports.bill(abi.NO_PARTITION, Infinity);
  assert.is(host.real.word64(abi.HYPERVISOR_HANDSET_TIME), BigInt(5 * MS) + 1_000_000_000_000n);
  assert.is(host.real.energyImbalance(), 0n);
  for (const wrong of [-1, NaN, 0]) host.real.exports.bill(id, wrong);
  host.real.exports.bill(77, 5 * MS);
  assert.is(host.service(id), 0);
});

work("of devices stands beside the instructions, and time, budget and energy pay for both", () => {
  const real = new Hypervisor({ costs: { [abi.CHARGE_INSTRUCTION]: 3 } });
  let used = 0;
  const id = real.start({
    run: (fuel) => {
      used = fuel;
      return reasons.RUN_FUEL;
    },
    runExecuted: () => used,
    runWork: () => used - Math.floor(used / 4),
    machineDeadline: () => -1,
    machineAdvance: () => {},
  });
  real.runTo(10 * MS);
  assert.is(real.cpu(id), 10 * MS);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 250_000n);
  assert.is(real.u64(id, abi.PARTITION_WORK), 750_000n);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 3_000_000n);
});

work("leaves no trace in virtual time", () => {
  const image = (works: boolean): Buffer => {
    let now = 0;
    const real = new Hypervisor({ now: () => now });
    const contracts: Contract[] = [{ budget: 2_000 }, { weight: 50 }, { weight: 100, ceiling: 3_000 }];
    for (const contract of contracts) real.start(burner(), contract);
    real.start(periodic(1_000, 24_000), { budget: 1_000 });
    for (let n = 0; n < 200; n++) {
      real.runFor(1);
      if (!works) continue;
      assert.is(real.exports.workBegin(n % 4), 1);
      now += PIECE_NS;
      real.exports.workEnd(n % 4);
      real.exports.bill(n % 4, PIECE_NS);
      real.exports.bill(abi.NO_PARTITION, PIECE_NS);
    }
    return Buffer.from(real.memory.buffer.slice(0));
  };
  assert.is(image(true).compare(image(false)), 0);
});

work.run();
