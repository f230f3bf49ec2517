// The hash tree of dm-verity, beside veritysetup's where it is installed.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { missingPrograms } from "../../../../scripts/image/program.js";
import { VERITY_BLOCK, verityTree } from "../../../../scripts/image/verity.js";
import { testUnless } from "../../../support/skip.js";
import { temporaryFile } from "../../../support/temporary.js";

const SALT = Buffer.from("00112233445566778899aabbccddeeff", "hex");

function data(blocks: number): Buffer {
  const bytes = Buffer.alloc(blocks * VERITY_BLOCK);
  for (let at = 0; at < bytes.length; at += 512) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  return bytes;
}

const test = suite("image/verity");

test("one block is its own tree; two have one block of hashes above them", () => {
  const hash = (bytes: Uint8Array): Buffer => createHash("sha256").update(SALT).update(bytes).digest();
  const one = verityTree(data(1), SALT);
  assert.equal([one.rootHash, one.tree.length, one.blockCount], [hash(data(1)).toString("hex"), 0, 1]);
  const level = Buffer.alloc(VERITY_BLOCK);
  hash(data(2).subarray(0, VERITY_BLOCK)).copy(level);
  hash(data(2).subarray(VERITY_BLOCK)).copy(level, 32);
  const two = verityTree(data(2), SALT);
  assert.ok(two.tree.equals(level));
  assert.is(two.rootHash, hash(level).toString("hex"));
});

testUnless(test, missingPrograms(["veritysetup"]), "trees of one, two and three levels are veritysetup's", () => {
  for (const blocks of [1, 128, 129, 300, 16_385]) {
    const [from, to] = [temporaryFile(data(blocks)), temporaryFile("")];
    const args = [
      "format",
      from,
      to,
      "--no-superblock",
      "--format=1",
      "--hash=sha256",
      `--salt=${SALT.toString("hex")}`,
    ];
    const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
    const said = execFileSync("veritysetup", [...args, `--data-blocks=${blocks}`], {
      encoding: "utf8",
      env: { PATH: path },
    });
    assert.is(/Root hash:\s+([0-9a-f]+)/.exec(said)?.[1], verityTree(data(blocks), SALT).rootHash, `${blocks} blocks`);
  }
});

test("half a block has no hash", () => {
  assert.throws(() => verityTree(Buffer.alloc(100), SALT), /whole blocks/);
});

test.run();
