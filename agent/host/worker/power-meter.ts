// The handset's electricity: books what the board itself draws, moves the simulated battery, and remembers what was drawn.
//
// It looks once in each second of the handset's time and at each step of a battery's script, and at no other moment: in virtual time
// those moments are the same in every run, and so is everything that follows from them.

import type { BatteryReading } from "../../battery/battery.ts";
import { PowerHistory } from "../../battery/power-history.ts";
import { SimulatedBattery } from "../../battery/simulated.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { PowerSpec } from "../../handset/contracts.ts";
import type { Average, HandsetSnapshot } from "../../view.ts";

const SECOND_NS = 1e9;
/** The drain that a battery shows is the average over this time. */
const SHOWN_NS = 10e9;
const THOUSAND = 1000n;
const HANDSET = "handset";
const BOARD = "board";

export class PowerMeter {
  private readonly spec: PowerSpec;
  private readonly hypervisor: Hypervisor;
  private readonly changed: (reading: BatteryReading) => void;
  private readonly battery: SimulatedBattery | null;
  private readonly history = new PowerHistory();
  private nowNs = 0;
  private busyNs = 0;
  /** Picojoules that were the board's own, taps with a share deducted. */
  private own = 0n;
  /** The same with them. */
  private booked = 0n;
  /** Thousandths of a picojoule not booked yet. */
  private rest = 0n;
  private told = "";

  /** `changed` hears of each whole percent and degree of the simulated battery, and of its charger. */
  constructor(spec: PowerSpec, hypervisor: Hypervisor, changed: (reading: BatteryReading) => void) {
    this.spec = spec;
    this.hypervisor = hypervisor;
    this.changed = changed;
    this.nowNs = hypervisor.now();
    this.battery = spec.battery === null ? null : new SimulatedBattery(spec.battery);
    this.note();
    this.tell();
  }

  /** The moment at which look() must be called next. */
  get dueNs(): number {
    const second = (Math.floor(this.nowNs / SECOND_NS) + 1) * SECOND_NS;
    return Math.min(second, this.battery?.dueNs ?? Infinity);
  }

  /** Books and remembers, if it is time; says whether it was. */
  look(): boolean {
    const nowNs = this.hypervisor.now();
    if (nowNs < this.dueNs) return false;
    const { busyNs } = this.hypervisor.energy();
    const { suspendMicrowatts, idleMicrowatts } = this.spec;
    const drawn =
      BigInt(suspendMicrowatts) * BigInt(Math.floor(nowNs - this.nowNs)) +
      BigInt(idleMicrowatts) * BigInt(busyNs - this.busyNs) +
      this.rest;
    this.rest = drawn % THOUSAND;
    this.nowNs = nowNs;
    this.busyNs = busyNs;
    this.book(drawn / THOUSAND);
    this.battery?.advance(nowNs, this.hypervisor.energy().drained);
    this.note();
    this.tell();
    return true;
  }

  /** Energy that left the battery beyond what taps drew. */
  book(picojoules: bigint): void {
    if (picojoules === 0n) return;
    const before = this.hypervisor.energy().board;
    this.hypervisor.drained(picojoules);
    this.own += this.hypervisor.energy().board - before;
    this.booked += picojoules;
  }

  /** Adds what it knows to a snapshot. */
  complete(snapshot: HandsetSnapshot): void {
    snapshot.battery = this.reading();
    snapshot.average = this.history.average(HANDSET);
    snapshot.boardAverage = this.history.average(BOARD);
    for (const partition of snapshot.partitions) partition.energy.average = this.average(partition.partition);
  }

  private average(partition: number): Average | null {
    return this.history.average(String(partition));
  }

  private reading(): BatteryReading | null {
    return this.battery?.reading(this.history.average(HANDSET, SHOWN_NS)?.milliwatts ?? 0) ?? null;
  }

  private note(): void {
    const { hypervisor } = this;
    const totals = new Map(hypervisor.energySpent().map(([id, spent]) => [String(id), spent]));
    totals.set(HANDSET, Number(hypervisor.energy().spent + this.own));
    totals.set(BOARD, Number(this.booked));
    this.history.note(this.nowNs, totals);
  }

  private tell(): void {
    const reading = this.reading();
    if (reading === null) return;
    const told = `${Math.floor(reading.percent)} ${reading.charging} ${Math.floor(reading.celsius!)}`;
    if (told === this.told) return;
    this.told = told;
    this.changed(reading);
  }
}
