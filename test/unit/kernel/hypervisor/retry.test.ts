// Refused charges are looked at again when they may pass, whoever sleeps then, and nobody else's schedule knows of it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, periodic, scripted } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const KIND = abi.CHARGE_BLOCK_BYTE;
const OPERATION = abi.CHARGE_BLOCK_OPERATION;
const MS = 1e6;

const retry = suite("retry");

retry("when all sleep, time goes to the moment that the refusal named, and the partition is named there, once", () => {
  const real = new Hypervisor();
  const id = real.start(scripted(), { buckets: { [KIND]: { rate: 1_000, burst: 10 } } });
  real.runTo(5 * MS);
  assert.is(real.exports.charge(id, KIND, 10), reasons.DONE);
  assert.is(real.exports.charge(id, KIND, 7), reasons.LIMIT_RATE);
  const due = Number(real.answer().retry);
  assert.is(real.u32(id, abi.PARTITION_RETRYING), 1);
  assert.is(real.exports.step(1000 * MS), due, "step() returns then, not at its end");
  assert.is(real.exports.step(1000 * MS), due, "and again, until the host has asked whom to look at");
  assert.is(real.exports.retries(), id);
  assert.is(real.exports.retries(), -1);
  assert.is(real.u32(id, abi.PARTITION_RETRYING), 0);
  assert.is(real.exports.charge(id, KIND, 7), reasons.DONE);
});

retry("of several refusals the earliest counts", () => {
  const real = new Hypervisor();
  const id = real.start(scripted(), {
    buckets: { [KIND]: { rate: 1_000, burst: 1 }, [abi.CHARGE_CONSOLE_BYTE]: { rate: 10, burst: 1 } },
  });
  for (const kind of [KIND, abi.CHARGE_CONSOLE_BYTE]) assert.is(real.exports.charge(id, kind, 1), reasons.DONE);
  const moments = [abi.CHARGE_CONSOLE_BYTE, KIND, abi.CHARGE_CONSOLE_BYTE].map((kind) => {
    assert.is(real.exports.charge(id, kind, 1), reasons.LIMIT_RATE);
    return Number(real.answer().retry);
  });
  real.runTo(1000 * MS);
  assert.equal(real.retried, [{ id, time: Math.min(...moments) }]);
});

retry("an operation and its bytes are charged together or not at all", () => {
  const real = new Hypervisor({ costs: { [OPERATION]: 1_000, [KIND]: 3 }, energyRate: 1_000_000 });
  const used = (id: number, kind: number): bigint =>
    real.u64(id, abi.PARTITION_BUCKETS + kind * abi.BUCKET_BYTES + abi.BUCKET_USED);
  const id = real.start(scripted(), {
    energy: { capacity: 5_000n, rate: 1 },
    buckets: { [OPERATION]: { rate: 1_000, burst: 2 }, [KIND]: { rate: 100_000, burst: 500 } },
  });
  real.topUp(id, 5_000n);
  assert.is(real.exports.chargeBlock(id, 500), reasons.DONE);
  assert.is(real.exports.chargeBlock(id, 100), reasons.LIMIT_RATE, "bytes");
  assert.is(real.answer().retry, 1_000_000n);
  real.runTo(MS);
  assert.is(real.exports.chargeBlock(id, 100), reasons.DONE);
  assert.is(real.exports.chargeBlock(id, 500), reasons.LIMIT_ENERGY, "1200 pJ are left of 5000, 2500 are asked for");
  assert.is(real.exports.chargeBlock(id, 1_334), reasons.LIMIT_CAPACITY, "5002 pJ");
  assert.equal([used(id, OPERATION), used(id, KIND)], [2n, 600n]);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 3_800n);
  assert.is(real.energyImbalance(), 0n);
});

retry("energy or another contract ends a wait that no rate would end", () => {
  const contract: Contract = { energy: { capacity: 10_000n, rate: 0, share: 500_000 } };
  const gifts: [string, (real: Hypervisor, id: number) => void][] = [
    ["a top-up", (real, id) => real.topUp(id, 5_000n)],
    ["a share of the battery", (real) => real.drained(10_000n)],
    ["a contract", (real, id) => real.budget(id, {})],
  ];
  for (const [what, give] of gifts) {
    const real = new Hypervisor({ costs: { [KIND]: 10 } });
    const id = real.start(scripted(), contract);
    assert.is(real.exports.charge(id, KIND, 100), reasons.LIMIT_ENERGY);
    assert.is(real.answer().retry, 0xffff_ffff_ffff_ffffn);
    real.runTo(MS);
    assert.equal(real.retried, [], what);
    give(real, id);
    real.runTo(2 * MS);
    assert.equal(real.retried, [{ id, time: MS }], what);
    assert.is(real.exports.charge(id, KIND, 100), reasons.DONE, what);
  }
});

retry("who has ended is not come back to, and a new partition under its id begins without a wait", () => {
  const real = new Hypervisor();
  const contract = { buckets: { [KIND]: { rate: 1, burst: 1 } } };
  const ids = [0, 1, 2].map(() => real.start(scripted(), contract));
  for (const id of ids) {
    real.exports.charge(id, KIND, 1);
    assert.is(real.exports.charge(id, KIND, 1), reasons.LIMIT_RATE);
  }
  real.exports.partitionStop(1, reasons.STOP_COMMAND);
  // The host may still look at the rings of one that has ended.
  assert.is(real.exports.charge(1, KIND, 1), reasons.LIMIT_RATE);
  assert.is(real.u32(1, abi.PARTITION_RETRYING), 0, "nobody comes back to it");
  real.exports.partitionRemove(1);
  assert.is(real.start(scripted(), contract), 1);
  assert.is(real.u32(1, abi.PARTITION_RETRYING), 0);
  real.runTo(3000 * MS);
  assert.equal(
    real.retried.map(({ id }) => id),
    [0, 2],
  );
});

retry("the others run the same slices, whatever is refused beside them", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const play = (refuse: boolean): unknown => {
      const random = new Random(seed);
      const real = new Hypervisor();
      const guests = Array.from({ length: 1 + random.below(4) }, () => {
        const guest = random.oneIn(2) ? burner() : periodic(1 + random.below(50_000), 1 + random.below(100_000));
        guest.record = true;
        const guaranteed = random.oneIn(2) ? { budget: 1_000 + random.below(1_000), period: 10_000 } : {};
        real.start(guest, { weight: 1 + random.below(100), ...guaranteed });
        return guest;
      });
      const buckets = { [KIND]: { rate: 900_000, burst: 100 } };
      const asleep = real.start(scripted(), { buckets });
      for (let n = 0; n < 200; n++) {
        if (refuse) real.exports.charge(asleep, KIND, 100);
        real.runTo(real.now + 100_000);
      }
      assert.is(real.retried.length > 50, refuse, "there was something to come back to");
      return guests.map(({ slices }) => slices);
    };
    // Who looks in every 100 µs sees the same clock, so both are cut at the same moments.
    assert.equal(play(true), play(false), `seed ${seed}`);
  }
});

retry.run();
