// Which audit records lie in the agent's queue, over starts: one number in a file. An older note than the truth sends records again, which does no harm, so nobody waits for the disk.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditBacklog, AuditLog } from "./log.ts";

export const AUDIT_NOTE = "audit.told";

export class AuditNote {
  private readonly path: string;

  /** `folder` is the monitor's. */
  constructor(folder: string) {
    this.path = join(folder, AUDIT_NOTE);
  }

  /** What earlier starts have left untold. What was written before the handset belonged to a fleet is nobody's but its owner's: without a note there
   *  is nothing. */
  backlog(audits: AuditLog): AuditBacklog {
    return audits.since(this.read() ?? audits.chain.sequence);
  }

  /** The next record to give has this number. */
  write(next: number): void {
    try {
      writeFileSync(this.path, String(next), { mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  private read(): bigint | null {
    try {
      const text = readFileSync(this.path, "latin1");
      return /^\d{1,15}$/.test(text) ? BigInt(text) : null;
    } catch {
      return null;
    }
  }
}
