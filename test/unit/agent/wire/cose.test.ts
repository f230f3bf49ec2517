// Envelopes: RFC 9052 §4, byte by byte.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { concatBytes, fromHex, toHex } from "../../../../agent/wire/bytes.js";
import { encode, type Item } from "../../../../agent/wire/cbor.js";
import { openEnvelope, sealSign, sealSign1, signingInput } from "../../../../agent/wire/cose.js";
import { Refusal } from "../../../../agent/wire/reasons.js";
import { kidOf } from "../../../../agent/wire/signers.js";
import { KEYS, signedDocument } from "../../../support/signed.js";

const cose = suite("cose");
const PAYLOAD = fromHex("a10102")!;
const KID = fromHex("0102030405060708")!;
const SIGNATURE = new Uint8Array(64).fill(0xab);
const ascii = (text: string): string => Buffer.from(text).toString("hex");
const TYPE = `781a${ascii("application/pv-policy+cbor")}`;
/** {1: -19, 4: KID, 16: "application/pv-policy+cbor"}. */
const HEADER = `a3 01 32 04 48 0102030405060708 10 ${TYPE}`.replaceAll(" ", "");

cose("the header is alg -19 (RFC 9864), kid, typ (RFC 9596), and nothing else", () => {
  const { protectedHeader } = signingInput("pol", PAYLOAD, KID, "sign1");
  assert.is(toHex(protectedHeader), HEADER);
});

cose("what COSE_Sign1 signs: RFC 9052 §4.4, with external_aad", () => {
  const { toBeSigned } = signingInput("pol", PAYLOAD, KID, "sign1");
  const length = (HEADER.length / 2).toString(16);
  assert.is(
    toHex(toBeSigned),
    `84 6a ${ascii("Signature1")} 58${length} ${HEADER} 48 ${ascii("pv/1/pol")} 43 a10102`.replaceAll(" ", ""),
  );
});

cose("what COSE_Sign signs: the body's empty header, then the signer's", () => {
  const { toBeSigned } = signingInput("pol", PAYLOAD, KID, "sign");
  const length = (HEADER.length / 2).toString(16);
  assert.is(
    toHex(toBeSigned),
    `85 69 ${ascii("Signature")} 40 58${length} ${HEADER} 48 ${ascii("pv/1/pol")} 43 a10102`.replaceAll(" ", ""),
  );
});

cose("a COSE_Sign1 is tag 18 around four, a COSE_Sign tag 98 around four, and both open again", () => {
  const header = fromHex(HEADER)!;
  const one = sealSign1(PAYLOAD, [header, SIGNATURE]);
  assert.is(
    toHex(one),
    `d2 84 58${(HEADER.length / 2).toString(16)} ${HEADER} a0 43 a10102 5840 ${"ab".repeat(64)}`.replaceAll(" ", ""),
  );
  const opened = openEnvelope(one);
  assert.is(opened.form, "sign1");
  assert.is(opened.kind, "pol");
  assert.is(toHex(opened.payload), "a10102");
  assert.equal(
    opened.signatures.map(({ kid }) => toHex(kid)),
    [toHex(KID)],
  );
  assert.is(toHex(opened.signatures[0]!.toBeSigned()), toHex(signingInput("pol", PAYLOAD, KID, "sign1").toBeSigned));
  const many = sealSign(PAYLOAD, [
    [header, SIGNATURE],
    [header, SIGNATURE],
  ]);
  assert.match(toHex(many), /^d8628440a043a1010282/);
  assert.is(openEnvelope(many).signatures.length, 2);
  assert.is(
    toHex(openEnvelope(many).signatures[1]!.toBeSigned()),
    toHex(signingInput("pol", PAYLOAD, KID, "sign").toBeSigned),
  );
});

cose("EdDSA (-8) is read as well", () => {
  const header = fromHex(HEADER.replace("a30132", "a30127"))!;
  assert.is(openEnvelope(sealSign1(PAYLOAD, [header, SIGNATURE])).kind, "pol");
});

cose("kid is the first 8 bytes of SHA-256 of the raw key", async () => {
  const kid = nodeCrypto.sha256(KEYS.policy.publicKey).slice(0, 8);
  assert.equal(kidOf(KEYS.policy.publicKey, nodeCrypto), kid);
  assert.equal(openEnvelope(await signedDocument("pol")).signatures[0]!.kid, kid);
});

const headerOf = (entries: [number, Item][]): Uint8Array => encode(new Map(entries));
const ALG: [number, Item] = [1, -19];
const KID_ENTRY: [number, Item] = [4, KID];
const TYP: [number, Item] = [16, "application/pv-policy+cbor"];
const RIGHT = headerOf([ALG, KID_ENTRY, TYP]);
const sign1 = (
  header: Item,
  unprotected: Item = new Map(),
  payload: Item = PAYLOAD,
  signature: Item = SIGNATURE,
): Uint8Array => concatBytes(Uint8Array.of(0xd2), encode([header, unprotected, payload, signature]));
const sign = (...body: Item[]): Uint8Array => concatBytes(Uint8Array.of(0xd8, 0x62), encode(body));
const each = (header = RIGHT, unprotected: Item = new Map()): Item => [header, unprotected, SIGNATURE];
const none = new Uint8Array();
const good = sign1(RIGHT);

const REFUSED: [what: string, input: Uint8Array, reason: string][] = [
  ["nothing", none, "empty"],
  ["64 KiB + 1", concatBytes(good, new Uint8Array(65_537 - good.length)), "too-large"],
  ["no tag", good.subarray(1), "tag"],
  ["tag 17", concatBytes(Uint8Array.of(0xd1), good.subarray(1)), "tag"],
  ["tag 18 in two bytes", concatBytes(Uint8Array.of(0xd8, 18), good.subarray(1)), "tag"],
  ["tag 97", concatBytes(Uint8Array.of(0xd8, 97), good.subarray(1)), "tag"],
  ["tag 55799 before it", concatBytes(Uint8Array.of(0xd9, 0xd9, 0xf7), good), "tag"],
  ["tag 18 twice", concatBytes(Uint8Array.of(0xd2), good), "envelope"],
  ["only a tag", Uint8Array.of(0xd2), "envelope"],
  ["a byte behind it", concatBytes(good, Uint8Array.of(0)), "envelope"],
  ["three elements", concatBytes(Uint8Array.of(0xd2), encode([RIGHT, new Map(), PAYLOAD])), "envelope"],
  ["five elements", concatBytes(Uint8Array.of(0xd2), encode([RIGHT, new Map(), PAYLOAD, SIGNATURE, 0])), "envelope"],
  ["a map", concatBytes(Uint8Array.of(0xd2), encode(new Map())), "envelope"],
  ["text for a payload", sign1(RIGHT, new Map(), "a"), "envelope"],
  ["a payload that is no byte string", sign1(RIGHT, new Map(), [1]), "envelope"],
  ["a signature of 63 bytes", sign1(RIGHT, new Map(), PAYLOAD, SIGNATURE.slice(1)), "envelope"],
  ["a detached payload", concatBytes(fromHex("d284")!, encode(RIGHT), fromHex("a0f6")!, encode(SIGNATURE)), "envelope"],
  ["a non-empty unprotected header", sign1(RIGHT, new Map([KID_ENTRY])), "header"],
  ["an unprotected header that is a list", sign1(RIGHT, []), "header"],
  ["a protected header that is a map", sign1(new Map([ALG, KID_ENTRY, TYP])), "header"],
  ["an empty protected header", sign1(none), "header"],
  ["no alg", sign1(headerOf([KID_ENTRY, TYP])), "header"],
  ["no kid", sign1(headerOf([ALG, TYP])), "header"],
  ["no typ", sign1(headerOf([ALG, KID_ENTRY])), "header"],
  ["a crit header", sign1(headerOf([ALG, [2, [4]], KID_ENTRY, TYP])), "header"],
  ["a content type besides", sign1(headerOf([ALG, [3, 0], KID_ENTRY, TYP])), "header"],
  ["ES256", sign1(headerOf([[1, -7], KID_ENTRY, TYP])), "header"],
  ["alg as text", sign1(headerOf([[1, "EdDSA"], KID_ENTRY, TYP])), "header"],
  ["a kid of 7 bytes", sign1(headerOf([ALG, [4, KID.slice(1)], TYP])), "header"],
  ["a kid of 9 bytes", sign1(headerOf([ALG, [4, concatBytes(KID, Uint8Array.of(0))], TYP])), "header"],
  ["a typ that is none", sign1(headerOf([ALG, KID_ENTRY, [16, "application/pv-command+cbor"]])), "header"],
  ["a protected header not in its shortest form", sign1(fromHex(`b803${HEADER.slice(2)}`)!), "header"],
  [
    "a protected header out of order",
    sign1(fromHex(`a3044801020304050607080132 10${TYPE}`.replace(" ", ""))!),
    "header",
  ],
  ["one signature in a COSE_Sign", sign(none, new Map(), PAYLOAD, [each()]), "envelope"],
  [
    "nine signatures in a COSE_Sign",
    sign(
      none,
      new Map(),
      PAYLOAD,
      Array.from({ length: 9 }, () => each()),
    ),
    "envelope",
  ],
  ["a body header in a COSE_Sign", sign(RIGHT, new Map(), PAYLOAD, [each(), each()]), "header"],
  [
    "an unprotected header of one signer",
    sign(none, new Map(), PAYLOAD, [each(), each(RIGHT, new Map([KID_ENTRY]))]),
    "header",
  ],
  [
    "signers of different types",
    sign(none, new Map(), PAYLOAD, [each(), each(headerOf([ALG, KID_ENTRY, [16, "application/pv-cmd+cbor"]]))]),
    "header",
  ],
];

for (const [what, input, reason] of REFUSED) {
  cose(`${what}: ${reason}`, () => {
    try {
      openEnvelope(input);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      assert.is(error.reason, reason, error.message);
      return;
    }
    throw new Error("it was opened");
  });
}

cose.run();
