// What comes down: a document is judged and persisted by the shell's governor, then applied, then told.

import type { Judged } from "../../shell/orders.ts";
import type { Via } from "../../wire/accept.ts";
import { ack as ackSchema, type Ack, type Command } from "../../wire/commands.ts";
import type { LockDocument, NowDocument } from "../../wire/documents.ts";
import { MESSAGE } from "../../wire/limits.ts";
import { HANDSET_EVENTS, type Reason } from "../../wire/reasons.ts";
import { decodeMessage, encodeMessage } from "../../wire/schema.ts";
import type { Acting } from "./acting.ts";
import type { Clocks } from "./clocks.ts";
import type { CommandRunner, ManagedHandset } from "./commands.ts";
import { Retries } from "./retries.ts";
import type { Standing } from "./standing.ts";
import type { Telemetry } from "./telemetry.ts";

/** The shell checks one envelope a second, and new ones come first. */
const RETRIES_AT_ONCE = 2;
/** What a command's refusal is called in its answer; all others: rejected. */
const STATUSES: Partial<Record<Reason, Ack["status"]>> = {
  replayed: "failed",
  expired: "expired",
  "no-time": "not-now",
};

/** What documents are carried out with. */
export interface DocumentTools {
  runner: CommandRunner;
  clocks: Clocks;
  telemetry: Telemetry;
  /** The fleet has let the handset go. */
  leave: () => void;
}

export class Documents {
  private readonly retries = new Retries();
  private readonly runner: CommandRunner;
  private readonly clocks: Clocks;
  private readonly telemetry: Telemetry;
  private readonly leave: () => void;
  private readonly standing: Standing;
  private readonly target: ManagedHandset;
  private readonly acting: Acting;

  constructor(acting: Acting, { runner, clocks, telemetry, leave }: DocumentTools) {
    this.acting = acting;
    this.standing = acting.standing;
    this.target = acting.target;
    this.runner = runner;
    this.clocks = clocks;
    this.telemetry = telemetry;
    this.leave = leave;
  }

  /** Judges again what could not be taken when it came. */
  async again(): Promise<void> {
    for (const { envelope, via } of this.retries.list().slice(0, RETRIES_AT_ONCE)) await this.document(envelope, via);
  }

  /** Judges a document, and does what it says if it counts. */
  async document(envelope: Uint8Array, via: Via): Promise<void> {
    const judged = await this.target.document(envelope, via, this.standing.time.asked);
    if (judged.verdict === "refused") {
      const known = this.retries.isWaiting(envelope, via);
      this.retries.refused(envelope, via, judged.reason);
      // Told once, however often it is tried.
      if (!known || !this.retries.isWaiting(envelope, via)) this.refused(judged, via);
      // What the agent holds back is judged again with this.
      return this.telemetry.tellTrust();
    }
    this.retries.taken(envelope, via);
    if (judged.verdict === "unchanged") return;
    if (judged.accepted.kind === "now") return this.timeTold(judged.accepted.document);
    const lockedBefore = this.standing.lockInForce?.version ?? 0;
    const floorBefore = this.standing.governance.trust.floor;
    this.standing.reread();
    const { accepted } = judged;
    this.telemetry.tellTrust();
    if (accepted.kind === "pol") {
      const partition = this.standing.partitions.get(accepted.document.partition);
      if (partition === undefined) return;
      partition.govern(
        { document: accepted.document, hash: judged.hash, appliedAt: judged.at },
        this.standing.manifests,
      );
      await this.acting.apply(partition);
      this.target.happened("policy-applied", partition.id);
    } else if (accepted.kind === "img") {
      for (const partition of this.standing.partitions.values()) {
        if (partition.policy === null) continue;
        partition.govern(partition.policy, this.standing.manifests);
        await this.acting.apply(partition);
      }
    } else if (accepted.kind === "cmd") await this.command(accepted.document);
    else if (accepted.kind === "lock") await this.lockWanted(accepted.document, lockedBefore);
    else {
      this.clocks.heard(accepted.kind === "time" && this.standing.governance.trust.floor > floorBefore);
    }
  }

  /** The fleet has said what time it is: what waited for it is judged now. */
  private timeTold(document: NowDocument): void {
    this.standing.time.answered(document);
    this.clocks.heard(true);
    this.acting.tell({ kind: "time", session: this.standing.time.session });
    this.acting.tell({ kind: "nonce", nonce: null });
  }

  private async lockWanted(document: LockDocument, before: number): Promise<void> {
    const result = await this.runner.want(document, before);
    this.acting.tell({ kind: "ack", ack: { id: document.id, time: this.standing.now(), ...result } });
    this.acting.reportAll();
  }

  private refused(judged: Extract<Judged, { verdict: "refused" }>, { kind, partition }: Via): void {
    const { code, commandId, ack, detail } = judged;
    const args = new Map<number, number | string>([
      [1, code],
      [2, kind],
    ]);
    if (partition !== undefined) args.set(3, partition);
    const event = { time: this.standing.now(), code: HANDSET_EVENTS["document-refused"], severity: 4, args } as const;
    this.acting.tell({ kind: "event", event });
    if (commandId === null) return;
    // A command that comes again is answered as it was; one that was cut off before its end cannot say how far it came.
    const answer: Ack =
      ack !== null
        ? decodeMessage(ackSchema, ack, MESSAGE)
        : {
            id: commandId,
            status: STATUSES[judged.reason] ?? "rejected",
            time: this.standing.now(),
            code,
            text: judged.reason === "replayed" ? "cut off before it was answered" : detail.slice(0, 200),
          };
    this.acting.tell({ kind: "ack", ack: answer });
  }

  private async command(command: Command): Promise<void> {
    const result = await this.runner.run(command);
    const answer: Ack = { id: command.id, time: this.standing.now(), ...result };
    await this.target.answered(command.id, encodeMessage(ackSchema, answer));
    this.acting.tell({ kind: "ack", ack: answer });
    if (command.verb === "retire" && result.status === "succeeded") this.leave();
  }
}
