// fleet policy: writes, checks, compares, signs and pushes policies.

import { existsSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { escapeText } from "../../agent/escape.ts";
import { buildProduct } from "../../agent/paths.ts";
import { equalBytes, toHex } from "../../agent/wire/bytes.ts";
import { factsOf, sentence } from "../../agent/policy/facts.ts";
import type { Policy, PolicyBody } from "../../agent/wire/policy.ts";
import { encodeDocument } from "../../agent/wire/sign.ts";
import { knownAudience } from "../audiences.ts";
import { allIssued, audienceName, audienceOf, issue, issuedFor, rootPublication, type Issued } from "../documents.ts";
import { rootInForce } from "../keys.ts";
import { authorOf, keepPolicy, pastPolicies } from "../policy-history.ts";
import { lintPolicy } from "../policy/lint.ts";
import { readPolicyFile } from "../policy/reader.ts";
import { policyTemplate } from "../policy/template.ts";
import { changesOf } from "../policy/words.ts";
import type { FleetStore } from "../store.ts";
import type { FleetLink } from "../link.ts";
import { signFreshness } from "../freshness.ts";
import { LINK, LINK_HELP, withLink } from "./link.ts";
import type { Io } from "./io.ts";
import { columns, dateText } from "../text.ts";
import { daysOf, DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const DAYS = 180;

type Action = (parsed: Parsed, io: Io) => Promise<number> | number;
const ACTIONS: Record<string, Action> = { new: create, lint, diff, sign, push, show, history, undo };

export const policyVerb: Verb = {
  name: "policy",
  usage: "new [FILE] | lint FILE | diff A B | sign FILE | push FILE | show | history PARTITION | undo PARTITION",
  summary: "writes, checks, compares and signs policies",
  help: `new   a policy with every section and its meaning, to FILE or standard output
lint  every fault with its line and column, and warnings of what is cruel, senseless or without effect
diff  what will change, in plain words, from file A to file B; with --to and one file: from what is in force there
sign  the next version for --to, signed with the policy key, kept for the next publish; --out FILE writes the envelope too
push  signs, and sends it to the broker with a new freshness document
show  what is signed, for everybody or for --to
history  what was signed for --to before: version, when, by whom, what changed
undo  signs what was in force before the newest for --to, as a new version, and sends it; --version N: what version N said
      (what is in force already is not signed again: nothing changes)

  --to NAME   a device (32 characters), a group, or all
  --days N    how long the policy may be taken up (default ${DAYS}); what is in force stays in force after that
  --dry-run   says what would change, and signs nothing
${LINK_HELP}`,
  options: {
    ...{ ...LINK, ...DRY_RUN, to: { type: "string" }, days: { type: "string" }, out: { type: "string" } },
    version: { type: "string" },
  },
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
  const text = policyTemplate(pathToFileURL(buildProduct("schemas/policy.schema.json")).href);
  if (path === undefined) io.out(text.trimEnd());
  else if (existsSync(path)) throw new UsageError("FILE_EXISTS", `${path} is there already`, "Name another file.");
  else {
    writeFileSync(path, text, { flag: "wx" });
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

function push(parsed: Parsed, io: Io): Promise<number> {
  return pushed(parsed, io, () => signPolicy(parsed, io));
}

/** Sends what `sign` signs, if it signs anything. */
async function pushed(parsed: Parsed, io: Io, sign: () => Promise<Issued<"pol"> | null>): Promise<number> {
  const store = storeOf(parsed, io);
  // Before the broker is asked: a name that nobody has is no broker's fault.
  knownAudience(store, target(parsed));
  // The broker is asked before anything is signed: a version that nobody gets would only puzzle.
  const send = async (link: FleetLink): Promise<number> => {
    const issued = await sign();
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

/** Signs the file's policy for --to, after having told what changes; null for a dry run, and when nothing changes. */
async function signPolicy(parsed: Parsed, io: Io): Promise<Issued<"pol"> | null> {
  const policy = readPolicyFile(needed(parsed, 1, "a file", "policy"));
  for (const warning of lintPolicy(policy)) io.say(`warning: ${warning}`);
  return signBody(policy, parsed, io);
}

async function signBody(policy: PolicyBody, parsed: Parsed, io: Io): Promise<Issued<"pol"> | null> {
  const store = storeOf(parsed, io);
  const seconds = daysOf(parsed, "days", DAYS);
  const audience = knownAudience(store, target(parsed), true);
  const before = issuedPolicy(store, parsed, policy.partition);
  const changes = changesOf(before?.document ?? null, policy);
  for (const line of changes) io.say(line);
  // One that ran out, or that an ended epoch signed, is signed anew though it says the same.
  const isCurrent = before !== null && before.document.expires > io.now() && isOfThisEpoch(store, before);
  if (isCurrent && sameBody(before.document, policy)) {
    const { epoch, version } = before.document;
    if (parsed.flag("json")) io.out(JSON.stringify({ ...summaryOf(before), changed: false }));
    io.say(
      `nothing changes: policy ${epoch}.${version} for ${audienceName(audience)} says the same, and nothing was signed`,
    );
    return null;
  }
  if (parsed.flag("dry-run")) {
    io.say("nothing was signed");
    return null;
  }
  const issued = await issue(store, "pol", audience, policy, io.now(), seconds);
  keepPolicy(store, issued, authorOf(io.environment));
  return issued;
}

const isOfThisEpoch = (store: FleetStore, { document }: Issued<"pol">): boolean =>
  document.epoch === rootInForce(store).epochNext;

/** Whether two policies say the same, byte for byte, but for their claims. */
function sameBody(a: Policy, b: PolicyBody): boolean {
  const { issuer, audience, issued, expires, id, epoch, version } = a;
  const claims = { issuer, audience, issued, expires, id, epoch, version };
  return equalBytes(encodeDocument("pol", { ...bodyOf(a), ...claims }), encodeDocument("pol", { ...b, ...claims }));
}

/** A policy without its claims. */
function bodyOf(policy: Policy): PolicyBody {
  const { issuer: _issuer, audience: _audience, notBefore: _notBefore, issued: _issued, ...rest } = policy;
  const { expires: _expires, id: _id, epoch: _epoch, version: _version, ...body } = rest;
  return body;
}

function history(parsed: Parsed, io: Io): number {
  const store = storeOf(parsed, io);
  const partition = needed(parsed, 1, "a partition", "policy");
  const past = pastPolicies(store, audienceName(knownAudience(store, target(parsed))), partition);
  const told = past.map(({ version, author, document }, at) => ({
    ...{ version: `${document.epoch}.${version}`, issued: document.issued, author },
    changes: changesOf(past[at - 1]?.document ?? null, document),
  }));
  if (parsed.flag("json")) {
    io.out(JSON.stringify(told));
    return EXIT_OK;
  }
  if (told.length === 0) io.say("nothing was signed for it here");
  for (const { version, issued, author, changes } of told) {
    io.out(`${version}  ${dateText(issued)}  by ${escapeText(author, 64)}`);
    for (const line of changes) io.out(`  ${line}`);
  }
  return EXIT_OK;
}

function undo(parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  const partition = needed(parsed, 1, "a partition", "policy");
  const audience = audienceName(knownAudience(store, target(parsed)));
  const past = pastPolicies(store, audience, partition);
  const said = parsed.text("version");
  const wanted = said === null ? null : Number(/^(?:\d+\.)?(\d{1,15})$/.exec(said)?.[1] ?? NaN);
  const now = past.at(-1);
  // What says the same as the newest would undo nothing.
  const other = past
    .slice(0, -1)
    .filter(({ document }) => now !== undefined && !sameBody(document, bodyOf(now.document)));
  const found = wanted === null ? other.at(-1) : past.find(({ version }) => version === wanted);
  if (found === undefined) {
    const what =
      wanted === null ? `nothing was in force for ${audience} before` : `version ${String(said)} is not kept`;
    throw new UsageError("POLICY_HISTORY", what, `See: pocketvisor fleet policy history ${partition} --to ${audience}`);
  }
  return pushed(parsed, io, () => signBody(bodyOf(found.document), parsed, io));
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
  return issuedPolicy(store, parsed, partition)?.document ?? null;
}

function issuedPolicy(store: FleetStore, parsed: Parsed, partition: string): Issued<"pol"> | null {
  const issued = issuedFor(store, knownAudience(store, target(parsed), true)).filter(isPolicy);
  return issued.find((each) => each.partition === partition) ?? null;
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
