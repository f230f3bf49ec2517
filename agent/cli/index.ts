// The `pocketvisor` command.

import { escapeText } from "../escape.ts";
import { Failure, GuestError, ImageError, UsageError } from "../failure.ts";
import { packageVersion } from "../paths.ts";
import { EXIT_CODE_TEXT, EXIT_IMAGE, EXIT_INTERNAL, EXIT_OK, EXIT_REFUSED, EXIT_USAGE } from "./exit-codes.ts";
import { listText, nearest } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const HELP = `usage: pocketvisor COMMAND [ARGS]

${listText(VERBS)}

"pocketvisor COMMAND --help" tells more. --version prints the version. The manual page: man pocketvisor

${EXIT_CODE_TEXT}`;

async function command([name, ...rest]: string[]): Promise<number> {
  if (name === undefined) throw new UsageError("USAGE", "a command is missing", "See: pocketvisor --help");
  if (["help", "--help", "-h"].includes(name)) {
    console.log(HELP);
    return EXIT_OK;
  }
  if (name === "--version") {
    console.log(packageVersion());
    return EXIT_OK;
  }
  const verb = VERBS.find((each) => each.name === name);
  if (verb !== undefined) return verb.run(rest);
  const near = nearest(name, VERBS);
  const hint = near === "" ? "See: pocketvisor --help" : `Did you mean ${near}? See: pocketvisor --help`;
  throw new UsageError("USAGE", `there is no command "${escapeText(name, 40)}"`, hint);
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
