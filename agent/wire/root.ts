// The root of trust, after TUF's root role: root N+1 is signed by the threshold of N's keys and by that of its own, and one key may
// count for both. The first one has no predecessor; enrolment pins its root role by hash.

import { equalBytes } from "./bytes.ts";
import type { Envelope, EnvelopeSignature } from "./cose.ts";
import type { Root, RoleKeys } from "./documents.ts";
import { refuse } from "./reasons.ts";
import { checkRoles, keyOf, refuseTwice, rootPin, verifyEach, type Crypto } from "./signers.ts";
import { appliedVersion, type Trust } from "./trust.ts";

/** Verifies a root document and reads it by `decode`: with N's keys before its contents are looked at, with its own after that. Only
 *  a first one is read before any signature is verified, for what it must match is the pin. Returns null when it is the one in force.
 *  Throws signer-twice, threshold, signature, signer, root-pin, root-roles, or what `decode` throws. */
export function verifyRoot(envelope: Envelope, trust: Trust, crypto: Crypto, decode: () => Root): Root | null {
  refuseTwice(envelope);
  const current = trust.roles?.get("r-root");
  const old =
    current === undefined ? new Map<EnvelopeSignature, Uint8Array>() : verifyThreshold(envelope, current, crypto);
  const inForce = appliedVersion(trust, "root", "");
  // Its second signers, those of N-1, are unknown by now.
  if (inForce !== undefined && equalBytes(inForce.hash, crypto.sha256(envelope.payload))) return null;
  const root = decode();
  checkRoles(root.roles, crypto);
  const next = root.roles.get("r-root")!;
  if (current === undefined && !equalBytes(rootPin(next, crypto), trust.pin)) {
    refuse("root-pin", "its root role is not the one that enrolment pinned");
  }
  const own = verifyThreshold(envelope, next, crypto, old);
  if (envelope.signatures.some((each) => !old.has(each) && !own.has(each))) {
    refuse("signer", "a signature is neither of the root in force nor of the next");
  }
  return root;
}

type Verified = Map<EnvelopeSignature, Uint8Array>;

/** Verifies the signatures of a role's keys, and returns them all with their keys. What was verified under the same key is not verified
 *  again; under another with the same kid it is. */
function verifyThreshold(
  { signatures }: Envelope,
  { keys, threshold }: RoleKeys,
  crypto: Crypto,
  verified: Verified = new Map(),
): Verified {
  const pairs = signatures.flatMap((each): [EnvelopeSignature, Uint8Array][] => {
    const key = keyOf(each, keys, crypto);
    return key === undefined ? [] : [[each, key]];
  });
  if (pairs.length < threshold) refuse("threshold", `${pairs.length} of ${threshold} root keys have signed`);
  const isVerified = ([each, key]: [EnvelopeSignature, Uint8Array]): boolean => {
    const before = verified.get(each);
    return before !== undefined && equalBytes(before, key);
  };
  verifyEach(
    pairs.filter((pair) => !isVerified(pair)),
    crypto,
  );
  return new Map(pairs);
}

/** Throws unless a root document follows the one in force: the next version, in the epoch in force, which it may raise by one.
 *  Throws equivocation, rollback, root-skip, epoch-old or epoch-jump. */
export function checkSuccession(root: Root, trust: Trust): void {
  const inForce = appliedVersion(trust, "root", "");
  if (inForce !== undefined) {
    if (root.version === inForce.version)
      refuse("equivocation", `root ${root.version} is in force with other contents`);
    if (root.version < inForce.version) refuse("rollback", `root ${root.version} is older than ${inForce.version}`);
    if (root.version > inForce.version + 1)
      refuse("root-skip", `root ${root.version} does not follow ${inForce.version}`);
    if (root.epoch < trust.epoch) refuse("epoch-old", `epoch ${root.epoch} is over, ${trust.epoch} is in force`);
    if (root.epoch > trust.epoch) refuse("epoch-jump", `epoch ${root.epoch} has not begun, ${trust.epoch} is in force`);
  }
  if (root.epochNext < root.epoch) refuse("epoch-old", "an epoch is never lowered");
  if (root.epochNext > root.epoch + 1) refuse("epoch-jump", "an epoch is raised by one");
}
