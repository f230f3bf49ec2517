// Signed documents but the policy (policy.ts) and the command (commands.ts).

import { claims } from "./claims.ts";
import { epoch, label, name, pubkey, secs, sha256, u53 } from "./common.ts";
import { NONCE_BYTES } from "./clock.ts";
import { GROUPS_MAX, LISTED_MAX, LOCKED_MAX } from "./limits.ts";
import { info } from "./reports.ts";
import {
  bytes,
  list,
  mapOf,
  optional,
  place,
  range,
  record,
  required,
  rule,
  text,
  tuple,
  words,
  type TypeOf,
} from "./schema.ts";

/** The owner's key is none of these: it stands in the consent. */
export const role = rule(
  "role",
  words({ "r-root": 1, "r-time": 2, "r-policy": 3, "r-command": 4, "r-image": 5, "r-enrol": 6, "r-wipe": 7 }),
);
export type Role = TypeOf<typeof role>;

export const roleKeys = record({ threshold: required(1, range(1, 8)), keys: required(2, list(pubkey, 1)) });
export type RoleKeys = TypeOf<typeof roleKeys>;

export const roleMap = mapOf(role, roleKeys, 1);
export type Roles = TypeOf<typeof roleMap>;

/** Names all other keys, and raises the epoch: `epoch` is the one in force when it is signed, `epochNext` from then on. */
export const root = rule(
  "root",
  record({
    ...claims,
    roles: required(20, roleMap),
    epochNext: required(21, u53),
    /** The device's floor of time from then on, downwards too: for a fleet whose clock was once wrong. */
    floor: optional(26, secs),
  }),
);
export type Root = TypeOf<typeof root>;

const listed = tuple({
  kind: place(text()),
  partition: place(text()),
  epoch: place(epoch),
  version: place(u53),
  hash: place(sha256),
});
export type Listed = TypeOf<typeof listed>;

export const newestList = list(listed, 0, LISTED_MAX);

/** The freshness document of one device or group: the time, and the newest version and hash of its documents. */
export const timeDoc = rule(
  "time-doc",
  record({ ...claims, now: required(22, secs), newest: required(23, newestList) }),
);
export type TimeDocument = TypeOf<typeof timeDoc>;

/** The answer to a device's nonce: what time it is. It is for one device and one start of it, and never kept by a broker. */
export const nowDoc = rule(
  "now-doc",
  record({ ...claims, now: required(22, secs), nonce: required(25, bytes(NONCE_BYTES)) }),
);
export type NowDocument = TypeOf<typeof nowDoc>;

export const desired = rule("desired", words({ unlocked: 0, locked: 1, wiped: 2 }));
export type Desired = TypeOf<typeof desired>;

/** What the fleet wants of one device's managed partitions, locked or not: a state, in force until the next version. It needs no clock.
 *  `since` is the version in which a person last asked for it: what is older is not done a second time. */
export const lockDoc = rule(
  "lock-doc",
  record({
    ...claims,
    /** Partitions that are not as the others. */
    partitions: required(
      70,
      list(tuple({ partition: place(label), desired: place(desired), since: place(u53) }), 0, LOCKED_MAX),
    ),
    others: required(71, tuple({ desired: place(desired), since: place(u53) })),
  }),
);
export type LockDocument = TypeOf<typeof lockDoc>;

/** The groups of one device. */
export const groupsDoc = rule("groups-doc", record({ ...claims, groups: required(24, list(label, 0, GROUPS_MAX)) }));
export type GroupsDocument = TypeOf<typeof groupsDoc>;

export const permissions = list(
  words({
    "wipe-device": 1,
    locate: 2,
    "see-personal-totals": 3,
    "read-logs": 4,
    "open-console": 5,
    "pause-personal": 6,
  }),
);
export type Permission = TypeOf<typeof permissions>[number];

/** The owner's key, and what IT may do; all else it may not. */
export const consent = rule(
  "consent",
  record({
    ...claims,
    owner: required(60, pubkey),
    allowed: required(61, permissions),
  }),
);
export type Consent = TypeOf<typeof consent>;

/** Signed with the device key that it names. */
export const enrolRequest = rule(
  "enrol-request",
  record({ ...claims, token: required(62, bytes(16, 64)), deviceKey: required(63, pubkey), facts: required(64, info) }),
);
export type EnrolRequest = TypeOf<typeof enrolRequest>;

/** An image's manifest. */
export const image = rule(
  "image",
  record({
    ...claims,
    name: required(65, name),
    release: required(66, u53),
    files: required(
      67,
      list(tuple({ file: place(text(1, 128)), size: place(u53), hash: place(sha256), urls: place(list(text())) }), 1),
    ),
    boards: optional(68, list(name)),
    /** The oldest release that may be replaced by this one. */
    releaseFrom: optional(69, u53),
  }),
);
export type Image = TypeOf<typeof image>;
