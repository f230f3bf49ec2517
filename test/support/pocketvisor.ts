// Runs the `pocketvisor` command as a user does: a process, its standard input and output, its status.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./temporary.js";

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

const COMMAND = fileURLToPath(new URL("../../scripts/pocketvisor.mjs", import.meta.url));
/** A machine under load takes many times as long: this only keeps a hung test from lasting for ever. */
const LIMIT_MS = 240_000;

export interface CommandOptions {
  input?: string;
  /** Keeps standard input open after `input`, until the command ends. */
  keepInput?: boolean;
  environment?: Record<string, string>;
  onStart?: (child: { signal(name: NodeJS.Signals): void }) => void;
  /** Called with all output so far, whenever there is more. */
  onOutput?: (stdout: string, child: { write(text: string): void; signal(name: NodeJS.Signals): void }) => void;
  /** The same of standard error. */
  onError?: (stderr: string) => void;
}

/** Runs the command to its end. */
export function pocketvisor(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const environment = { ...process.env, ...options.environment };
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ["pipe", "pipe", "pipe"], env: environment });
  let [stdout, stderr] = ["", ""];
  const handle = {
    write: (text: string): void => void child.stdin.write(text),
    signal: (name: NodeJS.Signals): void => void child.kill(name),
  };
  options.onStart?.(handle);
  child.stdout.setEncoding("latin1").on("data", (chunk: string) => {
    stdout += chunk;
    options.onOutput?.(stdout, handle);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
    options.onError?.(stderr);
  });
  child.stdin.on("error", () => {});
  if (options.input !== undefined) child.stdin.write(options.input);
  if (options.keepInput !== true) child.stdin.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  return new Promise((resolve) => {
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
  });
}

/** A file for --stats, and a function that reads it. */
export function statsFile(): { path: string; read: () => Record<string, number> } {
  const path = join(temporaryFolder(), "stats.json");
  return { path, read: () => JSON.parse(readFileSync(path, "utf8")) as Record<string, number> };
}
