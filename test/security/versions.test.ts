// Versions and epochs: nothing goes back, and nothing has two contents.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import type { Role, RoleKeys } from "../../agent/wire/documents.js";
import { sign1 } from "../../agent/wire/sign.js";
import {
  DEVICE,
  fleetTrust,
  GOOD,
  judge,
  keyOf,
  KEYS,
  publicKeys,
  rolesOf,
  signedDocument,
  wordOf,
} from "../support/signed.js";
import { expectIn, policyHex } from "./cases.js";

const documents = suite("signed documents: versions");
const expect = expectIn(documents);

for (const kind of ["pol", "groups", "img", "time", "consent"] as const) {
  documents(`${kind}: after version 7 only a higher one passes, and 7 itself as what it was`, async () => {
    const input = await signedDocument(kind);
    const first = judge(input, kind);
    assert.ok(first.verdict === "accepted");
    const { trust } = first;
    const again = async (changes: object): Promise<string> =>
      wordOf(judge(await signedDocument(kind, changes), kind, { trust }));
    assert.is(wordOf(judge(input, kind, { trust })), "unchanged");
    assert.is(await again({}), "equivocation", "the same version with another id");
    assert.is(await again({ version: 6 }), "rollback");
    assert.is(await again({ version: 0 }), "rollback");
    assert.is(await again({ version: 8 }), "accepted");
    assert.is(await again({ version: 2 ** 53 - 1 }), "accepted");
    assert.is(await again({ version: 8, epoch: 2 }), "epoch-old");
    assert.is(await again({ version: 8, epoch: 4 }), "epoch-jump");
  });
}
expect("version 2^53", "encoding", policyHex(9, "1b0020000000000000"), "pol");
documents("one counter for a partition, whichever audience a policy came by", async () => {
  const first = judge(await signedDocument("pol", { audience: "all", version: 7 }), "pol");
  assert.ok(first.verdict === "accepted");
  for (const audience of ["sales", DEVICE.id]) {
    assert.is(
      wordOf(judge(await signedDocument("pol", { audience, version: 6 }), "pol", { trust: first.trust })),
      "rollback",
    );
  }
});
documents(
  "after an epoch is raised: documents of the old one are over, the one in force stays known, a low version of the new one passes",
  async () => {
    const input = await signedDocument("pol", { version: 900 });
    const first = judge(input, "pol");
    assert.ok(first.verdict === "accepted");
    const raised = judge(await signedDocument("root", { epochNext: 4 }), "root", { trust: first.trust });
    assert.ok(raised.verdict === "accepted");
    const { trust } = raised;
    assert.is(trust.epoch, 4);
    assert.is(wordOf(judge(input, "pol", { trust })), "unchanged");
    assert.is(wordOf(judge(await signedDocument("pol", { version: 901 }), "pol", { trust })), "epoch-old");
    assert.is(wordOf(judge(await signedDocument("pol", { version: 1, epoch: 4 }), "pol", { trust })), "accepted");
  },
);
documents("a document signed again by another key of the role is the same document", async () => {
  const other = keyOf(30);
  const policyKeys = { threshold: 1, keys: publicKeys([KEYS.policy, other]) };
  const trust = fleetTrust({ roles: new Map<Role, RoleKeys>([...rolesOf(), ["r-policy", policyKeys]]) });
  const document = GOOD.pol();
  const first = judge(await sign1("pol", document, KEYS.policy, nodeCrypto), "pol", { trust });
  assert.ok(first.verdict === "accepted");
  assert.is(wordOf(judge(await sign1("pol", document, other, nodeCrypto), "pol", { trust: first.trust })), "unchanged");
});

documents.run();
