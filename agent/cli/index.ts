// The `pocketvisor` command.

import { escapeText } from "../escape.ts";
import { Failure, GuestError, ImageError, UsageError } from "../failure.ts";
import { packageVersion } from "../paths.ts";
import { commands } from "../command.ts";
import { consoleCommand, controlCommand, topCommand } from "./control.ts";
import { doctorCommand } from "./doctor.ts";
import { enrolCommand } from "./enrol.ts";
import { fleetCommand } from "./fleet.ts";
import { EXIT_CODE_TEXT, EXIT_IMAGE, EXIT_INTERNAL, EXIT_OK, EXIT_REFUSED, EXIT_USAGE } from "./exit-codes.ts";
import { debugCommand, profileCommand } from "./inspection.ts";
import { guestCommand } from "./guest.ts";
import { runCommand } from "./run.ts";
import { shellCommand } from "./shell.ts";
import { SECRET_VERBS, secretCommand } from "./unlock.ts";
import { CONTROL_VERBS, upCommand } from "./up.ts";

const HELP = `usage: pocketvisor COMMAND [ARGS]

  run [GUEST]    runs a guest on this terminal
  up [FILE]      boots a handset: several partitions under budgets
  top            a live view of the running handset
  console NAME   attaches this terminal to a partition
  debug NAME     lets GDB look into a partition
  shell          a prompt for commands and JavaScript
${commands()
  .map(
    ({ name, positionals, summary }) =>
      `  ${[name, ...positionals].join(" ").replace("PARTITION", "NAME").padEnd(15)}${summary}`,
  )
  .join("\n")}
  guest          fetches, lists and removes guests
  enrol          joins a fleet
  fleet          the operator's side: keys, policies, devices, commands
  doctor         checks what this computer has

"pocketvisor COMMAND --help" tells more. --version prints the version.

${EXIT_CODE_TEXT}`;

async function command(args: string[]): Promise<number> {
  const [verb, ...rest] = args;
  switch (verb) {
    case "run":
      return runCommand(rest);
    case "up":
      return upCommand(rest);
    case "top":
      return topCommand(rest);
    case "console":
      return consoleCommand(rest);
    case "debug":
      return debugCommand(rest);
    case "profile":
      return profileCommand(rest);
    case "shell":
      return shellCommand(rest);
    case "guest":
      return guestCommand(rest);
    case "enrol":
      return enrolCommand(rest);
    case "fleet":
      return fleetCommand(rest);
    case "doctor":
      return doctorCommand(rest);
    case "help":
    case "--help":
    case "-h":
      console.log(HELP);
      return EXIT_OK;
    case "--version":
      console.log(packageVersion());
      return EXIT_OK;
    case undefined:
      throw new UsageError("USAGE", "a command is missing", "See: pocketvisor --help");
    default:
      if (SECRET_VERBS.includes(verb)) return secretCommand(verb, rest);
      if (CONTROL_VERBS.includes(verb)) return controlCommand(verb, rest);
      throw new UsageError("USAGE", `there is no command "${escapeText(verb)}"`, "See: pocketvisor --help");
  }
}

function explain(error: unknown): number {
  if (!(error instanceof Failure)) {
    console.error("pocketvisor: internal error (please report):", error);
    return EXIT_INTERNAL;
  }
  console.error(`pocketvisor: ${error.message} [${error.code}]${error.hint === "" ? "" : `\n  ${error.hint}`}`);
  if (error instanceof UsageError) return EXIT_USAGE;
  return error instanceof ImageError || error instanceof GuestError ? EXIT_IMAGE : EXIT_REFUSED;
}

/** Whoever reads the output has gone, as in `| head`. What runs ends as if it were interrupted; a short command has no more to say. */
function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  if (process.listenerCount("SIGINT") > 0) process.emit("SIGINT");
  else process.exit(EXIT_OK);
}

process.stdout.on("error", readerGone);
process.stderr.on("error", readerGone);
process.exitCode = await command(process.argv.slice(2)).catch(explain);
// A terminal or pipe on standard input would keep the process; what was written must be out first.
process.stdout.write("", () => process.exit());
