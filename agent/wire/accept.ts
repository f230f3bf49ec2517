// Accepting a signed document: one function, one order, cheap and decisive questions first. Each refusal has a reason of its own.
//
//   size → tag → headers → topic → signers → signatures → encoding → schema → audience → time (or nonce) → version or id → scope
//
// It changes nothing. What it returns is to be persisted (fsync, rename) before it is applied, and applied before it is reported: after a
// power cut at any point the same document comes to the same end.

import { equalBytes } from "./bytes.ts";
import { openEnvelope, type Envelope, type EnvelopeSignature } from "./cose.ts";
import { presentTime, raisedFloor, SKEW_SECONDS, RTC_AHEAD_MAX_SECONDS, type Times } from "./clock.ts";
import type { Command } from "./commands.ts";
import type { Role, TimeDocument } from "./documents.ts";
import type { DocumentOf } from "./kinds.ts";
import { REPLAY_MAX } from "./limits.ts";
import { decodeDocument } from "./open.ts";
import { Refusal, refuse, type Reason } from "./reasons.ts";
import { checkSuccession, verifyRoot } from "./root.ts";
import {
  checkCommandScope,
  checkImageScope,
  checkLockScope,
  checkPolicyScope,
  needsWipeRole,
  type Device,
} from "./scope.ts";
import { keyOf, verifyEach, verifyRoles, type Crypto } from "./signers.ts";
import { appliedVersion, audienceText, isNewer, newestListed, VERSIONS_MAX, type Trust } from "./trust.ts";

/** The kinds that a device takes. */
export type AcceptedKind = "root" | "time" | "now" | "lock" | "groups" | "pol" | "img" | "cmd" | "consent";

/** How it came: the topic's kind, the partition of dn/pol/{partition}, MQTT's retain flag. A consent comes from the handset itself. */
export interface Via {
  kind: AcceptedKind;
  partition?: string;
  retained?: boolean;
}

/** A document with its kind. */
export type AnyDocument = { [K in AcceptedKind]: { kind: K; document: DocumentOf<K> } }[AcceptedKind];

export type Verdict =
  /** `trust` is to be persisted before the document is applied. */
  | { verdict: "accepted"; accepted: AnyDocument; hash: Uint8Array; trust: Trust }
  /** The very document that is in force: nothing to do. */
  | { verdict: "unchanged"; kind: AcceptedKind; hash: Uint8Array }
  /** `commandId` is there when the command is genuine and can be answered. */
  | { verdict: "refused"; reason: Reason; detail: string; commandId: Uint8Array | null };

const ROLES: Record<Exclude<AcceptedKind, "root" | "consent">, Role[]> = {
  time: ["r-time"],
  now: ["r-time"],
  lock: ["r-command", "r-wipe"],
  groups: ["r-policy"],
  pol: ["r-policy"],
  img: ["r-image"],
  cmd: ["r-command", "r-wipe"],
};

/** Kinds that are never for a group or for everybody. */
const FOR_ONE: ReadonlySet<AcceptedKind> = new Set(["groups", "consent", "now", "lock"]);

/** Judges one envelope by what the clocks say. Throws nothing for what the bytes hold. */
export function accept(
  input: Uint8Array,
  via: Via,
  device: Device,
  trust: Trust,
  crypto: Crypto,
  times: Times,
): Verdict {
  const check = new Check(via, device, trust, crypto, times);
  try {
    return check.run(input);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { verdict: "refused", reason: error.reason, detail: error.message, commandId: check.commandId };
  }
}

class Check {
  commandId: Uint8Array | null = null;
  private readonly via: Via;
  private readonly device: Device;
  private readonly trust: Trust;
  private readonly crypto: Crypto;
  private readonly times: Times;

  constructor(via: Via, device: Device, trust: Trust, crypto: Crypto, times: Times) {
    this.via = via;
    this.device = device;
    this.trust = trust;
    this.crypto = crypto;
    this.times = times;
  }

  run(input: Uint8Array): Verdict {
    const { via, crypto } = this;
    const envelope = openEnvelope(input);
    if (envelope.kind !== via.kind) refuse("topic", `a document of kind ${envelope.kind} on the topic of ${via.kind}`);
    if (via.kind === "cmd" && via.retained === true) refuse("retained-command", "a command is never kept by a broker");
    const verified = this.verify(envelope);
    const hash = crypto.sha256(envelope.payload);
    if (verified === null) return { verdict: "unchanged", kind: via.kind, hash };
    const { accepted, roles } = verified;
    if (accepted.kind === "pol" && via.partition !== accepted.document.partition) {
      refuse("topic", `a policy of ${accepted.document.partition} on the topic of another partition`);
    }
    this.checkAudience(accepted);
    if (accepted.kind === "now") return this.answer(accepted, hash);
    this.checkTimes(accepted);
    if (accepted.kind === "cmd") {
      const { document } = accepted;
      const replay = this.checkReplay(document);
      if (!roles.includes(needsWipeRole(document.verb) ? "r-wipe" : "r-command")) {
        refuse("verb-role", `${document.verb} is not for the keys that signed it`);
      }
      checkCommandScope(document, this.device, this.trust.allowed);
      return { verdict: "accepted", accepted, hash, trust: { ...this.trust, replay } };
    }
    if (this.isApplied(accepted, hash)) return { verdict: "unchanged", kind: via.kind, hash };
    this.checkVersion(accepted, hash);
    this.checkScope(accepted, roles);
    return { verdict: "accepted", accepted, hash, trust: this.next(accepted, hash) };
  }

  /** The answer to this start's nonce. It sets session time and nothing that is kept, so no version counts. */
  private answer(accepted: Extract<AnyDocument, { kind: "now" }>, hash: Uint8Array): Verdict {
    const { nonce, answered } = this.times;
    if (nonce === null || !equalBytes(nonce, accepted.document.nonce)) refuse("nonce", "it answers another question");
    // Whoever else of the fleet has seen the birth has answered too.
    if (answered) return { verdict: "unchanged", kind: "now", hash };
    return { verdict: "accepted", accepted, hash, trust: this.trust };
  }

  /** Signers, signatures, encoding, schema. Null: the root document in force. */
  private verify(envelope: Envelope): { accepted: AnyDocument; roles: Role[] } | null {
    const { via, trust, crypto } = this;
    if (via.kind === "root") {
      const document = verifyRoot(envelope, trust, crypto, () => decodeDocument("root", envelope.payload));
      return document === null ? null : { accepted: { kind: "root", document }, roles: ["r-root"] };
    }
    if (via.kind === "consent") {
      const owner = trust.owner ?? refuse("owner", "no owner was pinned at enrolment");
      const pairs = envelope.signatures.map((each): [EnvelopeSignature, Uint8Array] => [
        each,
        keyOf(each, [owner], crypto) ?? refuse("signer", "a consent is signed by the owner alone"),
      ]);
      verifyEach(pairs, crypto);
      const document = decodeDocument("consent", envelope.payload);
      if (!equalBytes(document.owner, owner)) refuse("owner", "the consent names another owner's key");
      return { accepted: { kind: "consent", document }, roles: [] };
    }
    if (trust.roles === undefined) refuse("no-root", "no root document has named any key yet");
    const roles = verifyRoles(envelope, trust.roles, ROLES[via.kind], crypto);
    const accepted = { kind: via.kind, document: decodeDocument(via.kind, envelope.payload) } as AnyDocument;
    if (accepted.kind === "cmd") this.commandId = accepted.document.id;
    return { accepted, roles };
  }

  private checkAudience({ kind, document: { audience } }: AnyDocument): void {
    if (typeof audience !== "string") {
      if (!equalBytes(audience, this.device.id)) refuse("audience", "it is for another device");
      return;
    }
    if (FOR_ONE.has(kind)) refuse("audience", `a document of kind ${kind} is for one device`);
    if (audience !== "all" && !this.trust.groups.includes(audience)) refuse("audience", "it is for a group of others");
  }

  private checkTimes(accepted: AnyDocument): void {
    const { document } = accepted;
    const { notBefore = 0, issued, expires } = document;
    if (expires <= issued || expires <= notBefore) refuse("validity", "it ends before it begins");
    // Ids are forgotten when they have expired; so a command that lives long would hold its place for as long.
    if (accepted.kind === "cmd" && expires - issued > RTC_AHEAD_MAX_SECONDS) {
      refuse("validity", "a command lives 30 days at most");
    }
    if (accepted.kind === "time") {
      const { now } = accepted.document;
      if (now < issued || now < notBefore || now >= expires) {
        refuse("validity", "its time lies outside its own validity");
      }
    }
    // A lock is a state: it holds until the next version, whatever the time is. A root document that sets the floor is there because of a floor
    // that is wrong.
    if (accepted.kind === "lock" || (accepted.kind === "root" && accepted.document.floor !== undefined)) return;
    const { session } = this.times;
    if (session === null) return this.checkWithoutTime(accepted);
    if (expires <= session) refuse("expired", `it expired at ${expires}, it is ${session}`);
    if (notBefore > session) refuse("not-yet", `it begins at ${notBefore}, it is ${session}`);
    if (issued > session + SKEW_SECONDS) refuse("issued-ahead", `it was issued at ${issued}, it is ${session}`);
  }

  /** Nobody has said what time it is. A command waits; a document of state counts if nothing speaks against it, and waits else: the real-time
   *  clock may be anybody's, so it refuses nothing for good. A freshness document is held against the floor alone, because it raises it: an old
   *  one that is let in so counts as stale from the start. */
  private checkWithoutTime(accepted: AnyDocument): void {
    const { floor } = this.trust;
    const { notBefore = 0, issued, expires } = accepted.document;
    const wait = (why: string): never => refuse("no-time", `${why}, and nobody of the fleet has said what time it is`);
    if (accepted.kind === "cmd") wait(`it expires at ${expires}`);
    if (expires <= floor) wait(`it expired at ${expires}, the floor is ${floor}`);
    if (accepted.kind === "time") return;
    const present = presentTime(floor, this.times.rtc);
    if (notBefore > present) wait(`it begins at ${notBefore}, it seems to be ${present}`);
    if (issued > present + SKEW_SECONDS) wait(`it was issued at ${issued}, it seems to be ${present}`);
  }

  /** The ids to keep with this one. They are forgotten when they have expired by the floor and by session time: session time can move back with
   *  the next start, the floor can be ahead of it. */
  private checkReplay({ id, epoch, expires }: Command): Trust["replay"] {
    this.checkEpoch(epoch);
    const { replay, floor } = this.trust;
    if (replay.some((each) => equalBytes(each.id, id))) refuse("replayed", "the command was seen before");
    const past = Math.min(floor, this.times.session ?? floor);
    const kept = replay.filter((each) => each.expires > past);
    if (kept.length >= REPLAY_MAX) refuse("replay-full", `${REPLAY_MAX} unexpired commands are remembered`);
    return [...kept, { id, expires }];
  }

  private isApplied(accepted: AnyDocument, hash: Uint8Array): boolean {
    const inForce = appliedVersion(this.trust, accepted.kind, subjectOf(accepted));
    const { epoch, version } = accepted.document;
    return inForce?.epoch === epoch && inForce.version === version && equalBytes(inForce.hash, hash);
  }

  private checkVersion(accepted: AnyDocument, hash: Uint8Array): void {
    const { kind, document } = accepted;
    const subject = subjectOf(accepted);
    if (kind === "root") checkSuccession(document, this.trust);
    else {
      this.checkEpoch(document.epoch);
      const inForce = appliedVersion(this.trust, kind, subject);
      if (inForce !== undefined && !isNewer(document, inForce)) {
        if (isNewer(inForce, document))
          refuse("rollback", `version ${document.version} is older than ${inForce.version}`);
        refuse("equivocation", `version ${document.version} is in force with other contents`);
      }
    }
    const listed = newestListed(this.trust, kind, subject);
    if (listed === undefined || isNewer(document, listed)) return;
    if (!isNewer(listed, document)) {
      if (!equalBytes(listed.hash, hash))
        refuse("mixed-up", "the freshness document names other contents for this version");
      // Root documents come one after the other, whatever the newest is.
    } else if (kind !== "root") refuse("superseded", `version ${listed.version} is out, this is ${document.version}`);
  }

  private checkEpoch(epoch: number): void {
    const inForce = this.trust.epoch;
    if (epoch < inForce) refuse("epoch-old", `epoch ${epoch} is over, ${inForce} is in force`);
    if (epoch > inForce) refuse("epoch-jump", `epoch ${epoch} has not begun, ${inForce} is in force`);
  }

  private checkScope(accepted: AnyDocument, roles: Role[]): void {
    if (accepted.kind === "pol") checkPolicyScope(accepted.document.partition, this.device);
    else if (accepted.kind === "lock") {
      const wipesAll = accepted.document.others.desired === "wiped";
      if (!roles.includes(wipesAll ? "r-wipe" : "r-command")) {
        refuse("verb-role", "what it wants is not for the keys that signed it");
      }
      checkLockScope(accepted.document, this.device, this.trust.allowed);
    } else if (accepted.kind === "img") checkImageScope(accepted.document, this.device);
    else if (accepted.kind === "time") this.checkNewest(accepted.document);
  }

  /** A freshness document that contradicts itself, or what is in force, is somebody's second truth. */
  private checkNewest({ newest }: TimeDocument): void {
    const seen = new Set(newest.map(({ kind, partition }) => `${kind}/${partition}`));
    if (seen.size !== newest.length) refuse("schema", "the freshness document names something twice");
    for (const { kind, partition, epoch, version, hash } of newest) {
      const inForce = appliedVersion(this.trust, kind, partition);
      if (inForce?.epoch === epoch && inForce.version === version && !equalBytes(inForce.hash, hash)) {
        refuse("equivocation", `version ${version} of ${kind} is in force with other contents`);
      }
    }
  }

  private next(accepted: AnyDocument, hash: Uint8Array): Trust {
    const { kind, document } = accepted;
    const subject = subjectOf(accepted);
    const others = this.trust.versions.filter((each) => each.kind !== kind || each.subject !== subject);
    if (others.length >= VERSIONS_MAX) refuse("versions-full", `${VERSIONS_MAX} versions are remembered`);
    const { epoch, version } = document;
    const trust = { ...this.trust, versions: [...others, { kind, subject, epoch, version, hash }] };
    switch (kind) {
      case "root":
        return {
          ...trust,
          roles: document.roles,
          epoch: document.epochNext,
          floor: document.floor ?? trust.floor,
        };
      case "time": {
        const { audience, expires, newest } = document;
        const rest = trust.freshness.filter((each) => audienceText(each.audience) !== subject);
        return {
          ...trust,
          floor: raisedFloor(trust.floor, this.times.rtc, document.now),
          freshness: [...rest, { audience, expires, newest }],
        };
      }
      case "groups": {
        const mine = (audience: string | Uint8Array): boolean =>
          typeof audience !== "string" || audience === "all" || document.groups.includes(audience);
        return { ...trust, groups: document.groups, freshness: trust.freshness.filter((each) => mine(each.audience)) };
      }
      case "consent":
        return { ...trust, allowed: document.allowed };
      default:
        return trust;
    }
  }
}

/** What a version counts for, beside its kind: one counter for each, whichever audience it came by. A freshness document has one for each
 *  audience, because each audience has its own list. */
function subjectOf({ kind, document }: AnyDocument): string {
  switch (kind) {
    case "pol":
      return document.partition;
    case "img":
      return document.name;
    case "time":
      return audienceText(document.audience);
    default:
      return "";
  }
}
