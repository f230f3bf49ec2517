// Energy in picojoules: reserves + board's own + spent = drained, exactly; nobody spends from an empty reserve.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, periodic } from "../../../support/fake-guest.js";
import { Hypervisor } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const MS = 1e6;
const COST = 400;
const board = {
  energyRate: 100_000_000,
  costs: {
    [abi.CHARGE_INSTRUCTION]: COST,
    [abi.CHARGE_BLOCK_OPERATION]: 1_000_003,
    [abi.CHARGE_BLOCK_BYTE]: 7,
    [abi.CHARGE_CONSOLE_BYTE]: 1,
    [abi.CHARGE_NETWORK_BYTE]: 40_009,
    [abi.CHARGE_CHANNEL_BYTE]: 3,
  },
};

const energy = suite("energy");

energy("1 µW for 1 µs is 1 pJ: a tap fills exactly, whatever the steps", () => {
  const random = new Random(5);
  const real = new Hypervisor(board);
  const id = real.start(burner(), { ceiling: 0, energy: { capacity: 1n << 60n, rate: 12_345_677 } });
  for (let n = 0; n < 2000; n++) {
    real.runTo(real.now + 1 + random.below(5_000_000));
    real.exports.partitionRefresh(id);
    assert.is(real.u64(id, abi.PARTITION_ENERGY_LEVEL), (12_345_677n * BigInt(real.now)) / 1000n);
  }
  real.runTo(1e17); // three years asleep
  real.exports.partitionRefresh(id);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_LEVEL), 1n << 60n, "the capacity");
  assert.is(real.energyImbalance(), 0n);
});

energy("a full reserve draws nothing from the battery", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner(), { ceiling: 0, energy: { capacity: 1000n, rate: 1_000_000 } });
  real.runFor(1000);
  real.exports.partitionRefresh(id);
  assert.is(real.word64(abi.HYPERVISOR_ENERGY_DRAINED), 1000n);
});

energy("conservation is exact over a million random charges", () => {
  const random = new Random(1);
  const real = new Hypervisor(board);
  for (let n = 0; n < 16; n++) {
    real.start(n % 2 ? periodic(5_000, 240_000) : burner(), {
      ...(n % 4 === 3
        ? {}
        : {
            energy: {
              capacity: BigInt(1 + random.below(2_000_000_000)),
              rate: random.below(5_000_000),
              share: random.below(60_000),
            },
          }),
      buckets: { [abi.CHARGE_NETWORK_BYTE]: { rate: 1_000_000, burst: 10_000 } },
    });
  }
  const kinds = [0, 1, 2, 3, 4];
  let allowed = 0;
  for (let n = 0; n < 1_000_000; n++) {
    const amount = random.oneIn(3) ? random.below(100_000) : random.below(64);
    if (real.exports.charge(random.below(16), kinds[random.below(5)]!, amount) === reasons.DONE) allowed++;
    if (n % 1000 === 0) {
      real.runTo(real.now + random.below(400_000));
      if (random.oneIn(5)) real.drained(BigInt(random.u32()) * BigInt(1 + random.below(2000)));
      if (random.oneIn(20)) real.topUp(random.below(16), BigInt(random.u32()));
      if (random.oneIn(3)) real.layAside(random.below(16), BigInt(random.u32()));
      if (random.oneIn(3)) real.payEnergy(random.below(16), BigInt(random.u32() >>> 2), random.oneIn(2));
      if (random.oneIn(10)) real.exports.energyTakeBack(random.below(16));
      assert.is(real.energyImbalance(), 0n, `after ${n} charges`);
    }
  }
  assert.is(real.energyImbalance(), 0n);
  assert.ok(allowed > 100_000 && allowed < 950_000, `${allowed} were allowed`);
  for (let id = 0; id < 16; id++) {
    real.exports.partitionStop(id, 0);
    if (id % 2) real.exports.partitionRemove(id);
    assert.is(real.energyImbalance(), 0n, "what a stopped reserve held is the board's");
  }
});

energy("what is laid aside is spent first, owed beyond it, and goes back as far as there is room", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner(), { ceiling: 0, energy: { capacity: 1000n, rate: 0 } });
  const level = (): bigint => real.u64(id, abi.PARTITION_ENERGY_LEVEL);
  const pot = (): bigint => real.u64(id, abi.PARTITION_ENERGY_POT);
  real.topUp(id, 1000n);
  assert.is(real.layAside(id, 600n), reasons.DONE);
  assert.equal([level(), pot()], [400n, 600n]);
  real.layAside(id, 5000n);
  assert.equal([level(), pot()], [0n, 1000n], "no more than there is");
  real.topUp(id, 700n);
  real.payEnergy(id, 300n, true);
  assert.equal([level(), pot()], [700n, 700n], "the pot pays first");
  real.payEnergy(id, 900n, false);
  assert.equal([level(), pot()], [700n, 0n], "without owing, no more than it holds");
  real.layAside(id, 100n);
  real.payEnergy(id, 900n, true);
  assert.equal([level(), pot(), real.u64(id, abi.PARTITION_ENERGY_DEBT)], [0n, 0n, 200n]);
  real.topUp(id, 1000n);
  assert.equal([level(), real.u64(id, abi.PARTITION_ENERGY_DEBT)], [800n, 0n]);
  real.layAside(id, 500n);
  real.topUp(id, 650n);
  const own = real.word64(abi.HYPERVISOR_ENERGY_BOARD);
  real.exports.energyTakeBack(id);
  assert.equal([level(), pot()], [1000n, 0n]);
  assert.is(real.word64(abi.HYPERVISOR_ENERGY_BOARD), own + 450n, "what has no room is the board's");
  real.layAside(id, 10n);
  real.exports.partitionStop(id, 0);
  assert.is(pot(), 0n);
  assert.is(real.layAside(id, 10n), reasons.REFUSE_STATE);
  assert.is(real.energyImbalance(), 0n);
});

energy("a live change of the contract loses and makes no energy", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner(), { energy: { capacity: 50_000_000n, rate: 2_000_000 } });
  const contracts = [
    { energy: { capacity: 10n, rate: 5_000_000 } },
    {},
    { energy: { capacity: 9_000_000_000n, rate: 90_000_000 } },
    { energy: { capacity: 5_000_000n, rate: 0, share: 500_000 } },
  ];
  for (const contract of contracts) {
    real.runFor(50);
    assert.is(real.budget(id, contract), reasons.DONE);
    assert.is(real.energyImbalance(), 0n);
    real.runFor(50);
    real.drained(77_777_777n);
    assert.is(real.energyImbalance(), 0n);
  }
});

energy("an empty reserve runs 0 instructions until it is refilled", () => {
  const real = new Hypervisor(board);
  const guest = burner();
  const id = real.start(guest, { energy: { capacity: 1_000_000_000n, rate: 0 } });
  real.start(burner());
  real.runFor(1000);
  assert.is(guest.runs, 0);
  assert.is(real.u32(id, abi.PARTITION_EXHAUSTED), 1);
  // A quantum's worth is 10,000 instructions.
  assert.is(real.topUp(id, BigInt(COST * 10_000 - 1)), reasons.DONE);
  real.runFor(10);
  assert.is(guest.runs, 0, "not before a quantum's worth is there");
  real.topUp(id, 1n);
  real.runFor(10);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 10_000n);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_LEVEL), 0n);
  const runs = guest.runs;
  real.runFor(1000);
  assert.is(guest.runs, runs);
});

energy("a burner runs as much as its tap pays for, in quanta, not in crumbs", () => {
  const real = new Hypervisor(board);
  const guest = burner();
  // Burning costs 100 instructions × 400 pJ a µs = 40 mW. The tap gives 10.
  const id = real.start(guest, { energy: { capacity: 400_000_000n, rate: 10_000 } });
  real.start(burner());
  real.runTo(10_000 * MS);
  const share = real.cpu(id) / real.now;
  assert.ok(Math.abs(share - 0.25) < 0.001, `${share}`);
  assert.ok(real.cpu(id) / guest.runs > 25_000, `${real.cpu(id) / guest.runs} ns a slice`);
  assert.ok(real.u64(id, abi.PARTITION_ENERGY_THROTTLED_TIME) > 1_000_000_000n, "the rest is waiting for its turn");
  assert.is(real.u64(id, abi.PARTITION_THROTTLED_COUNT), 0n, "CPU is not what it lacks");
});

energy("a reserve smaller than a quantum's worth still lets its owner run", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner(), { energy: { capacity: 40_000n, rate: 1_000 } });
  real.runTo(1_000 * MS);
  assert.ok(Math.abs(real.cpu(id) - 25 * MS) < MS, `${real.cpu(id)}`);
});

energy("no contract: no limit, and accounted all the same", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner());
  real.runTo(1_000 * MS);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 100_000_000n * BigInt(COST));
  assert.is(real.word64(abi.HYPERVISOR_ENERGY_DRAINED), 100_000_000n * BigInt(COST));
});

energy("what the battery gives is shared out; the board keeps the rest and what does not fit", () => {
  const real = new Hypervisor(board);
  const half = real.start(burner(), { ceiling: 0, energy: { capacity: 1n << 50n, share: 500_000 } });
  const small = real.start(burner(), { ceiling: 0, energy: { capacity: 10n, share: 250_000 } });
  real.drained(1_000_001n);
  assert.is(real.u64(half, abi.PARTITION_ENERGY_LEVEL), 500_000n);
  assert.is(real.u64(small, abi.PARTITION_ENERGY_LEVEL), 10n);
  assert.is(real.word64(abi.HYPERVISOR_ENERGY_BOARD), 499_991n);
  real.drained(0xffff_ffff_ffffn);
  assert.is(real.energyImbalance(), 0n);
});

energy("a charge that the reserve cannot pay is refused whole, and says when to ask again", () => {
  const real = new Hypervisor(board);
  const id = real.start(burner(), { ceiling: 0, energy: { capacity: 50_000_000n, rate: 1_000 } });
  assert.is(real.exports.charge(id, abi.CHARGE_BLOCK_OPERATION, 1), reasons.LIMIT_ENERGY);
  assert.is(real.answer().retry, 1_000_003n);
  assert.is(real.u64(id, abi.PARTITION_ENERGY_SPENT), 0n);
  real.runTo(1_000_003 - 1);
  assert.is(real.exports.charge(id, abi.CHARGE_BLOCK_OPERATION, 1), reasons.LIMIT_ENERGY);
  real.runTo(1_000_003);
  assert.is(real.exports.charge(id, abi.CHARGE_BLOCK_OPERATION, 1), reasons.DONE);
  assert.is(real.exports.charge(id, abi.CHARGE_BLOCK_OPERATION, 51), reasons.LIMIT_CAPACITY);
  assert.is(real.answer().retry, 0xffff_ffff_ffff_ffffn, "more than the reserve can ever hold");
  assert.is(real.exports.charge(id, abi.CHARGE_INSTRUCTION, 1), reasons.LIMIT_BAD_KIND);
  assert.is(real.exports.charge(id, abi.CHARGE_KINDS, 1), reasons.LIMIT_BAD_KIND);
});

energy.run();
