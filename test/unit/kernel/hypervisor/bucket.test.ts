// I/O token buckets: rate and burst for each kind of device work.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner } from "../../../support/fake-guest.js";
import { Hypervisor } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const KIND = abi.CHARGE_BLOCK_BYTE;

function limited(rate: number, burst: number): { real: Hypervisor; id: number } {
  const real = new Hypervisor();
  const id = real.start(burner(), { ceiling: 0, buckets: { [KIND]: { rate, burst } } });
  return { real, id };
}

const bucket = suite("bucket");

bucket("a burst passes at once, then the rate holds; the answer says when to ask again, to the nanosecond", () => {
  const { real, id } = limited(1_000_000, 5_000);
  assert.is(real.exports.charge(id, KIND, 5_000), reasons.DONE);
  assert.is(real.exports.charge(id, KIND, 3), reasons.LIMIT_RATE);
  assert.is(real.answer().retry, 3_000n);
  real.runTo(2_999);
  assert.is(real.exports.charge(id, KIND, 3), reasons.LIMIT_RATE);
  real.runTo(3_000);
  assert.is(real.exports.charge(id, KIND, 3), reasons.DONE);
  assert.is(real.u64(id, abi.PARTITION_BUCKETS + KIND * abi.BUCKET_BYTES + abi.BUCKET_USED), 5_003n);
  assert.is(real.u32(id, abi.PARTITION_BUCKETS + KIND * abi.BUCKET_BYTES + abi.BUCKET_THROTTLED), 2);
});

bucket(
  "in any time, no more than rate × time + burst + one charge passes; who asks when told is never refused twice",
  () => {
    const random = new Random(4);
    for (let n = 0; n < 20; n++) {
      const rate = 1 + random.below(10_000_000);
      const burst = 1 + random.below(1_000_000);
      const { real, id } = limited(rate, burst);
      let passed = 0;
      let largest = 0;
      for (let k = 0; k < 200; k++) {
        const amount = random.below(burst * 2);
        largest = Math.max(largest, amount);
        if (real.exports.charge(id, KIND, amount) === reasons.LIMIT_RATE) {
          real.runTo(Number(real.answer().retry));
          assert.is(real.exports.charge(id, KIND, amount), reasons.DONE, `${n}, ${k}`);
        }
        passed += amount;
        assert.ok(passed <= (rate * real.now) / 1e9 + burst + largest + 1, `${n}, ${k}: ${passed}`);
      }
      assert.ok(passed >= (rate * real.now) / 1e9 - largest - burst, "and the rate is reached");
    }
  },
);

bucket("a charge above the burst passes when the bucket is full, and is paid off after", () => {
  const { real, id } = limited(1_000, 100);
  assert.is(real.exports.charge(id, KIND, 1_100), reasons.DONE);
  assert.is(real.exports.charge(id, KIND, 1), reasons.LIMIT_RATE);
  assert.is(real.answer().retry, 1_001_000_000n);
  assert.is(real.exports.charge(id, KIND, 0xffff_ffff), reasons.LIMIT_RATE);
  assert.is(real.answer().retry, 1_100_000_000n);
});

bucket("no rate, no limit; other kinds and other partitions are not touched", () => {
  const { real, id } = limited(1, 1);
  const other = real.start(burner(), { ceiling: 0 });
  real.exports.charge(id, KIND, 1);
  assert.is(real.exports.charge(id, KIND, 1), reasons.LIMIT_RATE);
  assert.is(real.exports.charge(id, abi.CHARGE_BLOCK_OPERATION, 0xffff_ffff), reasons.DONE);
  assert.is(real.exports.charge(other, KIND, 0xffff_ffff), reasons.DONE);
});

bucket("a rate without a burst allows a second's worth", () => {
  const { real, id } = limited(500, 0);
  assert.is(real.exports.charge(id, KIND, 500), reasons.DONE);
  assert.is(real.exports.charge(id, KIND, 1), reasons.LIMIT_RATE);
});

bucket("what the bucket refuses costs no energy", () => {
  const real = new Hypervisor({ costs: { [KIND]: 10 }, energyRate: 1000 });
  const id = real.start(burner(), {
    ceiling: 0,
    energy: { capacity: 1_000_000n },
    buckets: { [KIND]: { rate: 100, burst: 10 } },
  });
  real.topUp(id, 1_000_000n);
  assert.is(real.exports.charge(id, KIND, 10), reasons.DONE);
  assert.is(real.exports.charge(id, KIND, 10), reasons.LIMIT_RATE);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 100n);
});

bucket.run();
