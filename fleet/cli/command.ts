// fleet start, pause, retire and the others: one signed command to one device, and its answer. (lock, unlock and wipe are a state: lock.ts.)

import { EXIT_INTERNAL, EXIT_LEFT, EXIT_OK, EXIT_TIMEOUT } from "../../agent/cli/exit-codes.ts";
import { parsePositive, type Parsed } from "../../agent/cli/arguments.ts";
import { escapeText } from "../../agent/escape.ts";
import { UsageError } from "../../agent/failure.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import type { Ack, Verb as CommandVerb } from "../../agent/wire/commands.ts";
import { REASONS } from "../../agent/wire/reasons.ts";
import { checkKeys, publishCommand, sendCommand, signCommand } from "../command.ts";
import { findDevice, saveDevice, type EnrolledDevice } from "../devices.ts";
import type { FleetStore } from "../store.ts";
import { commandName, shortName } from "../view.ts";
import type { Io } from "./io.ts";
import { hearBirths, LINK, LINK_HELP, withLink } from "./link.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const WAIT_SECONDS = 60;
/** A command that lives longer than it is waited for is one that comes when nobody thinks of it any more. */
const LIFE_SECONDS = 3600;
const LIFE_SECONDS_MAX = 30 * 86_400;

interface Shape {
  name: string;
  /** On the wire. */
  verb: CommandVerb;
  partition: "always" | "never" | "maybe";
  summary: string;
  /** What a person has to type the device's name for. */
  confirm?: true;
}

const always = (verb: CommandVerb): Pick<Shape, "verb" | "partition"> => ({ verb, partition: "always" });
const maybe = (verb: CommandVerb): Pick<Shape, "verb" | "partition"> => ({ verb, partition: "maybe" });

const SHAPES: Shape[] = [
  { name: "start", ...always("start"), summary: "starts a partition" },
  { name: "stop", ...always("stop"), summary: "stops a partition" },
  { name: "restart", ...always("restart"), summary: "restarts a partition" },
  { name: "pause", ...always("pause"), summary: "pauses a partition" },
  { name: "resume", ...always("resume"), summary: "resumes a partition" },
  { name: "logs", ...maybe("logs"), summary: "has the device send its log for a while: see fleet watch" },
  { name: "console", ...always("console"), summary: "has the device send a console for a while: see fleet watch" },
  {
    name: "retire",
    verb: "retire",
    partition: "never",
    summary: "lets a device go: its managed partitions are wiped (two wipe keys)",
    confirm: true,
  },
];

export const commandVerbs: Verb[] = SHAPES.map((shape) => ({
  name: shape.name,
  usage: `DEVICE${{ always: " PARTITION", maybe: " [PARTITION]", never: "" }[shape.partition]}`,
  summary: shape.summary,
  help: `Waits for the device's answer: status 0 when it did it, 1 when it refused or failed, 6 when no answer came in time.
  --no-wait           is content when the broker has the command
  --wait SECONDS      default ${WAIT_SECONDS}
  --life SECONDS      a device that connects later than this does nothing (default ${LIFE_SECONDS})
  --dry-run           says what would be sent${
    shape.confirm === true ? "\n  --confirm NAME      the device's name, instead of typing it when asked" : ""
  }
${LINK_HELP}`,
  options: {
    ...LINK,
    ...DRY_RUN,
    "no-wait": { type: "boolean" },
    wait: { type: "string" },
    life: { type: "string" },
    ...(shape.confirm === true ? { confirm: { type: "string" } } : {}),
  },
  positionalMax: shape.partition === "never" ? 1 : 2,
  run: (parsed, io) => run(shape, parsed, io),
}));

async function run(shape: Shape, parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  const device = findDevice(store, needed(parsed, 0, "a device", shape.name));
  const partition = partitionOf(shape, parsed);
  const { verb } = shape;
  const life = Math.floor(parsePositive("life", parsed.text("life") ?? String(LIFE_SECONDS), LIFE_SECONDS_MAX));
  const wait = parsePositive("wait", parsed.text("wait") ?? String(WAIT_SECONDS), 86_400);
  await checkKeys(store, verb);
  const what = `${verb}${partition === null ? "" : ` ${partition}`} on ${escapeText(device.label, 64)} (${shortName(device.name)})`;
  if (parsed.flag("dry-run")) {
    io.say(`would send: ${what}`);
    return EXIT_OK;
  }
  if (shape.confirm === true) await confirm(parsed, io, device, what);
  return withLink(parsed, store, io, async (link) => {
    const command = await signCommand(store, device, verb, partition, io.now(), life);
    const id = toHex(command.document.id);
    if (parsed.flag("no-wait")) {
      await hearBirths(store, link);
      await publishCommand(link, command, io.now());
      if (parsed.flag("json")) io.out(JSON.stringify({ id, verb, device: device.name, partition, status: "sent" }));
      else io.say(`sent: ${what}; fleet watch tells what becomes of command ${commandName(command.document.id)}`);
      return EXIT_OK;
    }
    const timeout = AbortSignal.timeout(wait * 1000);
    const tell = (ack: Ack): void => {
      if (!parsed.flag("json")) io.say(`${shortName(device.name)}: ${ackText(ack)}`);
    };
    const signal = AbortSignal.any([io.signal, timeout]);
    const last = await sendCommand(store, link, command, tell, signal, io.now);
    if (parsed.flag("json")) {
      const status = last?.status ?? "no answer";
      io.out(JSON.stringify({ id, verb, device: device.name, partition, status, code: last?.code ?? null }));
    }
    if (last?.status === "succeeded" && verb === "retire") noteRetired(store, device, io.now());
    if (last !== null) return last.status === "succeeded" ? EXIT_OK : EXIT_INTERNAL;
    if (io.signal.aborted) return EXIT_LEFT;
    io.say(
      `no answer within ${wait} s; the device does it when it connects within ${life} s. See: fleet why ${shortName(device.name)}`,
    );
    return EXIT_TIMEOUT;
  });
}

/** The partition that a person names; null: none. Throws USAGE. */
export function partitionOf({ name, partition }: Pick<Shape, "name" | "partition">, parsed: Parsed): string | null {
  const said = parsed.positionals[1] ?? null;
  if (said === null && partition === "always") {
    throw new UsageError("USAGE", `${name} needs a partition`, `See: pocketvisor fleet ${name} --help`);
  }
  if (said !== null && !/^[a-z0-9-]{1,32}$/.test(said)) {
    throw new UsageError("USAGE", "a partition's name has 1 to 32 of a-z, 0-9 and -");
  }
  return said;
}

/** What cannot be undone wants the name of what it is done to. */
export async function confirm(parsed: Parsed, io: Io, { label }: EnrolledDevice, what: string): Promise<void> {
  const typed = parsed.text("confirm") ?? (await io.ask(`${what}: this cannot be undone. Type the device's name: `));
  if (typed?.trim() === label) return;
  const hint = `Type ${escapeText(label, 64)}, or write --confirm with it.`;
  throw new UsageError("UNCONFIRMED", typed === null ? "nobody is here to confirm" : "that is not its name", hint);
}

function noteRetired(store: FleetStore, device: EnrolledDevice, now: number): void {
  saveDevice(store, { ...device, retiredAt: now });
}

export function ackText({ status, code, text, percent }: Ack): string {
  const reason = Object.entries(REASONS).find(([, number]) => number === code)?.[0];
  const why = text !== undefined ? escapeText(text, 256) : (reason ?? (code === undefined ? "" : `code ${code}`));
  return `${status}${percent === undefined ? "" : ` ${percent} %`}${why === "" ? "" : `: ${why}`}`;
}
