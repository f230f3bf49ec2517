// An order against the policies in force: what a policy's numbers leave passes to the last unit, and one more does not.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cut, type Limits } from "../../../../agent/policy/limits.js";
import type { Contracts } from "../../../../agent/handset/contracts.js";
import { hold } from "../../../../agent/shell/hold.js";
import type { JudgedOrder, JudgedRequest } from "../../../../agent/shell/orders.js";
import { Refused } from "../../../../agent/shell/readers.js";

const test = suite("agent/shell/hold");

const UNLIMITED: Limits = {
  ...{ epoch: 1, version: 2, memoryBytesMax: null, cpuPermille: null, weight: null, energyMicrowatts: null },
  ...{ translatedBytesMax: null, images: null, console: true, debug: true, channels: null },
};
const on = { partition: 0, name: "work" };
const cpu = { class: "guaranteed", budget: 20_000, period: 100_000, ceiling: 20_000, weight: 100 } as const;
const energy = { capacity: 6_000_000_000_000n, rate: 100_000, share: 0 };
const io = { blockOperations: null, blockBytes: null, consoleBytes: null };
const budget: JudgedOrder<"budget"> = { op: "budget", ...on, cpu, energy, io };
const restart = { onFailure: "log", max: 0, backoffFirstMs: 0, backoffMaxMs: 0, noProgressMs: 0 } as const;
const spec = { name: "work", image: "", memoryBytes: 1 << 20, translateCodeBytes: 4096, cpu, energy, io, restart };
const define: JudgedOrder<"define"> = { op: "define", spec: { ...spec, disk: null } };
const end = { ...on, port: 1 };
const bytes = { rate: 1000, burst: 1 };
const channel: JudgedOrder<"channel"> = {
  ...{ op: "channel", from: end, to: { ...end, name: "personal" } },
  contract: { capacity: 0, bytes, messages: null },
};

/** Why the order is refused when these limits govern "work"; empty: it passes. */
function refusal(order: JudgedRequest, limits: Partial<Limits>): string {
  try {
    hold(order, new Map([["work", { ...UNLIMITED, ...limits }]]));
    return "";
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

const asked = (change: Partial<Contracts>): JudgedOrder<"budget"> => ({ ...budget, ...change });
const images = ["a".repeat(64)];

const BEYOND: [order: JudgedRequest, limits: Partial<Limits>, refusal: string][] = [
  [define, { memoryBytesMax: (1 << 20) - 1 }, "1048575 bytes of memory at most, not 1048576"],
  [define, { translatedBytesMax: 4095 }, "4095 bytes of translated code at most, not 4096"],
  [define, { images }, "other images than this one"],
  [define, { cpuPermille: 199 }, "19.9 % of a processor at most"],
  [define, { energyMicrowatts: 99_999 }, "99.999 mW at most"],
  [{ op: "start", ...on }, { images }, "other images than this one"],
  [{ op: "restart", ...on, image: "b".repeat(64) }, { images }, "other images than this one"],
  [{ op: "start", ...on, image: images[0]! }, { images: [] }, "other images than this one"],
  [budget, { cpuPermille: 199 }, "19.9 % of a processor at most"],
  [budget, { cpuPermille: 0 }, "0 % of a processor at most"],
  [asked({ cpu: { ...cpu, ceiling: null } }), { cpuPermille: 1000 }, "100 % of a processor at most"],
  [asked({ cpu: { ...cpu, ceiling: 1 } }), { cpuPermille: 100 }, "10 % of a processor at most"],
  [budget, { weight: 99 }, "a weight of 99 at most"],
  [asked({ energy: null }), { energyMicrowatts: 100_000 }, "100 mW at most"],
  [asked({ energy: { ...energy, share: 1 } }), { energyMicrowatts: 100_000 }, "100 mW at most"],
  [asked({ energy: { ...energy, rate: 100_001 } }), { energyMicrowatts: 100_000 }, "100 mW at most"],
  [
    asked({ energy: { ...energy, capacity: energy.capacity + 1n } }),
    { energyMicrowatts: 100_000 },
    "a reserve of a minute at most",
  ],
  [{ op: "translation", ...on, codeBytes: 1 }, { translatedBytesMax: 0 }, "0 bytes of translated code at most, not 1"],
  [{ op: "debug", ...on, on: true }, { debug: false }, "no debugger and no profile"],
  [{ op: "profile", ...on, on: true }, { debug: false }, "no debugger and no profile"],
  [channel, { channels: [] }, "no channel from work to personal"],
  [channel, { channels: [{ from: "personal", to: "work", bytesPerSecond: 1e6 }] }, "no channel from work to personal"],
  [
    channel,
    { channels: [{ from: "work", to: "personal", bytesPerSecond: 999 }] },
    "999 bytes a second from work to personal at most",
  ],
  [
    { ...channel, contract: { ...channel.contract, bytes: null } },
    { channels: [{ from: "work", to: "personal", bytesPerSecond: 1e6 }] },
    "1000000 bytes a second from work to personal at most",
  ],
];
for (const [order, limits, wanted] of BEYOND) {
  test(`${order.op}: ${wanted}`, () => {
    assert.is(refusal(order, limits), `policy 1.2 allows ${wanted}`);
    assert.is(refusal(order, {}), "", "a policy that does not speak of it");
  });
}

const WITHIN: [order: JudgedRequest, limits: Partial<Limits>][] = [
  [define, { memoryBytesMax: 1 << 20, translatedBytesMax: 4096, images: [""], cpuPermille: 200, weight: 100 }],
  [define, { energyMicrowatts: 100_000 }],
  [{ op: "start", ...on, image: images[0]! }, { images }],
  [budget, { cpuPermille: 200, weight: 100, energyMicrowatts: 100_000 }],
  // That a guarantee is above its own ceiling is the hypervisor's to refuse: no policy has said it.
  [asked({ cpu: { ...cpu, ceiling: 1 } }), { cpuPermille: null }],
  [{ op: "translation", ...on, codeBytes: 0 }, { translatedBytesMax: 0 }],
  [{ op: "debug", ...on, on: false }, { debug: false }],
  [channel, { channels: [{ from: "work", to: "personal", bytesPerSecond: 1000 }] }],
];
test("what a policy allows passes, to the last unit", () => {
  for (const [order, limits] of WITHIN) assert.is(refusal(order, limits), "", `${order.op} ${JSON.stringify(limits)}`);
});

test("what cut() leaves of contracts passes: the monitor's orders are not refused by the numbers that it cut them with", () => {
  for (const cpuPermille of [0, 1, 333, 1000]) {
    for (const energyMicrowatts of [0, 1, 99_999]) {
      const limits = { ...UNLIMITED, cpuPermille, energyMicrowatts, weight: 7 };
      const wide = asked({ cpu: { ...cpu, period: 99_999, ceiling: null }, energy: { ...energy, share: 5 } });
      assert.not.equal(refusal(wide, limits), "");
      assert.is(refusal(asked(cut(wide, limits)), limits), "");
    }
  }
});

test("once a policy is in force an order names its partition, or ends something", () => {
  const partition = 0;
  const nameless: JudgedRequest[] = [
    { op: "start", partition },
    { op: "restart", partition },
    { op: "budget", partition, cpu, energy, io },
    { op: "translation", partition, codeBytes: 0 },
    { op: "debug", partition, on: true },
    { op: "profile", partition, on: true },
    { ...channel, from: { partition, port: 0 } },
    { ...channel, to: { partition, port: 0 } },
  ];
  for (const order of nameless) {
    assert.match(refusal(order, {}), /^a policy is in force: the order must name (its partition|both partitions)$/);
    hold(order, new Map());
  }
  for (const op of ["admit", "pause", "resume", "stop", "remove", "lock", "unlock"] as const) {
    assert.is(refusal({ op, partition }, { images: [], cpuPermille: 0 }), "", op);
  }
  assert.is(refusal({ op: "revoke", channel: 0 }, { channels: [] }), "");
});

test("a policy governs its own partition alone, whatever that is called", () => {
  assert.is(refusal({ ...budget, name: "personal" }, { cpuPermille: 0 }), "");
  for (const name of ["constructor", "__proto__"]) assert.is(refusal({ ...budget, name }, { cpuPermille: 0 }), "");
  hold(budget, new Map());
});

test.run();
