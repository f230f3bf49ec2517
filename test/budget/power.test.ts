// Energy from the battery to the instruction, on real machines in virtual time: first fills, shares, the board's own load, a simulated battery, and
// whether a projection comes true. Guests: test/guest/bare (keys.S: "s" spins for ever; beats.S wakes every ten seconds).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UNTOUCHED_BATTERY, type BatteryReading, type BatteryStep } from "../../agent/battery/battery.js";
import type { BatterySpec } from "../../agent/battery/simulated.js";
import { batteryProjection, reserveSeconds } from "../../agent/why.js";
import { BOARD, bringUp, partitionOf, playHandset, type Played, type Scripted } from "../support/handset.js";
import type { EnergyContract, PowerSpec } from "../../agent/handset/contracts.js";
import type { HandsetSnapshot, HandsetView, PartitionView } from "../../agent/view.js";

const JOULE = 1_000_000_000_000n;
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

const power = suite("power");

function battery(joules: bigint, change: Partial<BatterySpec> = {}): BatterySpec {
  return { ...UNTOUCHED_BATTERY, capacityPicojoules: joules * JOULE, volts: 3.8, ...change };
}

/** A board that draws 26 mW asleep and 2 mW more while a guest runs. */
function load(spec: BatterySpec): PowerSpec {
  return { suspendMicrowatts: 26_000, idleMicrowatts: 2_000, battery: spec, radios: {} };
}

/** Reserves + board's own + spent = drained, and what the battery lost is what was drained. */
function assertConserved({ snapshot, energy }: Played, capacity: bigint, charged = 0n): void {
  const levels = snapshot.partitions.reduce((sum, partition) => sum + BigInt(partition.energy.level), 0n);
  assert.is(levels + energy.board + energy.spent, energy.drained, "energy came from nowhere, or went there");
  const lost = Number(capacity + charged - energy.drained) / 1e12;
  // A reading is as old as the last whole second; in that time less than this was drawn.
  assert.ok(Math.abs(snapshot.battery!.joules! - lost) < 0.5, `${snapshot.battery!.joules} J, expected ${lost}`);
}

function viewOf(snapshot: HandsetSnapshot): HandsetView {
  const memory = { ramBytes: 0, overheadBytes: 0, overhead: [] };
  return {
    handset: "test",
    board: "test",
    nowNs: snapshot.nowNs,
    busyNs: snapshot.busyNs,
    stolenNs: snapshot.stolenNs,
    handsetNs: snapshot.handsetNs,
    memory: { held: 0, limit: 0 },
    energy: { drained: snapshot.energyDrained, spent: snapshot.energySpent },
    average: snapshot.average,
    boardAverage: snapshot.boardAverage,
    battery: snapshot.battery === null ? null : { ...snapshot.battery, note: "" },
    thermal: null,
    radio: snapshot.radio,
    rules: [],
    management: null,
    partitions: snapshot.partitions.map((partition): PartitionView => ({ ...partition, kind: "system", memory })),
  };
}

power("a first fill comes out of the battery, as far as the reserve has room, and pays for what it holds", () => {
  const energy = { capacity: JOULE / 100n, rate: 0, share: 0 };
  const script: Scripted[] = bringUp(0, partitionOf("full", { energy }), "s");
  script.splice(2, 0, [0, { op: "fill", partition: 0, picojoules: JOULE }]);
  const played = playHandset(script, 1000, BOARD, { power: load(battery(1000n)) });
  const [partition] = played.snapshot.partitions;
  // 10 mJ at 900 pJ an instruction, less the few bytes that it wrote.
  const paid = partition!.instructions * BOARD.costs.instruction;
  assert.ok(paid <= 1e10 && paid > 1e10 - 10_000 * BOARD.costs.instruction, `${paid} pJ`);
  assert.is(partition!.throttledBy, "energy");
  assertConserved(played, 1000n * JOULE);
  const early: Scripted[] = [
    [0, { op: "define", spec: partitionOf("early", { energy }) }],
    [0, { op: "fill", partition: 0, picojoules: JOULE }],
  ];
  assert.ok("refusal" in playHandset(early, 1).answers[1]!, "what is not admitted has no reserve");
});

power("a share of the battery's drain fills a reserve: its owner runs on that and nothing else", () => {
  const energy: EnergyContract = { capacity: JOULE, rate: 0, share: 300_000 };
  const spec = load(battery(1000n));
  const played = playHandset(bringUp(0, partitionOf("sharer", { energy }), "s"), 20 * SECOND_MS, BOARD, {
    power: spec,
  });
  const [partition] = played.snapshot.partitions;
  const drained = Number(played.energy.drained);
  // The board's load is all that drains the battery here: 26 mW, and 2 mW for as long as the guest runs.
  const expected = (26 * played.snapshot.nowNs + 2 * played.snapshot.busyNs) / drained;
  assert.ok(Math.abs(expected - 1) < 0.02, `${expected}`);
  const got = (partition!.energy.spent + partition!.energy.level) / drained;
  assert.ok(Math.abs(got - 0.3) < 1e-6, `${got} of the drain`);
  assert.ok(partition!.energy.spent > 0.9 * 0.3 * drained);
  assertConserved(played, 1000n * JOULE);
});

power("a script's levels, charger and temperature come at their times, and twice the same", () => {
  const step = (seconds: number, change: Partial<BatteryStep>): BatteryStep => {
    return { atNs: seconds * 1e9, percent: null, chargeMicrowatts: null, celsius: null, ...change };
  };
  const steps = [
    step(10, { percent: 20 }),
    step(20.5, { chargeMicrowatts: 5_000_000, celsius: 46 }),
    step(40.25, { chargeMicrowatts: 0 }),
  ];
  const play = (): Played =>
    playHandset(bringUp(0, partitionOf("beats", {}, "beats"), ""), 60 * SECOND_MS, BOARD, {
      power: load(battery(1000n, { steps })),
    });
  const [first, second] = [play(), play()];
  const readings = ({ messages }: Played): BatteryReading[] =>
    messages.flatMap((message) => (message.kind === "battery" ? [message.reading] : []));
  assert.equal(readings(second), readings(first));
  assert.is(second.auditHash, first.auditHash);
  assert.equal(second.snapshot, first.snapshot);
  const told = readings(first).map(({ percent, charging, celsius }) => [Math.round(percent), charging, celsius]);
  // A percent is 10 J: 26 mW go over none in a minute, the charger's 5 W over ten.
  assert.equal(told.slice(0, 5), [
    [100, false, 25],
    [100, false, 25],
    [20, false, 25],
    [20, false, 25],
    [20, true, 46],
  ]);
  assert.equal(told.at(-1), [30, false, 46]);
  const { joules } = first.snapshot.battery!;
  // 200 J at 10 s, 5 W for 19.75 s, less 26 mW for 50 s.
  assert.ok(Math.abs(joules! - (200 + 98.75 - 1.3)) < 0.05, `${joules}`);
});

power("in a day of beats, reserve and battery last as long as was projected after ten minutes, within 1 %", () => {
  // Without a contract, with a tap that is enough, and with one that is not: its reserve runs out.
  const energies: [energy: EnergyContract | null, fill: bigint][] = [
    [null, 0n],
    [{ capacity: JOULE, rate: 2, share: 0 }, JOULE],
    [{ capacity: JOULE / 20n, rate: 1, share: 0 }, JOULE / 30n],
  ];
  const script = energies.flatMap(([energy, picojoules], partition): Scripted[] => [
    [0, { op: "define", spec: partitionOf(`beats-${partition}`, { energy }, "beats") }],
    [0, { op: "admit", partition }],
    [0, { op: "fill", partition, picojoules }],
    [0, { op: "start", partition }],
  ]);
  const snapshots: [atHours: number, snapshot: HandsetSnapshot][] = [];
  const minutes = Array.from({ length: 24 * 60 }, (_, minute) => 10 + minute);
  script.push(...minutes.map((minute): Scripted => [minute * 60 * SECOND_MS, { op: "snapshot" }]));
  const started = performance.now();
  const played = playHandset(script, 24.2 * HOUR_MS, BOARD, { power: load(battery(1700n)) });
  const took = (performance.now() - started) / 1000;
  for (const answer of played.answers) {
    if ("value" in answer && typeof answer.value === "object" && answer.value !== null && "battery" in answer.value) {
      const snapshot = answer.value as HandsetSnapshot;
      snapshots.push([snapshot.nowNs / 3.6e12, snapshot]);
    }
  }
  const [firstAt, first] = snapshots[0]!;
  const view = viewOf(first);
  const projection = batteryProjection(view);
  if (projection === null || projection === "charging") throw new Error("there is no projection");
  const projected = firstAt + projection.seconds / 3600;
  const [emptyAt] = snapshots.find(([, { battery: reading }]) => reading!.percent === 0)!;
  assert.equal(view.partitions.map((partition) => reserveSeconds(partition, view)).slice(0, 2), [null, Infinity]);
  const reserve = firstAt + reserveSeconds(view.partitions[2]!, view)! / 3600;
  const [dryAt] = snapshots.find(([, { partitions }]) => partitions[2]!.energy.throttledTotal > 0)!;
  console.log(
    `\n  battery: projected ${projected.toFixed(2)} h, empty at ${emptyAt.toFixed(2)} h; ` +
      `reserve: projected ${reserve.toFixed(2)} h, empty at ${dryAt.toFixed(2)} h; a day took ${took.toFixed(1)} s`,
  );
  assert.ok(emptyAt > 12 && dryAt > 2 && dryAt < 23, "both happened in the course of the day");
  assert.ok(Math.abs(projected / emptyAt - 1) < 0.01, `${projected} h, was ${emptyAt} h`);
  assert.ok(Math.abs(reserve / dryAt - 1) < 0.01, `${reserve} h, was ${dryAt} h`);
  const day = first.partitions[0]!.energy.average!.milliwatts * 86_400e9;
  const spent = played.snapshot.partitions[0]!.energy.spent * (24 / (played.snapshot.nowNs / 3.6e12));
  assert.ok(Math.abs(day / spent - 1) < 0.01, `${day} pJ in a day, was ${spent}`);
});

power.run();
