// What an order may consist of: one good order of every operation, and then each of its fields left out, added to, or of another kind.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readOrder } from "../../../../agent/shell/order-readers.js";
import { orderText } from "../../../../agent/shell/order-text.js";
import type { JudgedOp, JudgedOrder } from "../../../../agent/shell/orders.js";
import { Refused } from "../../../../agent/shell/readers.js";

const test = suite("agent/shell/order-readers");

const cpu = { class: "guaranteed", budget: 20_000, period: 100_000, ceiling: 50_000, weight: 100 } as const;
const energy = { capacity: (1n << 64n) - 1n, rate: 250_000, share: 1000 };
const rate = { rate: 1000, burst: 2000 };
const io = { blockOperations: rate, blockBytes: rate, consoleBytes: null };
const restart = { onFailure: "restart", max: 3, backoffFirstMs: 100, backoffMaxMs: 1000, noProgressMs: 0 } as const;
const disk = { path: "/a disk", readOnly: false, shared: true, layer: { path: "l", key: "k" } };
const image = "0123456789abcdef".repeat(4);
const on = { partition: 3, name: "work" };
const end = { ...on, port: 1 };

const GOOD: { [Op in JudgedOp]: JudgedOrder<Op> } = {
  define: {
    op: "define",
    spec: { name: "work", image, memoryBytes: 1 << 24, translateCodeBytes: 0, cpu, energy, io, restart, disk },
  },
  admit: { op: "admit", ...on },
  start: { op: "start", ...on, image },
  restart: { op: "restart", ...on, image },
  pause: { op: "pause", ...on },
  resume: { op: "resume", ...on },
  press: { op: "press", ...on },
  stop: { op: "stop", ...on },
  remove: { op: "remove", ...on },
  lock: { op: "lock", ...on },
  unlock: { op: "unlock", ...on },
  budget: { op: "budget", ...on, cpu, energy, io },
  translation: { op: "translation", ...on, codeBytes: 4096 },
  debug: { op: "debug", ...on, on: true },
  profile: { op: "profile", ...on, on: false },
  channel: { op: "channel", from: end, to: end, contract: { capacity: 4096, bytes: rate, messages: null } },
  revoke: { op: "revoke", channel: 7 },
  fill: { op: "fill", partition: 3, picojoules: 5n },
};

/** Fields that an order may leave out. */
const ABSENT = /^(name|image|from\.name|to\.name|spec\.disk\.(shared|layer))$/;
/** And that may be null. */
const NULL = /(^|\.)(ceiling|energy|blockOperations|blockBytes|consoleBytes|disk|bytes|messages)$/;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
const jsonOf = (order: object): Json => JSON.parse(orderText(order)) as Json;

/** Every place in a value, as the keys that lead there. */
function places(value: Json, keys: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [keys];
  return [keys, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...keys, key]))];
}

function at(value: Json, keys: readonly string[]): Json {
  return keys.reduce((inner, key) => (inner as { [key: string]: Json })[key]!, value);
}

/** A copy with one place changed; undefined: left out. */
function changed(value: Json, keys: readonly string[], to: Json | undefined): Json {
  if (keys.length === 0) return to as Json;
  const copy = structuredClone(value);
  const parent = at(copy, keys.slice(0, -1)) as { [key: string]: Json };
  const last = keys[keys.length - 1]!;
  if (to === undefined) delete parent[last];
  else parent[last] = to;
  return copy;
}

function passes(asked: unknown): boolean {
  try {
    readOrder(asked);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

for (const [op, order] of Object.entries(GOOD)) {
  const json = jsonOf(order);
  const inner = places(json).filter((keys) => keys.length > 0);

  test(`${op}: a good order is read as it is, and written as it was`, () => {
    assert.equal(readOrder(json), order);
    assert.equal(jsonOf(readOrder(json)), json);
  });

  test(`${op}: every field is needed, but for those that may be absent`, () => {
    for (const keys of inner) {
      const path = keys.join(".");
      assert.is(passes(changed(json, keys, undefined)), ABSENT.test(path), `without ${path}`);
    }
  });

  test(`${op}: no field is read as another kind of value`, () => {
    for (const keys of places(json)) {
      const path = keys.join(".");
      const good = at(json, keys);
      assert.is(passes(changed(json, keys, null)), NULL.test(path), `null for ${path}`);
      const other: Json[] = [[good], [], { valueOf: 0 }, -1, 0.5, 1e300, "\0", "x".repeat(5000)];
      if (typeof good !== "boolean") other.push(true, false);
      if (typeof good !== "string") other.push(String(good));
      if (typeof good !== "number") other.push(0);
      for (const value of other) {
        assert.not.ok(passes(changed(json, keys, value)), `${JSON.stringify(value).slice(0, 40)} for ${path}`);
      }
    }
  });

  test(`${op}: no object takes a field that it has not`, () => {
    for (const keys of places(json)) {
      if (typeof at(json, keys) !== "object" || at(json, keys) === null) continue;
      for (const key of ["x", "", "__proto__", "constructor", "toString", "OP"]) {
        const more = JSON.parse(JSON.stringify(at(json, keys)).replace(/\}$/, `,${JSON.stringify(key)}:{}}`)) as Json;
        assert.not.ok(passes(changed(json, keys, more)), `${key} in ${keys.join(".")}`);
      }
    }
  });
}

test("what is no order of the gate's", () => {
  const values = [
    null,
    undefined,
    0,
    "pause",
    [],
    [{ op: "pause", partition: 0 }],
    {},
    { op: ["pause"], partition: 0 },
  ];
  for (const value of values) assert.not.ok(passes(value), JSON.stringify(value));
  for (const op of ["quit", "input", "drained", "snapshot", "constructor", "__proto__", "toString", "PAUSE", ""]) {
    assert.not.ok(passes({ op, partition: 0 }), op);
  }
});

test.run();
