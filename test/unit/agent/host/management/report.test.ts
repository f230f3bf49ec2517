// What the fleet is told of a handset: everything of what it manages, in units that fit, and nothing of the owner's.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  eventOf,
  factsOf,
  partInfoOf,
  partitionLimitsOf,
  sampleOf,
} from "../../../../../agent/host/management/report.js";
import { MESSAGE } from "../../../../../agent/wire/limits.js";
import { HANDSET_EVENTS } from "../../../../../agent/wire/reasons.js";
import { eventMsg, info } from "../../../../../agent/wire/reports.js";
import { decodeMessage, encodeMessage } from "../../../../../agent/wire/schema.js";
import { decodeTelemetry, encodeTelemetry } from "../../../../../agent/wire/telemetry.js";
import { Random } from "../../../../support/random.js";
import { NOW } from "../../../../support/signed.js";
import type { HandsetEvent, HandsetView } from "../../../../../agent/view.js";

const test = suite("agent/host/fleet-report");
const SECRET = "diary-of-the-owner";
const HASH = "ab".repeat(32);

const partitionView = (id: number, name: string, kind: string, random: Random): HandsetView["partitions"][0] =>
  ({
    ...{
      partition: id,
      name,
      kind,
      state: "running",
      restarts: random.below(9),
      work: random.u32(),
      memoryBytes: random.u32(),
    },
    cpu: {
      ...{ timeNs: random.u32() * 10, throttledNs: random.u32(), period: 10_000 },
      ceiling: random.oneIn(3) ? null : random.below(10_001),
    },
    energy: {
      ...{ spent: random.u32() * 1e6, throttledNs: random.u32() },
      contract: random.oneIn(3) ? null : { capacity: 1, rate: random.below(1e6), share: 0 },
    },
    memory: { ramBytes: random.below(1 << 20) * 1024, overheadBytes: 4096, overhead: [] },
    io: [
      { name: "block bytes", used: random.u32(), throttledTotal: 0 },
      { name: "block operations", used: random.u32(), throttledTotal: 0 },
      { name: "console bytes", used: random.u32(), throttledTotal: 0 },
    ],
  }) as unknown as HandsetView["partitions"][0];

const view = (random: Random, nowNs: number, battery: unknown = null): HandsetView =>
  ({
    ...{ nowNs, battery },
    partitions: [partitionView(1, "work", "work", random), partitionView(2, SECRET, "personal", random)],
  }) as unknown as HandsetView;

test("facts: the owner's partition is there, and is nobody: its name and image stay on the handset", () => {
  const facts = factsOf(
    { name: "qemu-virt", ramBytes: 1 << 30 },
    { agent: "0.1.0", hypervisor: "0.1.0", serial: "demo" },
    [
      partInfoOf({ id: 1, name: "work", kind: "work", image: HASH }),
      partInfoOf({ id: 2, name: SECRET, kind: "personal", image: HASH }),
      partInfoOf({ id: 3, name: "kiosk", kind: "system", image: "" }),
    ],
  );
  const bytes = encodeMessage(info, facts);
  assert.not(Buffer.from(bytes).includes(SECRET));
  const [work, personal, kiosk] = decodeMessage(info, bytes, MESSAGE).partitions;
  assert.equal([work!.name, Buffer.from(work!.image).toString("hex")], ["work", HASH]);
  assert.equal([personal!.name, personal!.kind, Math.max(...personal!.image)], ["private", "personal", 0]);
  assert.is(Math.max(...kiosk!.image), 0);
});

test("samples of random handsets fit the schema and mean what they were; the owner's is there by consent alone", () => {
  const random = new Random(23);
  for (let n = 0; n < 500; n++) {
    const nowNs = random.oneIn(10) ? 0 : random.u32() * 1_000;
    const battery = random.oneIn(2)
      ? null
      : {
          percent: random.below(1001) / 10,
          volts: random.oneIn(4) ? null : 3 + random.below(1000) / 1000,
          milliwatts: random.oneIn(4) ? null : random.below(20_000) - 5_000,
          celsius: random.oneIn(4) ? null : random.below(900) / 10 - 20,
        };
    const seen = view(random, nowNs, battery);
    const allowed = random.oneIn(2) ? (["see-personal-totals"] as const) : [];
    const sample = sampleOf(seen, NOW, allowed);
    const [told] = decodeTelemetry(encodeTelemetry([{ ...sample, sequence: 1 }]));
    assert.equal(
      told!.partitions!.map(({ id }) => id),
      allowed.length > 0 ? [1, 2] : [1],
    );
    assert.is(told!.uptime, Math.floor(nowNs / 1e9));
    for (const part of told!.partitions!) {
      const { cpu, energy, io, memoryBytes, restarts, work } = seen.partitions.find(
        ({ partition }) => partition === part.id,
      )!;
      assert.ok(part.cpuPermille >= 0 && part.cpuPermille <= 1000);
      if (nowNs > cpu.timeNs) assert.is(part.cpuPermille, Math.round((1000 * cpu.timeNs) / nowNs));
      assert.ok(Math.abs(part.memoryKib * 1024 - memoryBytes) <= 512);
      assert.ok(Math.abs(part.energyMillijoules * 1e9 - energy.spent) <= 5e8, "picojoules");
      assert.ok(Math.abs(part.throttledMs * 1e6 - cpu.throttledNs - energy.throttledNs) <= 5e5);
      assert.ok(Math.abs(part.ioKib * 1024 - io[0]!.used - io[2]!.used) <= 512, "bytes, and no operations");
      assert.is(part.faultCount, restarts);
      assert.is(part.deviceMs, Math.round(work / 1e5), "10 ns a unit");
    }
    if (battery === null) {
      assert.is(told!.battery, undefined);
      continue;
    }
    const { percent, millivolts, milliamperes } = told!.battery!;
    assert.ok(Math.abs(percent - battery.percent) <= 0.5);
    assert.is(millivolts, Math.round((battery.volts ?? 0) * 1000));
    // A draw is negative, as a charger's current is positive.
    if (battery.volts !== null && battery.milliwatts !== null && Math.abs(battery.milliwatts) > battery.volts) {
      assert.is(Math.sign(milliamperes), -Math.sign(battery.milliwatts));
    }
  }
});

test("limits: of the partitions that samples tell of, never more than there is, and none where there is none", () => {
  const random = new Random(29);
  for (let n = 0; n < 200; n++) {
    const seen = view(random, 1e9);
    for (const allowed of [[], ["see-personal-totals"]] as const) {
      const limits = partitionLimitsOf(seen, allowed);
      assert.equal(
        limits.map(({ id }) => id),
        sampleOf(seen, NOW, allowed).partitions!.map(({ id }) => id),
      );
      for (const { id, cpuPermille, memoryKib, energyMicrowatts } of limits) {
        const { cpu, energy, memory } = seen.partitions.find(({ partition }) => partition === id)!;
        assert.is(cpuPermille === null, cpu.ceiling === null);
        if (cpuPermille !== null) assert.ok(cpuPermille * cpu.period <= cpu.ceiling! * 1000 && cpuPermille <= 1000);
        assert.is(memoryKib * 1024, memory.ramBytes + memory.overheadBytes);
        assert.is(energyMicrowatts, energy.contract?.rate ?? null);
      }
    }
  }
});

const event = (kind: string, more: Partial<HandsetEvent> = {}): HandsetEvent =>
  ({ kind, partition: 1, reason: 0, value: 0, ...more }) as HandsetEvent;

test("events: every kind has its number and fits; the owner's own are not told, and those without a number neither", () => {
  for (const [kind, code] of Object.entries(HANDSET_EVENTS)) {
    const told = eventOf(event(kind, { reason: 7, value: 3.9 }), "work", NOW)!;
    const read = decodeMessage(eventMsg, encodeMessage(eventMsg, { ...told, sequence: 1 }), MESSAGE);
    assert.equal([read.code, read.partition, read.time], [code, 1, NOW]);
    assert.equal(
      read.args,
      new Map([
        [1, 7],
        [2, 3],
      ] as [number, number][]),
    );
    assert.is(eventOf(event(kind), "personal", NOW), null);
    // Of the handset and of no partition.
    assert.is(eventOf(event(kind), null, NOW)!.partition, undefined);
    assert.is(eventOf(event(kind), "work", NOW)!.args, undefined);
  }
  for (const kind of ["nothing-known", "constructor", "__proto__", "toString"]) {
    assert.is(eventOf(event(kind), "work", NOW), null, kind);
  }
});

test.run();
