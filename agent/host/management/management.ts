// The handset as one more managed node: the agent's process on one side, the shell's governor on the other. What comes down goes to the
// governor and, if it counts, is applied here; what happens here goes up. Without the agent everything that was applied holds.
//
// Order of a document: judged and persisted (governor), applied, told. Order of a command: its id persisted, carried out, its answer
// persisted, told. After a cut anywhere the same document or command comes to the same end.

import { join } from "node:path";
import type { Contracts } from "../../handset/contracts.ts";
import type { HandsetChannel } from "../../handset/file.ts";
import type { Limits } from "../../policy/limits.ts";
import type { UnlockSection } from "../../policy/unlock.ts";
import type { GovernanceSpec } from "../../shell/orders.ts";
import type { HandsetEvent, ManagementView } from "../../view.ts";
import type { Policy } from "../../wire/policy.ts";
import type { DiskProtection } from "../../wire/reports.ts";
import { channelRate } from "./channels.ts";
import { WIPED, type ManagedHandset } from "./commands.ts";
import { governanceOf } from "./membership.ts";
import { RunningManagement } from "./running.ts";
import { Standing, type ManagementOptions } from "./standing.ts";
import { managementView } from "./view.ts";

export class Management {
  private readonly standing: Standing;
  /** Null before the handset runs. */
  private running: RunningManagement | null = null;

  /** The management of a handset that was enrolled; null when it belongs to no fleet. Throws HostError for a file that is damaged, or gone. */
  static read(options: ManagementOptions): Management | null {
    const governance = governanceOf(options.monitorFolder, options.agentFolder);
    const path = join(options.monitorFolder, "governance");
    return governance === null ? null : new Management(new Standing(options, path, governance));
  }

  private constructor(standing: Standing) {
    this.standing = standing;
  }

  get spec(): GovernanceSpec {
    return this.standing.spec;
  }

  /** Takes note of a partition before it is defined; returns the contracts that its policy leaves. */
  plan(name: string, image: string, asked: Contracts): Contracts {
    return this.standing.plan(name, image, asked);
  }

  /** The hypervisor has taken it. */
  defined(name: string, id: number, memoryBytes: number, disk: DiskProtection): void {
    Object.assign(this.standing.partitions.get(name)!, { id, memoryBytes, disk });
  }

  /** Its policy keeps a partition from being defined. False: that is not the policy's doing. */
  kept(name: string, why: string): boolean {
    const partition = this.standing.partitions.get(name);
    if (partition === undefined || partition.policy === null) return false;
    partition.refusal = why;
    return true;
  }

  /** Whether it must not start. */
  isLocked(name: string): boolean {
    return (this.standing.partitions.get(name)?.lockedFor ?? null) !== null;
  }

  /** What a partition may have, before it is there: null when no policy governs it. */
  limitsOf(name: string): Limits | null {
    return this.standing.limitsOf(name);
  }

  /** Why nobody may attach to a partition's console; null: they may. */
  consoleRefusal(name: string): string | null {
    const limits = this.standing.limitsOf(name);
    return limits === null || limits.console ? null : `policy ${limits.epoch}.${limits.version} denies it`;
  }

  /** Why nobody may debug or profile a governed partition; null: they may. Only a policy that says so allows it. */
  debugRefusal(name: string): string | null {
    const partition = this.standing.partitions.get(name);
    if (partition === undefined) return null;
    const limits = this.standing.limitsOf(name);
    if (limits === null) return "it is governed, and no policy allows it";
    return limits.debug ? null : `policy ${limits.epoch}.${limits.version} does not allow it`;
  }

  /** What the policy of a partition says of unlocking it; null: nothing. */
  unlockOf(name: string): UnlockSection | null {
    return this.standing.partitions.get(name)?.policy?.document.unlock ?? null;
  }

  /** The policy of a partition; null: it has none. */
  policyOf(name: string): Policy | null {
    return this.standing.partitions.get(name)?.policy?.document ?? null;
  }

  /** Bytes a second that a channel may carry; null: as many as the file says; undefined: there is to be none. */
  channelRate(channel: HandsetChannel): number | null | undefined {
    return channelRate(channel, (name) => this.limitsOf(name));
  }

  /** Something that its report tells has changed. */
  changed(name: string): void {
    const partition = this.standing.partitions.get(name);
    if (partition !== undefined) this.running?.report(partition);
  }

  /** What it had on disk was destroyed. */
  wiped(name: string): void {
    const partition = this.standing.partitions.get(name);
    if (partition !== undefined) partition.lockedFor = WIPED;
    this.changed(name);
  }

  /** A person's order was taken. */
  ordered(name: string, taken: Contracts, before: Contracts): void {
    this.standing.partitions.get(name)?.ordered(taken, before);
  }

  /** The handset runs: starts the agent, applies what is in force. */
  async start(target: ManagedHandset): Promise<void> {
    this.running = new RunningManagement(this.standing, target);
    await this.running.start();
  }

  async close(): Promise<void> {
    await this.running?.close();
  }

  /** Something happened on the handset. */
  happened(event: HandsetEvent, name: string): void {
    this.running?.happened(event, name);
  }

  /** Raw audit records. */
  audited(bytes: Uint8Array): void {
    this.standing.audit.add(bytes);
    this.running?.sendAudit();
  }

  get view(): ManagementView {
    return managementView(this.standing, this.running?.agentPid ?? null, this.running?.sampleCount ?? 0);
  }

  /** The present, as the device believes it: seconds since 1970. */
  now(): number {
    return this.standing.now();
  }
}
