// Hash and signature check of OpenSSL, for everything of the agent's that runs in Node. The shell's own check is tweetnacl's
// (agent/shell/verify-program.ts): two implementations, one verdict.

import { createHash, createPublicKey, verify } from "node:crypto";
import type { Crypto } from "../wire/signers.ts";

/** RFC 8410 §4: SubjectPublicKeyInfo of an Ed25519 key, up to the key itself. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

export const nodeCrypto: Crypto = {
  sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  verify: (key, message, signature) => {
    const spki = Buffer.concat([SPKI_PREFIX, key]);
    try {
      return verify(null, message, createPublicKey({ key: spki, format: "der", type: "spki" }), signature);
    } catch {
      // Bytes that OpenSSL takes for no key.
      return false;
    }
  },
};
