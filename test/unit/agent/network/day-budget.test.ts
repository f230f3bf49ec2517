// Bytes per day: never one more, over kills and clocks that are set; a kill forfeits a reservation at most.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DayBudget, type DayState } from "../../../../agent/network/day-budget.js";
import { NetworkWorld, udp } from "../../../support/network-world.js";
import { Random } from "../../../support/random.js";

const day = suite("network/day-budget");
const HOUR = 3_600_000;

class Disk {
  kept: DayState | null = null;
  saveCount = 0;
  broken = false;
  load(): DayState | null {
    return this.kept;
  }
  save(state: DayState): void {
    if (this.broken) throw new Error("no space");
    this.saveCount++;
    this.kept = { ...state };
  }
}
class Time {
  nowMs = 0;
  wallMs = Date.UTC(2026, 10, 30, 12);
  now(): number {
    return this.nowMs;
  }
  wall(): number {
    return this.wallMs;
  }
  pass(ms: number): void {
    this.nowMs += ms;
    this.wallMs += ms;
  }
}

day("500 kills at any moment: never a byte more than the budget, and at most one reservation is lost each", () => {
  const random = new Random(5);
  const [limit, ahead] = [10_000_000, 100_000];
  const [disk, time] = [new Disk(), new Time()];
  let moved = 0;
  let kills = 0;
  for (; kills < 500; kills++) {
    const budget = new DayBudget(limit, disk, time);
    for (let n = random.below(20); n > 0; n--) {
      const bytes = 40 + random.below(1460);
      if (budget.take(bytes)) moved += bytes;
    }
  }
  assert.ok(moved <= limit);
  assert.ok(moved >= limit - kills * ahead - 1500, `${moved} of ${limit}`);
});

day("an end in order loses nothing, and what is used is used to the last byte", () => {
  const [disk, time] = [new Disk(), new Time()];
  let moved = 0;
  for (let n = 0; n < 100; n++) {
    const budget = new DayBudget(1000, disk, time);
    if (budget.take(10)) moved += 10;
    budget.close();
  }
  assert.is(moved, 1000);
  assert.not(new DayBudget(1000, disk, time).take(1));
});

day("writing ahead is rare: a reservation is min(256 KiB, 1 %)", () => {
  const disk = new Disk();
  const budget = new DayBudget(1 << 30, disk, new Time());
  for (let n = 0; n < 10_000; n++) budget.take(1500);
  assert.ok(disk.saveCount <= 60, `${disk.saveCount}`);
});

day("what cannot be written down does not pass", () => {
  const disk = new Disk();
  disk.broken = true;
  assert.not(new DayBudget(1000, disk, new Time()).take(10));
});

day("a day is over at midnight UTC when 20 hours have passed in it", () => {
  const time = new Time();
  const budget = new DayBudget(1000, new Disk(), time);
  budget.take(1000);
  time.pass(13 * HOUR);
  assert.is(budget.left, 0, "13 hours: too soon");
  time.pass(7 * HOUR);
  assert.is(budget.left, 1000);
});

day("a clock that is set gives nothing: forward, back, and over restarts", () => {
  const [disk, time] = [new Disk(), new Time()];
  let budget = new DayBudget(1000, disk, time);
  budget.take(1000);
  for (const hours of [30, -60, 24 * 365, -24 * 365]) {
    time.wallMs += hours * HOUR;
    assert.is(budget.left, 0);
    budget = new DayBudget(1000, disk, time);
    assert.is(budget.left, 0);
  }
});

day("IP bytes both ways through a stack, dropped ones not, and not one too many", () => {
  const world = new NetworkWorld({ bytesPerDay: 500 });
  world.send(udp("192.0.2.9", 5000, 7000, new Uint8Array(72))); // 100 bytes
  const [socket] = world.sockets.udps;
  socket!.handlers.message(new Uint8Array(172)); // 200
  assert.is(world.take().length, 1);
  socket!.handlers.message(new Uint8Array(173)); // 201: not that
  assert.is(world.take().length, 0);
  world.send(udp("192.0.2.9", 5000, 7000, new Uint8Array(172))); // 200
  assert.equal([socket!.sent.length, world.stack.view().bytesLeft], [2, 0]);
  world.send(udp("192.0.2.9", 5000, 7000, new Uint8Array(0)));
  assert.is(socket!.sent.length, 2);
  assert.equal([world.stack.view().sentBytes, world.stack.view().receivedBytes], [300, 200]);
});

day.run();
