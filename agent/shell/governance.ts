// What governs a handset, in one file of the monitor's: what it trusts, the envelopes that are in force, the answers to commands. It is
// replaced as a whole, so that a version and the document that it is the version of are there together or not at all.

import { createHash } from "node:crypto";
import { readDurable, writeDurably } from "../durable-file.ts";
import { HostError } from "../failure.ts";
import { openEnvelope } from "../wire/cose.ts";
import { cmdId, devid, label, secs } from "../wire/common.ts";
import { SCHEMAS } from "../wire/kinds.ts";
import { DOCUMENT, DOCUMENT_BYTES_MAX, REPLAY_MAX } from "../wire/limits.ts";
import type { GuardLimits } from "../wire/guard.ts";
import type { Image, LockDocument } from "../wire/documents.ts";
import type { Policy } from "../wire/policy.ts";
import {
  bytes,
  decodeMessage,
  encodeMessage,
  list,
  literals,
  optional,
  place,
  record,
  required,
  rule,
  tuple,
} from "../wire/schema.ts";
import { decodeTrust, encodeTrust, type Trust } from "../wire/trust.ts";

/** Partitions that may be governed. */
const POLICIES_MAX = 64;
/** Manifests that are kept. */
export const IMAGES_MAX = 64;
const ACK_BYTES_MAX = 4096;
/** SHA-256, behind the rest. */
const DIGEST_BYTES = 32;
const FILE: GuardLimits = { bytesMax: 16 << 20, depthMax: 8, itemsMax: 2048, totalMax: 1 << 16 };

const file = rule(
  "governance",
  record({
    format: required(1, literals(1)),
    trust: required(2, bytes()),
    policies: required(
      3,
      list(
        tuple({ partition: place(label), appliedAt: place(secs), envelope: place(bytes(1, DOCUMENT_BYTES_MAX)) }),
        0,
        POLICIES_MAX,
      ),
    ),
    consent: optional(4, bytes(1, DOCUMENT_BYTES_MAX)),
    acks: required(5, list(tuple({ id: place(cmdId), ack: place(bytes(1, ACK_BYTES_MAX)) }), 0, REPLAY_MAX)),
    device: required(6, devid),
    /** Partitions that the fleet, or a policy, has locked. */
    locked: required(7, list(label, 0, POLICIES_MAX)),
    /** Manifests of images: the newest of each name. */
    images: optional(8, list(bytes(1, DOCUMENT_BYTES_MAX), 0, IMAGES_MAX)),
    lock: optional(9, bytes(1, DOCUMENT_BYTES_MAX)),
  }),
);

export interface PolicyInForce {
  partition: string;
  /** Seconds since 1970. */
  appliedAt: number;
  envelope: Uint8Array;
}

export interface Governance {
  /** Who the handset is in its fleet, as enrolment pinned it: what the agent says of itself does not count. */
  device: Uint8Array;
  trust: Trust;
  policies: PolicyInForce[];
  consent: Uint8Array | null;
  /** The lock document in force; null: there never was one. */
  lock: Uint8Array | null;
  /** Envelopes of image manifests, oldest first. */
  images: Uint8Array[];
  /** Partitions that must not start. */
  locked: string[];
  /** Encoded acks by command id: a command that comes again is answered as it was. Oldest first. */
  acks: { id: Uint8Array; ack: Uint8Array }[];
}

/** Reads the file; null when the handset belongs to no fleet. Throws HostError for one that is damaged: a handset whose policies are lost
 *  must not run as if it had none. */
export function readGovernance(path: string): Governance | null {
  let contents: Uint8Array | null;
  try {
    contents = readDurable(path, FILE.bytesMax);
    if (contents === null) return null;
    const body = contents.subarray(0, -DIGEST_BYTES);
    if (!digest(body).equals(contents.subarray(-DIGEST_BYTES))) throw new RangeError("its digest is wrong");
    const { device, trust, policies, consent, acks, locked, images = [], lock } = decodeMessage(file, body, FILE);
    const orNull = { consent: consent ?? null, lock: lock ?? null };
    const governance = { device, trust: decodeTrust(trust), policies, ...orNull, acks, locked, images };
    for (const { envelope } of policies) policyOf(envelope);
    if (lock !== undefined) lockOf(lock);
    images.forEach(imageOf);
    return governance;
  } catch (error) {
    throw new HostError(
      "GOVERNANCE_DAMAGED",
      `${path} cannot be read: ${(error as Error).message}`,
      "Without it nobody knows what governs the work side. Put it back from a copy, or enrol the handset again: pocketvisor enrol URI",
    );
  }
}

/** A handset at enrolment. */
export function firstGovernance(device: Uint8Array, trust: Trust): Governance {
  return { device, trust, policies: [], consent: null, lock: null, images: [], acks: [], locked: [] };
}

/** Writes the file; when this returns it is on the disk. Throws the file system's error. */
export function writeGovernance(
  path: string,
  { device, trust, policies, consent, lock, acks, locked, images }: Governance,
): void {
  const rest = {
    ...(consent === null ? {} : { consent }),
    ...(lock === null ? {} : { lock }),
    ...(images.length === 0 ? {} : { images }),
  };
  const body = encodeMessage(file, { format: 1, device, trust: encodeTrust(trust), policies, acks, locked, ...rest });
  writeDurably(path, Buffer.concat([body, digest(body)]));
}

/** Against a disk that forgets or flips, not against people: whoever can write the file can write a digest. */
function digest(body: Uint8Array): Buffer {
  return createHash("sha256").update(body).digest();
}

/** The manifest in an envelope that was accepted once. Throws a WireError for any other bytes. */
export function imageOf(envelope: Uint8Array): Image {
  return decodeMessage(SCHEMAS.img, openEnvelope(envelope).payload, DOCUMENT);
}

/** The lock document in an envelope that was accepted once. Throws a WireError for any other bytes. */
export function lockOf(envelope: Uint8Array): LockDocument {
  return decodeMessage(SCHEMAS.lock, openEnvelope(envelope).payload, DOCUMENT);
}

/** What a lock document wants of a partition, and since which of its versions. */
export function desiredOf({ partitions, others }: LockDocument, name: string): LockDocument["others"] {
  return partitions.find(({ partition }) => partition === name) ?? others;
}

/** The policy in an envelope that was accepted once. Throws a WireError for any other bytes. */
export function policyOf(envelope: Uint8Array): Policy {
  return decodeMessage(SCHEMAS.pol, openEnvelope(envelope).payload, DOCUMENT);
}
