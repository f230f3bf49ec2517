// npm run handset: boots a board's image under QEMU, lets it into this computer's fleet, and stays with it.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, watchFile } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { escapeText } from "../agent/escape.ts";
import { Failure, UsageError } from "../agent/failure.ts";
import { stateFolder } from "../agent/paths.ts";
import { brokerAddress, brokerUrl } from "../fleet/broker.ts";
import { DEFAULT_TENANT, FleetStore } from "../fleet/store.ts";
import { BATTERY, readBattery, writeBattery } from "./handset/battery-page.ts";
import { copyImage, putEnrolment } from "./handset/disk.ts";
import { EmulatedHandset, HOST_ADDRESS } from "./handset/machine.ts";
import { TlsFront } from "./handset/tls-front.ts";
import { ImageBuildError } from "./image/failure.ts";
import { missingPrograms } from "./image/program.ts";
import { root } from "./stale.mjs";

const COMMAND = join(root, "scripts/pocketvisor.mjs");
const COUNT_MAX = 16;
/** What an emulated card has beyond the image: its data grows into that at the first start. */
const CARD_BYTES = 512 << 20;
const BATTERY_POLL_MS = 500;
const HELP = `usage: npm run handset -- [--board qemu-virt] [--image FILE] [--memory 512M] [--battery FILE] [--broker URL] [--consent LIST] [--count N] [--fresh]

Boots the board's image under QEMU as a handset of this computer's fleet: its keys are made at its first start, telemetry comes to the broker, policies
reach it. Ctrl-C presses the power key; a second Ctrl-C cuts the power. Its disk stays for the next time.

  --board NAME     default: qemu-virt; its image is built if it is not there
  --image FILE     another image
  --memory SIZE    RAM of the emulated board (default 512M)
  --battery FILE   JSON {percent, milliamperes, millivolts, charging, celsius}; what is changed in it changes in the handset
  --broker URL     default: this computer's own, which is started if it does not run
  --consent LIST   what its owner allows the fleet (default none)
  --count N        so many handsets (at most ${COUNT_MAX})
  --fresh          forgets the disks of the last time`;

const say = (text: string): void => console.error(`handset: ${text}`);
const children = new Set<ChildProcess>();

function command(words: string[], stdout: "pipe" | "inherit"): ChildProcess {
  const child = spawn(process.execPath, [COMMAND, ...words], { stdio: ["ignore", stdout, 2], detached: true });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** The first line that a command prints. */
async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    // What it says later is read and let go, so that it does not wait for a reader.
    child.stdout!.resume();
    return line;
  }
  throw new ImageBuildError("HANDSET_FLEET", "the fleet's command ended without an answer", "See above what it said.");
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    socket.once("connect", () => done(true)).once("error", () => done(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** The broker's address as handsets see it. One on this computer without TLS gets a front with TLS. */
async function brokerFor(said: string | undefined): Promise<string> {
  let url = said;
  const store = new FleetStore(DEFAULT_TENANT);
  if (url === undefined) {
    if (!store.isMade) await new Promise((done) => command(["fleet", "keys", "init"], "inherit").once("exit", done));
    const known = brokerAddress(store);
    if (known !== null && (await answers("127.0.0.1", known.port))) url = brokerUrl(known);
    else url = (JSON.parse(await firstLine(command(["fleet", "broker", "--json"], "pipe"))) as { url: string }).url;
  }
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "mqtt:" || !["127.0.0.1", "localhost"].includes(hostname)) return url;
  const kept = join(stateFolder(), "emulated", "port");
  const front = await TlsFront.listen(store, HOST_ADDRESS, { host: hostname, port: Number(port || "1883") }, kept);
  return `mqtts://${HOST_ADDRESS}:${front.port}`;
}

interface Wanted {
  image: string;
  memory: string;
  battery: string | undefined;
  broker: string;
  consent: string;
  fresh: boolean;
}

/** Prepares one handset's folder and starts it. */
async function start(name: string, wanted: Wanted): Promise<EmulatedHandset> {
  const folder = join(stateFolder(), "emulated", name);
  const disk = join(folder, "disk.img");
  if (wanted.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(disk)) {
    const enrol = command(
      ["fleet", "enrol", "--host", HOST_ADDRESS, "--listen", "127.0.0.1", "--broker", wanted.broker],
      "pipe",
    );
    const uri = await firstLine(enrol);
    copyImage(wanted.image, `${disk}.new`, CARD_BYTES);
    putEnrolment(`${disk}.new`, uri, wanted.consent);
    renameSync(`${disk}.new`, disk);
  }
  const battery = join(folder, "battery");
  const state = (): void => writeBattery(battery, wanted.battery === undefined ? BATTERY : readBattery(wanted.battery));
  state();
  if (wanted.battery !== undefined) {
    watchFile(wanted.battery, { interval: BATTERY_POLL_MS, persistent: false }, () => {
      try {
        state();
      } catch (error) {
        say((error as Error).message);
      }
    });
  }
  // A socket's path has at most 108 bytes.
  const sockets = mkdtempSync(join(tmpdir(), "pv-"));
  const options = { disk, memory: wanted.memory, battery, socket: join(sockets, "qmp") };
  const handset = new EmulatedHandset(options, (line) => console.log(`${name}: ${escapeText(line, 400)}`));
  void handset.ended.then(() => rmSync(sockets, { recursive: true, force: true }));
  return handset;
}

async function main(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    args,
    options: {
      board: text,
      image: text,
      memory: text,
      battery: text,
      broker: text,
      consent: text,
      count: text,
      fresh: flag,
      help: flag,
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const board = values.board ?? "qemu-virt";
  if (board !== "qemu-virt")
    throw new UsageError("USAGE", `QEMU has no machine for ${escapeText(board, 40)}`, "It emulates qemu-virt.");
  const count = Number(values.count ?? "1");
  if (!Number.isInteger(count) || count < 1 || count > COUNT_MAX)
    throw new UsageError("USAGE", `--count needs 1 to ${COUNT_MAX}`);
  const memory = values.memory ?? "512M";
  if (!/^\d{1,5}[MG]$/.test(memory)) throw new UsageError("USAGE", "--memory needs a size, such as 512M");
  const missing = missingPrograms(["qemu-system-aarch64", "mcopy"]);
  if (missing !== null) throw new ImageBuildError("IMAGE_PROGRAM", missing);
  const image = resolve(values.image ?? join(root, "build/images", `${board}.img`));
  if (!existsSync(image)) {
    if (values.image !== undefined)
      throw new UsageError("USAGE", `${escapeText(image)} is not there`, "Build one: npm run image -- qemu-virt");
    const builder = spawn(process.execPath, [join(root, "scripts/bootstrap.mjs"), "image", board], {
      stdio: ["ignore", 2, 2],
    });
    if ((await new Promise((done) => builder.once("exit", done))) !== 0) return 1;
  }
  const broker = await brokerFor(values.broker);
  const wanted = {
    image,
    memory,
    battery: values.battery,
    broker,
    consent: values.consent ?? "none",
    fresh: values.fresh === true,
  };
  const handsets: EmulatedHandset[] = [];
  let asked = false;
  const end = (): void => {
    for (const handset of handsets) if (asked) handset.cut();
    for (const handset of handsets) if (!asked) void handset.powerOff();
    if (!asked) say("the power key is pressed; once more cuts the power");
    asked = true;
  };
  // Whatever ends this process: no handset goes on without it.
  process.on("exit", () => handsets.forEach((handset) => handset.cut()));
  process.on("SIGINT", end).on("SIGTERM", end).on("SIGHUP", end);
  for (let index = 1; index <= count && !asked; index++) handsets.push(await start(`handset-${index}`, wanted));
  const statuses = await Promise.all(handsets.map((handset) => handset.ended));
  return statuses.every((status) => status === 0) ? 0 : 1;
}

let status = 1;
try {
  status = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Failure || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!known) throw error;
  const { message, code, hint = "" } = error as { message: string; code: string; hint?: string };
  say(`${message} [${code}]${hint === "" ? "" : `\n  ${hint}`}`);
} finally {
  for (const child of children) child.kill("SIGTERM");
}
process.exit(status);
