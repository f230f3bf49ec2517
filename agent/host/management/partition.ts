// One partition as its policy has it: what was asked for it, what the policy leaves of that, what is told of it.

import { complianceOf, violated, type Outcome } from "../../policy/compliance.ts";
import { cut, limitsOf, type Limits } from "../../policy/limits.ts";
import type { Contracts } from "../../handset/contracts.ts";
import type { CodeFacts } from "../../policy/unlock.ts";
import type { Image } from "../../wire/documents.ts";
import type { Policy } from "../../wire/policy.ts";
import type { DiskProtection, Reported } from "../../wire/reports.ts";

export interface PolicyApplied {
  document: Policy;
  /** SHA-256 of its payload. */
  hash: Uint8Array;
  /** Seconds since 1970. */
  appliedAt: number;
}

/** What the power section's throttle leaves of the processor: a quarter. */
const THROTTLE_DIVISOR = 4;

export class ManagedPartition {
  readonly name: string;
  /** SHA-256 of its kernel image, in hexadecimal. */
  readonly image: string;
  /** Below zero: the hypervisor has not taken it. */
  id = -1;
  memoryBytes = 0;
  disk: DiskProtection = "none";
  /** What its handset file and its user want. */
  asked: Contracts;
  policy: PolicyApplied | null = null;
  limits: Limits | null = null;
  /** Why the hypervisor or the shell did not take what the policy leaves; null: it did. */
  refusal: string | null = null;
  /** The battery is low, and the policy throttles then. */
  throttled = false;
  /** Paused by the policy's power section, not by a person. */
  pausedForPower = false;
  /** Why it is locked; null: it is not. */
  lockedFor: string | null = null;
  /** Since when a section is violated, by its key: seconds since 1970. */
  readonly violatedSince = new Map<number, number>();

  constructor(name: string, image: string, asked: Contracts) {
    this.name = name;
    this.image = image;
    this.asked = asked;
  }

  /** From here on this policy counts, and these manifests of images. */
  govern(policy: PolicyApplied, manifests: readonly Image[]): void {
    this.policy = policy;
    this.limits = limitsOf(policy.document, manifests);
  }

  /** The contracts to have. */
  get wanted(): Contracts {
    const left = this.limits === null ? this.asked : cut(this.asked, this.limits);
    if (!this.throttled) return left;
    const { cpu } = left;
    const ceiling = Math.floor((cpu.ceiling ?? cpu.period) / THROTTLE_DIVISOR);
    const budget = Math.min(cpu.budget, ceiling);
    return { ...left, cpu: { ...cpu, ceiling, budget, class: budget > 0 ? cpu.class : "best-effort" } };
  }

  /** A person's order was taken: what it changed is what is asked for from now on, and what the policy had cut stays asked for. */
  ordered(taken: Contracts, before: Contracts): void {
    const cpu = { ...this.asked.cpu };
    for (const key of Object.keys(cpu) as (keyof typeof cpu)[]) {
      if (taken.cpu[key] !== before.cpu[key]) Object.assign(cpu, { [key]: taken.cpu[key] });
    }
    const same = (a: Contracts["energy"], b: Contracts["energy"]): boolean =>
      a?.capacity === b?.capacity && a?.rate === b?.rate && a?.share === b?.share;
    const energy = same(taken.energy, before.energy) ? this.asked.energy : taken.energy;
    this.asked = { cpu, energy, io: taken.io };
  }

  /** What is told of it; null: it has no policy. `running`: it has a machine now. */
  reported(running: boolean, code: CodeFacts | null, now: number): Reported | null {
    if (this.policy === null || this.limits === null) return null;
    const { document, hash, appliedAt } = this.policy;
    const { image, memoryBytes, refusal, limits, disk } = this;
    const outcome: Outcome = { limits, memoryBytes, image, refusal, running, code, now };
    const { epoch, version } = document;
    return { policy: { epoch, version }, hash, appliedAt, sections: complianceOf(document, outcome), disk };
  }

  /** Sections that the policy's enforcement clock has run out for, by their keys. */
  overdue(running: boolean, code: CodeFacts | null, now: number): number[] {
    const sections = this.reported(running, code, now)?.sections;
    if (sections === undefined) return [];
    const broken = violated(sections);
    for (const key of this.violatedSince.keys()) if (!broken.includes(key)) this.violatedSince.delete(key);
    for (const key of broken) if (!this.violatedSince.has(key)) this.violatedSince.set(key, now);
    const clocks = this.policy!.document.enforcement ?? [];
    return clocks
      .filter(({ section, blockAfterSeconds }) => {
        const since = this.violatedSince.get(section);
        return blockAfterSeconds !== undefined && since !== undefined && now - since >= blockAfterSeconds;
      })
      .map(({ section }) => section);
  }
}
