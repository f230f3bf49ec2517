// Batteries and thermal zones as Linux drivers really show them, and as a hostile one might (Linux Documentation/ABI/testing/sysfs-class-power).

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BatteryReading } from "../../../../agent/battery/battery.js";
import { MeasuredDrain } from "../../../../agent/battery/measured-drain.js";
import { findSensors } from "../../../../agent/battery/sensors.js";
import { SysfsBattery, SysfsThermal } from "../../../../agent/battery/sysfs.js";
import { temporaryFolder } from "../../../support/temporary.js";

const SUPPLIES = "/sys/class/power_supply";
const BATTERY = `${SUPPLIES}/axp20x-battery`;
const ZONE = "/sys/class/thermal/thermal_zone0";
const NOMINAL = 38_304;

const sysfs = suite("battery in sysfs");

/** A root whose folders hold these attributes. */
function rootWith(files: Record<string, Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [folder, attributes] of Object.entries(files)) {
    mkdirSync(join(root, folder), { recursive: true });
    for (const [name, text] of Object.entries(attributes)) writeFileSync(join(root, folder, name), `${text}\n`);
  }
  return root;
}

function uevent(properties: Record<string, string | number>): { uevent: string } {
  const lines = Object.entries(properties).map(([key, value]) => `POWER_SUPPLY_${key}=${value}`);
  return { uevent: ["DEVTYPE=power_supply", "POWER_SUPPLY_NAME=x", ...lines].join("\n") };
}

function read(properties: Record<string, string | number>, charger: string | null = null): BatteryReading | null {
  const files: Record<string, Record<string, string>> = { [BATTERY]: uevent({ TYPE: "Battery", ...properties }) };
  if (charger !== null) files[`${SUPPLIES}/axp20x-usb`] = { type: "USB", online: charger };
  const battery = SysfsBattery.open(rootWith(files), BATTERY, NOMINAL);
  if (typeof battery === "string") throw new Error(battery);
  return battery.read();
}

const PINEPHONE = { STATUS: "Discharging", CAPACITY: 83, VOLTAGE_NOW: 3_900_000, CURRENT_NOW: 250_000, TEMP: 271 };

sysfs("a PinePhone's: current and voltage, percentage, no charge counter", () => {
  assert.equal(read(PINEPHONE), {
    source: BATTERY,
    percent: 83,
    joules: (NOMINAL * 83) / 100,
    milliwatts: 975,
    volts: 3.9,
    charging: false,
    celsius: 27.1,
  });
});

sysfs("the status tells which way a current goes, whatever its sign", () => {
  for (const sign of [1, -1]) {
    const CURRENT_NOW = sign * 250_000;
    assert.is(read({ ...PINEPHONE, CURRENT_NOW })!.milliwatts, 975);
    const charging = read({ ...PINEPHONE, CURRENT_NOW, STATUS: "Charging" })!;
    assert.equal([charging.milliwatts, charging.charging], [-975, true]);
    assert.is(read({ ...PINEPHONE, CURRENT_NOW, STATUS: "Not charging" })!.milliwatts, 0);
    assert.is(read({ ...PINEPHONE, CURRENT_NOW, STATUS: "Unknown" })!.milliwatts, 975, "nothing charges it");
    const unknown = read({ ...PINEPHONE, CURRENT_NOW, STATUS: "Unknown" }, "1")!;
    assert.equal([unknown.milliwatts, unknown.charging], [null, true], "nobody can tell");
    assert.is(read({ ...PINEPHONE, CURRENT_NOW, STATUS: "Unknown" }, "0")!.charging, false);
  }
});

sysfs("µWh with power, or µAh with voltage: level and joules from either", () => {
  const laptop = { STATUS: "Discharging", POWER_NOW: 6_500_000, ENERGY_NOW: 25_000_000, ENERGY_FULL: 50_000_000 };
  assert.equal([read(laptop)!.percent, read(laptop)!.joules, read(laptop)!.milliwatts], [50, 90_000, 6500]);
  const gauge = { STATUS: "Discharging", CHARGE_NOW: 1_000_000, CHARGE_FULL_DESIGN: 4_000_000, VOLTAGE_NOW: 4_000_000 };
  assert.equal([read(gauge)!.percent, read(gauge)!.joules, read(gauge)!.milliwatts], [25, 14_400, null]);
});

sysfs("absent, strange and hostile figures are none; without a level there is no reading", () => {
  assert.equal(read({ CAPACITY: 50 }), {
    source: BATTERY,
    percent: 50,
    joules: NOMINAL / 2,
    milliwatts: null,
    volts: null,
    charging: false,
    celsius: null,
  });
  assert.is(read({ STATUS: "Discharging" }), null);
  for (const CAPACITY of ["101", "-1", "1e1", "", "NaN", "9".repeat(60), "0x10"]) assert.is(read({ CAPACITY }), null);
  const wild = read({ ...PINEPHONE, CURRENT_NOW: "9".repeat(18), VOLTAGE_NOW: -5, TEMP: 99_999 })!;
  assert.equal([wild.milliwatts, wild.volts, wild.celsius], [null, null, null]);
  const root = rootWith({
    [BATTERY]: { uevent: `POWER_SUPPLY_TYPE=Battery\n${"x".repeat(1 << 20)}`, type: "Battery" },
  });
  assert.is((SysfsBattery.open(root, BATTERY, NOMINAL) as SysfsBattery).read(), null, "a page, and no more");
});

sysfs("an attribute that is a pipe keeps nobody waiting", () => {
  const root = rootWith({ [BATTERY]: uevent({ TYPE: "Battery", CAPACITY: 50 }), [`${SUPPLIES}/usb`]: { type: "USB" } });
  execFileSync("mkfifo", [join(root, SUPPLIES, "usb", "online")]);
  assert.is((SysfsBattery.open(root, BATTERY, NOMINAL) as SysfsBattery).read()!.percent, 50);
});

sysfs("what is no battery of this device is refused with a reason", () => {
  const open = (files: Record<string, Record<string, string>>): unknown =>
    SysfsBattery.open(rootWith(files), BATTERY, NOMINAL);
  assert.is(open({}), `there is no ${BATTERY} here`);
  assert.is(open({ [BATTERY]: uevent({ TYPE: "Mains" }) }), `${BATTERY} is no battery`);
  assert.match(open({ [BATTERY]: uevent({ TYPE: "Battery", SCOPE: "Device" }) }) as string, /another device/);
});

sysfs("a thermal zone answers in millidegrees, or not at all", () => {
  const zone = (temp: string | null): number | undefined => {
    const root = rootWith({ [ZONE]: temp === null ? {} : { temp } });
    return (SysfsThermal.open(root, ZONE) as SysfsThermal).read()?.celsius;
  };
  assert.is(zone("45250"), 45.25);
  assert.is(zone("-5000"), -5);
  for (const silent of [null, "", "hot", "999999", "1".repeat(50)]) assert.is(zone(silent), undefined);
  assert.is(SysfsThermal.open(temporaryFolder(), ZONE), `there is no ${ZONE} here`);
});

sysfs("a board's sensors that are not here are simulated, and that is said", () => {
  const options = { battery: BATTERY, thermal: ZONE, nominalJoules: NOMINAL, deterministic: false };
  const found = findSensors({ ...options, root: rootWith({ [BATTERY]: uevent({ TYPE: "Battery", CAPACITY: 7 }) }) });
  assert.is(found.battery.read?.()?.percent, 7);
  assert.is(found.battery.note, "");
  assert.is(found.thermal.read, null);
  assert.is(found.thermal.note, `temperature simulated: there is no ${ZONE} here`);
  const virtual = findSensors({ ...options, root: "/", deterministic: true });
  assert.equal([virtual.battery.read, virtual.battery.note], [null, "battery simulated: time is virtual"]);
  const asked = findSensors({ ...options, root: "/", battery: "simulated", thermal: "simulated" });
  assert.equal([asked.battery.note, asked.thermal.note], ["", ""]);
});

sysfs(
  "the measured drain is what was lost beyond the taps; gaps are not guessed, and taps that took more come first",
  () => {
    const second = 1e9;
    const drain = new MeasuredDrain();
    drain.note(0, 100);
    assert.is(drain.beyond(5_000_000_000_000), 0n, "what the reserves began with is left out");
    drain.note(2 * second, 300);
    // 200 mW for 2 s, of which taps took 150 mJ.
    assert.is(drain.beyond(5_150_000_000_000), 250_000_000_000n);
    assert.is(drain.beyond(5_400_000_000_000), 0n, "once it was reported");
    drain.note(3 * second, null);
    drain.note(4 * second, 300);
    drain.note(20 * second, 300);
    assert.is(drain.beyond(5_400_000_000_000), 0n, "no reading, and a long silence");
    drain.note(21 * second, -4000);
    assert.is(drain.beyond(5_400_000_000_000), 150_000_000_000n, "charging counts as nothing");
    assert.is(drain.beyond(5_600_000_000_000), 0n);
    drain.note(22 * second, 500);
    assert.is(drain.beyond(5_600_000_000_000), 200_000_000_000n, "250 mJ more, 50 of them were taken before");
  },
);

sysfs.run();
