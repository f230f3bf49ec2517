// One handset at a time in a folder: its file `lock` is locked. The file stays; only the lock on it comes and goes.

import { join } from "node:path";
import { FileLock } from "../../file-lock.ts";
import { HostError } from "../../failure.ts";

const NAME = "lock";

/** Takes the folder; returns how to leave it. Throws HostError when another process has it, and what the file system says. */
export function folderLock(folder: string, handset: string): () => void {
  try {
    const lock = FileLock.take(join(folder, NAME), "exclusive", { handset, partition: "" }, true);
    return () => lock.release();
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== "LOCK_HELD") throw error;
    throw new HostError(
      "HANDSET_RUNNING",
      `a handset of this name is running: ${error.message}`,
      "End it with: pocketvisor down. Or give this one another name in its file.",
    );
  }
}
