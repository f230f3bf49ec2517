// A debugger's door to a partition of a handset: a Unix socket that only the user may open, beside the handset's own.

import { chmodSync, rmSync } from "node:fs";
import { DebugServer } from "../../debug/server.ts";
import type { ConsoleAccess, Door } from "../console/access.ts";

/** The status that a debugger hears of when its guest is not there any more. */
const GONE = 0;

export interface Debugging {
  /** What GDB connects to: target remote PATH. */
  path: string;
  /** Nobody may come any more: the guest goes on. */
  detach: () => void;
}

/** Opens `path` for one debugger at a time. `ended` is called if the handset lets it go. Throws Failure. */
export async function openDebugging(
  consoles: ConsoleAccess,
  door: Door,
  path: string,
  { kill, notice, ended }: { kill: () => void; notice: (line: string) => void; ended: (why: string) => void },
): Promise<Debugging> {
  let server: DebugServer | null = null;
  const close = (): void => {
    void server?.close(GONE);
    server = null;
    rmSync(path, { force: true });
  };
  const { link, leave } = await consoles.debug(door, kill, (why) => {
    close();
    ended(why);
  });
  try {
    rmSync(path, { force: true });
    // Nobody must get in between listening and the change of mode.
    const mask = process.umask(0o177);
    try {
      server = await DebugServer.listen({ path }, link, notice);
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  } catch (error) {
    close();
    await leave();
    throw error;
  }
  return {
    path,
    detach: () => {
      close();
      void leave();
    },
  };
}
