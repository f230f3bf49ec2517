// Signed documents as the fleet issues them: claims, the next version, the signature of the role's key, a copy in the tenant's folder. What is in
// the folder is what every device should have: `fleet publish` and the broker's keeper send it again, the freshness documents list it.

import { randomBytes } from "node:crypto";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { fromHex, toHex } from "../agent/wire/bytes.ts";
import type { Claims } from "../agent/wire/claims.ts";
import { openEnvelope } from "../agent/wire/cose.ts";
import type { DocumentOf } from "../agent/wire/kinds.ts";
import { decodeDocument } from "../agent/wire/open.ts";
import type { LockDocument } from "../agent/wire/documents.ts";
import { sign1, signMany, type Signer } from "../agent/wire/sign.ts";
import { audienceText } from "../agent/wire/trust.ts";
import { FleetError } from "./failure.ts";
import { rootEnvelope, rootInForce, signersFor, type RoleName } from "./keys.ts";
import type { FleetStore } from "./store.ts";
import { documentTopic } from "./topics.ts";
import { nextVersion } from "./versions.ts";

/** Kinds that are kept and published again. */
export type KeptKind = "pol" | "groups" | "time" | "img" | "lock";
type Audience = Claims["audience"];

const ROLE: Record<KeptKind, RoleName> = {
  ...{ pol: "policy", groups: "policy", time: "time", img: "image", lock: "command" },
};
const DEVICE = /^[0-9a-f]{32}$/;
const LABEL = /^[a-z0-9-]{1,32}$/;

/** Root documents that stay with the broker (agent/daemon/incoming takes 32 of a kind at once). */
const ROOTS_MAX = 16;

export interface Issued<K extends KeptKind = KeptKind> {
  kind: K;
  audience: Audience;
  /** The partition of a policy, the name of an image; else empty. */
  partition: string;
  document: DocumentOf<K>;
  envelope: Uint8Array;
  /** SHA-256 of the payload. */
  hash: Uint8Array;
  topic: string;
}

/** A device's name (32 characters of hexadecimal), a group or "all" as an audience. Throws FLEET_AUDIENCE. */
export function audienceOf(name: string): Audience {
  if (DEVICE.test(name)) return fromHex(name)!;
  if (LABEL.test(name)) return name;
  const hint = "Name a device by its 32 characters, a group, or all.";
  throw new FleetError("FLEET_AUDIENCE", "a document is for a device, a group or all", hint);
}

export const audienceName = (audience: Audience): string => (typeof audience === "string" ? audience : toHex(audience));

type Body<K extends KeptKind> = Omit<DocumentOf<K>, keyof Claims>;

/** Claims of a document that is valid from now on. */
export function claimsOf(store: FleetStore, audience: Audience, version: number, now: number, seconds: number): Claims {
  return {
    issuer: store.tenant,
    audience,
    issued: now,
    expires: now + seconds,
    id: new Uint8Array(randomBytes(16)),
    epoch: rootInForce(store).epochNext,
    version,
  };
}

/** Signs a document with its next version, and keeps it. Throws FLEET_KEYS, and a WireError for what no device would take. */
export async function issue<K extends KeptKind>(
  store: FleetStore,
  kind: K,
  audience: Audience,
  said: Body<K> | ((version: number) => Body<K>),
  now: number,
  seconds: number,
): Promise<Issued<K>> {
  const bodyAt = typeof said === "function" ? said : (): Body<K> => said;
  // Before a version is claimed: what cannot be signed must not use one up.
  const signers = await signersFor(store, roleOf(kind, bodyAt(0)));
  const partition = partitionOf(bodyAt(0));
  const version = nextVersion(store, kind, counterOf(kind, audience, partition));
  const document = {
    ...bodyAt(version),
    ...claimsOf(store, audience, version, now, seconds),
  } as unknown as DocumentOf<K>;
  return keep(store, kind, document, await sealed(kind, document, signers));
}

/** As the device counts: one counter for a partition's policies, whichever audience they are for; one for each audience's freshness, and one for
 *  each device's own. */
function counterOf(kind: KeptKind, audience: Audience, partition: string): string {
  if (kind === "time") return audienceText(audience);
  return kind === "groups" || kind === "lock" ? audienceName(audience) : partition;
}

/** A lock document that wipes a whole device is for the wipe keys. */
function roleOf(kind: KeptKind, body: object): RoleName {
  const { others } = body as Partial<LockDocument>;
  return kind === "lock" && others?.desired === "wiped" ? "wipe" : ROLE[kind];
}

function sealed<K extends KeptKind>(kind: K, document: DocumentOf<K>, signers: Signer[]): Promise<Uint8Array> {
  const [only, ...others] = signers;
  return others.length === 0 ? sign1(kind, document, only!, nodeCrypto) : signMany(kind, document, signers, nodeCrypto);
}

/** What is kept for an audience. */
export function issuedFor(store: FleetStore, audience: Audience): Issued[] {
  const folder = audienceName(audience);
  return store.list("documents", folder).flatMap((name): Issued[] => {
    const match = /^(pol|groups|time|img|lock)(?:\+([a-z0-9-]{1,32}))?\.cbor$/.exec(name);
    const envelope = match === null ? null : store.readBytes("documents", folder, name);
    if (match === null || envelope === null) return [];
    const kind = match[1] as KeptKind;
    const { payload } = openEnvelope(envelope);
    return [describe(store, kind, decodeDocument(kind, payload), envelope)];
  });
}

/** Everything that is kept, but for the root. */
export function allIssued(store: FleetStore): Issued[] {
  return store.list("documents").flatMap((name) => issuedFor(store, audienceOf(name)));
}

/** The root document's topic and bytes. */
export function rootPublication(store: FleetStore): { topic: string; envelope: Uint8Array } {
  return { topic: documentTopic(store.tenant, "all", "root"), envelope: rootEnvelope(store) };
}

/** Every root document that is kept, oldest first, on a topic of its own, for devices that were away for more than one: at most as many as a
 *  device takes at once. */
export function rootChain(store: FleetStore): { topic: string; envelope: Uint8Array }[] {
  const versions = store
    .list("roots")
    .map((name) => /^([1-9][0-9]{0,8})\.cbor$/.exec(name))
    .flatMap((match) => (match === null ? [] : [Number(match[1])]))
    .sort((a, b) => a - b);
  return versions.slice(-ROOTS_MAX).flatMap((version) => {
    const envelope = store.readBytes("roots", `${version}.cbor`);
    return envelope === null ? [] : [{ topic: documentTopic(store.tenant, "all", "roots", String(version)), envelope }];
  });
}

/** After a rotation: what is kept is signed by the keys that are in force now. In the same epoch it stays the same document, so devices
 *  see nothing new; in another it is issued again, for as long as it had still to live. `rotated` is the role that has new keys. Returns how many there were. */
export async function renewDocuments(store: FleetStore, now: number, rotated: RoleName | null = null): Promise<number> {
  const epoch = rootInForce(store).epochNext;
  const all = allIssued(store);
  for (const { kind, audience, document } of all) {
    const role = roleOf(kind, document);
    // Wipe keys are seldom here. What they signed holds as long as the root names them, and a rotation of theirs needs them anyway.
    if (role === "wipe" && document.epoch === epoch && rotated !== "wipe") continue;
    const signers = await signersFor(store, role);
    if (document.epoch === epoch) keep(store, kind, document, await sealed(kind, document, signers));
    else await issue(store, kind, audience, document, now, Math.max(1, document.expires - now));
  }
  return all.length;
}

function keep<K extends KeptKind>(
  store: FleetStore,
  kind: K,
  document: DocumentOf<K>,
  envelope: Uint8Array,
): Issued<K> {
  const issued = describe(store, kind, document, envelope);
  const { partition } = issued;
  const file = partition === "" ? `${kind}.cbor` : `${kind}+${partition}.cbor`;
  store.writeBytes(envelope, "documents", audienceName(issued.audience), file);
  return issued;
}

function describe<K extends KeptKind>(
  store: FleetStore,
  kind: K,
  document: DocumentOf<K>,
  envelope: Uint8Array,
): Issued<K> {
  const { audience } = document as Claims;
  const partition = partitionOf(document);
  const hash = nodeCrypto.sha256(openEnvelope(envelope).payload);
  const topic = documentTopic(store.tenant, audience, kind, partition);
  return { kind, audience, partition, document, envelope, hash, topic };
}

function partitionOf(body: object): string {
  if ("release" in body && "name" in body) return body.name as string;
  return "partition" in body ? (body.partition as string) : "";
}
