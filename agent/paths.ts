// Where things are: the project's own folders, the user's cache.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root, whether this code runs from build/ (one folder down) or from agent/ (one folder down too). */
export const rootFolder = fileURLToPath(new URL("..", import.meta.url));

/** A product of `npm run build`, such as "machine.wasm". */
export function buildProduct(name: string): string {
  return join(rootFolder, "build", name);
}

/** Whether this is a checkout, which builds itself, or an installed package, which is whole as it is. */
export function isCheckout(): boolean {
  return existsSync(join(rootFolder, "scripts", "bootstrap.mjs"));
}

/** The product's version: package.json is the one place that says it. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(rootFolder, "package.json"), "utf8")) as { version: string }).version;
}

/** A file under boards/. */
export function boardFile(...names: string[]): string {
  return join(rootFolder, "boards", ...names);
}

/** The user's cache folder for pocketvisor (XDG base directory specification). It may not exist yet. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment["XDG_CACHE_HOME"];
  // The specification says that a relative path is to be ignored.
  return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "pocketvisor");
}

/** The user's state folder for pocketvisor (XDG base directory specification). It may not exist yet. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment["XDG_STATE_HOME"];
  return join(base?.startsWith("/") ? base : join(homedir(), ".local", "state"), "pocketvisor");
}

/** Where a running handset keeps what is the monitor's alone. It may not exist yet. */
export function monitorFolder(handset: string, environment: NodeJS.ProcessEnv = process.env): string {
  return join(stateFolder(environment), handset, "monitor");
}

/** Where the keys and layers of encrypted disks are: the monitor's alone. It may not exist yet. */
export function vaultFolder(handset: string, environment: NodeJS.ProcessEnv = process.env): string {
  return join(monitorFolder(handset, environment), "disks");
}

/** Where unlock codes are, as scrypt makes them: the monitor's alone. It may not exist yet. */
export function codeFolder(handset: string, environment: NodeJS.ProcessEnv = process.env): string {
  return join(monitorFolder(handset, environment), "codes");
}

/** Where a handset's agent keeps what is its own. It may not exist yet. */
export function agentFolder(handset: string, environment: NodeJS.ProcessEnv = process.env): string {
  return join(stateFolder(environment), handset, "agent");
}

/** The full path of a program in PATH, or null. */
export function programPath(name: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    if (folder !== "" && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}
