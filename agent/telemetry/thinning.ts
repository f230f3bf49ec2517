// Which samples are kept: no more often than the policy asks for, and ever fewer when the day's bytes run out, so that a phone on a metered
// link says little late in the day and never nothing.

import type { TelemetrySettings } from "../agent-messages.ts";
import type { DayFile } from "./day-file.ts";

const DAY_SECONDS = 86_400;
/** From this part of the day's bytes on, one sample in so many. */
const STRIDES: [part: number, stride: number][] = [
  [1, 64],
  [0.95, 16],
  [0.8, 4],
  [0, 1],
];

export class Thinning {
  private readonly file: DayFile | null;
  private settings: TelemetrySettings;
  /** The day that is counted; -1: there was no sample yet. */
  day = -1;
  usedBytes = 0;
  private lastTime = -Infinity;
  private skipped = 0;
  private told = 1;

  /** With a file the day's bytes are counted over restarts. */
  constructor(settings: TelemetrySettings, file: DayFile | null = null) {
    this.settings = settings;
    this.file = file;
    const before = file?.read() ?? null;
    if (before === null) return;
    [this.day, this.usedBytes] = [before.day, before.usedBytes];
    // What was told of this day was told before the restart.
    this.told = this.stride;
  }

  setSettings(settings: TelemetrySettings): void {
    this.settings = settings;
  }

  /** One sample in so many is kept at present. */
  get stride(): number {
    const part = this.settings.bytesPerDay > 0 ? this.usedBytes / this.settings.bytesPerDay : 1;
    return STRIDES.find(([from]) => part >= from)![1];
  }

  /** Whether a sample of this time (seconds since 1970) is kept. A clock that was set back makes it the first of a new count. */
  keeps(time: number): boolean {
    this.turnDay(time);
    const since = time - this.lastTime;
    if (since >= 0 && since < this.settings.sampleSeconds) return false;
    this.lastTime = time;
    if (++this.skipped < this.stride) return false;
    this.skipped = 0;
    return true;
  }

  /** So many bytes were sent. Returns the new stride when thinning became stricter, once for each step of a day. */
  spend(bytes: number): number | null {
    this.usedBytes += bytes;
    if (this.day >= 0) this.file?.note(this, this.settings.bytesPerDay);
    const { stride } = this;
    if (stride <= this.told) return null;
    this.told = stride;
    return stride;
  }

  /** The agent ends: nothing that was used is forgotten. */
  close(): void {
    if (this.day >= 0) this.file?.write({ day: this.day, usedBytes: this.usedBytes });
  }

  private turnDay(time: number): void {
    const day = Math.floor(time / DAY_SECONDS);
    if (day === this.day) return;
    [this.day, this.usedBytes, this.told] = [day, 0, 1];
  }
}
