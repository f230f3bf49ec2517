// Host work that a partition caused is paid by it: time by its budgets, energy by its reserve, what is beyond as debt; nothing is lost.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { Hypervisor } from "../../../support/hypervisor.js";
import type { GuestMachine } from "../../../support/table-module.js";
import { Generator } from "../../../support/generator.js";

const MS = 1e6;
const bills = suite("bill");

class World {
  now = 1e9;
  readonly real: Hypervisor;

  constructor(options: ConstructorParameters<typeof Hypervisor>[0] = {}) {
    this.real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now: () => this.now, ...options });
  }

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

  runFor(ms: number, each: () => void = () => undefined): void {
    const end = this.now + ms * MS;
    while (this.now < end) {
      each();
      const due = this.real.exports.step(this.now + MS);
      if (due < 0 || due > this.now) this.now = due < 0 ? end : Math.min(due, end);
    }
  }
}

const wide = (real: Hypervisor, at: number): bigint => real.view.getBigUint64(at, true);

bills("a ceiling holds for slices and host work together, whatever the mix", () => {
  for (const contract of [
    { budget: 10_000, period: 100_000, ceiling: 10_000, weight: 0 },
    { weight: 100, period: 100_000, ceiling: 10_000 },
  ]) {
    const world = new World();
    const { real } = world;
    const bad = real.start(world.burner(), contract);
    const good = real.start(world.burner(), { budget: 40_000, period: 100_000, weight: 0 });
    const generator = new Generator(11);
    let worked = 0;
    world.runFor(20_000, () => {
      // As the host does: it works only for whom has paid.
      if (real.exports.paidAt(bad) > 0 || generator.below(3) === 0) return;
      const piece = generator.below(2_000_000);
      world.now += piece;
      real.exports.bill(bad, piece);
      worked += piece;
    });
    const total = (real.cpu(bad) + worked) / (20_000 * MS);
    assert.ok(total <= 0.1 + 0.002, `${total} of the processor`);
    assert.ok(total > 0.095, `${total}: it gets what it may have`);
    assert.is(Number(real.u64(bad, abi.PARTITION_SERVICE_TIME)), worked);
    assert.ok(Math.abs(real.cpu(good) / (20_000 * MS) - 0.4) < 0.004, "its neighbour has all of its own");
  }
});

bills(
  "energy: a bill beyond the reserve is debt that is paid first; reserves + board + spent = drained, always",
  () => {
    const cost = 90;
    const world = new World({ costs: { [abi.CHARGE_INSTRUCTION]: cost } });
    const { real } = world;
    const id = real.start(world.burner(), {
      weight: 100,
      energy: { capacity: 100_000_000n, rate: 2_000 },
    });
    const conserved = (): void => {
      const [drained, spent, board] = [
        wide(real, abi.HYPERVISOR_ENERGY_DRAINED),
        wide(real, abi.HYPERVISOR_ENERGY_SPENT),
        wide(real, abi.HYPERVISOR_ENERGY_BOARD),
      ];
      assert.is(real.u64(id, abi.PARTITION_ENERGY_LEVEL) + board + spent, drained);
    };
    const generator = new Generator(2);
    let billed = 0;
    world.runFor(5_000, () => {
      if (real.exports.paidAt(id) === 0 && generator.below(4) === 0) {
        const piece = generator.below(3_000_000);
        world.now += piece;
        real.exports.bill(id, piece);
        billed++;
        assert.ok(real.u64(id, abi.PARTITION_ENERGY_LEVEL) >= 0n);
      }
      conserved();
    });
    // 2 mW for 5 s: what was billed beyond it is still owed.
    const spent = real.u64(id, abi.PARTITION_ENERGY_SPENT);
    assert.ok(billed > 10);
    assert.ok(spent > 9_000_000_000n && spent <= 2_000n * 5_100_000n, `${spent} pJ`);
  },
);

bills("what nobody caused is the handset's; all of it is in the books; virtual time knows no host", () => {
  const world = new World();
  const { real } = world;
  const id = real.start(world.burner(), { weight: 100 });
  real.exports.bill(abi.NO_PARTITION, 1234);
  real.exports.bill(id, 4321);
  real.exports.bill(77, 1);
  assert.is(wide(real, abi.HYPERVISOR_HANDSET_TIME), 1234n);
  assert.is(wide(real, abi.HYPERVISOR_BOOKED), 5555n);
  const virtual = new Hypervisor({ now: () => 0 });
  const still = virtual.start(world.burner(), { weight: 100 });
  virtual.exports.bill(still, 1e9);
  assert.is(virtual.u64(still, abi.PARTITION_SERVICE_TIME), 0n);
  assert.is(virtual.exports.paidAt(still), 0);
});

bills.run();
