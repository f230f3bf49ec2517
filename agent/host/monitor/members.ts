// The partitions of a running handset by number and by name.

import { UsageError } from "../../failure.ts";
import type { CpuContract, DiskFile, EnergyContract, IoContract } from "../../handset/contracts.ts";
import type { HandsetPartition } from "../../handset/file.ts";

export interface Member {
  id: number;
  file: HandsetPartition;
  disk: DiskFile | null;
  /** Bytes of translated code that its file asks for. */
  asksTranslated: number;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
}

export class Members {
  private readonly byId = new Map<number, Member>();
  private readonly byName = new Map<string, Member>();

  add(member: Member): void {
    this.byId.set(member.id, member);
    this.byName.set(member.file.name, member);
  }

  all(): IterableIterator<Member> {
    return this.byId.values();
  }

  get names(): string[] {
    return [...this.byName.keys()];
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  find(name: string): Member | undefined {
    return this.byName.get(name);
  }

  known(id: number): Member | undefined {
    return this.byId.get(id);
  }

  /** Throws UsageError while it is being defined. */
  get(id: number): Member {
    const member = this.byId.get(id);
    if (member !== undefined) return member;
    throw new UsageError("PARTITION_UNKNOWN", "the partition is still being defined", "Ask again in a moment.");
  }

  /** Throws UsageError when there is none. */
  named(name: string): Member {
    const member = this.byName.get(name);
    if (member !== undefined) return member;
    throw new UsageError(
      "PARTITION_UNKNOWN",
      `there is no partition ${JSON.stringify(name)}`,
      `Partitions: ${this.names.join(", ")}.`,
    );
  }

  /** The name of whom an event is about. */
  nameOf(id: number): string {
    return this.byId.get(id)?.file.name ?? "the handset";
  }
}
