// pocketvisor up: boots a handset and stays with it.

import { STORAGE_UNIT_BYTES } from "../handset/contracts.ts";
import { existsSync } from "node:fs";
import { controlSocketPath } from "../control-path.ts";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { boardSpec, readBoard } from "../handset/board.ts";
import { readHandsetFile, type HandsetFile, type HandsetPartition } from "../handset/file.ts";
import { powerText } from "../handset/units.ts";
import {
  collectOwnGarbage,
  ControlSocket,
  Monitor as HandsetMonitor,
  type ResolvedPartition,
  TRANSLATION,
  reasonText,
} from "../host/index.ts";
import { boardFile } from "../paths.ts";
import { parseOptions, parsePositive, type OptionTable } from "./arguments.ts";
import { FOLDER_FILE } from "./chosen-handset.ts";
import { EXIT_HUNG, EXIT_INTERNAL, EXIT_LEFT, EXIT_OK, EXIT_TIMEOUT } from "./exit-codes.ts";
import { guestImage } from "./guest-image.ts";
import { writeNewHandset } from "./new-handset.ts";
import { rehearse } from "./rehearsal.ts";
import { canDraw, liveView, type ViewActions } from "./live-view.ts";
import type { HandsetEvent, HandsetView } from "../view.ts";

export const UP_HELP = `usage: pocketvisor up [FILE] [OPTIONS]

Boots the handset that FILE describes (default: ./handset.yaml, else the demo: two Debian partitions under budgets) and stays with it: on a
terminal with a live view, else with one line for each thing that happens. Ctrl-C ends
it in order: power keys are pressed, and whoever is not off in time is cut; a second Ctrl-C cuts at once.

  --until ready      ends again, with status 0, once every partition has reached its shell
  --json             at the end, one JSON object {board, partitions: [{name, state, bootMs, instructions, memory, cpu, energy,
                     translation}]}
  --board NAME       another board than the file's
  --deterministic    virtual time: the same file and inputs give the same run
  --timeout SECONDS  with --until: gives up after this time (default 300), status ${EXIT_TIMEOUT}
  --dry-run          checks file, images and disks, and has budgets and channels admitted, as a start does; starts nothing
  --no-lock          takes no lock on disks: only if nobody else uses them
  --new              writes a commented FILE (default: ./handset.yaml) to begin with, and starts nothing
  --plain            no live view`;

export const UP_OPTIONS: OptionTable = {
  until: { type: "string" },
  json: { type: "boolean" },
  board: { type: "string" },
  deterministic: { type: "boolean" },
  timeout: { type: "string" },
  "dry-run": { type: "boolean" },
  plain: { type: "boolean" },
  new: { type: "boolean" },
  "no-lock": { type: "boolean" },
  help: { type: "boolean" },
};

const TIMEOUT_SECONDS = 300;

/** Runs the command; returns the exit status. */
export async function upCommand(args: string[]): Promise<number> {
  collectOwnGarbage();
  const parsed = parseOptions(args, UP_OPTIONS, 1);
  if (parsed.flag("help")) {
    console.log(UP_HELP);
    return EXIT_OK;
  }
  if (parsed.flag("new")) {
    const path = parsed.positionals[0] ?? FOLDER_FILE;
    writeNewHandset(path);
    console.error(`pocketvisor: ${escapeText(path)} is written; next: pocketvisor up ${escapeText(path)} --dry-run`);
    return EXIT_OK;
  }
  const until = parsed.text("until");
  if (until !== null && until !== "ready") throw new UsageError("USAGE", `--until knows "ready" alone`);
  const timeout = parsed.text("timeout");
  if (timeout !== null && until === null) throw new UsageError("USAGE", "--timeout is for --until ready");
  const seconds = timeout === null ? TIMEOUT_SECONDS : parsePositive("timeout", timeout, 1e6);
  const json = parsed.flag("json");
  const file = readHandsetFile(parsed.positionals[0] ?? standardFile());
  const board = readBoard(parsed.text("board") ?? file.board);
  const resolved = await resolveImages(file);
  if (parsed.flag("dry-run")) {
    for (const { name, ramBytes, overheadBytes } of await rehearse(file, board, resolved))
      console.log(`${name}: ${mebibytes(ramBytes)} RAM + ${mebibytes(overheadBytes)} overhead`);
    console.log(`${escapeText(file.path)} fits ${board.name}; nothing was started`);
    return EXIT_OK;
  }

  const quit = new AbortController();
  // Nobody waits any longer until the guests are off.
  const cut = new AbortController();
  const mode = parsed.flag("deterministic") ? "deterministic" : "realtime";
  const monitor = new HandsetMonitor(
    file,
    board,
    mode,
    (now) => {
      if (now) cut.abort();
      quit.abort("down");
    },
    { lock: !parsed.flag("no-lock") },
  );
  monitor.handset.on("end", () => {
    quit.abort("ended");
    cut.abort();
  });
  const interrupt = (): void => {
    if (quit.signal.aborted) cut.abort();
    quit.abort("interrupted");
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt).on("SIGHUP", interrupt);
  const control = await ControlSocket.listen(controlSocketPath(file.name), monitor);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    say(`pocketvisor: ${file.name} on ${board.title}, ${powerText(boardSpec(board).envelopeMicrowatts)} envelope`);
    for (const note of monitor.notes) say(`  ${note}`);
    const live = !json && until === null && !parsed.flag("plain") && canDraw();
    if (!live) monitor.onRule((rule, text) => say(`  rule ${rule}: ${text}`));
    await monitor.boot(resolved);
    // An image that asks for nothing is still a partition: what it costs is said when it starts.
    for (const { name, memory } of (await monitor.snapshot()).partitions) {
      say(`  ${name}: ${mebibytes(memory.ramBytes)} RAM + ${mebibytes(memory.overheadBytes)} overhead`);
    }
    if (!live) monitor.onEvent((name, event) => tell(say, name, event));
    if (until === "ready") {
      const late = setTimeout(() => quit.abort("timeout"), seconds * 1000);
      const view = await monitor.ready(quit.signal, progress(say)).finally(() => clearTimeout(late));
      if (json) console.log(JSON.stringify(summary(view)));
      return EXIT_OK;
    }
    if (live) await liveView(() => monitor.snapshot(), viewActions(monitor), quit, "end the handset");
    else await untilAborted(quit.signal);
    if (monitor.handset.failure !== null) throw quit.signal.reason;
    if (json) console.log(JSON.stringify(summary(await monitor.snapshot())));
    if (live) monitor.onEvent((name, event) => tell(say, name, event));
    if (!cut.signal.aborted) await monitor.powerOff(cut.signal);
    return quit.signal.reason === "interrupted" ? EXIT_LEFT : EXIT_OK;
  } catch (error) {
    const { failure } = monitor.handset;
    if (failure !== null) {
      say(`pocketvisor: ${escapeText(failure.text, 2000)}`);
      return failure.hung ? EXIT_HUNG : EXIT_INTERNAL;
    }
    if (!quit.signal.aborted || error !== quit.signal.reason) throw error;
    if (error === "timeout") {
      say(`pocketvisor: not every partition was ready within ${seconds} s`);
      return EXIT_TIMEOUT;
    }
    return EXIT_LEFT;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await control.close();
    await monitor.close();
  }
}

/** What is booted without a word: the folder's own handset, else the demo. */
function standardFile(): string {
  return existsSync(FOLDER_FILE) ? FOLDER_FILE : boardFile("handsets", "demo.yaml");
}

async function resolveImages(file: HandsetFile): Promise<ResolvedPartition[]> {
  const resolved: ResolvedPartition[] = [];
  for (const partition of file.partitions) resolved.push({ partition, image: await resolveImage(partition) });
  return resolved;
}

async function resolveImage(partition: HandsetPartition): Promise<ResolvedPartition["image"]> {
  const { append } = partition;
  const base = {
    ramBytes: partition.memoryBytes,
    firmware: null,
    deviceTree: null,
    // What a rehearsal needs of a storage is its size.
    disk:
      partition.storage === null
        ? partition.disk
        : { path: "", readOnly: false, log: { key: "", unitCount: partition.storage / STORAGE_UNIT_BYTES } },
    overhead: partition.overhead,
    translateCodeBytes: translateCodeBytes(partition.translate),
    neon: partition.neon === "on",
    virtio: partition.virtio,
    channels: partition.devices.channels !== "none",
    absent: (["console", "entropy", "balloon", "watchdog"] as const).filter(
      (kind) => partition.devices[kind] === "none",
    ),
  };
  if (partition.guest === null) {
    const kernel = { path: partition.kernel!, sha256: null, offset: null, bssBytes: 0 };
    const initrd = partition.initrd === null ? null : { path: partition.initrd, sha256: null };
    return { ...base, kernel, initrd, commandLine: append };
  }
  const image = await guestImage(partition.guest);
  const { kernel, firmware, initrd } = image;
  if (firmware !== null) return { ...base, kernel, firmware, initrd, commandLine: append };
  const commandLine = ["quiet", image.commandLine, append ?? []].flat().join(" ");
  return { ...base, kernel, initrd, commandLine };
}

function translateCodeBytes(translate: HandsetPartition["translate"]): number {
  if (typeof translate === "number") return translate;
  return translate === "on" ? TRANSLATION.translateCodeBytes : 0;
}

/** Says what has happened, in a line. What rules went wrong is said by whoever listens to them. */
function tell(say: (text: string) => void, name: string, { kind, reason, text, value }: HandsetEvent): void {
  if (kind === "rule") return;
  const detail = kind === "thermal" ? `${value} °C, ${text}` : (text ?? (reason === 0 ? "" : reasonText(reason)));
  say(`  ${name}: ${kind}${detail === "" ? "" : `: ${detail}`}`);
}

function viewActions(monitor: HandsetMonitor): ViewActions {
  return {
    command: (name, positionals, options) => monitor.command(name, positionals, options),
    attach: async (partition, output) => monitor.attach(partition, output),
  };
}

/** Says when a partition becomes ready. */
function progress(say: (text: string) => void): (view: HandsetView) => void {
  const told = new Set<string>();
  return (view) => {
    for (const { name, bootMs } of view.partitions) {
      if (bootMs === null || told.has(name)) continue;
      told.add(name);
      say(`  ${name}: at its shell after ${(bootMs / 1000).toFixed(2)} s`);
    }
  };
}

function summary(view: HandsetView): object {
  return {
    board: view.board,
    partitions: view.partitions.map(({ name, state, bootMs, instructions, memory, cpu, energy, translation }) => ({
      name,
      state,
      bootMs: bootMs === null ? null : Math.round(bootMs),
      instructions,
      memory,
      cpu,
      energy,
      translation,
    })),
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
