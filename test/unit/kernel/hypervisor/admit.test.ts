// Admission: Σ memory ≤ board RAM − reserve, Σ budget/period ≤ 0.9, Σ energy rates ≤ envelope. One answer, with its numbers.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { Hypervisor, type BoardOptions, type Contract } from "../../../support/hypervisor.js";

const MIB = 1n << 20n;

function admitted(real: Hypervisor, contract: Contract): number {
  const id = real.define(contract);
  assert.ok(id >= 0, `defined: ${id}`);
  return real.exports.partitionAdmit(id);
}

const admit = suite("admit");

admit("memory: the last byte fits, one more is refused, with all numbers", () => {
  const real = new Hypervisor({ ram: 512n * MIB, reserve: 64n * MIB });
  assert.is(admitted(real, { memory: 256n * MIB }), reasons.DONE);
  assert.is(admitted(real, { memory: 192n * MIB + 1n }), reasons.ADMIT_MEMORY);
  const { reason, partition, wanted, committed, limit } = real.answer();
  assert.equal(
    { reason, partition, wanted, committed, limit },
    { reason: reasons.ADMIT_MEMORY, partition: 1, wanted: 192n * MIB + 1n, committed: 256n * MIB, limit: 448n * MIB },
  );
  assert.is(admitted(real, { memory: 192n * MIB }), reasons.DONE);
  assert.is(admitted(real, { memory: 0xffff_ffff_ffff_ffffn }), reasons.ADMIT_MEMORY, "no sum wraps around");
});

admit("CPU: 90 % to the billionth, rounded against the one who asks", () => {
  const real = new Hypervisor();
  assert.is(admitted(real, { budget: 3_000, period: 10_000 }), reasons.DONE);
  assert.is(admitted(real, { budget: 333_333, period: 999_999 }), reasons.DONE);
  // 0.3 + 0.333… leaves 0.2666…
  assert.is(admitted(real, { budget: 266_667, period: 1_000_000 }), reasons.ADMIT_CPU);
  assert.equal(real.answer().committed, 300_000_000n + 333_333_334n);
  assert.is(real.answer().limit, 900_000_000n);
  assert.is(admitted(real, { budget: 266_666, period: 1_000_000 }), reasons.DONE);
  assert.is(admitted(real, {}), reasons.DONE, "best effort asks for none");
});

admit("the board may set another limit of CPU", () => {
  const real = new Hypervisor({ cpuLimit: 500_000_000 });
  assert.is(admitted(real, { budget: 5_001, period: 10_000 }), reasons.ADMIT_CPU);
  assert.is(admitted(real, { budget: 5_000, period: 10_000 }), reasons.DONE);
});

admit("energy: rates within the envelope, shares within the whole; no contract asks for nothing", () => {
  const real = new Hypervisor({ energyRate: 1_000_000 });
  const energy = (rate: number, share: number): Contract => ({ energy: { capacity: 1n, rate, share } });
  assert.is(admitted(real, energy(600_000, 700_000)), reasons.DONE);
  assert.is(admitted(real, energy(400_001, 0)), reasons.ADMIT_ENERGY_RATE);
  assert.equal([real.answer().wanted, real.answer().committed, real.answer().limit], [400_001n, 600_000n, 1_000_000n]);
  assert.is(admitted(real, energy(0, 300_001)), reasons.ADMIT_ENERGY_SHARE);
  assert.is(admitted(real, energy(400_000, 300_000)), reasons.DONE);
  assert.is(admitted(real, {}), reasons.DONE);
});

admit("a contract that makes no sense is not even defined", () => {
  const real = new Hypervisor();
  const cases: [Contract, number][] = [
    [{ class: 2 }, reasons.ADMIT_BAD_CLASS],
    [{ budget: 500, period: 999 }, reasons.ADMIT_BAD_PERIOD],
    [{ budget: 500, period: abi.PERIOD_MAX + 1 }, reasons.ADMIT_BAD_PERIOD],
    [{ ceiling: 100, period: 0 }, reasons.ADMIT_BAD_PERIOD],
    [{ budget: 99, period: 1_000 }, reasons.ADMIT_BAD_BUDGET],
    [{ budget: 1_001, period: 1_000 }, reasons.ADMIT_BAD_BUDGET],
    [{ budget: 500, period: 1_000, ceiling: 499 }, reasons.ADMIT_BAD_CEILING],
    [{ budget: 500, period: 1_000, ceiling: 1_001 }, reasons.ADMIT_BAD_CEILING],
    [{ ceiling: 1, period: 1_000 }, reasons.ADMIT_BAD_CEILING],
    [{ weight: 0 }, reasons.ADMIT_BAD_WEIGHT],
    [{ weight: abi.WEIGHT_MAX + 1 }, reasons.ADMIT_BAD_WEIGHT],
    [{ energy: { capacity: 0n, rate: 1 } }, reasons.ADMIT_BAD_ENERGY],
    [{ energy: { capacity: 1n, rate: abi.ENERGY_RATE_MAX + 1 } }, reasons.ADMIT_BAD_ENERGY],
    [{ energy: { capacity: 1n, share: 1_000_001 } }, reasons.ADMIT_BAD_ENERGY],
    [{ actions: [[9, 0, 0, 0, 0, 0, 0, 0], Array<number>(8).fill(0)] }, reasons.ADMIT_BAD_ACTIONS],
  ];
  for (const [contract, reason] of cases) assert.is(real.define(contract), -reason, JSON.stringify(contract, printed));
  assert.is(real.view.getUint32(abi.HYPERVISOR_PARTITION_COUNT, true), 0);
  assert.is(real.define({ budget: 1_000, period: 1_000, ceiling: 1_000 }), 0);
});

admit("what is refused, stopped or removed holds nothing", () => {
  const real = new Hypervisor({ ram: 100n * MIB, energyRate: 1000 });
  const whole: Contract = { memory: 100n * MIB, budget: 9_000, energy: { capacity: 1n, rate: 1000, share: 1_000_000 } };
  const held = (): bigint[] =>
    [
      abi.HYPERVISOR_MEMORY_HELD,
      abi.HYPERVISOR_CPU_HELD,
      abi.HYPERVISOR_ENERGY_RATE_HELD,
      abi.HYPERVISOR_ENERGY_SHARE_HELD,
    ].map((at) => real.word64(at));
  const first = real.define(whole);
  const second = real.define(whole);
  assert.is(real.exports.partitionAdmit(first), reasons.DONE);
  assert.equal(held(), [100n * MIB, 900_000_000n, 1000n, 1_000_000n]);
  assert.is(real.exports.partitionAdmit(second), reasons.ADMIT_MEMORY);
  assert.is(real.exports.partitionStop(first, reasons.STOP_COMMAND), reasons.DONE);
  assert.equal(held(), [0n, 0n, 0n, 0n]);
  assert.is(real.exports.partitionAdmit(second), reasons.DONE);
  assert.is(real.exports.partitionAdmit(first), reasons.ADMIT_MEMORY);
  assert.is(real.exports.partitionAdmit(second), reasons.REFUSE_STATE, "nobody holds twice");
  assert.is(real.exports.partitionRemove(second), reasons.DONE);
  assert.equal(held(), [0n, 0n, 0n, 0n]);
  assert.is(real.exports.partitionRemove(first), reasons.DONE);
});

admit("a live change is measured against what the others hold, not against itself", () => {
  const real = new Hypervisor();
  const id = real.define({ budget: 6_000 });
  real.exports.partitionAdmit(id);
  assert.is(admitted(real, { budget: 2_000 }), reasons.DONE);
  assert.is(real.budget(id, { budget: 7_001 }), reasons.ADMIT_CPU);
  assert.is(real.budget(id, { budget: 7_000 }), reasons.DONE);
  assert.is(real.word64(abi.HYPERVISOR_CPU_HELD), 900_000_000n);
});

admit("guest RAM changes at the next start only, and then it may", () => {
  const real = new Hypervisor({ ram: 100n * MIB });
  const id = real.define({ memory: 50n * MIB });
  real.exports.partitionAdmit(id);
  assert.is(real.budget(id, { memory: 60n * MIB }), reasons.ADMIT_MEMORY_LIVE);
  assert.is(real.answer().limit, 50n * MIB);
  real.exports.partitionStop(id, reasons.STOP_COMMAND);
  assert.is(real.budget(id, { memory: 60n * MIB }), reasons.DONE);
  assert.is(real.exports.partitionAdmit(id), reasons.DONE);
  assert.is(real.word64(abi.HYPERVISOR_MEMORY_HELD), 60n * MIB);
});

admit(`${abi.PARTITION_MAX} partitions, and not one more; a removed one's id is used again`, () => {
  const real = new Hypervisor();
  for (let id = 0; id < abi.PARTITION_MAX; id++) assert.is(real.define(), id);
  assert.is(real.define(), -reasons.ADMIT_TOO_MANY);
  assert.is(real.exports.partitionRemove(77), reasons.DONE);
  assert.is(real.define(), 77);
});

admit("a board that makes no sense is refused", () => {
  const refused = (options: BoardOptions, reason: number): void =>
    assert.throws(() => new Hypervisor(options), new RegExp(`refused with ${reason}$`));
  refused({ ram: 1n, reserve: 2n }, reasons.REFUSE_BAD_BOARD);
  refused({ mode: 2 }, reasons.REFUSE_BAD_BOARD);
  refused({ abiVersion: 99 }, reasons.REFUSE_ABI_MISMATCH);
});

function printed(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

admit.run();
