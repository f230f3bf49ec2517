// Signatures: what nobody with the right key has signed is refused, down to the single bit.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { concatBytes, fromHex, toHex } from "../../agent/wire/bytes.js";
import { sealSign, sealSign1, signingInput, type MadeSignature } from "../../agent/wire/cose.js";
import type { Role, RoleKeys, Roles } from "../../agent/wire/documents.js";
import { encodeDocument } from "../../agent/wire/sign.js";
import { kidOf } from "../../agent/wire/signers.js";
import type { Trust } from "../../agent/wire/trust.js";
import {
  fleetTrust,
  GOOD,
  judge,
  keyOf,
  KEYS,
  pinnedTrust,
  signedDocument,
  wordOf,
  rolesOf,
} from "../support/signed.js";
import { bytesOf, expectIn, KINDS, sealed } from "./cases.js";

const documents = suite("signed documents: forged");
const expect = expectIn(documents);

for (const kind of KINDS) {
  expect(`a good document of kind ${kind}`, "accepted", () => signedDocument(kind), kind);
}
expect(
  "a wipe by two keys, with the owner's consent",
  "accepted",
  () => signedDocument("cmd", { verb: "wipe-device", partition: undefined! }, KEYS.wipe.slice(0, 2)),
  "cmd",
  {
    trust: () => fleetTrust({ allowed: ["wipe-device"] }),
  },
);
expect("a first root document that matches its pin", "accepted", () => signedDocument("root"), "root", {
  trust: pinnedTrust,
});

for (const kind of KINDS) {
  documents(`every single bit of a good envelope of kind ${kind} flipped: none accepted`, async () => {
    const good = await signedDocument(kind);
    assert.is(wordOf(judge(good, kind)), "accepted");
    const words = new Map<string, number>();
    for (let bit = 0; bit < good.length * 8; bit++) {
      const input = good.slice();
      input[bit >> 3]! ^= 1 << (bit & 7);
      const word = wordOf(judge(input, kind));
      assert.ok(word !== "accepted" && word !== "unchanged", `bit ${bit} of ${good.length * 8}`);
      words.set(word, (words.get(word) ?? 0) + 1);
    }
    // The payload and the signatures are most of it, and only the signature check sees those.
    assert.ok(words.get("signature")! > good.length * 4, JSON.stringify([...words]));
  });
  expect(
    `kind ${kind} signed by a stranger`,
    kind === "root" ? "threshold" : "signer",
    () => signedDocument(kind, {}, kind === "root" ? [KEYS.stranger, keyOf(15)] : [KEYS.stranger]),
    kind,
  );
  documents(`kind ${kind} cut anywhere: none accepted`, async () => {
    const good = await signedDocument(kind);
    for (let length = 0; length < good.length; length++) {
      assert.ok(["empty", "tag", "envelope"].includes(wordOf(judge(good.subarray(0, length), kind))), `${length}`);
    }
  });
}
const withSignature = (change: (signature: Uint8Array) => Uint8Array) => async (): Promise<Uint8Array> => {
  const good = await signedDocument("pol");
  return concatBytes(good.subarray(0, -64), change(good.slice(-64)));
};
const ORDER = bytesOf("edd3f55c1a631258d69cf7a2def9de14 00000000000000000000000000000010");
expect(
  "a signature with s + L",
  "signature",
  withSignature((signature) => {
    let carry = 0;
    return signature.map((byte, at) => {
      if (at < 32) return byte;
      carry += byte + ORDER[at - 32]!;
      const low = carry & 255;
      carry >>= 8;
      return low;
    });
  }),
  "pol",
);
expect(
  "an all-zero signature",
  "signature",
  withSignature(() => new Uint8Array(64)),
  "pol",
);
expect(
  "a small-order R",
  "signature",
  withSignature((signature) => concatBytes(Uint8Array.of(1), new Uint8Array(31), signature.subarray(32))),
  "pol",
);
for (const [what, key] of [
  ["an all-zero", new Uint8Array(32)],
  ["a small-order", Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))],
] as const) {
  // Under the neutral element R = sB fits every message: B itself, and s = 1.
  const base = bytesOf("58" + "66".repeat(31));
  const forged = concatBytes(base, Uint8Array.of(1), new Uint8Array(31));
  const { protectedHeader } = signingInput("pol", new Uint8Array(), kidOf(key, nodeCrypto), "sign1");
  const trust = (): Trust => {
    const roles: Roles = new Map<Role, RoleKeys>([...rolesOf(), ["r-policy", { threshold: 1, keys: [key] }]]);
    return fleetTrust({ roles });
  };
  expect(
    `${what} A, were it among the keys`,
    "signature",
    () => sealSign1(encodeDocument("pol", GOOD.pol()), [protectedHeader, forged]),
    "pol",
    { trust },
  );
  expect(
    `a root document that names ${what} key`,
    "root-roles",
    () => signedDocument("root", { roles: trust().roles! }),
    "root",
  );
}
documents("right bytes, wrong typ: signature, or the topic's kind", async () => {
  const payload = encodeDocument("pol", GOOD.pol());
  const kid = kidOf(KEYS.policy.publicKey, nodeCrypto);
  const made = (await KEYS.policy.sign(signingInput("pol", payload, kid, "sign1").toBeSigned)) as Uint8Array;
  const other = sealSign1(payload, [signingInput("groups", payload, kid, "sign1").protectedHeader, made]);
  assert.is(wordOf(judge(other, "pol")), "topic");
  assert.is(wordOf(judge(other, "groups")), "signature");
});
documents("external_aad of another kind: signature", async () => {
  const payload = encodeDocument("pol", GOOD.pol());
  const { protectedHeader, toBeSigned } = signingInput(
    "pol",
    payload,
    kidOf(KEYS.policy.publicKey, nodeCrypto),
    "sign1",
  );
  const aad = Buffer.from(toBeSigned).indexOf("pv/1/pol");
  for (const kind of ["pv/1/cmd", "pv/2/pol", "xx/1/pol"]) {
    const other = Buffer.from(toBeSigned);
    other.write(kind, aad);
    const input = sealSign1(payload, [protectedHeader, KEYS.policy.sign(other) as Uint8Array]);
    assert.is(wordOf(judge(input, "pol")), "signature");
  }
});
documents("a COSE_Sign1's signature in a COSE_Sign, and the other way round: signature", async () => {
  const payload = encodeDocument("root", GOOD.root());
  const made = KEYS.root.slice(0, 2).map((key): MadeSignature => {
    const { protectedHeader, toBeSigned } = signingInput("root", payload, kidOf(key.publicKey, nodeCrypto), "sign1");
    return [protectedHeader, key.sign(toBeSigned) as Uint8Array];
  });
  assert.is(wordOf(judge(sealSign(payload, made), "root")), "signature");
  const single = encodeDocument("pol", GOOD.pol());
  const { protectedHeader, toBeSigned } = signingInput("pol", single, kidOf(KEYS.policy.publicKey, nodeCrypto), "sign");
  assert.is(
    wordOf(judge(sealSign1(single, [protectedHeader, KEYS.policy.sign(toBeSigned) as Uint8Array]), "pol")),
    "signature",
  );
});
documents("alg -8 (EdDSA) is accepted as -19 is, when it was signed so", async () => {
  const payload = encodeDocument("pol", GOOD.pol());
  const { protectedHeader, toBeSigned } = signingInput(
    "pol",
    payload,
    kidOf(KEYS.policy.publicKey, nodeCrypto),
    "sign1",
  );
  const older = (bytes: Uint8Array): Uint8Array => fromHex(toHex(bytes).replace("a3013204", "a3012704"))!;
  const made = KEYS.policy.sign(older(toBeSigned)) as Uint8Array;
  assert.is(wordOf(judge(sealSign1(payload, [older(protectedHeader), made]), "pol")), "accepted");
  assert.is(wordOf(judge(sealSign1(payload, [protectedHeader, made]), "pol")), "signature");
});
expect("an empty message", "empty", () => new Uint8Array(), { kind: "pol", partition: "work", retained: true });
expect("an untagged envelope", "tag", async () => (await signedDocument("pol")).subarray(1), "pol");
expect(
  "a double-tagged envelope",
  "envelope",
  async () => concatBytes(Uint8Array.of(0xd2), await signedDocument("pol")),
  "pol",
);
expect(
  "a Sign1 inside a Sign1",
  "encoding",
  async () => sealed("pol", await signedDocument("pol"), [KEYS.policy]),
  "pol",
);
expect(
  "a non-empty unprotected header",
  "header",
  async () => {
    const good = Buffer.from(await signedDocument("pol"));
    const at = good.indexOf(Buffer.from("a0", "hex"));
    return concatBytes(good.subarray(0, at), bytesOf("a10400"), good.subarray(at + 1));
  },
  "pol",
);
expect("64 KiB + 1", "too-large", () => new Uint8Array(65_537), "pol");

documents.run();
