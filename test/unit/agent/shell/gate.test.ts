// The reference monitor: a request reaches the control port only when every field of it is what it has to be.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Gate, gateProgram } from "../../../../agent/shell/gate.js";
import type { Limits } from "../../../../agent/policy/limits.js";
import { partitionOf, translatedPartitionOf } from "../../../support/handset.js";
import type { HandsetRequest } from "../../../../agent/shell/orders.js";

const gate = suite("gate");

const CPU = { class: "guaranteed", budget: 20_000, period: 100_000, ceiling: null, weight: 100 } as const;
const IO = { blockOperations: null, blockBytes: null, consoleBytes: { rate: 1_000, burst: 1_000 } };
const BUDGET: HandsetRequest = {
  op: "budget",
  partition: 3,
  cpu: CPU,
  energy: { capacity: (1n << 64n) - 1n, rate: 250_000, share: 300_000 },
  io: IO,
};

/** A policy that limits nothing. */
const UNLIMITED: Limits = {
  ...{ epoch: 1, version: 2, memoryBytesMax: null, cpuPermille: null, weight: null, energyMicrowatts: null },
  ...{ translatedBytesMax: null, images: null, console: true, debug: false, channels: null },
};

function newGate(): { opened: Gate; pass: (request: unknown) => Promise<string>; sent: HandsetRequest[] } {
  const sent: HandsetRequest[] = [];
  const opened = new Gate((request) => sent.push(request));
  return { opened, sent, pass: async (request) => (await opened.pass(request as HandsetRequest))?.text ?? "" };
}

gate("what is well formed arrives unchanged, in its order: 64-bit numbers and shared buffers too", async () => {
  const { pass, sent } = newGate();
  const spec = partitionOf("work", { disk: { path: "/tmp/a disk", readOnly: false, layer: { path: "l", key: "k" } } });
  const requests: HandsetRequest[] = [
    { op: "define", spec },
    { op: "admit", partition: 0 },
    BUDGET,
    {
      op: "channel",
      from: { partition: 0, port: 1 },
      to: { partition: 1, port: 31 },
      contract: { capacity: 4096, bytes: { rate: 1000, burst: 1000 }, messages: null },
    },
    { op: "revoke", channel: 0 },
    { op: "fill", partition: 1, picojoules: (1n << 64n) - 1n },
    { op: "snapshot" },
    { op: "input", partition: 0, bytes: new Uint8Array([3]) },
    { op: "drained", picojoules: 5n },
    { op: "restart", partition: 65_535 },
  ];
  for (const request of requests) assert.is(await pass(request), "");
  assert.equal(sent, requests);
  const [define] = sent;
  assert.ok(
    define?.op === "define" && (define.spec as typeof spec).consoleLog === spec.consoleLog,
    "the same memory, no copy",
  );
});

const WRONG: [what: string, request: unknown, refusal: RegExp][] = [
  ["an unknown operation", { op: "explode", partition: 0 }, /op must be one of .*"explode"/],
  ["an operation of Object's own", { op: "constructor", partition: 0 }, /op must be one of/],
  ["no partition", { op: "pause" }, /pause\.partition must be a whole number/],
  ["a partition below 0", { op: "pause", partition: -1 }, /whole number/],
  ["a partition in words", { op: "pause", partition: "0" }, /not "0"/],
  ["a field too many", { op: "pause", partition: 0, force: true }, /no field "force"/],
  ["a prototype as a field", JSON.parse('{"op":"pause","partition":0,"__proto__":{"a":1}}'), /no field "__proto__"/],
  ["a contract that is a list", { ...BUDGET, cpu: [1] }, /budget\.cpu must be an object/],
  ["half a microsecond", { ...BUDGET, cpu: { ...CPU, budget: 0.5 } }, /budget\.cpu\.budget/],
  ["no number", { ...BUDGET, cpu: { ...CPU, period: NaN } }, /budget\.cpu\.period.*not null/],
  ["a weight out of bounds", { ...BUDGET, cpu: { ...CPU, weight: 10_001 } }, /0 to 10000/],
  ["energy beyond 64 bits", { ...BUDGET, energy: { capacity: 1n << 64n, rate: 0, share: 0 } }, /picojoules/],
  ["more than the whole battery", { ...BUDGET, energy: { capacity: 1n, rate: 0, share: 1_000_001 } }, /energy\.share/],
  ["a reserve filled by less than nothing", { op: "fill", partition: 0, picojoules: -1n }, /fill\.picojoules/],
  ["a rate without a burst", { ...BUDGET, io: { ...IO, blockBytes: { rate: 1 } } }, /blockBytes\.burst/],
  ["half a channel", { op: "channel", from: { partition: 0, port: 0 }, contract: {} }, /channel\.to must be an object/],
  ["a huge string", { op: "x".repeat(1 << 20), partition: 0 }, /characters, 65536 at most/],
  ["a long string", { op: "pause", partition: "x".repeat(60_000) }, /not "x{59}…/],
  ["a bad name", { op: "define", spec: partitionOf("No\u001b[2J") }, /spec\.name must be 1 to 32/],
  ["an image in a list", { op: "start", partition: 0, image: ["a".repeat(64)] }, /start\.image must be SHA-256/],
  ["the handset's end", { op: "quit" }, /op must be one of/],
  ["a path with a NUL", { op: "define", spec: partitionOf("a", { disk: { path: "a\0b", readOnly: true } }) }, /a path/],
];

for (const [what, request, refusal] of WRONG) {
  gate(`${what} is refused, reaches nobody, and the next request passes`, async () => {
    const { pass, sent } = newGate();
    assert.match(await pass(request), refusal);
    assert.equal(sent, []);
    assert.is(await pass(BUDGET), "");
    assert.equal(sent, [BUDGET]);
  });
}

gate("every limit of a policy reaches the program", async () => {
  const limits: [Partial<Limits>, request: object, RegExp][] = [
    [{ memoryBytesMax: 1 }, { op: "define", spec: partitionOf("work") }, /1\.2 allows 1 bytes of memory at most/],
    [{ cpuPermille: 199 }, { ...BUDGET, name: "work" }, /1\.2 allows 19\.9 % of a processor at most/],
    [{ weight: 99 }, { ...BUDGET, name: "work" }, /1\.2 allows a weight of 99 at most/],
    [{ energyMicrowatts: 1500 }, { ...BUDGET, name: "work" }, /1\.2 allows 1\.5 mW at most/],
    [{ debug: false }, { op: "profile", partition: 0, name: "work", on: true }, /1\.2 allows no debugger/],
  ];
  for (const [limit, request, refusal] of limits) {
    const { pass, opened, sent } = newGate();
    assert.is(await pass(request), "");
    opened.limit("work", { ...UNLIMITED, debug: true, ...limit });
    assert.match(await pass(request), refusal);
    opened.limit("work", { ...UNLIMITED, debug: true });
    assert.is(await pass(request), "");
    assert.is(sent.length, 2);
  }
});

gate("a program that throws or issues what it likes refuses, and the limits outlive its runtime", async () => {
  const whole = gateProgram();
  const broken: [change: string, RegExp][] = [
    ["globalThis.order = () => { throw new Error('no'); }", /did not end.*"no"/],
    ["globalThis.order = () => null", /issued no single request/],
    ["const once = order; globalThis.order = (text) => (once(text), once(text))", /issued no single request/],
  ];
  for (const [change, refusal] of broken) {
    const sent: HandsetRequest[] = [];
    // A new runtime gets the same text, so the order says whether it meets the broken program.
    const program = `${whole};(() => { const good = order; ${change}; const bad = order;
      globalThis.order = (text) => (JSON.parse(text).partition === 9 ? bad : good)(text); })()`;
    const opened = new Gate((request) => sent.push(request), program);
    opened.limit("work", { ...UNLIMITED, weight: 1 });
    const said = async (partition: number, name: string): Promise<string> =>
      (await opened.pass({ ...BUDGET, partition, name } as HandsetRequest))?.text ?? "";
    assert.match(await said(9, "personal"), refusal);
    assert.equal(sent, []);
    assert.match(await said(1, "work"), /a weight of 1 at most/);
    assert.is(await said(1, "personal"), "");
    assert.is(sent.length, 1);
  }
});

gate(
  "images: what a policy does not allow is neither defined nor started again, whoever orders it and whatever it is called",
  async () => {
    const sent: HandsetRequest[] = [];
    const opened = new Gate((request) => sent.push(request));
    const pass = async (request: unknown): Promise<string> =>
      (await opened.pass(request as HandsetRequest))?.text ?? "";
    const [allowed, other] = ["a".repeat(64), "b".repeat(64)];
    const spec = partitionOf("work", { image: other });
    assert.is(await pass({ op: "define", spec }), "");
    opened.limit("work", { ...UNLIMITED, images: [allowed] });
    for (const op of ["start", "restart"]) {
      for (const image of [other, "", undefined]) {
        assert.match(await pass({ op, partition: 0, name: "work", image }), /policy 1\.2 allows other images/, `${op}`);
      }
      assert.match(await pass({ op, partition: 0, image: allowed }), /must name its partition/);
      assert.match(await pass({ op, partition: 0, name: "work", image: "A" }), /SHA-256/);
      assert.is(await pass({ op, partition: 0, name: "work", image: allowed }), "");
      assert.is(await pass({ op, partition: 1, name: "personal" }), "");
    }
    assert.match(await pass({ op: "define", spec }), /other images/);
    assert.is(await pass({ op: "stop", partition: 0, name: "work" }), "", "ending it is always allowed");
  },
);

gate("translated code: not more than a policy allows, whoever orders it", async () => {
  const { pass, opened, sent } = newGate();
  const spec = translatedPartitionOf("work", 8 << 20);
  assert.is(await pass({ op: "define", spec }), "");
  opened.limit("work", { ...UNLIMITED, translatedBytesMax: 4 << 20 });
  const order = { op: "translation", partition: 0, name: "work" };
  assert.match(await pass({ op: "define", spec }), /policy 1\.2 allows 4194304 bytes of translated code at most/);
  assert.match(await pass({ ...order, codeBytes: (4 << 20) + 1 }), /not 4194305/);
  assert.match(await pass({ op: "translation", partition: 0, codeBytes: 0 }), /must name its partition/);
  assert.match(await pass({ ...order, codeBytes: -1 }), /whole number/);
  assert.is(await pass({ ...order, codeBytes: 4 << 20 }), "");
  assert.is(await pass({ ...order, name: "personal", partition: 1, codeBytes: 8 << 20 }), "");
  opened.limit("work", { ...UNLIMITED, translatedBytesMax: 0 });
  assert.match(await pass({ ...order, codeBytes: 1 }), /policy 1\.2 allows 0 bytes/);
  assert.is(await pass({ op: "define", spec: partitionOf("work") }), "", "interpreted");
  assert.is(sent.length, 4);
});

gate.run();
