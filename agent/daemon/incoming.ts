// What comes down: looked at here first, with OpenSSL, so that the monitor is asked about good documents only and no faster than it can check
// them. Nothing is decided here for good: the monitor checks again, and what it trusts is what counts.
//
//   topic → size → seen just now → rate of its kind → accept() → pace → monitor

import { Bucket } from "../bucket.ts";
import type { Clock } from "../link/clock.ts";
import type { DownTopic } from "../link/topics.ts";
import { accept, type Via } from "../wire/accept.ts";
import { toHex } from "../wire/bytes.ts";
import { SessionClock, type Times } from "../wire/clock.ts";
import { DOCUMENT_BYTES_MAX } from "../wire/limits.ts";
import { REASONS, type Reason } from "../wire/reasons.ts";
import type { EventMessage } from "../wire/reports.ts";
import type { Device } from "../wire/scope.ts";
import type { Crypto } from "../wire/signers.ts";
import { appliedVersion, type Trust } from "../wire/trust.ts";
import { Hold, type Held } from "./hold.ts";

/** Documents of each kind: so many at once, so many a second are checked. */
const KIND_BURST = 32;
const KIND_PER_SECOND = 2;
/** What the monitor checks for us is one a second after a burst of 8 (agent/shell/verify-bucket.ts); a little less never meets its limit. */
const CARRY_BURST = 7;
const CARRY_PER_SECOND = 0.95;
/** Refusals that are told one by one: so many at once, so many a minute. The others are counted. */
const TELL_BURST = 10;
const TELL_PER_MINUTE = 10;
/** Envelopes that are known again by their hash. */
const SEEN_MAX = 512;
/** A held document that nothing has put right for so long is told as refused. */
const HELD_TOLD_MS = 60_000;
const TICK_MS = 1_000;

const WARNING = 4;

export interface IncomingPorts {
  /** Gives an envelope to the monitor; done when it is on its way. */
  carry(via: Via, bytes: Uint8Array): Promise<void>;
  /** An event of class security. */
  refused(event: Omit<EventMessage, "sequence">): void;
}

export class Incoming {
  private readonly clock: Clock;
  private readonly crypto: Crypto;
  private readonly ports: IncomingPorts;
  private device: Device;
  /** What the monitor said last, and what follows from it with what was carried since. */
  private told: Trust;
  private trust: Trust;
  private readonly kinds = new Map<string, Bucket>();
  private readonly pace: Bucket;
  private readonly tell: Bucket;
  private readonly hold = new Hold();
  private readonly seen = new Set<string>();
  private readonly session: SessionClock;
  private nonce: Uint8Array | null = null;
  private untold = 0;
  private judging: Promise<void> = Promise.resolve();
  private cancelTick: (() => void) | null = null;
  carriedCount = 0;
  refusedCount = 0;

  constructor(device: Device, trust: Trust, clock: Clock, crypto: Crypto, ports: IncomingPorts) {
    this.device = device;
    this.told = this.trust = trust;
    this.clock = clock;
    this.crypto = crypto;
    this.ports = ports;
    this.session = new SessionClock(clock.now);
    this.pace = new Bucket(CARRY_BURST, CARRY_PER_SECOND, clock.now);
    this.tell = new Bucket(TELL_BURST, TELL_PER_MINUTE / 60, clock.now);
  }

  /** The monitor trusts something else from now on: what is held is judged again. */
  setTrust(trust: Trust, device: Device): void {
    this.told = this.trust = trust;
    this.device = device;
    this.judgeHeld();
  }

  /** Session time now; null: nobody has said. What waited for it is judged again. */
  setSession(seconds: number | null): void {
    this.session.set(seconds);
    this.judgeHeld();
  }

  /** The question that was asked; null: none, or it has its answer. */
  setNonce(nonce: Uint8Array | null): void {
    this.nonce = nonce;
  }

  /** The link is up again, and everything retained comes again: what the monitor did not take has another try. */
  reconnected(): void {
    this.trust = this.told;
    this.seen.clear();
  }

  /** One message. Done when it needs no acknowledgement to be kept back any more. */
  message(topic: DownTopic | null, bytes: Uint8Array, retained: boolean): Promise<void> {
    if (topic === null) {
      this.refuse(null, "topic", "a topic that no document comes by");
      return Promise.resolve();
    }
    const via: Via = { kind: topic.kind, retained, ...(topic.partition === "" ? {} : { partition: topic.partition }) };
    // An answer that comes when none is waited for: another of the fleet was faster.
    if (topic.kind === "now" && this.nonce === null) return Promise.resolve();
    const place = `${topic.from}/${topic.group}/${topic.kind}/${topic.rootVersion ?? topic.image ?? topic.partition}`;
    // Commands wait each for itself; of all others the newest of its topic.
    const key = topic.kind === "cmd" ? `${place}/${toHex(this.crypto.sha256(bytes))}` : place;
    // A root that was left behind long ago is no news, and no attack.
    if ((topic.rootVersion ?? Infinity) < (appliedVersion(this.trust, "root", "")?.version ?? 0))
      return Promise.resolve();
    if (bytes.length > DOCUMENT_BYTES_MAX) {
      this.refuse(via, "too-large", `${bytes.length} bytes`);
      return Promise.resolve();
    }
    const hash = `${key}/${retained && via.kind === "cmd" ? "r" : ""}${toHex(this.crypto.sha256(bytes))}`;
    if (this.seen.has(hash)) return Promise.resolve();
    if (!this.bucketOf(via.kind).take()) {
      this.notNow(key, via, bytes, "rate", "documents of its kind come faster than they are checked");
      return Promise.resolve();
    }
    if (this.seen.size >= SEEN_MAX) this.seen.delete(this.seen.values().next().value!);
    this.seen.add(hash);
    return this.inTurn(() => this.judge(key, via, bytes));
  }

  close(): void {
    this.cancelTick?.();
  }

  /** One after the other: each is judged by what those before it changed. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    this.judging = this.judging.then(step, step);
    return this.judging;
  }

  private async judge(key: string, via: Via, bytes: Uint8Array): Promise<void> {
    const verdict = accept(bytes, via, this.device, this.trust, this.crypto, this.times);
    if (verdict.verdict === "refused") {
      const { reason, detail, commandId } = verdict;
      // Who sent a genuine command waits for its answer: the monitor gives it, with the reason, or as it was given before.
      if (commandId === null || Hold.isFor(via, reason)) return this.notNow(key, via, bytes, reason, detail);
      this.refusedCount++;
      return this.carry(via, bytes);
    }
    this.hold.remove(key);
    if (verdict.verdict === "unchanged") return;
    this.trust = verdict.trust;
    await this.carry(via, bytes);
    if (via.kind !== "cmd" && this.hold.list().length > 0) this.judgeHeld();
  }

  private async carry(via: Via, bytes: Uint8Array): Promise<void> {
    const waitMs = this.pace.waitMs();
    if (waitMs > 0) await new Promise<void>((done) => this.clock.after(waitMs, done));
    this.pace.take();
    this.carriedCount++;
    await this.ports.carry(via, bytes);
  }

  /** What the clocks say. */
  private get times(): Times {
    return { rtc: this.clock.wall(), session: this.session.now(), nonce: this.nonce, answered: this.nonce === null };
  }

  private judgeHeld(): void {
    for (const { key, via, bytes } of this.hold.list()) {
      void this.inTurn(async () => {
        if (this.hold.list().some((each) => each.key === key && each.bytes === bytes)) {
          await this.judge(key, via, bytes);
        }
      });
    }
  }

  /** Refused: for good, or held for another try. */
  private notNow(key: string, via: Via, bytes: Uint8Array, reason: Reason, detail: string): void {
    const before = this.hold.list().find((each) => each.key === key && each.bytes === bytes);
    if (Hold.isFor(via, reason)) {
      const { since, told } = before ?? { since: this.clock.now(), told: false };
      const entry: Held = { key, via, bytes, reason, since, told };
      if (this.hold.put(entry)) return this.watchHeld();
    }
    this.hold.remove(key);
    this.refuse(via, reason, detail);
  }

  /** While something is held: tries what waits for a quieter minute again, and tells what waits too long. */
  private watchHeld(): void {
    this.cancelTick ??= this.clock.after(TICK_MS, () => {
      this.cancelTick = null;
      for (const each of this.hold.list()) {
        if (!each.told && this.clock.now() - each.since >= HELD_TOLD_MS) {
          each.told = true;
          this.refuse(each.via, each.reason, "held until what is trusted changes");
        }
        if (each.reason !== "rate" || !this.bucketOf(each.via.kind).take()) continue;
        void this.inTurn(() => this.judge(each.key, each.via, each.bytes));
      }
      if (this.hold.list().some(({ reason, told }) => reason === "rate" || !told)) this.watchHeld();
    });
  }

  private refuse(via: Via | null, reason: Reason, detail: string): void {
    this.refusedCount++;
    if (!this.tell.take()) {
      this.untold++;
      return;
    }
    const args = new Map<number, string | number>([[1, via?.kind ?? ""]]);
    if (via?.partition !== undefined) args.set(2, via.partition);
    args.set(3, detail);
    // Refusals since the last that was told, which were only counted.
    if (this.untold > 0) args.set(4, this.untold);
    this.untold = 0;
    this.ports.refused({ time: this.clock.wall(), code: REASONS[reason], severity: WARNING, args });
  }

  private bucketOf(kind: string): Bucket {
    const found = this.kinds.get(kind) ?? new Bucket(KIND_BURST, KIND_PER_SECOND, this.clock.now);
    this.kinds.set(kind, found);
    return found;
  }
}
