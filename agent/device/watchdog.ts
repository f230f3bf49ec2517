// The hardware watchdog (Linux Documentation/watchdog/watchdog-api.rst): opened, it resets the device unless it is written to in time. Whoever feeds
// it runs on the same event loop as the monitor: a monitor that hangs feeds nobody.

import { closeSync, constants, openSync, writeSync } from "node:fs";

const FEED_MS = 5_000;
/** Written before it is closed, it switches the watchdog off. */
const MAGIC_CLOSE = "V";

export class Watchdog {
  private file: number | null;
  private readonly timer: NodeJS.Timeout;

  private constructor(file: number) {
    this.file = file;
    this.timer = setInterval(() => this.feed(), FEED_MS);
    this.timer.unref();
    this.feed();
  }

  /** Opens it and feeds it from now on; null: there is none. */
  static open(path: string): Watchdog | null {
    try {
      return new Watchdog(openSync(path, constants.O_WRONLY));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENODEV") return null;
      throw error;
    }
  }

  /** Switches it off: the device ends, or its handset does, in order. */
  close(): void {
    if (this.file === null) return;
    clearInterval(this.timer);
    writeSync(this.file, MAGIC_CLOSE);
    closeSync(this.file);
    this.file = null;
  }

  private feed(): void {
    if (this.file !== null) writeSync(this.file, "\n");
  }
}
