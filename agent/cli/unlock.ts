// pocketvisor unlock and code: commands with something in them that nobody else is to see. It is typed without an echo, or read from standard
// input, a line each; never an argument, which every process of this computer could read.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { commandNamed } from "../command.ts";
import { UsageError } from "../failure.ts";
import { parseOptions } from "./arguments.ts";
import { chosenHandset } from "./chosen-handset.ts";
import { ControlClient } from "./control.ts";
import { EXIT_OK } from "./exit-codes.ts";

/** Verbs that this file carries out. */
export const SECRET_VERBS = ["unlock", "code"];

export const SECRET_HELP: Record<string, string> = {
  unlock: `usage: pocketvisor unlock PARTITION [--handset NAME]

Unlocks the console of a partition whose policy locks it. Asks for its code; without a terminal, a line of standard input is the code.
It locks itself again when nobody types at it for as long as its policy says, or with: pocketvisor lock PARTITION`,
  code: `usage: pocketvisor code PARTITION [--handset NAME]

Sets the code that unlocks a partition's console, or changes it. Asks for the present code, if there is one, and for the new one. Without a
terminal, lines of standard input: the present code if there is one, then the new one.`,
};

/** Runs one of the verbs; returns the exit status. */
export async function secretCommand(name: string, args: string[]): Promise<number> {
  const parsed = parseOptions(args, { handset: { type: "string" }, help: { type: "boolean" } }, 1);
  const partition = parsed.positionals[0];
  if (parsed.flag("help")) {
    console.log(SECRET_HELP[name]);
    return EXIT_OK;
  }
  if (partition === undefined) throw new UsageError("USAGE", "a partition's name is missing");
  const client = await ControlClient.connect(await chosenHandset(parsed.text("handset")));
  const asker = new Asker();
  try {
    const options: Record<string, string> = {};
    if (name === "unlock") options["code"] = await asker.ask(`Code of ${partition}: `);
    else {
      if (await hasCode(client, partition)) options["old"] = await asker.ask(`Present code of ${partition}: `);
      options["code"] = await asker.ask(`New code of ${partition}: `);
      if (asker.isTerminal && (await asker.ask("Once more: ")) !== options["code"])
        throw new UsageError("CODE_DIFFERS", "the two are not the same");
    }
    await client.call(commandNamed(name).name, [partition], options);
    console.log("done");
    return EXIT_OK;
  } finally {
    asker.close();
    client.close();
  }
}

/** Whether a code is set: then the present one is asked for. */
async function hasCode(client: ControlClient, partition: string): Promise<boolean> {
  const view = (await client.call("ls")) as {
    management: { policies: { partition: string; console: string }[] } | null;
  };
  const policy = view.management?.policies.find((each) => each.partition === partition);
  return policy !== undefined && !["free", "unset"].includes(policy.console);
}

/** Asks on a terminal without an echo, or takes lines of standard input. */
class Asker {
  /** Whether a person is there who may mistype. */
  readonly isTerminal = process.stdin.isTTY === true;
  private readonly lines: AsyncIterator<string> | null;
  private readonly prompt;

  constructor() {
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    this.prompt = createInterface({ input: process.stdin, output: silent, terminal: this.isTerminal });
    this.lines = this.isTerminal ? null : this.prompt[Symbol.asyncIterator]();
  }

  async ask(question: string): Promise<string> {
    if (this.lines === null) {
      process.stderr.write(question);
      const answer = await this.prompt.question("");
      process.stderr.write("\n");
      return answer;
    }
    const next = await this.lines.next();
    if (next.done !== true) return next.value;
    throw new UsageError("USAGE", "standard input has ended before the code");
  }

  close(): void {
    this.prompt.close();
  }
}
