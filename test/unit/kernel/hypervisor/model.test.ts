// Property: whatever partitions do, and whatever is commanded, hypervisor.wasm runs the same slices as the model of its rules in
// test/support/scheduler-model, and the promises about budgets, shares and energy hold on the way.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { FakeGuest, type Phase } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";
import { SchedulerModel, type ModelContract, type Slice } from "../../../support/scheduler-model.js";

const COST = 300;
const RUNS = 60;
const COMMANDS = 60;

/** A guest that does whatever its seed says. The two sides get one each. */
function randomGuest(seed: number): FakeGuest {
  const random = new Random(seed);
  // Who burns, who naps, who is nearly always asleep, who does all.
  const kind = random.below(4);
  return new FakeGuest((): Phase => {
    switch (kind === 3 ? random.below(8) : kind === 0 ? 0 : random.below(3)) {
      case 0:
        return { burn: 1 + random.below(kind === 0 ? 5_000_000 : 60_000) };
      case 1:
      case 2:
        return { sleep: 1 + random.below(kind === 2 ? 2_000_000 : 60_000) };
      case 3:
        return { want: reasons.RUN_OUTPUT };
      case 4:
        return { want: reasons.RUN_IO };
      case 5:
        return random.oneIn(4) ? { trap: true } : { burn: 1 + random.below(100) };
      case 6:
        return random.oneIn(8) ? { sleep: Infinity } : { burn: 1 + random.below(3000) };
      default:
        return { sleep: 1 };
    }
  });
}

function randomContract(random: Random, share: number): ModelContract {
  const guaranteed = random.oneIn(2);
  const period = 1000 + random.below(40_000);
  const budget = Math.max(100, Math.floor(period * share * (0.2 + random.below(80) / 100)));
  const ceiling = random.oneIn(3) ? Math.min(period, budget + random.below(period)) : undefined;
  return {
    guaranteed,
    budget,
    period,
    ceiling: random.oneIn(20) ? 0 : ceiling,
    weight: guaranteed ? (random.oneIn(3) ? 50 : 0) : 1 + random.below(400),
    ...(random.oneIn(3)
      ? { energy: { capacity: BigInt(1 + random.below(50_000_000)), rate: random.oneIn(5) ? 0 : random.below(40_000) } }
      : {}),
    restartMax: 2,
    backoffFirst: 1 + random.below(5),
    backoffMax: 20,
  };
}

class Run {
  readonly real: Hypervisor;
  readonly model = new SchedulerModel(BigInt(COST));
  readonly trace: Slice[] = [];

  constructor(
    readonly seed: number,
    readonly random = new Random(seed),
  ) {
    this.real = new Hypervisor({ costs: { [abi.CHARGE_INSTRUCTION]: COST }, energyRate: 100_000_000 });
    const count = 1 + random.below(9);
    for (let n = 0; n < count; n++) {
      const contract = randomContract(random, 0.85 / count);
      const id = this.real.start(this.watched(n, randomGuest(seed * 1000 + n)), contractOf(contract));
      assert.is(id, this.model.start(randomGuest(seed * 1000 + n), contract));
    }
    this.real.onWant = (id, want) => {
      if (want !== reasons.WANT_RESTART) return;
      this.real.install(id, this.watched(id, randomGuest(seed + id * 7)));
      this.real.must(this.real.exports.partitionStart(id), "partitionStart");
    };
    this.model.onRestart = (id) => randomGuest(seed + id * 7);
  }

  /** Notes every slice, and that energy and time were there for it. */
  private watched(id: number, guest: FakeGuest): FakeGuest {
    const run = guest.run.bind(guest);
    guest.run = (fuel: number): number => {
      const at = Number(this.real.word64(abi.HYPERVISOR_NOW));
      const slice = { id, at, fuel, executed: fuel };
      this.trace.push(slice);
      assert.ok(fuel <= abi.QUANTUM / 10, "no slice is longer than a quantum");
      assert.is(this.real.exports.current(), id);
      if (this.real.u32(id, abi.PARTITION_ENERGY_CONTRACT)) {
        const level = this.real.u64(id, abi.PARTITION_ENERGY_LEVEL);
        assert.ok(BigInt(fuel * COST) <= level, "what a slice may cost is in the reserve");
        assert.ok(fuel > 0, "nobody is switched in for nothing");
      }
      const reason = run(fuel);
      slice.executed = guest.runExecuted();
      return reason;
    };
    return guest;
  }

  command(): void {
    const { real, model, random } = this;
    const id = random.below(model.partitions.length);
    switch (random.below(8)) {
      case 0:
        real.exports.partitionPause(id, 0);
        model.pause(id);
        break;
      case 1:
      case 2:
        real.exports.partitionResume(id);
        model.resume(id);
        break;
      case 3:
        if (!random.oneIn(6)) break;
        real.exports.partitionStop(id, reasons.STOP_COMMAND);
        model.stop(id);
        break;
      case 4: {
        if (!real.u32(id, abi.PARTITION_HELD)) break;
        const contract = randomContract(random, 0.85 / model.partitions.length);
        const reason = real.budget(id, contractOf(contract));
        assert.is(reason, reasons.DONE);
        model.budget(id, contract);
        break;
      }
      case 5: {
        if (!real.u32(id, abi.PARTITION_HELD)) break;
        const amount = BigInt(random.below(5_000_000));
        real.topUp(id, amount);
        model.topUp(id, amount);
        break;
      }
      default:
        real.exports.wake(id);
        model.wake(id);
        break;
    }
  }
}

function contractOf({ guaranteed, ceiling, ...rest }: ModelContract): Contract {
  return {
    ...rest,
    class: guaranteed ? abi.CLASS_GUARANTEED : abi.CLASS_BEST_EFFORT,
    ceiling: ceiling ?? abi.CEILING_NONE,
  };
}

const model = suite("hypervisor against the model");

model(`${RUNS} random handsets, ${COMMANDS} commands each: the same slices, times and energy`, () => {
  let slices = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const run = new Run(seed);
    for (let n = 0; n < COMMANDS; n++) {
      const until = run.model.now + 1 + run.random.below(8_000_000);
      run.real.runTo(until);
      run.model.runTo(until);
      const what = `seed ${seed}, command ${n}`;
      slices += run.trace.length;
      compare(run, what);
      run.command();
    }
  }
  assert.ok(slices > 20_000, `${slices} slices were compared`);
});

function compare({ real, model, trace }: Run, what: string): void {
  const first = trace.findIndex((slice, n) => JSON.stringify(slice) !== JSON.stringify(model.trace[n]));
  if (first >= 0 || trace.length !== model.trace.length) {
    const at = first >= 0 ? first : trace.length;
    const show = (list: Slice[]): string =>
      list
        .slice(Math.max(0, at - 3), at + 3)
        .map((s) => JSON.stringify(s))
        .join("\n  ");
    assert.unreachable(`${what}: slice ${at} differs\n real:\n  ${show(trace)}\n model:\n  ${show(model.trace)}`);
  }
  trace.length = 0;
  model.trace.length = 0;
  assert.is(real.now, model.now, `${what}: time`);
  assert.is(Number(real.word64(abi.HYPERVISOR_IDLE)), model.idle, `${what}: idle time`);
  assert.is(real.energyImbalance(), 0n, `${what}: reserves + spent = drained`);
  for (const p of model.partitions) {
    assert.is(real.state(p.id), p.state, `${what}: state of ${p.id}`);
    assert.is(real.cpu(p.id), p.cpu, `${what}: CPU time of ${p.id}`);
    assert.is(real.u64(p.id, abi.PARTITION_ENERGY_SPENT), p.spent, `${what}: energy spent by ${p.id}`);
    real.exports.partitionRefresh(p.id);
    p.fill(model.now);
    if (real.u32(p.id, abi.PARTITION_HELD)) {
      assert.is(real.u64(p.id, abi.PARTITION_ENERGY_LEVEL), p.level, `${what}: reserve of ${p.id}`);
    }
  }
}

model.run();
