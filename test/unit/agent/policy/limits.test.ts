// What a policy cuts: never more than was asked, never more than it allows, and the same again when it is cut again.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cut, cutTranslated, excess, limitsOf } from "../../../../agent/policy/limits.js";
import type { Contracts } from "../../../../agent/handset/contracts.js";
import type { Policy } from "../../../../agent/wire/policy.js";
import { Random } from "../../../support/random.js";

const test = suite("agent/policy/limits");

export function policyOf(sections: Partial<Policy>): Policy {
  const times = { issued: 1, expires: 2, id: new Uint8Array(16), epoch: 1, version: 7 };
  return { issuer: "it", audience: "all", ...times, partition: "work", ...sections };
}

const IO = { blockOperations: null, blockBytes: null, consoleBytes: null };

function randomContracts(random: Random): Contracts {
  const period = 1_000 + random.below(100_000);
  const budget = random.oneIn(3) ? 0 : 100 + random.below(period - 100);
  return {
    cpu: {
      class: budget > 0 ? "guaranteed" : "best-effort",
      budget,
      period,
      ceiling: random.oneIn(3) ? null : budget + random.below(period - budget + 1),
      weight: random.below(1000),
    },
    energy: random.oneIn(3)
      ? null
      : { capacity: BigInt(random.u32()) * 1000n, rate: random.below(1_000_000), share: random.oneIn(4) ? 1000 : 0 },
    io: IO,
  };
}

test("a cap of 20 % and 100 mW: the ceiling, the guarantee, the tap and the reserve", () => {
  const limits = limitsOf(policyOf({ budget: { cpuPermille: 200, energyMillijoulesPerHour: 360_000 } }));
  const asked: Contracts = {
    cpu: { class: "guaranteed", budget: 30_000, period: 100_000, ceiling: 60_000, weight: 100 },
    energy: { capacity: 40_000_000_000_000n, rate: 400_000, share: 0 },
    io: IO,
  };
  assert.equal(cut(asked, limits), {
    cpu: { class: "guaranteed", budget: 20_000, period: 100_000, ceiling: 20_000, weight: 100 },
    energy: { capacity: 6_000_000_000_000n, rate: 100_000, share: 0 },
    io: IO,
  });
  assert.match(excess(asked, limits)!, /policy 1\.7 allows 20 % of a processor at most/);
});

test("translated code: what was asked or what is allowed, whichever is less", () => {
  const left = (asked: number, translatedBytes?: number): number =>
    cutTranslated(asked, limitsOf(policyOf({ budget: translatedBytes === undefined ? {} : { translatedBytes } })));
  const MIB = 1 << 20;
  assert.equal(
    [left(16 * MIB), left(16 * MIB, 4 * MIB), left(4 * MIB, 16 * MIB), left(0, 16 * MIB), left(16 * MIB, 0)],
    [16 * MIB, 4 * MIB, 4 * MIB, 0, 0],
  );
});

test("0 permille: must not run", () => {
  const limits = limitsOf(policyOf({ budget: { cpuPermille: 0 } }));
  const { cpu } = cut(randomContracts(new Random(1)), limits);
  assert.is(cpu.ceiling, 0);
  assert.is(cpu.budget, 0);
  assert.is(cpu.class, "best-effort");
});

test("any policy against any contracts: within what was asked and what is allowed, idempotent, and excess() agrees", () => {
  const random = new Random(2);
  for (let round = 0; round < 20_000; round++) {
    const some = (value: number): number | undefined => (random.oneIn(2) ? value : undefined);
    const budget = Object.fromEntries(
      Object.entries({
        cpuPermille: some(random.below(1001)),
        cpuWeight: some(1 + random.below(1000)),
        energyMillijoulesPerHour: some(random.below(5_000_000)),
      }).filter(([, value]) => value !== undefined),
    );
    const limits = limitsOf(policyOf({ budget }));
    const asked = randomContracts(random);
    const left = cut(asked, limits);
    const { cpu, energy } = left;
    assert.equal(cut(left, limits), left);
    assert.is(excess(left, limits), null);
    assert.ok(cpu.budget <= asked.cpu.budget && cpu.weight <= asked.cpu.weight);
    assert.ok(asked.cpu.ceiling === null || (cpu.ceiling !== null && cpu.ceiling <= asked.cpu.ceiling));
    if (limits.cpuPermille !== null) assert.ok(cpu.ceiling! * 1000 <= limits.cpuPermille * cpu.period);
    if (limits.energyMicrowatts !== null) assert.ok(energy!.rate <= limits.energyMicrowatts && energy!.share === 0);
    else assert.equal(energy, asked.energy);
    if (limits.cpuPermille === null && limits.weight === null) assert.equal(cpu, asked.cpu);
    const same = JSON.stringify(left, text) === JSON.stringify(asked, text);
    assert.is(excess(asked, limits) === null, same);
  }
});

test("what a policy does not name is not limited", () => {
  const limits = limitsOf(policyOf({}));
  assert.equal(
    [limits.memoryBytesMax, limits.cpuPermille, limits.energyMicrowatts, limits.images, limits.channels],
    [null, null, null, null, null],
  );
  assert.ok(limits.console);
});

test("devices: once a policy speaks of them, what it leaves out is denied, and what is to be asked for too", () => {
  assert.not.ok(limitsOf(policyOf({ deviceAccess: new Map() })).console);
  assert.not.ok(limitsOf(policyOf({ deviceAccess: new Map([["console", "ask"]]) })).console);
  assert.ok(limitsOf(policyOf({ deviceAccess: new Map([["console", "allow"]]) })).console);
});

test("debug: denied unless the policy allows it by name", () => {
  assert.equal(
    [undefined, false, true].map((debug) => limitsOf(policyOf(debug === undefined ? {} : { debug })).debug),
    [false, false, true],
  );
});

function text(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

test.run();
