// pocketvisor shell: a prompt for commands and JavaScript against the running handset.

import { join } from "node:path";
import { createInterface } from "node:readline";
import { commands, type Command } from "../command.ts";
import { escapeText } from "../escape.ts";
import { Failure, HostError } from "../failure.ts";
import { stateFolder } from "../paths.ts";
import { parseOptions } from "./arguments.ts";
import { chosenHandset } from "./chosen-handset.ts";
import { ControlClient } from "./control.ts";
import { EXIT_OK, EXIT_USAGE } from "./exit-codes.ts";
import { HISTORY_LINES_MAX, readHistory, writeHistory } from "./shell-history.ts";
import type { HandsetView } from "../view.ts";

export const SHELL_HELP = `usage: pocketvisor shell [--handset NAME]

A prompt for the running handset. A line is a command, as in \`pause work\`, or JavaScript, where each command is a function:
  ls().partitions.filter((each) => each.state === "paused").map((each) => resume(each.name))
  budget("work", { ceiling: "20ms" })
Results are printed as JSON. Variables stay until the shell ends. A line may take 1 s and 8 MiB. Tab completes, ↑ is what was typed before, Ctrl-C drops the
line, Ctrl-D leaves.
When standard input is no terminal, it reads lines, prints plain answers and ends at the first error with status ${EXIT_USAGE}.`;

const WIDTH_MAX = 100_000;

/** Runs the command; returns the exit status. */
export async function shellCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { handset: { type: "string" }, help: { type: "boolean" } }, 0);
  if (parsed.flag("help")) {
    console.log(SHELL_HELP);
    return EXIT_OK;
  }
  const handset = await chosenHandset(parsed.text("handset"));
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
  const names = partitions.map(({ name }) => name);
  const path = join(stateFolder(), handset, "monitor", "shell-history");
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: `${handset}> `,
    history: readHistory(path),
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string) => complete(line, commands(), names),
  });
  lines.on("history", (history: string[]) => writeHistory(path, history));
  lines.on("SIGINT", () => {
    // To the end of the line, and all of it away.
    lines.write(null, { ctrl: true, name: "e" });
    lines.write(null, { ctrl: true, name: "u" });
    process.stdout.write("\n");
    lines.prompt();
  });
  let gone = false;
  void client.closed().then(() => {
    gone = true;
    lines.close();
  });
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() === "exit") break;
    if (line.trim() !== "") {
      try {
        const { text } = await answer(client, line);
        if (text !== "") console.log(text);
      } catch (error) {
        // It ended before it could answer.
        if (!(error instanceof HostError)) throw error;
        gone = true;
        break;
      }
    }
    if (!gone) lines.prompt();
  }
  lines.close();
  if (gone) console.error("\npocketvisor: the handset has ended");
  return EXIT_OK;
}

/** Candidates for the last word of a line: commands and partitions, or the options of the command that the line begins with. */
export function complete(line: string, known: readonly Command[], partitions: string[]): [string[], string] {
  const last = /[a-z0-9-]*$/.exec(line)![0];
  const first = /^\s*([a-z]+)\s/.exec(line)?.[1];
  const options = Object.keys(known.find(({ name }) => name === first)?.options ?? {}).map((name) => `--${name}`);
  const words = [...known.map(({ name }) => name), ...partitions, "help"];
  const candidates = last.startsWith("-") ? options : words;
  return [candidates.filter((word) => word.startsWith(last)).sort(), last];
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
