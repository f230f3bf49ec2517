// The bytes that telemetry used today, over restarts of the agent: a handset that is started ten times a day has one day's bytes.
//
// It is written whenever another hundredth of the day's bytes is used, so a cut forgets less than that, and a disk sees it some hundred times a
// day. A disk that refuses costs the count over the next restart, and nothing else.

import { readDurable, writeDurably } from "../durable-file.ts";

const FILE_BYTES_MAX = 1024;
const PARTS = 100;

export interface DayUse {
  /** Whole days since 1970, by the samples' own time. */
  day: number;
  usedBytes: number;
}

export class DayFile {
  private readonly path: string;
  private written: DayUse | null = null;
  /** Why the disk refused last; empty when it takes what it is given. */
  trouble = "";

  constructor(path: string) {
    this.path = path;
  }

  /** What was used when it was last written; null: nothing, or a file that is damaged. */
  read(): DayUse | null {
    try {
      const bytes = readDurable(this.path, FILE_BYTES_MAX);
      if (bytes === null) return null;
      const { day, usedBytes } = JSON.parse(Buffer.from(bytes).toString("utf8")) as DayUse;
      if (![day, usedBytes].every((each) => Number.isSafeInteger(each) && each >= 0)) return null;
      return (this.written = { day, usedBytes });
    } catch (error) {
      this.trouble = (error as Error).message;
      return null;
    }
  }

  /** Notes what is used, of so many bytes a day. */
  note({ day, usedBytes }: DayUse, bytesPerDay: number): void {
    const step = Math.max(1, bytesPerDay / PARTS);
    const before = this.written;
    if (before !== null && before.day === day && usedBytes - before.usedBytes < step) return;
    this.write({ day, usedBytes });
  }

  /** Puts it on the disk, however little has changed. */
  write(use: DayUse): void {
    // Also when the disk refuses: it is asked again after the next step, not with every message.
    this.written = { ...use };
    try {
      writeDurably(this.path, Buffer.from(JSON.stringify(use)));
      this.trouble = "";
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }
}
