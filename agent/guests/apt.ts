// Debian packages of a foreign architecture, through apt, without root and without touching this computer's own apt state.
//
// apt gets its own lists, cache and an empty status file in our cache folder. Sources, keys and proxies are the computer's
// own, so that mirrors keep working and apt checks every signature as it always does.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { readBoundedText } from "../bounded-file.ts";
import { escapeText } from "../escape.ts";
import { GuestError } from "../failure.ts";
import { programPath } from "../paths.ts";

/** Package lists younger than this are not asked for again. */
const LISTS_FRESH_MS = 24 * 3600 * 1000;
const OUTPUT_MAX = 8 << 20;
const SOURCES_BYTES_MAX = 1 << 20;

export interface Apt {
  folder: string;
  architecture: string;
  config: string;
  /** What the lists are fetched from: changes when that does. */
  sources: string;
}

/** Prepares apt's private state under `folder`. `sources` replaces the computer's own sources.list.
 *  Throws GuestError when apt or dpkg-deb is missing. */
export function aptOpen(folder: string, architecture: string, sources: string | null): Apt {
  for (const program of ["apt-get", "apt-cache", "dpkg-deb"]) {
    if (programPath(program) === null) {
      throw new GuestError(
        "GUEST_NO_APT",
        `this computer has no ${program}: guests are fetched from Debian's packages`,
        "Run this on Debian (or in a Debian container), or start an image of your own: pocketvisor run --kernel FILE --initrd FILE.",
      );
    }
  }
  for (const name of ["lists/partial", "cache/archives/partial", "state"]) {
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  }
  writeFileSync(join(folder, "status"), "", { mode: 0o600 });
  const lines = [
    `APT::Architecture "${architecture}";`,
    "#clear APT::Architectures;",
    `APT::Architectures { "${architecture}"; };`,
    `Dir::State "${folder}/state";`,
    `Dir::State::lists "${folder}/lists";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    `Dir::Log "${folder}/state";`,
    'Acquire::Languages "none";',
    // Never fetch what no signature covers, whatever this computer's own settings allow.
    'Acquire::AllowInsecureRepositories "false";',
    'APT::Get::AllowUnauthenticated "false";',
    'Acquire::Retries "2";',
    // Without it, "update" ends with 0 although no list came.
    'APT::Update::Error-Mode "any";',
    `APT::Sandbox::User "${userInfo().username}";`,
    "#clear APT::Update::Pre-Invoke;",
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
  ];
  if (sources !== null) lines.push(`Dir::Etc::sourcelist "${sources}";`, 'Dir::Etc::sourceparts "/dev/null";');
  const config = join(folder, `apt-${architecture}.conf`);
  writeFileSync(config, lines.join("\n") + "\n", { mode: 0o600 });
  const named = sources === null ? "" : sourcesText(sources);
  return { folder, architecture, config, sources: createHash("sha256").update(named).digest("hex") };
}

function sourcesText(path: string): string {
  try {
    return readBoundedText(path, SOURCES_BYTES_MAX);
  } catch (error) {
    throw new GuestError("GUEST_SOURCES", `${escapeText(path)} cannot be read: ${(error as Error).message}`);
  }
}

/** Fetches the package lists unless those that are here are whole, fresh and from the same sources. Returns what went wrong when some lists
 *  could not be fetched and others are there; the next call tries again. Throws GuestError when there are none. */
export async function aptUpdate(
  apt: Apt,
  force: boolean,
  progress: (line: string) => void,
): Promise<GuestError | null> {
  const stamp = join(apt.folder, `updated-${apt.architecture}`);
  if (!force && hasLists(apt) && isFresh(stamp, apt)) return null;
  rmSync(stamp, { force: true });
  progress(`fetching Debian's package lists for ${apt.architecture}`);
  try {
    await aptRun("apt-get", ["-c", apt.config, "-qq", "update"]);
  } catch (error) {
    // One unreachable or half-synchronised source must not stop the others: what they offered is there, and signed. A
    // package that is in no list at all is missed by the caller.
    if (!(error instanceof GuestError) || !hasLists(apt)) throw error;
    progress(`going on without some package lists: ${error.message}`);
    return error;
  }
  if (!hasLists(apt)) {
    const what = `this computer's apt sources offer nothing for ${apt.architecture}`;
    throw new GuestError("GUEST_APT", what, "Name Debian's sources with --sources FILE.");
  }
  writeFileSync(stamp, apt.sources, { mode: 0o600 });
  return null;
}

/** Whether the lists were fetched whole, from the same sources, not long ago. */
function isFresh(stamp: string, apt: Apt): boolean {
  const age = Date.now() - (statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return age >= 0 && age < LISTS_FRESH_MS && readFileSync(stamp, "utf8") === apt.sources;
}

function hasLists(apt: Apt): boolean {
  return readdirSync(join(apt.folder, "lists")).some((name) => name.includes(`_binary-${apt.architecture}_Packages`));
}

export interface PackageRecord {
  name: string;
  version: string;
  depends: string;
  sha256: string;
}

/** The newest version of a package that the signed lists name, or null. */
export async function aptShow(apt: Apt, name: string): Promise<PackageRecord | null> {
  const text = await aptRun("apt-cache", ["-c", apt.config, "--no-all-versions", "show", name], true);
  const field = (key: string): string => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  if (field("Package") === "") return null;
  return { name: field("Package"), version: field("Version"), depends: field("Depends"), sha256: field("SHA256") };
}

/** Downloads a package, checked against the signed lists by apt, and returns its file. */
export async function aptDownload(apt: Apt, record: PackageRecord): Promise<string> {
  const folder = join(apt.folder, "packages");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // apt names the file NAME_VERSION_ARCH.deb with the version's colon escaped.
  const file = join(folder, `${record.name}_${record.version.replaceAll(":", "%3a")}_${apt.architecture}.deb`);
  if (existsSync(file)) return file;
  for (const old of readdirSync(folder)) if (old.startsWith(`${record.name}_`)) rmSync(join(folder, old));
  await aptRun("apt-get", ["-c", apt.config, "-qq", "download", `${record.name}=${record.version}`], false, folder);
  if (existsSync(file)) return file;
  const found = readdirSync(folder).find((name) =>
    name.startsWith(`${record.name}_${record.version.replaceAll(":", "%3a")}_`),
  );
  if (found === undefined) throw new GuestError("GUEST_DOWNLOAD", `apt downloaded no ${record.name}`);
  return join(folder, found);
}

/** Unpacks a package's files into `folder`. */
export async function aptUnpack(file: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await aptRun("dpkg-deb", ["-x", file, folder]);
}

function aptRun(program: string, args: string[], mayFail = false, cwd = "/"): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    });
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length < OUTPUT_MAX) output += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (complaint.length < OUTPUT_MAX) complaint += chunk;
    });
    child.on("error", (error) => reject(new GuestError("GUEST_APT", `${program} did not start: ${error.message}`)));
    child.on("close", (status) => {
      if (status === 0 || mayFail) return resolve(output);
      const errors = complaint.split("\n").filter((line) => line.startsWith("E:"));
      const why = escapeText((errors.length > 0 ? errors.join(" ") : complaint).trim(), 600);
      reject(
        new GuestError(
          "GUEST_APT",
          `${program} ${args.at(-1) ?? ""} failed: ${why}`,
          "Is a Debian mirror reachable from here? `apt-get update` uses the same sources.",
        ),
      );
    });
  });
}
