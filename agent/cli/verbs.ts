// The verbs of `pocketvisor`, in the order in which help lists them.

import { commands } from "../command.ts";
import { completionCommand, COMPLETION_HELP, COMPLETION_OPTIONS } from "./completion.ts";
import { consoleCommand, CONSOLE_HELP } from "./console.ts";
import {
  controlCommand,
  controlHelp,
  controlOptions,
  NAMED_OPTIONS,
  topCommand,
  TOP_HELP,
  TOP_OPTIONS,
} from "./control.ts";
import { doctorCommand, DOCTOR_HELP } from "./doctor.ts";
import { enrolCommand, ENROL_HELP, ENROL_OPTIONS } from "./enrol.ts";
import { fleetCommand, fleetVerbs } from "./fleet.ts";
import { guestCommand, GUEST_HELP, GUEST_OPTIONS } from "./guest.ts";
import { debugCommand, DEBUG_HELP, profileCommand, PROFILE_HELP, PROFILE_OPTIONS } from "./inspection.ts";
import { runCommand, RUN_HELP, RUN_OPTIONS } from "./run.ts";
import { shellCommand, SHELL_HELP } from "./shell.ts";
import { secretCommand, SECRET_HELP, SECRET_VERBS } from "./unlock.ts";
import { upCommand, UP_HELP, UP_OPTIONS } from "./up.ts";
import type { VerbFacts } from "./verb.ts";

export interface Verb extends VerbFacts {
  run(args: string[]): Promise<number> | number;
}

/** Commands of a handset that have a verb of their own below, with more options. */
const OWN = ["profile"];

const CONTROL: Verb[] = commands()
  .filter(({ name }) => !OWN.includes(name))
  .map((command) => {
    const { name, positionals, summary } = command;
    const facts = { name, usage: positionals.join(" "), summary };
    if (SECRET_VERBS.includes(name)) {
      return { ...facts, help: SECRET_HELP[name]!, options: NAMED_OPTIONS, run: (args) => secretCommand(name, args) };
    }
    const run = (args: string[]): Promise<number> => controlCommand(name, args);
    return { ...facts, help: controlHelp(command), options: controlOptions(command), run };
  });

const HELP_ONLY = { help: { type: "boolean" } } as const;

export const VERBS: Verb[] = [
  verb("run", "[GUEST] [OPTIONS]", "runs a guest on this terminal", RUN_HELP, RUN_OPTIONS, runCommand),
  verb("up", "[FILE] [OPTIONS]", "boots a handset: several partitions under budgets", UP_HELP, UP_OPTIONS, upCommand),
  verb("top", "", "shows a live view of the running handset", TOP_HELP, TOP_OPTIONS, topCommand),
  verb("console", "PARTITION", "attaches this terminal to a partition", CONSOLE_HELP, NAMED_OPTIONS, consoleCommand),
  verb("shell", "", "opens a prompt for commands and JavaScript", SHELL_HELP, NAMED_OPTIONS, shellCommand),
  ...CONTROL,
  verb("debug", "PARTITION", "lets GDB look into a partition", DEBUG_HELP, NAMED_OPTIONS, debugCommand),
  verb(
    "profile",
    "PARTITION",
    "shows where a partition spends its time",
    PROFILE_HELP,
    PROFILE_OPTIONS,
    profileCommand,
  ),
  verb("guest", "fetch|ls|rm [NAME]", "fetches, lists and removes guests", GUEST_HELP, GUEST_OPTIONS, guestCommand),
  verb("enrol", "URI [FILE]", "joins a fleet", ENROL_HELP, ENROL_OPTIONS, enrolCommand),
  verb("fleet", "VERB", "operates a fleet: keys, policies, devices, commands", "", HELP_ONLY, fleetCommand),
  verb("doctor", "", "checks what this computer has", DOCTOR_HELP, HELP_ONLY, doctorCommand),
  verb(
    "completion",
    "bash|zsh|fish",
    "prints a completion script for a shell",
    COMPLETION_HELP,
    COMPLETION_OPTIONS,
    async (args) => completionCommand(args, VERBS, await fleetVerbs()),
  ),
];

function verb(
  name: string,
  usage: string,
  summary: string,
  help: string,
  options: VerbFacts["options"],
  run: Verb["run"],
): Verb {
  return { name, usage, summary, help, options, run };
}
