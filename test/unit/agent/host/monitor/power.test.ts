// A handset's sensors: a board's battery in sysfs is read and reported, its absence is said, and changes are told once.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readBoard } from "../../../../../agent/handset/board.js";
import { parseHandsetFile } from "../../../../../agent/handset/file.js";
import { HandsetPower } from "../../../../../agent/host/monitor/power.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const SECOND = 1e9;
const power = suite("handset power");

/** A PinePhone whose sysfs lies in a folder of fixtures. */
class Phone {
  readonly root = temporaryFolder();
  readonly folder = join(this.root, "sys/class/power_supply/axp20x-battery");
  nowNs = 0;

  constructor() {
    mkdirSync(this.folder, { recursive: true });
    mkdirSync(join(this.root, "sys/class/thermal/thermal_zone0"), { recursive: true });
    this.battery(80, "Discharging", 250_000);
    this.zone("40000");
  }

  battery(percent: number, status: string, microamperes: number): void {
    const properties = {
      TYPE: "Battery",
      CAPACITY: percent,
      STATUS: status,
      CURRENT_NOW: microamperes,
      VOLTAGE_NOW: 4e6,
    };
    const lines = Object.entries(properties).map(([key, value]) => `POWER_SUPPLY_${key}=${value}\n`);
    writeFileSync(join(this.folder, "uevent"), lines.join(""));
  }

  zone(millidegrees: string): void {
    writeFileSync(join(this.root, "sys/class/thermal/thermal_zone0/temp"), millidegrees);
  }

  power(more = "", deterministic = false): HandsetPower {
    const file = parseHandsetFile(`partitions:\n  - { name: a, guest: linux }\n${more}`, "h.yaml");
    const options = { board: readBoard("pinephone"), file, deterministic, root: this.root };
    return new HandsetPower({ ...options, now: () => this.nowNs });
  }
}

power("what a measured battery loses beyond the taps goes to the hypervisor; nothing is simulated beside it", () => {
  const phone = new Phone();
  const measured = phone.power();
  assert.equal(measured.notes, []);
  assert.equal(measured.spec, {
    suspendMicrowatts: 0,
    idleMicrowatts: 0,
    battery: null,
    radios: readBoard("pinephone").radios,
  });
  assert.ok(measured.measures);
  const filled = 5e12;
  assert.is(measured.poll(filled), 0n);
  assert.is(measured.batteryView(null)!.milliwatts, 1000);
  phone.nowNs = SECOND;
  // 1 W for a second, of which the taps drew 300 mJ.
  assert.is(measured.poll(filled + 300e9), 700_000_000_000n);
  rmSync(join(phone.folder, "uevent"));
  phone.nowNs = 2 * SECOND;
  assert.is(measured.poll(filled + 1000e9), 0n);
  assert.is(measured.batteryView(null), null, "it says nothing now");
});

power("each whole percent and degree, and the charger, are told once", () => {
  const phone = new Phone();
  const measured = phone.power();
  const told = (): string[] => {
    measured.poll(0);
    return measured.changes().map((event) => {
      if (event.kind === "battery") return `${event.battery.percent} % ${event.battery.charging}`;
      return `${event.thermal.celsius} °C ${event.thermal.level}`;
    });
  };
  assert.equal(told(), ["80 % false", "40 °C normal"]);
  assert.equal(told(), []);
  phone.zone("40900");
  assert.equal(told(), []);
  phone.zone("75100");
  phone.battery(80, "Charging", 250_000);
  assert.equal(told(), ["80 % true", "75.1 °C warn"]);
  phone.battery(81, "Charging", 250_000);
  phone.zone("");
  assert.equal(told(), ["81 % true"], "a sensor that sleeps keeps its last word");
  phone.zone("90000");
  assert.equal(told(), ["90 °C critical"]);
});

power("a script for a battery that is measured is not used, and that is said", () => {
  assert.equal(new Phone().power("battery: { level: 5% }").notes, [
    "the battery is measured: the file's `battery` is not used",
  ]);
});

power(
  "a board's battery that is not here, or virtual time, means a simulated one, and that is said in every view",
  () => {
    const phone = new Phone();
    rmSync(phone.folder, { recursive: true });
    const simulated = phone.power("battery: { level: 5% }");
    const note = "battery simulated: there is no /sys/class/power_supply/axp20x-battery here";
    assert.equal(simulated.notes, [note]);
    assert.is(simulated.spec.battery!.percent, 5);
    assert.ok(simulated.spec.suspendMicrowatts > 0);
    const reading = {
      source: "simulated",
      percent: 5,
      joules: 1,
      milliwatts: 1,
      volts: 1,
      charging: false,
      celsius: 25,
    };
    simulated.hear(reading);
    assert.equal(simulated.batteryView(null), { ...reading, note });
    assert.is(simulated.poll(0), 0n);
    assert.is(simulated.thermalView(null)!.celsius, 40, "the zone is there all the same");
    const virtual = new Phone().power("", true);
    assert.equal(virtual.notes, ["battery simulated: time is virtual", "temperature simulated: time is virtual"]);
    assert.not(virtual.measures);
  },
);

power.run();
