// A handset of small bare guests as a process, and the commands that a user gives it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pocketvisor, type CommandResult } from "./pocketvisor.js";
import { temporaryFile, temporaryFolder } from "./temporary.js";

export const KEYS_GUEST = fileURLToPath(new URL("../guest/bare/keys.bin", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../../scripts/pocketvisor.mjs", import.meta.url));
const LIMIT_MS = 60_000;

export interface HandsetProcess {
  call(args: string[], input?: string): Promise<CommandResult>;
  /** Types into a partition's console. */
  press(partition: string, keys: string): Promise<void>;
  /** What a command needs to find it. */
  environment: Record<string, string>;
  /** Where the control socket lies. */
  socket: string;
  /** Everything that the handset has said so far. */
  said(): string;
  /** Waits until the handset has said this. */
  says(pattern: RegExp): Promise<void>;
}

/** Boots a handset of partitions "work" and "home" running keys.bin, and ends it after `body`. `more` is put at the file's end; its state goes
 *  to `folder`. */
export async function withHandset(
  more: string,
  body: (handset: HandsetProcess) => Promise<void>,
  folder = temporaryFolder(),
): Promise<void> {
  const partition = (name: string): string =>
    `  - { name: ${name}, kernel: ${KEYS_GUEST}, memory: 1M, overhead: small, cpu: { budget: 10ms, period: 100ms } }\n`;
  const file = temporaryFile(
    `handset: small\npartitions:\n${partition("work")}${partition("home")}${more}`,
    "small.yaml",
  );
  const socket = join(folder, "pocketvisor", "small.sock");
  const environment = { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
  const up = spawn(process.execPath, [PROGRAM, "up", file, "--plain"], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(up, "exit");
  let text = "";
  up.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const says = async (pattern: RegExp): Promise<void> => {
    const late = Date.now() + LIMIT_MS;
    while (!pattern.test(text)) {
      if (up.exitCode !== null || Date.now() > late) throw new Error(`the handset did not say ${pattern}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    await says(/home: .* overhead/);
    await body({
      call: ([verb, ...rest], input) =>
        pocketvisor([verb!, "--handset", "small", ...rest], { environment, ...(input === undefined ? {} : { input }) }),
      environment,
      socket,
      press: (partition, keys) => press(socket, partition, keys),
      said: () => text,
      says,
    });
  } finally {
    up.kill("SIGTERM");
    await ended;
  }
}

/** Attaches over the control socket, types, and leaves once that was heard. */
async function press(socket: string, partition: string, keys: string): Promise<void> {
  const client = connect(socket);
  client.write(`${JSON.stringify({ id: 1, attach: partition })}\n`);
  await once(client, "data");
  client.end(`${JSON.stringify({ id: 1, input: Buffer.from(keys).toString("base64") })}\n`);
  client.resume();
  await once(client, "close");
}
