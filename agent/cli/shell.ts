// pocketvisor shell: a prompt for commands and JavaScript against the running handset.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { commands, type HandsetView } from "../command.ts";
import { escapeText } from "../escape.ts";
import { Failure, HostError } from "../failure.ts";
import { stateFolder } from "../paths.ts";
import { parseOptions } from "./arguments.ts";
import { ControlClient, DEFAULT_HANDSET } from "./control.ts";
import { EXIT_OK, EXIT_USAGE } from "./exit-codes.ts";

export const SHELL_HELP = `usage: pocketvisor shell [--handset NAME]

A prompt for the running handset. A line is a command, as in \`pause work\`, or JavaScript, where each command is a function:
  ls().partitions.filter((each) => each.state === "paused").map((each) => resume(each.name))
  budget("work", { ceiling: "20ms" })
Results are printed as JSON. Variables stay until the shell ends. A line may take 1 s and 8 MiB. Ctrl-D leaves.
When standard input is no terminal, it reads lines, prints plain answers and ends at the first error with status ${EXIT_USAGE}.`;

const HISTORY_LINES = 500;
const WIDTH_MAX = 100_000;

/** Runs the command; returns the exit status. */
export async function shellCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { handset: { type: "string" }, help: { type: "boolean" } }, 0);
  if (parsed.flag("help")) {
    console.log(SHELL_HELP);
    return EXIT_OK;
  }
  const handset = parsed.text("handset") ?? DEFAULT_HANDSET;
  const client = await ControlClient.connect(handset);
  try {
    return process.stdin.isTTY === true ? await prompt(client, handset) : await batch(client);
  } finally {
    client.close();
  }
}

async function batch(client: ControlClient): Promise<number> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const { text, failed } = await answer(client, line);
    if (failed) {
      console.error(text);
      return EXIT_USAGE;
    }
    if (text !== "") console.log(text);
  }
  return EXIT_OK;
}

async function prompt(client: ControlClient, handset: string): Promise<number> {
  const { partitions } = (await client.call("ls")) as HandsetView;
  const words = [...commands().map(({ name }) => name), ...partitions.map(({ name }) => name), "help"];
  const path = join(stateFolder(), handset, "monitor", "shell-history");
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: `${handset}> `,
    history: readHistory(path),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string) => complete(line, words),
  });
  lines.on("history", (history: string[]) => writeHistory(path, history));
  void client.closed().then(() => lines.close());
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() === "exit") break;
    if (line.trim() !== "") {
      const { text } = await answer(client, line);
      if (text !== "") console.log(text);
    }
    lines.prompt();
  }
  lines.close();
  return EXIT_OK;
}

/** Candidates for the last word of a line. */
export function complete(line: string, words: string[]): [string[], string] {
  const last = /[a-z0-9-]*$/.exec(line)![0];
  return [words.filter((word) => word.startsWith(last)).sort(), last];
}

async function answer(client: ControlClient, line: string): Promise<{ text: string; failed: boolean }> {
  try {
    const { json } = await client.evaluate(line);
    return { text: json === null ? "" : safe(JSON.stringify(JSON.parse(json), null, 2)), failed: false };
  } catch (error) {
    if (!(error instanceof Failure) || (error instanceof HostError && error.code === "HANDSET_GONE")) throw error;
    return { text: `${escapeText(error.message)} [${error.code}]`, failed: true };
  }
}

/** A script's result holds what guests wrote: nothing of it may command the terminal. */
function safe(json: string): string {
  return json
    .split("\n")
    .map((line) => escapeText(line, WIDTH_MAX))
    .join("\n");
}

function readHistory(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean).slice(0, HISTORY_LINES) : [];
}

/** The history is what somebody typed: for the user's eyes alone. */
function writeHistory(path: string, history: string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "w", 0o600);
  try {
    writeFileSync(file, `${history.join("\n")}\n`);
  } finally {
    closeSync(file);
  }
}
