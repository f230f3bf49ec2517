// One-shot commands: signed, sent to one device, answered by acks. A command is told apart by its id, which the device keeps until the command
// has expired; so sending it twice does it once.

import { nodeCrypto } from "../agent/identity/crypto.ts";
import { fromHex } from "../agent/wire/bytes.ts";
import type { Ack, Command, Verb } from "../agent/wire/commands.ts";
import { needsWipeRole } from "../agent/wire/scope.ts";
import { sign1, signMany } from "../agent/wire/sign.ts";
import { answers, FleetBook } from "./book.ts";
import { claimsOf } from "./documents.ts";
import type { EnrolledDevice } from "./devices.ts";
import { FleetError } from "./failure.ts";
import { FleetObserver } from "./observer.ts";
import { rootInForce, signersFor } from "./keys.ts";
import type { FleetLink } from "./link.ts";
import type { FleetStore } from "./store.ts";
import { base, documentTopic } from "./topics.ts";
import { nextVersion } from "./versions.ts";

export interface SignedCommand {
  document: Command;
  envelope: Uint8Array;
  topic: string;
}

/** Nothing comes after one of these. */
const LAST: ReadonlySet<Ack["status"]> = new Set([
  "succeeded",
  "failed",
  "rejected",
  "expired",
  "cancelled",
  "timed-out",
]);
export const isLast = ({ status }: Ack): boolean => LAST.has(status);

/** Signs a command for `seconds`. Throws FLEET_KEYS: a wipe needs two wipe keys. */
export async function signCommand(
  store: FleetStore,
  device: EnrolledDevice,
  verb: Verb,
  partition: string | null,
  now: number,
  seconds: number,
): Promise<SignedCommand> {
  const audience = fromHex(device.name)!;
  const claims = claimsOf(store, audience, nextVersion(store, "cmd", device.name), now, seconds);
  const document: Command = { ...claims, verb, ...(partition === null ? {} : { partition }) };
  const signers = await signersFor(store, needsWipeRole(verb) ? "wipe" : "command");
  const envelope =
    signers.length === 1
      ? await sign1("cmd", document, signers[0]!, nodeCrypto)
      : await signMany("cmd", document, signers, nodeCrypto);
  return { document, envelope, topic: documentTopic(store.tenant, audience, "cmd") };
}

/** Checks that the keys for a verb are here, before a person is asked for anything. Throws FLEET_KEYS. */
export async function checkKeys(store: FleetStore, verb: Verb): Promise<void> {
  rootInForce(store);
  await signersFor(store, needsWipeRole(verb) ? "wipe" : "command");
}

/** Sends something that a device answers, and gives every ack to `told` until the last, the end of `signal`, or the end of the session. Null: no last
 *  ack came. `publish` gives it to the broker. */
export async function sendAndHear(
  store: FleetStore,
  link: FleetLink,
  { device, id }: { device: string; id: Uint8Array },
  publish: () => Promise<void>,
  { told, signal, now }: { told: (ack: Ack) => void; signal: AbortSignal; now: () => number },
): Promise<Ack | null> {
  const observer = new FleetObserver(store, new FleetBook(store));
  let end: (ack: Ack | null) => void = () => {};
  const last = new Promise<Ack | null>((resolve) => (end = resolve));
  const stop = (): void => end(null);
  signal.addEventListener("abort", stop, { once: true });
  try {
    // Before the command goes out: an ack is not kept by the broker.
    // And whatever asks for the time is answered in this session: without it the device carries out nothing.
    const filters = ["ack", "state"].map((what) => `${base(store.tenant)}/${device}/up/${what}`);
    await link.subscribe(filters, (at, payload, retained) => {
      const taken = observer.receive(at, payload, retained, now());
      if (taken?.news.kind !== "ack" || taken.entry.enrolled.name !== device) return;
      if (!answers(taken.news.ack, id)) return;
      told(taken.news.ack);
      if (isLast(taken.news.ack)) end(taken.news.ack);
    });
    await publish();
    if (signal.aborted) return null;
    const lost = new FleetError(
      "FLEET_BROKER",
      "the broker has closed the connection",
      "The command may still arrive.",
    );
    return await Promise.race([
      last,
      link.ended.then(() => {
        throw lost;
      }),
    ]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The same for a command. */
export function sendCommand(
  store: FleetStore,
  link: FleetLink,
  command: SignedCommand,
  told: (ack: Ack) => void,
  signal: AbortSignal,
  now: () => number,
): Promise<Ack | null> {
  const to = { device: command.topic.split("/")[3]!, id: command.document.id };
  return sendAndHear(store, link, to, () => publishCommand(link, command, now()), { told, signal, now });
}

/** Sends a command, and waits for the broker alone. */
export async function publishCommand(
  link: FleetLink,
  { document, envelope, topic }: SignedCommand,
  now: number,
): Promise<void> {
  await link.publish(topic, envelope, false, Math.max(1, document.expires - now));
}
