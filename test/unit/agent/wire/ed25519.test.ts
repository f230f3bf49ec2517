// Signatures that libraries disagree about, made with whole numbers after RFC 8032: both of ours give one verdict on each, and a good
// one only to the good.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import nacl from "tweetnacl";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { fromHex, toHex } from "../../../../agent/wire/bytes.js";
import { isUsableKey, strictly, type Verify } from "../../../../agent/wire/ed25519.js";
import { concatBytes } from "../../../../agent/wire/bytes.js";
import {
  add,
  BASE,
  challenge,
  encodePoint,
  fromLittleEndian,
  L,
  littleEndian,
  P,
  scalarOf,
  smallOrderPoints,
  times,
} from "../../../support/edwards.js";
import { keyOf } from "../../../support/signed.js";

const ed25519 = suite("ed25519");
const openssl = strictly(nodeCrypto.verify);
const naclVerify: Verify = (key, message, signature) => nacl.sign.detached.verify(message, signature, key);
const tweetnacl = strictly(naclVerify);
const MESSAGE = new TextEncoder().encode("pause work");

/** RFC 8032 §7.1: TEST 1, 2, 3. */
const GOOD: [key: string, message: string, signature: string][] = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
];

GOOD.forEach(([key, message, signature], index) => {
  ed25519(`RFC 8032 §7.1, test ${index + 1}: both verify it`, () => {
    for (const verify of [openssl, tweetnacl]) {
      assert.is(verify(fromHex(key)!, fromHex(message)!, fromHex(signature)!), true);
    }
  });
});

const signer = keyOf(21);
const scalar = scalarOf(signer.seed);
const good = (await signer.sign(MESSAGE)) as Uint8Array;
const [goodR, goodS] = [good.subarray(0, 32), fromLittleEndian(good.subarray(32))];
const signature = (r: Uint8Array, s: bigint): Uint8Array => concatBytes(r, littleEndian(s));
const torsion = smallOrderPoints();

/** S that makes the equation true for this R under the signer's key: whoever has the key can choose R freely. */
const answer = (r: Uint8Array, key: Uint8Array, secret: bigint, nonce: bigint): bigint =>
  (nonce + challenge(r, key, MESSAGE) * secret) % L;

interface Vector {
  what: string;
  key: Uint8Array;
  signature: Uint8Array;
}
const withKey = (what: string, made: Uint8Array): Vector => ({ what, key: signer.publicKey, signature: made });

const BAD: Vector[] = [
  withKey("s + L", signature(goodR, goodS + L)),
  ...[2n, 3n, 7n].map((count) => withKey(`s + ${count} L`, signature(goodR, goodS + count * L))),
  withKey("s = L", signature(goodR, L)),
  withKey("s = 0", signature(goodR, 0n)),
  withKey("s = 2^256 - 1", signature(goodR, 2n ** 256n - 1n)),
  withKey("s with its highest bit set", signature(goodR, goodS + 2n ** 255n)),
  withKey("L - s", signature(goodR, L - goodS)),
  withKey("all zero", new Uint8Array(64)),
  withKey("all one", new Uint8Array(64).fill(255)),
  withKey(
    "R of another sign",
    signature(
      Uint8Array.from(goodR, (byte, at) => (at === 31 ? byte ^ 0x80 : byte)),
      goodS,
    ),
  ),
  withKey("R and s exchanged", concatBytes(littleEndian(goodS), goodR)),
  withKey("R that is no point", signature(littleEndian(2n), goodS)),
  withKey("nothing", new Uint8Array()),
  withKey("only R", goodR),
  withKey("63 bytes", good.subarray(0, 63)),
  withKey("65 bytes", concatBytes(good, new Uint8Array(1))),
  withKey("128 bytes", concatBytes(good, good)),
  { what: "another key", key: keyOf(22).publicKey, signature: good },
  { what: "an all-zero key", key: new Uint8Array(32), signature: good },
  { what: "an all-zero key and signature", key: new Uint8Array(32), signature: new Uint8Array(64) },
  { what: "a key of 31 bytes", key: signer.publicKey.subarray(0, 31), signature: good },
  { what: "a key of 33 bytes", key: concatBytes(signer.publicKey, new Uint8Array(1)), signature: good },
  { what: "an empty key", key: new Uint8Array(), signature: good },
  { what: "a key that is no point", key: littleEndian(2n), signature: good },
  // R of small order: the equation holds, for whoever has the key.
  ...torsion.map((point, index) => {
    const r = encodePoint(point);
    return withKey(`R of small order (${index})`, signature(r, answer(r, signer.publicKey, scalar, 0n)));
  }),
  // A of small order: with s = r and R = rB - kA, anybody's signature fits; k is tried until it is a multiple of the order.
  ...torsion.flatMap((point, index) =>
    [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((nonce) => {
      const key = encodePoint(point);
      const r = encodePoint(times(nonce + 1n, BASE));
      return { what: `A of small order (${index}), nonce ${nonce}`, key, signature: signature(r, nonce + 1n) };
    }),
  ),
  // The same points with y + P, and -0: encodings that RFC 8032 §5.1.3 forbids.
  ...torsion
    .filter(({ y }) => y + P < 2n ** 255n)
    .flatMap((point) =>
      [0n, 1n].map((sign) => ({
        what: `A of small order with y + p (${point.y}, ${sign})`,
        key: littleEndian((point.y + P) | (sign << 255n)),
        signature: signature(encodePoint(times(1n, BASE)), 1n),
      })),
    ),
  {
    what: "the neutral element with the sign of x set",
    key: littleEndian(1n | (1n << 255n)),
    signature: signature(encodePoint(BASE), 1n),
  },
  // y from p to 2^255 - 1 that are points of large order: non-canonical A.
  ...Array.from({ length: 19 }, (_, index) => ({
    what: `A with y = p + ${index}`,
    key: littleEndian(P + BigInt(index)),
    signature: signature(encodePoint(BASE), 1n),
  })),
  // … and non-canonical R.
  ...Array.from({ length: 19 }, (_, index) => {
    const r = littleEndian(P + BigInt(index));
    return withKey(`R with y = p + ${index}`, signature(r, answer(r, signer.publicKey, scalar, 0n)));
  }),
];

for (const { what, key, signature: made } of BAD) {
  ed25519(`${what}: neither verifies it`, () => {
    assert.equal([openssl(key, MESSAGE, made), tweetnacl(key, MESSAGE, made)], [false, false]);
  });
}

ed25519("a key with a part of small order: both agree, whatever they say", () => {
  // A + T for a good A: neither canonical form nor order refuses it. Both libraries check without the cofactor.
  for (const point of torsion.slice(1)) {
    const key = encodePoint(add(times(scalar, BASE), point));
    assert.is(isUsableKey(key), true);
    let verified = 0;
    for (let nonce = 1n; nonce < 24n; nonce++) {
      const r = encodePoint(times(nonce, BASE));
      const made = signature(r, answer(r, key, scalar, nonce));
      const verdicts = [openssl(key, MESSAGE, made), tweetnacl(key, MESSAGE, made)];
      assert.is(verdicts[0], verdicts[1]);
      if (verdicts[0]) verified++;
    }
    assert.ok(verified < 23, "only where k times T vanishes");
  }
});

ed25519("the vectors are worth something: each library alone takes some of them", () => {
  const taken = (verify: Verify): string[] =>
    BAD.filter(({ key, signature: made }) => {
      try {
        return verify(key, MESSAGE, made);
      } catch {
        return false;
      }
    }).map(({ what }) => what);
  assert.ok(taken(naclVerify).includes("s + L"), "tweetnacl takes s + L");
  assert.ok(taken(naclVerify).some((what) => what.startsWith("A of small order")));
  assert.ok(taken(nodeCrypto.verify).some((what) => what.startsWith("A of small order")));
  assert.ok(taken(nodeCrypto.verify).some((what) => what.startsWith("R of small order")));
});

ed25519("every single bit of a good signature, its key and its message counts", () => {
  const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
    Uint8Array.from(bytes, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  assert.is(openssl(signer.publicKey, MESSAGE, good) && tweetnacl(signer.publicKey, MESSAGE, good), true);
  for (let bit = 0; bit < 512; bit++)
    assert.is(openssl(signer.publicKey, MESSAGE, flip(good, bit)), false, `bit ${bit}`);
  for (let bit = 0; bit < 256; bit++)
    assert.is(openssl(flip(signer.publicKey, bit), MESSAGE, good), false, `bit ${bit}`);
  for (let bit = 0; bit < MESSAGE.length * 8; bit++)
    assert.is(openssl(signer.publicKey, flip(MESSAGE, bit), good), false);
});

ed25519("a Buffer of Node's is checked and not changed", () => {
  for (let number = 0; number < 64; number++) {
    const message = Uint8Array.of(number);
    const signature = Buffer.from(signer.sign(message) as Uint8Array);
    const before = signature.toString("hex");
    assert.is(openssl(Buffer.from(signer.publicKey), message, signature), true);
    assert.is(signature.toString("hex"), before);
  }
});

ed25519("the points of small order that are refused are all there are", () => {
  assert.is(torsion.length, 8);
  for (const point of torsion) assert.is(isUsableKey(encodePoint(point)), false, toHex(encodePoint(point)));
});

ed25519.run();
