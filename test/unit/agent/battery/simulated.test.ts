// The simulated battery: nothing is lost or made, steps happen at their times, and the same inputs give the same readings.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UNTOUCHED_BATTERY, type BatteryStep } from "../../../../agent/battery/battery.js";
import { SimulatedBattery, type BatterySpec } from "../../../../agent/battery/simulated.js";
import { Random } from "../../../support/random.js";

const JOULE = 1_000_000_000_000n;
const SECOND = 1e9;

const simulated = suite("simulated battery");

function spec(change: Partial<BatterySpec> = {}): BatterySpec {
  return { ...UNTOUCHED_BATTERY, capacityPicojoules: 1000n * JOULE, volts: 3.8, ...change };
}

function step(seconds: number, change: Partial<BatteryStep>): BatteryStep {
  return { atNs: seconds * SECOND, percent: null, chargeMicrowatts: null, celsius: null, ...change };
}

simulated("it loses what is drawn, gains what its charger gives, and is never below empty or above full", () => {
  const battery = new SimulatedBattery(spec({ percent: 50, chargeMicrowatts: 2_000_000 }));
  battery.advance(10 * SECOND, 120n * JOULE);
  // 500 − 120 + 10 s × 2 W.
  assert.equal(battery.reading(12_000), {
    source: "simulated",
    percent: 40,
    joules: 400,
    milliwatts: 10_000,
    volts: 3.8,
    charging: true,
    celsius: 25,
  });
  battery.advance(11 * SECOND, 5000n * JOULE);
  assert.is(battery.reading(0).joules, 2, "empty, and a second of its charger");
  battery.advance(10_000 * SECOND, 5000n * JOULE);
  assert.is(battery.reading(0).percent, 100);
});

simulated("steps happen at their times, however it is looked at", () => {
  const steps = [
    step(0, { celsius: 30 }),
    step(10, { percent: 20, chargeMicrowatts: 1_000_000 }),
    step(20, { chargeMicrowatts: 0, celsius: 46 }),
    step(20, { celsius: 47 }),
  ];
  const moments = [[5, 10, 15, 20, 25], [25], [1, 2, 3, 10, 11, 12, 20, 21, 25]];
  const readings = moments.map((seconds) => {
    const battery = new SimulatedBattery(spec({ steps }));
    assert.is(battery.reading(0).celsius, 30, "a step at 0 is how it begins");
    for (const moment of seconds) battery.advance(moment * SECOND, 0n);
    assert.is(battery.dueNs, Infinity);
    return battery.reading(0);
  });
  assert.equal(readings[0], { ...readings[0]!, percent: 21, celsius: 47, charging: false });
  for (const reading of readings) assert.equal(reading, readings[0]);
});

simulated("level + drained − charged is what it began with, exactly, over a hundred thousand odd moments", () => {
  const random = new Random(7);
  const battery = new SimulatedBattery(spec({ percent: 50, chargeMicrowatts: 1_234_567 }));
  let [now, drained] = [0, 0n];
  for (let n = 0; n < 100_000; n++) {
    now += 1 + random.below(1_000_000);
    drained += BigInt(random.below(1_200_000_000));
    battery.advance(now, drained);
  }
  // 1 µW for 1 ns is a thousandth of a picojoule.
  const charged = (1_234_567n * BigInt(now)) / 1000n;
  const level = 500n * JOULE + charged - drained;
  assert.ok(level > 0n && level < 1000n * JOULE, "it met neither end");
  assert.is(battery.reading(0).joules, Number(level) / 1e12);
});

simulated.run();
