// The fleet's keys, and the root document that names them. Each key is a file of its own (PKCS#8, 0600): which of them counts, the root
// document in force tells, so a key that was rotated away may stay where it is and signs nothing any more.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { KeyError, KeyFile } from "../agent/identity/key-file.ts";
import { equalBytes, toHex } from "../agent/wire/bytes.ts";
import { openEnvelope } from "../agent/wire/cose.ts";
import type { Role, RoleKeys, Root } from "../agent/wire/documents.ts";
import { decodeDocument } from "../agent/wire/open.ts";
import { signMany, type Signer } from "../agent/wire/sign.ts";
import { checkRoles, kidOf, rootPin } from "../agent/wire/signers.ts";
import { FleetError } from "./failure.ts";
import type { FleetStore } from "./store.ts";

export const ROLE_NAMES = ["root", "time", "policy", "command", "image", "enrol", "wipe"] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

const PLAN: Record<RoleName, { count: number; threshold: number }> = {
  root: { count: 3, threshold: 2 },
  time: { count: 1, threshold: 1 },
  policy: { count: 1, threshold: 1 },
  command: { count: 1, threshold: 1 },
  image: { count: 1, threshold: 1 },
  enrol: { count: 1, threshold: 1 },
  wipe: { count: 2, threshold: 2 },
};
const ROOT_SECONDS = 2 * 365 * 86_400;

const wordOf = (role: RoleName): Role => `r-${role}`;

export interface KeyFact {
  role: RoleName;
  /** As signatures name it, in hexadecimal. */
  kid: string;
  /** The private half's file; null: it is not on this computer. */
  file: string | null;
}

/** A key file of the tenant's. */
interface StoredKey {
  name: string;
  signer: Signer;
}

/** Makes all keys and the first root document. Throws FLEET_EXISTS when there is one. */
export async function initKeys(store: FleetStore, now: number): Promise<Root> {
  if (store.isMade) {
    throw new FleetError("FLEET_EXISTS", `the fleet ${store.tenant} has its keys`, "See: pocketvisor fleet keys show");
  }
  const roles: Root["roles"] = new Map();
  const signers: Signer[] = [];
  for (const role of ROLE_NAMES) {
    const { count, threshold } = PLAN[role];
    const keys: Uint8Array[] = [];
    for (let number = 1; number <= count; number++) {
      // A key that an init made which was cut off is taken up.
      const { signer } = await openKey(store, `${role}-${number}.key`);
      keys.push(signer.publicKey);
      if (role === "root") signers.push(signer);
    }
    roles.set(wordOf(role), { threshold, keys });
  }
  return sealRoot(store, { roles, epoch: 1, epochNext: 1, version: 1 }, signers.slice(0, PLAN.root.threshold), now);
}

/** Gives a role new keys: root N+1, signed by the thresholds of N and of N+1. `raiseEpoch` ends the epoch: what was signed in it counts no
 *  more, and has to be issued again (documents.ts). Throws FLEET_KEYS when root keys are not on this computer. */
export async function rotateKeys(store: FleetStore, role: RoleName, raiseEpoch: boolean, now: number): Promise<Root> {
  const before = rootInForce(store);
  const old = await signersFor(store, "root");
  const { count, threshold } = PLAN[role];
  const made = await newKeys(store, role, count);
  const roles: Root["roles"] = new Map(before.roles);
  roles.set(wordOf(role), { threshold, keys: made.map(({ publicKey }) => publicKey) });
  const signers = role === "root" ? [...old, ...made.slice(0, threshold)] : old;
  const epoch = before.epochNext;
  // Devices take root N+1 after N and nothing else, so its number comes from the document and not from a counter that a cut could raise.
  const next = { epoch, epochNext: epoch + (raiseEpoch ? 1 : 0), version: before.version + 1 };
  return sealRoot(store, { roles, ...next }, signers, now);
}

/** Root N+1 with the same keys, which sets the floor of every device's time: for a fleet whose clock was wrong when it signed a freshness document.
 *  Throws FLEET_KEYS when root keys are not on this computer. */
export async function setFloor(store: FleetStore, floor: number, now: number): Promise<Root> {
  const { roles, epochNext, version } = rootInForce(store);
  const next = { roles, epoch: epochNext, epochNext, version: version + 1, floor };
  return sealRoot(store, next, await signersFor(store, "root"), now);
}

/** The root document in force, of this computer's own file. Throws FLEET_MISSING or FLEET_DAMAGED. */
export function rootInForce(store: FleetStore): Root {
  return decodeDocument("root", openEnvelope(rootEnvelope(store)).payload);
}

export function rootEnvelope(store: FleetStore): Uint8Array {
  const envelope = store.readBytes("root.cbor");
  if (envelope !== null) return envelope;
  const hint = `Make it: pocketvisor fleet keys init --tenant ${store.tenant}`;
  throw new FleetError("FLEET_MISSING", `there is no fleet ${store.tenant} on this computer`, hint);
}

/** What a device pins at enrolment. */
export function pinOf(store: FleetStore): Uint8Array {
  return rootPin(roleKeysOf(rootInForce(store), "root"), nodeCrypto);
}

/** As many signers as the role's threshold asks for. Throws FLEET_KEYS. */
export async function signersFor(store: FleetStore, role: RoleName): Promise<Signer[]> {
  const { keys, threshold } = roleKeysOf(rootInForce(store), role);
  const stored = await storedKeys(store, role);
  const found = stored.filter(({ signer }) => keys.some((key) => equalBytes(key, signer.publicKey)));
  if (found.length >= threshold) return found.slice(0, threshold).map(({ signer }) => signer);
  const what = `${threshold} ${role} key${threshold === 1 ? " is" : "s are"} needed, ${found.length} of those in force are on this computer`;
  throw new FleetError("FLEET_KEYS", what, `Bring their files to ${store.path("keys")} for this one command.`);
}

/** The file of the role's first key in force, for a library that signs by itself. Throws FLEET_KEYS. */
export async function keyFileFor(store: FleetStore, role: RoleName): Promise<{ path: string; kid: string }> {
  const [signer] = await signersFor(store, role);
  const stored = await storedKeys(store, role);
  const { name } = stored.find((each) => equalBytes(each.signer.publicKey, signer!.publicKey))!;
  return { path: store.path("keys", name), kid: toHex(kidOf(signer!.publicKey, nodeCrypto)) };
}

/** Every key in force. */
export async function keyFacts(store: FleetStore): Promise<KeyFact[]> {
  const root = rootInForce(store);
  const facts: KeyFact[] = [];
  for (const role of ROLE_NAMES) {
    const stored = await storedKeys(store, role);
    for (const key of roleKeysOf(root, role).keys) {
      const file = stored.find(({ signer }) => equalBytes(signer.publicKey, key))?.name ?? null;
      facts.push({ role, kid: toHex(kidOf(key, nodeCrypto)), file });
    }
  }
  return facts;
}

export function roleKeysOf(root: Root, role: RoleName): RoleKeys {
  const found = root.roles.get(wordOf(role));
  if (found !== undefined) return found;
  throw new FleetError("FLEET_DAMAGED", `the root document names no ${role} key`, "Put root.cbor back from a copy.");
}

/** The new keys' files are there before the root document that names them. */
async function sealRoot(
  store: FleetStore,
  { roles, epoch, epochNext, version, floor }: Pick<Root, "roles" | "epoch" | "epochNext" | "version" | "floor">,
  signers: Signer[],
  now: number,
): Promise<Root> {
  checkRoles(roles, nodeCrypto);
  const root: Root = {
    issuer: store.tenant,
    audience: "all",
    issued: now,
    expires: now + ROOT_SECONDS,
    id: new Uint8Array(randomBytes(16)),
    epoch,
    version,
    roles,
    epochNext,
    ...(floor === undefined ? {} : { floor }),
  };
  const envelope = await signMany("root", root, signers, nodeCrypto);
  // A device that was away needs every root after its own, one after the other.
  store.writeBytes(envelope, "roots", `${root.version}.cbor`);
  store.writeBytes(envelope, "root.cbor");
  return root;
}

async function newKeys(store: FleetStore, role: RoleName, count: number): Promise<Signer[]> {
  const numbers = store.list("keys").flatMap((name) => (numberOf(name, role) === null ? [] : [numberOf(name, role)!]));
  const first = Math.max(0, ...numbers) + 1;
  const made: Signer[] = [];
  for (let at = 0; at < count; at++) made.push((await openKey(store, `${role}-${first + at}.key`)).signer);
  return made;
}

async function storedKeys(store: FleetStore, role: RoleName): Promise<StoredKey[]> {
  const names = store.list("keys").filter((name) => numberOf(name, role) !== null);
  return Promise.all(names.map((name) => openKey(store, name)));
}

function numberOf(name: string, role: RoleName): number | null {
  const match = /^([a-z]+)-([1-9]\d{0,5})\.key$/.exec(name);
  return match?.[1] === role ? Number(match[2]) : null;
}

/** The key in a file, which is made when it is not there. */
async function openKey(store: FleetStore, name: string): Promise<StoredKey> {
  const path = store.path("keys", name);
  const isThere = existsSync(path);
  try {
    return { name, signer: await new KeyFile(path).open() };
  } catch (error) {
    if (!(error instanceof KeyError) || !isThere) throw error;
    const hint = `Take it for known to others: pocketvisor fleet keys rotate ${name.split("-")[0]!}`;
    throw new FleetError(error.code, error.message.replace("the device key", "the fleet's key"), hint);
  }
}
