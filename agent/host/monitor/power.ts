// Battery and temperature as the monitor sees them: simulated ones come from the handset worker, measured ones are read here once a second, and
// what a measured battery lost beyond the taps goes back to the worker.

import { UNTOUCHED_BATTERY, thermalLevel, type BatteryReading, type ThermalReading } from "../../battery/battery.ts";
import { MeasuredDrain } from "../../battery/measured-drain.ts";
import { findSensors, type Sensors } from "../../battery/sensors.ts";
import { batteryJoules, powerSpec, type Board } from "../../handset/board.ts";
import type { HandsetFile } from "../../handset/file.ts";
import type { PowerSpec } from "../../handset/contracts.ts";
import type { HandsetSnapshot, BatteryView, ThermalView } from "../../view.ts";

/** What happened to battery or temperature. */
export type PowerEvent = { kind: "battery"; battery: BatteryView } | { kind: "thermal"; thermal: ThermalView };

export interface HandsetPowerOptions {
  board: Board;
  file: HandsetFile;
  deterministic: boolean;
  /** Where sysfs lies: "/" but in tests. */
  root: string;
  /** Host time in nanoseconds. */
  now: () => number;
}

export class HandsetPower {
  private readonly board: Board;
  private readonly now: () => number;
  private readonly sensors: Sensors;
  private readonly drain = new MeasuredDrain();
  private readonly batteryNote: string;
  /** What the handset worker needs to know. */
  readonly spec: PowerSpec;
  private measured: BatteryReading | null = null;
  private simulated: BatteryReading | null = null;
  private zone: ThermalReading | null = null;
  private told = { battery: "", thermal: "" };

  constructor({ board, file, deterministic, root, now }: HandsetPowerOptions) {
    this.board = board;
    this.now = now;
    this.sensors = findSensors({
      battery: board.batterySensor,
      thermal: board.thermalSensor,
      nominalJoules: batteryJoules(board),
      root,
      deterministic,
    });
    const { battery } = this.sensors;
    const simulated = battery.read === null;
    this.spec = powerSpec(board, simulated ? (file.battery ?? UNTOUCHED_BATTERY) : null);
    const unused =
      !simulated && file.battery !== null ? "the battery is measured: the file's `battery` is not used" : "";
    this.batteryNote = battery.note || unused;
  }

  /** What a user must be told once. */
  get notes(): string[] {
    return [this.batteryNote, this.sensors.thermal.note].filter((note) => note !== "");
  }

  /** Whether anything is read on this side. */
  get measures(): boolean {
    return this.sensors.battery.read !== null || this.sensors.thermal.read !== null;
  }

  /** Reads the measured sensors; returns what to tell the worker as drained, given what it has counted. */
  poll(drained: number): bigint {
    if (this.sensors.thermal.read !== null) this.zone = this.sensors.thermal.read() ?? this.zone;
    if (this.sensors.battery.read === null) return 0n;
    this.measured = this.sensors.battery.read();
    this.drain.note(this.now(), this.measured?.milliwatts ?? null);
    return this.drain.beyond(drained);
  }

  /** A reading of the simulated battery has come. */
  hear(reading: BatteryReading): void {
    this.simulated = reading;
  }

  /** What has changed by a whole percent or degree, or by its charger, since the last call. */
  changes(): PowerEvent[] {
    const events: PowerEvent[] = [];
    const [battery, thermal] = [this.batteryView(null), this.thermalView(null)];
    const batteryText = battery === null ? "" : `${Math.floor(battery.percent)} ${battery.charging}`;
    if (battery !== null && batteryText !== this.told.battery) events.push({ kind: "battery", battery });
    const thermalText = thermal === null ? "" : `${Math.floor(thermal.celsius)}`;
    if (thermal !== null && thermalText !== this.told.thermal) events.push({ kind: "thermal", thermal });
    this.told = { battery: batteryText, thermal: thermalText };
    return events;
  }

  /** The battery; `snapshot` has the simulated one's latest reading. */
  batteryView(snapshot: HandsetSnapshot | null): BatteryView | null {
    const reading = this.sensors.battery.read === null ? (snapshot?.battery ?? this.simulated) : this.measured;
    return reading === null ? null : { ...reading, note: this.batteryNote };
  }

  /** The temperature; null when nobody knows it. */
  thermalView(snapshot: HandsetSnapshot | null): ThermalView | null {
    const { note, read } = this.sensors.thermal;
    const battery = this.batteryView(snapshot);
    // Without a zone there is the battery's own sensor, simulated or not.
    const standIn =
      battery === null || battery.celsius === null ? null : { source: battery.source, celsius: battery.celsius };
    const reading = read === null ? standIn : this.zone;
    if (reading === null) return null;
    return { ...reading, level: thermalLevel(reading.celsius, this.board.thermal), ...this.board.thermal, note };
  }
}
