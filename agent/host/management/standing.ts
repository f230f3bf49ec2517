// What management knows of its handset whether it runs or not: what governs it, its partitions, the time, what is still to be told.

import type { Board } from "../../handset/board.ts";
import type { Contracts } from "../../handset/contracts.ts";
import { nodeCrypto } from "../../identity/crypto.ts";
import type { Limits } from "../../policy/limits.ts";
import type { CodeFacts } from "../../policy/unlock.ts";
import { imageOf, lockOf, policyOf, readGovernance, type Governance } from "../../shell/governance.ts";
import type { GovernanceSpec } from "../../shell/orders.ts";
import type { ManagementView } from "../../view.ts";
import type { Ack } from "../../wire/commands.ts";
import { openEnvelope } from "../../wire/cose.ts";
import type { Image, LockDocument } from "../../wire/documents.ts";
import type { Reported } from "../../wire/reports.ts";
import type { AuditBacklog } from "../audit/log.ts";
import { AuditOutlet } from "../audit/outlet.ts";
import type { ConsoleGuard } from "../console/lock.ts";
import type { DiskVault } from "../disk/vault.ts";
import { WIPED } from "./commands.ts";
import { ManagedPartition } from "./partition.ts";
import type { Release } from "./release.ts";
import { TimeQuestion } from "./time-question.ts";

export interface ManagementOptions {
  handset: string;
  board: Board;
  partitions: { name: string; kind: "work" | "personal" | "system" }[];
  /** Known once management is. */
  guard: () => ConsoleGuard;
  vault: DiskVault;
  /** The audit's records of earlier starts that the fleet has not been told, and a note of the number to go on with. */
  auditBacklog: AuditBacklog;
  auditTold: (next: number) => void;
  release: Release;
  monitorFolder: string;
  agentFolder: string;
  /** The agent's program, if it is not the product's: for tests. */
  agentProgram?: string;
}

export class Standing {
  readonly spec: GovernanceSpec;
  readonly options: ManagementOptions;
  readonly partitions = new Map<string, ManagedPartition>();
  readonly time = new TimeQuestion();
  readonly audit: AuditOutlet;
  /** Answers that nobody has been told yet. */
  readonly owed: Ack[] = [];
  governance: Governance;
  link: ManagementView["link"] = { up: false, broker: "", why: "not connected yet", sinceMs: Date.now() };
  queue: ManagementView["queue"] = { waiting: 0, sent: 0, lost: 0, trouble: "" };

  /** `path` is the file that governs. */
  constructor(options: ManagementOptions, path: string, governance: Governance) {
    this.options = options;
    this.governance = governance;
    this.audit = new AuditOutlet(options.auditBacklog);
    const device = { id: governance.device, board: options.board.name, partitions: options.partitions };
    this.spec = { path, device };
  }

  /** What the governor has written since is what counts. */
  reread(): void {
    this.governance = readGovernance(this.spec.path) ?? this.governance;
  }

  /** The agent has no link to the fleet, and why. */
  unlinked(why: string): void {
    this.link = { up: false, broker: "", why, sinceMs: Date.now() };
  }

  /** Takes note of a partition before it is defined; returns the contracts that its policy leaves. */
  plan(name: string, image: string, asked: Contracts): Contracts {
    const partition = new ManagedPartition(name, image, asked);
    this.partitions.set(name, partition);
    const inForce = this.governance.policies.find((each) => each.partition === name);
    if (inForce !== undefined) {
      const { envelope, appliedAt } = inForce;
      partition.govern({ document: policyOf(envelope), hash: hashOf(envelope), appliedAt }, this.manifests);
    }
    if (this.options.vault.wipedFor(name) !== null) partition.lockedFor = WIPED;
    else if (this.governance.locked.includes(name)) partition.lockedFor = "it was locked before the restart";
    return partition.wanted;
  }

  /** What a partition may have, before it is there: null when no policy governs it. */
  limitsOf(name: string): Limits | null {
    return this.partitions.get(name)?.limits ?? null;
  }

  /** Every partition but the owner's. */
  governed(): ManagedPartition[] {
    return [...this.partitions.values()].filter(({ name }) => this.kindOf(name) !== "personal");
  }

  /** Whose side a partition is; null: there is none of this name. */
  kindOf(name: string): "work" | "personal" | "system" | null {
    return this.options.partitions.find((each) => each.name === name)?.kind ?? null;
  }

  /** What the fleet wants locked; null: it has never said. */
  get lockInForce(): LockDocument | null {
    const { lock } = this.governance;
    return lock === null ? null : lockOf(lock);
  }

  /** The images that policies may name. */
  get manifests(): Image[] {
    return this.governance.images.map(imageOf);
  }

  /** What is told of a partition; null: it has no policy. `running`: it has a machine now. */
  reportedOf(partition: ManagedPartition, running: boolean): Reported | null {
    return partition.reported(running, this.codeOf(partition), this.now());
  }

  /** What is known of the code that locks its console; null: there is none. */
  codeOf({ name }: ManagedPartition): CodeFacts | null {
    return this.options.guard().facts(name);
  }

  /** The present, as the device believes it: seconds since 1970. */
  now(): number {
    return this.time.present(this.governance.trust.floor);
  }
}

function hashOf(envelope: Uint8Array): Uint8Array {
  return nodeCrypto.sha256(openEnvelope(envelope).payload);
}
