// GDB itself, as the peer of our stub: a script in, what it printed out.

import { spawn } from "node:child_process";
import { programPath } from "../../agent/paths.js";
import { pocketvisor, type CommandOptions, type CommandResult } from "./pocketvisor.js";

export const GDB = "gdb-multiarch";
/** Only keeps a hung test from lasting for ever. */
const LIMIT_MS = 240_000;

/** Why there can be no test with GDB here, or null. */
export function missingGdb(): string | null {
  return programPath(GDB) === null ? `no ${GDB} here` : null;
}

/** Runs GDB's commands against `where` ("127.0.0.1:PORT" or a socket's path); what it printed on standard output. */
export function gdb(where: string, commands: string[]): Promise<string> {
  const first = ["set pagination off", "set confirm off", "set architecture arm", `target remote ${where}`];
  const args = [...first, ...commands].flatMap((command) => ["-ex", command]);
  const child = spawn(GDB, ["-batch", "-nx", "-q", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      if (status === 0 || status === 1) resolve(stdout);
      else reject(new Error(`${GDB} ended with ${status}: ${stdout}${stderr}`));
    });
  });
}

/** Starts `pocketvisor run ARGS --gdb 0`, hands its port to `session`, and waits for both. */
export async function debugged(
  args: string[],
  session: (where: string) => Promise<void>,
  options: CommandOptions = {},
): Promise<CommandResult> {
  let opened: (where: string) => void = () => {};
  const where = new Promise<string>((resolve) => (opened = resolve));
  let end: () => void = () => {};
  const running = pocketvisor(["run", ...args, "--gdb", "0", "--timeout", "200"], {
    ...options,
    onStart: (child) => (end = () => child.signal("SIGTERM")),
    onError: (stderr) => {
      const port = /target remote (127\.0\.0\.1:\d+)/.exec(stderr);
      if (port !== null) opened(port[1]!);
    },
  });
  // A command that ends before it listens has no port.
  const early = running.then(({ stderr }) => Promise.reject(new Error(`no debugger's port: ${stderr}`)));
  early.catch(() => {});
  try {
    await session(await Promise.race([where, early]));
  } catch (error) {
    end();
    await running;
    throw error;
  }
  return running;
}
