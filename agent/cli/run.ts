// pocketvisor run: one partition on this terminal.

import { writeFileSync } from "node:fs";
import { DebugServer } from "../debug/server.ts";
import type { DebugTarget } from "../debug/target.ts";
import { escapeText } from "../escape.ts";
import { HostError, ImageError, UsageError } from "../failure.ts";
import {
  type EndReason,
  type PartitionEnd,
  SinglePartition,
  type SinglePartitionOptions,
  memoryText,
  networkSpec,
  type NetworkSpec,
  TRANSLATION,
} from "../host/index.ts";
import { parseForward, parsePort as readPort, PLAIN_NETWORK } from "../handset/network.ts";
import { UnitError } from "../handset/units.ts";
import { parseAddress, parseOptions, parsePositive, parseSize, type OptionTable, type Parsed } from "./arguments.ts";
import {
  EXIT_CODE_TEXT,
  EXIT_DIVERGED,
  EXIT_GUEST_PANIC,
  EXIT_IMAGE,
  EXIT_INTERNAL,
  EXIT_LEFT,
  EXIT_MACHINE_TRAP,
  EXIT_OK,
  EXIT_TIMEOUT,
  EXIT_WATCHDOG,
} from "./exit-codes.ts";
import { guestImage } from "./guest-image.ts";
import { profileText, readSymbols, type parseSymbols } from "./profile-text.ts";
import { statsText } from "./stats-text.ts";
import { attachInput, openOutput } from "./terminal.ts";

export const RUN_HELP = `usage: pocketvisor run [GUEST | --kernel FILE | --firmware FILE] [OPTIONS]

Runs a guest with its console on this terminal. Ctrl-] leaves. When standard input is no terminal, its bytes go to
the guest's console as they are; its end does not end the guest.

  GUEST                a guest from "pocketvisor guest ls"; fetched if it is not cached (default: linux)
  --kernel FILE        zImage, raw Image (with --kernel-offset), ELF, or flat binary (goes to RAM base + 0x10000)
  --kernel-offset N    FILE is a raw Image that goes to RAM base + N, such as 0x208000
  --firmware FILE      lies in flash at address 0 and is entered there; a kernel, initramfs and command line beside it
                       are for it to ask for (fw_cfg)
  --flash FILE         keeps what the guest programs into the second bank of flash, such as EDK2's variables
  --virtio HOW         modern or legacy transport of virtio-mmio (default: legacy for firmware and for ELF files that
                       are not Linux, as QEMU has it; modern for the rest)
  --initrd FILE        initramfs
  --append TEXT        added to the guest's command line; the whole of it for --kernel
  --cmdline TEXT       the whole command line, instead of the guest's own
  --dtb FILE           a compiled device tree instead of the generated one
  --memory SIZE        RAM of the guest (default 64M); the overhead of the machine is printed at the start
  --overhead KIND      caches beside RAM: normal (up to 4 MiB, default) or small (up to 1 MiB with 64M)
  --translate HOW      on: hot guest code is translated to WebAssembly; off (default); verify: the guest runs interpreted
                       and translated at once, in deterministic time and twice the memory, and ends with both states
                       side by side when they differ
  --neon HOW           on (default) or off: whether the guest's processor has Advanced SIMD
  --disk FILE[,ro]     raw disk image, as virtio block device
  --network            the guest has a network: a router, names and the way out of this computer
  --forward PORTS      with a network, PORT:GUEST-PORT of 127.0.0.1 leads to the guest, such as 2222:22; several with commas
  --host PORTS         with a network, these ports of 127.0.0.1 are the guest's at 10.0.2.2; several with commas
  --no-lock            takes no lock on the disk: only if nobody else uses it
  --console PORT       what the terminal shows: pl011 (default) or virtio (the guest's hvc0)
  --machine NAME       virt, the only one so far
  --deterministic      100 instructions are 1 µs, WFI jumps, random numbers and dates are always the same:
                       with the same input, a run repeats bit for bit
  --gdb PORT           the guest waits for gdb-multiarch on this port of 127.0.0.1 (0 picks a free one and prints it):
                       "target remote :PORT". One debugger at a time; the guest continues when it disconnects
  --timeout SECONDS    ends the guest after this time
  --dump-dtb FILE      writes the device tree that the guest would get, and ends
  --profile FILE       writes where the guest spent its instructions, as a table, when it has ended; - is standard error
  --symbols FILE       names for the profile: a System.map, or what nm prints
  --stats FILE         writes counters as JSON when the guest has ended; for people, to standard error, when
                       FILE is - or standard error is a terminal

${EXIT_CODE_TEXT}`;

export const RUN_OPTIONS: OptionTable = {
  kernel: { type: "string" },
  "kernel-offset": { type: "string" },
  firmware: { type: "string" },
  flash: { type: "string" },
  virtio: { type: "string" },
  initrd: { type: "string" },
  append: { type: "string" },
  cmdline: { type: "string" },
  dtb: { type: "string" },
  memory: { type: "string" },
  overhead: { type: "string" },
  translate: { type: "string" },
  neon: { type: "string" },
  disk: { type: "string" },
  network: { type: "boolean" },
  forward: { type: "string" },
  host: { type: "string" },
  "no-lock": { type: "boolean" },
  console: { type: "string" },
  machine: { type: "string" },
  deterministic: { type: "boolean" },
  gdb: { type: "string" },
  timeout: { type: "string" },
  "dump-dtb": { type: "string" },
  profile: { type: "string" },
  symbols: { type: "string" },
  stats: { type: "string" },
  help: { type: "boolean" },
};

const DEFAULT_GUEST = "linux";
const DEFAULT_MEMORY = "64M";
const TIMEOUT_SECONDS_MAX = 2_000_000;

/** Runs the command; returns the exit status. */
export async function runCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, RUN_OPTIONS, 1);
  if (parsed.flag("help")) {
    console.log(RUN_HELP);
    return EXIT_OK;
  }
  const timeout = parsed.text("timeout");
  const timeoutMs = timeout === null ? null : parsePositive("timeout", timeout, TIMEOUT_SECONDS_MAX) * 1000;
  const gdb = parsed.text("gdb");
  const gdbPort = gdb === null ? null : parsePort(gdb);
  // Breakpoints are the interpreter's.
  const debugging = gdbPort === null ? {} : { debug: true, translateCodeBytes: 0 };
  const profileFile = parsed.text("profile");
  const symbols = symbolsOf(parsed.text("symbols"), profileFile);
  const options = { profile: profileFile !== null, ...(await partitionOptions(parsed)), ...debugging };
  const partition = new SinglePartition(options);
  const treeFile = parsed.text("dump-dtb");
  if (treeFile !== null) {
    writeOutput("dump-dtb", treeFile, partition.plan.deviceTree);
    return EXIT_OK;
  }

  if (virtioNews(parsed, partition)) console.error("pocketvisor: virtio-mmio is legacy (--virtio modern changes it)");
  let interrupted = false;
  const leave = (): void => {
    interrupted = true;
    partition.stop("left");
  };
  if (process.stderr.isTTY) console.error(`pocketvisor: ${memoryText(partition.memory)}; Ctrl-] leaves`);
  let debug: DebugServer | null = null;
  const detach = attachInput(partition, leave);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  signals.forEach((signal) => process.on(signal, leave));
  const timer = timeoutMs === null ? null : setTimeout(() => partition.stop("timeout"), timeoutMs);
  let end: PartitionEnd | null = null;
  try {
    end = await partition.run(openOutput(leave), async (target) => {
      if (gdbPort !== null && target !== null) debug = await openDebugger(gdbPort, target);
    });
  } finally {
    await (debug as DebugServer | null)?.close(end === null ? EXIT_INTERNAL : EXITS[end.reason].status);
    if (timer !== null) clearTimeout(timer);
    detach();
  }
  const statsFile = parsed.text("stats");
  if (statsFile !== null) writeStats(statsFile, partition, end);
  if (profileFile !== null) writeProfile(profileFile, end, symbols);
  return report(end, partition, interrupted, timeout);
}

/** Whether the image has brought a transport that nobody asked for. */
function virtioNews(parsed: Parsed, { plan }: SinglePartition): boolean {
  return parsed.text("virtio") === null && plan.firmware.virtio === "legacy";
}

/** A symbol file, read before anything runs. */
function symbolsOf(file: string | null, profile: string | null): ReturnType<typeof parseSymbols> {
  if (file === null) return [];
  if (profile === null) throw new UsageError("USAGE", "--symbols are names for --profile FILE: give both");
  return readSymbols(file);
}

/** A partition whose worker is gone has no profile, and says so. */
function writeProfile(file: string, end: PartitionEnd, symbols: ReturnType<typeof parseSymbols>): void {
  const { profile } = end;
  const text =
    profile === undefined || profile === null
      ? "no profile: the machine did not come to an end of its own\n"
      : profileText(profile, symbols);
  if (file === "-") process.stderr.write(text);
  else writeOutput("profile", file, text);
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new UsageError("USAGE", `--gdb needs a port, 0 to 65535, not "${escapeText(text)}"`);
}

/** Opens the debugger's port, and says where. */
async function openDebugger(port: number, target: DebugTarget): Promise<DebugServer> {
  const server = await DebugServer.listen({ port }, target, (line) => console.error(`pocketvisor: gdb: ${line}`));
  console.error(
    `pocketvisor: gdb: the guest waits, and is interpreted; in gdb-multiarch: target remote 127.0.0.1:${server.port}`,
  );
  return server;
}

async function partitionOptions(parsed: Parsed): Promise<SinglePartitionOptions> {
  const named = parsed.positionals[0] ?? null;
  const kernel = parsed.text("kernel");
  const firmware = parsed.text("firmware");
  if ([named, kernel, firmware].filter((source) => source !== null).length > 1 && !(kernel && firmware && !named)) {
    throw new UsageError("USAGE", "name one of GUEST, --kernel and --firmware");
  }
  const offset = parsed.text("kernel-offset");
  if (offset !== null && kernel === null) throw new UsageError("USAGE", "--kernel-offset needs --kernel");
  const machine = parsed.text("machine") ?? "virt";
  if (machine !== "virt")
    throw new UsageError("USAGE", `there is no machine "${escapeText(machine)}"`, "Machines: virt.");
  const overhead = parsed.text("overhead") ?? "normal";
  if (overhead !== "normal" && overhead !== "small") throw new UsageError("USAGE", "--overhead is normal or small");
  const translate = parsed.text("translate") ?? "off";
  if (translate !== "on" && translate !== "off" && translate !== "verify") {
    throw new UsageError("USAGE", "--translate is on, off or verify");
  }
  const neon = parsed.text("neon") ?? "on";
  if (neon !== "on" && neon !== "off") throw new UsageError("USAGE", "--neon is on or off");
  const verify = translate === "verify";
  if (verify && parsed.text("gdb") !== null) {
    throw new UsageError("USAGE", "--gdb stops one machine, and --translate=verify runs two: they exclude each other");
  }
  const virtio = parsed.text("virtio");
  if (virtio !== null && virtio !== "modern" && virtio !== "legacy") {
    throw new UsageError("USAGE", "--virtio is modern or legacy");
  }
  const console = parsed.text("console") ?? "pl011";
  if (console !== "pl011" && console !== "virtio") throw new UsageError("USAGE", "--console is pl011 or virtio");
  const network = networkOf(parsed, overhead);
  const base = {
    network,
    ramBytes: parseSize("memory", parsed.text("memory") ?? DEFAULT_MEMORY),
    mode: parsed.flag("deterministic") || verify ? "deterministic" : "realtime",
    firmware: firmware === null ? null : { path: firmware, sha256: null },
    flash: parsed.text("flash"),
    virtio,
    deviceTree: parsed.text("dtb"),
    disk: parseDisk(parsed.text("disk")),
    lock: !parsed.flag("no-lock"),
    overhead,
    translateCodeBytes: translate === "off" ? 0 : TRANSLATION.translateCodeBytes,
    neon: neon === "on",
    verify,
    channels: false,
    consolePort: console === "pl011" ? 0 : 1,
    inputIsWhole: process.stdin.isTTY !== true,
  } as const;
  const append = parsed.text("append");
  const commandLine = parsed.text("cmdline");
  if (append !== null && commandLine !== null)
    throw new UsageError("USAGE", "--append and --cmdline exclude each other");
  const initrdPath = parsed.text("initrd");
  const initrd = initrdPath === null ? null : { path: initrdPath, sha256: null };
  if (kernel !== null || firmware !== null) {
    const source =
      kernel === null
        ? null
        : {
            path: kernel,
            sha256: null,
            offset: offset === null ? null : parseAddress("kernel-offset", offset),
            bssBytes: 0,
          };
    return { ...base, kernel: source, initrd, commandLine: commandLine ?? append };
  }
  const image = await guestImage(named ?? DEFAULT_GUEST);
  return {
    ...base,
    kernel: image.kernel,
    firmware: image.firmware,
    initrd: initrd ?? image.initrd,
    commandLine: commandLine ?? ([image.commandLine, append ?? []].flat().join(" ") || null),
  };
}

/** What the guest may reach is what this computer may, but for the computer itself. */
function networkOf(parsed: Parsed, overhead: "normal" | "small"): NetworkSpec | null {
  const forwards = parsed.text("forward");
  const hostPorts = parsed.text("host");
  if (!parsed.flag("network")) {
    if (forwards === null && hostPorts === null) return null;
    throw new UsageError("USAGE", "--forward and --host lead into and out of a network: give --network, too");
  }
  const file = {
    ...PLAIN_NETWORK,
    forwards: (forwards?.split(",") ?? []).map((text) => optionOf("forward", text, parseForward)),
    hostPorts: (hostPorts?.split(",") ?? []).map((text) => optionOf("host", text, readPort)),
  };
  return networkSpec(file, {
    ...{ handset: "run", partition: "pocketvisor", overhead, isWork: false, link: "ethernet", policy: null },
    ...{ nameServers: [], policyBytesPerDay: null, dayFile: null },
  });
}

function optionOf<T>(option: string, text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new UsageError("USAGE", `--${option}: ${error.message}, not "${escapeText(text)}"`);
  }
}

function parseDisk(text: string | null): { path: string; readOnly: boolean } | null {
  if (text === null) return null;
  const readOnly = text.endsWith(",ro");
  const path = readOnly ? text.slice(0, -",ro".length) : text;
  if (path === "") throw new UsageError("USAGE", "--disk needs a file");
  return { path, readOnly };
}

const EXITS: Record<EndReason, { status: number; text: string }> = {
  "power-off": { status: EXIT_OK, text: "" },
  panic: { status: EXIT_GUEST_PANIC, text: "the guest's kernel panicked" },
  "reset-loop": {
    status: EXIT_GUEST_PANIC,
    text: "the guest reset itself three times within seconds, without reading any input",
  },
  watchdog: { status: EXIT_WATCHDOG, text: "the guest's watchdog ran out" },
  timeout: { status: EXIT_TIMEOUT, text: "the time-out elapsed" },
  left: { status: EXIT_LEFT, text: "" },
  trap: {
    status: EXIT_MACHINE_TRAP,
    text: "the machine trapped, which is a defect of pocketvisor that this guest reached",
  },
  diverged: {
    status: EXIT_DIVERGED,
    text: "translated code does not do what interpreted code does, which is a defect of pocketvisor",
  },
  image: { status: EXIT_IMAGE, text: "" },
  refused: { status: EXIT_INTERNAL, text: "" },
};

function report(end: PartitionEnd, partition: SinglePartition, interrupted: boolean, timeout: string | null): number {
  const { status, text } = EXITS[end.reason];
  if (end.reason === "image") throw new ImageError(end.code, end.detail, end.hint);
  if (end.reason === "refused") throw new HostError(end.code, end.detail, end.hint);
  // A divergence is a table.
  const lines = end.detail.split("\n").map((line) => escapeText(line));
  const detail = end.detail === "" ? "" : `: ${lines.join("\n")}`;
  const limit = end.reason === "timeout" ? ` (${timeout} s)` : "";
  if (text !== "") console.error(`\npocketvisor: ${text}${limit}${detail}`);
  if (status === EXIT_OK && process.stderr.isTTY && end.stats !== null) {
    const seconds = (end.stats.wallMs / 1000).toFixed(1);
    console.error(`pocketvisor: powered off after ${seconds} s; ${memoryText(partition.memory)}`);
  }
  return end.reason === "power-off" && interrupted ? EXIT_LEFT : status;
}

function writeStats(file: string, partition: SinglePartition, end: PartitionEnd): void {
  const { user, system } = process.cpuUsage();
  const { stats } = end;
  const record = {
    reason: end.reason,
    ...stats,
    /** Of all instructions, those that translated code executed. */
    translatedShare: stats?.translation?.share ?? null,
    mips: stats === null || stats.busyMs === 0 ? 0 : stats.instructions / stats.busyMs / 1000,
    cpuMs: (user + system) / 1000,
    residentBytes: process.memoryUsage.rss(),
    residentBytesMax: process.resourceUsage().maxRSS * 1024,
    startMs: stats === null ? null : stats.firstInstructionAt - performance.timeOrigin,
    ramBytes: partition.memory.ramBytes,
    overheadBytes: partition.memory.overheadBytes,
    overhead: partition.memory.overhead,
    kernelFormat: partition.plan.format,
  };
  if (file !== "-") writeOutput("stats", file, JSON.stringify(record, null, 2) + "\n");
  if (file === "-" || process.stderr.isTTY) process.stderr.write(statsText(record, stats));
}

function writeOutput(option: string, file: string, data: string | Uint8Array): void {
  try {
    writeFileSync(file, data, { mode: 0o600 });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new UsageError("USAGE_FILE", `--${option} ${escapeText(file)} cannot be written (${why})`);
  }
}
