// fleet lock, unlock, wipe: what the fleet wants of a device from now on, as one signed document that the broker keeps, and the device's answer to it.

import { EXIT_INTERNAL, EXIT_LEFT, EXIT_OK, EXIT_TIMEOUT } from "../../agent/cli/exit-codes.ts";
import { parsePositive, type Parsed } from "../../agent/cli/arguments.ts";
import { escapeText } from "../../agent/escape.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import type { Ack } from "../../agent/wire/commands.ts";
import type { Desired } from "../../agent/wire/documents.ts";
import { sendAndHear } from "../command.ts";
import { findDevice } from "../devices.ts";
import { rootPublication } from "../documents.ts";
import { signFreshness } from "../freshness.ts";
import { rootInForce, signersFor } from "../keys.ts";
import type { FleetLink } from "../link.ts";
import { signLock } from "../lock.ts";
import type { FleetStore } from "../store.ts";
import { shortName } from "../view.ts";
import { ackText, confirm, partitionOf } from "./command.ts";
import type { Io } from "./io.ts";
import { LINK, LINK_HELP, withLink } from "./link.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const WAIT_SECONDS = 60;

interface Shape {
  name: string;
  desired: Desired;
  summary: string;
  /** What a person has to type the device's name for. */
  confirm?: true;
}

const SHAPES: Shape[] = [
  { name: "lock", desired: "locked", summary: "locks a partition, or all that are managed" },
  { name: "unlock", desired: "unlocked", summary: "unlocks again" },
  {
    name: "wipe",
    desired: "wiped",
    summary: "wipes a partition, or the whole device (two wipe keys)",
    confirm: true,
  },
];

export const lockVerbs: Verb[] = SHAPES.map((shape) => ({
  name: shape.name,
  usage: "DEVICE [PARTITION]",
  summary: shape.summary,
  help: `It holds until it is changed: a device that is away does it when it connects, whatever its clock says. Waits for the device's answer: status 0
when it did it, 1 when it refused or failed, 6 when no answer came in time.
  --no-wait           is content when the broker has it
  --wait SECONDS      default ${WAIT_SECONDS}
  --dry-run           says what would be sent${
    shape.confirm === true ? "\n  --confirm NAME      the device's name, instead of typing it when asked" : ""
  }
${LINK_HELP}`,
  options: {
    ...LINK,
    ...DRY_RUN,
    "no-wait": { type: "boolean" },
    wait: { type: "string" },
    ...(shape.confirm === true ? { confirm: { type: "string" } } : {}),
  },
  positionalMax: 2,
  run: (parsed, io) => run(shape, parsed, io),
}));

async function run(shape: Shape, parsed: Parsed, io: Io): Promise<number> {
  const { name: verb, desired } = shape;
  const store = storeOf(parsed, io);
  const device = findDevice(store, needed(parsed, 0, "a device", verb));
  const partition = partitionOf({ name: verb, partition: "maybe" }, parsed);
  const wait = parsePositive("wait", parsed.text("wait") ?? String(WAIT_SECONDS), 86_400);
  rootInForce(store);
  await signersFor(store, desired === "wiped" && partition === null ? "wipe" : "command");
  const on = `${escapeText(device.label, 64)} (${shortName(device.name)})`;
  const what = `${verb}${partition === null ? "" : ` ${partition}`} on ${on}`;
  if (parsed.flag("dry-run")) {
    io.say(`would send: ${what}`);
    return EXIT_OK;
  }
  if (shape.confirm === true) await confirm(parsed, io, device, what);
  return withLink(parsed, store, io, async (link) => {
    const issued = await signLock(store, device.name, partition, desired, io.now());
    const { id, epoch, version } = issued.document;
    const facts = { id: toHex(id), verb, device: device.name, partition, version: `${epoch}.${version}` };
    const publish = async (): Promise<void> => publishLock(store, link, issued, io.now());
    if (parsed.flag("no-wait")) {
      await publish();
      if (parsed.flag("json")) io.out(JSON.stringify({ ...facts, status: "sent" }));
      else io.say(`${what} is with the broker, as version ${facts.version}`);
      return EXIT_OK;
    }
    const told = (ack: Ack): void => {
      if (!parsed.flag("json")) io.say(`${shortName(device.name)}: ${ackText(ack)}`);
    };
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(wait * 1000)]);
    const last = await sendAndHear(store, link, { device: device.name, id }, publish, { told, signal, now: io.now });
    if (parsed.flag("json")) {
      io.out(JSON.stringify({ ...facts, status: last?.status ?? "no answer", code: last?.code ?? null }));
    }
    if (last !== null) return last.status === "succeeded" ? EXIT_OK : EXIT_INTERNAL;
    if (io.signal.aborted) return EXIT_LEFT;
    io.say(
      `no answer within ${wait} s; it holds, and the device does it when it connects. See: fleet why ${shortName(device.name)}`,
    );
    return EXIT_TIMEOUT;
  });
}

/** Sends a lock document, and the freshness document that lists it. */
async function publishLock(
  store: FleetStore,
  link: FleetLink,
  issued: Awaited<ReturnType<typeof signLock>>,
  now: number,
): Promise<void> {
  const time = await signFreshness(store, issued.audience, now);
  for (const { topic, envelope } of [rootPublication(store), issued, time]) await link.publish(topic, envelope, true);
}
