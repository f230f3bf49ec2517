// A fixed sample of what mutate.ts makes by the million, and what one hostile message may cost.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { Random } from "../support/random.js";
import { judge, wordOf } from "../support/signed.js";
import { costly, isSpecimen, mutate, specimens, specimenTrust } from "./mutation.js";

const mutation = suite("mutated documents");
const COUNT = 6000;

mutation(`${COUNT} mutants: none accepted but those that are genuine, and those are`, async () => {
  const from = await specimens();
  const trust = specimenTrust();
  const known = isSpecimen(from);
  for (const { bytes, kind } of from) assert.is(wordOf(judge(bytes, kind, { trust })), "accepted");
  const random = new Random(1_000_003);
  const words = new Map<string, number>();
  for (let count = 0; count < COUNT; count++) {
    const { bytes, via, genuine } = mutate(random, from);
    if (known(bytes)) continue;
    const word = wordOf(judge(bytes, via, { trust }));
    words.set(word, (words.get(word) ?? 0) + 1);
    if (!genuine) assert.is.not(word, "accepted", `mutant ${count}: ${Buffer.from(bytes).toString("hex")}`);
    assert.is.not(word, "unchanged");
  }
  // They get far enough to mean something.
  for (const word of [
    "tag",
    "envelope",
    "header",
    "topic",
    "signer",
    "signer-twice",
    "threshold",
    "signature",
    "accepted",
  ]) {
    assert.ok((words.get(word) ?? 0) > 10, `${word}: ${JSON.stringify([...words])}`);
  }
});

mutation("what a message costs is bounded: checks of signatures, and bytes that are hashed", async () => {
  for (const [what, via, bytes] of await costly()) {
    let [checks, checked, hashes, hashed] = [0, 0, 0, 0];
    const crypto: typeof nodeCrypto = {
      verify: (key, message, signature) => {
        checks++;
        checked += message.length;
        return nodeCrypto.verify(key, message, signature);
      },
      sha256: (input) => {
        hashes++;
        hashed += input.length;
        return nodeCrypto.sha256(input);
      },
    };
    judge(bytes, via, { crypto });
    const size = Math.min(bytes.length, 65_536);
    // One signature that does not verify ends it.
    assert.ok(checks <= 1, `${what}: ${checks} checks`);
    assert.ok(checked <= size + 128, `${what}: ${checked} bytes under signatures`);
    assert.ok(hashes <= 8 * 3 + 1, `${what}: ${hashes} hashes`);
    assert.ok(hashed <= size + 8 * 3 * 32, `${what}: ${hashed} bytes hashed`);
  }
});

mutation.run();
