// The initramfs of the speed bench: the fetched guest's own, and behind it a second archive (Linux unpacks both) with the
// programs of test/perf/speed, compiled here, and Debian's programs with their libraries, fetched as guests are.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { aptDownload, aptOpen, aptShow, aptUnpack, aptUpdate } from "../../agent/guests/apt.ts";
import { guestFolder, readCachedGuest } from "../../agent/guests/cache.ts";
import { CPIO_DIRECTORY, CPIO_FILE, cpioArchive, type CpioEntry } from "../../agent/guests/cpio.ts";
import { Failure, GuestError } from "../../agent/failure.ts";
import { cacheFolder, programPath } from "../../agent/paths.ts";
import { root } from "../stale.mjs";

const SOURCES = join(root, "test/perf/speed");
const COMPILER = "arm-linux-gnueabihf-gcc";
/** Debian armhf's own defaults (ARMv7-A, Thumb-2, VFPv3-D16, hard float) come with the compiler. Contraction is off so that
 *  IEEE 754 fixes every result. */
const FLAGS = ["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-math-errno"];
const PROGRAMS: [name: string, source: string, ...more: string[]][] = [
  ["integer", "integer.c"],
  ["integer-arm", "integer.c", "-marm"],
  ["calls", "calls.c"],
  ["pointer", "pointer.c"],
  ["crc", "crc.c"],
  ["float", "float.c"],
  ["system", "system.c"],
  ["command", "command.c"],
  ["nothing", "nothing.c"],
];
const SCRIPTS = ["script.lua", "script.pl"];

interface PackageManifest {
  architecture: string;
  /** Package → files and folders of it that go into the guest, relative to the root of its file system. */
  files: Record<string, string[]>;
  /** What is compressed, one after the other. */
  corpus: string[];
}

export interface SpeedImage {
  /** The initramfs, for both sides. */
  path: string;
  /** Versions of what was used, for the record. */
  compiler: string | null;
  packages: Record<string, { version: string; sha256: string }>;
  corpus: { bytes: number; sha256: string } | null;
  /** What could not be had, and why: its rows are not measured. */
  missing: { compiler: string | null; packages: string | null };
}

/** Builds the initramfs into a folder that is gone when the process ends. Throws when a program does not compile. */
export async function speedImage(progress: (line: string) => void): Promise<SpeedImage> {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-speed-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const files = new Map<string, Uint8Array>();
  for (const script of SCRIPTS) files.set(`speed/${script}`, readFileSync(join(SOURCES, script)));
  const missing: SpeedImage["missing"] = { compiler: null, packages: null };
  let compiler: string | null = null;
  if (programPath(COMPILER) === null) missing.compiler = `no ${COMPILER} here (Debian: gcc-arm-linux-gnueabihf)`;
  else {
    compiler = spawnSync(COMPILER, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "";
    for (const [name, bytes] of compilePrograms(folder)) files.set(`speed/${name}`, bytes);
  }
  let packages: SpeedImage["packages"] = {};
  let corpus: SpeedImage["corpus"] = null;
  try {
    const fetched = await fetchPrograms(folder, progress);
    for (const [name, bytes] of fetched.files) files.set(name, bytes);
    files.set("speed/corpus", fetched.corpus);
    packages = fetched.packages;
    corpus = { bytes: fetched.corpus.length, sha256: createHash("sha256").update(fetched.corpus).digest("hex") };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    missing.packages = error.message;
  }
  const guest = readCachedGuest("linux")!;
  const path = join(folder, "initramfs.cpio");
  const base = readFileSync(join(guestFolder("linux"), guest.initramfs!.name));
  writeFileSync(path, Buffer.concat([base, archiveOf(files)]));
  return { path, compiler, packages, corpus, missing };
}

function compilePrograms(folder: string): [name: string, bytes: Uint8Array][] {
  return PROGRAMS.map(([name, source, ...more]) => {
    const output = join(folder, name);
    const args = [...FLAGS, ...more, "-o", output, join(SOURCES, source)];
    const { status, stderr } = spawnSync(COMPILER, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${COMPILER} refuses ${source}: ${stderr}`);
    return [name, readFileSync(output)];
  });
}

async function fetchPrograms(
  folder: string,
  progress: (line: string) => void,
): Promise<{ files: [string, Uint8Array][]; packages: SpeedImage["packages"]; corpus: Buffer }> {
  const manifest = JSON.parse(readFileSync(join(SOURCES, "packages.json"), "utf8")) as PackageManifest;
  const apt = aptOpen(join(cacheFolder(), "apt"), manifest.architecture, null);
  await aptUpdate(apt, false, progress);
  const packages: SpeedImage["packages"] = {};
  const files = new Map<string, Uint8Array>();
  for (const [name, wanted] of Object.entries(manifest.files)) {
    const record = await aptShow(apt, name);
    if (record === null) throw new GuestError("GUEST_PACKAGE", `apt knows no package ${name} for armhf`);
    const file = await aptDownload(apt, record);
    if (createHash("sha256").update(readFileSync(file)).digest("hex") !== record.sha256) {
      rmSync(file);
      throw new GuestError("GUEST_DOWNLOAD", `${name} does not have the hash that Debian's lists give`);
    }
    const unpacked = join(folder, "packages", name);
    await aptUnpack(file, unpacked);
    for (const path of wanted) for (const [at, bytes] of filesBelow(unpacked, path)) files.set(at, bytes);
    packages[name] = { version: record.version, sha256: record.sha256 };
  }
  const parts = manifest.corpus.flatMap((path) =>
    [...files].filter(([at]) => at === path || at.startsWith(`${path}/`)).map(([, bytes]) => bytes),
  );
  return { files: [...files], packages, corpus: Buffer.concat(parts) };
}

/** A file, or all files of a folder in the order of their names; links inside the package are followed. */
function filesBelow(unpacked: string, path: string): [string, Uint8Array][] {
  const real = realpathSync(join(unpacked, path));
  if (!real.startsWith(`${realpathSync(unpacked)}/`))
    throw new GuestError("GUEST_PACKAGE", `${path} leaves its package`);
  if (!statSync(real).isDirectory()) return [[path, readFileSync(real)]];
  return readdirSync(real)
    .sort()
    .flatMap((name) => filesBelow(unpacked, join(path, name)));
}

/** The archive with every folder that leads to a file. */
function archiveOf(files: Map<string, Uint8Array>): Buffer {
  const folders = new Set<string>();
  for (const name of files.keys()) {
    for (let at = dirname(name); at !== "."; at = dirname(at)) folders.add(at);
  }
  const entries: CpioEntry[] = [...folders].sort().map((name) => ({ name, mode: CPIO_DIRECTORY | 0o755 }));
  for (const [name, data] of files) entries.push({ name, mode: CPIO_FILE | 0o755, data });
  return cpioArchive(entries);
}
