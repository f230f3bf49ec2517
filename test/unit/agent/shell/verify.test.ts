// The shell's check of signed documents inside QuickJS: the verdicts are the agent's, on good documents, on hostile ones, and on signatures that
// the two libraries alone would disagree about.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Verifier } from "../../../../agent/shell/verify.js";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { concatBytes } from "../../../../agent/wire/bytes.js";
import { sealSign1, signingInput } from "../../../../agent/wire/cose.js";
import type { Role, RoleKeys } from "../../../../agent/wire/documents.js";
import { encodeDocument } from "../../../../agent/wire/sign.js";
import { kidOf } from "../../../../agent/wire/signers.js";
import { encodeTrust } from "../../../../agent/wire/trust.js";
import {
  BASE,
  challenge,
  encodePoint,
  fromLittleEndian,
  L,
  littleEndian,
  scalarOf,
  smallOrderPoints,
  times,
} from "../../../support/edwards.js";
import { Random } from "../../../support/random.js";
import {
  DEVICE,
  fleetTrust,
  GOOD,
  judge,
  KEYS,
  rolesOf,
  signedDocument,
  SIGNERS,
  timesAt,
  viaOf,
  wordOf,
} from "../../../support/signed.js";
import type { AcceptedKind } from "../../../../agent/wire/accept.js";

const verify = suite("verify in QuickJS");
const verifier = new Verifier();
const inside = (input: Uint8Array, kind: AcceptedKind, trust = fleetTrust()) =>
  verifier.accept(input, viaOf(kind), DEVICE, trust, timesAt());

for (const kind of Object.keys(SIGNERS) as AcceptedKind[]) {
  verify(`a good document of kind ${kind}: the agent's verdict, document, hash and trust`, async () => {
    const input = await signedDocument(kind);
    const [ours, theirs] = [judge(input, kind), await inside(input, kind)];
    assert.ok(ours.verdict === "accepted" && theirs.verdict === "accepted", wordOf(theirs));
    assert.equal(theirs.accepted, ours.accepted);
    assert.equal(theirs.hash, ours.hash);
    assert.equal(encodeTrust(theirs.trust), encodeTrust(ours.trust));
    if (kind !== "pol") return;
    const again = await inside(input, kind, theirs.trust);
    assert.ok(again.verdict === "unchanged");
    assert.equal(again.hash, ours.hash);
  });
}

verify("a document of 60,000 bytes is checked too", async () => {
  const apps = Array.from({ length: 500 }, (_, index) => ({
    app: `${"a".repeat(100)}${index}`,
    state: "blocked" as const,
  }));
  const input = await signedDocument("pol", { apps });
  assert.ok(input.length > 50_000);
  assert.is(wordOf(await inside(input, "pol")), "accepted");
});

verify("random changes: the same verdict inside and outside, and none accepted", async () => {
  const random = new Random(14);
  // The head and the header: what lies behind them, only the signature check sees, and that takes its time in there.
  for (const kind of ["pol", "cmd", "root"] as const) {
    const good = await signedDocument(kind);
    for (let count = 0; count < 30; count++) {
      const input = good.slice(0, random.oneIn(4) ? random.below(good.length) : good.length);
      if (input.length > 0) input[random.below(Math.min(input.length, 46))]! ^= 1 << random.below(8);
      const word = wordOf(judge(input, kind));
      assert.is(wordOf(await inside(input, kind)), word);
      assert.is.not(word, "accepted");
    }
  }
});

// What is signed, so that its challenge can be computed.
const payload = encodeDocument("pol", GOOD.pol());
const { protectedHeader, toBeSigned } = signingInput("pol", payload, kidOf(KEYS.policy.publicKey, nodeCrypto), "sign1");
const good = KEYS.policy.sign(toBeSigned) as Uint8Array;
const [goodR, goodS] = [good.slice(0, 32), fromLittleEndian(good.subarray(32))];
const scalar = scalarOf(KEYS.policy.seed);
const torsion = smallOrderPoints();

const SIGNATURES: [what: string, signature: Uint8Array][] = [
  ["s + L", concatBytes(goodR, littleEndian(goodS + L))],
  ["s + 7 L", concatBytes(goodR, littleEndian(goodS + 7n * L))],
  ["s = L", concatBytes(goodR, littleEndian(L))],
  ["all zero", new Uint8Array(64)],
  ["L - s", concatBytes(goodR, littleEndian(L - goodS))],
  ["s + 1", concatBytes(goodR, littleEndian(goodS + 1n))],
  ["another R", concatBytes(encodePoint(times(5n, BASE)), littleEndian(goodS))],
  ...torsion.map((point, index): [string, Uint8Array] => {
    const r = encodePoint(point);
    const s = (challenge(r, KEYS.policy.publicKey, toBeSigned) * scalar) % L;
    return [`R of small order (${index}), for which the equation holds`, concatBytes(r, littleEndian(s))];
  }),
];
for (const [what, signature] of SIGNATURES) {
  verify(`${what}: refused for its signature, inside and outside`, async () => {
    const input = sealSign1(payload, [protectedHeader, signature]);
    assert.is(wordOf(judge(input, "pol")), "signature");
    assert.is(wordOf(await inside(input, "pol")), "signature");
  });
}

verify("A of small order, were it among the keys: refused, inside and outside", async () => {
  for (const point of torsion) {
    const key = encodePoint(point);
    const roles = new Map<Role, RoleKeys>([...rolesOf(), ["r-policy", { threshold: 1, keys: [key] }]]);
    const header = signingInput("pol", payload, kidOf(key, nodeCrypto), "sign1").protectedHeader;
    for (let nonce = 1n; nonce < 9n; nonce++) {
      const made = concatBytes(encodePoint(times(nonce, BASE)), littleEndian(nonce));
      const input = sealSign1(payload, [header, made]);
      assert.is(wordOf(judge(input, "pol", { trust: fleetTrust({ roles }) })), "signature");
      assert.is(wordOf(await inside(input, "pol", fleetTrust({ roles }))), "signature");
    }
  }
});

verify("what is too large is refused before it gets there", async () => {
  assert.is(wordOf(await inside(new Uint8Array(1 << 24), "pol")), "too-large");
});

verify("a check that does not come to its end refuses, and the next one gets a new runtime", async () => {
  const broken = new Verifier(
    "let calls = 0; globalThis.judge = () => { if (calls++ === 0) throw new Error('no'); return 1; }",
  );
  const input = await signedDocument("pol");
  for (let count = 0; count < 2; count++) {
    const verdict = await broken.accept(input, viaOf("pol"), DEVICE, fleetTrust(), timesAt());
    assert.ok(verdict.verdict === "refused" && verdict.reason === "unchecked", "its first call again");
  }
  const silent = new Verifier("globalThis.judge = () => undefined");
  assert.is(wordOf(await silent.accept(input, viaOf("pol"), DEVICE, fleetTrust(), timesAt())), "unchecked");
  broken.dispose();
  silent.dispose();
});

verify.after(() => verifier.dispose());
verify.run();
