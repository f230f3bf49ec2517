// Who signed, and whether that is enough. A signature counts for a role when its kid is that of one of the role's keys; each key counts
// once. Thresholds are looked at before anything is verified, because verifying is what costs.

import { equalBytes, toHex } from "./bytes.ts";
import { encode } from "./cbor.ts";
import type { Envelope, EnvelopeSignature } from "./cose.ts";
import { KID_BYTES } from "./cose.ts";
import { roleKeys, type Role, type RoleKeys, type Roles } from "./documents.ts";
import { isUsableKey, strictly, type Verify } from "./ed25519.ts";
import { refuse } from "./reasons.ts";

/** What the surroundings give: the hash and the signature check of a library. */
export interface Crypto {
  sha256: (bytes: Uint8Array) => Uint8Array;
  verify: Verify;
}

/** The first 8 bytes of SHA-256 of the raw public key. */
export function kidOf(key: Uint8Array, { sha256 }: Pick<Crypto, "sha256">): Uint8Array {
  return sha256(key).slice(0, KID_BYTES);
}

/** What enrolment pins of the first root document: SHA-256 of its root role, encoded as in the document. */
export function rootPin(rootRole: RoleKeys, { sha256 }: Pick<Crypto, "sha256">): Uint8Array {
  return sha256(encode(roleKeys.write(rootRole)));
}

/** Throws signer-twice: whoever signs twice has not convinced another. */
export function refuseTwice({ signatures }: Envelope): void {
  if (new Set(signatures.map(({ kid }) => toHex(kid))).size !== signatures.length) {
    refuse("signer-twice", "one key signed twice");
  }
}

/** The key of `keys` that a signature names. */
export function keyOf(signature: EnvelopeSignature, keys: Uint8Array[], crypto: Crypto): Uint8Array | undefined {
  return keys.find((key) => equalBytes(kidOf(key, crypto), signature.kid));
}

/** Throws `signature` unless each signature verifies under its key. */
export function verifyEach(pairs: [EnvelopeSignature, key: Uint8Array][], { verify }: Crypto): void {
  const check = strictly(verify);
  for (const [{ toBeSigned, signature, kid }, key] of pairs) {
    if (!check(key, toBeSigned(), signature)) refuse("signature", `the signature of key ${toHex(kid)} does not verify`);
  }
}

/** Checks that every signature is of a key with one of these roles, that at least one role's threshold is met by keys of its own, and
 *  that all verify. Returns the roles whose threshold is met. Throws signer, threshold or signature. */
export function verifyRoles(envelope: Envelope, roles: Roles, candidates: Role[], crypto: Crypto): Role[] {
  refuseTwice(envelope);
  const { signatures } = envelope;
  const pairs = signatures.map((each): [EnvelopeSignature, Uint8Array] => {
    const keys = candidates.flatMap((role) => roles.get(role)?.keys ?? []);
    return [
      each,
      keyOf(each, keys, crypto) ?? refuse("signer", `key ${toHex(each.kid)} is not of ${candidates.join(" or ")}`),
    ];
  });
  const met = candidates.filter((role) => {
    const its = roles.get(role);
    return (
      its !== undefined &&
      countOf(
        pairs.map(([, key]) => key),
        its.keys,
      ) >= its.threshold
    );
  });
  if (met.length === 0)
    refuse("threshold", `${signatures.length} signatures are fewer than ${candidates.join(" or ")} needs`);
  verifyEach(pairs, crypto);
  return met;
}

/** How many of `keys` are among `among`. */
export function countOf(keys: Uint8Array[], among: Uint8Array[]): number {
  return keys.filter((key) => among.some((each) => equalBytes(each, key))).length;
}

/** Throws root-roles unless the roles can be kept: a root role, no threshold above its keys, a wipe that takes two, keys that can
 *  verify at all, none twice in a role, and no two with the same kid. */
export function checkRoles(roles: Roles, crypto: Crypto): void {
  const wrong = (what: string): never => refuse("root-roles", what);
  if (!roles.has("r-root")) wrong("no root role");
  if ((roles.get("r-wipe")?.threshold ?? 2) < 2) wrong("a wipe needs two keys");
  const byKid = new Map<string, Uint8Array>();
  for (const [role, { threshold, keys }] of roles) {
    if (threshold > keys.length) wrong(`${role} needs ${threshold} of ${keys.length} keys`);
    if (new Set(keys.map(toHex)).size !== keys.length) wrong(`${role} names a key twice`);
    for (const key of keys) {
      if (!isUsableKey(key)) wrong(`${role} names bytes that are no public key`);
      const kid = toHex(kidOf(key, crypto));
      const other = byKid.get(kid);
      if (other !== undefined && !equalBytes(other, key)) wrong(`two keys are both called ${kid}`);
      byKid.set(kid, key);
    }
  }
}
