// How untrusted values are read: as what they have to be, or refused in words that are short whatever was sent.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  decimal64,
  flag,
  oneOf,
  optional,
  orNull,
  record,
  Refused,
  textOf,
  upTo,
  type Reader,
} from "../../../../agent/shell/readers.js";

const test = suite("agent/shell/readers");

function refusalOf<T>(read: Reader<T>, value: unknown): string {
  try {
    read("it", value);
  } catch (error) {
    assert.ok(error instanceof Refused && error.code === "ORDER_REFUSED", String(error));
    return (error as Refused).message;
  }
  return "";
}

const number = upTo(10);
const word = oneOf(["on", "off"]);
const text = textOf(/^a+$/, "letters a");
const wide = decimal64("a number of 64 bits");

test("what is right is returned as it is", () => {
  assert.equal(
    [0, 10].map((value) => number("it", value)),
    [0, 10],
  );
  assert.equal([word("it", "off"), text("it", "aa"), flag("it", false)], ["off", "aa", false]);
  assert.equal([wide("it", "0"), wide("it", "18446744073709551615")], [0n, (1n << 64n) - 1n]);
  assert.equal(
    [orNull(number)("it", null), orNull(number)("it", 1), optional(number)("it", undefined)],
    [null, 1, undefined],
  );
});

const WRONG: [name: string, read: Reader<unknown>, values: unknown[]][] = [
  ["a whole number", number, [-1, 11, 0.5, NaN, Infinity, "1", true, null, undefined, [1], { valueOf: 1 }]],
  ["a word", word, ["", "ON", "on ", "toString", ["on"], null, undefined, 0]],
  ["text", text, ["", "b", "ab", "a\n", ["a"], [], null, undefined, 1]],
  ["true or false", flag, ["true", 0, 1, null, undefined, []]],
  ["64 bits", wide, ["", "-1", "0x1", "1.0", "1e3", " 1", "18446744073709551616", "9".repeat(21), 1, ["1"], null]],
  ["null, or a number", orNull(number), [undefined, "null", 11]],
  ["nothing, or a number", optional(number), [null, "1", 11]],
];
for (const [name, read, values] of WRONG) {
  test(`${name}: everything else is refused, and nothing is converted`, () => {
    for (const value of values)
      assert.match(refusalOf(read, value), /^it must be .*, not /, String(JSON.stringify(value)));
  });
}

test("a refusal repeats no more than 60 characters of a value or of a field's name", () => {
  assert.ok(refusalOf(flag, "x".repeat(1 << 20)).length < 100);
  assert.ok(refusalOf(flag, Array(1 << 16).fill(0)).length < 100);
  assert.ok(refusalOf(record<{ a: boolean }>({ a: flag }), { a: true, ["x".repeat(1 << 20)]: 1 }).length < 100);
});

const pair = record<{ a: boolean; b?: number }>({ a: flag, b: optional(number) });

test("a record: its own fields, each by its reader, and no more", () => {
  assert.equal(pair("it", { b: 1, a: true }), { a: true, b: 1 });
  assert.equal(Object.keys(pair("it", { a: true })), ["a"], "what is absent stays absent");
  assert.match(refusalOf(pair, { b: 1 }), /^it\.a must be true or false, not undefined$/);
  assert.match(refusalOf(pair, { a: true, b: null }), /^it\.b must be/);
  assert.match(refusalOf(pair, { a: true, c: 1 }), /^it has no field "c"$/);
  for (const value of [null, undefined, 1, "a", true, [], [{ a: true }]])
    assert.match(refusalOf(pair, value), /an object/);
});

test("a record: what every object inherits is neither a field nor the value of one", () => {
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    assert.match(refusalOf(pair, JSON.parse(`{"a":true,"${key}":{}}`)), new RegExp(`no field "${key}"`));
  }
  assert.match(refusalOf(pair, Object.create({ a: true })), /^it\.a must be/);
  const taken = pair("it", JSON.parse('{"a":true}'));
  assert.is(Object.getPrototypeOf(taken), Object.prototype);
});

test.run();
