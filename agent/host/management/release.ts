// How a handset leaves its fleet. A mark comes first; from then on it is let go, whatever cut comes: managed partitions are wiped, then what
// governs the handset and everything of the agent's (key, certificate, queue) is removed, the mark last. A later enrolment makes a new
// device key, so nothing that was signed for the old device can be played to the new one. The owner's key and partition stay.

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AUDIT_NOTE } from "../audit/note.ts";
import { syncFolder, writeDurably } from "../../durable-file.ts";

export class Release {
  private readonly monitorFolder: string;
  private readonly agentFolder: string;

  constructor(monitorFolder: string, agentFolder: string) {
    this.monitorFolder = monitorFolder;
    this.agentFolder = agentFolder;
  }

  /** Whether the handset has been told to leave, and has not come to the end of it. */
  get begun(): boolean {
    return existsSync(this.mark);
  }

  /** On the disk when this returns. Throws the file system's error. */
  begin(): void {
    writeDurably(this.mark, Buffer.alloc(0));
  }

  /** Removes what governs the handset; its partitions have been wiped, and no agent runs. Throws the file system's error, and the next
   *  start does it again. */
  finish(): void {
    for (const name of ["governance", AUDIT_NOTE]) rmSync(join(this.monitorFolder, name), { force: true });
    rmSync(this.agentFolder, { recursive: true, force: true });
    syncFolder(this.monitorFolder);
    rmSync(this.mark, { force: true });
    syncFolder(this.monitorFolder);
  }

  private get mark(): string {
    return join(this.monitorFolder, "retiring");
  }
}
