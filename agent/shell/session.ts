// One client of `pocketvisor shell`: its lines run in a worker and a QuickJS runtime of its own, with every command as a function.

import { commands } from "../command.ts";
import { UsageError } from "../failure.ts";
import { commandLine } from "./command-line.ts";
import type { SandboxLimits } from "./sandbox.ts";
import { ScriptHost, scriptText, type CommandRunner } from "./script-host.ts";

const LIMITS: SandboxLimits = { memoryBytes: 8 << 20, stackBytes: 256 << 10, milliseconds: 1000, textMax: 256 << 10 };
/** Each session is a thread. */
const SESSIONS_MAX = 4;
/** Lines that may wait in one session. */
const WAITING_MAX = 16;

let open = 0;

export class ShellSession {
  private readonly host: ScriptHost;
  private waiting = 0;

  /** Throws UsageError when there are too many. */
  constructor(command: CommandRunner) {
    if (open >= SESSIONS_MAX) {
      throw new UsageError("SHELLS_EXHAUSTED", `${SESSIONS_MAX} shells are open`, "Leave one of them first.");
    }
    open++;
    this.host = new ScriptHost(LIMITS, command);
  }

  /** Evaluates a line; returns its result as JSON, or null when it has none. Throws UsageError. */
  async evaluate(line: string): Promise<{ json: string | null }> {
    if (this.waiting >= WAITING_MAX) throw new UsageError("SHELL_BUSY", `${WAITING_MAX} lines wait already`);
    this.waiting++;
    const outcome = await this.host.run({
      runtime: "prompt",
      commands: commands()
        .filter(({ secrets }) => secrets === undefined)
        .map(({ name }) => name),
      code: commandLine(line),
    });
    this.waiting--;
    if (outcome.ended === "value") return { json: outcome.json ?? null };
    throw new UsageError(outcome.ended === "threw" ? "SCRIPT_THREW" : "SCRIPT_STOPPED", scriptText(outcome));
  }

  async close(): Promise<void> {
    open--;
    await this.host.close();
  }
}
