// fleet policy: writes, checks, compares, signs and pushes policies.

import { existsSync, writeFileSync } from "node:fs";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import { allIssued, audienceName, audienceOf, issue, issuedFor, rootPublication, type Issued } from "../documents.ts";
import { lintPolicy } from "../policy/lint.ts";
import { readPolicyFile, type PolicyBody } from "../policy/reader.ts";
import { POLICY_TEMPLATE } from "../policy/template.ts";
import { changesOf, factsOf, sentence } from "../policy/words.ts";
import type { FleetStore } from "../store.ts";
import type { FleetLink } from "../link.ts";
import { signFreshness } from "../freshness.ts";
import { LINK, LINK_HELP, withLink } from "./link.ts";
import type { Io } from "./io.ts";
import { columns, dateText } from "../text.ts";
import { daysOf, DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const DAYS = 180;

type Action = (parsed: Parsed, io: Io) => Promise<number> | number;
const ACTIONS: Record<string, Action> = { new: create, lint, diff, sign, push, show };

export const policyVerb: Verb = {
  name: "policy",
  usage: "new [FILE] | lint FILE | diff A B | sign FILE | push FILE | show",
  summary: "writes, checks, compares and signs policies",
  help: `new   a policy with every section and its meaning, to FILE or standard output
lint  every fault with its line and column, and warnings of what is cruel, senseless or without effect
diff  what will change, in plain words, from file A to file B; with --to and one file: from what is in force there
sign  the next version for --to, signed with the policy key, kept for the next publish; --out FILE writes the envelope too
push  signs, and sends it to the broker with a new freshness document
show  what is signed, for everybody or for --to

  --to NAME   a device (32 characters), a group, or all
  --days N    how long the policy may be taken up (default ${DAYS}); what is in force stays in force after that
  --dry-run   says what would change, and signs nothing
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN, to: { type: "string" }, days: { type: "string" }, out: { type: "string" } },
  positionalMax: 3,
  async run(parsed, io) {
    const name = needed(parsed, 0, "an action", "policy");
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name]! : null;
    if (action !== null) return action(parsed, io);
    throw new UsageError(
      "USAGE",
      `policy knows ${Object.keys(ACTIONS).join(", ")}`,
      "See: pocketvisor fleet policy --help",
    );
  },
};

function create(parsed: Parsed, io: Io): number {
  const path = parsed.positionals[1];
  if (path === undefined) io.out(POLICY_TEMPLATE.trimEnd());
  else if (existsSync(path)) throw new UsageError("FILE_EXISTS", `${path} is there already`, "Name another file.");
  else {
    writeFileSync(path, POLICY_TEMPLATE, { flag: "wx" });
    io.say(`${path} is written; next: pocketvisor fleet policy lint ${path}`);
  }
  return EXIT_OK;
}

function lint(parsed: Parsed, io: Io): number {
  const path = needed(parsed, 1, "a file", "policy");
  const policy = readPolicyFile(path);
  const warnings = lintPolicy(policy);
  if (parsed.flag("json")) io.out(JSON.stringify({ partition: policy.partition, warnings }));
  else {
    for (const warning of warnings) io.out(`warning: ${warning}`);
    io.say(`${path}: no fault${warnings.length === 0 ? "" : `, ${warnings.length} warnings`}`);
  }
  return EXIT_OK;
}

function diff(parsed: Parsed, io: Io): number {
  const first = needed(parsed, 1, "a file", "policy");
  const second = parsed.positionals[2];
  if ((second === undefined) === (parsed.text("to") === null)) {
    throw new UsageError("USAGE", "diff needs two files, or one and --to NAME", "See: pocketvisor fleet policy --help");
  }
  const after = readPolicyFile(second ?? first);
  const before = second === undefined ? inForce(storeOf(parsed, io), parsed, after.partition) : readPolicyFile(first);
  tellChanges(parsed, io, changesOf(before, after));
  return EXIT_OK;
}

async function sign(parsed: Parsed, io: Io): Promise<number> {
  const issued = await signPolicy(parsed, io);
  if (issued === null) return EXIT_OK;
  const out = parsed.text("out");
  if (out !== null) writeFileSync(out, issued.envelope, { mode: 0o600 });
  if (parsed.flag("json")) io.out(JSON.stringify(summaryOf(issued)));
  else io.say(`signed: ${describe(issued)}; next: pocketvisor fleet publish`);
  return EXIT_OK;
}

async function push(parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  // The broker is asked first: a version that nobody gets would only puzzle.
  const send = async (link: FleetLink): Promise<number> => {
    const issued = await signPolicy(parsed, io);
    if (issued === null) return EXIT_OK;
    const time = await signFreshness(store, issued.audience, io.now());
    const root = rootPublication(store);
    await link.publish(root.topic, root.envelope, true);
    for (const { topic, envelope } of [issued, time]) await link.publish(topic, envelope, true);
    if (parsed.flag("json")) io.out(JSON.stringify(summaryOf(issued)));
    else io.say(`${describe(issued)} is with the broker; see: pocketvisor fleet ls`);
    return EXIT_OK;
  };
  return withLink(parsed, store, io, send);
}

/** Signs the file's policy for --to, after having told what changes; null for a dry run. */
async function signPolicy(parsed: Parsed, io: Io): Promise<Issued<"pol"> | null> {
  const store = storeOf(parsed, io);
  const policy = readPolicyFile(needed(parsed, 1, "a file", "policy"));
  const seconds = daysOf(parsed, "days", DAYS);
  const audience = audienceOf(target(parsed));
  for (const warning of lintPolicy(policy)) io.say(`warning: ${warning}`);
  for (const line of changesOf(inForce(store, parsed, policy.partition), policy)) io.say(line);
  if (parsed.flag("dry-run")) {
    io.say("nothing was signed");
    return null;
  }
  return issue(store, "pol", audience, policy, io.now(), seconds);
}

function show(parsed: Parsed, io: Io): number {
  const store = storeOf(parsed, io);
  const to = parsed.text("to");
  const issued = (to === null ? allIssued(store) : issuedFor(store, audienceOf(to))).filter(isPolicy);
  if (parsed.flag("json")) {
    io.out(JSON.stringify(issued.map((each) => ({ ...summaryOf(each), says: factsOf(each.document).map(sentence) }))));
    return EXIT_OK;
  }
  const rows = issued.map(({ audience, partition, document: { epoch, version, expires } }) => [
    ...[audienceName(audience), partition, `${epoch}.${version}`, dateText(expires)],
  ]);
  for (const line of columns([["FOR", "PARTITION", "VERSION", "UNTIL"], ...rows])) io.out(line);
  if (to === null) return EXIT_OK;
  for (const { partition, document } of issued) {
    for (const fact of factsOf(document)) io.out(`${partition}: ${sentence(fact)}`);
  }
  return EXIT_OK;
}

const isPolicy = (issued: Issued): issued is Issued<"pol"> => issued.kind === "pol";

function target(parsed: Parsed): string {
  const to = parsed.text("to");
  if (to !== null) return to;
  throw new UsageError("USAGE", "for whom is missing", "Write --to DEVICE, --to GROUP or --to all");
}

function inForce(store: FleetStore, parsed: Parsed, partition: string): PolicyBody | null {
  const issued = issuedFor(store, audienceOf(target(parsed))).filter(isPolicy);
  return issued.find((each) => each.partition === partition)?.document ?? null;
}

function tellChanges(parsed: Parsed, io: Io, changes: string[]): void {
  if (parsed.flag("json")) io.out(JSON.stringify({ changes }));
  else if (changes.length === 0) io.out("nothing changes");
  else for (const line of changes) io.out(line);
}

function summaryOf({ audience, partition, document, hash, topic }: Issued<"pol">): object {
  const { epoch, version, issued, expires } = document;
  return { to: audienceName(audience), partition, epoch, version, issued, expires, hash: toHex(hash), topic };
}

function describe({ audience, partition, document: { epoch, version } }: Issued<"pol">): string {
  return `policy ${epoch}.${version} of ${partition} for ${audienceName(audience)}`;
}
