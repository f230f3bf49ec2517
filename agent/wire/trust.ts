// What a device has come to trust: keys, epoch, time, versions, seen commands, consent. accept() never changes it; it returns the next one,
// which is persisted before anything is applied. One file of the monitor's, in the same strict encoding as what it was made from.

import { toHex } from "./bytes.ts";
import type { Claims } from "./claims.ts";
import { cmdId, epoch, label, pubkey, secs, sha256, target, u53 } from "./common.ts";
import { newestList, permissions, roleMap, type Listed, type Permission } from "./documents.ts";
import type { GuardLimits } from "./guard.ts";
import { REPLAY_MAX } from "./limits.ts";
import {
  decodeMessage,
  encodeMessage,
  list,
  literals,
  optional,
  place,
  record,
  required,
  rule,
  text,
  tuple,
  type TypeOf,
} from "./schema.ts";

/** Kinds and subjects whose version is remembered: partitions, image names, audiences of freshness documents. */
export const VERSIONS_MAX = 1024;

const applied = tuple({
  kind: place(text(0, 16)),
  subject: place(text(0, 64)),
  epoch: place(epoch),
  version: place(u53),
  /** SHA-256 of the payload: signing it again with another key does not make it another document. */
  hash: place(sha256),
});
export type Applied = TypeOf<typeof applied>;

/** The last freshness document of one audience. */
const freshness = record({
  audience: required(1, target),
  expires: required(2, secs),
  newest: required(3, newestList),
});

const trust = rule(
  "trust",
  record({
    format: required(1, literals(1)),
    /** SHA-256 of the first root's root role (rootPin()), from the enrolment URI. */
    pin: required(2, sha256),
    /** The roles in force; absent before the first root document. */
    roles: optional(3, roleMap),
    epoch: required(4, u53),
    /** See clock.ts. */
    floor: required(5, secs),
    versions: required(6, list(applied, 0, VERSIONS_MAX)),
    freshness: required(7, list(freshness, 0, 64)),
    groups: required(8, list(label)),
    replay: required(9, list(tuple({ id: place(cmdId), expires: place(secs) }), 0, REPLAY_MAX)),
    /** The owner's key, and what the owner allows. */
    owner: optional(10, pubkey),
    allowed: required(11, permissions),
  }),
);
export type Trust = TypeOf<typeof trust>;

/** Its own file, and what passes into QuickJS. Full, it has 64 freshness documents. */
const TRUST: GuardLimits = { bytesMax: 4 << 20, depthMax: 8, itemsMax: 2048, totalMax: 1 << 20 };

/** Throws a WireError for a file that is damaged. */
export function decodeTrust(bytes: Uint8Array): Trust {
  return decodeMessage(trust, bytes, TRUST);
}

export function encodeTrust(value: Trust): Uint8Array {
  return encodeMessage(trust, value);
}

/** What a device trusts at enrolment. `floor` is the build's time, in seconds; `owner` the key that was made for the phone's owner. */
export function firstTrust(pin: Uint8Array, floor: number, owner?: Uint8Array): Trust {
  const rest = {
    pin,
    epoch: 0,
    floor,
    versions: [],
    freshness: [],
    groups: [],
    replay: [],
    allowed: [] as Permission[],
  };
  return { format: 1, ...rest, ...(owner === undefined ? {} : { owner }) };
}

/** The version applied, if there is one. */
export function appliedVersion(trust: Trust, kind: string, subject: string): Applied | undefined {
  return trust.versions.find((each) => each.kind === kind && each.subject === subject);
}

/** Whether no freshness document is valid any more: what is in force stays in force, and is reported as stale. */
export function isStale(trust: Trust, now: number): boolean {
  return !trust.freshness.some(({ expires }) => expires > now);
}

/** The newest that any freshness document names for a subject. */
export function newestListed(trust: Trust, kind: string, subject: string): Listed | undefined {
  return trust.freshness
    .flatMap(({ newest }) => newest.filter((each) => each.kind === kind && each.partition === subject))
    .reduce<Listed | undefined>((best, each) => (best === undefined || isNewer(each, best) ? each : best), undefined);
}

/** (epoch, version), compared. */
export function isNewer(a: Pick<Claims, "epoch" | "version">, b: Pick<Claims, "epoch" | "version">): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

/** An audience as text: a device's id in hexadecimal, or a group's name. They cannot meet, for a device id has 32 characters of
 *  hexadecimal and its text gets a colon. */
export function audienceText(audience: Claims["audience"]): string {
  return typeof audience === "string" ? audience : `:${toHex(audience)}`;
}
