// One process at a time in a folder: a file that names the process which holds it. A file that a dead process left is taken over; so that a number
// that was given to another process is not mistaken for it, the file names also when it began (proc(5): field 22 of /proc/PID/stat).

import { constants, openSync, closeSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HostError } from "../../failure.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const NAME = "lock";
const TRIES = 3;

/** Takes the folder; returns how to leave it. Throws HostError when a living process holds it, and what the file system says. */
export function folderLock(folder: string): () => void {
  const path = join(folder, NAME);
  const own = `${process.pid} ${startOf(process.pid)}`;
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const descriptor = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      writeSync(descriptor, own);
      closeSync(descriptor);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid = "", start] = textOf(path).split(" ");
    if (start !== undefined && start === startOf(Number(pid))) {
      throw new HostError(
        "HANDSET_RUNNING",
        `a handset of this name is running: process ${Number(pid)}`,
        "End it with: pocketvisor down. Or give this one another name in its file.",
      );
    }
    rmSync(path, { force: true });
  }
  throw new HostError("HANDSET_RUNNING", "another handset of this name is just starting");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1").slice(0, 64);
  } catch {
    return "";
  }
}

/** When a process began, in clock ticks since the computer did; null when there is none. */
function startOf(pid: number): string | null {
  const stat = Number.isSafeInteger(pid) && pid > 0 ? textOfProcess(pid) : "";
  // The second field is the command in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[19] ?? null;
}

function textOfProcess(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "";
  }
}
