// One-shot commands and their acknowledgements.

import { anyArgs, cmdId, label, secs } from "./common.ts";
import { claims } from "./claims.ts";
import { optional, range, record, required, rule, text, uint, words, type TypeOf } from "./schema.ts";

export const verb = rule(
  "verb",
  words({
    ping: 1,
    report: 2,
    rebirth: 3,
    locate: 4,
    lock: 5,
    unlock: 6,
    start: 7,
    stop: 8,
    restart: 9,
    pause: 10,
    resume: 11,
    snapshot: 12,
    "move-out": 13,
    "move-in": 14,
    "wipe-partition": 15,
    "wipe-device": 16,
    retire: 17,
    logs: 18,
    console: 19,
    ring: 20,
    cancel: 21,
    "clear-quarantine": 22,
  }),
);
export type Verb = TypeOf<typeof verb>;

export const command = rule(
  "command",
  record({ ...claims, verb: required(50, verb), partition: optional(51, label), args: optional(52, anyArgs) }),
);
export type Command = TypeOf<typeof command>;

export const ackStatus = rule(
  "ack-status",
  words({
    received: 1,
    "in-progress": 2,
    succeeded: 3,
    failed: 4,
    rejected: 5,
    expired: 6,
    "not-now": 7,
    cancelled: 8,
    "timed-out": 9,
  }),
);

export const ack = rule(
  "ack",
  record({
    id: required(1, cmdId),
    status: required(2, ackStatus),
    time: required(3, secs),
    code: optional(4, uint),
    text: optional(5, text(0, 256)),
    result: optional(6, anyArgs),
    percent: optional(7, range(0, 100)),
  }),
);
export type Ack = TypeOf<typeof ack>;
