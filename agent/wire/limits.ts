// How large what comes from outside may be, by use. Refused before anything is decoded.

import type { GuardLimits } from "./guard.ts";

/** A signed document with its envelope. */
export const DOCUMENT_BYTES_MAX = 64 << 10;
/** The signatures of one COSE_Sign. */
export const SIGNATURES_MAX = 8;
/** Entries of a freshness document. */
export const LISTED_MAX = 512;
/** Command ids that are remembered. */
export const REPLAY_MAX = 256;
/** Partitions that a lock document names. */
export const LOCKED_MAX = 64;
/** Groups that one device is in. */
export const GROUPS_MAX = 32;

/** Behind the outer tag: [protected, {}, payload, [8 × [protected, {}, signature]]]. */
export const ENVELOPE: GuardLimits = { bytesMax: DOCUMENT_BYTES_MAX, depthMax: 4, itemsMax: 8, totalMax: 64 };
export const PROTECTED_HEADER: GuardLimits = { bytesMax: 96, depthMax: 1, itemsMax: 3, totalMax: 8 };
/** The payload of an envelope. The largest of use, a freshness document of 512 entries, has 3,100 items. */
export const DOCUMENT: GuardLimits = { bytesMax: DOCUMENT_BYTES_MAX, depthMax: 8, itemsMax: 512, totalMax: 8192 };
/** What a device says, but for its telemetry. */
export const MESSAGE: GuardLimits = { bytesMax: DOCUMENT_BYTES_MAX, depthMax: 8, itemsMax: 512, totalMax: 8192 };
/** 512 samples of four partitions. */
export const TELEMETRY: GuardLimits = { bytesMax: DOCUMENT_BYTES_MAX, depthMax: 8, itemsMax: 512, totalMax: 32_768 };
