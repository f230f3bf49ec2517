// What governs a handset, read from its folder.

import { UsageError } from "../../failure.ts";
import type { Board } from "../../handset/board.ts";
import type { HandsetFile } from "../../handset/file.ts";
import { agentFolder, monitorFolder } from "../../paths.ts";
import type { AuditLog } from "../audit/log.ts";
import { AuditNote } from "../audit/note.ts";
import type { AccessRules } from "../console/access.ts";
import type { ConsoleGuard } from "../console/lock.ts";
import type { HandsetDisks } from "../disk/handset.ts";
import { Management } from "../management/management.ts";
import type { Release } from "../management/release.ts";

export interface Governed {
  file: HandsetFile;
  board: Board;
  disks: HandsetDisks;
  audits: AuditLog;
  release: Release;
  /** The guard of its consoles, once there is one. */
  guard: () => ConsoleGuard;
  /** The agent, if it is not the product's. */
  agentProgram: string | undefined;
}

/** Null: it belongs to no fleet. Throws HostError when what governs it cannot be read. */
export function readManagement(of: Governed): Management | null {
  const { file, board, disks, audits, release, guard, agentProgram } = of;
  const note = new AuditNote(monitorFolder(file.name));
  return Management.read({
    ...{ handset: file.name, board, vault: disks.vault, release, guard },
    auditBacklog: note.backlog(audits),
    auditTold: (next) => note.write(next),
    partitions: file.partitions.map(({ name, kind }) => ({ name, kind })),
    monitorFolder: monitorFolder(file.name),
    agentFolder: agentFolder(file.name),
    ...(agentProgram === undefined ? {} : { agentProgram }),
  });
}

/** Who may look into a partition: what its policy says, and its unlock code. */
export function accessRules(management: Management | null, guard: ConsoleGuard | null): AccessRules {
  return {
    refusal: (partition) => management?.consoleRefusal(partition) ?? null,
    debugRefusal: (partition) => management?.debugRefusal(partition) ?? null,
    guard,
  };
}

/** Throws UsageError when the handset belongs to no fleet. */
export function guardOf(guard: ConsoleGuard | null, partition: string): ConsoleGuard {
  if (guard !== null) return guard;
  throw new UsageError("CODE_NONE", `nothing locks ${partition}: no policy governs it`);
}
