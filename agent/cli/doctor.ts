// pocketvisor doctor: what this computer has of what pocketvisor can use.

import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { freemem } from "node:os";
import { buildProduct, cacheFolder, programPath } from "../paths.ts";
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
  for (const product of ["machine.wasm", "handset-worker.mjs", "io-worker.mjs"]) {
    check(existsSync(buildProduct(product)), true, `build/${product}`);
  }
  check(folderWritable(cacheFolder()), true, `cache folder ${cacheFolder()} can be written`);
  check(freemem() > 256 << 20, false, `256 MiB of free memory (${Math.round(freemem() / 2 ** 20)} MiB)`);
  for (const [name, use] of PROGRAMS) check(programPath(name) !== null, false, `${name}: ${use}`);
  const guests = cachedGuestNames();
  check(guests.length > 0, false, `cached guests: ${guests.join(", ") || "none; pocketvisor guest fetch linux"}`);
  return failed ? EXIT_INTERNAL : EXIT_OK;
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
