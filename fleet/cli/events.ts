// fleet events, fleet clear: what devices have said, from the journal on this computer; and a person's word that a finding was looked into.

import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { escapeText } from "../../agent/escape.ts";
import { UsageError } from "../../agent/failure.ts";
import { UnitError } from "../../agent/handset/units.ts";
import { enrolledDevices, findDevice } from "../devices.ts";
import { Journal, type JournalLine } from "../journal.ts";
import { FleetMemory } from "../memory.ts";
import { findingText, journalText } from "../observer.ts";
import { parseDuration } from "../../agent/policy/units.ts";
import { columns, dateText } from "../text.ts";
import { shortName } from "../view.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const COUNT = 50;
const COUNT_MAX = 100_000;
const KINDS: readonly JournalLine["kind"][] = ["event", "refusal", "answer", "audit", "finding"];

export const eventsVerb: Verb = {
  name: "events",
  usage: "[DEVICE]",
  summary: "what devices have said: events, refusals, answers, verdicts on their audit",
  help: `Kept on this computer while a fleet process runs: fleet broker, fleet watch, or any verb that is connected at that moment.
  --last N          the last N (default ${COUNT})
  --since DURATION  no older than this, such as 1h
  --kind KIND       one of ${KINDS.join(", ")}`,
  options: { last: { type: "string" }, since: { type: "string" }, kind: { type: "string" } },
  positionalMax: 1,
  run(parsed, io) {
    const store = storeOf(parsed, io);
    const said = parsed.positionals[0];
    const devices = said === undefined ? enrolledDevices(store) : [findDevice(store, said)];
    const labels = new Map(devices.map(({ name, label }) => [name, escapeText(label, 64)]));
    const kind = parsed.text("kind");
    if (kind !== null && !(KINDS as readonly string[]).includes(kind)) {
      throw new UsageError("USAGE", `--kind is one of ${KINDS.join(", ")}`);
    }
    const from = sinceOf(parsed.text("since"), io.now());
    const journal = new Journal(store);
    const lines = devices
      .flatMap(({ name }) => journal.read(name))
      .filter((line) => line.at >= from && (kind === null || line.kind === kind))
      .sort((a, b) => a.at - b.at)
      .slice(-countOf(parsed.text("last")));
    if (parsed.flag("json")) {
      for (const line of lines) io.out(JSON.stringify(line));
      return Promise.resolve(EXIT_OK);
    }
    if (lines.length === 0) io.say("nothing is kept that fits; see: pocketvisor fleet events --help");
    const rows = lines.map((line) => [
      ...[dateText(line.at), shortName(line.device), labels.get(line.device) ?? "", escapeText(journalText(line), 400)],
    ]);
    for (const row of columns(rows)) io.out(row);
    return Promise.resolve(EXIT_OK);
  },
};

export const clearVerb: Verb = {
  name: "clear",
  usage: "DEVICE",
  summary: "what was found of a device (rolled back, cloned, forked) has been looked into",
  help: `What it says next is what the fleet remembers from then on; its audit is checked from the next record on.
  --dry-run         says what would be cleared`,
  options: DRY_RUN,
  positionalMax: 1,
  run(parsed, io) {
    const store = storeOf(parsed, io);
    const { name, label } = findDevice(store, needed(parsed, 0, "a device", "clear"));
    const memory = new FleetMemory(store);
    const findings = memory.findings(name);
    if (!parsed.flag("dry-run")) memory.clear(name);
    if (parsed.flag("json")) io.out(JSON.stringify({ device: name, cleared: findings }));
    else if (findings.length === 0) io.say(`${escapeText(label, 64)}: nothing was found`);
    else
      for (const each of findings) io.say(`${escapeText(label, 64)}: cleared: ${escapeText(findingText(each), 300)}`);
    return Promise.resolve(EXIT_OK);
  },
};

function countOf(text: string | null): number {
  const count = text === null ? COUNT : Number(/^[1-9]\d{0,5}$/.exec(text)?.[0] ?? NaN);
  if (count <= COUNT_MAX) return count;
  throw new UsageError("USAGE", `--last needs a number from 1 to ${COUNT_MAX}`);
}

function sinceOf(text: string | null, now: number): number {
  try {
    return text === null ? 0 : now - parseDuration(text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new UsageError("USAGE", `--since: ${error.message}`);
  }
}
