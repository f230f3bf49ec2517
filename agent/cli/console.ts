// pocketvisor console: this terminal, or a pipe, at a partition's console.

import { setTimeout } from "node:timers/promises";
import { escapeText } from "../escape.ts";
import { HostError, UsageError } from "../failure.ts";
import type { HandsetView } from "../view.ts";
import { parseOptions } from "./arguments.ts";
import { chosenHandset } from "./chosen-handset.ts";
import { ConsoleEnd, QUIET_MS } from "./console-end.ts";
import { ControlClient, NAMED_OPTIONS } from "./control.ts";
import { EXIT_LEFT, EXIT_OK } from "./exit-codes.ts";

/** Ctrl-]. */
const LEAVE = 0x1d;
const LOOK_MS = 500;

export const CONSOLE_HELP = `usage: pocketvisor console PARTITION [--handset NAME]

Attaches this terminal to a partition's console. Ctrl-] leaves; the partition runs on.
It ends by itself when the partition is stopped; and, when standard input ends (a pipe, a file), once the guest has been
silent for ${QUIET_MS / 1000} s. Standard error says why.

  --handset NAME  which handset, when several run (or set POCKETVISOR_HANDSET)`;

/** Why the console ended: the exit status, and what is said of it. */
interface Left {
  status: number;
  why: string | null;
}

/** Runs the command; returns the exit status. */
export async function consoleCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, NAMED_OPTIONS, 1);
  if (parsed.flag("help")) {
    console.log(CONSOLE_HELP);
    return EXIT_OK;
  }
  const partition = parsed.positionals[0];
  if (partition === undefined) throw new UsageError("USAGE", "a partition's name is missing");
  const client = await ControlClient.connect(await chosenHandset(parsed.text("handset")));
  try {
    const { status, why } = await attached(client, partition);
    if (why !== null) process.stderr.write(`\npocketvisor: ${escapeText(why)}\n`);
    return status;
  } finally {
    client.close();
  }
}

async function attached(client: ControlClient, partition: string): Promise<Left> {
  const { stdin, stdout } = process;
  const raw = stdin.isTTY === true;
  const over = new AbortController();
  const end = new ConsoleEnd(partition, performance.now());
  const gone = client.closed().then((): Left => ({ status: EXIT_OK, why: null }));
  let letGo: (left: Left) => void = () => undefined;
  const left = new Promise<Left>((resolve) => (letGo = resolve));
  const input = await client.attach(
    partition,
    (bytes) => {
      end.output(performance.now());
      stdout.write(bytes);
    },
    (why) => letGo({ status: EXIT_LEFT, why: `this console was ended: ${why}` }),
  );
  try {
    if (raw) stdin.setRawMode(true);
    stdin.on("end", () => end.inputEnd(performance.now()));
    stdin.on("data", (chunk: Buffer) => {
      const at = raw ? chunk.indexOf(LEAVE) : -1;
      const bytes = at < 0 ? chunk : chunk.subarray(0, at);
      if (bytes.length > 0) input(bytes);
      if (at >= 0) letGo({ status: EXIT_LEFT, why: null });
    });
    return await Promise.race([left, gone, watched(client, partition, end, over.signal).then((by) => by ?? gone)]);
  } finally {
    over.abort();
    if (raw) stdin.setRawMode(false);
    stdin.pause();
  }
}

/** Looks at the partition until there is nothing more to come from it; null: the handset has gone, or `over` came first. */
async function watched(
  client: ControlClient,
  partition: string,
  end: ConsoleEnd,
  over: AbortSignal,
): Promise<Left | null> {
  for (;;) {
    try {
      const { partitions } = (await client.call("ls")) as HandsetView;
      const state = partitions.find(({ name }) => name === partition)?.state ?? null;
      const why = end.look(state, performance.now());
      if (why !== null) return { status: EXIT_OK, why };
      await setTimeout(LOOK_MS, undefined, { signal: over });
    } catch (error) {
      if (over.aborted || (error instanceof HostError && error.code === "HANDSET_GONE")) return null;
      throw error;
    }
  }
}
