// Why a signed document is refused: the one list. The numbers go into events and acknowledgements and never change; they start at 256,
// above everything in kernel/abi/reasons.ts, so that an event code means one thing.

import { Failure } from "../failure.ts";

export const REASONS = {
  /** An empty retained message. It removes nothing. */
  empty: 256,
  /** More than 64 KiB. */
  "too-large": 257,
  /** The outer tag is neither 18 nor 98, in its shortest form. */
  tag: 258,
  /** Behind the tag is no envelope. */
  envelope: 259,
  /** A protected header is not exactly {alg, kid, typ}, or an unprotected one is not empty. */
  header: 260,
  /** The document came on the topic of another kind or partition, or is of a kind that no device takes. */
  topic: 261,
  /** A command that the broker kept. */
  "retained-command": 262,
  /** There is no root document yet. */
  "no-root": 263,
  /** A kid that no key with the needed role has. */
  signer: 264,
  /** One key signed twice. */
  "signer-twice": 265,
  /** Fewer keys than the role's threshold. */
  threshold: 266,
  /** A signature does not verify. */
  signature: 267,
  /** The payload is not deterministically encoded. */
  encoding: 268,
  /** The payload is not what its kind's schema says. */
  schema: 269,
  /** It is for others. */
  audience: 270,
  /** Its own times contradict each other, or a command lives too long. */
  validity: 271,
  /** nbf lies ahead. */
  "not-yet": 272,
  /** iat lies ahead. */
  "issued-ahead": 273,
  /** exp has passed. */
  expired: 274,
  /** An epoch that the root has ended. */
  "epoch-old": 275,
  /** An epoch that no root document has begun, or one that skips another. */
  "epoch-jump": 276,
  /** A version below the one applied. */
  rollback: 277,
  /** The version applied, with other contents. */
  equivocation: 278,
  /** A root document that does not follow the one in force. */
  "root-skip": 279,
  /** A root document whose roles make no sense: see acceptRoot(). */
  "root-roles": 280,
  /** The first root document is not the one that enrolment pinned. */
  "root-pin": 281,
  /** The freshness document names a newer version. */
  superseded: 282,
  /** The freshness document names other contents for this version. */
  "mixed-up": 283,
  /** A command's id was seen. */
  replayed: 284,
  /** 256 ids of unexpired commands are held. */
  "replay-full": 285,
  /** No partition of this handset has the name. */
  "partition-unknown": 286,
  /** The partition is the owner's. */
  "partition-private": 287,
  /** The owner has not consented. */
  consent: 288,
  /** The verb needs other keys than those that signed. */
  "verb-role": 289,
  /** The verb needs a partition, or takes none. */
  "verb-partition": 290,
  /** The image is for other boards. */
  board: 291,
  /** The consent is not of the owner who was pinned at enrolment. */
  owner: 292,
  /** The table of versions is full. */
  "versions-full": 293,
  /** Envelopes come faster than they may. */
  rate: 294,
  /** The check did not come to an end within its time or memory. */
  unchecked: 295,
  /** The disk does not take what the document would change. */
  storage: 296,
  /** Nobody of the fleet has said in this start what time it is: it waits. */
  "no-time": 297,
  /** An answer to another question than the one that was asked, or one that came too late. */
  nonce: 298,
} as const;

export type Reason = keyof typeof REASONS;

/** What the agent itself has to say in an event, beside these reasons and those of kernel/abi/reasons.ts. */
export const AGENT_EVENTS = {
  /** Telemetry is thinned, because the day's bytes are running out; argument 1: one sample in so many is sent. */
  "telemetry-thinned": 512,
  /** The disk does not take what waits to be sent: it is in memory alone. */
  "queue-unsafe": 513,
  /** What waited was dropped: arguments 1 class, 2 how many, 3 and 4 when the first and the last were made. */
  "queue-lost": 514,
} as const;

/** What happens on a handset, as an event's code; argument 1: a reason's number; of document-refused, 2 the document's kind and 3 its partition. (An
 *  event of the agent's, whose code is the reason itself, has these two as 1 and 2.) They never change. */
export const HANDSET_EVENTS = {
  running: 640,
  paused: 641,
  stopped: 642,
  failed: 643,
  locked: 644,
  fault: 645,
  "cpu-exhausted": 646,
  "energy-empty": 647,
  budget: 648,
  restart: 649,
  channel: 650,
  "disk-error": 651,
  charging: 652,
  discharging: 653,
  thermal: 654,
  rule: 655,
  "audit-lost": 656,
  "shell-restarted": 657,
  "agent-restarted": 658,
  "policy-applied": 659,
  "document-refused": 660,
  offline: 661,
  /** A partition's data were destroyed, its disk's key first. */
  wiped: 662,
  /** A wrong unlock code; argument 2: how many in a row. */
  "unlock-failed": 663,
} as const;

/** Thrown while a document is being checked; accept() turns it into its verdict. The text holds nothing of the document's. */
export class Refusal extends Failure {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(`REFUSED_${reason.replaceAll("-", "_").toUpperCase()}`, message);
    this.reason = reason;
  }
}

/** Ends the check. */
export function refuse(reason: Reason, message: string): never {
  throw new Refusal(reason, message);
}
