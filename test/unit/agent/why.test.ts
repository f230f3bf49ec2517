// `why`: how long reserves and battery last, in numbers and in words.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { batteryProjection, reserveSeconds, whyHandset, whyPartition } from "../../../agent/why.js";
import { durationText } from "../../../agent/handset/units.js";
import { handsetView as view, partitionView as partition } from "../../support/views.js";

const JOULE = 1e12;
const why = suite("why");

/** Seconds of the projection; what it says instead of them otherwise. */
function batterySeconds(of: Parameters<typeof batteryProjection>[0]): number | string | null {
  const projection = batteryProjection(of);
  return projection === null || typeof projection === "string" ? projection : projection.seconds;
}

why("a reserve empties by what is spent beyond its tap, be it a rate or a share", () => {
  const rate = partition("a", 30, { contract: { capacity: 100 * JOULE, rate: 20_000, share: 0 }, level: 36 * JOULE });
  assert.is(reserveSeconds(rate, view([rate])), 3600);
  const share = partition("a", 30, { contract: { capacity: 100 * JOULE, rate: 0, share: 200_000 }, level: 36 * JOULE });
  assert.is(reserveSeconds(share, view([share])), 3600);
  const enough = partition("a", 19, { contract: { capacity: 100 * JOULE, rate: 20_000, share: 0 }, level: 1 });
  assert.is(reserveSeconds(enough, view([enough])), Infinity);
  assert.is(reserveSeconds(partition("a", 5), view([])), null, "no contract");
  assert.match(
    whyPartition(rate, view([rate])),
    /drew 30\.0 mW, more than its tap brings: its reserve is empty in 1 h\./,
  );
});

why("the battery lasts by the board's own load, what taps bring, and what has no contract", () => {
  // 100 mW of the board, 20 of 30 that a tap brings, 10 of 10 that another could bring more of, 50 straight.
  const short = partition("a", 30, { contract: { capacity: 10 * JOULE, rate: 20_000, share: 0 }, level: JOULE });
  const rich = partition("b", 10, { contract: { capacity: 10 * JOULE, rate: 20_000, share: 0 }, level: 10 * JOULE });
  const free = partition("c", 50);
  const all = view([short, rich, free]);
  assert.ok(Math.abs((batterySeconds(all) as number) - 360 / 0.18) < 1e-6);
  // A reserve that fills up takes its room out of the battery first.
  rich.energy.level = 0;
  assert.ok(Math.abs((batterySeconds(all) as number) - 350 / 0.18) < 1e-6);
  assert.is(batterySeconds(view([], { average: null })), null);
  assert.is(batterySeconds(view([], { battery: null })), null);
  const charged = { ...all.battery!, charging: true, milliwatts: -4000 };
  assert.is(batterySeconds(view([], { battery: charged })), "charging");
  assert.match(whyHandset(view([], { battery: charged })), /It is being charged/);
});

why("the handset in words: battery, why it is simulated, average, temperature, and each partition", () => {
  const battery = { ...view([]).battery!, note: "battery simulated: there is no /sys/x here" };
  assert.is(
    whyHandset(view([partition("work", 0.5)], { battery })),
    [
      "demo runs on qemu-virt.",
      "The battery (simulated) is at 50.0 %, 360.00 J.",
      "Battery simulated: there is no /sys/x here.",
      "Over the last 5 min the handset drew 100.0 mW. If that goes on, the battery loses 100.5 mW and lasts 59 min 42 s.",
      "It is 46 °C warm: warn (warn from 45 °C, critical from 60 °C).",
      "work: Over the last 5 min it drew 0.5 mW, straight from the battery.",
    ].join("\n"),
  );
});

why("what is printed adds up: the battery's charge, less what fills reserves, over the power is the time", () => {
  const filling = partition("a", 10, { contract: { capacity: 60 * JOULE, rate: 20_000, share: 0 }, level: 0 });
  const text = whyHandset(view([filling]));
  const found = /loses ([0-9.]+) mW once ([0-9.]+) J have filled reserves and lasts (\d+) min (\d+) s/.exec(text);
  const [power, room, minutes, seconds] = (found ?? []).slice(1).map(Number) as [number, number, number, number];
  assert.equal([power, room], [110, 60], text);
  assert.is(minutes * 60 + seconds, Math.round((360 - room) / (power / 1000)));
});

why("a partition at its ceiling is not waiting for its turn, and one that stopped draws nothing", () => {
  const cpu = { ...partition("a", 1).cpu, throttledNs: 40e9, throttledTotal: 400 };
  const busy = partition("a", 1, {}, { cpu });
  const text = whyPartition(busy, view([busy], { nowNs: 100e9 }));
  assert.match(text, /It is running, at its ceiling: it was throttled 40 % of the time so far\./);
  assert.match(text, /there is no ceiling; throttled 400 times, 40000 ms in total\./);
  const idle = partition("a", 1);
  assert.match(whyPartition(idle, view([idle])), /It is running, or waits for its turn\./);
  assert.not.match(whyPartition(idle, view([idle])), /throttled/);
  const contract = { capacity: 5 * JOULE, rate: 0, share: 0 };
  const stopped = partition("a", 0, { contract, level: 0 }, { state: "stopped" });
  assert.match(whyPartition(stopped, view([stopped])), /It is stopped and draws nothing; its reserve holds 0\.0 mJ\./);
  const empty = partition("a", 0, { contract, level: 0 });
  assert.match(whyPartition(empty, view([empty])), /its reserve is empty, so it uses what its tap brings/);
  assert.match(whyPartition(empty, view([empty])), /and is not being refilled/);
});

why("the radio: what it is, who waits for it, and for how much", () => {
  const waiting = { partition: 0, laidAside: 4.1 * JOULE, spent: 2 * JOULE, waits: true };
  const other = { partition: 1, laidAside: 1 * JOULE, spent: 0, waits: true };
  const radio = { link: "cellular", state: "off", needPicojoules: 12.6 * JOULE, users: [waiting, other] } as const;
  const seen = view([partition("a", 0)], { radio: { ...radio, users: [...radio.users] } });
  const text = whyPartition({ ...seen.partitions[0]!, partition: 0 }, seen);
  assert.match(text, /It has spent 2\.00 J on the cellular radio\./);
  assert.match(
    text,
    /until 12\.60 J are laid aside for it \(promotion and tail\): it has laid aside 4\.10 J, of 5\.10 J that all/,
  );
  assert.match(whyHandset(seen), /connected by cellular, and the radio is off; 2 partitions wait for it\. .* commits/);
  assert.not.match(whyHandset(view([])), /connected/, "a cable has no radio");
});

why("durations have their two largest units", () => {
  const texts: [seconds: number, text: string][] = [
    [0, "0 s"],
    [59.4, "59 s"],
    [60, "1 min"],
    [3_725, "1 h 2 min"],
    [86_400 * 14 + 3 * 3600 + 59, "14 d 3 h"],
  ];
  for (const [seconds, text] of texts) assert.is(durationText(seconds), text);
});

why.run();
