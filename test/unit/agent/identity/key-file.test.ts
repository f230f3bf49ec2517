// A device's key: made once, kept to its user, found again, refused when others could have read it.

import { createHash, createPrivateKey } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { KeyError, KeyFile } from "../../../../agent/identity/key-file.js";
import { toHex } from "../../../../agent/wire/bytes.js";
import { temporaryFolder } from "../../../support/temporary.js";

const identity = suite("identity");

async function fails(code: string, path: string): Promise<void> {
  try {
    await new KeyFile(path).open();
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    assert.is(error.code, code, error.message);
    return;
  }
  throw new Error(`nothing failed, ${code} was expected`);
}

identity("a key is made in a folder that is made, for this user alone, as PKCS#8 in PEM", async () => {
  const folder = join(temporaryFolder(), "agent", "identity");
  const path = join(folder, "device.key");
  await new KeyFile(path).open();
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.is(statSync(folder).mode & 0o777, 0o700);
  assert.is(createPrivateKey(readFileSync(path)).asymmetricKeyType, "ed25519");
  assert.equal(readdirSync(folder), ["device.key"], "nothing else is left there");
});

identity("it is found again, signs what verifies, and names the device by its public half", async () => {
  const path = join(temporaryFolder(), "device.key");
  const [made, found] = [await new KeyFile(path).open(), await new KeyFile(path).open()];
  assert.equal(found.publicKey, made.publicKey);
  const message = Buffer.from("birth");
  assert.is(nodeCrypto.verify(made.publicKey, message, await found.sign(message)), true);
  const digest = createHash("sha256").update(made.publicKey).digest("hex");
  assert.is(toHex(made.id), digest.slice(0, 32));
  assert.is(made.name, digest.slice(0, 32));
  assert.is(toHex(made.kid), digest.slice(0, 16));
});

identity("ten that start at once have one key", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "device.key");
  const keys = await Promise.all(Array.from({ length: 10 }, () => new KeyFile(path).open()));
  assert.is(new Set(keys.map(({ name }) => name)).size, 1);
  assert.equal(readdirSync(folder), ["device.key"]);
});

for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644]) {
  identity(`mode ${mode.toString(8)} is refused, and the file is left as it is`, async () => {
    const path = join(temporaryFolder(), "device.key");
    await new KeyFile(path).open();
    const before = readFileSync(path);
    chmodSync(path, mode);
    await fails("KEY_EXPOSED", path);
    assert.equal(readFileSync(path), before);
  });
}

const DAMAGED: [what: string, contents: string | Buffer][] = [
  ["empty", ""],
  ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
  ["an X25519 key", generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" })],
  [
    "a P-256 key",
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
  ],
  ["a public key", generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" })],
  ["a megabyte", Buffer.alloc(1 << 20, 65)],
];
for (const [what, contents] of DAMAGED) {
  identity(`${what} is refused, and not replaced`, async () => {
    const path = join(temporaryFolder(), "device.key");
    writeFileSync(path, contents, { mode: 0o600 });
    await fails("KEY_DAMAGED", path);
    assert.equal(readFileSync(path), Buffer.from(contents));
  });
}

identity("a key file that is cut anywhere is refused", async () => {
  const path = join(temporaryFolder(), "device.key");
  await new KeyFile(path).open();
  const { size } = statSync(path);
  // The last line feed is no part of it.
  for (let length = size - 2; length >= 0; length -= 7) {
    truncateSync(path, length);
    await fails("KEY_DAMAGED", path);
  }
});

identity("a link and a folder are refused", async () => {
  const folder = temporaryFolder();
  await new KeyFile(join(folder, "real.key")).open();
  symlinkSync(join(folder, "real.key"), join(folder, "link.key"));
  await fails("KEY_UNREADABLE", join(folder, "link.key"));
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling.key"));
  await fails("KEY_UNREADABLE", join(folder, "dangling.key"));
  assert.is(existsSync(join(folder, "nowhere")), false);
  mkdirSync(join(folder, "folder.key"), { mode: 0o700 });
  await fails("KEY_UNREADABLE", join(folder, "folder.key"));
});

identity.run();
