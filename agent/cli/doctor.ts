// pocketvisor doctor: what this computer has of what pocketvisor can use.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { ENGINE_FLAGS } from "../host/index.ts";
import { buildProduct, cacheFolder, isCheckout, packageVersion, programPath, rootFolder } from "../paths.ts";
import { cachedGuestNames } from "../guests/cache.ts";
import { parseOptions } from "./arguments.ts";
import { EXIT_INTERNAL, EXIT_OK } from "./exit-codes.ts";

export const DOCTOR_HELP = `usage: pocketvisor doctor

Checks what this computer has of what pocketvisor needs or can use. Ends with 1 when something needed is missing.`;

const PROGRAMS: [name: string, use: string][] = [
  ["apt-get", "fetching guests"],
  ["dpkg-deb", "fetching guests"],
  ["xz", "unpacking kernels when they are fetched; without it each start costs the guest 2 billion instructions"],
  ["fallocate", "giving a disk's discarded blocks back"],
  ["qemu-system-arm", "comparing in npm run bench"],
  ["qemu-arm", "npm run oracle"],
];

/** Runs the command; returns the exit status. */
export function doctorCommand(args: string[]): number {
  if (parseOptions(args, { help: { type: "boolean" } }, 0).flag("help")) {
    console.log(DOCTOR_HELP);
    return EXIT_OK;
  }
  let failed = false;
  const check = (good: boolean, needed: boolean, text: string): void => {
    failed ||= needed && !good;
    console.log(`${good ? "ok     " : needed ? "MISSING" : "absent "} ${text}`);
  };
  check(
    Number(process.versions.node.split(".")[0]) >= 20,
    true,
    `Node.js 20 or newer (this is ${process.versions.node})`,
  );
  for (const { name, fault } of productFaults()) check(fault === "", true, fault === "" ? name : `${name}: ${fault}`);
  const unknown = unknownFlags(ENGINE_FLAGS, engineHelp());
  const lacks = `this engine does not know ${unknown.join(", ")}: translation is slower here`;
  check(unknown.length === 0, false, unknown.length === 0 ? "V8 knows the flags that translation sets" : lacks);
  check(folderWritable(cacheFolder()), true, `cache folder ${cacheFolder()} can be written`);
  check(freemem() > 256 << 20, false, `256 MiB of free memory (${Math.round(freemem() / 2 ** 20)} MiB)`);
  for (const [name, use] of PROGRAMS) check(programPath(name) !== null, false, `${name}: ${use}`);
  const guests = cachedGuestNames();
  check(guests.length > 0, false, `cached guests: ${guests.join(", ") || "none; pocketvisor guest fetch linux"}`);
  return failed ? EXIT_INTERNAL : EXIT_OK;
}

/** Every product that the build made together, and what is wrong with it. */
function productFaults(): { name: string; fault: string }[] {
  const cure = isCheckout() ? "npm run build" : "install the package again";
  let manifest: { version: string; products: { name: string; sha256: string }[] };
  try {
    manifest = JSON.parse(readFileSync(buildProduct("manifest.json"), "utf8")) as typeof manifest;
  } catch {
    return [{ name: "build/manifest.json", fault: `cannot be read; ${cure}` }];
  }
  const version = packageVersion();
  const aged = manifest.version === version ? "" : `is of version ${manifest.version}, not ${version}; ${cure}`;
  const faults = manifest.products.map(({ name, sha256 }) => {
    try {
      const hash = createHash("sha256")
        .update(readFileSync(join(rootFolder, name)))
        .digest("hex");
      return { name, fault: hash === sha256 ? "" : `is not what the build made; ${cure}` };
    } catch {
      return { name, fault: `cannot be read; ${cure}` };
    }
  });
  return [{ name: "build/manifest.json", fault: aged }, ...faults];
}

/** What the engine says of its flags. */
function engineHelp(): string {
  return spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8", maxBuffer: 16 << 20 }).stdout ?? "";
}

/** Which of `flags` (with values, or negated) are not in the engine's own list. */
export function unknownFlags(flags: readonly string[], help: string): string[] {
  const known = new Set([...help.matchAll(/^\s+--([a-z0-9-]+)/gm)].map((match) => match[1]!));
  return flags.filter((flag) => {
    const name = flag.replace(/^--/, "").replace(/=.*$/, "");
    return !known.has(name) && !known.has(name.replace(/^no-/, ""));
  });
}

function folderWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
