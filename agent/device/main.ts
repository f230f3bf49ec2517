// The device's own process: prepares what `pocketvisor up` finds on any computer, then becomes it. Started by boards/device/init.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statfsSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { escapeText } from "../escape.ts";
import { readBoard } from "../handset/board.ts";
import { readHandsetFile } from "../handset/file.ts";
import { boardFile, buildProduct, monitorFolder } from "../paths.ts";
import { readEnrolFile, removeEnrolFile } from "./enrol-file.ts";
import { DeviceError } from "./failure.ts";
import { growTable, openBlockDevice } from "./growth.ts";
import { boardMemory, memoryTotal } from "./memory.ts";
import { Watchdog } from "./watchdog.ts";

const BOOT = "/boot";
const RUN = "/run/pocketvisor";
const ENROL_TRIES = 5;
const ENROL_PAUSE_MS = 3_000;
const COMMAND = buildProduct("pocketvisor.mjs");

const say = (text: string): void => console.error(`device: ${text}`);

/** This device's memory instead of the board's, where it has less: a file over board.json, which lies on a root that nobody can change. */
function fitBoard(name: string): void {
  const board = readBoard(name);
  const total = memoryTotal(readFileSync("/proc/meminfo", "utf8"));
  const { ramBytes, reserveBytes } = boardMemory(board, total);
  if (ramBytes === board.ramBytes) return;
  const path = boardFile(name, "board.json");
  const data = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  mkdirSync(RUN, { recursive: true });
  const fitted = join(RUN, "board.json");
  writeFileSync(fitted, JSON.stringify({ ...data, ram: ramBytes, reserve: reserveBytes }));
  run("mount", ["-o", "bind", fitted, path]);
  say(
    `${Math.floor(ramBytes / 2 ** 20)} MiB of memory, ${Math.floor(reserveBytes / 2 ** 20)} MiB of it kept for the device itself`,
  );
}

/** On a card that is larger than the image, data grows up to its end: the table, the kernel's view of it, then the file system, while it is mounted. */
function grow(): void {
  const root = readdirSync("/sys/class/block/dm-0/slaves")[0];
  if (root === undefined) throw new DeviceError("DEVICE_LAYOUT", "nobody knows on which disk the root lies");
  const folder = dirname(realpathSync(join("/sys/class/block", root)));
  const name = basename(folder);
  const disk = openBlockDevice(join("/dev", name));
  try {
    growTable(disk, Number(readFileSync(join(folder, "size"), "utf8")));
  } finally {
    disk.close();
  }
  const data = readdirSync(folder).find((each) => {
    const path = join(folder, each, "uevent");
    return existsSync(path) && /^PARTNAME=data$/m.test(readFileSync(path, "utf8"));
  });
  if (data === undefined) throw new DeviceError("DEVICE_LAYOUT", `${name} has no partition data`);
  // Each does nothing where nothing is left to do: a cut between them is made up for at the next start.
  const number = readFileSync(join(folder, data, "partition"), "utf8").trim();
  run("partx", ["-u", "-n", number, join("/dev", name)]);
  run("resize2fs", [join("/dev", data)]);
  const { bsize, blocks } = statfsSync("/data");
  say(`data has ${Math.floor((bsize * blocks) / 2 ** 20)} MiB`);
}

/** Joins the fleet of the file on the boot partition, if there is one and the handset has none. */
async function enrol(handset: string, path: string): Promise<void> {
  const file = readEnrolFile(BOOT);
  if (file === null) return;
  if (!existsSync(join(monitorFolder(handset), "governance"))) {
    for (let tries = 1; ; tries++) {
      const args = [COMMAND, "enrol", file.uri, path, "--consent", file.consent];
      if ((await started(args)) === 0) break;
      if (tries === ENROL_TRIES) return say("joined no fleet; the address is tried again at the next start");
      await sleep(ENROL_PAUSE_MS);
    }
  }
  run("mount", ["-o", "remount,rw", BOOT]);
  try {
    removeEnrolFile(BOOT);
  } finally {
    run("mount", ["-o", "remount,ro", BOOT]);
  }
}

/** The exit status of a command of ours. The watchdog is fed meanwhile. */
function started(args: string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    spawn(process.execPath, args, { stdio: "inherit" }).once("error", reject).once("exit", resolve);
  });
}

function run(program: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return;
  const why = escapeText(error?.message ?? stderr, 300);
  throw new DeviceError("DEVICE_PROGRAM", `${program} ${args.join(" ")} failed: ${why}`);
}

const path = process.argv[2] ?? "/etc/pocketvisor/handset.yaml";
// What the file names lies beside it.
process.chdir(dirname(path));
const file = readHandsetFile(path);
const watchdog = Watchdog.open("/dev/watchdog");
if (watchdog === null) say("there is no hardware watchdog: a device that hangs stays so");
process.on("exit", () => watchdog?.close());
fitBoard(file.board);
try {
  grow();
  await enrol(file.name, path);
} catch (error) {
  if (!(error instanceof DeviceError)) throw error;
  say(`${error.message} [${error.code}] ${error.hint}`);
}
process.argv = [process.argv[0]!, COMMAND, "up", path, "--plain"];
await import(pathToFileURL(COMMAND).href);
