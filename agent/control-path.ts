// Where handsets of this user listen, and whether it is safe to talk to what listens there: an unlock code goes over that socket.

import { lstatSync, readdirSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { escapeText } from "./escape.ts";
import { HostError, UsageError } from "./failure.ts";
import { stateFolder } from "./paths.ts";

/** What struct sockaddr_un holds, without its zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const HANDSET = /^[a-z0-9-]{1,32}$/;

/** Where a handset's control socket lies: in the user's runtime folder, else under its state. Throws HostError when another user could put a
 *  socket there, and when the path is longer than a socket's can be. */
export function controlSocketPath(handset: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (!HANDSET.test(handset)) {
    const what = `a handset's name has 1 to 32 of the characters a-z, 0-9 and -, not "${escapeText(handset, 40)}"`;
    throw new UsageError("USAGE", what);
  }
  const runtime = runtimeFolder(environment);
  const path =
    runtime === null
      ? join(stateFolder(environment), handset, "control.sock")
      : join(runtime, "pocketvisor", `${handset}.sock`);
  shortPath(path);
  if (runtime !== null) ownFolder(runtime, "XDG_RUNTIME_DIR");
  ownFolder(dirname(path), "the folder of its control socket");
  return path;
}

/** Where a debugger of a partition connects, while one may: beside the handset's control socket. Throws as controlSocketPath() does. */
export function debugSocketPath(
  handset: string,
  partition: string,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  return shortPath(join(dirname(controlSocketPath(handset, environment)), `${handset}.${partition}.gdb`));
}

/** Checks who made the socket at `path`, before anything is said to it. Throws HostError; a socket that is not there is nobody's. */
export function checkSocketOwner(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || (stat.isSocket() && stat.uid === process.geteuid!())) return;
  const what = stat.isSocket() ? `belongs to user ${stat.uid}, not to you` : "is no socket";
  throw new HostError(
    "SOCKET_OWNER",
    `${escapeText(path)} ${what}`,
    "Nothing was sent to it. Remove it, or ask who made it.",
  );
}

/** Names of the handsets that have a socket here; one that was killed leaves its socket behind. */
export function handsetSockets(environment: NodeJS.ProcessEnv = process.env): string[] {
  const runtime = runtimeFolder(environment);
  const folder = runtime === null ? stateFolder(environment) : join(runtime, "pocketvisor");
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  if (runtime !== null) {
    return names
      .filter((name) => name.endsWith(".sock"))
      .map((name) => name.slice(0, -".sock".length))
      .filter(isHandset);
  }
  return names.filter(
    (name) => isHandset(name) && lstatSync(join(folder, name, "control.sock"), { throwIfNoEntry: false }) !== undefined,
  );
}

function isHandset(name: string): boolean {
  return HANDSET.test(name);
}

/** The user's runtime folder; null: there is none. A relative path is to be ignored (XDG base directory specification). */
function runtimeFolder(environment: NodeJS.ProcessEnv): string | null {
  const runtime = environment["XDG_RUNTIME_DIR"];
  return runtime?.startsWith("/") ? runtime : null;
}

/** The path, if a socket can have it. */
function shortPath(path: string): string {
  const length = Buffer.byteLength(path);
  if (length <= SOCKET_PATH_BYTES_MAX) return path;
  throw new HostError(
    "SOCKET_PATH",
    `${escapeText(path)} is too long for a socket: ${length} bytes, ${SOCKET_PATH_BYTES_MAX} at most`,
    "Set XDG_RUNTIME_DIR (without one: XDG_STATE_HOME) to a folder with a shorter path.",
  );
}

/** A folder that is there must be the user's, and nobody else may write it. */
function ownFolder(folder: string, what: string): void {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HostError("SOCKET_FOLDER", `${what} ${escapeText(folder)} cannot be looked at (${code})`);
  }
  if (stat === undefined) return;
  const wrong = !stat.isDirectory()
    ? "is no folder"
    : stat.uid !== process.geteuid!()
      ? `belongs to user ${stat.uid}, not to you`
      : (stat.mode & 0o022) !== 0
        ? "can be written by others"
        : "";
  if (wrong === "") return;
  const hint = `Make it yours alone (chmod 700), or set XDG_RUNTIME_DIR to a folder that is.`;
  throw new HostError(
    "SOCKET_FOLDER",
    `${what} ${escapeText(folder)} ${wrong}: whoever writes there could pose as your handset`,
    hint,
  );
}
