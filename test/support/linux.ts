// Debian's kernel in a partition, told what to do through its console.

import { readCachedGuest } from "../../agent/guests/cache.js";
import { pocketvisor, type CommandResult } from "./pocketvisor.js";

/** Why a guest cannot run here, or null. `npm test` fetches the guest "linux" before it runs the tests. */
export function missingGuest(name = "linux"): string | null {
  return readCachedGuest(name) === null ? `the guest ${name} is not cached: pocketvisor guest fetch ${name}` : null;
}

export interface LinuxResult extends CommandResult {
  /** What each command printed. */
  answers: string[];
}

/** Boots a guest, runs the commands in its shell, and powers it off (unless the last command ends it). */
export async function linux(commands: string[], args: string[] = [], guest = "linux"): Promise<LinuxResult> {
  // The console echoes what it is told. Quotes inside the marks keep the echo from looking like an answer.
  const script =
    commands.map((command, n) => `echo "<""${n}>"; ${command}; echo "</""${n}>"\n`).join("") + "poweroff\n";
  const result = await pocketvisor(["run", guest, "--timeout", "200", ...args], { input: script });
  const text = result.stdout.replaceAll("\r", "");
  const answers = commands.map((_, n) => new RegExp(`<${n}>\n([\\s\\S]*?)</${n}>`).exec(text)?.[1] ?? "");
  return { ...result, answers };
}
