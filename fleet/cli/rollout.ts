// fleet rollout: a policy to all devices, ring by ring.

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { EXIT_INTERNAL, EXIT_LEFT, EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { UnitError } from "../../agent/handset/units.ts";
import type { FleetBook } from "../book.ts";
import { allGroups, knownAudience } from "../audiences.ts";
import { enrolledDevices } from "../devices.ts";
import { audienceOf, issue, rootPublication } from "../documents.ts";
import { FleetError } from "../failure.ts";
import { signFreshness } from "../freshness.ts";
import type { FleetLink } from "../link.ts";
import type { PolicyBody } from "../../agent/wire/policy.ts";
import { parsePolicyFile, readPolicyFile } from "../policy/reader.ts";
import { parseDuration } from "../../agent/policy/units.ts";
import { FleetObserver } from "../observer.ts";
import { policyRefusal } from "../refusals.ts";
import { after, decide, hasEnded, nextAt, noted, ringOf, RINGS, type Rollout } from "../rollout.ts";
import { columns } from "../text.ts";
import {
  allRollouts,
  keepBefore,
  loadRollout,
  policyBefore,
  ROLLOUT_ID,
  saveRollout,
  wishFor,
} from "../rollout-files.ts";
import type { FleetStore } from "../store.ts";
import { base } from "../topics.ts";
import { shortName, viewOf } from "../view.ts";
import type { Io } from "./io.ts";
import { keptBook, LINK, LINK_HELP, withLink } from "./link.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const POLICY_SECONDS = 180 * 86_400;
/** How often a wish is looked for. */
const WISH_SECONDS = 5;

export const rolloutVerb: Verb = {
  name: "rollout",
  usage: "ls | start ID FILE | run ID | continue ID | status ID | pause ID | resume ID | abort ID | rollback ID",
  summary: "a policy to all devices, ring by ring: 1, 10, 50, 100 %",
  help: `ls        every roll-out: its state, its ring, how its devices are
start     chooses the rings by the roll-out's id and the devices' names, and pushes FILE to the first
run       stays with it to its end: a ring opens when 95 % of the one before have succeeded and it has soaked; it aborts at 5 % failed of 20
          or more. A device has failed when it says so, refuses the policy, or does not answer in time. Killed, it is run again
continue  the same, once: ends when there is nothing to do for now
status    how far it is; pause, resume, abort: what was pushed stays with its devices
rollback  gives every device that got it what it had before, as a newer version of that
  --to GROUP          of start: the devices of a group alone
  --soak DURATION     default 1h
  --timeout DURATION  how long a device may take before it counts as failed (default 1d)
  --dry-run           says who would be in which ring
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN, to: { type: "string" }, soak: { type: "string" }, timeout: { type: "string" } },
  positionalMax: 3,
  async run(parsed, io) {
    const action = needed(parsed, 0, "ls, start, run, continue, status, pause, resume, abort or rollback", "rollout");
    if (action === "ls") return list(storeOf(parsed, io), parsed, io);
    const id = needed(parsed, 1, "the roll-out's id", "rollout");
    if (!ROLLOUT_ID.test(id)) throw new UsageError("USAGE", "an id has 1 to 32 of a-z, 0-9 and -");
    const store = storeOf(parsed, io);
    switch (action) {
      case "start":
        return start(store, id, parsed, io);
      case "continue":
        return goOn(store, id, parsed, io);
      case "run":
        return follow(store, id, parsed, io);
      case "status":
        return tell(loadRollout(store, id), parsed, io);
      case "pause":
        return change(store, id, ["running"], "paused", parsed, io);
      case "resume":
        return change(store, id, ["paused"], "running", parsed, io);
      case "abort":
        return change(store, id, ["running", "paused"], "aborted", parsed, io);
      case "rollback": {
        const from: Rollout["state"][] = ["running", "paused", "aborted", "done", "rolling-back"];
        const status = change(store, id, from, "rolling-back", parsed, io);
        return parsed.flag("dry-run") ? status : goOn(store, id, parsed, io);
      }
      default:
        throw new UsageError("USAGE", "there is no such action", "See: pocketvisor fleet rollout --help");
    }
  },
};

async function start(store: FleetStore, id: string, parsed: Parsed, io: Io): Promise<number> {
  const path = needed(parsed, 2, "a policy file", "rollout");
  readPolicyFile(path);
  if (store.readBytes("rollouts", `${id}.json`) !== null) {
    throw new UsageError("ROLLOUT_EXISTS", `there is a roll-out ${id}`, `See: pocketvisor fleet rollout status ${id}`);
  }
  const to = parsed.text("to");
  const members = to === null || to === "all" ? null : allGroups(store).get(to);
  // A device's name, or one that nobody has: the error lists what there is.
  if (members === undefined) knownAudience(store, to!);
  const devices = enrolledDevices(store).filter(
    ({ name, retiredAt }) => retiredAt === null && (members === null || members?.includes(name) === true),
  );
  if (devices.length === 0)
    throw new FleetError("FLEET_DEVICE", "no device is enrolled", "See: pocketvisor fleet enrol");
  const rollout: Rollout = {
    id,
    state: "running",
    ring: 0,
    soakingSince: null,
    soakSeconds: durationOf(parsed, "soak", 3600),
    timeoutSeconds: durationOf(parsed, "timeout", 86_400),
    devices: Object.fromEntries(devices.map(({ name }) => [name, { status: "waiting", pushedAt: null }])),
  };
  if (parsed.flag("dry-run")) {
    RINGS.forEach((share, ring) => io.out(`${share * 100} %: ${ringOf(rollout, ring).length} devices`));
    return EXIT_OK;
  }
  // The text that is rolled out, as it is now: the file may change under a roll-out that takes days.
  store.writeBytes(readFileSync(path), "rollouts", `${id}.yaml`);
  saveRollout(store, rollout);
  return goOn(store, id, parsed, io);
}

/** Every roll-out in a line. */
function list(store: FleetStore, parsed: Parsed, io: Io): number {
  const rollouts = allRollouts(store);
  const told = rollouts.map(({ id, state, ring, devices }) => {
    const all = Object.values(devices);
    const count = (status: string): number => all.filter((each) => each.status === status).length;
    const counts = { succeeded: count("succeeded"), failed: count("failed"), pushed: count("pushed") };
    return { id, state, percent: RINGS[ring]! * 100, devices: all.length, ...counts, waiting: count("waiting") };
  });
  if (parsed.flag("json")) io.out(JSON.stringify(told));
  else if (told.length === 0) io.say("there is no roll-out; begin one: pocketvisor fleet rollout start ID FILE");
  else {
    const titles = ["ID", "STATE", "RING", "DEVICES", "SUCCEEDED", "FAILED", "PUSHED", "WAITING"];
    const rows = told.map((each) => [
      ...[each.id, each.state, `${each.percent} %`],
      ...[each.devices, each.succeeded, each.failed, each.pushed, each.waiting].map(String),
    ]);
    for (const row of columns([titles, ...rows])) io.out(row);
  }
  return EXIT_OK;
}

/** One round: carries out whatever is decided, until there is nothing to do for now. */
async function goOn(store: FleetStore, id: string, parsed: Parsed, io: Io): Promise<number> {
  if (parsed.flag("dry-run")) {
    io.say(`next: ${decide(loadRollout(store, id), io.now()).step}`);
    return EXIT_OK;
  }
  const rollout = await withLink(parsed, store, io, async (link) => {
    const book = await keptBook(store, link, io);
    return carryOut(store, { id, policy: policyOf(store, id) }, link, book, io);
  });
  tell(rollout, parsed, io);
  return statusOf(rollout);
}

/** Stays with a roll-out until it has ended: goes on whenever a device is heard, a soak or a time-out is over, or a wish is left. Everything that
 *  it knows is in the roll-out's files, so it may be killed and run again at any time. */
async function follow(store: FleetStore, id: string, parsed: Parsed, io: Io): Promise<number> {
  loadRollout(store, id);
  const what = { id, policy: policyOf(store, id) };
  const rollout = await withLink(parsed, store, io, async (link) => {
    const book = await keptBook(store, link, io);
    const observer = new FleetObserver(store, book);
    let heard = new AbortController();
    const filters = ["state", "rep", "rep/+", "ev"].map((what) => `${base(store.tenant)}/+/up/${what}`);
    await link.subscribe(filters, (topic, payload, retained) => {
      if (observer.receive(topic, payload, retained, io.now()) !== null) heard.abort();
    });
    let lost = false;
    void link.ended.then(() => {
      lost = true;
      heard.abort();
    });
    for (let told = ""; ;) {
      heard = new AbortController();
      const next = await carryOut(store, what, link, book, io);
      if (hasEnded(next) || io.signal.aborted) return next;
      const text = stateText(next, io.now());
      if (text !== told) io.say((told = text));
      if (lost) throw new FleetError("FLEET_BROKER", "the broker has closed the connection", RUN_AGAIN(id));
      const at = nextAt(next) ?? Infinity;
      const seconds = Math.max(1, Math.min(at - io.now(), WISH_SECONDS));
      await (io.sleep ?? sleepReal)(seconds, AbortSignal.any([heard.signal, io.signal]));
    }
  });
  tell(rollout, parsed, io);
  if (hasEnded(rollout)) return statusOf(rollout);
  io.say(RUN_AGAIN(id));
  return EXIT_LEFT;
}

const RUN_AGAIN = (id: string): string => `It goes on with: pocketvisor fleet rollout run ${id}`;
const statusOf = ({ state }: Rollout): number => (state === "aborted" ? EXIT_INTERNAL : EXIT_OK);

async function sleepReal(seconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(seconds * 1000, undefined, { signal }).catch(() => undefined);
}

const policyOf = (store: FleetStore, id: string): PolicyBody =>
  parsePolicyFile(readFileSync(store.path("rollouts", `${id}.yaml`), "utf8"), `${id}.yaml`);

/** Steps until there is nothing to do for now; the file is written after each. What was pushed since the last is pushed once more after a cut, as
 *  the next version of the same contents. */
async function carryOut(
  store: FleetStore,
  { id, policy }: { id: string; policy: PolicyBody },
  link: FleetLink,
  book: FleetBook,
  io: Io,
): Promise<Rollout> {
  for (;;) {
    const loaded = loadRollout(store, id);
    const rollout = observed(store, loaded, policy.partition, book, io);
    const step = decide(rollout, io.now());
    if (step.step === "push") {
      for (const name of step.devices) {
        keepBefore(store, id, name, policy.partition);
        await push(store, link, name, policy, io.now());
      }
    } else if (step.step === "restore") {
      for (const name of step.devices)
        await push(store, link, name, policyBefore(store, id, name, policy.partition), io.now());
    }
    const next = after(rollout, step, io.now());
    if (JSON.stringify(next) !== JSON.stringify(loaded)) saveRollout(store, next);
    if (step.step === "abort") io.say(`aborted: ${step.why}. Back: pocketvisor fleet rollout rollback ${id}`);
    if (step.step === "wait" || hasEnded(next)) return next;
  }
}

/** A device has succeeded when it reports the very policy that is signed for it and no section of it failed; it has failed, too, when it says that it
 *  refused it. */
function observed(store: FleetStore, rollout: Rollout, partition: string, book: FleetBook, io: Io): Rollout {
  const [succeeded, failed]: [string[], string[]] = [[], []];
  for (const [name, { status, pushedAt }] of Object.entries(rollout.devices)) {
    const entry = book.entries.get(name);
    if (status !== "pushed" || entry === undefined) continue;
    const view = viewOf(store, entry).policies.find((each) => each.partition === partition);
    const refusal = policyRefusal(entry.events, partition, pushedAt!);
    if (view?.inStep === true) (view.open.some((each) => /: failed\b/.test(each)) ? failed : succeeded).push(name);
    else if (refusal !== null) {
      failed.push(name);
      io.say(`${shortName(name)} refused it: ${refusal}`);
    }
  }
  return noted(rollout, succeeded, failed);
}

async function push(store: FleetStore, link: FleetLink, name: string, policy: PolicyBody, now: number): Promise<void> {
  const issued = await issue(store, "pol", audienceOf(name), policy, now, POLICY_SECONDS);
  const time = await signFreshness(store, issued.audience, now);
  for (const { topic, envelope } of [rootPublication(store), issued, time]) await link.publish(topic, envelope, true);
}

function change(
  store: FleetStore,
  id: string,
  from: Rollout["state"][],
  to: Rollout["state"],
  parsed: Parsed,
  io: Io,
): number {
  const rollout = loadRollout(store, id);
  if (!from.includes(rollout.state)) throw new UsageError("ROLLOUT_STATE", `the roll-out ${id} is ${rollout.state}`);
  if (parsed.flag("dry-run")) {
    io.say(`would be ${to}`);
    return EXIT_OK;
  }
  wishFor(store, id, to);
  return tell(loadRollout(store, id), parsed, io);
}

function tell(rollout: Rollout, parsed: Parsed, io: Io): number {
  if (parsed.flag("json")) io.out(JSON.stringify(rollout));
  else io.out(stateText(rollout, io.now()));
  return EXIT_OK;
}

function stateText(rollout: Rollout, now: number): string {
  const { id, state, ring, devices } = rollout;
  const open = ringOf(rollout, ring);
  const count = (names: string[], status: string): number =>
    names.filter((name) => devices[name]!.status === status).length;
  const all = Object.keys(devices);
  const words = (names: string[]): string =>
    ["succeeded", "failed", "pushed", "waiting"].map((status) => `${count(names, status)} ${status}`).join(", ");
  const restored = all.filter((name) => devices[name]!.restored).length;
  const next = decide(rollout, now);
  return [
    `${id}: ${state}${next.step === "wait" && state === "running" ? `, ${next.why}` : ""}`,
    `ring ${ring + 1} of ${RINGS.length} (${RINGS[ring]! * 100} %, ${open.length} devices): ${words(open)}`,
    `all ${all.length} devices: ${words(all)}${restored === 0 ? "" : `; ${restored} have again what they had`}`,
  ].join("\n");
}

function durationOf(parsed: Parsed, option: string, absent: number): number {
  const text = parsed.text(option);
  try {
    return text === null ? absent : parseDuration(text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new UsageError("USAGE", `--${option}: ${error.message}`);
  }
}
