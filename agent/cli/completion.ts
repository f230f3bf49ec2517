// pocketvisor completion: scripts for shells, from the verb tables.

import { UsageError } from "../failure.ts";
import { parseOptions, type OptionTable } from "./arguments.ts";
import { EXIT_OK } from "./exit-codes.ts";
import type { VerbFacts } from "./verb.ts";

export const COMPLETION_HELP = `usage: pocketvisor completion bash|zsh|fish

Prints a script that completes commands and options. To have it in each new shell:
  bash  pocketvisor completion bash > ~/.local/share/bash-completion/completions/pocketvisor
  zsh   pocketvisor completion zsh > a file _pocketvisor in a folder of $fpath
  fish  pocketvisor completion fish > ~/.config/fish/completions/pocketvisor.fish`;

export const COMPLETION_OPTIONS: OptionTable = { help: { type: "boolean" } };

/** Runs the command; returns the exit status. */
export function completionCommand(args: string[], verbs: readonly VerbFacts[], fleet: readonly VerbFacts[]): number {
  const parsed = parseOptions(args, COMPLETION_OPTIONS, 1);
  if (parsed.flag("help")) {
    console.log(COMPLETION_HELP);
    return EXIT_OK;
  }
  const script = completionScript(parsed.positionals[0] ?? "", verbs, fleet);
  if (script === null) throw new UsageError("USAGE", "completion is for bash, zsh or fish");
  console.log(script);
  return EXIT_OK;
}

/** The script for a shell; null for another one. */
export function completionScript(
  shell: string,
  verbs: readonly VerbFacts[],
  fleet: readonly VerbFacts[],
): string | null {
  if (shell === "bash") return bash(verbs, fleet);
  if (shell === "zsh")
    return `#compdef pocketvisor\nautoload -U +X bashcompinit && bashcompinit\n${bash(verbs, fleet)}`;
  return shell === "fish" ? fish(verbs, fleet) : null;
}

const optionsOf = ({ options }: VerbFacts): string[] => Object.keys(options).map((name) => `--${name}`);
const namesOf = (verbs: readonly VerbFacts[]): string => verbs.map(({ name }) => name).join(" ");

function bash(verbs: readonly VerbFacts[], fleet: readonly VerbFacts[]): string {
  const cases = (some: readonly VerbFacts[], indent: string): string =>
    some.map((each) => `${indent}${each.name}) words="${optionsOf(each).join(" ")}" ;;`).join("\n");
  return `_pocketvisor() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${namesOf(verbs)} help --help --version" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
    fleet)
      if [ "$COMP_CWORD" -eq 2 ]; then
        COMPREPLY=($(compgen -W "${namesOf(fleet)} --help" -- "$word"))
        return
      fi
      case \${COMP_WORDS[2]} in
${cases(fleet, "        ")}
      esac ;;
${cases(
  verbs.filter(({ name }) => name !== "fleet"),
  "    ",
)}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _pocketvisor pocketvisor`;
}

function fish(verbs: readonly VerbFacts[], fleet: readonly VerbFacts[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const first = "test (count (commandline -opc)) -eq 1";
  const second = "test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from fleet";
  const lines = verbs.map(
    ({ name, summary }) => `complete -c pocketvisor -f -n ${quoted(first)} -a ${name} -d ${quoted(summary)}`,
  );
  const below = fleet.map(
    ({ name, summary }) => `complete -c pocketvisor -f -n ${quoted(second)} -a ${name} -d ${quoted(summary)}`,
  );
  const options = [
    ...verbs
      .filter(({ name }) => name !== "fleet")
      .map((each) => ({ each, when: `set -l w (commandline -opc); test "$w[2]" = ${each.name}` })),
    ...fleet.map((each) => ({
      each,
      when: `set -l w (commandline -opc); test "$w[2]" = fleet -a "$w[3]" = ${each.name}`,
    })),
  ].flatMap(({ each, when }) =>
    Object.entries(each.options).map(
      ([name, { type }]) => `complete -c pocketvisor -n ${quoted(when)} -l ${name}${type === "string" ? " -r" : ""}`,
    ),
  );
  return [...lines, ...below, ...options].join("\n");
}
