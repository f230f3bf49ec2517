// `pocketvisor fleet …`: one verb after the other, errors in words, exit status.

import { createInterface } from "node:readline/promises";
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE } from "../../agent/cli/exit-codes.ts";
import { listText, nearest } from "../../agent/cli/verb.ts";
import { escapeText } from "../../agent/escape.ts";
import { Failure, UsageError } from "../../agent/failure.ts";
import type { Io } from "./io.ts";
import { aclVerb } from "./acl.ts";
import { groupsVerb } from "./groups.ts";
import { imageVerb } from "./image.ts";
import { keysVerb } from "./keys.ts";
import { brokerVerb } from "./broker.ts";
import { commandVerbs } from "./command.ts";
import { lockVerbs } from "./lock.ts";
import { certificateVerb, enrolVerb } from "./enrol.ts";
import { clearVerb, eventsVerb } from "./events.ts";
import { inspectVerb, lsVerb, watchVerb, whyVerb } from "./devices.ts";
import { simVerb } from "./sim.ts";
import { rolloutVerb } from "./rollout.ts";
import { profileVerb } from "./profile.ts";
import { publishVerb, timeVerb } from "./publish.ts";
import { policyVerb } from "./policy.ts";
import { helpOf, parseVerb, type Verb } from "./verb.ts";

export const VERBS: Verb[] = [
  ...[
    keysVerb,
    brokerVerb,
    aclVerb,
    profileVerb,
    enrolVerb,
    certificateVerb,
    groupsVerb,
    policyVerb,
    imageVerb,
    rolloutVerb,
    publishVerb,
    timeVerb,
  ],
  ...[lsVerb, inspectVerb, whyVerb, watchVerb, eventsVerb, clearVerb, simVerb],
  ...lockVerbs,
  ...commandVerbs,
];

function help(): string {
  return `usage: pocketvisor fleet VERB [ARGS] [--tenant T] [--json]

${listText(VERBS)}

"pocketvisor fleet VERB --help" tells more. The tenant is "demo" unless --tenant or POCKETVISOR_TENANT says otherwise.

exit status: 0 done, 1 it failed (or a defect), 2 bad arguments, 6 no answer in time, 130 interrupted`;
}

/** Runs a verb; returns the exit status. Throws nothing that is expected. */
export async function runFleet(args: string[], io: Io): Promise<number> {
  try {
    const [name, ...rest] = args;
    if (name === undefined || name === "--help" || name === "help" || name === "-h") {
      if (name === undefined) throw new UsageError("USAGE", "a verb is missing", "See: pocketvisor fleet --help");
      io.out(help());
      return EXIT_OK;
    }
    const verb = VERBS.find((each) => each.name === name);
    if (verb === undefined) {
      const what = `there is no fleet command "${escapeText(name, 40)}"`;
      const near = nearest(name, VERBS);
      throw new UsageError(
        "USAGE",
        what,
        `${near === "" ? "" : `Did you mean ${near}? `}See: pocketvisor fleet --help`,
      );
    }
    const parsed = parseVerb(verb, rest);
    if (!parsed.flag("help")) return await verb.run(parsed, io);
    io.out(helpOf(verb));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    io.say(`${error.message} [${error.code}]${error.hint === "" ? "" : `\n  ${error.hint}`}`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_INTERNAL;
  }
}

/** The same for this process's own terminal. */
export async function fleetCommand(args: string[]): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await runFleet(args, {
      out: (line) => void process.stdout.write(`${line}\n`),
      say: (line) => void process.stderr.write(`pocketvisor: ${line}\n`),
      ask,
      environment: process.env,
      now: () => Math.floor(Date.now() / 1000),
      signal: interrupted.signal,
      ...(process.stderr.isTTY === true ? { progress, endProgress, show } : {}),
    });
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/** One line that is written over and over. */
function progress(line: string): void {
  // Cut to the terminal's width: a line that wraps could not be written over. A terminal that does not know its size says 0.
  process.stderr.write(`\r${line.slice(0, (process.stderr.columns || 80) - 1)}\x1b[K`);
}

function show(lines: string[]): void {
  process.stderr.write(`${lines.join("\n")}\n`);
}

function endProgress(): void {
  process.stderr.write("\r\x1b[K");
}

async function ask(question: string): Promise<string | null> {
  if (process.stdin.isTTY !== true) return null;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question);
  } finally {
    prompt.close();
  }
}
