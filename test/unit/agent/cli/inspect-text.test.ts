// `inspect` for people: every number has its unit.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inspectText } from "../../../../agent/cli/inspect-text.js";
import { handsetView, partitionView } from "../../../support/views.js";

const inspect = suite("inspect");

inspect("a partition with everything, in words and units", () => {
  const energy = { contract: { capacity: 40e12, rate: 400_000, share: 0 }, level: 20e12, spent: 1.5e12 };
  const view = partitionView("work", 9.5, energy, {
    kind: "work",
    state: "failed",
    reason: "its kernel panicked",
    bootMs: 850.4,
    memory: { ramBytes: 64 << 20, overheadBytes: 3 << 20, overhead: [{ name: "caches", bytes: 524_288 }] },
    instructions: 1_234_567,
    slices: 1200,
    io: [{ name: "block bytes", used: 4096, throttledTotal: 3 }],
    crash: {
      reason: "panic\u001b[2J",
      timeNs: 1.5e9,
      registers: Array.from({ length: 15 }, (_, n) => n),
      pc: 0xc0000000,
      cpsr: 0x13,
    },
  });
  Object.assign(view.cpu, { class: "guaranteed", budget: 30_000, ceiling: 60_000, timeNs: 2.5e9, serviceNs: 4e6 });
  Object.assign(view.cpu, { throttledTotal: 12, throttledNs: 340e6, debtNs: 1500 });
  const { battery, thermal } = handsetView([]);
  const text = inspectText({ ...view, battery, thermal });
  for (const line of [
    "  state            failed: its kernel panicked",
    "  at its shell     after 0.85 s",
    "  guest code       interpreted",
    "  guest RAM        64.0 MiB",
    "  of it caches     512.0 KiB",
    "  guaranteed       30.0 ms in each 100.0 ms",
    "  ceiling          60.0 ms in each 100.0 ms",
    "  used             2.50 s, of it 4.0 ms the host's work for it",
    "  instructions     1,234,567 in 1,200 slices",
    "  throttled        12 times, 340.0 ms in total",
    "  debt             2 µs",
    "  reserve          20.00 J of 40.00 J",
    "  refilled         400.0 mW",
    "  mean power       9.5 mW over the last 5 min",
    "  block bytes      4.0 KiB; throttled 3 times",
    "  reason           panic\\x1b[2J",
    "  pc               0xc0000000",
    "  r10 – r14        0x0000000a 0x0000000b 0x0000000c 0x0000000d 0x0000000e",
    "  battery          50.0 %, 360.00 J (simulated)",
    "  temperature      46.4 °C (warn)",
  ]) {
    assert.ok(text.split("\n").includes(line), `${line}\nin:\n${text}`);
  }
});

inspect("one without contract, failure or ceiling says so, and nothing is shown that there is not", () => {
  const text = inspectText({ ...partitionView("a", 1), battery: null, thermal: null });
  assert.match(text, /guaranteed +nothing \(best effort\)/);
  assert.match(text, /ceiling +none/);
  assert.match(text, /contract +none: it draws from the battery/);
  assert.match(text, /throttled +never/);
  for (const absent of [/last failure/, /handset/, /devices/]) assert.not.match(text, absent);
});

inspect.run();
