// The engine's compiler threads give way to the threads that run guests.
//
// V8 optimises what has run for long on threads of its own, four in Node, as important as ours. On a computer with two processors they take more
// than half of the time away from a guest whose code has just been translated, for a second and longer. Linux schedules threads by
// their own niceness; theirs is raised. Elsewhere nothing is done.

import { readFileSync, readdirSync } from "node:fs";
import { setPriority } from "node:os";

/** Threads that Node makes before anything else: one for delayed tasks, and its pool's. */
const ENGINE_THREAD_COUNT = 5;
const NICENESS = 10;

interface Thread {
  id: number;
  started: number;
}

/** Raises the niceness of the engine's threads; any number of calls is as one. */
export function compilersGiveWay(): void {
  if (process.platform !== "linux") return;
  for (const thread of engineThreads()) {
    try {
      setPriority(thread.id, NICENESS);
    } catch {
      // It has ended, or a sandbox forbids it: guests are slower for a while, no more.
    }
  }
}

/** The oldest threads of this process, without its first. */
function engineThreads(): Thread[] {
  try {
    return readdirSync("/proc/self/task")
      .map((name) => ({ id: Number(name), started: startOf(name) }))
      .filter((thread) => thread.id !== process.pid)
      .sort((a, b) => a.started - b.started || a.id - b.id)
      .slice(0, ENGINE_THREAD_COUNT);
  } catch {
    return []; // no /proc here
  }
}

/** When the thread was started, in ticks since the computer was: field 22 of proc_pid_stat(5). */
function startOf(name: string): number {
  const stat = readFileSync(`/proc/self/task/${name}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}
