// The root of trust and the thresholds of roles.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { toHex } from "../../agent/wire/bytes.js";
import { encode, type Item } from "../../agent/wire/cbor.js";
import type { Role, RoleKeys, Roles } from "../../agent/wire/documents.js";
import { SCHEMAS } from "../../agent/wire/kinds.js";
import { encodeDocument, sign1 } from "../../agent/wire/sign.js";
import type { Trust } from "../../agent/wire/trust.js";
import {
  fleetTrust,
  GOOD,
  judge,
  keyOf,
  KEYS,
  NOW,
  pinnedTrust,
  publicKeys,
  rolesOf,
  signedDocument,
  wordOf,
  type TestKey,
} from "../support/signed.js";
import { expectIn, sealed } from "./cases.js";

const documents = suite("signed documents: root");
const expect = expectIn(documents);

const [R1, R2, R3] = KEYS.root;
const [N1, N2, N3] = [keyOf(41), keyOf(42), keyOf(43)];
const rotated =
  (signers: TestKey[], more = {}, keys = [N1, N2, N3]) =>
  (): Promise<Uint8Array> =>
    signedDocument("root", { roles: rolesOf(keys), ...more }, signers);
expect("root N+1 with new keys, signed by the thresholds of both", "accepted", rotated([R1, R2, N1, N2]), "root");
expect("… in any order", "accepted", rotated([N2, R3, N3, R1]), "root");
expect("root N+1 signed only by new keys", "threshold", rotated([N1, N2]), "root");
expect("root N+1 with new keys, signed only by old ones", "threshold", rotated([R1, R2]), "root");
expect("one old key too few", "threshold", rotated([R1, N1, N2]), "root");
expect("one new key too few", "threshold", rotated([R1, R2, N1]), "root");
expect("a key that stays counts for both", "accepted", rotated([R1, R2], {}, [R1, R2, N1]), "root");
expect("one key of two stays: the new one must sign too", "threshold", rotated([R1, R2], {}, [R1, N1, N2]), "root");
expect("… and does", "accepted", rotated([R1, R2, N1], {}, [R1, N1, N2]), "root");
expect("threshold met by one key twice", "signer-twice", rotated([R1, R1]), "root");
expect("… beside enough others", "signer-twice", rotated([R1, R2, N1, N2, R1]), "root");
expect("a stranger beside enough others", "signer", rotated([R1, R2, N1, N2, KEYS.stranger]), "root");
expect("root N+2 skipping N+1", "root-skip", rotated([R1, R2, N1, N2], { version: 6 }), "root");
expect("root N with other contents", "equivocation", () => signedDocument("root", { version: 4 }), "root");
expect("root N-1", "rollback", () => signedDocument("root", { version: 3 }), "root");
expect("epoch raised by one", "accepted", () => signedDocument("root", { epochNext: 4 }), "root");
expect("epoch jump", "epoch-jump", () => signedDocument("root", { epochNext: 5 }), "root");
expect("epoch lowered", "epoch-old", () => signedDocument("root", { epochNext: 2 }), "root");
expect(
  "a root signed in an epoch to come",
  "epoch-jump",
  () => signedDocument("root", { epoch: 4, epochNext: 4 }),
  "root",
);
expect(
  "a root signed in an epoch that is over",
  "epoch-old",
  () => signedDocument("root", { epoch: 2, epochNext: 3 }),
  "root",
);
expect("an expired root", "expired", () => signedDocument("root", { expires: NOW }), "root");
expect("a root for another device", "audience", () => signedDocument("root", { audience: new Uint8Array(16) }), "root");
const withRole = (role: Role, roleKeys: RoleKeys | null) => (): Promise<Uint8Array> => {
  const roles: Roles = new Map<Role, RoleKeys>(rolesOf());
  if (roleKeys === null) roles.delete(role);
  else roles.set(role, roleKeys);
  return signedDocument("root", { roles });
};
expect("a root without a root role", "root-roles", withRole("r-root", null), "root");
expect(
  "a threshold above the keys",
  "root-roles",
  withRole("r-time", { threshold: 2, keys: [KEYS.time.publicKey] }),
  "root",
);
expect(
  "a threshold of 0",
  "schema",
  async () => {
    const map = SCHEMAS.root.write(GOOD.root()) as Map<number, Map<number, Map<number, Item>>>;
    map.get(20)!.get(2)!.set(1, 0);
    return sealed("root", encode(map), [R1, R2]);
  },
  "root",
);
expect(
  "a role that names a key twice",
  "root-roles",
  withRole("r-wipe", { threshold: 2, keys: publicKeys([KEYS.wipe[0], KEYS.wipe[0]]) }),
  "root",
);
expect("a wipe by one key", "root-roles", withRole("r-wipe", { threshold: 1, keys: publicKeys(KEYS.wipe) }), "root");
expect("nobody may wipe", "accepted", withRole("r-wipe", null), "root");
documents("two keys with one kid: root-roles", async () => {
  // No real pair is known; a hash that gives one stands for it.
  const colliding = {
    ...nodeCrypto,
    sha256: (bytes: Uint8Array): Uint8Array => {
      const hash = nodeCrypto.sha256(bytes);
      return toHex(bytes) === toHex(KEYS.image.publicKey) ? nodeCrypto.sha256(KEYS.time.publicKey) : hash;
    },
  };
  assert.is(wordOf(judge(await signedDocument("root"), "root", { crypto: colliding })), "root-roles");
  assert.is(wordOf(judge(await signedDocument("root"), "root")), "accepted");
});
documents("a new key with the kid of an old one: the old key's signature does not count for it", async () => {
  const colliding = {
    ...nodeCrypto,
    sha256: (bytes: Uint8Array): Uint8Array =>
      nodeCrypto.sha256(toHex(bytes) === toHex(N1.publicKey) ? R1.publicKey : bytes),
  };
  const input = await rotated([R1, R2], {}, [N1, R2, R3])();
  assert.is(wordOf(judge(input, "root", { crypto: colliding })), "signature");
});
documents("the root in force comes again, signed by keys that it replaced: unchanged", async () => {
  const input = await rotated([R1, R2, N1, N2])();
  const first = judge(input, "root");
  assert.ok(first.verdict === "accepted");
  assert.is(wordOf(judge(input, "root", { trust: first.trust })), "unchanged");
  const next = await rotated([N1, N2], { version: 6 })();
  assert.is(wordOf(judge(next, "root", { trust: first.trust })), "accepted");
  assert.is(wordOf(judge(await rotated([R1, R2], { version: 6 })(), "root", { trust: first.trust })), "threshold");
});
documents("keys that a root takes away sign nothing any more", async () => {
  const before = await signedDocument("pol");
  const roles: Roles = new Map<Role, RoleKeys>([...rolesOf(), ["r-policy", { threshold: 1, keys: publicKeys([N1]) }]]);
  const next = judge(await signedDocument("root", { roles }), "root");
  assert.ok(next.verdict === "accepted");
  assert.is(wordOf(judge(before, "pol", { trust: next.trust })), "signer");
  assert.is(wordOf(judge(await signedDocument("pol", {}, [N1]), "pol", { trust: next.trust })), "accepted");
});
expect("a first root that does not match its pin", "root-pin", rotated([N1, N2]), "root", { trust: pinnedTrust });
expect(
  "a first root with the pinned keys and another threshold",
  "root-pin",
  () => signedDocument("root", { roles: rolesOf(KEYS.root, 1) }),
  "root",
  { trust: pinnedTrust },
);
expect(
  "a first root that matches its pin, signed by one",
  "threshold",
  () => signedDocument("root", {}, [R1]),
  "root",
  { trust: pinnedTrust },
);
expect(
  "a first root that matches its pin, with another's signature",
  "signer",
  () => signedDocument("root", {}, [R1, R2, KEYS.stranger]),
  "root",
  { trust: pinnedTrust },
);
for (const kind of ["time", "groups", "pol", "img", "cmd"] as const) {
  expect(`${kind} before any root`, "no-root", () => signedDocument(kind), kind, { trust: pinnedTrust });
}

const wipe =
  (signers: TestKey[], more = {}) =>
  (): Promise<Uint8Array> => {
    const { partition: _, ...device } = GOOD.cmd();
    return signers.length === 1
      ? sign1("cmd", { ...device, verb: "wipe-device", ...more }, signers[0]!, nodeCrypto)
      : sealed("cmd", encodeDocument("cmd", { ...device, verb: "wipe-device", ...more }), signers);
  };
const consented = { trust: (): Trust => fleetTrust({ allowed: ["wipe-device"] }) };
const [W1, W2] = KEYS.wipe;
expect("a wipe by one wipe key", "threshold", wipe([W1]), "cmd", consented);
expect("a wipe by one wipe key twice", "signer-twice", wipe([W1, W1]), "cmd", consented);
expect("a wipe by the command key", "verb-role", wipe([KEYS.command]), "cmd", consented);
expect("a wipe by a wipe key and the command key", "verb-role", wipe([W1, KEYS.command]), "cmd", consented);
expect("a retirement by the command key", "verb-role", wipe([KEYS.command], { verb: "retire" }), "cmd", consented);
expect("a retirement by two wipe keys", "accepted", wipe([W1, W2], { verb: "retire" }), "cmd");
expect("a restart by two wipe keys", "verb-role", () => signedDocument("cmd", {}, [W1, W2]), "cmd");
expect("a wipe without consent", "consent", wipe([W1, W2]), "cmd");
expect(
  "a wipe with consent, with an eighth signer of no role",
  "signer",
  wipe([W1, W2, KEYS.stranger]),
  "cmd",
  consented,
);

documents.run();
