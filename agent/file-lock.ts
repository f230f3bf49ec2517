// One writer at a time of a file, whoever starts it: flock(2) on an open descriptor of ours. Node has no call for it, so util-linux's `flock`
// takes the lock on the descriptor that it inherits; a lock belongs to the open file description (flock(2)), so it holds when that program has
// ended, and the kernel lets go of it however we die. Nothing is left behind that could be stale, and nothing is read and then removed.
//
// Who holds a lock is written for people: in the file itself if it is there for the lock alone, else in one of ours, by device and inode.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { escapeText } from "./escape.ts";
import { HostError } from "./failure.ts";
import { programPath, stateFolder } from "./paths.ts";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
/** Of util-linux's flock: somebody else holds it. */
const CONFLICT = 1;
const NOTE_BYTES_MAX = 1024;

/** Who wants a lock: for whoever comes next. */
export interface LockHolder {
  handset: string;
  /** Empty: the handset itself. */
  partition: string;
}

export class FileLock {
  private descriptor: number | null;
  /** Where it stands who holds it; null: in the file itself, or nowhere. */
  private note: string | null = null;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Locks `path`, for reading alone with others or for writing alone. A file that is made for this has mode 0600. Throws HostError
   *  LOCK_HELD when another process has it, LOCK_ABSENT when nothing here can lock, and what the file system says. */
  static take(path: string, how: "shared" | "exclusive", holder: LockHolder, create = false): FileLock {
    const program = programPath("flock");
    if (program === null && how === "exclusive") {
      throw new HostError(
        "LOCK_ABSENT",
        `${escapeText(path)} cannot be locked: there is no flock program, and two that write it destroy it`,
        "Install util-linux. Or, if you know that nobody else uses it: --no-lock",
      );
    }
    const flags = create ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY | O_NONBLOCK;
    const descriptor = openSync(path, flags, 0o600);
    const lock = new FileLock(descriptor);
    if (program === null) return lock;
    const kind = how === "shared" ? "--shared" : "--exclusive";
    const stdio = ["ignore", "ignore", "ignore", descriptor] as const;
    const { status } = spawnSync(program, ["--nonblock", kind, "3"], { stdio: [...stdio] });
    const note = create ? path : notePath(descriptor);
    if (status === 0) {
      const text = JSON.stringify({ ...holder, pid: process.pid });
      if (create) {
        ftruncateSync(descriptor);
        writeSync(descriptor, text, 0);
      } else lock.note = writeNote(note, text);
      return lock;
    }
    const who = readNote(note);
    lock.release();
    if (status === CONFLICT) throw new HostError("LOCK_HELD", `${escapeText(path)} is in use${who}`, "End that first.");
    throw new HostError("LOCK_ABSENT", `${escapeText(path)} cannot be locked: flock ended with ${status}`);
  }

  /** Lets go of it. */
  release(): void {
    if (this.note !== null) removeNote(this.note);
    this.note = null;
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }
}

const NOTES = ".locks";

/** By device and inode: whatever a file is called, it is one. */
function notePath(descriptor: number): string {
  const { dev, ino } = fstatSync(descriptor);
  return join(stateFolder(), NOTES, `${dev}-${ino}`);
}

/** Notes are for people: without one, the lock holds all the same. Returns the path, or null. */
function writeNote(path: string, text: string): string | null {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  } catch {
    return null;
  }
}

function removeNote(path: string): void {
  try {
    rmSync(path);
    // The last one takes the folder along.
    rmdirSync(dirname(path));
  } catch {
    // Others have notes there.
  }
}

function readNote(path: string): string {
  try {
    const text = readFileSync(path, "utf8").slice(0, NOTE_BYTES_MAX);
    const { handset, partition, pid } = JSON.parse(text) as LockHolder & { pid: number };
    const whose = partition === "" ? `handset ${handset}` : `partition ${partition} of handset ${handset}`;
    return ` by ${escapeText(whose)}: process ${Number(pid)}`;
  } catch {
    return " by another process";
  }
}
