// fleet enrol: lets a device into the fleet; fleet certificate: a broker's certificate by the fleet's authority.

import { readFileSync, writeFileSync } from "node:fs";
import { consentOf, factsOf } from "../../agent/cli/enrol.ts";
import { EXIT_LEFT, EXIT_OK } from "../../agent/cli/exit-codes.ts";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { HandsetEnrolment, type Joined } from "../../agent/enrolment/handset.ts";
import { escapeText } from "../../agent/escape.ts";
import { UsageError } from "../../agent/failure.ts";
import { brokerAddress, brokerUrl } from "../broker.ts";
import { authorityPem, clientPem, serverPem } from "../certificates.ts";
import { saveDevice, type EnrolledDevice } from "../devices.ts";
import { ALL_QUESTIONS, enrolledAs, EnrolmentServer, grantFor, type EnrolmentTerms } from "../enrolment.ts";
import { FleetError } from "../failure.ts";
import { pinOf } from "../keys.ts";
import { linkProfile } from "../profile.ts";
import { qrLines } from "../qr.ts";
import { keepCertificate } from "../renewals.ts";
import type { FleetStore } from "../store.ts";
import type { Io } from "./io.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

export const enrolVerb: Verb = {
  name: "enrol",
  usage: "[--host NAME] [--port N] | --local HANDSET [--consent LIST]",
  summary: "lets a device into the fleet",
  help: `Prints a one-time address for "pocketvisor enrol" on the phone, and listens for it: one phone, one day, then it is worth nothing.
On a terminal it shows the address as a QR code too.
  --host NAME         how the phone reaches this computer (default 127.0.0.1)
  --listen ADDRESS    where to listen (default: the host)
  --port N            default: any free port
  --broker URL        the broker that the phone is told (default: this computer's own); more of them, separated by commas
  --authorities FILE  PEM of who vouches for the broker's certificate, besides the fleet's own authority
  --ask LIST          what the owner is asked to allow: all (default), none, or a list
  --local HANDSET     a handset of this user on this computer, without network; --consent LIST is its owner's consent (default none),
                      --board NAME its board (default qemu-virt)
  --dry-run           says what would happen`,
  options: {
    ...DRY_RUN,
    ...Object.fromEntries(
      ["host", "listen", "port", "broker", "authorities", "ask", "local", "consent", "board"].map((name) => [
        name,
        { type: "string" as const },
      ]),
    ),
  },
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const terms = termsOf(store, parsed);
    const handset = parsed.text("local");
    if (handset !== null) return local(store, handset, terms, parsed, io);
    return listen(store, terms, parsed, io);
  },
};

function termsOf(store: FleetStore, parsed: Parsed): EnrolmentTerms {
  const path = parsed.text("authorities");
  return {
    brokers: brokersOf(store, parsed.text("broker") ?? linkProfile(store)?.url ?? null),
    questions: parsed.text("ask") === null ? ALL_QUESTIONS : consentOf(parsed.text("ask")!),
    authorities: path === null ? "" : readPem(path),
  };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError("USAGE", `--authorities cannot be read: ${(error as Error).message}`);
  }
}

function brokersOf(store: FleetStore, said: string | null): string[] {
  const urls = said?.split(",") ?? [];
  for (const url of urls) {
    if (!/^(mqtts?|wss?):\/\/[^\s/?#@]+(\/\S*)?$/.test(url)) {
      throw new UsageError("USAGE", `"${escapeText(url, 100)}" is no broker's address`, "Write mqtts://HOST:8883");
    }
  }
  if (urls.length > 0) return urls;
  const address = brokerAddress(store);
  if (address !== null) return [brokerUrl(address)];
  const hint = "Start one (pocketvisor fleet broker), or name one: --broker mqtts://HOST:8883";
  throw new FleetError("FLEET_BROKER", "there is no broker that the device could be told", hint);
}

/** The device lies on this computer, so both sides are done here. */
export async function enrolLocally(
  store: FleetStore,
  handset: string,
  board: string,
  terms: EnrolmentTerms,
  allowed: Joined["allowed"],
  io: Pick<Io, "environment" | "now">,
): Promise<Joined> {
  const now = io.now();
  const enrolment = new HandsetEnrolment(handset, io.environment);
  enrolment.refuseTwice();
  const key = await enrolment.deviceKey();
  const answer = await grantFor(store, key.name, key.publicKey, terms, now);
  saveDevice(store, enrolledAs(key.name, key.publicKey, factsOf(handset, board), now));
  try {
    return await enrolment.join({ tenant: store.tenant, pin: pinOf(store), time: now }, answer, allowed, now);
  } catch (error) {
    // A handset that did not join is no device of the fleet's.
    store.remove("devices", `${key.name}.json`);
    throw error;
  }
}

async function local(
  store: FleetStore,
  handset: string,
  terms: EnrolmentTerms,
  parsed: Parsed,
  io: Io,
): Promise<number> {
  if (!/^[a-z0-9-]{1,32}$/.test(handset))
    throw new UsageError("USAGE", "--local needs a handset's name: a-z, 0-9 and -");
  const allowed = consentOf(parsed.text("consent") ?? "none");
  if (parsed.flag("dry-run")) {
    new HandsetEnrolment(handset, io.environment).refuseTwice();
    io.say(`${handset} would join the fleet ${store.tenant}, with the broker ${terms.brokers.join(", ")}`);
    return EXIT_OK;
  }
  const joined = await enrolLocally(store, handset, parsed.text("board") ?? "qemu-virt", terms, allowed, io);
  if (parsed.flag("json")) io.out(JSON.stringify(joined));
  else io.say(`${handset} is device ${joined.device} of the fleet ${store.tenant}`);
  return EXIT_OK;
}

async function listen(store: FleetStore, terms: EnrolmentTerms, parsed: Parsed, io: Io): Promise<number> {
  const host = parsed.text("host") ?? "127.0.0.1";
  const text = parsed.text("port") ?? "0";
  const port = /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : NaN;
  if (Number.isNaN(port)) throw new UsageError("USAGE", "--port needs a number from 0 to 65535");
  if (parsed.flag("dry-run")) {
    io.say(`would listen at ${host}, and tell one device the broker ${terms.brokers.join(", ")}`);
    return EXIT_OK;
  }
  const server = await EnrolmentServer.listen(store, terms, { host: parsed.text("listen") ?? host, port }, io.now);
  try {
    const came = new Promise<EnrolledDevice | null>((resolve) => {
      server.enrolled = resolve;
      io.signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    server.refused = (why) => io.say(`a request was refused: ${escapeText(why, 200)}`);
    const address = server.address(host);
    io.show?.(qrLines(address));
    io.out(address);
    io.say("on the phone: pocketvisor enrol 'THE ADDRESS ABOVE'; Ctrl-C ends the waiting");
    const device = await came;
    if (device === null) return EXIT_LEFT;
    const { name, label } = device;
    if (parsed.flag("json")) io.out(JSON.stringify({ device: name, label }));
    else io.say(`${escapeText(label, 64)} is device ${name} of the fleet ${store.tenant}`);
    return EXIT_OK;
  } finally {
    await server.close();
  }
}

export const certificateVerb: Verb = {
  name: "certificate",
  usage: "HOST | --client USER  --out NAME",
  summary: "makes a broker's TLS certificate, or one for the fleet's own tools",
  help: `Writes NAME.key, NAME.pem and NAME-authority.pem. The authority also vouches for every device's certificate, so a broker that is given
it as its CA lets devices in, each by its own name.
  --client USER   not a broker's: whom the broker takes for this user, such as the fleet itself`,
  options: { ...DRY_RUN, out: { type: "string" }, client: { type: "string" } },
  positionalMax: 1,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const user = parsed.text("client");
    const host = user ?? needed(parsed, 0, "the broker's host, or --client USER", "certificate");
    const out = parsed.text("out");
    if (out === null) throw new UsageError("USAGE", "--out NAME is missing", "It names the files to write.");
    if (!/^[a-zA-Z0-9.:-]{1,253}$/.test(host)) throw new UsageError("USAGE", "the host is a name or an address");
    if (parsed.flag("dry-run")) {
      io.say(`would write ${out}.key, ${out}.pem and ${out}-authority.pem`);
      return EXIT_OK;
    }
    if (user !== null && /^[0-9a-f]{32}$/.test(user)) throw new UsageError("USAGE", "that is a device's name");
    const make = user === null ? serverPem : clientPem;
    const { key, certificate } = await make(store, host, io.now());
    const files: [string, string, number][] = [
      [`${out}.key`, key, 0o600],
      [`${out}.pem`, certificate, 0o644],
      [`${out}-authority.pem`, await authorityPem(store, io.now()), 0o644],
    ];
    for (const [path, text, mode] of files) {
      try {
        writeFileSync(path, text, { mode, flag: "wx" });
      } catch (error) {
        throw new UsageError(
          "USAGE",
          `${path} cannot be written: ${(error as Error).message}`,
          "Name another with --out",
        );
      }
    }
    keepCertificate(store, `${user === null ? "server" : "client"}-${host}`, certificate);
    io.say(`${out}.key, ${out}.pem and ${out}-authority.pem are written`);
    return EXIT_OK;
  },
};
