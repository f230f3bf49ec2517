// What a device says of itself: birth and death, telemetry, events, what is applied.

import { anyArgs, epoch, name, partId, partInfos, secs, sha256, u53 } from "./common.ts";
import { NONCE_BYTES } from "./clock.ts";
import {
  bool,
  bytes,
  int,
  list,
  mapOf,
  maybe,
  optional,
  place,
  range,
  record,
  required,
  rule,
  tuple,
  uint,
  words,
  type TypeOf,
} from "./schema.ts";

/** A device's facts. */
export const info = rule(
  "info",
  record({
    board: required(1, name),
    agent: required(2, name),
    hypervisor: required(3, name),
    serial: required(4, name),
    ramBytes: required(5, u53),
    partitions: required(6, partInfos),
    capabilities: optional(7, list(name)),
  }),
);
export type Info = TypeOf<typeof info>;

export const stateMsg = rule(
  "state-msg",
  record({
    online: required(1, bool),
    /** Rises with every connection, as Sparkplug's bdSeq: a late will cannot kill a newer birth. */
    connection: required(2, u53),
    sequence: optional(3, u53),
    /** With a birth only. */
    facts: optional(4, info),
    bootCount: optional(5, u53),
    /** A question for the time, which a now-doc answers. */
    nonce: optional(6, bytes(NONCE_BYTES)),
    /** Random, anew with each start of the agent: two copies of one device are told apart by it. */
    run: optional(7, bytes(8)),
  }),
);
export type StateMessage = TypeOf<typeof stateMsg>;

/** The words and numbers of kernel/abi/reasons.ts, STATE_…. */
export const pstate = rule(
  "pstate",
  words({ defined: 0, admitted: 1, running: 2, paused: 3, stopped: 4, failed: 5, locked: 6 }),
);

export const battery = rule(
  "battery",
  tuple({
    percent: place(range(0, 100)),
    millivolts: place(uint),
    milliamperes: place(int),
    deciCelsius: place(int),
  }),
);

/** All since boot. */
export const partSample = rule(
  "part-sample",
  tuple({
    id: place(partId),
    state: place(pstate),
    cpuPermille: place(uint),
    memoryKib: place(u53),
    energyMillijoules: place(u53),
    throttledMs: place(u53),
    ioKib: place(u53),
    faultCount: place(u53),
    /** Time of the steps that devices took for its guest: its budget pays for them like for instructions. */
    deviceMs: maybe(u53),
  }),
);

/** Records that were lost, and when the first and last of them were made. */
export const gap = rule("gap", tuple({ lostCount: place(uint), from: place(secs), to: place(secs) }));

export const sample = rule(
  "sample",
  record({
    time: required(1, secs),
    sequence: required(2, u53),
    uptime: required(3, uint),
    battery: optional(4, battery),
    partitions: optional(5, list(partSample)),
    radioDbm: optional(6, int),
    /** Just before this sample. */
    gap: optional(7, gap),
  }),
);
export type Sample = TypeOf<typeof sample>;

/** Oldest first. */
export const telemetryMsg = rule("telemetry-msg", list(sample, 1));
export type TelemetryMessage = TypeOf<typeof telemetryMsg>;

export const eventMsg = rule(
  "event-msg",
  record({
    time: required(1, secs),
    sequence: required(2, u53),
    /** One of reasons.ts (REASONS, AGENT_EVENTS, HANDSET_EVENTS) or kernel/abi/reasons.ts. */
    code: required(3, uint),
    /** RFC 5424 §6.2.1. */
    severity: required(4, range(0, 7)),
    partition: optional(5, partId),
    args: optional(6, anyArgs),
  }),
);
export type EventMessage = TypeOf<typeof eventMsg>;

export const compliance = rule(
  "compliance",
  tuple({
    state: place(words({ compliant: 1, pending: 2, "not-supported": 3, "user-declined": 4, failed: 5, overridden: 6 })),
    code: maybe(uint),
  }),
);

/** What becomes of a partition's disk when the device is lost: nothing that is written, written in the clear, encrypted at rest. */
export const diskProtection = rule("disk-protection", words({ none: 0, plain: 1, encrypted: 2 }));
export type DiskProtection = TypeOf<typeof diskProtection>;

/** What is applied, section by section. */
export const reported = rule(
  "reported",
  record({
    policy: required(1, tuple({ epoch: place(epoch), version: place(u53) })),
    hash: required(2, sha256),
    appliedAt: required(3, secs),
    sections: required(4, mapOf(uint, compliance)),
    partitions: optional(5, partInfos),
    disk: optional(6, diskProtection),
  }),
);
export type Reported = TypeOf<typeof reported>;
