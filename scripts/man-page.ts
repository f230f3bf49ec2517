// build/pocketvisor.1: the manual page, from the verb tables of both command lines.

import { EXIT_CODE_TEXT } from "../agent/cli/exit-codes.ts";
import { helpText, type VerbFacts } from "../agent/cli/verb.ts";
import { VERBS } from "../agent/cli/verbs.ts";
import { VERBS as FLEET_VERBS } from "../fleet/cli/main.ts";

const FILES: [path: string, text: string][] = [
  ["./handset.yaml", "what up boots, and whom the other commands mean, where there is one"],
  ["$XDG_RUNTIME_DIR/pocketvisor/", "control sockets of running handsets"],
  [
    "$XDG_STATE_HOME/pocketvisor/ (~/.local/state)",
    "audit, keys, codes and layers of encrypted disks, for each handset",
  ],
  ["$XDG_CACHE_HOME/pocketvisor/ (~/.cache)", "fetched guests"],
];
const ENVIRONMENT: [name: string, text: string][] = [
  ["POCKETVISOR_HANDSET", "the handset that commands mean without --handset"],
  ["POCKETVISOR_TENANT", "the tenant of fleet commands without --tenant"],
  ["NO_COLOR", "when it is set, nothing is coloured"],
];

/** The page, for man(1). `day` is that of the release. */
export function manPage(version: string, summary: string): string {
  const part = (program: string) => (verb: VerbFacts) =>
    `.SS ${text(verb.name)}\n.nf\n${text(helpText(program, verb))}\n.fi`;
  const pairs = (rows: [string, string][]): string =>
    rows.map(([name, about]) => `.TP\n.B ${text(name)}\n${text(about)}`).join("\n");
  return `.TH POCKETVISOR 1 "" "pocketvisor ${text(version)}" "User Commands"
.SH NAME
pocketvisor \\- ${text(summary)}
.SH SYNOPSIS
.B pocketvisor
.I COMMAND
[ARGS]
.SH COMMANDS
${VERBS.filter(({ name }) => name !== "fleet")
  .map(part("pocketvisor"))
  .join("\n")}
.SH FLEET COMMANDS
${FLEET_VERBS.map(part("pocketvisor fleet")).join("\n")}
.SH FILES
${pairs(FILES)}
.SH ENVIRONMENT
${pairs(ENVIRONMENT)}
.SH EXIT STATUS
.nf
${text(EXIT_CODE_TEXT)}
.fi
`;
}

/** Text for roff: no backslash escapes, no line that begins like a request. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}
