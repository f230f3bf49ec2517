// The strict codec: RFC 8949 §4.2.1, less what our subset leaves out. Every value has one encoding, and no other is read.

import { Encoder } from "cbor-x/index-no-eval";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toHex } from "../../../../agent/wire/bytes.js";
import { decode, encode, type Item } from "../../../../agent/wire/cbor.js";
import { MESSAGE } from "../../../../agent/wire/limits.js";
import { assertFails } from "../../../support/failure.js";
import { Random } from "../../../support/random.js";

const cbor = suite("cbor");
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const read = (hex: string): Item => decode(bytesOf(hex), MESSAGE);

/** RFC 8949 Appendix A, and what lies at the edges of a size. */
const RIGHT: [hex: string, value: Item][] = [
  ["00", 0],
  ["17", 23],
  ["1818", 24],
  ["1864", 100],
  ["18ff", 255],
  ["190100", 256],
  ["1903e8", 1000],
  ["19ffff", 65_535],
  ["1a00010000", 65_536],
  ["1a000f4240", 1_000_000],
  ["1affffffff", 2 ** 32 - 1],
  ["1b0000000100000000", 2 ** 32],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["1b001fffffffffffff", 2 ** 53 - 1],
  ["20", -1],
  ["29", -10],
  ["3863", -100],
  ["3903e7", -1000],
  ["3affffffff", -(2 ** 32)],
  ["3b001ffffffffffffe", -(2 ** 53 - 1)],
  ["f4", false],
  ["f5", true],
  ["40", new Uint8Array()],
  ["4401020304", Uint8Array.of(1, 2, 3, 4)],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "ü"],
  ["63e6b0b4", "水"],
  ["64f0908591", "𐅑"],
  ["80", []],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", Array.from({ length: 25 }, (_, index) => index + 1)],
  ["a0", new Map()],
  // Keys in the order of their encodings: 10, 100, -1 (RFC 8949 §4.2.1).
  [
    "a30a00186400 2000",
    new Map([
      [-1, 0],
      [100, 0],
      [10, 0],
    ]),
  ],
];

for (const [hex, value] of RIGHT) {
  cbor(`${hex.slice(0, 40)} and its value are each other's`, () => {
    assert.is(toHex(encode(value)), hex.replaceAll(" ", ""));
    assert.is(toHex(encode(read(hex))), hex.replaceAll(" ", ""));
    if (!(value instanceof Map)) assert.equal(read(hex), value);
    else assert.equal([...(read(hex) as Map<number, Item>)].sort(), [...value].sort());
  });
}

const WRONG: [what: string, hex: string, code: "WIRE_CBOR" | "WIRE_SHAPE"][] = [
  ["one byte for 23", "1817", "WIRE_CBOR"],
  ["two bytes for 255", "1900ff", "WIRE_CBOR"],
  ["four bytes for 65,535", "1a0000ffff", "WIRE_CBOR"],
  ["eight bytes for 2^32 - 1", "1b00000000ffffffff", "WIRE_CBOR"],
  ["one byte for -24", "3817", "WIRE_CBOR"],
  ["a longer length of text than it takes", "780161", "WIRE_CBOR"],
  ["a longer length of bytes than it takes", "580100", "WIRE_CBOR"],
  ["a longer count of an array than it takes", "980100", "WIRE_CBOR"],
  ["a longer count of a map than it takes", "b8010000", "WIRE_CBOR"],
  ["a longer key than it takes", "a1180100", "WIRE_CBOR"],
  ["2^53", "1b0020000000000000", "WIRE_CBOR"],
  ["2^64 - 1", "1bffffffffffffffff", "WIRE_CBOR"],
  ["-2^53", "3b001fffffffffffff", "WIRE_CBOR"],
  ["-2^64", "3bffffffffffffffff", "WIRE_CBOR"],
  ["a key twice", "a201000100", "WIRE_CBOR"],
  ["a key twice, the second time longer", "a20100180100", "WIRE_CBOR"],
  ["keys out of order", "a202000100", "WIRE_CBOR"],
  ["a negative key before another", "a220000000", "WIRE_CBOR"],
  ["the key __proto__", "a1695f5f70726f746f5f5f00", "WIRE_CBOR"],
  ["the key constructor", "a16b636f6e7374727563746f7200", "WIRE_CBOR"],
  ["an array as a key", "a18000", "WIRE_CBOR"],
  ["true as a key", "a1f500", "WIRE_CBOR"],
  ["overlong UTF-8", "62c080", "WIRE_CBOR"],
  ["a lone continuation byte", "6180", "WIRE_CBOR"],
  ["a sequence that is cut", "62e6b0", "WIRE_CBOR"],
  ["a high surrogate", "63eda080", "WIRE_CBOR"],
  ["a surrogate pair in six bytes", "66eda081edb08100", "WIRE_SHAPE"],
  ["both surrogates, encoded apart", "66eda081edb080", "WIRE_CBOR"],
  ["a code point above U+10FFFF", "64f4908080", "WIRE_CBOR"],
  ["a byte that UTF-8 never has", "61ff", "WIRE_CBOR"],
  ["text with a NUL", "63610062", "WIRE_CBOR"],
];

for (const [what, hex, code] of WRONG) {
  cbor(`${what} is refused`, () => void assertFails(code, () => read(hex)));
}

const UNENCODABLE: [what: string, value: unknown][] = [
  ["a fraction", 0.5],
  ["NaN", NaN],
  ["infinity", Infinity],
  ["2^53", 2 ** 53],
  ["a bigint", 1n],
  ["null", null],
  ["undefined", undefined],
  ["an object", {}],
  ["a lone surrogate", "\ud800"],
  ["a NUL", "\0"],
  ["a fraction as a key", new Map([[0.5, 1]])],
];

for (const [what, value] of UNENCODABLE) {
  cbor(`${what} has no encoding`, () => void assertFails("WIRE_CBOR", () => encode(value as Item)));
}

function randomItem(random: Random, depth: number): Item {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return random.wild();
    case 1:
      return -1 - random.wild();
    case 2:
      return random.oneIn(2);
    case 3:
      return Uint8Array.from({ length: random.below(40) }, () => random.below(256));
    case 4:
      return String.fromCodePoint(
        ...Array.from({ length: random.below(30) }, () => random.pick([65, 0xe9, 0x6c34, 0x10151])),
      );
    case 5:
      return Array.from({ length: random.below(30) }, () => randomItem(random, depth - 1));
    default:
      return new Map(
        Array.from({ length: random.below(30) }, () => [
          random.oneIn(2) ? random.wild() : -1 - random.wild(),
          randomItem(random, depth - 1),
        ]),
      );
  }
}

const peer = new Encoder({ useRecords: false, variableMapSize: true, mapsAsObjects: false, tagUint8Array: false });

cbor("2,000 random items come back, and cbor-x reads of them what was written", () => {
  const random = new Random(8949);
  const plain = (value: unknown): unknown =>
    value instanceof Map
      ? [...value].map(([key, each]) => [Number(key), plain(each)]).sort(([a], [b]) => Number(a) - Number(b))
      : Array.isArray(value)
        ? value.map(plain)
        : value instanceof Uint8Array
          ? `bytes ${Buffer.from(value).toString("hex")}`
          : typeof value === "bigint"
            ? Number(value)
            : value;
  for (let count = 0; count < 2000; count++) {
    const item = randomItem(random, 3);
    const bytes = encode(item);
    assert.equal(plain(decode(bytes, { ...MESSAGE, totalMax: 1 << 20 })), plain(item));
    assert.equal(plain(peer.decode(bytes)), plain(item));
  }
});

cbor("one byte changed anywhere is read as something else, or not at all", () => {
  const random = new Random(55);
  for (let count = 0; count < 100; count++) {
    const bytes = encode(randomItem(random, 2));
    const at = random.below(bytes.length);
    for (let bit = 0; bit < 8; bit++) {
      const other = bytes.slice();
      other[at]! ^= 1 << bit;
      let item: Item;
      try {
        item = decode(other, MESSAGE);
      } catch {
        continue;
      }
      assert.equal(encode(item), other, "what is read is written as it was");
    }
  }
});

cbor.run();
