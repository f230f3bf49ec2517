// pocketvisor enrol: this handset joins a fleet.

import { createInterface } from "node:readline/promises";
import { askForGrant, tellOutcome } from "../enrolment/endpoint.ts";
import { HandsetEnrolment, PERMISSIONS, type Joined } from "../enrolment/handset.ts";
import { parseEnrolmentUri } from "../enrolment/uri.ts";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { readBoard } from "../handset/board.ts";
import { readHandsetFile } from "../handset/file.ts";
import { boardFile, packageVersion } from "../paths.ts";
import type { Permission } from "../wire/documents.ts";
import type { Info } from "../wire/reports.ts";
import { parseOptions, type OptionTable } from "./arguments.ts";
import { EXIT_OK } from "./exit-codes.ts";

export const ENROL_HELP = `usage: pocketvisor enrol URI [FILE] [--handset NAME] [--consent LIST] [--dry-run] [--json]

Joins the fleet that gave you URI (pv://enrol?…): makes this handset's keys, asks the fleet in, and pins the fleet's root keys.
From its next start on, the handset that FILE describes (default: the demo) is governed by the fleet, as far as its owner consents.

  --handset NAME  another name than the file's
  --consent LIST  what the owner allows, instead of being asked: none, all, or some of
                  ${Object.keys(PERMISSIONS).join(", ")}
  --dry-run       says which fleet it is, and joins nothing
  --json          the result as JSON`;

export const ENROL_OPTIONS: OptionTable = {
  handset: { type: "string" },
  consent: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
};

/** Runs the command; returns the exit status. */
export async function enrolCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, ENROL_OPTIONS, 2);
  if (parsed.flag("help")) {
    console.log(ENROL_HELP);
    return EXIT_OK;
  }
  const [address, path] = parsed.positionals;
  if (address === undefined) throw new UsageError("USAGE", "enrol needs the address", "See: pocketvisor enrol --help");
  const uri = parseEnrolmentUri(address);
  const file = readHandsetFile(path ?? boardFile("handsets", "demo.yaml"));
  const handset = parsed.text("handset") ?? file.name;
  if (!/^[a-z0-9-]{1,32}$/.test(handset)) throw new UsageError("USAGE", "--handset needs 1 to 32 of a-z, 0-9 and -");
  const enrolment = new HandsetEnrolment(handset);
  enrolment.refuseTwice();
  if (parsed.flag("dry-run")) {
    console.error(`pocketvisor: ${handset} would join the fleet ${uri.tenant} at ${uri.host}:${uri.port}`);
    return EXIT_OK;
  }
  const given = parsed.text("consent");
  const consent = given === null ? null : consentOf(given);
  if (consent === null && process.stdin.isTTY !== true) {
    throw new UsageError("USAGE", "nobody is here to be asked for consent", "Write --consent none, all, or a list.");
  }
  const now = (): number => Math.floor(Date.now() / 1000);
  const request = await enrolment.request(uri, uri.token, factsOf(handset, file.board), now());
  const grant = await askForGrant(uri, request);
  // The fleet may be gone by then: it learns the same from the handset's first birth, or from its never coming.
  const tell = (outcome: "joined" | "declined"): Promise<void> =>
    tellOutcome(uri, request, outcome).catch(() => undefined);
  let joined: Joined;
  try {
    const allowed = consent ?? (await ask(uri.tenant, grant.consentQuestions));
    joined = await enrolment.join(uri, grant, allowed, now());
  } catch (error) {
    await tell("declined");
    throw error;
  }
  await tell("joined");
  if (parsed.flag("json")) console.log(JSON.stringify(joined));
  else {
    console.error(`pocketvisor: ${handset} is device ${joined.device} of the fleet ${joined.tenant}`);
    console.error(`pocketvisor: next: pocketvisor up${path === undefined ? "" : ` ${escapeText(path)}`}`);
  }
  return EXIT_OK;
}

/** "none", "all" or words, separated by commas. */
export function consentOf(text: string): Permission[] {
  const all = Object.keys(PERMISSIONS) as Permission[];
  if (text === "none" || text === "all") return text === "all" ? all : [];
  return text.split(",").map((word) => {
    const found = all.find((each) => each === word.trim());
    if (found !== undefined) return found;
    throw new UsageError("USAGE", `--consent does not know "${escapeText(word, 40)}"`, `It knows ${all.join(", ")}.`);
  });
}

/** What a handset is before it has run: no partition has started yet, so none is named. */
export function factsOf(handset: string, board: string): Info {
  const version = packageVersion();
  const { ramBytes } = readBoard(board);
  return { board, agent: version, hypervisor: version, serial: handset, ramBytes, partitions: [] };
}

/** Asks the owner for each thing that the fleet wants to be allowed. Everything but a clear yes is a no. */
async function ask(tenant: string, questions: string[]): Promise<Permission[]> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const allowed: Permission[] = [];
  try {
    for (const word of Object.keys(PERMISSIONS) as Permission[]) {
      if (!questions.includes(word)) continue;
      const answer = await prompt.question(`May the fleet ${tenant} ${PERMISSIONS[word]}? [y/N] `);
      if (/^y(es)?$/i.test(answer.trim())) allowed.push(word);
    }
  } finally {
    prompt.close();
  }
  return allowed;
}
