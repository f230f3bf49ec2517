// A command on a real pseudo-terminal, made by util-linux's script.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../scripts/pocketvisor.mjs", import.meta.url));
const LIMIT_MS = 30_000;

/** Why there can be no terminal here; null: there can. */
export const terminalMissing: string | null = /util-linux/.test(
  spawnSync("script", ["--version"]).stdout?.toString() ?? "",
)
  ? null
  : "util-linux's script, which makes a pseudo-terminal, is not here";

export interface Terminal {
  type(keys: string): void;
  /** Everything shown so far. */
  shown(): string;
  /** Waits until this is shown, after what was shown when type() was called last. */
  shows(pattern: RegExp): Promise<void>;
  /** Waits for the end; returns the status. */
  end(): Promise<number | null>;
}

/** Runs pocketvisor with `args` on a terminal of this size. */
export async function withTerminal(
  args: string[],
  size: { columns: number; rows: number },
  environment: Record<string, string>,
  body: (terminal: Terminal) => Promise<void>,
): Promise<void> {
  const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const command = `stty cols ${size.columns} rows ${size.rows}; exec ${words}`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    env: { ...process.env, ...environment, TERM: "xterm", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let [text, mark] = ["", 0];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stdin.on("error", () => undefined);
  try {
    await body({
      type: (keys) => {
        mark = text.length;
        child.stdin.write(keys);
      },
      shown: () => text,
      shows: async (pattern) => {
        const late = Date.now() + LIMIT_MS;
        while (!pattern.test(text.slice(mark))) {
          if (child.exitCode !== null || Date.now() > late) {
            throw new Error(`the terminal did not show ${pattern}:\n${JSON.stringify(text.slice(mark).slice(-1500))}`);
          }
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
      end: async () => ((await ended) as [number | null])[0],
    });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
