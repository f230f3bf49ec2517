// fleet rollout: a policy to all devices, ring by ring.

import { readFileSync } from "node:fs";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { EXIT_INTERNAL, EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { UnitError } from "../../agent/handset/units.ts";
import type { FleetBook } from "../book.ts";
import { enrolledDevices } from "../devices.ts";
import { audienceOf, issue, rootPublication } from "../documents.ts";
import { FleetError } from "../failure.ts";
import { signFreshness } from "../freshness.ts";
import type { FleetLink } from "../link.ts";
import { parsePolicyFile, readPolicyFile, type PolicyBody } from "../policy/reader.ts";
import { parseDuration } from "../policy/units.ts";
import { after, decide, noted, ringOf, RINGS, type Rollout } from "../rollout.ts";
import type { FleetStore } from "../store.ts";
import { viewOf } from "../view.ts";
import type { Io } from "./io.ts";
import { keptBook, LINK, LINK_HELP, withLink } from "./link.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const POLICY_SECONDS = 180 * 86_400;
const ID = /^[a-z0-9-]{1,32}$/;

export const rolloutVerb: Verb = {
  name: "rollout",
  usage: "start ID FILE | continue ID | status ID | pause ID | resume ID | abort ID",
  summary: "a policy to all devices, ring by ring: 1, 10, 50, 100 %",
  help: `start     chooses the rings by the roll-out's id and the devices' names, and pushes FILE to the first
continue  looks at what devices have applied, and goes on as far as it may: a ring opens when 95 % of the one before have succeeded and
          it has soaked. It ends when there is nothing to do for now, so let it run every few minutes. It aborts at 5 % failed of 20 or more
status    how far it is; pause, resume, abort: what was pushed stays with its devices
  --soak DURATION     default 1h
  --timeout DURATION  how long a device may take before it counts as failed (default 1d)
  --dry-run           says who would be in which ring
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN, soak: { type: "string" }, timeout: { type: "string" } },
  positionalMax: 3,
  async run(parsed, io) {
    const action = needed(parsed, 0, "start, continue, status, pause, resume or abort", "rollout");
    const id = needed(parsed, 1, "the roll-out's id", "rollout");
    if (!ID.test(id)) throw new UsageError("USAGE", "an id has 1 to 32 of a-z, 0-9 and -");
    const store = storeOf(parsed, io);
    switch (action) {
      case "start":
        return start(store, id, parsed, io);
      case "continue":
        return goOn(store, id, parsed, io);
      case "status":
        return tell(load(store, id), parsed, io);
      case "pause":
        return change(store, id, ["running"], "paused", parsed, io);
      case "resume":
        return change(store, id, ["paused"], "running", parsed, io);
      case "abort":
        return change(store, id, ["running", "paused"], "aborted", parsed, io);
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
  const devices = enrolledDevices(store).filter(({ retiredAt }) => retiredAt === null);
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
  save(store, rollout);
  return goOn(store, id, parsed, io);
}

/** Carries out whatever is decided, until there is nothing to do for now. What was pushed is saved afterwards: after a cut it is pushed once more,
 *  as the next version of the same contents. */
async function goOn(store: FleetStore, id: string, parsed: Parsed, io: Io): Promise<number> {
  const policy = parsePolicyFile(readFileSync(store.path("rollouts", `${id}.yaml`), "utf8"), `${id}.yaml`);
  let rollout = load(store, id);
  if (parsed.flag("dry-run")) {
    io.say(`next: ${decide(rollout, io.now()).step}`);
    return EXIT_OK;
  }
  await withLink(parsed, store, async (link) => {
    rollout = observed(store, rollout, policy.partition, await keptBook(store, link, io));
    for (;;) {
      const step = decide(rollout, io.now());
      if (step.step === "push") for (const name of step.devices) await push(store, link, name, policy, io.now());
      rollout = after(rollout, step, io.now());
      save(store, rollout);
      if (step.step === "abort") io.say(`aborted: ${step.why}`);
      if (step.step === "wait" || rollout.state !== "running") break;
    }
  });
  tell(rollout, parsed, io);
  return rollout.state === "aborted" ? EXIT_INTERNAL : EXIT_OK;
}

/** A device has succeeded when it reports the very policy that is signed for it and no section of it failed. */
function observed(store: FleetStore, rollout: Rollout, partition: string, book: FleetBook): Rollout {
  const [succeeded, failed]: [string[], string[]] = [[], []];
  for (const name of Object.keys(rollout.devices)) {
    const entry = book.entries.get(name);
    const view =
      entry === undefined ? undefined : viewOf(store, entry).policies.find((each) => each.partition === partition);
    if (view === undefined || !view.inStep) continue;
    (view.open.some((each) => /: failed\b/.test(each)) ? failed : succeeded).push(name);
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
  const rollout = load(store, id);
  if (!from.includes(rollout.state)) throw new UsageError("ROLLOUT_STATE", `the roll-out ${id} is ${rollout.state}`);
  if (parsed.flag("dry-run")) {
    io.say(`would be ${to}`);
    return EXIT_OK;
  }
  const changed = { ...rollout, state: to };
  save(store, changed);
  return tell(changed, parsed, io);
}

function tell(rollout: Rollout, parsed: Parsed, io: Io): number {
  const { id, state, ring, devices } = rollout;
  const open = ringOf(rollout, ring);
  const count = (names: string[], status: string): number =>
    names.filter((name) => devices[name]!.status === status).length;
  const all = Object.keys(devices);
  const words = (names: string[]): string =>
    ["succeeded", "failed", "pushed", "waiting"].map((status) => `${count(names, status)} ${status}`).join(", ");
  if (parsed.flag("json")) io.out(JSON.stringify(rollout));
  else {
    const next = decide(rollout, io.now());
    io.out(`${id}: ${state}${next.step === "wait" && state === "running" ? `, ${next.why}` : ""}`);
    io.out(`ring ${ring + 1} of ${RINGS.length} (${RINGS[ring]! * 100} %, ${open.length} devices): ${words(open)}`);
    io.out(`all ${all.length} devices: ${words(all)}`);
  }
  return EXIT_OK;
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

function load(store: FleetStore, id: string): Rollout {
  const rollout = store.readJson(isRollout, "rollouts", `${id}.json`);
  if (rollout !== null) return rollout;
  throw new UsageError("ROLLOUT_UNKNOWN", `there is no roll-out ${id}`, "See: pocketvisor fleet rollout --help");
}

const save = (store: FleetStore, rollout: Rollout): void => store.writeJson(rollout, "rollouts", `${rollout.id}.json`);

function isRollout(value: unknown): value is Rollout {
  const rollout = value as Partial<Rollout> | null;
  if (typeof rollout !== "object" || rollout === null || typeof rollout.devices !== "object") return false;
  return (
    ID.test(String(rollout.id)) &&
    ["running", "paused", "aborted", "done"].includes(String(rollout.state)) &&
    Number.isInteger(rollout.ring) &&
    RINGS[rollout.ring!] !== undefined &&
    (rollout.soakingSince === null || Number.isSafeInteger(rollout.soakingSince)) &&
    Number.isSafeInteger(rollout.soakSeconds) &&
    Number.isSafeInteger(rollout.timeoutSeconds) &&
    Object.entries(rollout.devices).every(
      ([name, device]) =>
        /^[0-9a-f]{32}$/.test(name) &&
        ["waiting", "pushed", "succeeded", "failed"].includes(device?.status) &&
        (device.pushedAt === null || Number.isSafeInteger(device.pushedAt)),
    )
  );
}
