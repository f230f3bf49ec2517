// The verbs that look into a partition of a running handset: a debugger, a profile.

import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import type { ProfileResult } from "../host/index.ts";
import { parseOptions, type OptionTable } from "./arguments.ts";
import { chosenHandset } from "./chosen-handset.ts";
import { ControlClient } from "./control.ts";
import { EXIT_LEFT, EXIT_OK } from "./exit-codes.ts";
import { profileText, readSymbols } from "./profile-text.ts";

export const DEBUG_HELP = `usage: pocketvisor debug PARTITION [--handset NAME]

Stops a partition's guest and lets GDB look into it, over a socket that only you may open. The other partitions run
on. The guest continues when this command ends: with Ctrl-C, or when a policy or a lock ends it. A governed partition
refuses it unless its policy says \`debug: true\`.`;

export const PROFILE_HELP = `usage: pocketvisor profile PARTITION [--seconds N] [--symbols FILE] [--json] [--handset NAME]

Shows where a partition's guest spends its time: samples it for N seconds (default 10, at most 600) and prints a table.
A governed partition refuses it unless its policy says \`debug: true\`.

  --symbols FILE  names for the table: a System.map, or what nm prints
  --json          addresses and counts, without names`;

export const PROFILE_OPTIONS: OptionTable = {
  handset: { type: "string" },
  seconds: { type: "string" },
  symbols: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean" },
};

/** pocketvisor debug: returns the exit status. */
export async function debugCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { handset: { type: "string" }, help: { type: "boolean" } }, 1);
  if (parsed.flag("help")) {
    console.log(DEBUG_HELP);
    return EXIT_OK;
  }
  const partition = named(parsed.positionals[0]);
  const client = await ControlClient.connect(await chosenHandset(parsed.text("handset")));
  try {
    let leave: (status: number) => void = () => undefined;
    const left = new Promise<number>((resolve) => (leave = resolve));
    const interrupt = (): void => leave(EXIT_LEFT);
    process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
    const path = await client.debug(partition, (why) => {
      console.error(`pocketvisor: debugging has ended: ${escapeText(why)}`);
      leave(EXIT_LEFT);
    });
    console.error(`pocketvisor: ${partition} stands; in gdb-multiarch: target remote ${path}`);
    console.error("pocketvisor: Ctrl-C ends this, and the guest continues");
    return await Promise.race([left, client.closed().then(() => EXIT_OK)]);
  } finally {
    client.close();
  }
}

/** pocketvisor profile: returns the exit status. */
export async function profileCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, PROFILE_OPTIONS, 1);
  if (parsed.flag("help")) {
    console.log(PROFILE_HELP);
    return EXIT_OK;
  }
  const partition = named(parsed.positionals[0]);
  const symbolFile = parsed.text("symbols");
  const symbols = symbolFile === null ? [] : readSymbols(symbolFile);
  const seconds = parsed.text("seconds");
  const client = await ControlClient.connect(await chosenHandset(parsed.text("handset")));
  try {
    const options: Record<string, string> = seconds === null ? {} : { seconds };
    const result = (await client.call("profile", [partition], options)) as ProfileResult;
    console.log(parsed.flag("json") ? JSON.stringify(result) : profileText(result, symbols).trimEnd());
    return EXIT_OK;
  } finally {
    client.close();
  }
}

function named(partition: string | undefined): string {
  if (partition !== undefined) return partition;
  throw new UsageError("USAGE", "a partition's name is missing", "See: pocketvisor ls");
}
