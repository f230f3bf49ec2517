// The guard before every decoder: shape, limits, and work that no length in a header can raise.

import { suite } from "uvu";
import { assertFails } from "../../../support/failure.js";
import * as assert from "uvu/assert";
import { guard, type GuardLimits } from "../../../../agent/wire/guard.js";

const guarded = suite("guard");
const LIMITS: GuardLimits = { bytesMax: 65_536, depthMax: 8, itemsMax: 512, totalMax: 8192 };
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
/** An array of `count` zeros. */
const zeros = (count: number): Uint8Array => Uint8Array.from([0x99, count >> 8, count & 255, ...filled(count, 0)]);
/** A byte string that takes `length` bytes with its head. */
const textOf = (length: number): Uint8Array =>
  Uint8Array.from([0x59, (length - 3) >> 8, (length - 3) & 255, ...filled(length - 3, 7)]);

const PASS: [what: string, bytes: Uint8Array, items: number][] = [
  ["an integer", bytesOf("00"), 1],
  ["an empty array", bytesOf("80"), 1],
  ["an empty map in an array", bytesOf("81a0"), 2],
  ["a map of two", bytesOf("a2 0102 0304"), 5],
  ["depth 8", bytesOf("81818181818181 80"), 8],
  ["512 items", zeros(512), 513],
  ["64 KiB - 1", textOf(65_535), 1],
  ["64 KiB", Uint8Array.from([0x81, ...textOf(65_535)]), 2],
];

for (const [what, bytes, items] of PASS) {
  guarded(`${what} passes, and every data item is counted`, () => assert.is(guard(bytes, LIMITS), items));
}

const REFUSED: [what: string, bytes: Uint8Array, why: RegExp][] = [
  ["nothing", new Uint8Array(), /too early/],
  ["64 KiB + 1", Uint8Array.from([0x82, 0, ...textOf(65_535)]), /65537 bytes, 65536 at most/],
  ["depth 9", bytesOf("8181818181818181 80"), /more than 8 containers/],
  ["depth 9, in maps", bytesOf("a100a100a100a100a100a100a100a100 a0"), /more than 8 containers/],
  ["depth 10,000", filled(10_000, 0x81), /more than 8 containers/],
  ["depth 1,000,000", filled(1_000_000, 0x81), /1000000 bytes/],
  ["513 items", zeros(513), /513 items in one container/],
  ["513 pairs", bytesOf("b90201"), /513 items in one container/],
  ["an array header of 2^32 - 1 with no body", bytesOf("9affffffff"), /4294967295 items/],
  ["a map header of 2^64 - 1 with no body", bytesOf("bbffffffffffffffff"), /items in one container/],
  ["a byte string of 2^32 - 1 with no body", bytesOf("5affffffff"), /too early/],
  ["text of 2^64 - 1 with no body", bytesOf("7bffffffffffffffff"), /too early/],
  [
    "8,193 items in many small arrays",
    Uint8Array.from([0x98, 32, ...Array.from({ length: 32 }, () => [...zeros(256)]).flat()]),
    /more than 8192 items/,
  ],
  ["an indefinite array", bytesOf("9fff"), /indefinite/],
  ["an indefinite map", bytesOf("bfff"), /indefinite/],
  ["indefinite bytes", bytesOf("5f4100ff"), /indefinite/],
  ["indefinite text", bytesOf("7f6161ff"), /indefinite/],
  ["a break", bytesOf("ff"), /indefinite/],
  ["reserved additional information", bytesOf("1c"), /reserved/],
  ["a half-precision NaN", bytesOf("f97e00"), /float/],
  ["a single", bytesOf("fa47c35000"), /float/],
  ["a double", bytesOf("fb7ff8000000000000"), /float/],
  ["null", bytesOf("f6"), /null/],
  ["undefined", bytesOf("f7"), /undefined/],
  ["simple(255)", bytesOf("f8ff"), /simple/],
  ["true in two bytes", bytesOf("f815"), /simple/],
  ["tag 2, a bignum", bytesOf("c2490100000000000000 00"), /tag 2/],
  ["tag 3", bytesOf("c34101"), /tag 3/],
  ["tag 24, embedded CBOR", bytesOf("d8184100"), /tag 24/],
  ["tag 27, an object", bytesOf("d81b8100"), /tag 27/],
  ["tag 28, shared", bytesOf("d81c80"), /tag 28/],
  ["tag 51", bytesOf("d83300"), /tag 51/],
  ["tag 55799, self-described", bytesOf("d9d9f700"), /tag 55799/],
  ["a head that is cut", bytesOf("19 01"), /too early/],
  ["an array that is cut", bytesOf("8201"), /too early/],
  ["a map without its last value", bytesOf("a2 0102 03"), /too early/],
  ["a byte too many", bytesOf("0000"), /1 bytes behind/],
];

for (const [what, bytes, why] of REFUSED) {
  guarded(`${what} is refused`, () => assert.match(assertFails("WIRE_SHAPE", () => guard(bytes, LIMITS)).message, why));
}

guarded("it reads each byte once at most: its work is linear whatever the bytes say", () => {
  for (const byte of Array.from({ length: 256 }, (_, value) => value)) {
    let reads = 0;
    const counted = new Proxy(filled(4096, byte), {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) reads++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    try {
      guard(counted, LIMITS);
    } catch {
      // What it says of them, the tests above have asked.
    }
    assert.ok(reads <= 4096, `0x${byte.toString(16)}: ${reads} reads`);
  }
});

guarded.run();
