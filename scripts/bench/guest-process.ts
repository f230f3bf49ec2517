// A guest in a process of its own, driven through its console and timed from outside: the same for this machine and for QEMU.

import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

export interface GuestProcess {
  /** Sends text to the guest's console. */
  send(text: string): void;
  /** Ends the input: a deterministic guest starts when its input is whole. */
  sentAll(): void;
  /** Waits until the console has shown `mark` after the last one waited for; milliseconds since the process was started. */
  shown(mark: string): Promise<number>;
  /** What the console showed between the last two marks. */
  lastText(): string;
  /** Host CPU that the process has used, in milliseconds. */
  cpuMs(): number;
  /** Ends the process at once. */
  kill(): void;
  /** Waits for the end; milliseconds since the start. Throws when the status is not 0. */
  ended(): Promise<number>;
}

const LIMIT_MS = 300_000;

/** Starts `command` with its console on standard input and output; it is killed after `limitMs`. */
export function startGuest(command: string, args: string[], limitMs = LIMIT_MS): GuestProcess {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  let seen = 0;
  let between = "";
  let complaint = "";
  let wake = (): void => {};
  let endedAt: number | null = null;
  child.stdin.on("error", () => {});
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaint = (complaint + chunk).slice(-2000)));
  child.stdout.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    wake();
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  child.on("close", () => {
    clearTimeout(limit);
    endedAt = performance.now() - started;
    wake();
  });
  const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return {
    send: (line) => void child.stdin.write(line),
    sentAll: () => child.stdin.end(),
    async shown(mark) {
      for (;;) {
        const at = text.indexOf(mark, seen);
        if (at >= 0) {
          between = text.slice(seen, at);
          seen = at + mark.length;
          return performance.now() - started;
        }
        if (endedAt !== null) throw new Error(`${command} ended before "${mark}": ${text.slice(-500)}${complaint}`);
        await change();
      }
    },
    lastText: () => between,
    cpuMs: () => processCpuMs(child),
    kill: () => void child.kill("SIGKILL"),
    async ended() {
      while (endedAt === null) await change();
      if (child.exitCode !== 0)
        throw new Error(`${command} ended with ${child.exitCode ?? child.signalCode}: ${complaint}`);
      return endedAt;
    },
  };
}

/** Time on a CPU of each of its threads, exact to the nanosecond: the first number of /proc/PID/task/TID/schedstat (Linux
 *  Documentation/scheduler/sched-stats). A thread that ends in between takes its time with it; none does while a guest idles. */
function processCpuMs(child: ChildProcess): number {
  const tasks = `/proc/${child.pid}/task`;
  const nanoseconds = (task: string): number =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, "latin1").split(" ")[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(task) / 1e6, 0);
}
