// A small fleet for tests of signed documents: keys from fixed seeds, one good document of each kind, and a device that trusts them.

import { createPrivateKey, sign as opensslSign, type KeyObject } from "node:crypto";
import nacl from "tweetnacl";
import { deviceIdOf } from "../../agent/identity/device-key.js";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { accept, type AcceptedKind, type Verdict, type Via } from "../../agent/wire/accept.js";
import type { Times } from "../../agent/wire/clock.js";
import type { Claims } from "../../agent/wire/claims.js";
import type { Role, Roles } from "../../agent/wire/documents.js";
import type { DocumentOf } from "../../agent/wire/kinds.js";
import type { Device } from "../../agent/wire/scope.js";
import { sign1, signMany, type Signer } from "../../agent/wire/sign.js";
import { rootPin } from "../../agent/wire/signers.js";
import { firstTrust, type Trust } from "../../agent/wire/trust.js";

export interface TestKey extends Signer {
  seed: Uint8Array;
}

/** The key whose seed is this byte, 32 times. */
export function keyOf(number: number): TestKey {
  const seed = new Uint8Array(32).fill(number);
  const { publicKey } = nacl.sign.keyPair.fromSeed(seed);
  const key = privateKey(seed);
  return { seed, publicKey, sign: (message) => new Uint8Array(opensslSign(null, message, key)) };
}

function privateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

export const KEYS = {
  root: [keyOf(1), keyOf(2), keyOf(3)],
  time: keyOf(4),
  policy: keyOf(5),
  command: keyOf(6),
  image: keyOf(7),
  enrol: keyOf(8),
  wipe: [keyOf(9), keyOf(10), keyOf(11)],
  owner: keyOf(12),
  device: keyOf(13),
  stranger: keyOf(14),
} as const;

/** The time of the tests' world, in seconds. */
export const NOW = 1_800_000_000;
export const DAY = 86_400;
export const DEVICE: Device = {
  id: deviceIdOf(KEYS.device.publicKey),
  board: "qemu-virt",
  partitions: [
    { name: "work", kind: "work" },
    { name: "personal", kind: "personal" },
  ],
};

const single = (key: TestKey): { threshold: number; keys: Uint8Array[] } => ({ threshold: 1, keys: [key.publicKey] });
export const publicKeys = (keys: readonly TestKey[]): Uint8Array[] => keys.map(({ publicKey }) => publicKey);

export function rolesOf(rootKeys: readonly TestKey[] = KEYS.root, threshold = 2): Roles {
  return new Map<Role, { threshold: number; keys: Uint8Array[] }>([
    ["r-root", { threshold, keys: publicKeys(rootKeys) }],
    ["r-time", single(KEYS.time)],
    ["r-policy", single(KEYS.policy)],
    ["r-command", single(KEYS.command)],
    ["r-image", single(KEYS.image)],
    ["r-enrol", single(KEYS.enrol)],
    ["r-wipe", { threshold: 2, keys: publicKeys(KEYS.wipe) }],
  ]);
}

let serial = 0;
/** Claims that hold now, for the device; every call has another id. */
export function claimsOf(more: Partial<Claims> = {}): Claims {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, ++serial);
  return { issuer: "it", audience: DEVICE.id, issued: NOW - 10, expires: NOW + DAY, id, epoch: 3, version: 7, ...more };
}

/** The question that this start of the device has asked. */
export const NONCE = new Uint8Array(16).fill(0x5a);
/** What a device knows of the time: all that it can, by default. */
export const timesAt = (rtc = NOW, session: number | null = rtc): Times => ({
  ...{ rtc, session, nonce: NONCE, answered: false },
});

/** What a good document of each kind holds. */
export const GOOD: { [K in AcceptedKind]: () => DocumentOf<K> } = {
  root: () => ({ ...claimsOf({ audience: "all", version: 5 }), roles: rolesOf(), epochNext: 3 }),
  time: () => ({ ...claimsOf(), now: NOW, newest: [] }),
  now: () => ({ ...claimsOf(), now: NOW, nonce: NONCE }),
  lock: () => ({ ...claimsOf(), partitions: [], others: { desired: "locked", since: 7 } }),
  groups: () => ({ ...claimsOf(), groups: ["sales", "pilot"] }),
  pol: () => ({
    ...claimsOf({ audience: "sales" }),
    partition: "work",
    budget: { memoryBytes: 128 << 20, cpuPermille: 500 },
    network: {
      wifi: "allow",
      rules: [{ allow: true, destination: "10.0.0.0/8", portFirst: 0, portLast: 65_535, protocol: "any" }],
    },
    texts: [{ language: "fr", text: "Géré par l’entreprise" }],
  }),
  img: () => ({
    ...claimsOf({ audience: "all" }),
    name: "linux",
    release: 12,
    files: [{ file: "Image", size: 1 << 23, hash: new Uint8Array(32).fill(9), urls: ["https://images.example/Image"] }],
    boards: ["qemu-virt"],
  }),
  cmd: () => ({ ...claimsOf(), verb: "restart", partition: "work" }),
  consent: () => ({ ...claimsOf(), owner: KEYS.owner.publicKey, allowed: ["locate", "read-logs"] }),
};

/** Who signs a kind. */
export const SIGNERS: Record<AcceptedKind, readonly TestKey[]> = {
  root: KEYS.root.slice(0, 2),
  time: [KEYS.time],
  now: [KEYS.time],
  lock: [KEYS.command],
  groups: [KEYS.policy],
  pol: [KEYS.policy],
  img: [KEYS.image],
  cmd: [KEYS.command],
  consent: [KEYS.owner],
};

/** A signed document: what is good, with changes, by its own signers or others. */
export async function signedDocument<K extends AcceptedKind>(
  kind: K,
  changes: Partial<DocumentOf<K>> = {},
  signers: readonly TestKey[] = SIGNERS[kind],
): Promise<Uint8Array> {
  const document = { ...GOOD[kind](), ...changes } as DocumentOf<K>;
  const [only, ...others] = signers;
  return others.length === 0
    ? sign1(kind, document, only!, nodeCrypto)
    : signMany(kind, document, [...signers], nodeCrypto);
}

export const viaOf = (kind: AcceptedKind): Via => (kind === "pol" ? { kind, partition: "work" } : { kind });

/** A device at enrolment: nothing but the pin. */
export function pinnedTrust(): Trust {
  return firstTrust(rootPin(rolesOf().get("r-root")!, nodeCrypto), NOW - DAY, KEYS.owner.publicKey);
}

/** A device in the fleet: root 4 in force, epoch 3, two groups, nothing else applied. */
export function fleetTrust(changes: Partial<Trust> = {}): Trust {
  return {
    ...pinnedTrust(),
    roles: rolesOf(),
    epoch: 3,
    versions: [{ kind: "root", subject: "", epoch: 3, version: 4, hash: new Uint8Array(32).fill(1) }],
    groups: ["sales", "pilot"],
    ...changes,
  };
}

/** accept() with the surroundings of the tests' world. */
export function judge(
  input: Uint8Array,
  via: AcceptedKind | Via,
  { trust = fleetTrust(), rtc = NOW, session = NOW as number | null, device = DEVICE, crypto = nodeCrypto } = {},
): Verdict {
  return accept(input, typeof via === "string" ? viaOf(via) : via, device, trust, crypto, timesAt(rtc, session));
}

/** The verdict in one word: accepted, unchanged, or the reason. */
export function wordOf(verdict: Verdict): string {
  return verdict.verdict === "refused" ? verdict.reason : verdict.verdict;
}
