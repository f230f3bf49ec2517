// Options and opening of the operator's session, for every verb that needs one.

import type { OptionTable, Parsed } from "../../agent/cli/arguments.ts";
import { heardTimes } from "../broker.ts";
import { FleetBook } from "../book.ts";
import { signAllFreshness } from "../freshness.ts";
import { allIssued, rootChain, rootPublication } from "../documents.ts";
import { endingCertificates, renewals } from "../renewals.ts";
import { FleetError } from "../failure.ts";
import { FleetObserver } from "../observer.ts";
import { brokerOptions, FleetLink } from "../link.ts";
import type { LinkProfile } from "../profile.ts";
import type { FleetStore } from "../store.ts";
import { TimeAnswers } from "../time-answers.ts";
import { base } from "../topics.ts";
import type { Io } from "./io.ts";

export const LINK: OptionTable = {
  broker: { type: "string" },
  authorities: { type: "string" },
  certificate: { type: "string" },
  key: { type: "string" },
};

export const LINK_HELP = `  --broker URL        another broker than the profile's, or this computer's own: mqtts://HOST:8883
  --authorities FILE  PEM: who may have signed its certificate; --certificate FILE, --key FILE: who the fleet is`;

const QUIET_ROUNDS = 2;

/** What a person said of the broker. */
export function saidOf(parsed: Parsed): LinkProfile {
  return {
    url: parsed.text("broker"),
    authorities: parsed.text("authorities"),
    certificate: parsed.text("certificate"),
    key: parsed.text("key"),
  };
}

/** Opens a session, and closes it when `body` is done. */
export async function withLink<T>(
  parsed: Parsed,
  store: FleetStore,
  io: Io,
  body: (link: FleetLink) => Promise<T>,
): Promise<T> {
  const options = brokerOptions(store, saidOf(parsed));
  for (const line of endingCertificates(store, io.now())) io.say(`warning: ${line}`);
  const link = await FleetLink.connect(options);
  try {
    answerQuestions(store, link, io);
    return await body(link);
  } finally {
    await link.close();
  }
}

/** While a session is open, devices that ask are told what time it is, if the session hears their births: without it they carry out no command. */
function answerQuestions(store: FleetStore, link: FleetLink, io: Io): void {
  const answers = new TimeAnswers(store, {
    publish: (topic, payload) => link.publishOnce(topic, payload),
    now: io.now,
    trouble: io.say,
  });
  link.listen((topic, payload) => void answers.receive(topic, payload).catch(() => undefined));
}

/** Hears the births of all devices, in a session that has no other reason to: see answerQuestions(). */
export const hearBirths = (store: FleetStore, link: FleetLink): Promise<void> =>
  link.alsoSubscribe([`${base(store.tenant)}/+/up/state`]);

/** Publishes everything that devices should have, with fresh freshness documents. Returns how many documents. */
export async function publishAll(store: FleetStore, link: FleetLink, now: number): Promise<number> {
  await signAllFreshness(store, now, 0);
  const all = [...rootChain(store), rootPublication(store), ...allIssued(store), ...(await renewals(store, now))];
  for (const { topic, envelope } of all) await link.publish(topic, envelope, true);
  return all.length;
}

/** A book with what the broker keeps. No packet says that this was all; so the fleet sends itself a marker, again and again, until two of them have
 *  come back with nothing between: every wait is for a message, none for a time. Throws FLEET_BROKER when the session ends. */
export async function keptBook(store: FleetStore, link: FleetLink, io: Io): Promise<FleetBook> {
  const book = new FleetBook(store, heardTimes(store));
  const observer = new FleetObserver(store, book);
  const marker = `${base(store.tenant)}/fleet/marker`;
  const filters = ["state", "rep", "rep/+"].map((what) => `${base(store.tenant)}/+/up/${what}`);
  let [isQuiet, quietCount] = [true, 0];
  await new Promise<void>((resolve, reject) => {
    const lost = new FleetError("FLEET_BROKER", "the broker has closed the connection", "Run it again.");
    void link.ended.then(() => reject(lost));
    io.signal.addEventListener("abort", () => resolve(), { once: true });
    const mark = (): void => void link.publish(marker, new Uint8Array(1), false).catch(reject);
    const received = (topic: string, payload: Uint8Array, retained: boolean): void => {
      if (topic !== marker) {
        isQuiet = false;
        observer.receive(topic, payload, retained, io.now());
        return;
      }
      quietCount = isQuiet ? quietCount + 1 : 0;
      isQuiet = true;
      if (quietCount === QUIET_ROUNDS) resolve();
      else mark();
    };
    link.subscribe([...filters, marker], received).then(mark, reject);
  });
  return book;
}
