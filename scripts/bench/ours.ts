// Our side of the benchmark: `pocketvisor run` in a process of its own, and its --stats.

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../stale.mjs";
import { startGuest, type GuestProcess } from "./guest-process.ts";

/** The loops that `mips-loops` and the rows beside it run. */
export const LOOPS = join(root, "test/perf/bare/loops.bin");
/** Printed by the guest's init when its shell comes next. */
export const READY = "pocketvisor: init done";
export const PROMPT = "# ";

const files: string[] = [];
process.on("exit", () => files.forEach((file) => rmSync(file, { force: true })));

export interface OurGuest {
  guest: GuestProcess;
  /** The counters; there when the guest has ended. */
  stats: () => Record<string, number>;
}

/** Starts `pocketvisor run` with these arguments; it is killed after `limitMs`. */
export function startOurs(args: string[], limitMs?: number): OurGuest {
  const file = join(tmpdir(), `pocketvisor-bench-${process.pid}-${files.length}.json`);
  files.push(file);
  const command = [join(root, "scripts/pocketvisor.mjs"), "run", ...args, "--stats", file];
  const guest = startGuest(process.execPath, command, limitMs);
  return { guest, stats: () => JSON.parse(readFileSync(file, "utf8")) as Record<string, number> };
}
