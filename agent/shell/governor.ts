// The governor: takes the fleet's envelopes, checks each in QuickJS, persists what it changes, and only then lets it count. It lives in the
// shell worker, beside the gate that holds every order to the limits which are set here.
//
//   envelope → token → checked in QuickJS → governance file (fsync, rename) → limits of the gate → the monitor applies → result kept → report

import { REASONS, type Reason } from "../wire/reasons.ts";
import type { Verdict, Via } from "../wire/accept.ts";
import { equalBytes } from "../wire/bytes.ts";
import { presentTime, type Times } from "../wire/clock.ts";
import type { LockDocument } from "../wire/documents.ts";
import { REPLAY_MAX } from "../wire/limits.ts";
import type { Device } from "../wire/scope.ts";
import type { Trust } from "../wire/trust.ts";
import { limitsOf, type Limits } from "../policy/limits.ts";
import {
  desiredOf,
  imageOf,
  IMAGES_MAX,
  lockOf,
  policyOf,
  writeGovernance,
  type Governance,
  type PolicyInForce,
} from "./governance.ts";
import { EnvelopeBucket } from "./verify-bucket.ts";
import type { AskedTime, Judged } from "./orders.ts";

/** What the governor asks for a check: agent/shell/verify's Verifier, or a test's. */
export interface DocumentCheck {
  accept(input: Uint8Array, via: Via, device: Device, trust: Trust, times: Times): Promise<Verdict>;
}

export interface GovernorOptions {
  path: string;
  governance: Governance;
  device: Device;
  check: DocumentCheck;
  /** Seconds since 1970, as the real-time clock says. */
  rtc: () => number;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Called before anything else hears of new limits. */
  limit: (partition: string, limits: Limits) => void;
}

export class Governor {
  private readonly options: GovernorOptions;
  private readonly bucket: EnvelopeBucket;
  private governance: Governance;

  /** Sets the limits of every policy in force. */
  constructor(options: GovernorOptions) {
    this.options = options;
    this.governance = options.governance;
    this.bucket = new EnvelopeBucket(options.now);
    this.limitAll();
  }

  get trust(): Trust {
    return this.governance.trust;
  }

  get policies(): readonly PolicyInForce[] {
    return this.governance.policies;
  }

  /** Judges an envelope. When it is accepted, what it changes is on the disk; a disk that refuses refuses the envelope. */
  async document(envelope: Uint8Array, via: Via, asked: AskedTime): Promise<Judged> {
    if (!this.bucket.take()) return this.refused("rate", "envelopes come faster than one a second", null);
    const { device, check, rtc } = this.options;
    const times = { ...asked, rtc: rtc() };
    const verdict = await check.accept(envelope, via, device, this.governance.trust, times);
    switch (verdict.verdict) {
      case "unchanged":
        return { verdict: "unchanged" };
      case "refused":
        return this.refused(verdict.reason, verdict.detail, verdict.commandId);
      case "accepted":
        return this.take(verdict, envelope, times);
    }
  }

  /** Keeps the answer to a command, before it is sent: the command may come again. Throws the file system's error. */
  answered(id: Uint8Array, ack: Uint8Array): void {
    const acks = this.governance.acks.filter((each) => !equalBytes(each.id, id));
    this.persist({ ...this.governance, acks: [...acks, { id, ack }].slice(-REPLAY_MAX) });
  }

  /** Keeps a partition locked, or not, over restarts. Throws the file system's error. */
  lock(partition: string, locked: boolean): void {
    const others = this.governance.locked.filter((each) => each !== partition);
    this.persist({ ...this.governance, locked: locked ? [...others, partition] : others });
  }

  private take(
    { accepted, hash, trust }: Extract<Verdict, { verdict: "accepted" }>,
    envelope: Uint8Array,
    { rtc, session }: Times,
  ): Judged {
    const { governance } = this;
    const at = session ?? presentTime(trust.floor, rtc);
    // Session time is this start's: nothing of it is kept.
    if (accepted.kind === "now") return { verdict: "accepted", accepted, hash, at };
    const next: Governance = { ...governance, trust };
    if (accepted.kind === "pol") {
      const { partition } = accepted.document;
      const others = governance.policies.filter((each) => each.partition !== partition);
      next.policies = [...others, { partition, appliedAt: at, envelope }];
    } else if (accepted.kind === "img") {
      const others = governance.images.filter((each) => imageOf(each).name !== accepted.document.name);
      next.images = [...others, envelope].slice(-IMAGES_MAX);
    } else if (accepted.kind === "lock") {
      next.lock = envelope;
      next.locked = this.lockedBy(accepted.document);
    } else if (accepted.kind === "consent") next.consent = envelope;
    try {
      this.persist(next);
    } catch (error) {
      // What is not on the disk would be forgotten, and could be rolled back: it does not count.
      return this.refused("storage", (error as Error).message, accepted.kind === "cmd" ? accepted.document.id : null);
    }
    // A manifest may change what any policy leaves.
    if (accepted.kind === "pol" || accepted.kind === "img") this.limitAll();
    return { verdict: "accepted", accepted, hash, at };
  }

  /** Who is locked when this document counts: what it asks for anew, and else as it was. */
  private lockedBy(document: LockDocument): string[] {
    const { lock, locked } = this.governance;
    const before = lock === null ? 0 : lockOf(lock).version;
    const managed = this.options.device.partitions.filter(({ kind }) => kind !== "personal");
    return managed.flatMap(({ name }) => {
      const { desired, since } = desiredOf(document, name);
      const isLocked = since > before ? desired !== "unlocked" : locked.includes(name);
      return isLocked ? [name] : [];
    });
  }

  private limitAll(): void {
    const manifests = this.governance.images.map(imageOf);
    for (const { partition, envelope } of this.governance.policies) {
      this.options.limit(partition, limitsOf(policyOf(envelope), manifests));
    }
  }

  private persist(next: Governance): void {
    writeGovernance(this.options.path, next);
    this.governance = next;
  }

  private refused(reason: Reason, detail: string, commandId: Uint8Array | null): Judged {
    const known = commandId === null ? undefined : this.governance.acks.find(({ id }) => equalBytes(id, commandId));
    return { verdict: "refused", reason, code: REASONS[reason], detail, commandId, ack: known?.ack ?? null };
  }
}
