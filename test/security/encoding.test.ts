// CBOR inside a good signature: a key that signs nonsense, or a signer that encodes as it likes.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../agent/wire/bytes.js";
import { encode } from "../../agent/wire/cbor.js";
import { fleetTrust, judge, KEYS, wordOf } from "../support/signed.js";
import { bytesOf, expectIn, policyItems, policyPayload, sealed } from "./cases.js";

const documents = suite("signed documents: encoding");
const expect = expectIn(documents);

const good = policyItems([]);
const nest = (depth: number): Uint8Array => concatBytes(new Uint8Array(depth).fill(0x81), Uint8Array.of(0));
const CBOR: [what: string, word: string, payload: Uint8Array][] = [
  ["an empty payload", "encoding", new Uint8Array()],
  ["an empty map", "schema", encode(new Map())],
  ["no map", "schema", encode(1)],
  ["a duplicate key", "encoding", bytesOf("a2010001 00")],
  ["unsorted keys", "encoding", bytesOf("a20300 0100")],
  ["a non-minimal integer", "encoding", bytesOf("a1011801")],
  ["a non-minimal key", "encoding", bytesOf("a1180100")],
  ["an indefinite map", "encoding", bytesOf("bf0100ff")],
  ["an indefinite array", "encoding", bytesOf("a1019fff")],
  ["NaN", "encoding", bytesOf("a101f97e00")],
  ["null", "encoding", bytesOf("a101f6")],
  ...["c24101", "c34101", "d8184101", "d81b80", "d81c80", "d83300", "d9d9f700"].map(
    (tag): [string, string, Uint8Array] => [`tag ${tag}`, "encoding", bytesOf(`a101${tag}`)],
  ),
  ["the key __proto__", "encoding", bytesOf("a1695f5f70726f746f5f5f00")],
  ["the key constructor", "encoding", bytesOf("a16b636f6e7374727563746f7200")],
  ["invalid UTF-8", "encoding", bytesOf("a10162c328")],
  ["a lone surrogate", "encoding", bytesOf("a10163eda080")],
  ["a NUL in text", "encoding", bytesOf("a1016100")],
  ["depth 8", "schema", concatBytes(bytesOf("a101"), nest(7))],
  ["depth 9", "encoding", concatBytes(bytesOf("a101"), nest(8))],
  ["depth 10,000", "encoding", nest(10_000)],
  ["an array header of 2^32 - 1 with no body", "encoding", bytesOf("9affffffff")],
  ["a map header of 2^64 - 1 with no body", "encoding", bytesOf("bbffffffffffffffff")],
  ["a byte behind it", "encoding", concatBytes(good, Uint8Array.of(0))],
  ["an unknown key", "schema", policyItems([[45, 1]])],
  ["a terminal sequence for a partition", "schema", policyItems([[30, "\u001b[2J"]])],
];
for (const [what, word, payload] of CBOR) expect(`signed ${what}`, word, policyPayload(payload), "pol");
expect("signed depth 1,000,000", "too-large", policyPayload(nest(1_000_000)), "pol");
documents("64 KiB - 1, 64 KiB, 64 KiB + 1 of envelope", async () => {
  const make = async (length: number): Promise<Uint8Array> => {
    // An unknown key fills it up; what matters is which question refuses it.
    const empty = (await sealed("pol", policyItems([[99, new Uint8Array(60_000)]]), [KEYS.policy])).length;
    return sealed("pol", policyItems([[99, new Uint8Array(60_000 + length - empty)]]), [KEYS.policy]);
  };
  for (const [length, word] of [
    [65_535, "schema"],
    [65_536, "schema"],
    [65_537, "too-large"],
  ] as const) {
    const input = await make(length);
    assert.is(input.length, length);
    assert.is(wordOf(judge(input, "pol")), word);
  }
});

documents("a refusal changes nothing, and says nothing of the document's own text", async () => {
  const trust = fleetTrust();
  const before = JSON.stringify([...trust.versions]);
  const verdict = judge(await sealed("pol", policyItems([[30, "\u001b]0;evil"]]), [KEYS.policy]), "pol", { trust });
  assert.ok(verdict.verdict === "refused");
  assert.not.match(verdict.detail, /evil|\u001b/);
  assert.is(JSON.stringify([...trust.versions]), before);
});

documents.run();
